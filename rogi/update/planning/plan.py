"""The plan of an update: candidates matched with the inventory, as tasks shared out to mappers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rogi.comparison.matching.graph import SLIVER_FRACTION, MatchGraph, match_polygons
from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, Ints, cylindrical_equal_area
from rogi.inventory.read import read_inventory
from rogi.memory import give_back_memory
from rogi.raster.guard import is_there
from rogi.update.mapper_names import NOBODY, file_names
from rogi.update.planning.candidate_files import Candidates, read_candidates, refuse_candidates
from rogi.update.planning.classes import CLASSES, GLACIER_SHARE, UNCHANGED_IOU, Clusters, classify, joined
from rogi.update.planning.evidence import Evidence, gather_evidence
from rogi.update.planning.partition import NEAR_M, Part, divide, groups, quality
from rogi.update.planning.plan_content import plan_content
from rogi.update.planning.surroundings import neighbours
from rogi.update.planning.tasks import DIGITS, task_table
from rogi.update.planning.units import Texts, Units, read_units

TASKS_PER_AREA: Final = 200
"""Tasks of an area of a package, about, where the user names no number of areas."""

Progress = Callable[[str, int, int], None]
STEPS: Final = ("reading", "matching", "looking at ice and imagery", "dividing")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Choices a plan is made with; ``areas_per_mapper`` 0 lets the number of tasks decide."""

    unchanged_iou: float = UNCHANGED_IOU
    sliver_fraction: float = SLIVER_FRACTION
    glacier_share: float = GLACIER_SHARE
    near_m: float = NEAR_M
    areas_per_mapper: int = 0
    ask_front_rule: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What to plan from; paths as the user gave them, ``FILE:LAYER`` where a file has several layers."""

    inventory: tuple[Path, ...]
    candidates: str
    glaciers: str | None = None
    probability: Path | None = None
    mappers: tuple[str, ...] = ()
    imagery: tuple[Path, ...] = ()
    parameters: Parameters = field(default_factory=Parameters)
    layers: tuple[str, ...] = ()
    schema: str | None = None
    dialect: str | None = None
    crs: str | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """One work package of a plan; ``stem`` is the name of its files."""

    number: int
    name: str
    stem: str
    mapper: str
    areas: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan in memory.

    Attributes
    ----------
    content
        What ``plan.json`` says.
    tasks
        One row per task: the planned columns of :data:`rogi.update.vocabulary.TASK_COLUMNS`, ``package`` (its
        number), ``doubt`` (0-1) and the outline to start from; by package, then priority.
    current, candidates
        Outlines of all units and candidates with ``package``.
    context
        Outlines of other packages near each package, with ``package`` (whose neighbours they are) and
        ``mapper`` (whose tasks they are).
    packages
        In the order of their numbers.
    request
        What it was made from.
    notes
        What was left out, mended or taken for granted.
    damaged
        What is wrong with files that could not be read; what lies on them could not be judged.
    """

    content: dict[str, Any]
    tasks: gpd.GeoDataFrame
    current: gpd.GeoDataFrame
    candidates: gpd.GeoDataFrame
    context: gpd.GeoDataFrame
    packages: tuple[Package, ...]
    request: Request
    notes: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def make_plan(request: Request, progress: Progress | None = None) -> Plan:
    """Read everything, match, classify, divide.

    Parameters
    ----------
    request : Request
    progress : callable, optional
        Called with what is being done, its number, and the number of steps.

    Returns
    -------
    Plan
        The same files and parameters give the same plan.

    Raises
    ------
    InputError
        If a file cannot be used.
    OptionError
        If names of mappers are no use, or there are more mappers than groups of tasks.
    """

    def step(number: int) -> None:
        if progress is not None:
            progress(STEPS[number], number + 1, len(STEPS))

    parameters = request.parameters
    mappers = request.mappers or (NOBODY,)
    stems = file_names(mappers)
    for image in request.imagery:
        if not is_there(image):
            raise InputError(f"There is no image {image}; give the path of a file that exists.")
    step(0)
    inventory = read_inventory(
        request.inventory,
        schema=request.schema,
        dialect=request.dialect,
        layers=request.layers,
        crs=request.crs,
    )
    if request.dialect is None:
        refuse_candidates(inventory)
    units = read_units(inventory)
    found = read_candidates(request.candidates, units, crs=request.crs)
    step(1)
    sides = _sides(units, found)
    graph = match_polygons(*sides, sliver_fraction=parameters.sliver_fraction)
    step(2)
    known = gather_evidence(
        units, found, sides, glaciers=request.glaciers, probability=request.probability, crs=request.crs
    )
    lonlat, plane_crs = np.concatenate([side.geometries for side in sides]), sides[0].plane_crs
    give_back_memory()
    clusters = classify(
        graph,
        unchanged_iou=parameters.unchanged_iou,
        unit_glacier_share=known.unit_ice,
        candidate_glacier_share=known.candidate_ice,
        glacier_share=parameters.glacier_share,
    )
    tasks, outline = task_table(units, found, graph, clusters, known)
    step(3)
    work = np.zeros(len(units) + len(found))
    work[outline] = tasks["work"].to_numpy()
    tied = _same_parent(found, len(units))
    group = groups(lonlat, graph, work, len(mappers), tied=tied, near_m=parameters.near_m)
    corners = cylindrical_equal_area(shapely.bounds(lonlat).reshape(-1, 2), plane_crs)
    west, south, east, north = corners.reshape(-1, 4).T
    places = np.column_stack([(west + east) / 2, (south + north) / 2])
    shared = _share_out(places, work, outline, group, mappers, stems, parameters.areas_per_mapper)
    frame = _task_frame(units, found, tasks, outline, shared)
    notes = [*units.notes, *found.notes, *known.notes]
    if not graph.linked.any():
        notes.append("no candidate overlaps a unit: are the files of one place and CRS?")
    described = list(zip(shared.packages, shared.facts, strict=True))
    return Plan(
        content=plan_content(request, units, found, known.glacier_file, frame, described, notes),
        tasks=frame,
        current=_current(units, graph, clusters, shared),
        candidates=_candidates(units, found, graph, clusters, known, shared),
        context=_context(units, found, lonlat, clusters, shared),
        packages=shared.packages,
        request=request,
        notes=tuple(notes),
        damaged=tuple(map(str, known.damaged)),
    )


