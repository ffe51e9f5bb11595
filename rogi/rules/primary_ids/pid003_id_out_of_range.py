"""The position in a primary ID is not on Earth.

## What it checks
The latitude in the ID is within 90 and the longitude within 180 degrees.

## Why
Such an ID was not made from a marker; most often latitude and longitude were exchanged, or a digit was typed
twice.

## Example
    'RGU972426N0281527E' gives latitude 97.2426° N; at most 90 is allowed

## How to fix
`rogi validate --fix unsafe` makes the ID from the marker's position.

## Reference
By definition of latitude and longitude.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_values
from rogi.rules.primary_ids import WITH_ID
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("PID003", "id-out-of-range", Severity.ERROR, Evidence.DERIVED, WITH_ID, fix="unsafe")


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        ids = context.primary_ids(role)
        rows = np.flatnonzero(ids.parsed & ~ids.in_range)
        messages = []
        for i in rows:
            lat, lon = ids.latitude[i], ids.longitude[i]
            found = []
            if abs(lat) > 90:
                found.append(f"latitude {abs(lat):.4f}° {'S' if lat < 0 else 'N'}; at most 90 is allowed")
            if abs(lon) > 180:
                found.append(f"longitude {abs(lon):.4f}° {'W' if lon < 0 else 'E'}; at most 180 is allowed")
            messages.append(f"{quoted(ids.text[i])} gives {', and '.join(found)}")
        yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def good() -> Inventory:
    return rgik(origin=(-179.9, -89.0))


def bad() -> Bad:
    return Bad(with_values(tprogi(), Role.MARKER, "ID", {2: "RGU906200N3040000E"}), {Role.MARKER: (2,)})
