"""A primary ID cannot be read.

## What it checks
Every primary ID that is not null can be read as prefix, latitude and longitude: `RGU` or `RGS`, digits and
`N` or `S`, digits and `E` or `W`. Other ways to write one that are still understood (lower case, longitude
first, lost zeros) are the matter of PID002, missing IDs that of SCH011. A placeholder such as `unknown` is a
warning: it is a missing ID that was given a name.

## Why
The ID names the unit across files and versions, and says where it is.

## Example
    'RG469000N0106000E' is no primary ID; an ID is like RGU384455N1092526W (RGU or RGS, six digits of
    latitude, N or S, seven digits of longitude, E or W)

## How to fix
`rogi validate --fix unsafe` makes the ID from the marker's position; by hand, `rogi id make --lat 38.4455
--lon -109.2526`. If the column holds IDs of another kind, keep them as working IDs in a column of their own.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; the format is spelt out in the data
description of the La Sal inventory (Utah).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.ids.readings import IdForm
from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import is_placeholder, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.primary_ids import WITH_ID
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("PID001", "id-malformed", Severity.ERROR, Evidence.DERIVED, WITH_ID, fix="unsafe")

ALLOWED = (
    "an ID is like RGU384455N1092526W (RGU or RGS, six digits of latitude, N or S, "
    "seven digits of longitude, E or W)"
)


def check(context: Context) -> Iterator[Rows]:
    none = context.placeholders()
    for role in context.targets:
        ids = context.primary_ids(role)
        bad = np.flatnonzero(ids.form == IdForm.UNPARSABLE)
        named = np.array([is_placeholder(t, none) for t in ids.text[bad]], dtype=bool)
        field = context.column_name(role, "primary_id")
        rows = bad[~named]
        messages = [f"{quoted(t)} is no primary ID; {ALLOWED}" for t in ids.text[rows]]
        yield Rows(role, rows, messages, field=field, value=ids.text[rows])
        rows = bad[named]
        messages = [f"{quoted(t)} stands where the primary ID should be; {ALLOWED}" for t in ids.text[rows]]
        yield Rows(role, rows, messages, field=field, value=ids.text[rows], severity=Severity.WARNING)


def good() -> Inventory:
    return rgik(origin=(-70.02, -33.1))


def bad() -> Bad:
    return Bad(
        with_values(rgik(), Role.OUTLINE, "PrimaryID", {1: "unknown", 3: "RG469000N0106000E"}),
        {Role.OUTLINE: (1, 3)},
    )
