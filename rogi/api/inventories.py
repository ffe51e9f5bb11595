"""Inventories from anything that is one, mended and converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from rogi.api.display import frames_html
from rogi.errors import InputError, OptionError
from rogi.inventory.build import Part, assemble, check_table, choose
from rogi.inventory.convert import convert as convert_inventory
from rogi.inventory.loss import Loss, unread_tables
from rogi.inventory.model import Inventory
from rogi.inventory.read import FEW, read_inventory
from rogi.inventory.reading.dialects import Family, LayerHint, detect_role, role_of_family
from rogi.inventory.write import Written, write_inventory
from rogi.public import public
from rogi.rules.fixes import FixLevel, FixReport
from rogi.rules.fixes import fix as fix_inventory
from rogi.schema.model import Role

Source: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]] | gpd.GeoDataFrame | Inventory"
Polygons: TypeAlias = "str | PathLike[str] | gpd.GeoDataFrame | Inventory"
"""What every function takes: a path (or several that make one inventory), a table, or an inventory."""


def as_inventory(source: Source, *, schema: str | None = None, dialect: str | None = None) -> Inventory:
    """An inventory of a path, a GeoDataFrame or an inventory.

    Parameters
    ----------
    source : path, sequence of paths, GeoDataFrame or Inventory
        A table is taken for the layer that its columns name, else for outlines (polygons) or primary markers
        (points). It is not changed.
    schema, dialect : str, optional
        As in :func:`rogi.read_inventory`; of an inventory both are known.

    Returns
    -------
    Inventory

    Raises
    ------
    InputError
        The source is something else, cannot be read, or its index repeats a label.
    OptionError
        A schema or dialect is given for an inventory that has one, or is unknown.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import shapely
    >>> as_inventory(gpd.GeoDataFrame(geometry=[shapely.box(97, 28, 97.01, 28.01)], crs=4326))
    <Inventory in memory: outline 1; rgik/1.0, dialect generic>
    """
    if isinstance(source, Inventory):
        if schema is not None or dialect is not None:
            raise OptionError(
                "This inventory has a schema and a dialect; give others to rogi.read_inventory or "
                "rogi.Inventory.from_frames."
            )
        return source
    if isinstance(source, gpd.GeoDataFrame):
        return _of_table(source, schema, dialect)
    if isinstance(source, str | PathLike) or (
        isinstance(source, Sequence) and source and all(isinstance(p, str | PathLike) for p in source)
    ):
        return read_inventory(source, schema=schema, dialect=dialect)
    raise InputError(
        f"An inventory is a path, a GeoDataFrame or a rogi.Inventory, found {type(source).__name__}; several "
        "tables make one with rogi.Inventory.from_frames(outlines=..., markers=...)."
    )


def check_crs(inventory: Inventory, *roles: Role) -> None:
    """Refuse a layer without a CRS: the first of `roles` that is there.

    Raises
    ------
    InputError
        It has none.
    """
    layer = next((found for role in roles if (found := inventory.layer(role)) is not None), None)
    if layer is not None:
        _ = layer.known_crs


def is_path(source: object) -> bool:
    """Whether a source names a file, not a table or an inventory."""
    return isinstance(source, str | PathLike)


def path_or_table(given: Polygons) -> str | gpd.GeoDataFrame:
    """Polygons as a path in text, or as the table that they are; of an inventory its outlines.

    Raises
    ------
    InputError
        It is something else, or an inventory without outlines.
    """
    table = given.outlines if isinstance(given, Inventory) else given
    if table is None:
        raise InputError("The inventory has no outlines; give polygons as a path or a GeoDataFrame.")
    if not isinstance(table, str | PathLike | gpd.GeoDataFrame):
        raise InputError(
            f"Polygons are a path, a GeoDataFrame or an Inventory, found {type(given).__name__}."
        )
    return table if isinstance(table, gpd.GeoDataFrame) else fspath(table)


def as_paths(given: str | PathLike[str] | Sequence[str | PathLike[str]] | None) -> tuple[Path, ...]:
    """One path or several as a tuple; none of None."""
    return tuple(map(Path, as_texts(given)))


def as_texts(given: str | PathLike[str] | Sequence[str | PathLike[str]] | None) -> tuple[str, ...]:
    """As :func:`as_paths`, as text: rasters may also be addresses.

    Raises
    ------
    InputError
        It is something else, such as an open dataset.
    """
    if given is None:
        return ()
    several = [given] if isinstance(given, str | PathLike) else given
    if not isinstance(several, Sequence) or not all(isinstance(one, str | PathLike) for one in several):
        raise InputError(f"A file is named by its path, found {type(given).__name__}; give one or several.")
    return tuple(fspath(one) for one in several)


def _of_table(table: gpd.GeoDataFrame, schema: str | None, dialect: str | None) -> Inventory:
    """The layers of one table, by its columns and the kinds of its geometries."""
    check_table(table, "The table")
    kinds = shapely.get_type_id(np.asarray(table.geometry.array, dtype=object))
    points, polygons = np.isin(kinds, (0, 4)), np.isin(kinds, (3, 6))
    few, many = sorted((int(points.sum()), int(polygons.sum())))
    if few > FEW * many:  # as in a GeoJSON file of outlines and markers
        parts = [(Family.POLYGON, table[~points]), (Family.POINT, table[points])]
    elif many:
        parts = [(Family.POINT if points.sum() > polygons.sum() else Family.POLYGON, table)]
    elif (kinds >= 0).any():
        raise InputError(
            "The table has neither points nor polygons; an inventory has outlines (polygons) or primary "
            "markers (points)."
        )
    else:
        parts = [(Family.UNKNOWN, table)]
    columns = tuple(name for name in table.columns if name != table.geometry.name)
    hints = [LayerHint((), columns, family) for family, _ in parts]
    detection = choose(hints, schema, dialect)
    roles = [detect_role(hint, detection.dialect) or role_of_family(hint.family) for hint in hints]
    layers = [Part(role or Role.OUTLINE, part) for role, (_, part) in zip(roles, parts, strict=True)]
    return assemble(layers, detection, schema)


@dataclass(frozen=True, eq=False)
class Fixed:
    """What :func:`rogi.fix` gives.

    Attributes
    ----------
    inventory : Inventory
        The mended copy.
    changes : DataFrame
        One row for each change: fix, rule, layer, row (from 1), feature, field, before, after.
    notes : tuple of str
        Which features were left alone, and the rule that says why.
    """

    inventory: Inventory
    changes: pd.DataFrame
    notes: tuple[str, ...]
    report: FixReport = field(repr=False)

    @public
    def write(self, path: str | PathLike[str]) -> FixReport:
        """Write the mended inventory, and ``<path>.changes.csv`` with each change and loss.

        Returns
        -------
        FixReport
            With what the format of the file could not hold.
        """
        target = Path(path)
        written = write_inventory(self.inventory, target, schema_names=False)
        report = replace(self.report, losses=(*self.report.losses, *written.losses))
        report.write(target.with_name(f"{target.name}.changes.csv"))
        return report

    def __repr__(self) -> str:
        return f"<Fixed {self.inventory.path or 'in memory'}: {self.report.summary()}>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), changes=self.changes)


@public
def fix(
    source: Source, level: str | FixLevel = "safe", *, parameters: Mapping[str, object] | None = None
) -> Fixed:
    """Mend what rules find, as far as the level allows; see `rogi validate --fix`.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        Not changed.
    level : {"safe", "unsafe"}
        Safe: names of columns, outer blanks, spelling of terms, the form of IDs, ring orientation, areas (km²
        on the ellipsoid, in the column's own unit). Unsafe, besides: invalid polygons made valid, repeated
        features removed, IDs made from positions.
    parameters : mapping, optional
        Parameters of rules such as ``{"ATT001.relative_tolerance": 0.02}``.

    Returns
    -------
    Fixed
        ``inventory``, ``changes`` (DataFrame), ``write(path)``.

    Raises
    ------
    InputError
        The source cannot be read.
    OptionError
        The level or a parameter is unknown.

    Examples
    --------
    >>> import rogi
    >>> markers = rogi.synthetic_inventory(3).markers
    >>> markers.loc[1, "ID"] = " " + markers.loc[1, "ID"].lower()
    >>> fixed = rogi.fix(markers)
    >>> fixed.changes[["fix", "field"]].drop_duplicates().values.tolist()
    [['outer blanks', 'ID'], ['canonical ID', 'ID']]
    """
    try:
        chosen = FixLevel(level)
    except ValueError:
        raise OptionError(f"The level of fixes is safe or unsafe, found {level!r}.") from None
    inventory = as_inventory(source)
    mended, report = fix_inventory(inventory, chosen, parameters)
    report = replace(report, losses=tuple(unread_tables(inventory)))
    return Fixed(mended, report.to_frame(), report.stood_back, report)


@dataclass(frozen=True, eq=False)
class Converted:
    """What :func:`rogi.convert` gives.

    Attributes
    ----------
    inventory : Inventory
        The converted copy.
    losses : DataFrame
        layer, column, kind, features (count), detail of all that was lost or changed.
    notes : tuple of str
        What was converted, or kept although it is wrong.
    """

    inventory: Inventory
    losses: pd.DataFrame
    notes: tuple[str, ...]

    @public
    def write(self, path: str | PathLike[str], *, format: str | None = None) -> Written:
        """Write the converted inventory under the names of its schema; see :meth:`Inventory.write`."""
        return write_inventory(self.inventory, path, format=format)

    def __repr__(self) -> str:
        return f"<Converted to {self.inventory.schema.id}: {len(self.losses)} kinds of losses>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), losses=self.losses)


@public
def convert(
    source: Source,
    schema: str | None = None,
    *,
    crs: Any = None,
    keep_extra: bool = True,
) -> Converted:
    """Map an inventory to a schema: names of layers and columns, terms of vocabularies, units.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        Not changed.
    schema : str, optional
        Id (``rgik/1.0``) or path; by default the inventory's own. `rogi schema list` lists them.
    crs : anything `pyproj.CRS` accepts, optional
        CRS to bring all layers into; by default each keeps its own.
    keep_extra : bool
        Whether columns without a field in the schema are kept after the others.

    Returns
    -------
    Converted
        ``inventory``, ``losses`` (DataFrame: values whose term says less or could be another, columns and
        layers without a place), ``write(path)``.

    Raises
    ------
    InputError
        The source cannot be read.
    OptionError
        The schema or CRS is unknown, or a layer without CRS is to be reprojected.

    Examples
    --------
    >>> import rogi
    >>> converted = rogi.convert(rogi.synthetic_inventory(3), "rgik/1.0", crs=32645)
    >>> converted.inventory.outlines.crs.to_epsg()
    32645
    """
    wanted = crs
    if crs is not None and not isinstance(crs, str):
        try:
            wanted = pyproj.CRS.from_user_input(crs).to_string()
        except pyproj.exceptions.CRSError:
            raise OptionError(f"{crs!r} is not a coordinate reference system; try an EPSG code.") from None
    made = convert_inventory(as_inventory(source), schema, crs=wanted, keep_extra=keep_extra)
    return Converted(made.inventory, losses_frame(made.losses), made.notes)


def losses_frame(losses: Sequence[Loss]) -> pd.DataFrame:
    """One row for each kind of loss."""
    columns = ["layer", "column", "kind", "count", "detail"]
    frame = pd.DataFrame([asdict(loss) for loss in losses], columns=columns)
    frame["kind"] = frame["kind"].map(str)
    return frame.rename(columns={"count": "features"})
