"""A small inventory with candidates of every class, and a work folder planned from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.affinity import scale, translate

from rogi.areas import area_m2
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory
from rogi.inventory.write import write_inventory
from rogi.ledger import file_sha256
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory
from rogi.update.packages.package import write_package
from rogi.update.vocabulary import APPLICATION, FORMAT, TaskClass

ROWS, COLUMNS = 5, 6
WEST, SOUTH, STEP = 74.0, 37.5, 0.02
HALF_WIDTH, HALF_HEIGHT = 0.004, 0.003  # degrees
CRS = "EPSG:4326"


def octagon(
    lon: float, lat: float, width: float = HALF_WIDTH, height: float = HALF_HEIGHT
) -> shapely.Polygon:
    """A rectangle with cut corners; `width` and `height` are half of its sides, in degrees."""
    x, y = 0.7 * width, 0.7 * height
    ring = [(width, -y), (width, y), (x, height), (-x, height), (-width, y), (-width, -y), (-x, -height)]
    return shapely.Polygon([(round(lon + a, 6), round(lat + b, 6)) for a, b in [*ring, (x, -height)]])


@dataclass
class Case:
    """Units and candidates, with the class each task should get.

    Unit ``r{row}c{column}`` and candidate names are keys of the dictionaries; ``unit`` gives the primary ID.
    By column: 0 unchanged, 1 changed, 2 not detected, 3 split; 4 and 5 touch, and are merged in rows 0 to 2,
    unchanged in row 3, complex in row 4. Candidates without a unit lie west of column 0, the one of row 4
    on a glacier.
    """

    unit: dict[str, str] = field(default_factory=dict)
    outline: dict[str, shapely.Polygon] = field(default_factory=dict)
    candidate: dict[str, shapely.Polygon] = field(default_factory=dict)
    unit_class: dict[str, TaskClass] = field(default_factory=dict)
    new_class: dict[str, TaskClass] = field(default_factory=dict)
    matched: dict[str, tuple[str, ...]] = field(default_factory=dict)
    glacier: shapely.Polygon = field(default_factory=shapely.Polygon)


def make_case() -> Case:
    """30 units and their candidates."""
    case = Case()
    for row in range(ROWS):
        lat = SOUTH + STEP * row
        for column in range(COLUMNS):
            name = f"r{row}c{column}"
            lon = WEST + STEP * min(column, 4) + (2 * HALF_WIDTH if column == 5 else 0.0)
            case.outline[name] = octagon(lon, lat)
            case.unit[name] = str(make(lon, lat)[0])
        outline = case.outline

        def add(
            units: list[str], kind: TaskClass, candidates: list[shapely.Geometry], row: int = row
        ) -> None:
            names = tuple(f"C-{row}-{units[0][-2:]}-{k}" for k in range(len(candidates)))
            case.candidate |= dict(zip(names, candidates, strict=True))
            case.unit_class |= dict.fromkeys(units, kind)
            case.matched |= dict.fromkeys(units, names)

        names = [f"r{row}c{column}" for column in range(COLUMNS)]
        add([names[0]], TaskClass.UNCHANGED, [scale(outline[names[0]], 0.98, 0.98)])
        add([names[1]], TaskClass.CHANGED, [translate(outline[names[1]], HALF_WIDTH / 2, 0.0)])
        add([names[2]], TaskClass.NOT_DETECTED, [])
        lon = WEST + 3 * STEP
        halves = [octagon(lon + s * HALF_WIDTH / 2, lat, HALF_WIDTH * 0.45) for s in (-1, 1)]
        add([names[3]], TaskClass.SPLIT, halves)
        pair = names[4:]
        both = shapely.union_all([outline[n] for n in pair])
        if row < 3:
            add(pair, TaskClass.MERGED, [shapely.convex_hull(both)])
        elif row == 3:
            for n in pair:
                add([n], TaskClass.UNCHANGED, [scale(outline[n], 0.99, 0.99)])
        else:
            west, south, east, north = both.bounds
            middle = (south + north) / 2
            bands = [
                shapely.box(west, south, east, middle - 2e-4),
                shapely.box(west, middle + 2e-4, east, north),
            ]
            add(pair, TaskClass.COMPLEX, bands)
        new = f"C-{row}-new"
        case.candidate[new] = octagon(WEST - STEP, lat, 0.003, 0.002)
        case.new_class[new] = TaskClass.ON_GLACIER if row == ROWS - 1 else TaskClass.NEW
    case.glacier = shapely.box(WEST - STEP - 0.01, SOUTH + STEP * 3.6, WEST - STEP + 0.01, SOUTH + STEP * 4.4)
    return case


def make_inventory(case: Case) -> Inventory:
    """The units as an inventory of the schema tprogi/1.0, without findings but for made-up attributes."""
    names = list(case.outline)
    plain = synthetic_inventory(len(names), seed=7, region="Eastern Pamir")
    shapes = np.array([case.outline[n] for n in names], dtype=object)
    lon, lat = shapely.get_coordinates(shapely.centroid(shapes)).round(6).T
    common = {"ID": [case.unit[n] for n in names], "LON": lon, "LAT": lat}
    frames = {}
    for layer in plain.layers:
        outline = layer.role is Role.OUTLINE
        geometry = shapes if outline else shapely.points(lon, lat)
        frame = gpd.GeoDataFrame(
            pd.DataFrame(layer.frame.drop(columns=layer.frame.geometry.name)).assign(**common)
        )
        if outline:
            frame["AREA"] = area_m2(shapes, CRS) / 1e6
        frames[layer.role] = frame.set_geometry(gpd.GeoSeries(geometry, crs=CRS))
    return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path="v1.0")


def candidate_frame(case: Case) -> gpd.GeoDataFrame:
    """The candidates with the columns of a candidates file."""
    n = len(case.candidate)
    return gpd.GeoDataFrame(
        {
            "candidate_id": list(case.candidate),
            "confidence": np.round(np.linspace(0.55, 0.95, n), 3),
            "model": "trial@0123456789ab",
            "imagery": "season.tif",
            "image_date": "2026-08-01",
        },
        geometry=list(case.candidate.values()),
        crs=CRS,
    )


@dataclass(frozen=True)
class Inputs:
    """Files of a case."""

    case: Case
    inventory: Path
    candidates: Path
    glaciers: Path


def write_inputs(folder: Path) -> Inputs:
    """Inventory, candidates and glaciers as GeoPackages in a folder."""
    case = make_case()
    inventory, candidates, glaciers = (folder / f"{n}.gpkg" for n in ("v1.0", "candidates", "glaciers"))
    write_inventory(make_inventory(case), inventory)
    candidate_frame(case).to_file(candidates, layer="candidates")
    gpd.GeoDataFrame({"name": ["G1"]}, geometry=[case.glacier], crs=CRS).to_file(glaciers, layer="glaciers")
    return Inputs(case, inventory, candidates, glaciers)


def task_frame(case: Case) -> gpd.GeoDataFrame:
    """Every task of the case, as the layer ``tasks`` has them."""
    rows = [
        {
            "task": f"U:{case.unit[name]}",
            "unit": case.unit[name],
            "candidate": " ".join(case.matched[name]) or None,
            "class": kind.value,
            "geometry": case.outline[name],
        }
        for name, kind in case.unit_class.items()
    ]
    rows += [
        {"task": f"C:{name}", "candidate": name, "class": kind.value, "geometry": case.candidate[name]}
        for name, kind in case.new_class.items()
    ]
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS).assign(area_name="A1", priority=1, gain=0.5)
    return frame.sort_values("task", ignore_index=True)


def make_work(folder: Path, mappers: tuple[str, ...] = ("anna", "ben")) -> tuple[Inputs, Path]:
    """Inputs, and a work folder planned from them: the rows of the grid shared out to the mappers."""
    inputs = write_inputs(folder)
    case = inputs.case
    work = folder / "work"
    work.mkdir()
    tasks = task_frame(case)
    row = np.round((shapely.get_y(shapely.centroid(tasks.geometry)) - SOUTH) / STEP).astype(int)
    owner = row * len(mappers) // ROWS
    units = gpd.GeoDataFrame(
        {"unit": list(case.unit.values())}, geometry=list(case.outline.values()), crs=CRS
    )
    found = candidate_frame(case).rename(columns={"candidate_id": "candidate"})
    packages = []
    for number, mapper in enumerate(mappers):
        mine = tasks[owner == number]
        here = units["unit"].isin(mine["unit"].dropna())
        shown = found["candidate"].isin(" ".join(mine["candidate"].dropna()).split())
        context = units[~here].assign(mapper="other")
        plan = {"format": str(FORMAT), "application": APPLICATION, "package": mapper, "mapper": mapper}
        write_package(work / f"{mapper}.gpkg", mine, units[here], found[shown], context, plan=plan)
        packages.append({"name": mapper, "mapper": mapper, "file": f"{mapper}.gpkg", "tasks": len(mine)})
    content = {
        "format": FORMAT,
        "application": APPLICATION,
        "inventory": {"name": inputs.inventory.name, "sha256": file_sha256(inputs.inventory)},
        "candidates": {"name": inputs.candidates.name, "sha256": file_sha256(inputs.candidates)},
        "mappers": list(mappers),
        "packages": packages,
    }
    (work / "plan.json").write_text(json.dumps(content, indent=1) + "\n")
    tasks.drop(columns="geometry").assign(mapper=[mappers[k] for k in owner]).to_csv(
        work / "tasks.csv", index=False
    )
    return inputs, work
