"""Reading an inventory: find its layers, recognise its dialect, give each layer a role, read them."""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.inventory.attribute_table import AttributeTable, join, read_attribute_table
from rogi.inventory.build import Part, assemble, choose
from rogi.inventory.model import Inventory, Source
from rogi.inventory.reading.copies import refuse_copies
from rogi.inventory.reading.dialects import (
    GENERIC,
    Family,
    LayerHint,
    detect_role,
    names_a_role,
    role_of_family,
)
from rogi.inventory.reading.formats import Format
from rogi.inventory.reading.listing import Loaded, SourceLayer
from rogi.inventory.reading.sources import find_layers
from rogi.inventory.reading.tables import Table, read_table
from rogi.paths import asked_for
from rogi.public import public
from rogi.schema.load import load_dialect
from rogi.schema.model import Dialect, Role, normalise
from rogi.suggestions import did_you_mean

FEW = 0.1  # of the points or polygons of a mixed layer: fewer are strays, not a layer of their own


@public
def read_inventory(
    path: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    *,
    schema: str | None = None,
    dialect: str | None = None,
    layers: Sequence[str] = (),
    crs: str | None = None,
    encoding: str | None = None,
    table: str | PathLike[str] | None = None,
) -> Inventory:
    """Read an inventory from a file, a folder, a zip archive, or several of them.

    Nothing is repaired: every feature comes as it is in the file, in its order. Layers are recognised by
    their names and columns, else by their geometry; what plays no role is named in ``notes``. The files
    and their folders are left as they are.

    Parameters
    ----------
    path : path or sequence of paths
        Files (GeoPackage, Shapefile, GeoJSON, GeoParquet, FlatGeobuf, KML, KMZ, CSV), folders, archives.
    schema : str, optional
        Id of the schema to check against (``tprogi/1.0``) or path of one; by default the dialect's.
    dialect : str, optional
        Name or path of the dialect; by default the one that fits.
    layers : sequence of str
        ``role=path[:layer]``, roles being ``outline``, ``marker``, ``moving_area`` and
        ``area_of_interest``. A role named here is read from here only. ``role=layer`` names a layer of
        ``path``.
    crs : str, optional
        CRS of files that state none (``EPSG:4326``).
    encoding : str, optional
        Encoding of the text of Shapefiles and CSV files, where they state none or a wrong one.
    table : path, optional
        Spreadsheet or CSV file of attributes, joined by ID to the outlines, or to the markers where there
        are none.

    Returns
    -------
    Inventory

    Raises
    ------
    InputError
        If a file is missing, damaged or of another kind, layers cannot be told apart, or two layers of one
        role hold the same units.
    OptionError
        If an option has no meaning.

    Examples
    --------
    >>> import rogi
    >>> written = rogi.synthetic_inventory(5).write("inventory.gpkg")
    >>> rogi.read_inventory("inventory.gpkg")
    <Inventory inventory.gpkg: marker 5, outline 5; tprogi/1.0, dialect tprogi>
    """
    paths = [Path(path)] if isinstance(path, (str, PathLike)) else [Path(p) for p in path]
    if not paths and not layers:
        raise OptionError("There is nothing to read; name a file, a folder or layers.")
    _check_crs(crs)
    _check_encoding(encoding)
    shown = asked_for(", ".join(str(p) for p in paths) or ", ".join(layers))
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        scratch = Path(folder)
        found = find_layers(paths, scratch, encoding)
        named, used = _named_layers(layers, found.layers, scratch, encoding)
        roles = {source.role for source in named}
        unnamed = [part for s in found.layers if s not in used for part in _by_kind(s, crs, encoding)]
        candidates = [*named, *unnamed]
        attributes = None if table is None else read_attribute_table(Path(table), encoding)
        hints = [_with_columns(source, attributes) for source in candidates]
        detection = choose(hints, schema, dialect)
        chosen, notes = _with_roles(candidates, roles, detection.dialect, shown)
        present = {source.role for source in chosen}
        joined = Role.OUTLINE if Role.OUTLINE in present else Role.MARKER
        parts = []
        for role in Role:
            tables = [(s, read_table(s, crs, encoding)) for s in chosen if s.role is role]
            if attributes is not None and role is joined:
                tables = [(s, _joined(t, attributes, role)) for s, t in tables]
            if tables:
                parts.append(_part(role, tables))
        inventory = assemble(parts, detection, schema, shown, (*found.notes, *notes))
        inventory = replace(inventory, unread=(*_unread(candidates, chosen, notes), *found.unread))
        refuse_copies(inventory, {role for role in roles if role is not None})
        return inventory


