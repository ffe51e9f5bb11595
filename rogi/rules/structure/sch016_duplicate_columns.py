"""Two columns have the same name when case and punctuation do not count.

## What it checks
No two columns of a layer have the same name after normalising: lower case, letters and digits only. So
`Acti.Cl.` and `ActiCl` are duplicates, and so are `AREA` and `area`.

## Why
Only one of them can be taken for the field, and it may be the wrong one. Shapefiles, GeoPackages and
databases refuse, rename or merge such columns.

## Example
    columns 'AREA' and 'Area' are one name when case and punctuation do not count; 'AREA' is taken

## How to fix
Remove the column that is out of date, or rename it so that its name says what it holds.

## Reference
OGC GeoPackage standard and SQLite: column names are compared without case; published RGIK files write the
template's names without dots (Rouyet et al. 2025, doi 10.5281/zenodo.15467203).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_column
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role, normalise

RULE = RuleInfo("SCH016", "duplicate-columns", Severity.WARNING, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        groups: dict[str, list[str]] = defaultdict(list)
        for column in map(str, layer.frame.columns):
            if column != layer.frame.geometry.name:
                groups[normalise(column)].append(column)
        for alias, names in groups.items():
            if len(names) < 2 or not alias:
                continue
            taken = next((name for name in names if name in layer.columns.values()), None)
            yield Rows.of_layer(
                role,
                f"columns {' and '.join(map(repr, names))} are one name when case and punctuation do not "
                "count" + (f"; {taken!r} is taken" if taken else ""),
                field=names[0],
            )


def good() -> Inventory:
    return rgik()


def bad() -> Bad:
    return Bad(with_column(rgik(), Role.MARKER, "ActiCl", "Relict"), {Role.MARKER: (-1,)})
