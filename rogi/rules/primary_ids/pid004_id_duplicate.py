"""Several units have the same primary ID.

## What it checks
Each primary ID occurs once among the primary markers, and once among the outlines where the schema has one
outline for each unit (TPRoGI), or the table does not say which outline is of which type. Where it does, units
may have an extended and a restricted outline, and REL004 looks at those.
IDs are compared by what they say: the 17-character and the 18-character form of an ID are one. Nulls and
placeholders such as `unknown` are not IDs.

## Why
The ID is the name of the unit. With two units of one name, outlines, reviews and moving areas go to the
wrong one, and a comparison of versions reports changes that never happened.

## Example
    primary ID 'RGU304000N0906000E' is that of 2 features; row 17 has it too

## How to fix
If the features are one unit mapped twice, remove one. If they are two units whose markers lie within 11 m
(PID005), move one marker and make its ID anew.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; all 603 outlines of the published 12
areas match one marker by ID (doi 10.5281/zenodo.15467203).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.inventory.ids.primary_id import ParsedIds, units
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import folded, is_placeholder, quoted, schema_of
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_values
from rogi.rules.rule import Bad, CannotCheck, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID004",
    "id-duplicate",
    Severity.ERROR,
    Evidence.SECONDARY,
    (Need(Role.MARKER, ("primary_id",)), Need(Role.OUTLINE, ("primary_id",))),
)


def check(context: Context) -> Iterator[Rows]:
    none = context.placeholders()
    looked_at = [role for role in context.targets if _one_each(context.layer(role))]
    if not looked_at:
        raise CannotCheck("outlines of several types may have one ID; REL004 looks at those")
    for role in looked_at:
        layer = context.layer(role)
        ids = context.primary_ids(role)
        codes = _codes(ids, none)
        present = np.flatnonzero(codes >= 0)
        counts = np.bincount(codes[present])
        rows = present[counts[codes[present]] > 1]
        if not len(rows):
            continue
        other = _next_of_group(rows, codes[rows])
        many = counts[codes[rows]]
        messages = [
            f"primary ID {quoted(ids.text[i])} is that of {k} features; row {layer.rows[j]} has it too"
            for i, j, k in zip(rows, other, many, strict=True)
        ]
        yield Rows(
            role,
            rows,
            messages,
            field=context.column_name(role, "primary_id"),
            value=ids.text[rows],
            other=other,
        )


def _one_each(layer: Layer) -> bool:
    """Whether each unit has one feature in a layer."""
    field = schema_of(layer).field("primary_id")
    unique = field is not None and field.unique
    return layer.role is Role.MARKER or unique or not layer.has("outline_type")


def _codes(ids: ParsedIds, none: frozenset[str]) -> NDArray[np.int64]:
    """(n,) equal for IDs that say the same; -1 where there is none."""
    # numbers are much faster to compare than texts
    key = np.full(len(ids), -1, dtype=np.int64)
    read = ids.parsed
    width = 2 * 10**7  # seven digits of longitude, either sign
    key[read] = (units(ids.latitude[read]) + 10**6) * width + units(ids.longitude[read]) + 10**7
    key[read] = 2 * key[read] + (ids.prefix[read] == "RGS")
    codes = np.asarray(pd.factorize(key)[0], dtype=np.int64)
    codes[~read] = -1
    odd = np.flatnonzero(ids.form == IdForm.UNPARSABLE)
    names = np.array([None if is_placeholder(t, none) else folded(t) for t in ids.text[odd]], dtype=object)
    other = np.asarray(pd.factorize(names, use_na_sentinel=True)[0], dtype=np.int64)
    codes[odd] = np.where(other >= 0, other + len(ids), -1)
    return codes


def _next_of_group(rows: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row the next one of its group, for the last the first."""
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    start = np.r_[True, sorted_group[1:] != sorted_group[:-1]]
    first = np.flatnonzero(start)
    following = np.arange(1, len(order) + 1)
    following[np.r_[first[1:] - 1, len(order) - 1]] = first
    out = np.empty_like(rows)
    out[order] = rows[order[following]]
    return out


def good() -> Inventory:
    # two outlines have each ID: the extended and the restricted one; null is no ID
    return with_values(rgik(4), Role.MARKER, "PrimaryID", {2: None, 3: None})


def bad() -> Bad:
    inventory = tprogi(4)
    first = _first_id(inventory)
    return Bad(with_values(inventory, Role.MARKER, "ID", {3: first.lower()}), {Role.MARKER: (0, 3)})


def _first_id(inventory: Inventory) -> str:
    """The ID of the first marker."""
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    return str(layer.frame["ID"].iloc[0])
