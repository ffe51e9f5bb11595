"""Random geometries, sound and broken, and what three checkers say of each."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import NamedTuple

import geopandas as gpd
import shapely

from tests.fuzz import exact

Coordinates = list[tuple[float, float]]

#: A step of the lattice, degrees: a power of two, so that places on it are exact.
STEP = 2.0**-12
ORIGIN = (90.0, 30.0)


def _place(x: float, y: float) -> tuple[float, float]:
    return ORIGIN[0] + x * STEP, ORIGIN[1] + y * STEP


def _lattice_ring(rng: random.Random, size: int = 8, points: int = 8) -> Coordinates:
    """A ring through random places of a small lattice: often crossing, touching or running back."""
    count = rng.randint(3, points)
    ring = [_place(rng.randint(0, size), rng.randint(0, size)) for _ in range(count)]
    if rng.random() < 0.2:
        at = rng.randrange(len(ring))
        ring.insert(at, ring[at])
    return [*ring, ring[0]]


def _star(rng: random.Random, x: float, y: float, radius: float, whole: bool) -> Coordinates:
    """A ring around a place: simple, unless rounding to the lattice folds it."""
    count = rng.randint(3, 9)
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(count))
    ring = []
    for angle in angles:
        r = radius * rng.uniform(0.5, 1.0)
        px, py = x + r * math.cos(angle), y + r * math.sin(angle)
        ring.append(_place(round(px), round(py)) if whole else _place(px, py))
    return [*ring, ring[0]]


def _box(rng: random.Random, size: int) -> Coordinates:
    x0, y0 = rng.randint(0, size), rng.randint(0, size)
    x1, y1 = x0 + rng.randint(1, 4), y0 + rng.randint(1, 4)
    ring = [_place(x0, y0), _place(x1, y0), _place(x1, y1), _place(x0, y1)]
    turn = rng.randrange(4)
    ring = ring[turn:] + ring[:turn]
    return _closed(ring if rng.random() < 0.7 else ring[::-1])


def _closed(ring: Coordinates) -> Coordinates:
    return [*ring, ring[0]]


def geometry(rng: random.Random) -> shapely.Geometry | None:
    """One random geometry."""
    kind = rng.randrange(12)
    if kind <= 2:
        return shapely.Polygon(_lattice_ring(rng))
    if kind <= 4:
        return shapely.Polygon(_star(rng, 5, 5, rng.choice((3, 6, 30)), rng.random() < 0.5))
    if kind <= 6:  # holes on a lattice: outside, nested, touching, sharing sides
        shell = _closed([_place(0, 0), _place(8, 0), _place(8, 8), _place(0, 8)])
        holes = [
            rng.choice((_box, lambda r, _: _lattice_ring(r, 8, 4)))(rng, 7) for _ in range(rng.randint(1, 4))
        ]
        return shapely.Polygon(shell, holes)
    if kind <= 8:  # parts that overlap, touch, share sides, or lie in holes
        parts = [
            shapely.Polygon(_box(rng, 9) if rng.random() < 0.7 else _star(rng, 5, 5, 5, True))
            for _ in range(rng.randint(2, 4))
        ]
        if rng.random() < 0.3:
            hole = [_place(2, 2), _place(6, 2), _place(6, 6), _place(2, 6)]
            parts.append(
                shapely.Polygon(
                    _closed([_place(0, 0), _place(8, 0), _place(8, 8), _place(0, 8)]), [_closed(hole)]
                )
            )
        return shapely.MultiPolygon(parts)
    if kind == 9:  # vertices in a line, but for the last bits
        ring = _star(rng, 5, 5, 6, False)
        at = rng.randrange(1, len(ring))
        (x0, y0), (x1, y1), t = ring[at - 1], ring[at], rng.random()
        ring.insert(at, (x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
        return shapely.Polygon(ring)
    if kind == 10:  # a spike, or a narrow neck
        ring = _star(rng, 5, 5, 6, True)
        at = rng.randrange(len(ring) - 1)
        ring[at + 1 : at + 1] = [_place(rng.randint(-9, 19), rng.randint(-9, 19)), ring[at]]
        return shapely.Polygon(ring)
    odd = rng.randrange(4)
    if odd == 0:
        return None
    if odd == 1:
        return shapely.Polygon()
    ring = _star(rng, 5, 5, 6, True)
    bad = rng.choice((math.nan, math.inf, -math.inf))
    ring[1] = (bad, ring[1][1]) if odd == 2 else (ring[1][0], bad)
    return shapely.Polygon(ring)


class Verdict(NamedTuple):
    """What a checker says of a geometry."""

    missing: bool
    empty: bool
    infinite: bool
    valid: bool | None
    touching: bool | None
    repeated: bool


def by_arithmetic(value: shapely.Geometry | None) -> Verdict:
    """The verdict of `tests.fuzz.exact`."""
    if value is None or value.is_empty:
        return Verdict(value is None, value is not None, False, None, None, False)
    parts = list(value.geoms) if hasattr(value, "geoms") else [value]
    drawn = [[list(r.coords) for r in (part.exterior, *part.interiors)] for part in parts]
    if not all(exact.finite(r) for polygon in drawn for r in polygon):
        return Verdict(False, False, True, None, None, False)
    polygons = [[exact.ring(r) for r in polygon] for polygon in drawn]
    valid = exact.valid(polygons)
    repeated = any(a == b for polygon in drawn for r in polygon for a, b in pairwise(r))
    return Verdict(False, False, False, valid, exact.rings_touch(polygons) if valid else None, repeated)


def by_geos(value: shapely.Geometry | None) -> str:
    """GEOS's reason, "Valid Geometry" if there is none."""
    return "Valid Geometry" if value is None else str(shapely.is_valid_reason(value)).split("[")[0]


