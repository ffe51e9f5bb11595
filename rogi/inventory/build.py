"""From tables to an inventory: which dialect, which columns mean what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.inventory.model import Inventory, Layer, Source
from rogi.inventory.reading.dialects import GENERIC, Detection, LayerHint, detect_dialect
from rogi.schema.attributes import attributes
from rogi.schema.load import dialects, load_dialect, load_schema
from rogi.schema.model import Candidate, Dialect, DialectLayer, LayerSchema, Role, Schema, normalise
from rogi.suggestions import did_you_mean

SHAPEFILE_NAME_LENGTH = 10  # bytes of a column name in a dBASE file
_CANDIDATE_SHARE = 0.5  # of the texts of a candidate column that must look like the concept


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A table with its role, and where its features came from; see :class:`rogi.inventory.model.Layer`."""

    role: Role
    frame: gpd.GeoDataFrame
    name: str = ""
    sources: tuple[Source, ...] = ()
    rows: NDArray[np.int64] | None = None
    fids: NDArray[np.int64] | None = None
    source_index: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)


def from_frames(
    frames: Mapping[Role, gpd.GeoDataFrame],
    schema: str | None = None,
    dialect: str | None = None,
    path: str = "",
) -> Inventory:
    """An inventory of tables in memory.

    Parameters
    ----------
    frames : mapping of Role (or its name) to GeoDataFrame
        One table for each layer; none is changed.
    schema : str, optional
        Id of a schema (``tprogi/1.0``) or path of one; by default that of the dialect.
    dialect : str, optional
        Name or path of a dialect; by default the one that fits the columns.
    path : str
        What to call the inventory in reports.

    Returns
    -------
    Inventory

    Raises
    ------
    OptionError
        If there is no such role, schema or dialect.
    InputError
        If a table has no geometry column.
    """
    parts = [Part(_role(role), frame) for role, frame in frames.items()]
    hints = [LayerHint((), _columns(part.frame), role=part.role) for part in parts]
    return assemble(parts, choose(hints, schema, dialect), schema, path)


def from_tables(
    tables: Mapping[Role, gpd.GeoDataFrame],
    schema: str | None = None,
    dialect: str | None = None,
    path: str = "",
) -> Inventory:
    """As :func:`from_frames`, of tables that a user made: what they cannot be is refused.

    Raises
    ------
    InputError
        A table is no GeoDataFrame, has no geometry, or its index repeats a label.
    OptionError
        There is no table, or no such schema or dialect.
    """
    if not tables:
        raise OptionError("An inventory needs a table: give outlines=, markers= or moving_areas=.")
    for role, table in tables.items():
        check_table(table, f"The {role.title}")
    return from_frames(tables, schema, dialect, path)


def check_table(table: Any, what: str) -> None:
    """Refuse what is no GeoDataFrame with a geometry and a label of its own for each row.

    Raises
    ------
    InputError
        See above; `what` begins the message.
    """
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(
            f"{what} should be a GeoDataFrame, found {type(table).__name__}; make one with "
            "geopandas.GeoDataFrame(table, geometry=..., crs=...)."
        )
    if table._geometry_column_name not in table.columns:
        raise InputError(f"{what} have no geometry; set it with .set_geometry(...).")
    names = [name for name in table.columns if not isinstance(name, str)]
    if names:
        raise InputError(f"{what} have a column named {names[0]!r}; names of columns should be text.")
    if not table.index.is_unique:
        label = table.index[table.index.duplicated()][0]
        raise InputError(
            f"The index of the table repeats {label!r}, so results could not be told apart; give each row "
            "a label of its own, for example with .reset_index(drop=True)."
        )


def choose(hints: Sequence[LayerHint], schema: str | None, dialect: str | None) -> Detection:
    """The dialect asked for, or the one that fits; one asked for need not fit."""
    if dialect is not None:
        return Detection(load_dialect(dialect), "chosen by the user")
    return detect_dialect(hints, dialects())


def assemble(
    parts: Iterable[Part],
    detection: Detection,
    schema: str | None = None,
    path: str = "",
    notes: tuple[str, ...] = (),
) -> Inventory:
    """An inventory of tables whose roles and dialect are known; layers in the order of the roles."""
    dialect = detection.dialect
    described = load_schema(schema if schema is not None else dialect.schema)
    layers = [_layer(part, described, dialect) for part in parts]
    order = list(Role)
    layers.sort(key=lambda layer: order.index(layer.role))
    return Inventory(tuple(layers), described, dialect, detection.reason, path, notes)


def columns_of(
    frame: pd.DataFrame, schema: LayerSchema | None, dialect: Dialect, role: Role
) -> dict[str, str]:
    """Concept -> column of a layer in a dialect; what the dialect does not name is read by common names."""
    common = None if dialect.name == GENERIC else load_dialect(GENERIC).layer(role)
    return map_columns(frame, schema, dialect.layer(role), common)


