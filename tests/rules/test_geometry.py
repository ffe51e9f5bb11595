"""Rules on geometry: hard cases beyond their good and bad examples, and real outlines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.inventory.model import Inventory, Source
from rogi.rules import examples
from rogi.rules.examples import blob, geometry_of, with_geometry, with_values
from rogi.rules.geometry.geo003_geometry_invalid import explain
from rogi.schema.model import Role

Run = Callable[..., pd.DataFrame]

X, Y = examples.ORIGIN
FAMILY = ("GEO",)


def outlines(*shapes: object, crs: str | None = "EPSG:4326") -> Inventory:
    """TPRoGI units with the given outlines."""
    inventory = with_geometry(examples.tprogi(len(shapes)), Role.OUTLINE, dict(enumerate(shapes)))
    return examples.with_crs(inventory, Role.OUTLINE, crs)


def box(x: float = 0.0, y: float = 0.0, size: float = 0.002) -> shapely.Polygon:
    """A square of about 200 m, offset in degrees from the origin."""
    return shapely.box(X + x, Y + y, X + x + size, Y + y + size)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32646", "EPSG:3857"])
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_good_inventories_in_any_crs_have_no_findings(
    run: Run, make: Callable[[int], Inventory], crs: str
) -> None:
    """No false positives on smooth outlines, whether in degrees or in metres."""
    inventory = examples.reprojected(make(20), crs)
    findings = run(inventory, "GEO")
    assert findings["message"].tolist() == []


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "Self-intersection at 1 1"),
        (
            shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(5, 5), (6, 5), (6, 6)]]),
            "Hole lies outside shell at 5 5",
        ),
        (shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(2, 2, 4, 4)]), "Nested shells at 2 2"),
        (
            shapely.Polygon([(0, 0), (4, 0), (2, 2), (4, 4), (0, 4), (2, 2)]),
            "Ring Self-intersection at 2 2",
        ),
        (shapely.LineString([(1, 1), (1, 1)]), "Invalid number of points in LineString [1 1]"),
    ],
    ids=["bow-tie", "hole outside", "nested", "self-touch", "line of one point"],
)
def test_invalid_geometries_with_reason_and_point(shape: shapely.Geometry, reason: str) -> None:
    """The words of GEOS, and the place as a point where GEOS names one."""
    reasons, places = explain(np.array([shape], dtype=object))
    if shape.geom_type == "LineString":
        assert "point" in reasons[0].lower()
        return
    words, _, where = reason.rpartition(" at ")
    assert reasons[0].startswith(f"{words} at ")
    assert places[0].geom_type == "Point"
    # of nested shells GEOS names one of the vertices within
    allowed = ["2 2", "4 2", "4 4", "2 4"] if words == "Nested shells" else [where]
    assert places[0].coords[0] in [tuple(float(v) for v in a.split()) for a in allowed]


def test_an_invalid_outline_is_one_error_with_its_place(run: Run) -> None:
    """The finding lies at the crossing; overlap, area and width of it are not judged."""
    x, y = X + 0.00001234, Y + 0.00001234
    bow_tie = shapely.Polygon([(x, y), (x + 0.002, y + 0.002), (x + 0.002, y), (x, y + 0.002)])
    findings = run(outlines(bow_tie, blob(X + 0.0005, Y), blob(X + 0.02, Y)), "GEO")
    assert findings["code"].tolist() == ["GEO003"]
    place = findings["geometry"].iloc[0]
    assert (place.x, place.y) == (pytest.approx(x + 0.001), pytest.approx(y + 0.001))
    in_metres = examples.reprojected(outlines(bow_tie, blob(X + 0.02, Y)), "EPSG:32646")
    assert run(in_metres, "GEO003")["geometry"].iloc[0].x == pytest.approx(x + 0.001, abs=1e-6)


def test_null_empty_and_infinite_are_three_things(run: Run) -> None:
    """Each is reported once, by its own rule."""
    broken = shapely.Polygon([(X, Y), (X + 1, Y), (np.inf, np.inf)])
    missing = shapely.Polygon([(X, Y), (X + 1, Y), (X, Y + 1), (np.nan, Y)])
    findings = run(outlines(None, shapely.Polygon(), broken, missing, blob(X + 0.1, Y)), "GEO")
    told = list(zip(findings["code"], findings["at"], strict=True))
    assert told == [("GEO001", 0), ("GEO002", 1), ("GEO019", 2), ("GEO019", 3)]


def test_rings_that_touch(run: Run) -> None:
    """A hole at a vertex or within an edge, two holes, two parts; not a hole that keeps its distance."""
    shell = [(X, Y), (X + 0.004, Y), (X + 0.004, Y + 0.004), (X, Y + 0.004)]

    def hole(x: float, y: float) -> list[tuple[float, float]]:
        return [(X + x, Y + y), (X + x + 0.001, Y + y + 0.0005), (X + x + 0.001, Y + y - 0.0005)]

    at_corner = shapely.Polygon(shell, [[(X, Y), (X + 0.001, Y + 0.002), (X + 0.002, Y + 0.001)]])
    in_edge = shapely.Polygon(shell, [hole(0, 0.002)])
    two_holes = shapely.Polygon(shell, [hole(0.001, 0.002), hole(0.002, 0.0025)])
    apart = shapely.Polygon(shell, [hole(0.001, 0.001), hole(0.001, 0.003)])
    parts = shapely.MultiPolygon([box(), box(0.002, 0.002)])
    drawn = [at_corner, in_edge, two_holes, apart, parts]
    shapes = [
        shapely.transform(s, lambda xy, k=k: np.round(xy + np.array([0.0, 0.05 * k]), 7))
        for k, s in enumerate(drawn)
    ]
    assert shapely.is_valid(shapes).all()
    findings = run(outlines(*shapes), "GEO004")
    assert findings["at"].tolist() == [0, 1, 2, 4]
    place = findings["geometry"].iloc[3]
    assert (place.x, place.y) == (pytest.approx(X + 0.002), pytest.approx(Y + 0.202))


def test_duplicates_whatever_the_order_of_vertices(run: Run) -> None:
    """Start and direction of rings and order of parts do not matter; a vertex more does."""
    one, two = box(), box(0.01)
    ring = shapely.get_coordinates(one)[:-1]
    turned = shapely.Polygon(np.roll(ring, 1, axis=0)[::-1])
    parts = shapely.MultiPolygon([one, two])
    swapped = shapely.MultiPolygon([two, turned])
    findings = run(outlines(one, parts, turned, swapped, two, shapely.segmentize(two, 0.001)), "GEO005")
    assert list(zip(findings["at"], findings["other_row"] - 1, strict=True)) == [(2, 0), (3, 1)]
    with_z = shapely.force_3d(turned, 4700.0)
    assert run(outlines(one, with_z), "GEO005")["at"].tolist() == [1]


def test_equal_outlines_of_different_type_are_no_duplicates(run: Run) -> None:
    """An extended and a restricted outline may be equal; two extended ones may not."""
    inventory = examples.rgik()
    same = with_geometry(inventory, Role.OUTLINE, {3: geometry_of(inventory, Role.OUTLINE, 0)})
    assert len(run(same, "GEO005", "GEO015", "GEO016")) == 0
    same = with_geometry(inventory, Role.OUTLINE, {1: geometry_of(inventory, Role.OUTLINE, 0)})
    assert run(same, "GEO005", "GEO015", "GEO016")[["code", "at"]].to_numpy().tolist() == [["GEO005", 1]]


def test_moving_areas_may_overlap_and_repeat_in_other_classes(run: Run) -> None:
    """Same shape, other class: no finding; same class: one of GEO005."""
    inventory = examples.rgik()
    shape = geometry_of(inventory, Role.MOVING_AREA, 0)
    inventory = with_geometry(inventory, Role.MOVING_AREA, {1: shape})
    assert run(inventory, "GEO005", "REL009")["code"].tolist() == ["GEO005"]
    other = with_values(inventory, Role.MOVING_AREA, "Vel.Class", {1: "5"})
    assert len(run(other, "GEO005", "REL009")) == 0


def test_z_of_a_whole_layer_is_one_finding(run: Run) -> None:
    """All features: the layer; some: each."""
    raised = [shapely.force_3d(box(0.01 * k), 4700.0) for k in range(3)]
    findings = run(outlines(*raised), "GEO006")
    assert findings["row"].tolist() == [0]
    assert "3 features" in findings["message"].iloc[0]
    assert run(outlines(*raised[:2], box(0.03)), "GEO006")["at"].tolist() == [0, 1]
    assert len(run(outlines(*(shapely.force_3d(box(0.01 * k), 0.0) for k in range(3))), "GEO006")) == 0


def test_parts_and_holes(run: Run) -> None:
    """Markers of several points; holes within parts, and shown as polygons."""
    inventory = with_geometry(
        examples.tprogi(), Role.MARKER, {1: shapely.MultiPoint([(X, Y), (X + 0.01, Y)])}
    )
    findings = run(inventory, "GEO007")
    assert findings[["layer", "at"]].to_numpy().tolist() == [["marker", 1]]
    pierced = box(size=0.004).difference(box(0.001, 0.001, 0.001)).difference(box(0.0025, 0.001, 0.001))
    findings = run(outlines(shapely.MultiPolygon([pierced, box(0.01)]), box(0.02)), "GEO008")
    assert findings["value"].tolist() == ["2"]
    assert (
        findings["geometry"]
        .iloc[0]
        .equals(shapely.union_all([box(0.001, 0.001, 0.001), box(0.0025, 0.001, 0.001)]))
    )


def test_minimum_area_on_the_ellipsoid(run: Run) -> None:
    """0.0098 km² (a real Swiss unit's) is below, 0.00995 within the tolerance; the limit can be set."""

    def of_area(km2: float, x: float) -> shapely.Polygon:
        radius = 1000 * np.sqrt(km2 / (np.pi * (1 + 0.5 * (0.15**2 + 0.05**2))))
        return blob(X + x, Y, float(radius), vertices=400)

    inventory = outlines(of_area(0.0098, 0), of_area(0.00995, 0.02), of_area(0.0101, 0.04))
    findings = run(inventory, "GEO014")
    assert findings["at"].tolist() == [0]
    assert float(findings["value"].iloc[0]) == pytest.approx(0.0098, rel=2e-3)
    assert run(inventory, "GEO014", minimum_area=0.02)["at"].tolist() == [0, 1, 2]
    assert run(examples.reprojected(inventory, "EPSG:3857"), "GEO014")["at"].tolist() == [0]


def test_restricted_outlines_may_be_small(run: Run) -> None:
    """Only extended ones are held to the minimum."""
    inventory = examples.rgik()
    small = {k: blob(*geometry_of(inventory, Role.OUTLINE, k).centroid.coords[0], 30.0) for k in (0, 3)}
    assert run(with_geometry(inventory, Role.OUTLINE, small), "GEO014")["at"].tolist() == [0]


def test_overlap_shows_polygon_and_area(run: Run) -> None:
    """The overlap of two squares of 0.002 degrees shifted by half, at its place, with the other's row."""
    findings = run(outlines(box(), box(0.001, 0.001), box(0.1)), "GEO015")
    assert findings[["at", "other_row"]].to_numpy().tolist() == [[0, 2]]
    overlap = findings["geometry"].iloc[0]
    assert overlap.symmetric_difference(box(0.001, 0.001, 0.001)).area < 1e-15
    assert float(findings["value"].iloc[0]) == pytest.approx(111_000 * 0.001 * 96_000 * 0.001, rel=0.01)
    assert "25" in findings["message"].iloc[0]


def test_a_defect_of_a_pair_is_told_once(run: Run) -> None:
    """Equal, contained, overlapping: one finding each, by one rule each."""
    shapes = [box(), box(), box(0.01), box(0.0105, 0.0005, 0.001), box(0.02), box(0.021)]
    findings = run(outlines(*shapes), "GEO005", "GEO015", "GEO016")
    told = findings[["code", "at", "other_row"]].to_numpy().tolist()
    assert told == [["GEO005", 1, 1], ["GEO015", 4, 6], ["GEO016", 3, 3]]


def test_a_system_may_contain_its_units(run: Run) -> None:
    """An outline whose ID says RGS around others is as it should be."""
    inventory = outlines(box(size=0.01), box(0.001, 0.001), box(0.005, 0.005))
    assert run(inventory, "GEO016")["at"].tolist() == [1, 2]
    assert len(run(with_values(inventory, Role.OUTLINE, "ID", {0: "RGS304000N0906000E"}), "GEO016")) == 0


def test_orientation_of_a_whole_file_is_one_finding(run: Run) -> None:
    """A GeoJSON made from a shapefile: every ring is clockwise; in a GeoPackage nobody asks."""
    inventory = examples.tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    inventory = with_geometry(inventory, Role.OUTLINE, dict(enumerate(shapely.reverse(layer.geometry))))

    def read_from(driver: str) -> Inventory:
        source = Source(Path("file"), None, driver, 4)
        layers = tuple(dataclasses.replace(old, sources=(source,)) for old in inventory.layers)
        return dataclasses.replace(inventory, layers=layers)

    assert run(read_from("GeoJSON"), "GEO018")["row"].tolist() == [0]
    assert len(run(read_from("GPKG"), "GEO018")) == 0
    assert run(read_from("GPKG"), "GEO018", formats=["GPKG"])["row"].tolist() == [0]


def test_precision_of_projected_coordinates(run: Run) -> None:
    """Multiples of 10 m in UTM are coarse, of 1 m are not."""
    ring = np.array([(0, 0), (200, 0), (220, 140), (90, 210), (-10, 100)], dtype=float)
    ring += np.array([500_000.0, 3_300_000.0])
    coarse, fine = shapely.Polygon(ring), shapely.Polygon(ring + np.array([1003.0, 0.0]))
    inventory = outlines(coarse, fine, crs="EPSG:32646")
    assert run(inventory, "GEO017")["at"].tolist() == [0]


def test_without_crs_what_needs_metres_is_not_run(run: Run) -> None:
    """The rest is: an invalid outline is found all the same."""
    from rogi.validation.engine import validate
    from rogi.validation.report import Status
    from rogi.validation.settings import Settings

    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    report = validate(outlines(bow_tie, box(0.1), crs=None), Settings(select=FAMILY))
    status = {o.code: o for o in report.outcomes}
    assert status["GEO003"].status is Status.FAILED
    assert status["GEO014"].status is Status.NOT_RUN
    assert "CRS" in status["GEO014"].reason


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("kaiserberg/Area_inside_rock_glacier.shp", [1]),
        ("oetztal/rgi_oetztal.shp", 3),
        ("hma_regions/himap_22_regions.gpkg", 2),
        ("setp/outlines_5.gpkg", 0),
        ("oetztal/cgi2.shp", 0),
    ],
)
def test_invalid_real_outlines(real_data: Path, run: Run, file: str, rows: list[int] | int) -> None:
    """The invalid polygons of the real files, as many as GEOS finds, each with a point."""
    from rogi.inventory.read import read_inventory

    findings = run(read_inventory(real_data / file), "GEO003")
    assert len(findings) == (rows if isinstance(rows, int) else len(rows))
    assert all(g.geom_type == "Point" for g in findings["geometry"])
    if isinstance(rows, list):
        assert findings["row"].tolist() == rows


@pytest.mark.real
def test_overlaps_of_real_outlines_agree_with_an_overlay(real_data: Path, run: Run) -> None:
    """86 glacier outlines near Everest: pairs and areas as in an overlay in UTM, by another way."""
    import geopandas as gpd

    from rogi.inventory.read import read_inventory

    path = real_data / "everest" / "15_rgi60_glacier_outlines.gpkg"
    findings = run(read_inventory(path), "GEO015", "GEO016")
    frame = gpd.read_file(path).to_crs(32645)[["geometry"]]
    both = gpd.overlay(frame.assign(i=frame.index), frame.assign(j=frame.index), keep_geom_type=True)
    both = both[(both.i < both.j) & (both.area > 1)]
    assert sorted(zip(findings["at"], findings["other_row"] - 1, strict=True)) == sorted(
        zip(both.i, both.j, strict=True)
    )
    ours = np.sort(findings["value"].astype(float))
    np.testing.assert_allclose(ours, np.sort(both.area), rtol=2e-3)
