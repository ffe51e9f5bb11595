"""A primary ID is readable but not in the 18-character form, or has blanks or characters that are not seen.

## What it checks
IDs are written as `RGU384455N1092526W`: prefix, six digits of latitude, `N` or `S`, seven digits of
longitude, `E` or `W`, 18 characters. Found are

* a longitude of six digits, 17 characters (the form of the whole Swiss inventory);
* longitude first;
* zeros lost, at the front or at the end, because the digits were once a number;
* zeros too many, lower case, blanks, separators, a decimal point;
* blanks at the start or end, no-break spaces and invisible characters (zero-width space, byte order mark),
  also in IDs of other forms;
* IDs of other forms that differ from another one in case only.

## Why
IDs are compared as text: `RGU465071N084471E` and `RGU465071N0084471E` are the same unit, and do not match.
A table that is joined by ID loses the units whose ID ends in a blank, and nobody sees why.

## Example
    'RGU465071N084471E' has six digits of longitude; the 18-character form is 'RGU465071N0084471E'

## How to fix
`rogi validate --fix safe` rewrites what can be read without doubt; `rogi id repair` does so for a column. IDs
that have lost zeros have more than one reading: there the marker's position decides (`--fix unsafe`).

## Reference
Format: data description of the La Sal inventory (Utah). Variants: primary markers of the Swiss inventory
(RoGI-CH, Valais) before and after their repair in January 2025.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.ids.keys import Objects, all_as_keyed, odd_ids, raw_ids
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_values
from rogi.rules.primary_ids import WITH_ID
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("PID002", "id-not-canonical", Severity.WARNING, Evidence.VERIFIED, WITH_ID, fix="safe")

FAULTS = {
    IdForm.LOWER_CASE: "is in lower case",
    IdForm.SEPARATED: "has blanks, separators or a decimal point",
    IdForm.EXTRA_ZEROS: "has too many zeros",
    IdForm.SWISS17: "has six digits of longitude",
    IdForm.DECIMALS: "has not four decimals",
    IdForm.LOST_ZEROS: "has lost zeros",
    IdForm.SWAPPED: "has the longitude first",
}


def check(context: Context) -> Iterator[Rows]:
    if all(all_as_keyed(context.values(role, "primary_id")) for role in context.targets):
        return
    raw = [raw_ids(context.values(role, "primary_id").tolist()) for role in context.targets]
    for role, given, odd in zip(context.targets, raw, odd_ids(raw), strict=True):
        ids = context.primary_ids(role)
        known = ids.parsed & (ids.form != IdForm.CANONICAL)
        yield _unseen(context, role, given, {row: said for row, said in odd.items() if not known[row]})
        rows = np.flatnonzero(known)
        messages = [
            f"{quoted(ids.text[i])} {FAULTS.get(ids.form[i], 'is written in another way')}; "
            + (
                f"it can be read as {ids.canonical[i]!r}, but also otherwise, as digits were lost"
                if ids.ambiguous[i]
                else f"the 18-character form is {ids.canonical[i]!r}"
            )
            for i in rows
        ]
        yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def _unseen(context: Context, role: Role, given: Objects, odd: dict[int, str]) -> Rows:
    """Rows whose ID differs from what it looks like."""
    rows = np.array(sorted(odd), dtype=np.int64)
    messages = [f"{quoted(given[i])} {odd[i]}" for i in rows.tolist()]
    column = context.column_name(role, "primary_id")
    return Rows(role, rows, messages, field=column, value=given[rows])


def good() -> Inventory:
    return tprogi()


def bad() -> Bad:
    swiss, swapped, lower = "RGU469000N106000E", "RGU0106100E469000N", "rgu469000n0106200e"
    return Bad(
        with_values(rgik(), Role.MARKER, "PrimaryID", {0: swiss, 1: swapped, 2: lower}),
        {Role.MARKER: (0, 1, 2)},
    )