def _with_columns(source: SourceLayer, attributes: AttributeTable | None) -> LayerHint:
    """What the dialect is recognised by: of outlines also the columns that are joined to them."""
    hint = source.hint
    if attributes is None or source.family is Family.POINT:
        return hint
    return replace(hint, columns=(*hint.columns, *attributes.columns))


def _joined(table: Table, attributes: AttributeTable, role: Role) -> Table:
    frame, notes = join(table.frame, attributes, role.title)
    return replace(table, frame=frame, notes=(*table.notes, *notes))


def _unread(
    sources: Sequence[SourceLayer], chosen: Sequence[SourceLayer], notes: Sequence[str]
) -> tuple[Source, ...]:
    """Layers and tables that were passed over, but for copies of others."""
    read = {(source.shown, source.layer) for source in chosen}
    return tuple(
        Source(s.shown, s.layer, s.format.value, s.features or 0)
        for s in sources
        if (s.shown, s.layer) not in read and any(note.startswith(f"{s.name} was not read") for note in notes)
    )


def _by_kind(source: SourceLayer, crs: str | None, encoding: str | None) -> list[SourceLayer]:
    """A layer that declares no kind of geometry by what it holds: its points and its polygons apart.

    Few of one kind among many of the other stay with them, for the rules to find, and so do all where the
    name says what they are.
    """
    if source.family is not Family.UNKNOWN or names_a_role(source.hint.names):
        return [source]
    table = read_table(source, crs, encoding)
    geometry = np.asarray(table.frame.geometry.array, dtype=object)
    kinds = np.array([Family.NONE if g is None else Family.of(g.geom_type) for g in geometry], dtype=object)
    points, polygons = kinds == Family.POINT, kinds == Family.POLYGON
    few, many = sorted((int(points.sum()), int(polygons.sum())))
    if few > FEW * many:
        parts = [(Family.POINT, points), (Family.POLYGON, ~points)]
    else:
        counted = {f: int((kinds == f).sum()) for f in (Family.POLYGON, Family.POINT, Family.LINE)}
        largest = max(counted, key=lambda f: counted[f])
        parts = [(largest if counted[largest] else Family.UNKNOWN, np.ones(len(geometry), dtype=bool))]
    attributes = table.frame.drop(columns=table.frame.geometry.name)
    out = []
    for family, mask in parts:
        at = np.flatnonzero(mask)
        loaded = Loaded(
            attributes.iloc[at].reset_index(drop=True),
            geometry[at],
            table.frame.crs,
            at + 1,
            None if table.fids is None else table.fids[at],
        )
        out.append(replace(source, family=family, features=len(at), notes=table.notes, loaded=loaded))
    return out


def _named_layers(
    specs: Sequence[str], present: Sequence[SourceLayer], scratch: Path, encoding: str | None
) -> tuple[list[SourceLayer], list[SourceLayer]]:
    """Layers the user gave a role, and those of ``present`` among them."""
    named: list[SourceLayer] = []
    used: list[SourceLayer] = []
    for spec in specs:
        name, equals, target = spec.partition("=")
        if not equals or not target:
            raise OptionError(f"{spec!r} is no layer; write role=path or role=path:layer.")
        try:
            role = Role(name.strip().replace("-", "_"))
        except ValueError:
            roles = [role.value for role in Role]
            hint = did_you_mean(name, roles) or "."
            raise OptionError(
                f"There is no layer role {name!r}; the roles are {', '.join(roles)}{hint}"
            ) from None
        own = [s for s in present if target in (s.layer, s.shown.stem)]
        if own:  # before a file of that name, which ./NAME means
            _refuse_other_kind(spec, own, role)
            named += [replace(s, role=role) for s in own]
            used += own
            continue
        path, layer = _split(target)
        if layer is None and present and not path.exists():
            names = ", ".join(dict.fromkeys(s.layer or s.shown.name for s in present))
            files = ", ".join(dict.fromkeys(str(s.shown) for s in present))
            raise InputError(f"{target!r} is neither a file nor a layer of {files}, which has {names}.")
        sources = find_layers([path], scratch, encoding).layers
        matching = [s for s in sources if layer is None or s.layer == layer]
        spatial = [s for s in matching if s.family is not Family.NONE]
        if not spatial:
            names = ", ".join(s.layer or s.shown.name for s in sources)
            what = f"no layer {layer!r}" if layer is not None and not matching else "no layer with geometry"
            raise InputError(f"{path} has {what}; it has {names}.")
        if layer is None and len(spatial) > 1 and len({s.family for s in spatial}) > 1:
            names = ", ".join(s.layer or s.shown.name for s in spatial)
            raise InputError(f"{path} has several layers ({names}); write {name}={path}:LAYER.")
        _refuse_other_kind(spec, spatial, role)
        named += [replace(s, role=role) for s in spatial]
        used += [s for s in present for t in spatial if (s.shown, s.layer) == (t.shown, t.layer)]
    return named, used