def _sides(units: Units, found: Candidates) -> tuple[Outlines, Outlines]:
    one, other = prepare_together([(units.lonlat, 4326), (found.lonlat, 4326)])
    return one, other


@dataclass(frozen=True, eq=False)
class _Shared:
    """Package and area of each outline (units, then candidates), and how even the packages are."""

    package: Ints
    area_name: Texts
    packages: tuple[Package, ...]
    facts: list[Part]


def _share_out(
    places: Floats,
    work: Floats,
    outline: Ints,
    group: Ints,
    mappers: Sequence[str],
    stems: Sequence[str],
    areas: int,
) -> _Shared:
    package = divide(places, work, group, len(mappers))
    facts = quality(places[outline], work[outline], package[outline], len(mappers))
    area_name = np.full(len(work), None, dtype=object)
    packages = []
    for number, (mapper, stem) in enumerate(zip(mappers, stems, strict=True)):
        rows = np.flatnonzero(package == number)
        _, own = np.unique(group[rows], return_inverse=True)
        wanted = areas or -(-facts[number].members // TASKS_PER_AREA)
        parts = min(max(wanted, 1), int(own.max()) + 1)
        names = [f"{k + 1:0{len(str(parts))}d}" for k in range(parts)]
        area_name[rows] = np.array(names, dtype=object)[divide(places[rows], work[rows], own, parts)]
        packages.append(Package(number, mapper, stem, mapper, tuple(names)))
    return _Shared(package, area_name, tuple(packages), facts)


def _same_parent(found: Candidates, first: int) -> tuple[Ints, Ints]:
    """Pairs of candidates that were one polygon before they were separated; ``first`` is added to rows."""
    rows = np.flatnonzero(found.texts["parent_id"] != None)  # noqa: E711 - elementwise
    names = found.texts["parent_id"][rows].astype(str)
    order = np.argsort(names, kind="stable")
    same = names[order][1:] == names[order][:-1]
    return rows[order][:-1][same] + first, rows[order][1:][same] + first


def _task_frame(
    units: Units, found: Candidates, tasks: pd.DataFrame, outline: Ints, shared: _Shared
) -> gpd.GeoDataFrame:
    """The tasks by package and priority: the largest gain first, the tasks of a cluster together."""
    package = shared.package[outline]
    order = np.lexsort(
        [tasks["task"].to_numpy(dtype=str), tasks["cluster"].to_numpy(), -tasks["gain"].to_numpy(), package]
    )
    first = np.searchsorted(package[order], np.arange(len(shared.packages)))
    table = tasks.drop(columns="cluster").iloc[order].reset_index(drop=True)
    table = table.assign(
        area_name=shared.area_name[outline][order],
        priority=np.arange(len(table)) - first[package[order]] + 1,
        package=package[order],
    )
    shapes = np.concatenate([units.geometry, found.geometry])
    return gpd.GeoDataFrame(table, geometry=shapes[outline[order]], crs=units.layer.crs)


def _current(units: Units, graph: MatchGraph, clusters: Clusters, shared: _Shared) -> gpd.GeoDataFrame:
    own = {
        "unit": units.ids,
        "class": _CLASS_NAMES[clusters.code[clusters.of_unit]],
        "area_km2": (graph.area_a / 1e6).round(6),
        "package": shared.package[: len(units)],
    }
    attributes = units.attributes
    taken = {*own, "fid", "geom"}  # a GeoPackage takes no two names that differ by case only
    for column in attributes.columns:
        name, number = str(column), 1
        while name.casefold() in taken:
            number += 1
            name = f"{column}_{number}"
        taken.add(name.casefold())
        own[name] = attributes[column].to_numpy()
    return gpd.GeoDataFrame(pd.DataFrame(own), geometry=units.geometry, crs=units.layer.crs)


def _candidates(
    units: Units, found: Candidates, graph: MatchGraph, clusters: Clusters, known: Evidence, shared: _Shared
) -> gpd.GeoDataFrame:
    columns = {
        "candidate": found.ids,
        "unit": joined(clusters.of_unit, units.ids, len(clusters))[clusters.of_candidate],
        "class": _CLASS_NAMES[clusters.code[clusters.of_candidate]],
        "confidence": known.confidence.round(DIGITS),
        "model_spread": found.model_spread.round(DIGITS),
        "glacier_share": known.candidate_ice.round(DIGITS),
        **found.texts,
        "area_km2": (graph.area_b / 1e6).round(6),
        "package": shared.package[len(units) :],
    }
    return gpd.GeoDataFrame(columns, geometry=found.geometry, crs=units.layer.crs)


def _context(
    units: Units, found: Candidates, lonlat: Geometries, clusters: Clusters, shared: _Shared
) -> gpd.GeoDataFrame:
    beside, rows = neighbours(lonlat, shared.package)
    is_unit = rows < len(units)
    ids = pd.Series(np.append(units.ids, found.ids)[rows], dtype="object")
    owner = np.array([p.mapper for p in shared.packages], dtype=object)
    columns = {
        "kind": np.where(is_unit, "unit", "candidate").astype(object),
        "unit": ids.where(is_unit, None),
        "candidate": ids.where(~is_unit, None),
        "class": _CLASS_NAMES[clusters.code[np.append(clusters.of_unit, clusters.of_candidate)[rows]]],
        "mapper": owner[shared.package[rows]],
        "package": beside,
    }
    shapes = np.concatenate([units.geometry, found.geometry])[rows]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=units.layer.crs)


_CLASS_NAMES: Final = np.array([kind.value for kind in CLASSES], dtype=object)
