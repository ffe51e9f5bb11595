"""Two versions of a synthetic inventory with known edits between them, and the folders of their releases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.affinity

from rogi.areas import area_m2
from rogi.errors import OptionError
from rogi.files import write_text
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory
from rogi.release.description import Affiliation, Licence, Person, Release, Thresholds, Tombstone
from rogi.release.statement import release_text
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory

EDITS_PER_KIND: Final = 2
SMALLEST: Final = 12 * EDITS_PER_KIND
NAME: Final = "Synthetic"
SHRINK: Final = 0.97  # of a refined outline about its marker: IoU 0.97² = 0.9409


@dataclass(frozen=True, slots=True, eq=False)
class Versions:
    """Two versions and what lies between them.

    Attributes
    ----------
    first, second
        The inventories.
    fates
        ID -> kind of change (`rogi.release.differences.values.Kind`), for the units that changed: the old ID
        where it is gone, else the new one.
    retired
        Tombstones of the IDs that are gone.
    """

    first: Inventory
    second: Inventory
    fates: Mapping[str, str]
    retired: tuple[Tombstone, ...]


def two_versions(count: int, seed: int = 0, *, worldwide: bool = False) -> Versions:
    """A synthetic inventory and an edited one.

    Of each kind two: units added, removed, split (one part keeps the ID), merged, renamed, refined, and with
    another reviewer.

    Parameters
    ----------
    count
        Units of the first version.
    seed
        Same seed and count: the same versions.
    worldwide
        On all continents, see :func:`rogi.synthetic.inventory.synthetic_inventory`.

    Raises
    ------
    OptionError
        If there are too few units to edit.
    """
    from rogi.release.differences.difference import Kind

    if count < SMALLEST:
        raise OptionError(f"Two versions need at least {SMALLEST} units to edit, not {count}.")
    k = EDITS_PER_KIND
    whole = synthetic_inventory(count + k, seed, worldwide=worldwide)
    outline, marker = (_frame(whole, role) for role in (Role.OUTLINE, Role.MARKER))
    order = np.random.default_rng(seed).permutation(count + k)
    added, removed, split, renamed, refined, valued = (order[i * k : (i + 1) * k] for i in range(6))
    rest = order[6 * k :]
    # Merged units are neighbours: each of two with the nearest of those that are left.
    points = shapely.points(outline["LON"].to_numpy(), outline["LAT"].to_numpy())
    merged = []
    for _ in range(k):
        one = rest[0]
        near = rest[1:][np.argmin(shapely.distance(points[rest[1:]], points[one]))]
        merged.append((int(one), int(near)))
        rest = rest[(rest != one) & (rest != near)]
    keep_first = np.setdiff1d(np.arange(count + k), added)
    first = {
        r: f.iloc[keep_first].reset_index(drop=True)
        for r, f in ((Role.OUTLINE, outline), (Role.MARKER, marker))
    }

    ids = outline["ID"].to_numpy(dtype=object).copy()
    lon, lat = outline["LON"].to_numpy(float).copy(), outline["LAT"].to_numpy(float).copy()
    shapes = np.asarray(outline.geometry.array, dtype=object).copy()
    reviewer = outline["REVIEWER"].to_numpy(dtype=object).copy()
    fates: dict[str, str] = {ids[i]: Kind.ADDED.value for i in added}
    stones: list[Tombstone] = []
    for i in removed:
        fates[ids[i]] = Kind.REMOVED.value
        stones.append(Tombstone(ids[i], "not a rock glacier: debris-covered glacier"))
    for i in refined:
        shapes[i] = _rounded(shapely.affinity.scale(shapes[i], SHRINK, SHRINK, origin=(lon[i], lat[i])))
        fates[ids[i]] = Kind.REFINED.value
    for i in valued:
        reviewer[i] = "Reviewer J"
        fates[ids[i]] = Kind.ATTRIBUTES.value
    for i in renamed:
        old = ids[i]
        lat[i] = round(lat[i] + 2e-4, 6)
        ids[i] = make([lon[i]], [lat[i]])[0]
        fates[old] = Kind.RENAMED.value
        stones.append(Tombstone(old, "marker moved", (ids[i],)))
    for one, other in merged:
        shapes[one] = shapely.union(shapes[one], shapes[other])
        fates[ids[other]] = Kind.MERGED.value
        stones.append(Tombstone(ids[other], "one unit with its neighbour", (ids[one],)))
    parts = []
    for i in split:
        own, cut, at = _halves(shapes[i], lon[i], lat[i])
        shapes[i] = own
        parts.append((i, cut, at))
        fates[ids[i]] = Kind.SPLIT.value
    table = outline.assign(ID=ids, LON=lon, LAT=lat, REVIEWER=reviewer).set_geometry(_column(shapes, outline))
    extra = table.iloc[[i for i, _, _ in parts]].copy()
    extra["LON"] = [at.x for _, _, at in parts]
    extra["LAT"] = [at.y for _, _, at in parts]
    extra["ID"] = make(extra["LON"].to_numpy(float), extra["LAT"].to_numpy(float))
    extra = extra.set_geometry(_column(np.array([cut for _, cut, _ in parts], dtype=object), outline))
    gone = [*removed.tolist(), *(other for _, other in merged)]
    second = _joined([table.iloc[np.setdiff1d(np.arange(count + k), gone)], extra])
    second["AREA"] = area_m2(np.asarray(second.geometry.array, dtype=object), "EPSG:4326") / 1e6
    identity = [c for c in marker.columns if c != marker.geometry.name]
    points = shapely.points(second["LON"].to_numpy(float), second["LAT"].to_numpy(float))
    second_marker = second[identity].copy()
    frames: dict[Role, Any] = {
        Role.OUTLINE: second,
        Role.MARKER: _geo(second_marker, points, outline.crs),
    }
    make_inventory = {"schema": "tprogi/1.0", "dialect": "tprogi"}
    return Versions(
        from_frames(first, **make_inventory, path=f"synthetic {count}"),
        from_frames(frames, **make_inventory, path=f"synthetic {count}, edited"),
        fates,
        tuple(stones),
    )


def write_release_folders(versions: Versions, folder: str | Path) -> tuple[Path, Path]:
    """``release.yaml`` and ``CHANGELOG.md`` of both versions, as a maintainer keeps them.

    Parameters
    ----------
    versions
        The inventories and their tombstones.
    folder
        Made if need be; gets ``1.0/`` and ``1.1/``.

    Returns
    -------
    tuple of Path
        The two folders.
    """
    first = Release(
        inventory=NAME,
        version="1.0",
        date=dt.date(2026, 1, 15),
        title="A synthetic rock glacier inventory",
        description="Seeded outlines and markers with made-up attributes, for trials. No real landforms.",
        schema="tprogi/1.0",
        licence=Licence(
            "CC-BY-4.0",
            "Creative Commons Attribution 4.0 International",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        # The ORCID and ROR that the two registries give as examples.
        creators=(
            Person(
                "Carberry", "Josiah", "0000-0002-1825-0097", (Affiliation("Brown University", "05gq02987"),)
            ),
        ),
        keywords=("rock glacier", "synthetic"),
        period=(dt.date(2025, 7, 1), dt.date(2025, 9, 30)),
        provenance=(("all", "rogi synthetic"),),
        limits=("Nothing in it is real.",),
        thresholds=Thresholds(count=0.1, area=0.25, subregion=5.0),
    )
    second = replace(
        first, version="1.1", date=dt.date(2026, 6, 15), previous="1.0", retired=versions.retired
    )
    folders = []
    for release, said in (
        (first, "First release."),
        (second, "Units reviewed again; two found, two taken out."),
    ):
        path = Path(folder) / release.version
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "release.yaml", release_text(release))
        write_text(path / "CHANGELOG.md", f"# {NAME} {release.version} ({release.date})\n\n{said}\n")
        folders.append(path)
    return folders[0], folders[1]


def _frame(inventory: Inventory, role: Role) -> gpd.GeoDataFrame:
    layer = inventory.layer(role)
    assert layer is not None
    return layer.frame


def _column(shapes: Any, like: gpd.GeoDataFrame) -> Any:
    """Geometries as a column in the CRS of a table."""
    return gpd.array.GeometryArray(np.asarray(shapes, dtype=object), crs=like.crs)


def _geo(table: Any, points: Any, crs: Any) -> Any:
    return gpd.GeoDataFrame(pd.DataFrame(table), geometry=points, crs=crs)


def _joined(tables: list[Any]) -> Any:
    return pd.concat(tables, ignore_index=True)


def _rounded(shape: Any) -> Any:
    return shapely.transform(shape, lambda xy: np.round(xy, 6))


def _halves(shape: Any, lon: float, lat: float) -> tuple[Any, Any, Any]:
    """The part of an outline with its marker, the other, and a marker for that; cut beside the marker."""
    west, south, east, north = shape.bounds
    at = lon + 0.25 * (east - lon)
    inside = shapely.intersection(shape, shapely.box(west - 1, south - 1, at, north + 1))
    other = shapely.intersection(shape, shapely.box(at, south - 1, east + 1, north + 1))
    own, cut = (max(shapely.get_parts(p).tolist(), key=shapely.area) for p in (inside, other))
    point = shapely.transform(shapely.point_on_surface(cut), lambda xy: np.round(xy, 6))
    return own, cut, point
