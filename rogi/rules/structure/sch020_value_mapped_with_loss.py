"""Values of a dialect become terms that say less or something else.

## What it checks
Where the dialect of the inventory maps its own values to terms of the schema, and the mapping is not exact:
the value says more than the term (*narrower*), or could also mean another term (*ambiguous*). One finding
per column lists the values that occur.

## Why
Information only. All checks and comparisons use the mapped terms; a result that rests on an ambiguous
mapping should be read with that in mind.

## Example
    2 values are mapped with loss: 'yes' to 'Yes (ongoing)' (5 rows, ambiguous: could also be a completed
    destabilisation)

## How to fix
Nothing, unless the mapping is wrong for your inventory: then write a dialect with the right one.

## Reference
The pages of the dialects under *Schemas* give each mapping with its source.
"""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import shapely

from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Match, Role

RULE = RuleInfo("SCH020", "value-mapped-with-loss", Severity.INFO, Evidence.VERIFIED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        for concept in layer.dialect.values if layer.dialect else ():
            if concept not in layer.columns:
                continue
            column = layer.columns[concept]
            mapping = layer.value_map(concept)
            found = context.distinct(role, column)
            counts = np.bincount(found.codes[~found.null], minlength=len(found.text))
            lost = []
            for text, count in zip(found.text, counts, strict=True):
                target = mapping.get(folded(text))
                if target is not None and target.match is not Match.EXACT:
                    note = f": {target.note}" if target.note else ""
                    to = repr(target.to) if target.to is not None else "no value"
                    many = f"{count} row{'' if count == 1 else 's'}"
                    lost.append(f"{quoted(text)} to {to} ({many}, {target.match.value}{note})")
            if lost:
                many = f"{len(lost)} value is" if len(lost) == 1 else f"{len(lost)} values are"
                yield Rows.of_layer(role, f"{many} mapped with loss: {'; '.join(lost)}", field=column)


def good() -> Inventory:
    return rgik()


def bad() -> Bad:
    frame = gpd.GeoDataFrame(
        {
            "pm_pid": ["RGU465071N0084471E", "RGU463731N0079084E"],
            "pm_working_id": ["a", "b"],
            "rgu_destabilized": ["yes", "no"],
        },
        geometry=shapely.points([2677403.704, 2636142.790], [1151135.003, 1135849.755]),
        crs="EPSG:2056",
    )
    return Bad(from_frames({Role.MARKER: frame}, schema="rgik/1.0", dialect="rogi-ch"), {Role.MARKER: (-1,)})
