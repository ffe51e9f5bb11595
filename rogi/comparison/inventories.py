"""Two inventories compared, like with like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.comparison.agreement.areas import NOISE_M
from rogi.comparison.agreement.attributes import (
    ClassAgreement,
    NumericAgreement,
    class_agreement,
    numeric_agreement,
)
from rogi.comparison.compare import Comparison, Parameters, compare_points, compare_polygons
from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together
from rogi.comparison.matching.sides import Certainty, Extent, Side, Texts, align_extents, on_one_map
from rogi.errors import InputError, OptionError
from rogi.geometry import Geometries
from rogi.inventory.regions import Regions, assign, fold, same_name
from rogi.inventory.values.known import Quantity, known_texts
from rogi.schema.attributes import attributes
from rogi.schema.load import concepts, load_vocabulary
from rogi.schema.model import Concept, FieldType
from rogi.suggestions import did_you_mean

# Numbers that name or place an object are compared by matching, not as attributes.
NOT_ATTRIBUTES = frozenset({"latitude", "longitude", "cluster", "sample_number", "landform", "outline_type"})
CIRCULAR = frozenset(name for name, a in attributes().items() if a.circular)
NO_GROUP = ""


@dataclass(frozen=True)
class AttributeAgreement:
    """Agreement of one attribute over the assigned pairs."""

    concept: Concept
    result: NumericAgreement | ClassAgreement


@dataclass(frozen=True)
class Section:
    """The objects of one class of both sides, compared.

    Attributes
    ----------
    title
        The class, as in "extended outlines" or "extended outlines, uncertain".
    rows_a, rows_b
        Which objects of the sides these are.
    comparison
        The result; its rows are in the order of ``rows_a`` and ``rows_b``.
    attributes
        Of the columns that both sides have.
    elsewhere_a, elsewhere_b
        Objects without a match here that meet an object of another class on the other side.
    """

    title: str
    rows_a: NDArray[np.intp]
    rows_b: NDArray[np.intp]
    comparison: Comparison
    attributes: Sequence[AttributeAgreement] = ()
    elsewhere_a: int = 0
    elsewhere_b: int = 0


@dataclass(frozen=True)
class InventoryComparison:
    """Two inventories, compared class by class; A is the reference.

    Attributes
    ----------
    a, b
        What took part.
    sections
        One for each class that either side has, the largest first.
    region, by
        Names of the region asked for and of the grouping; empty if there is none.
    notes
        What had to be decided on the way, for the report.
    """

    a: Side
    b: Side
    sections: tuple[Section, ...]
    parameters: Parameters
    region: str = ""
    by: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def compare_inventories(
    a: Side,
    b: Side,
    parameters: Parameters | None = None,
    *,
    by: Regions | str | None = None,
    region: str = "",
    notes: Sequence[str] = (),
) -> InventoryComparison:
    """Compare two sides, like with like.

    Extended outlines are compared with extended ones, restricted with restricted, and uncertain landforms
    among themselves. Where a side has markers, all that counts is whether the landform is certain.

    Parameters
    ----------
    a, b
        The reference, and what is measured against it.
    parameters
    by
        Group the agreement by regions, by a concept (such as ``subregion``) or by a column.
    region, notes
        For the report.

    Raises
    ------
    OptionError
        If a side does not have what ``by`` names.
    """
    p = parameters or Parameters()
    (a, b), aligned = align_extents([a, b])
    a, b = on_one_map([a, b])
    said = [*notes, *([aligned] if aligned else [])]
    groups = None if by is None else _groups((a, b), by)
    if isinstance(by, Regions) and by.repaired:
        said.append(f"invalid polygons of regions repaired to look units up: {', '.join(by.repaired)}")
    both = a.outlines and b.outlines
    classes_a, classes_b = _classes(a, both), _classes(b, both)
    titles = sorted(
        set(classes_a.tolist()) | set(classes_b.tolist()),
        key=lambda t: (-int((classes_a == t).sum() + (classes_b == t).sum()), t),
    )
    sections = []
    numbers = _Numbers(a, b)
    for title in titles:
        rows_a, rows_b = np.flatnonzero(classes_a == title), np.flatnonzero(classes_b == title)
        chosen = None if groups is None else (groups[0][rows_a], groups[1][rows_b])
        result = _compare(a, b, rows_a, rows_b, p, chosen)
        agreement = _attributes(a, b, rows_a, rows_b, result, numbers)
        sections.append(Section(title, rows_a, rows_b, result, agreement))
    if len(sections) > 1:
        sections = [_with_elsewhere(s, a, b, classes_a, classes_b) for s in sections]
    said += numbers.notes()
    name = "" if by is None else (by if isinstance(by, str) else "regions")
    return InventoryComparison(a, b, tuple(sections), p, region, name, tuple(said))


def within_region(sides: Sequence[Side], region: str, regions: Regions | None) -> tuple[list[Side], str]:
    """The sides with only the objects in a region, and its name.

    An object is in the region if its marker is, or a point on the surface of its outline; nothing is clipped.

    Parameters
    ----------
    sides
    region
        Name of a region; with ``regions`` it may be empty, which means all of them.
    regions
        Polygons; by default the objects are chosen by their subregion.

    Raises
    ------
    OptionError
        If no region has this name.
    InputError
        If the region holds no object of any side.
    """
    if regions is not None:
        names = regions.names
        shown = region
        if region:
            found = same_name(region, names)
            if found is None:
                raise OptionError(
                    f"There is no region {region!r}; there are {', '.join(names)}"
                    f"{did_you_mean(region, names) or '.'}"
                )
            chosen = np.array([n == found for n in names])
            regions = Regions(
                tuple(n for n in names if n == found), regions.geometry[chosen], regions.repaired
            )
            shown = found
        inside = [[n is not None for n in assign(side.places(), regions)] for side in sides]
    else:
        wanted, shown = fold(region), region
        for side in sides:
            if len(side) and not any(r is not None for r in side.region):
                raise OptionError(
                    f"{side.name} has no column of subregions to find {region!r} in; "
                    "give --region a file of polygons."
                )
        inside = [[r is not None and fold(r) == wanted for r in side.region] for side in sides]
    kept = [side.within(np.array(chosen, bool)) for side, chosen in zip(sides, inside, strict=True)]
    if not any(len(side) for side in kept):
        known = sorted({r for side in sides for r in side.region if r is not None})
        hint = f" Subregions there are: {', '.join(known)}." if regions is None and known else ""
        raise InputError(f"The region {shown or 'given'} contains no unit of either inventory.{hint}")
    return kept, shown


def _compare(
    a: Side,
    b: Side,
    rows_a: NDArray[np.intp],
    rows_b: NDArray[np.intp],
    parameters: Parameters,
    groups: tuple[Texts, Texts] | None,
) -> Comparison:
    shapes_a, shapes_b = a.geometries[rows_a], b.geometries[rows_b]
    more: dict[str, Texts] = {"id_a": a.stated_ids()[rows_a], "id_b": b.stated_ids()[rows_b]}
    if groups is not None:
        more |= {"group_a": groups[0], "group_b": groups[1]}
    if a.outlines and b.outlines:
        first, second = prepare_together([(shapes_a, 4326), (shapes_b, 4326)])
        return compare_polygons(first, second, parameters, **more)
    ready: list[Outlines | Geometries] = [
        prepare_together([(shapes, 4326)])[0] if side.outlines else shapes
        for side, shapes in ((a, shapes_a), (b, shapes_b))
    ]
    return compare_points(ready[0], ready[1], parameters, **more)


def _classes(side: Side, both_outlines: bool) -> Texts:
    """Title of the class of each object."""
    words = {
        Extent.EXTENDED: "extended outlines",
        Extent.RESTRICTED: "restricted outlines",
        Extent.UNSTATED: "outlines",
        Extent.MARKER: "markers",
    }
    out = np.empty(len(side), dtype=object)
    out[:] = [
        (words[e] if both_outlines else "landforms") + (", uncertain" if c == Certainty.UNCERTAIN else "")
        for e, c in zip(side.extent.tolist(), side.certainty.tolist(), strict=True)
    ]
    return out


def _groups(sides: tuple[Side, Side], by: Regions | str) -> tuple[Texts, Texts]:
    """Group of each object, empty text for none; spellings that differ in diacritics are one."""
    spelling: dict[str, str] = {}
    both = []
    for side in sides:
        if isinstance(by, Regions):
            texts = [n or NO_GROUP for n in assign(side.places(), by)]
        else:
            texts = [spelling.setdefault(fold(t), t) for t in _column(side, by)]
        out = np.empty(len(side), dtype=object)
        out[:] = texts
        both.append(out)
    return both[0], both[1]


def _column(side: Side, name: str) -> list[str]:
    """Values of a concept or a column as text; empty where there is none."""
    layer = side.layer
    if not len(side):
        return []
    if layer.has(name):
        values = side.values(name)
    elif name in layer.frame.columns:
        values = layer.frame[name].iloc[side.positions].reset_index(drop=True)
    else:
        columns = [str(c) for c in layer.frame.columns if c != layer.frame.geometry.name]
        raise OptionError(
            f"{side.name} has no column {name!r} to group by; it has {', '.join(columns) or 'none'}"
            f"{did_you_mean(name, columns) or '.'}"
        )
    texts: list[str] = values.astype("str").str.strip().where(values.notna(), NO_GROUP).tolist()
    return texts


class _Numbers:
    """Quantities of two sides, each looked at once."""

    def __init__(self, a: Side, b: Side) -> None:
        self._sides = (a, b)
        self._found: dict[str, tuple[Quantity, Quantity]] = {}

    def __getitem__(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values of a concept of the objects of both sides, in its unit; NaN where missing or impossible."""
        if name not in self._found:
            self._found[name] = (self._sides[0].quantity(name), self._sides[1].quantity(name))
        a, b = self._found[name]
        return a.values[self._sides[0].positions], b.values[self._sides[1].positions]

    def notes(self) -> list[str]:
        """What was converted and left out."""
        return [
            f"{mark}: {note}"
            for pair in self._found.values()
            for mark, side, found in zip("AB", self._sides, pair, strict=True)
            for note in found.notes(side.positions)
        ]


