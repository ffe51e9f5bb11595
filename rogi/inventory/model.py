"""An inventory in memory: its layers as they were read, and what their columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.paths import asked_for
from rogi.public import public
from rogi.schema.model import Dialect, DialectLayer, LayerSchema, Role, Schema, ValueMap
from rogi.text import html, printable

if TYPE_CHECKING:
    import geopandas as gpd
    import pyproj

    from rogi.inventory.write import Written


@dataclass(frozen=True, slots=True)
class Source:
    """Where (part of) a layer was read from."""

    path: Path
    layer: str | None
    driver: str
    features: int

    @property
    def label(self) -> str:
        """``data.gpkg:outlines``; a layer named as its file is not named twice."""
        layer = f":{self.layer}" if self.layer and self.layer != self.path.stem else ""
        return f"{self.path.name}{layer}"


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
    index
        Labels of the table in memory that the layer was made of, one for each row; None for files.
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
    index: pd.Index | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def index_of_rows(self) -> pd.Index:
        """(n,) labels of the features in the table they were given in; of files, positions."""
        labels: pd.Index = self.frame.index
        if self.index is not None and ((self.rows > 0) & (self.rows <= len(self.index))).all():
            labels = self.index[self.rows - 1]
        return labels

    @property
    def crs(self) -> pyproj.CRS | None:
        """CRS of the file, or None."""
        crs: pyproj.CRS | None = self.frame.crs
        return crs

    @property
    def known_crs(self) -> pyproj.CRS:
        """CRS of the file.

        Raises
        ------
        InputError
            It has none.
        """
        if self.crs is None:
            how = "set it in the file or name it with --crs, for example --crs EPSG:4326"
            if self.title == self.role.title:
                how = "set it, for example table.set_crs('EPSG:4326')"
            raise InputError(f"The {self.title} have no coordinate reference system; {how}.")
        return self.crs

    @property
    def title(self) -> str:
        """``outlines of data.gpkg``, for messages; of tables in memory ``outlines``."""
        files = dict.fromkeys(asked_for(str(s.path)) for s in self.sources if s.driver != "memory")
        return f"{self.role.title} of {', '.join(files)}" if files else self.role.title

    @property
    def geometry(self) -> NDArray[np.object_]:
        """(n,) shapely geometries in the file's CRS; None where the feature has none."""
        return np.asarray(self.frame.geometry.array, dtype=object)

    @property
    def source_names(self) -> tuple[str, ...]:
        """What to call the sources; those of one name are told apart by their paths."""
        labels = tuple(source.label for source in self.sources)
        if len(set(labels)) == len(labels):
            return labels
        folders = [asked_for(source.path.as_posix()).rpartition("/")[0] for source in self.sources]
        return tuple(f"{folder}/{source.label}" for folder, source in zip(folders, self.sources, strict=True))

    @property
    def files(self) -> NDArray[np.object_]:
        """(n,) the source of each feature; empty texts where all come from one."""
        if len(self.sources) < 2 or self.source_index is None:
            return np.full(len(self), "", dtype=object)
        return np.array(self.source_names, dtype=object)[self.source_index]

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

    @classmethod
    def from_frames(
        cls,
        outlines: gpd.GeoDataFrame | None = None,
        markers: gpd.GeoDataFrame | None = None,
        moving_areas: gpd.GeoDataFrame | None = None,
        area_of_interest: gpd.GeoDataFrame | None = None,
        *,
        schema: str | None = None,
        dialect: str | None = None,
        name: str = "",
    ) -> Inventory:
        """An inventory of GeoDataFrames.

        Parameters
        ----------
        outlines, markers, moving_areas, area_of_interest : GeoDataFrame, optional
            One table for each layer, in any CRS; extra columns stay. None is changed. Functions return their
            results on the index of these tables.
        schema : str, optional
            Id of a schema (``tprogi/1.0``) or path of one; by default that of the dialect.
        dialect : str, optional
            Name or path of a dialect; by default the one that fits the columns.
        name : str
            What reports call the inventory.

        Returns
        -------
        Inventory

        Raises
        ------
        InputError
            A table is no GeoDataFrame, has no geometry, or its index repeats a label.
        OptionError
            No table was given, or there is no such schema or dialect.

        Examples
        --------
        >>> import geopandas as gpd
        >>> import shapely
        >>> import rogi
        >>> unit = gpd.GeoDataFrame(
        ...     {"ID": ["RGU384455N1092526W"]},
        ...     geometry=[shapely.box(-109.254, 38.444, -109.251, 38.447)],
        ...     index=["unit 7"],
        ...     crs="EPSG:4326",
        ... )
        >>> inventory = rogi.Inventory.from_frames(outlines=unit)
        >>> inventory
        <Inventory in memory: outline 1; rgik/1.0, dialect generic>
        >>> inventory.outlines.index.tolist()
        ['unit 7']
        """
        from rogi.inventory.build import from_tables

        tables = {
            Role.OUTLINE: outlines,
            Role.MARKER: markers,
            Role.MOVING_AREA: moving_areas,
            Role.AREA_OF_INTEREST: area_of_interest,
        }
        given = {role: table for role, table in tables.items() if table is not None}
        return from_tables(given, schema, dialect, name)

    @property
    def outlines(self) -> gpd.GeoDataFrame | None:
        """A copy of the outlines on the index they were given with; None where there is no such layer."""
        return self._table(Role.OUTLINE)

    @property
    def markers(self) -> gpd.GeoDataFrame | None:
        """As `outlines`, of the primary markers."""
        return self._table(Role.MARKER)

    @property
    def moving_areas(self) -> gpd.GeoDataFrame | None:
        """As `outlines`, of the moving areas."""
        return self._table(Role.MOVING_AREA)

    @property
    def area_of_interest(self) -> gpd.GeoDataFrame | None:
        """As `outlines`, of the area of interest."""
        return self._table(Role.AREA_OF_INTEREST)

    def _table(self, role: Role) -> gpd.GeoDataFrame | None:
        layer = self.layer(role)
        return None if layer is None else layer.frame.copy().set_axis(layer.index_of_rows, axis=0)

    @public
    def write(
        self, path: str | PathLike[str], *, format: str | None = None, schema_names: bool = False
    ) -> Written:
        """Write the inventory as a whole, or nothing; an input is never written over.

        Parameters
        ----------
        path : path
            A file (.gpkg, .parquet, .fgb, .shp, .csv, .geojson, .kml, .xlsx), or a folder for formats that
            hold one layer a file. What is there is replaced.
        format : str, optional
            ``gpkg``, ``geoparquet``, ``flatgeobuf``, ``shapefile``, ``csv``, ``geojson``, ``kml`` or
            ``xlsx``; by default by the suffix.
        schema_names : bool
            Whether layers and columns get the names and order of the schema.

        Returns
        -------
        Written
            ``paths`` and ``losses``: what the format could not hold.

        Raises
        ------
        OptionError
            The format is unknown.
        OutputError
            The path cannot be written, is an input, or the format cannot hold the inventory.

        Examples
        --------
        >>> import rogi
        >>> rogi.synthetic_inventory(3).write("three.gpkg").paths[0].name
        'three.gpkg'
        """
        from rogi.inventory.write import write_inventory

        return write_inventory(self, path, format=format, schema_names=schema_names)

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

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html(layer.role.title)}</td><td>{len(layer):,}</td>"
            f"<td>{html(layer.crs.name if layer.crs is not None else 'no CRS')}</td>"
            f"<td>{html(', '.join(map(str, layer.columns.values())))}</td></tr>"
            for layer in self.layers
        )
        return (
            f"<div><p><b>{html(printable(self.path) or 'Inventory in memory')}</b>: {html(self.schema.id)}, "
            f"dialect {html(self.dialect.name)}</p><table><thead><tr><th>Layer</th><th>Features</th>"
            f"<th>CRS</th><th>Known columns</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
