"""An inventory in memory: its layers as they were read, and what their columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.schema.model import Dialect, DialectLayer, LayerSchema, Role, Schema, ValueMap

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj


@dataclass(frozen=True, slots=True)
class Source:
    """Where (part of) a layer was read from."""

    path: Path
    layer: str | None
    driver: str
    features: int


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer, unchanged from its file, with the meaning of its columns.

    Attributes
    ----------
    frame
        All features in file order (positions 0..n-1), original column names and values; the
        geometry column may hold None. ``frame.crs`` is None where the file has no CRS.
    columns
        Concept -> column of ``frame``. Columns not named here are extra.
    rows
        (n,) int64, the feature's number in its source, counted from 1.
    fids
        (n,) int64, the feature ids of the source where the format has them (GeoPackage), else None.
    source_index
        (n,) int64 into ``sources``; all zero unless several source layers were joined.
    notes
        What reading had to say (encoding guessed, curves linearised, ...), for the report.
    """

    role: Role
    name: str
    frame: gpd.GeoDataFrame
    columns: Mapping[str, str]
    schema: LayerSchema | None
    dialect: DialectLayer | None
    sources: tuple[Source, ...]
    rows: NDArray[np.int64]
    fids: NDArray[np.int64] | None = None
    source_index: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def crs(self) -> pyproj.CRS | None:
        """CRS of the file, or None."""
        crs: pyproj.CRS | None = self.frame.crs
        return crs

    @property
    def geometry(self) -> NDArray[np.object_]:
        """(n,) shapely geometries in the file's CRS; None where the feature has none."""
        return np.asarray(self.frame.geometry.array, dtype=object)

    def has(self, concept: str) -> bool:
        """Whether a column (or a constant of the dialect) carries the concept."""
        return concept in self.columns or (self.dialect is not None and concept in self.dialect.constants)

    def raw(self, concept: str) -> pd.Series:
        """The concept's column exactly as in the file; raises KeyError if there is none."""
        series: pd.Series = self.frame[self.columns[concept]]
        return series

    def values(self, concept: str) -> pd.Series:
        """The concept's values with the dialect's value mapping applied (values not mapped stay).

        Keys of a value mapping are compared with surrounding blanks and case removed.
        """
        import pandas as pd

        if concept not in self.columns and self.dialect is not None and concept in self.dialect.constants:
            return pd.Series(
                self.dialect.constants[concept], index=self.frame.index, dtype="str", name=concept
            )
        series = self.raw(concept)
        mapping = self.value_map(concept)
        if not mapping:
            return series
        codes, uniques = pd.factorize(series, use_na_sentinel=True)
        mapped = [mapping.get(_key(u), None) for u in uniques]
        out = [m.to if m is not None else u for m, u in zip(mapped, uniques, strict=True)]
        table = np.array([*out, None], dtype=object)
        return pd.Series(table[codes], index=series.index, name=series.name)

    def value_map(self, concept: str) -> Mapping[str, ValueMap]:
        """The dialect's value mapping for a concept, keys in lower case without outer blanks."""
        if self.dialect is None:
            return {}
        return {_key(k): v for k, v in self.dialect.values.get(concept, {}).items()}

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """Columns that carry no known concept, geometry excluded."""
        used = set(self.columns.values()) | {self.frame.geometry.name}
        return tuple(c for c in self.frame.columns if c not in used)


def _key(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """The layers of an inventory under one schema.

    At most one layer per role; several source layers of one role are joined into one.

    Attributes
    ----------
    recomputed
        Role -> concept -> (n,) float64 in the concept's unit: attributes derived anew from rasters, for the
        rules that compare them with what is stored (`rogi.attributes.recheck`); empty unless asked for.
    """

    layers: tuple[Layer, ...]
    schema: Schema
    dialect: Dialect
    dialect_reason: str = ""  # why this dialect was taken, for the report
    path: str = ""  # what the user named
    notes: tuple[str, ...] = field(default_factory=tuple)
    recomputed: Mapping[Role, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)
    unread: tuple[Source, ...] = ()  # layers and tables of the input that play no role

    def layer(self, role: Role) -> Layer | None:
        """The layer of a role, or None."""
        return next((layer for layer in self.layers if layer.role is role), None)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles present, in the order of :class:`Role`."""
        present = {layer.role for layer in self.layers}
        return tuple(role for role in Role if role in present)

    def __repr__(self) -> str:
        parts = ", ".join(f"{layer.role.value} {len(layer)}" for layer in self.layers)
        return (
            f"<Inventory {self.path or 'in memory'}: {parts}; {self.schema.id}, dialect {self.dialect.name}>"
        )
