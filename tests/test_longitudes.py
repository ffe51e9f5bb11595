"""One outline at the antimeridian, written in every way in use, is the same outline to every command."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine

from rogi.areas import area_m2
from rogi.attributes.zonal.placement import place_polygons
from rogi.comparison.compare import Parameters
from rogi.comparison.inventories import compare_inventories
from rogi.comparison.matching.sides import side_of
from rogi.comparison.output_layers import write_changes
from rogi.geometry import parse_crs, to_lonlat, total_bounds, transform_geometries
from rogi.inventory.build import from_frames
from rogi.inventory.regions import Regions, assign
from rogi.longitudes import continuous, in_one_map, middle_of, turned, whole
from rogi.schema.model import Role
from rogi.statistics.grids import equal_area_grid, gridded
from rogi.statistics.unit_table import unit_table
from rogi.update.deciding.decisions import Plane, outlines_differ

EAST, WEST = shapely.box(179.99, 65, 180, 65.01), shapely.box(-180, 65, -179.99, 65.01)
WAYS = {
    "beyond 180": shapely.box(179.99, 65, 180.01, 65.01),
    "beyond -180": shapely.box(-180.01, 65, -179.99, 65.01),
    "cut": shapely.MultiPolygon([EAST, WEST]),
    "jumping": shapely.Polygon([(179.99, 65), (-179.99, 65), (-179.99, 65.01), (179.99, 65.01)]),
}
AREA_KM2 = 1.0522  # of a box of 0.02° x 0.01° at 65° N by GeographicLib
QUICK = Parameters(replicates=20)


def objects(*shapes: shapely.Geometry | None) -> np.ndarray:
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return out


def inventory(*shapes: shapely.Geometry, crs: object = 4326):
    ids = [f"RGU6500{k}N1799900E" for k in range(len(shapes))]
    return from_frames({Role.OUTLINE: gpd.GeoDataFrame({"PrimaryID": ids}, geometry=list(shapes), crs=crs)})


@pytest.mark.parametrize("way", WAYS)
def test_the_area_is_that_of_a_small_box(way: str) -> None:
    assert area_m2([WAYS[way]], 4326)[0] == pytest.approx(AREA_KM2 * 1e6, rel=1e-3)
    table = unit_table(inventory(WAYS[way]))
    assert table.geometric_area[0] == pytest.approx(AREA_KM2, rel=1e-3)
    assert abs(table.lonlat[0, 0]) == pytest.approx(180.0, abs=0.011)


@pytest.mark.parametrize("one", WAYS)
@pytest.mark.parametrize("other", WAYS)
def test_two_inventories_agree_however_they_write_it(one: str, other: str) -> None:
    inland = shapely.box(10, 60, 10.01, 60.01)
    a, b = (side_of(inventory(WAYS[way], inland)) for way in (one, other))
    [section] = compare_inventories(a, b, QUICK).sections
    area = section.comparison.area
    assert area.true_positive == pytest.approx(AREA_KM2 * 1e6 + area_m2([inland], 4326)[0], rel=1e-3)
    assert area.false_positive == pytest.approx(0, abs=0.1)
    assert area.false_negative == pytest.approx(0, abs=0.1)


def test_neighbours_on_both_sides_meet_markers_and_projected_outlines() -> None:
    """UTM zone 1 lies east of the antimeridian; PROJ brings its vertices back to both ends of the map."""
    utm = transform_geometries(objects(WAYS["beyond -180"]), 4326, 32601)
    a, b = side_of(inventory(*utm, crs=32601)), side_of(inventory(WAYS["cut"]))
    assert compare_inventories(a, b, QUICK).sections[0].comparison.area.iou.value == pytest.approx(
        1, abs=1e-5
    )
    assert area_m2(utm, 32601)[0] == pytest.approx(AREA_KM2 * 1e6, rel=1e-3)
    markers = from_frames(
        {
            Role.MARKER: gpd.GeoDataFrame(
                {"PrimaryID": ["x"]}, geometry=[shapely.Point(-179.995, 65.005)], crs=4326
            )
        }
    )
    [section] = compare_inventories(side_of(inventory(WAYS["beyond 180"])), side_of(markers), QUICK).sections
    assert section.comparison.found_b.count == 1


def test_longitudes_from_0_to_360_are_those_west_of_greenwich() -> None:
    andes = shapely.box(-70.01, -30.01, -70, -30)
    raised = shapely.transform(andes, lambda xy: xy + np.array([360.0, 0.0]))
    [section] = compare_inventories(
        side_of(inventory(andes, EAST)), side_of(inventory(raised, EAST)), QUICK
    ).sections
    assert section.comparison.area.f1.value == pytest.approx(1.0)
    around = shapely.Polygon([(359.99, 50), (0.01, 50), (0.01, 50.01), (359.99, 50.01)])  # over Greenwich
    assert area_m2([around], 4326) == pytest.approx(area_m2([shapely.box(-0.01, 50, 0.01, 50.01)], 4326))
    assert total_bounds(to_lonlat([around], 4326)) == pytest.approx([-0.01, 50, 0.01, 50.01])


def test_a_grid_and_its_counts_go_over_the_antimeridian() -> None:
    points = np.array([[179.9, 65.0], [-179.9, 65.0], [-179.9, 65.1]])
    grid = equal_area_grid(points, 50_000.0)
    assert max(grid.shape) <= 3
    cells = gridded(points, grid)
    assert cells.count.sum() == 3 and cells.outside == 0


def test_regions_that_end_at_the_antimeridian_or_go_on() -> None:
    units = objects(shapely.Point(-179.995, 65), shapely.Point(179.5, 65), shapely.Point(180.5, 65), None)
    ends = Regions(
        ("east", "west"), objects(shapely.box(-180, 60, -170, 70), shapely.box(170, 60, 180, 70)), ()
    )
    assert assign(units, ends).tolist() == ["east", "west", "east", None]
    goes_on = Regions(("all",), objects(shapely.box(170, 60, 190, 70)), ())
    assert assign(units, goes_on).tolist() == ["all", "all", "all", None]


@pytest.mark.parametrize("way", WAYS)
def test_on_a_raster_it_covers_the_same_cells(way: str) -> None:
    transform = Affine(0.005, 0, 179.9, 0, -0.005, 65.1)
    [placed] = place_polygons(objects(WAYS[way]), 4326, parse_crs(4326), transform, (40, 40))
    assert shapely.area(placed) == pytest.approx(0.02 * 0.01, rel=1e-6)
    assert shapely.bounds(placed) == pytest.approx([179.99, 65, 180.01, 65.01])


@pytest.mark.parametrize("way", WAYS)
def test_an_update_sees_no_change_in_another_way_of_writing(way: str) -> None:
    class Units:
        lonlat = to_lonlat(objects(WAYS["cut"], shapely.box(-179.2, 65, -179.19, 65.01)), 4326)
        layer = inventory(EAST).layer(Role.OUTLINE)

    plane = Plane.of(Units)
    assert not outlines_differ(objects(WAYS["jumping"]), objects(WAYS[way]), plane)[0]


def test_files_have_longitudes_within_the_map(tmp_path) -> None:
    """What is written is counted from -180 to 180, but for outlines that go over the end."""
    a, b = side_of(inventory(EAST, WEST)), side_of(inventory(WEST, shapely.box(-179.9, 65, -179.89, 65.01)))
    write_changes(compare_inventories(a, b, QUICK), tmp_path / "changes.gpkg")
    written = gpd.read_file(tmp_path / "changes.gpkg", layer="losses").total_bounds
    assert written == pytest.approx([179.99, 65, 180, 65.01])


def test_only_jumps_are_undone() -> None:
    world, frame = shapely.box(-180, -90, 180, 90), shapely.box(-179, 0, 179, 1)
    nonsense = shapely.box(500_000, 3_300_000, 500_010, 3_300_010)
    given = objects(world, frame, nonsense, None, shapely.Polygon(), shapely.Point(180, 0))
    assert whole(given) is given
    lon = np.array([-180.0, 180.0, 0.0, 90.0])
    assert continuous(lon, np.array([0, 2, 2, 4])) is lon
    assert turned(objects(shapely.Point(190, 0)), 180.0)[0].x == 190


def test_the_map_is_cut_where_nothing_is() -> None:
    """Nothing near the antimeridian: 0. Else opposite to the widest gap, here from 8° to 179.5° E."""
    assert middle_of(np.array([75.0, -70.0]), np.array([105.0, -69.0])) == 0.0
    west, east = np.array([179.5, -180.0, -71.0, 7.0, np.nan]), np.array([180.0, -179.5, -70.0, 8.0, np.nan])
    assert middle_of(west, east) == pytest.approx((8 + 179.5) / 2 - 180)
    assert middle_of(np.zeros(0), np.zeros(0)) == 0.0
    one, two = in_one_map(objects(shapely.Point(-179.9, 0)), objects(shapely.Point(179.9, 0)))
    assert abs(one[0].x - two[0].x) == pytest.approx(0.2)
