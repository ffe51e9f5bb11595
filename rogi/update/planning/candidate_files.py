"""Candidates of an update from any file of polygons, and polygons to set beside them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.comparison.matching.prepared_outlines import canonical_order, repair
from rogi.errors import InputError, OptionError
from rogi.geometry import (
    Floats,
    Geometries,
    footprints_to_lonlat,
    to_lonlat,
    total_bounds,
    transform_geometries,
)
from rogi.inventory.coordinates import on_earth
from rogi.inventory.reading.dialects import SIGNATURE_SHARE, Family
from rogi.inventory.reading.sources import find_layers
from rogi.inventory.reading.tables import read_table
from rogi.longitudes import in_one_map
from rogi.schema.load import load_dialect
from rogi.schema.model import Role, normalise
from rogi.text import agreeing, counted
from rogi.update.columns import cut
from rogi.update.planning.units import Texts, Units, some

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory
    from rogi.inventory.reading.listing import SourceLayer

CANDIDATE_LAYER: Final = "candidates"
COVERAGE_LAYER: Final = "coverage"
"""Layer of a candidates file: the ground that was predicted with valid pixels."""

KEY: Final = "candidate_id"
"""Column by which a layer of candidates is known, whatever it is called."""
ID_COLUMNS: Final = (KEY, "candidate", "id")
SHARES: Final = ("confidence", "glacier_share", "model_spread")
TEXTS: Final = ("model", "imagery", "image_date", "image_note", "parent_id")


@dataclass(frozen=True, eq=False)
class Candidates:
    """Outlines found in new imagery.

    Attributes
    ----------
    path, layer
        Where they were read from.
    ids
        (n,) unique text without blanks, sorted.
    geometry
        (n,) valid outlines in the CRS of the inventory.
    lonlat
        (n,) the same on WGS84 longitude and latitude.
    confidence, glacier_share, model_spread
        (n,) 0-1, NaN where the file has none.
    texts
        ``model``, ``imagery``, ``image_date``, ``image_note``, ``parent_id``: (n,) text or None.
    coverage
        Polygons of the ground that could be judged, longitude and latitude; None where the file has none.
    doubtful
        Those of the ground that was predicted though its values are not such as in training.
    notes
        What was left out or repaired.
    """

    path: Path
    layer: str
    ids: Texts
    geometry: Geometries
    lonlat: Geometries
    confidence: Floats
    glacier_share: Floats
    model_spread: Floats
    texts: dict[str, Texts]
    coverage: Geometries | None = None
    doubtful: Geometries = field(default_factory=lambda: np.zeros(0, dtype=object))
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def read_candidates(spec: str, units: Units, *, crs: str | None = None) -> Candidates:
    """Candidates from any file of polygons.

    Parameters
    ----------
    spec
        ``FILE`` or ``FILE:LAYER``; of several layers the one with a column ``candidate_id`` is read, else the
        one called ``candidates``, else the only one of polygons.
    units
        What they are matched with.
    crs
        CRS of a file that states none.

    Raises
    ------
    InputError
        If there are no polygons, no CRS, they lie elsewhere than the units, or are the units themselves.
    """
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        path, layers, wanted = _layers(spec, Path(folder))
        source = _candidate_layer(layers, wanted, spec)
        _refuse_the_inventory(units, source)
        frame, notes = _read(source, crs)
        imaged = [s for s in layers if (s.layer or "").casefold() == COVERAGE_LAYER and s is not source]
        coverage, doubtful = None, np.zeros(0, dtype=object)
        if imaged:
            ground, _ = _read(imaged[0], crs)
            shapes = np.asarray(ground.geometry.array, dtype=object)
            usable = _polygonal(shapes)
            doubted = _text(ground, "image_note") != None  # noqa: E711 - elementwise
            coverage = _usable(footprints_to_lonlat(shapes[usable & ~doubted], ground.crs))
            doubtful = _usable(footprints_to_lonlat(shapes[usable & doubted], ground.crs))
    shapes = np.asarray(frame.geometry.array, dtype=object)
    usable = _polygonal(shapes)
    if not usable.any():
        raise InputError(
            f"{source.title} contains no polygons, so every unit would count as not detected; name the file "
            "and layer of the candidates with --candidates FILE:LAYER."
        )
    lonlat = to_lonlat(shapes[usable], frame.crs)
    here = on_earth(lonlat)
    if not here.all():
        rows = (np.flatnonzero(usable)[~here] + 1).tolist()
        left = counted(len(rows), "candidate")
        notes.append(f"{left} with impossible coordinates left out: {some([f'row {row}' for row in rows])}")
        usable[np.flatnonzero(usable)[~here]] = False
        lonlat = lonlat[here]
    lonlat, broken = repair(lonlat)
    sound = shapely.area(lonlat) > 0
    if len(shapes) > sound.sum() + (~here).sum():
        left = counted(len(shapes) - int(sound.sum() + (~here).sum()), "candidate")
        notes.append(f"{left} without a polygon that encloses ground left out")
    if (broken & sound).any():
        number = int((broken & sound).sum())
        was = agreeing(number, "crossed itself and was", "crossed themselves and were")
        notes.append(f"{counted(number, 'candidate')} {was} mended")
    if not sound.any():
        raise InputError(f"No polygon of {source.title} encloses ground; see `rogi validate {path}`.")
    rows = np.flatnonzero(usable)[sound]
    lonlat = lonlat[sound]
    _refuse_elsewhere(units, lonlat, source.title)
    own = transform_geometries(shapes[rows], frame.crs, units.layer.crs)
    geometry, _ = repair(own)
    table = frame.drop(columns=frame.geometry.name).iloc[rows].reset_index(drop=True)
    ids, said = _candidate_ids(table, lonlat)
    order = np.argsort(ids.astype(str), kind="stable")
    notes += said
    shares = {}
    for name in SHARES:
        shares[name], said = _share(table, name)
        notes += said
    return Candidates(
        path=path,
        layer=source.layer or source.shown.stem,
        ids=ids[order],
        geometry=geometry[order],
        lonlat=lonlat[order],
        confidence=shares["confidence"][order],
        glacier_share=shares["glacier_share"][order],
        model_spread=shares["model_spread"][order],
        texts={name: _text(table, name)[order] for name in TEXTS},
        coverage=coverage,
        doubtful=doubtful,
        notes=tuple(notes),
    )


def read_polygons(spec: str, *, crs: str | None = None) -> tuple[Path, Geometries]:
    """Valid polygons of a file, on WGS84 longitude and latitude, and its path; for glaciers.

    Raises
    ------
    InputError
        If there are no polygons or no CRS.
    """
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        path, layers, wanted = _layers(spec, Path(folder))
        source = _polygon_layer(layers, wanted, spec)
        frame, _ = _read(source, crs)
    shapes = np.asarray(frame.geometry.array, dtype=object)
    return path, _usable(to_lonlat(shapes[_polygonal(shapes)], frame.crs))


def _layers(spec: str, scratch: Path) -> tuple[Path, tuple[SourceLayer, ...], str]:
    """Path, all layers, and the name of the wanted one, of ``FILE`` or ``FILE:LAYER``."""
    path, name = Path(spec), ""
    if not path.exists() and ":" in spec:
        head, _, tail = spec.rpartition(":")
        if Path(head).exists():
            path, name = Path(head), tail
    return path, find_layers([path], scratch).layers, name


def refuse_candidates(inventory: Inventory) -> None:
    """Refuse an inventory whose outlines are the raw findings of a model.

    Raises
    ------
    InputError
        If at least half of the columns that identify the dialect ``candidates`` are there.
    """
    outlines = inventory.layer(Role.OUTLINE)
    if outlines is None:
        return
    own = next(layer for layer in load_dialect("candidates").layers if layer.role is Role.OUTLINE)
    found = [name for name in own.signature if _has(outlines.frame.columns, name)]
    if len(found) >= SIGNATURE_SHARE * len(own.signature):
        raise InputError(
            f"{inventory.path} holds candidates as a model found them (columns {', '.join(found)}), not the "
            "units of an inventory; name the inventory with --inventory and this file with --candidates. If "
            "its outlines were reviewed and are your inventory, say so with --dialect generic."
        )


def _refuse_the_inventory(units: Units, source: SourceLayer) -> None:
    """Units matched with themselves are all unchanged, which says nothing."""
    for own in units.layer.sources:
        if own.path.resolve() == source.shown.resolve() and own.layer == source.layer:
            raise InputError(
                f"{source.title} was named for the inventory and for the candidates; name with --candidates "
                "what was found in new imagery, such as the file of `rogi detect predict`."
            )


def _candidate_layer(layers: Sequence[SourceLayer], wanted: str, spec: str) -> SourceLayer:
    """The layer of candidates: by name where the user gave one, else by its columns, else by its name."""
    if wanted:
        return _polygon_layer(layers, wanted, spec)
    keyed = [layer for layer in layers if _has(layer.columns, KEY)]
    named = [layer for layer in keyed or layers if (layer.layer or "").casefold() == CANDIDATE_LAYER]
    return named[0] if named else _polygon_layer(keyed or layers, "", spec)


def _polygon_layer(layers: Sequence[SourceLayer], wanted: str, spec: str) -> SourceLayer:
    if wanted:
        for source in layers:
            if wanted in (source.layer, source.shown.stem):
                return source
        names = ", ".join(s.layer or s.shown.stem for s in layers) or "none"
        raise OptionError(f"{spec}: there is no layer {wanted!r}; there are {names}.")
    shapes = [s for s in layers if s.family in (Family.POLYGON, Family.UNKNOWN)]
    if len(shapes) == 1:
        return shapes[0]
    if not shapes:
        kinds = ", ".join(sorted({s.family.value for s in layers})) or "nothing"
        raise InputError(f"{spec} contains no layer of polygons but {kinds}; name a file of outlines.")
    names = ", ".join(s.layer or s.shown.stem for s in shapes)
    raise InputError(f"{spec} has several layers of polygons ({names}); name one as FILE:LAYER.")


def _has(columns: Iterable[Any], name: str) -> bool:
    """Whether a column is there, also by the name that a Shapefile leaves of it."""
    return bool({normalise(str(c)) for c in columns} & {normalise(name), normalise(cut(name))})


def _read(source: SourceLayer, crs: str | None) -> tuple[Any, list[str]]:
    table = read_table(source, crs)
    if table.frame.crs is None:
        raise InputError(
            f"{source.title} has no coordinate reference system; set it in the file or name it with --crs, "
            "for example --crs EPSG:4326."
        )
    return table.frame, list(table.notes)


def _polygonal(shapes: Geometries) -> NDArray[np.bool_]:
    kind = shapely.get_type_id(shapes)
    polygon = (kind == shapely.GeometryType.POLYGON) | (kind == shapely.GeometryType.MULTIPOLYGON)
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    return np.asarray(polygon & finite)


def _usable(lonlat: Geometries) -> Geometries:
    shapes, _ = repair(lonlat[on_earth(lonlat)])
    return np.asarray(shapes[shapely.area(shapes) > 0])


def _refuse_elsewhere(units: Units, lonlat: Geometries, title: str) -> None:
    one, other = (total_bounds(shapes) for shapes in in_one_map(units.lonlat, lonlat))
    if (np.maximum(one[:2], other[:2]) > np.minimum(one[2:], other[2:])).any():
        raise InputError(
            f"{title} lies elsewhere than the inventory: {_extent(other)} against {_extent(one)}; check the "
            "files and their coordinate reference systems."
        )


def _extent(box: Floats) -> str:
    west, south, east, north = box
    return f"{west:.2f} to {east:.2f} °E, {south:.2f} to {north:.2f} °N"


def _candidate_ids(table: pd.DataFrame, lonlat: Geometries) -> tuple[Texts, list[str]]:
    """Ids of one word each; missing ones are numbered by place, repeated ones get a number."""
    column = _column(table, *ID_COLUMNS)
    notes: list[str] = []
    if column is None:
        stated = pd.Series([None] * len(table), dtype="object")
    else:
        stated = _plain(table[column]).str.replace(r"\s+", "_", regex=True)
        stated = stated.where(stated.notna() & (stated != ""), None)
    order = canonical_order(stated.to_numpy(dtype=object), lonlat)
    ids = stated.to_numpy(dtype=object)[order]
    absent = pd.isna(ids)
    taken = set(ids[~absent].tolist())
    number = 0
    fresh: list[str] = []
    while len(fresh) < absent.sum():
        number += 1
        if (name := f"C-{number:05d}") not in taken:
            fresh.append(name)
    ids[absent] = fresh
    if absent.any():
        notes.append(f"{counted(int(absent.sum()), 'candidate')} without an id numbered from {fresh[0]}")
    repeated = pd.Series(ids).duplicated().to_numpy()
    if repeated.any():
        notes.append(
            f"{counted(int(repeated.sum()), 'candidate')} had an id that others have, and got a number added"
        )
        ids = _distinct(ids)
    out = np.empty(len(ids), dtype=object)
    out[order] = ids
    return out, notes


def _distinct(ids: Texts) -> Texts:
    """Ids with ``-2``, ``-3`` … added to those that come again."""
    taken, out = set(ids.tolist()), ids.copy()
    seen: set[str] = set()
    for k in range(len(ids)):
        name, number = str(ids[k]), 1
        while name in seen:
            number += 1
            tried = f"{ids[k]}-{number}"
            if tried not in taken or tried in seen:
                name = tried
        out[k] = name
        seen.add(name)
    return out


def _share(table: pd.DataFrame, name: str) -> tuple[Floats, list[str]]:
    column = _column(table, name)
    if column is None:
        return np.full(len(table), np.nan), []
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float, copy=True)
    with np.errstate(invalid="ignore"):
        bad = ~((values >= 0) & (values <= 1)) & table[column].notna().to_numpy()
    values[bad] = np.nan
    return values, [f"{counted(int(bad.sum()), 'value')} of {name} outside 0-1 ignored"] if bad.any() else []


def _text(table: pd.DataFrame, name: str) -> Texts:
    column = _column(table, name)
    if column is None:
        return np.full(len(table), None, dtype=object)
    text = _plain(table[column])
    return text.where(text.notna() & (text != ""), None).to_numpy(dtype=object)


def _plain(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text without outer blanks, null where there is none; whole numbers without a decimal point."""
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.dt.strftime("%Y-%m-%d")
    return values.astype("str").str.strip().astype(object).where(values.notna(), None)


def _column(table: pd.DataFrame, *names: str) -> str | None:
    """The first of some columns that is there, also by the name that a Shapefile leaves of it."""
    found = {str(c).casefold(): str(c) for c in reversed(table.columns)}
    tried = (found.get(spelt) for name in names for spelt in (name, cut(name)))
    return next((column for column in tried if column is not None), None)
