"""One run of `rogi compare`: from inventories and choices to all that was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd

from rogi.comparison.compare import Parameters
from rogi.comparison.exercise import OperatorComparison, compare_operators
from rogi.comparison.inventories import InventoryComparison, compare_inventories, within_region
from rogi.comparison.matching.sides import Side
from rogi.comparison.metrics import (
    Checked,
    Limits,
    check_expectations,
    metrics,
    read_expectations,
)
from rogi.comparison.references import ReferenceCount, count_units, in_region, load_references
from rogi.errors import OptionError
from rogi.inventory.regions import Regions, read_regions, regions_of
from rogi.schema.model import Role

Places: TypeAlias = "str | PathLike[str] | gpd.GeoDataFrame"
"""Polygons as a table or a file, ``FILE:NAME``, or a name that the inventories themselves know."""

VECTOR_SUFFIXES = (".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet", ".kml", ".zip")


@dataclass(frozen=True)
class Outcome:
    """Results of one run; what was not asked for is ``None`` or empty.

    Attributes
    ----------
    inventories
        A compared with B.
    operators
        Several compared with each other.
    references
        Published and computed counts.
    checks
        Limits and stored numbers beside the numbers found.
    """

    inventories: InventoryComparison | None = None
    operators: OperatorComparison | None = None
    references: tuple[ReferenceCount, ...] = ()
    checks: tuple[Checked, ...] = ()

    @property
    def failed(self) -> tuple[Checked, ...]:
        """Checks that do not hold."""
        return tuple(c for c in self.checks if not c.holds)


def compare_sides(
    read: Callable[[], list[Side]],
    count: int,
    *,
    parameters: Parameters,
    region: Places | None = None,
    by: Places | None = None,
    region_field: str | None = None,
    references: Sequence[str] = (),
    with_own: bool = False,
    min_votes: int | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    expect: Path | None = None,
) -> Outcome:
    """Compare two inventories, one with published counts, or several operators.

    Parameters
    ----------
    read
        Gives the sides in order, the reference's own first; called when all choices are known to be sound.
    count
        How many inventories are compared, without the reference's own.
    parameters
    region
        Only units in here; by a name alone, those of the subregion of this name.
    by
        Groups, or the column of groups.
    region_field
        Column of the names of `region` and `by`.
    references
        Names or files of published counts.
    with_own
        Whether the first side is the inventory of the one reference.
    min_votes
        For the consensus of operators.
    limits, expect
        Of metrics, and a file of stored numbers.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        A file cannot be read, or a region holds nothing.
    OptionError
        Choices contradict each other, or name what is not there.
    """
    published = load_references(list(references))
    expected = read_expectations(expect) if expect is not None else []
    _check(count, len(published), with_own, bool(limits or expected))
    by_regions = None if by is None else _regions(by, region_field)
    sides = read()
    outcome = Outcome()
    if count > 2:
        kept, _ = _within(sides, region, region_field)
        outcome = replace(outcome, operators=compare_operators(kept, parameters, min_votes=min_votes))
    elif len(sides) == 2:
        own = sides[0] if with_own else None
        notes: tuple[str, ...] = ()
        kept, name = _within(sides, region, region_field) if own is None else (sides, "")
        if own is not None:
            inside, how = in_region(sides[1], published[0], _named(region, region_field), own)
            if inside is not None:
                kept, name = [sides[0], sides[1].within(inside)], published[0].location
                notes = (f"B was taken inside the region of the reference: {how}",)
        group = by if by_regions is None and isinstance(by, str) else by_regions
        result = compare_inventories(kept[0], kept[1], parameters, by=group, region=name, notes=notes)
        outcome = replace(outcome, inventories=result)
    if published:
        places = _named(region, region_field)
        own = sides[0] if with_own else None
        counts = [count_units(sides[-1], each, places, own) for each in published]
        outcome = replace(outcome, references=tuple(counts))
    if limits or expected:
        assert outcome.inventories is not None
        found = metrics(outcome.inventories)
        checks = (*limits.check(found), *check_expectations(found, expected))
        outcome = replace(outcome, checks=checks)
    return outcome


def role_named(name: str | None) -> Role | None:
    """The layer to compare; None where it is not said.

    Raises
    ------
    OptionError
        It is neither outlines nor markers.
    """
    if name is not None and name not in (Role.OUTLINE.value, Role.MARKER.value):
        raise OptionError(f"The role is outline or marker, found {name!r}.")
    return None if name is None else Role(name)


def chosen_parameters(
    iou: float | Sequence[float] = (),
    sliver: float | None = None,
    marker_distance: float | None = None,
    seed: int = 0,
) -> Parameters:
    """Parameters of a comparison: thresholds of the IoU, share of a sliver, distance of markers (m), seed.

    Raises
    ------
    OptionError
        One is out of its range.
    """
    p = Parameters(seed=seed)
    thresholds = [iou] if isinstance(iou, int | float) else list(iou)
    if thresholds:
        if not all(0 < t <= 1 for t in thresholds):
            shown = ", ".join(f"{t:g}" for t in thresholds)
            raise OptionError(f"An IoU threshold is above 0 and at most 1, found {shown}.")
        p = replace(p, iou_thresholds=tuple(sorted(set(thresholds))))
    if sliver is not None:
        if not 0 <= sliver < 1:
            raise OptionError(f"The share of a sliver is from 0 to below 1, found {sliver:g}.")
        p = replace(p, sliver_fraction=sliver)
    if marker_distance is not None:
        if not 0 < marker_distance <= 10_000:
            raise OptionError(
                f"The distance of markers is above 0 and at most 10,000 m, found {marker_distance:g}."
            )
        p = replace(p, marker_distance_m=marker_distance)
    return p


def _regions(places: Places, field: str | None) -> Regions | None:
    """Regions of a table or a file; None if a text names none."""
    if isinstance(places, gpd.GeoDataFrame):
        return regions_of(places, field)
    if Path(places).exists() or Path(places).suffix.lower() in VECTOR_SUFFIXES:
        return read_regions(Path(places), field)
    return None


def _within(sides: list[Side], region: Places | None, field: str | None) -> tuple[list[Side], str]:
    if region is None:
        return sides, ""
    if not isinstance(region, str) or Path(region).exists():
        return within_region(sides, "", _regions(region, field))
    file, _, name = region.rpartition(":")
    if file and Path(file).exists():
        return within_region(sides, name, _regions(file, field))
    for text in (file, region):
        if Path(text).suffix.lower() in VECTOR_SUFFIXES:
            raise OptionError(
                f"The region {region}: there is no file {text}; check the spelling and the folder."
            )
    return within_region(sides, region, None)


def _named(region: Places | None, field: str | None) -> Regions | None:
    if region is None:
        return None
    found = _regions(region, field)
    if found is None:
        raise OptionError(
            f"The region {region}: with a reference, give a file of polygons named after the references."
        )
    return found


def _check(count: int, references: int, with_own: bool, checked: bool) -> None:
    if not count or (count == 1 and not references):
        raise OptionError(
            "One inventory alone has nothing to be compared with; name a second one, or a reference."
        )
    if references and count > 1:
        raise OptionError("A reference takes one inventory; name the reference's own file beside it.")
    if with_own and references != 1:
        raise OptionError("The file of a reference is the file of one reference; name it.")
    if checked and count != 2 and not with_own:
        raise OptionError("Limits and expected numbers are for two inventories.")