def by_rules(values: list[shapely.Geometry | None]) -> list[Verdict]:
    """The verdicts of rogi's own rules."""
    from rogi.inventory.build import from_frames
    from rogi.schema.model import Role
    from rogi.validation.engine import validate
    from rogi.validation.settings import Settings

    frame = gpd.GeoDataFrame({"ID": [f"u{n}" for n in range(len(values))]}, geometry=values, crs=4326)
    codes = ("GEO001", "GEO002", "GEO003", "GEO004", "GEO011", "GEO019")
    report = validate(from_frames({Role.OUTLINE: frame}), Settings(select=codes))
    assert not report.crashed, report.crashed
    found = report.findings
    rows = {code: set(found.loc[found["code"] == code, "row"].astype(int) - 1) for code in codes}
    verdicts = []
    for n in range(len(values)):
        odd = n in rows["GEO001"] or n in rows["GEO002"] or n in rows["GEO019"]
        valid = None if odd else n not in rows["GEO003"]
        verdicts.append(
            Verdict(
                n in rows["GEO001"],
                n in rows["GEO002"],
                n in rows["GEO019"],
                valid,
                n in rows["GEO004"] if valid else None,
                n in rows["GEO011"],
            )
        )
    return verdicts


def disagreements(seed: int, count: int) -> tuple[list[str], dict[str, int]]:
    """Differences of the three checkers on random geometries, and how many there were of each kind."""
    rng = random.Random(seed)
    values = [geometry(rng) for _ in range(count)]
    kinds: dict[str, int] = {}
    differences = []
    for number, (value, rules) in enumerate(zip(values, by_rules(values), strict=True)):
        reason, exactly = by_geos(value), by_arithmetic(value)
        for name in Verdict._fields:
            ours, theirs = getattr(rules, name), getattr(exactly, name)
            if ours == theirs:
                continue
            differences.append(f"{number} {name}: rules {ours}, arithmetic {theirs}, GEOS {reason}: {value}")
        geos = reason == "Valid Geometry"
        if exactly.valid is not None and geos != exactly.valid:
            differences.append(f"{number}: GEOS says {reason}, arithmetic {exactly.valid}: {value}")
        kinds[reason] = kinds.get(reason, 0) + 1
    return differences, kinds
