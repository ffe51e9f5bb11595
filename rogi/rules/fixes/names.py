"""Names of columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.rules.context import Context
from rogi.rules.fixes.edits import Renaming
from rogi.schema.model import normalise


def column_names(context: Context) -> Iterator[Renaming]:
    """Columns whose name differs from the schema's in case and punctuation only get the schema's.

    Columns that a dialect names otherwise keep their names, as their values may mean something else;
    ``rogi convert`` maps both.
    """
    for layer in context.inventory.layers:
        if layer.schema is None:
            continue
        present = [str(name) for name in layer.frame.columns]
        pairs = []
        for field in layer.schema.fields:
            name = layer.columns.get(field.concept.name)
            if name is None or name == field.name or field.name in present or present.count(name) > 1:
                continue
            if normalise(name) == field.alias and name != layer.frame.geometry.name:
                pairs.append((name, field.name))
        if pairs:
            yield Renaming("column name", "SCH008", layer.role, np.zeros(0, np.int64), tuple(pairs))
