"""Local inventories that others are compared with: what was published, and what an inventory has there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import shapely

from rogi.comparison.matching.sides import Side
from rogi.errors import OptionError
from rogi.inventory.regions import Regions, assign, fold, read_regions, same_name
from rogi.schema.load import data_root, read_yaml
from rogi.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Reference:
    """A published inventory.

    Attributes
    ----------
    name, title, location, citation, doi
    description
        Of its region, in words.
    subregion
        Name of the subregion to count in where no polygon of the study area is given; may be empty.
    file
        Polygons of the study area, or None.
    published, compared
        Published counts: units of the reference, and of the inventory it was compared with; None if not
        published.
    inventory, source
        The inventory compared, and where the counts are from.
    """

    name: str
    title: str
    location: str
    citation: str
    doi: str
    description: str
    subregion: str
    file: Path | None
    published: int
    compared: int | None
    inventory: str
    source: str


@dataclass(frozen=True, slots=True)
class ReferenceCount:
    """Published and computed counts side by side.

    Attributes
    ----------
    reference
    count
        Units of the inventory at hand in the region; None if it could not be counted.
    own_count
        Units in the file of the reference itself; None if it was not given.
    how
        How the region was told, or why it could not be.
    """

    reference: Reference
    count: int | None
    own_count: int | None
    how: str


def load_references(names: list[str]) -> list[Reference]:
    """References by name, by path of a YAML file, or all that come with rogi (``all``).

    Raises
    ------
    OptionError
        If a name is not known.
    InputError
        If a file cannot be read or is not a reference.
    """
    out: list[Reference] = []
    known = {r.name: r for r in _packaged()}
    for name in names:
        if name == "all":
            out += known.values()
        elif name in known:
            out.append(known[name])
        elif name.endswith((".yaml", ".yml")) or Path(name).is_file():
            out.append(_read(Path(name), kind="reference"))
        else:
            raise OptionError(
                f"There is no reference {name!r}; there are {', '.join(known)}, all, or a YAML file of yours"
                f"{did_you_mean(name, known) or '.'}"
            )
    return list(dict.fromkeys(out))


def count_units(
    side: Side, reference: Reference, regions: Regions | None = None, own: Side | None = None
) -> ReferenceCount:
    """Units of an inventory in the region of a reference.

    The region is, in this order: the polygon of ``regions`` with the reference's name, title or location;
    the file the reference names; the convex hull of the reference inventory itself; the subregion it names.

    Parameters
    ----------
    side
        The inventory at hand.
    reference
    regions
        Named polygons.
    own
        The reference inventory.
    """
    inside, how = in_region(side, reference, regions, own)
    own_count = None if own is None else len(own)
    return ReferenceCount(reference, None if inside is None else int(inside.sum()), own_count, how)


def in_region(
    side: Side, reference: Reference, regions: Regions | None = None, own: Side | None = None
) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]] | None, str]:
    """Which objects of a side are in the region of a reference, and how it was told; None: it could not."""
    polygons, how = _polygons(reference, regions, own)
    if polygons is not None:
        inside = np.array([n is not None for n in assign(side.places(), polygons)], bool)
        return inside, how
    if reference.subregion:
        if not any(r is not None for r in side.region):
            return None, f"no subregions in {side.name}, and no polygon of the study area"
        wanted = fold(reference.subregion)
        inside = np.array([r is not None and fold(r) == wanted for r in side.region], bool)
        return inside, f"subregion {reference.subregion}"
    return None, "no polygon of the study area"


def _polygons(reference: Reference, regions: Regions | None, own: Side | None) -> tuple[Regions | None, str]:
    if regions is not None:
        for name in (reference.name, reference.title, reference.location):
            found = same_name(name, list(regions.names))
            if found is not None:
                at = regions.names.index(found)
                return Regions((found,), regions.geometry[at : at + 1]), f"polygon {found!r}"
    if reference.file is not None:
        area = read_regions(reference.file)
        return Regions((reference.name,), np.array([shapely.union_all(area.geometry)])), reference.file.name
    if own is not None and len(own):
        hull = shapely.convex_hull(shapely.GeometryCollection(own.geometries.tolist()))
        return Regions((reference.name,), np.array([hull])), "convex hull of the reference inventory"
    return None, ""


@cache
def _packaged() -> tuple[Reference, ...]:
    folder = data_root() / "schemas" / "references"
    found = [_read(path, kind=None) for path in sorted(folder.glob("*.yaml"))]
    return tuple(sorted(found, key=lambda r: (r.name.rsplit("-", 1)[-1], r.name)))


def _read(path: Path, kind: str | None) -> Reference:
    raw = read_yaml(path, kind=kind)
    region, published = raw["region"], raw["published"]
    file = region.get("file")
    return Reference(
        name=raw["name"],
        title=raw["title"],
        location=raw["location"],
        citation=raw["citation"],
        doi=raw.get("doi", ""),
        description=region["description"],
        subregion=region.get("subregion", ""),
        file=None if file is None else (path.parent / file).resolve(),
        published=published["reference"],
        compared=published.get("compared"),
        inventory=published.get("inventory", ""),
        source=published["source"],
    )