def map_columns(
    frame: pd.DataFrame,
    schema: LayerSchema | None,
    dialect: DialectLayer | None,
    common: DialectLayer | None = None,
) -> dict[str, str]:
    """Concept -> column, by the names of the dialect, the schema, the attributes, then by common ones.

    Names are compared without case and punctuation, then also as a Shapefile would cut them. No column
    carries two concepts. Where several columns have a name of a concept, the dialect's first name wins,
    and of equal names the first column.

    Parameters
    ----------
    frame : DataFrame
        The table; only candidates' values are looked at.
    schema, dialect
        The layer in each, or None.
    common
        The layer in the generic dialect: its names are for columns that the dialect neither names nor
        ignores, and for concepts of which it states neither unit nor constant.

    Returns
    -------
    dict of str to str
    """
    wanted: dict[str, tuple[str, ...]] = dict(dialect.columns) if dialect is not None else {}
    for schema_field in schema.fields if schema is not None else ():
        concept = schema_field.concept.name
        wanted[concept] = (*wanted.get(concept, ()), schema_field.name)
    columns = _columns(frame)
    by_alias: dict[str, str] = {}
    for column in columns:
        by_alias.setdefault(normalise(column), column)
    cut = {normalise(c): c for c in reversed(columns) if len(c.encode()) == SHAPEFILE_NAME_LENGTH}

    found: dict[str, str] = {}
    taken: set[str] = set()

    def take(concept: str, column: str | None) -> None:
        if concept == "working_id" and column and normalise(column) == "id" and _is_constant(frame, column):
            return  # ArcGIS gives every feature the Id 0, which names none of them
        if column is not None and column not in taken and concept not in found:
            found[concept] = column
            taken.add(column)

    def take_named(wanted: Mapping[str, tuple[str, ...]], candidates: Iterable[Candidate]) -> None:
        for candidate in candidates:
            names = wanted.get(candidate.concept, ())
            if not any(normalise(name) in by_alias for name in names):
                take(candidate.concept, _candidate_column(frame, candidate, by_alias))
        for concept, names in wanted.items():
            for name in names:
                take(concept, by_alias.get(normalise(name)))
        for concept, names in wanted.items():
            for name in names:
                if len(name.encode()) > SHAPEFILE_NAME_LENGTH:
                    start = name.encode()[:SHAPEFILE_NAME_LENGTH].decode(errors="ignore")
                    take(concept, cut.get(normalise(start)))

    take_named(wanted, dialect.candidates if dialect is not None else ())
    if wanted:
        for name, attribute in attributes().items():  # columns that `rogi attributes` made
            take(name, by_alias.get(normalise(attribute.column)) if attribute.column else None)
    if common is not None:
        own: set[str] = set()
        if dialect is not None:
            own = {*dialect.units, *dialect.constants}
            ignored = {normalise(name) for name in dialect.ignored}
            taken.update(column for column in columns if normalise(column) in ignored)
        take_named({c: names for c, names in common.columns.items() if c not in own}, common.candidates)
    return {concept: found[concept] for concept in wanted if concept in found} | found


def _is_constant(frame: pd.DataFrame, column: str) -> bool:
    """Whether several rows all have the same value in the first column of a name."""
    table: Any = frame[column]
    values = table if table.ndim == 1 else table.iloc[:, 0]
    try:
        return len(values) > 1 and bool(values.notna().all()) and bool((values == values.iloc[0]).all())
    except (TypeError, ValueError):  # lists and the like
        return False


def _candidate_column(frame: pd.DataFrame, candidate: Candidate, by_alias: Mapping[str, str]) -> str | None:
    """The first column most of whose texts look like the concept."""
    pattern = re.compile(candidate.pattern, re.IGNORECASE)
    for name in candidate.columns:
        column = by_alias.get(normalise(name))
        if column is None or pd.api.types.is_numeric_dtype(frame[column].dtype):
            continue
        texts = frame[column].dropna()
        hits = texts.astype("str").str.match(pattern).sum()
        if hits > _CANDIDATE_SHARE * len(texts):
            return column
    return None


def _layer(part: Part, schema: Schema, dialect: Dialect) -> Layer:
    frame = part.frame
    layer_schema = schema.layer(part.role)
    name = part.name or (layer_schema.name if layer_schema is not None else part.role.value)
    if getattr(frame, "_geometry_column_name", None) not in frame.columns:
        raise InputError(
            f"The table of {part.role.title} has no geometry column; "
            "give a GeoDataFrame with its geometry set."
        )
    n = len(frame)
    index = frame.index
    if not (isinstance(index, pd.RangeIndex) and (index.start, index.step) == (0, 1)):
        frame = frame.reset_index(drop=True)
    zeros = np.zeros(n, dtype=np.int64)
    return Layer(
        role=part.role,
        name=name,
        frame=frame,
        columns=columns_of(frame, layer_schema, dialect, part.role),
        schema=layer_schema,
        dialect=dialect.layer(part.role),
        sources=part.sources or (Source(Path("memory"), None, "memory", n),),
        rows=part.rows if part.rows is not None else np.arange(1, n + 1, dtype=np.int64),
        fids=part.fids,
        source_index=part.source_index if part.source_index is not None else zeros,
        notes=part.notes,
        index=None if frame is part.frame else index,
    )


def _columns(frame: pd.DataFrame) -> tuple[str, ...]:
    geometry = getattr(frame, "_geometry_column_name", None)
    return tuple(c for c in frame.columns if isinstance(c, str) and c != geometry)


def _role(name: Role | str) -> Role:
    try:
        return Role(name)
    except ValueError:
        roles = [role.value for role in Role]
        hint = did_you_mean(name, roles) or "."
        raise OptionError(
            f"There is no layer role {name!r}; the roles are {', '.join(roles)}{hint}"
        ) from None