def _refuse_other_kind(spec: str, sources: Sequence[SourceLayer], role: Role) -> None:
    """Refuse polygons that are called markers, and points that are called outlines."""
    for source in sources:
        fits = role_of_family(source.family)
        if {role, fits} == {Role.MARKER, Role.OUTLINE}:
            kind = "points" if fits is Role.MARKER else "polygons"
            raise OptionError(
                f"--layer {spec}: {source.name} has {kind}, so it has no {role.title}; name another layer, "
                f"or call it {fits}."
            )


def layers_for(path: Path, specs: Sequence[str], paths: Sequence[Path]) -> tuple[str, ...]:
    """Which of the layers that the user named belong to one of several inputs.

    Parameters
    ----------
    path
        The input.
    specs
        ``role=layer``, which is one of all inputs that have such a layer, or ``role=path[:layer]``, which is
        one of them.
    paths
        All inputs.

    Raises
    ------
    OptionError
        If a file is named that is none of the inputs.
    """
    out = []
    for spec in specs:
        file, _ = _split(spec.partition("=")[2])
        owners = [
            p for p in paths if file.exists() and p.exists() and file.resolve().is_relative_to(p.resolve())
        ]
        if not owners and spec.partition("=")[2] and (file.exists() or len(paths) > 1):
            owners = [p for p in paths if _has_layer(p, spec.partition("=")[2])]
        if file.exists() and not owners:
            raise OptionError(
                f"--layer {spec} names a file that is none of {', '.join(str(p) for p in paths)}; "
                "name a layer of one of them."
            )
        if not owners or path in owners:
            out.append(spec)
    return tuple(out)


def _has_layer(path: Path, name: str) -> bool:
    """Whether an input has a layer or file of a name; one that cannot be listed is told when it is read."""
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        try:
            return any(name in (s.layer, s.shown.stem) for s in find_layers([path], Path(folder)).layers)
        except InputError:
            return False


def _split(target: str) -> tuple[Path, str | None]:
    """Path and layer; a colon that belongs to an existing path is none."""
    if Path(target).exists() or ":" not in target:
        return Path(target), None
    path, _, layer = target.rpartition(":")
    return (Path(path), layer or None) if Path(path).exists() else (Path(target), None)


def _with_roles(
    sources: Sequence[SourceLayer], taken: set[Role | None], dialect: Dialect, shown: str
) -> tuple[list[SourceLayer], list[str]]:
    """The layers to read, each with a role, and notes on those passed over."""
    chosen: list[SourceLayer] = []
    left: list[SourceLayer] = []
    notes: list[str] = []
    for source in sources:
        role = source.role or detect_role(source.hint, dialect)
        if role is None:
            left.append(source)
        elif source.role is None and role in taken:
            notes.append(f"{source.name} was not read: another layer was named for the {role.title}")
        else:
            chosen.append(replace(source, role=role))
    present = {source.role for source in chosen}
    by_geometry: dict[Role, list[SourceLayer]] = {}
    for source in left:
        common = detect_role(source.hint, load_dialect(GENERIC))
        role = common or role_of_family(source.family)
        if common is not None and common not in present | taken:
            chosen.append(replace(source, role=common))
            continue
        if role is None and source.family is Family.UNKNOWN and not chosen and len(left) == 1:
            role = Role.OUTLINE  # features of mixed types: the wrong ones are found by the rules
        if role is None or role in present or role in taken:
            notes.append(f"{source.name} was not read: neither name nor columns say what it is")
        else:
            by_geometry.setdefault(role, []).append(source)
    for role, group in by_geometry.items():
        if len({_likeness(s) for s in group}) > 1:
            titles = ", ".join(s.name for s in group)
            raise InputError(
                f"{shown} has several layers that could be the {role.title} ({titles}) and their names do "
                f"not say which; name one with --layer {role.value}=PATH:LAYER."
            )
        chosen += [replace(s, role=role) for s in group]
        notes += [f"{s.name} was taken for the {role.title} by its geometry" for s in group]
    if not chosen:
        titles = ", ".join(s.name for s in sources)
        raise InputError(
            f"{shown} has no layer of points or polygons ({titles}); an inventory has outlines (polygons) or "
            "primary markers (points). Name one with --layer outline=PATH:LAYER."
        )
    kept, doubled = _without_regional_copies(chosen)
    return kept, notes + doubled


