"""A number stands where a value is missing.

## What it checks
Number columns hold no numbers that raster formats use for "no data" (`values`), as far as they are no
possible values of the column, or farther from all other values than these are apart (AP 9999 beside 300 to
600), and nothing of 10¹⁹ or more, or below 10⁻³⁰ but not 0. Elevations of 0 m and less beside others that are
all above 500 m count as missing. Words in text columns are the matter of SCH012.

## Why
-9999 is a number to every program: one of them moves the mean of a hundred elevations by 150 m.

## Example
ELE_MIN -32768: the no-data value of the elevation model.

## How to fix
Set the cells to NULL (QGIS field calculator: `NULL`), or compute the values anew (`rogi attributes`).

## Reference
No-data values in use in GeoTIFF, SRTM, NetCDF and shapefile exports.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import as_text
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.attributes import numeric
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "ATT009",
    "sentinel-value",
    Severity.WARNING,
    Evidence.VERIFIED,
    tuple(Need(role, any_of=numeric()) for role in Role),
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        for name in numeric():
            if name not in context.layer(role).columns:
                continue
            found = context.quantity(role, name)
            values, missing = found.numbers, found.missing
            if name == "area" and context.crs(role) is not None:
                missing = missing & (values != 0)  # ATT001 compares zeros with the polygon
            rows = np.flatnonzero(missing)
            messages = [
                f"{as_text(v)} marks a missing value; leave the cell empty (null)" for v in values[rows]
            ]
            yield Rows(role, rows, messages, field=context.column_name(role, name), value=values[rows])


def good() -> Inventory:
    """9999 mm of precipitation is extreme, but possible."""
    return examples.with_values(examples.tprogi(), Role.OUTLINE, "AP", {0: 9999.0})


def bad() -> Bad:
    """The no-data value of SRTM."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ELE_MIN", {0: -32768.0})
    return Bad(inventory, {Role.OUTLINE: (0,)})