def _attributes(
    a: Side,
    b: Side,
    rows_a: NDArray[np.intp],
    rows_b: NDArray[np.intp],
    result: Comparison,
    numbers: _Numbers,
) -> list[AttributeAgreement]:
    """Agreement of the attributes that both sides have, over the assigned pairs."""
    left = rows_a[result.graph.a[result.assigned]]
    right = rows_b[result.graph.b[result.assigned]]
    out = []
    for name, concept in concepts().items():
        if name in NOT_ATTRIBUTES or not (a.layer.has(name) and b.layer.has(name)):
            continue
        if concept.vocabulary is None and concept.type not in (FieldType.NUMBER, FieldType.INTEGER):
            continue
        if concept.vocabulary is not None:
            order = load_vocabulary(concept.vocabulary).values
            x = known_texts(a.layer, name)[a.positions][left]
            y = known_texts(b.layer, name)[b.positions][right]
            used = {text for text in (*x, *y) if text is not None}
            classes = class_agreement(x, y, tuple(v for v in order if v in used))
            out.append(AttributeAgreement(concept, classes))
            continue
        first, second = numbers[name]
        noise = NOISE_M if concept.unit == "m" else 0.0
        result_of = numeric_agreement(first[left], second[right], circular=name in CIRCULAR, noise=noise)
        out.append(AttributeAgreement(concept, result_of))
    return out


def _with_elsewhere(section: Section, a: Side, b: Side, classes_a: Texts, classes_b: Texts) -> Section:
    graph = section.comparison.graph
    alone_a = section.rows_a[graph.size_b[graph.cluster_a] == 0]
    alone_b = section.rows_b[graph.size_a[graph.cluster_b] == 0]
    other_a = a.geometries[classes_a != section.title]
    other_b = b.geometries[classes_b != section.title]
    return replace(
        section,
        elsewhere_a=_meeting(a.geometries[alone_a], other_b),
        elsewhere_b=_meeting(b.geometries[alone_b], other_a),
    )


def _meeting(shapes: Geometries, others: Geometries) -> int:
    """How many of the shapes meet any of the others."""
    if not (len(shapes) and len(others)):
        return 0
    return len(np.unique(shapely.STRtree(others).query(shapes, predicate="intersects")[0]))