def _likeness(source: SourceLayer) -> object:
    """Equal for layers that may be parts of one: the same columns, or folders of one KML file."""
    if source.format in (Format.KML, Format.KMZ):
        return source.shown
    return frozenset(normalise(column) for column in source.columns)


def _without_regional_copies(sources: list[SourceLayer]) -> tuple[list[SourceLayer], list[str]]:
    """Drop files that hold the regions of another one beside them: ``name_01`` ... of ``name``."""
    notes: list[str] = []
    dropped: set[int] = set()
    for whole in sources:
        stem = whole.shown.stem
        parts = [
            i
            for i, s in enumerate(sources)
            if s.role is whole.role
            and s.shown.parent == whole.shown.parent
            and s.shown.stem.startswith(f"{stem}_")
            and s.shown.stem[len(stem) + 1 :].isdigit()
        ]
        counts = [sources[i].features for i in parts]
        if parts and None not in counts and sum(c or 0 for c in counts) == whole.features:
            dropped.update(parts)
            notes.append(
                f"{len(parts)} regional files {stem}_NN were not read: {whole.shown.name} contains the "
                "same features"
            )
    return [s for i, s in enumerate(sources) if i not in dropped], notes


def _part(role: Role, tables: list[tuple[SourceLayer, Table]]) -> Part:
    """The tables of one role as one; they must share their CRS."""
    sources = tuple(Source(s.shown, s.layer, s.format.value, len(t.frame)) for s, t in tables)
    first, table = tables[0]
    name = first.layer or first.shown.stem
    if len(tables) == 1:
        return Part(role, table.frame, name, sources, _rows(table), table.fids, None, table.notes)
    for source, other in tables[1:]:
        if other.frame.crs != table.frame.crs:
            raise InputError(
                f"{first.title} is in {_crs_name(table)} but {source.title} in {_crs_name(other)}; bring the "
                f"{role.title} into one coordinate reference system, or read the files one by one."
            )
    frames = [t.frame.rename_geometry("geometry") if _free(t) else t.frame for _, t in tables]
    lengths = [len(f) for f in frames]
    filled = [f for f in frames if len(f)] or frames[:1]
    frame = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
    all_fids = [t.fids for _, t in tables]
    fids = (
        None if any(f is None for f in all_fids) else np.concatenate([f for f in all_fids if f is not None])
    )
    notes = tuple(f"{s.shown.name}: {note}" for s, t in tables for note in t.notes)
    return Part(
        role,
        frame,
        name,
        sources,
        np.concatenate([_rows(t) for _, t in tables]),
        fids,
        np.repeat(np.arange(len(tables), dtype=np.int64), lengths),
        notes,
    )


def _rows(table: Table) -> NDArray[np.int64]:
    return np.arange(1, len(table.frame) + 1, dtype=np.int64) if table.rows is None else table.rows


def _free(table: Table) -> bool:
    return "geometry" not in table.frame.columns


def _crs_name(table: Table) -> str:
    crs = table.frame.crs
    return "no coordinate reference system" if crs is None else str(crs.to_string())[:60]


def _check_encoding(encoding: str | None) -> None:
    if encoding is None:
        return
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise InputError(f"There is no encoding {encoding!r}; try utf-8, cp1252 or gb18030.") from None


def _check_crs(crs: str | None) -> None:
    if crs is None:
        return

    try:
        pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise OptionError(
            f"{crs!r} is not a coordinate reference system; try an EPSG code such as EPSG:4326."
        ) from None
