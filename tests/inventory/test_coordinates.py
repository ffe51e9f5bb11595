"""The state of coordinates: infinite, off the Earth, swapped, or not those of their CRS."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rogi.comparison.inventories import compare_inventories
from rogi.comparison.matching.sides import side_of
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.convert import convert
from rogi.inventory.coordinates import coordinates, on_earth, sound_positions
from rogi.inventory.loss import LossKind
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.statistics.unit_table import unit_table


def outlines(inventory: Inventory) -> Layer:
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    return layer


def with_vertex(inventory: Inventory, row: int, x: float | None = None, y: float | None = None) -> Inventory:
    """An outline one vertex of which was mistyped."""
    ring = shapely.get_coordinates(outlines(inventory).geometry[row])
    ring[2] = [ring[2, 0] if x is None else x, ring[2, 1] if y is None else y]
    return examples.with_geometry(inventory, Role.OUTLINE, {row: shapely.Polygon(ring)})


def test_a_mistyped_vertex_is_off_the_earth() -> None:
    found = coordinates(outlines(with_vertex(examples.tprogi(5), 1, y=3040.0)))
    assert found.off_earth.tolist() == [False, True, False, False, False]
    assert found.sound.tolist() == [True, False, True, True, True]


def test_longitudes_that_only_need_wrapping_have_a_place() -> None:
    """270° E is reported and still somewhere on the Earth."""
    shape = shapely.transform(
        outlines(examples.tprogi(5)).geometry[0], lambda xy: xy + np.array([180.0, 0.0])
    )
    found = coordinates(outlines(examples.with_geometry(examples.tprogi(5), Role.OUTLINE, {0: shape})))
    assert found.out_of_range.tolist() == [True, False, False, False, False]
    assert not found.off_earth.any()
    assert found.faulty[0]


def test_a_utm_zone_holds_a_whole_range() -> None:
    """14 degrees beside the zone the way there and back gives the same metres: sound, with IDs or not."""
    inventory = examples.reprojected(examples.tprogi(4), "EPSG:32648")  # 105° E, the units are at 90.6° E
    assert not coordinates(outlines(inventory)).faulty.any()
    assert not coordinates(outlines(inventory), witnesses=[]).faulty.any()


def test_numbers_of_another_grid_are_no_place() -> None:
    """LV03 numbers under LV95 come back to themselves, but their IDs are elsewhere."""
    inventory = examples.reprojected(examples.rgik(3, origin=(8.0, 46.5)), "EPSG:21781")
    found = coordinates(outlines(examples.with_crs(inventory, Role.OUTLINE, "EPSG:2056")))
    assert found.out_of_range.all()
    assert not found.sound.any()


@pytest.mark.parametrize("crs", ["EPSG:4978", "EPSG:5773"])
def test_a_crs_without_longitude_and_latitude_places_nothing(crs: str) -> None:
    layer = outlines(examples.with_crs(examples.tprogi(3), Role.OUTLINE, crs))
    found = coordinates(layer)
    assert not found.placed
    assert not found.sound.any()
    with pytest.raises(InputError, match="no longitude and latitude"):
        sound_positions(layer)


def test_what_has_no_place_takes_no_part_in_statistics_and_is_named() -> None:
    broken = with_vertex(examples.tprogi(5), 1, y=3040.0)
    table = unit_table(broken)
    assert table.positions[np.isnan(table.geometric_area)].tolist() == [1]
    name = outlines(broken).frame["ID"].iloc[1]
    assert any(name in note and "SCH006" in note for note in table.notes)


@pytest.mark.parametrize("vertex", [{"y": 3040.0}, {"y": 3.04}, {"x": -90.6}, {"x": 1e300}, {"y": np.inf}])
def test_no_work_grows_with_a_coordinate(vertex: dict[str, float]) -> None:
    """A digit too many or too few, anywhere: the comparison ends, and what has no place is named."""
    sides = [side_of(examples.tprogi(5)), side_of(with_vertex(examples.tprogi(5), 1, **vertex))]
    result = compare_inventories(*sides)
    assert len(result.a) == 5
    assert len(result.b) + len(result.b.impossible) == 5


def test_pairs_with_long_boundaries_are_sampled_with_wider_steps() -> None:
    """Two boxes 10 degrees wide and a tenth of a degree apart all along: about 11.1 km, whatever the step."""
    from rogi.comparison.agreement.boundaries import boundary_distances
    from rogi.comparison.matching.prepared_outlines import prepare_together

    shapes = [np.array([shapely.box(80, 0 + d, 90, 10 + d)], dtype=object) for d in (0.0, 0.1)]
    a, b = prepare_together([(shapes[0], 4326), (shapes[1], 4326)])
    zero = np.zeros(1, np.intp)
    found = boundary_distances(a, b, zero, zero)
    assert found.hausdorff[0] == pytest.approx(11_060, rel=0.02)


def test_nothing_infinite_is_written() -> None:
    """Coordinates that are none of their CRS are not brought into another; single ones are a counted loss."""
    lying = examples.with_crs(
        examples.reprojected(examples.tprogi(3), "EPSG:32645"), Role.OUTLINE, "EPSG:4326"
    )
    with pytest.raises(OptionError, match=r"outlines cannot be brought into EPSG:32645.*are no degrees"):
        convert(lying, crs="EPSG:32645")
    with pytest.raises(OptionError, match="are no degrees"):
        convert(lying, crs="EPSG:4326")
    done = convert(with_vertex(examples.tprogi(4), 1, y=3040.0), crs="EPSG:32645")
    loss = next(x for x in done.losses if x.kind is LossKind.GEOMETRY_LEFT_OUT)
    assert loss.count == 1
    shapes = outlines(done.inventory).geometry
    assert shapes[1] is None
    assert np.isfinite(shapely.bounds(shapes[[0, 2, 3]])).all()


def test_swapped_outlines_are_not_brought_into_another_crs() -> None:
    layer = outlines(examples.tprogi(3))
    shapes = {k: shapely.transform(layer.geometry[k], lambda xy: xy[:, ::-1]) for k in range(3)}
    with pytest.raises(OptionError, match="swapped"):
        convert(examples.with_geometry(examples.tprogi(3), Role.OUTLINE, shapes), crs="EPSG:32645")


@pytest.mark.parametrize("far", [np.nan, np.inf, 7.5e300, 3802.5])
def test_an_outline_without_a_place_has_no_position(far: float) -> None:
    """Also where squares of its numbers overflow, or some of its coordinates are numbers."""
    shape = shapely.Polygon([(75.0, 38.0), (75.01, 38.0), (75.01, far)])
    frame = gpd.GeoDataFrame(
        {"ID": [None, None]}, geometry=[shape, shapely.box(75, 38, 75.01, 38.01)], crs=4326
    )
    layer = from_frames({Role.OUTLINE: frame}, schema="tprogi/1.0", dialect="tprogi").layers[0]
    lon, _ = sound_positions(layer)
    assert np.isnan(lon[0]) and lon[1] == pytest.approx(75.005)
    assert on_earth(layer.geometry).tolist() == [False, True]


@pytest.mark.parametrize("format", ["c.kml", "c.geojson"])
@pytest.mark.parametrize("far", [np.nan, np.inf, 7.5e300, 3802.5])
def test_formats_on_wgs84_leave_out_what_has_no_place(tmp_path: Path, format: str, far: float) -> None:
    """The row stays, its geometry is a counted loss."""
    inventory = examples.without_layer(with_vertex(examples.tprogi(), 1, y=far), Role.MARKER)
    written = write_inventory(inventory, tmp_path / format)
    assert [str(x).partition(": ")[2] for x in written.losses if x.kind is LossKind.GEOMETRY_LEFT_OUT] == [
        "geometry left out, 1 features: coordinates have no place on the Earth: row 2"
    ]
    again = read_inventory(tmp_path / format).layers[0]
    assert (shapely.is_missing(again.geometry) | shapely.is_empty(again.geometry)).sum() == 1


@pytest.mark.parametrize("far", [np.nan, np.inf, 7.5e300])
def test_outlines_with_some_finite_coordinates_take_no_part(far: float) -> None:
    side = side_of(with_vertex(examples.tprogi(), 1, y=far))
    assert len(side) == side.read - 1 and len(side.impossible) == 1
