"""Regions and grids: names as people mean them, borders, hand-counted cells, and two published real cases."""

from __future__ import annotations

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rogi.areas import area_m2
from rogi.detection.candidates.glaciers import read_glaciers
from rogi.detection.patches.label_rasters import read_outlines
from rogi.errors import InputError, OptionError
from rogi.geometry import transform_geometries
from rogi.inventory.regions import UNNAMED, Regions, assign, fold, read_regions, same_name, spelled
from rogi.statistics.grid_rasters import grid_of_raster, write_geotiff
from rogi.statistics.grids import Grid, equal_area_grid, gridded, write_gpkg


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Nyainqêntanglha", "nyainqentanglha"),
        ("Northern/Western Tien Shan", "northern western tien-shan"),
        ("Río Elqui ", "RIO ELQUI"),
    ],
)
def test_names_with_and_without_diacritics_are_the_same(a, b):
    assert fold(a) == fold(b)
    assert same_name(a, ["x", None, b]) == b
    assert same_name(a, ["x"]) is None


def test_points_are_assigned_and_shared_borders_go_to_the_first_name():
    west, east = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    regions = Regions(("east", "west"), np.array([east, west], dtype=object))
    points = shapely.points([[0.5, 0.5], [1.5, 0.5], [1.0, 0.5], [3, 3]])
    points = np.array([*points, None, shapely.Point()], dtype=object)
    assert list(assign(points, regions)) == ["west", "east", "east", None, None, None]


def test_a_polygon_lies_where_most_of_it_is():
    regions = Regions(
        ("east", "west"), np.array([shapely.box(1, 0, 3, 1), shapely.box(0, 0, 1, 1)], dtype=object)
    )
    mostly_east, mostly_west = shapely.box(0.9, 0, 1.3, 1), shapely.box(0.5, 0, 1.1, 1)
    halves, touching = shapely.box(0.75, 0, 1.25, 1), shapely.box(3, 0, 4, 1)
    units = [mostly_east, mostly_west, halves, touching, shapely.box(5, 5, 6, 6), shapely.Polygon(), None]
    found = assign(np.array(units, dtype=object), regions)
    assert list(found) == ["east", "west", "east", "east", None, None, None]
    assert list(assign(np.array([shapely.Polygon()], dtype=object), regions)) == [None]


def test_names_are_spelled_as_in_the_vocabulary():
    vocabulary = ["Nyainqêntanglha", "Qilian Shan"]
    names = ["nyainqentanglha", "Qilian  Shan", "elsewhere"]
    assert spelled(names, vocabulary) == ("Nyainqêntanglha", "Qilian Shan", "elsewhere")
    assert spelled(names, []) == tuple(names)


def write(path, geometry, crs="EPSG:4326", **columns):
    import geopandas as gpd

    gpd.GeoDataFrame(columns, geometry=geometry, crs=crs).to_file(path)
    return path


def test_parts_of_a_region_are_joined_and_invalid_ones_named(tmp_path):
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    path = write(
        tmp_path / "r.gpkg",
        [bow_tie, shapely.box(5, 5, 6, 6), shapely.box(7, 7, 8, 8)],
        region=["b", "a", "a"],
    )
    regions = read_regions(path)
    assert regions.names == ("a", "b")
    assert regions.repaired == ("b",)
    assert assign(shapely.points([[7.5, 7.5]]), regions)[0] == "a"


def test_polygons_without_a_name_are_not_lost(tmp_path):
    path = write(tmp_path / "r.gpkg", [shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)], name=["a", None])
    regions = read_regions(path)
    assert regions.names == (UNNAMED, "a")
    assert list(assign(shapely.points([[0.5, 0.5], [2.5, 0.5]]), regions)) == ["a", UNNAMED]


def test_regions_in_another_crs_are_brought_to_degrees(tmp_path):
    square = shapely.box(600_000, 5_200_000, 610_000, 5_210_000)
    regions = read_regions(write(tmp_path / "r.gpkg", [square], "EPSG:32632", name=["x"]))
    lon, lat = pyproj.Transformer.from_crs(32632, 4326, always_xy=True).transform(605_000, 5_205_000)
    assert assign(shapely.points([[lon, lat]]), regions)[0] == "x"


def test_files_that_are_no_regions(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_regions(tmp_path / "none.gpkg")
    with pytest.raises(InputError, match="no polygons"):
        read_regions(write(tmp_path / "p.gpkg", [shapely.Point(0, 0)], name=["x"]))
    two = write(tmp_path / "two.gpkg", [shapely.box(0, 0, 1, 1)], a=["x"], b=["y"])
    with pytest.raises(OptionError, match="which column"):
        read_regions(two)
    with pytest.raises(OptionError, match="no column 'c'"):
        read_regions(two, "c")
    assert read_regions(two, "b").names == ("y",)
    shp = write(tmp_path / "s.shp", [shapely.box(0, 0, 1, 1)], name=["x"])
    shp.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="no CRS"):
        read_regions(shp)


def test_a_text_that_names_other_files_is_refused(tmp_path):
    """Whatever it is called: here GDAL would open the regions beside it, and could as well ask a server."""
    write(tmp_path / "r.gpkg", [shapely.box(0, 0, 1, 1)], name=["x"])
    text = tmp_path / "names.gpkg"
    text.write_text(
        '<!-- --><OGRVRTDataSource><OGRVRTLayer name="r"><SrcDataSource relativeToVRT="1">r.gpkg'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    assert len(pyogrio.read_dataframe(text)) == 1
    with pytest.raises(InputError, match="names other files or a service"):
        read_regions(text)


GRID = Grid(pyproj.CRS(4326), 10.0, 50.0, 1.0, 0.5, (2, 3))


def test_cells_counted_by_hand():
    lonlat = np.array([[10.0, 50.0], [10.9, 49.6], [12.5, 49.2], [9.99, 49.9], [13.0, 49.9], [np.nan, 1.0]])
    found = gridded(lonlat, GRID, {"area": np.array([1.0, 3.0, np.nan, 9.0, 9.0, 9.0])})
    assert found.count.tolist() == [[2, 0, 0], [0, 0, 1]]
    assert found.outside == 3
    assert found.means["area"][0, 0] == 2.0
    assert np.isnan(found.means["area"][1, 2])


@given(
    st.lists(st.tuples(st.floats(-179, 179), st.floats(-75, 75)), min_size=1, max_size=40, unique=True),
    st.floats(20_000, 500_000),
)
def test_every_unit_is_on_its_equal_area_grid(points, cell):
    lonlat = np.array(points)
    grid = equal_area_grid(lonlat, cell)
    found = gridded(lonlat, grid)
    assert found.outside == 0
    assert found.count.sum() == len(points)


def test_cells_have_equal_areas():
    grid = equal_area_grid(np.array([[75.0, 28.0], [100.0, 39.0]]))
    corners = np.array([0, grid.shape[1] - 1, grid.shape[0] * grid.shape[1] - 1])
    boxes = transform_geometries(shapely.segmentize(grid.boxes(corners), 1000.0), grid.crs, "EPSG:4326")
    assert area_m2(boxes, "EPSG:4326") == pytest.approx(2.5e9, rel=1e-5)


def test_grids_that_cannot_be():
    with pytest.raises(OptionError, match="No unit has a position"):
        equal_area_grid(np.array([[np.nan, 1.0]]))
    with pytest.raises(OptionError, match="positive"):
        equal_area_grid(np.array([[1.0, 1.0]]), -1)
    with pytest.raises(OptionError, match="larger cells"):
        equal_area_grid(np.array([[0.0, 0.0], [90.0, 60.0]]), 10.0)


def test_written_grids_read_back(tmp_path):
    lonlat = np.array([[75.0, 28.0], [75.1, 28.1], [100.0, 39.0]])
    cells = gridded(lonlat, equal_area_grid(lonlat), {"area": np.array([1.0, 2.0, 4.0])})
    write_gpkg(cells, tmp_path / "g.gpkg")
    write_geotiff(cells, tmp_path / "g.tif")
    frame = pyogrio.read_dataframe(tmp_path / "g.gpkg")
    assert frame["count"].sum() == 3
    assert set(frame.columns) == {"row", "column", "count", "area_mean", "geometry"}
    assert frame.geometry.area.to_numpy() == pytest.approx(2.5e9)
    with rasterio.open(tmp_path / "g.tif") as source:
        assert source.descriptions == ("count", "area_mean")
        assert source.read(1).sum() == 3
        again = gridded(lonlat, grid_of_raster(tmp_path / "g.tif"))
    assert (again.count == cells.count).all()


@pytest.mark.real
def test_setp_markers_per_himap_region(real_data):
    markers = pyogrio.read_dataframe(real_data / "setp" / "markers_49178.gpkg")
    regions = read_regions(real_data / "hma_regions" / "himap_22_regions.gpkg")
    assert len(regions.repaired) == 2
    names = assign(np.asarray(markers.geometry.array, dtype=object), regions)
    for name, count in (("Hengduan Shan", 29_919), ("Nyainqêntanglha", 19_200)):
        assert (names == same_name(name, regions.names)).sum() == count


@pytest.mark.real
def test_setp_density_grid(real_data):
    """Markers per cell of the published grid: r above 0.999 (cells that it leaves empty count as none)."""
    markers = pyogrio.read_dataframe(real_data / "setp" / "markers_49178.gpkg")
    path = real_data / "setp" / "density_grid_0.1deg.tif"
    found = gridded(np.column_stack([markers.geometry.x, markers.geometry.y]), grid_of_raster(path))
    with rasterio.open(path) as source:
        published = source.read(1)
    known = np.isfinite(published)
    assert np.corrcoef(published[known], found.count[known])[0, 1] > 0.999
    assert np.corrcoef(np.nan_to_num(published).ravel(), found.count.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("far", [np.nan, 7.5e300, 3802.5])
def test_other_polygons_without_a_place(tmp_path, far):
    """A region is refused; glaciers and units of training are left out, counted and named."""
    away = shapely.Polygon([(75, 38), (75.01, 38), (75.01, far)])
    path = write(tmp_path / "r.gpkg", [away, shapely.box(75, 38, 75.1, 38.1)], name=["x", "y"])
    with pytest.raises(InputError, match="x have impossible coordinates, or none"):
        read_regions(path)
    glaciers = read_glaciers(path)
    assert len(glaciers) == 1 and "1 outline of" in str(glaciers.note) and "row 1" in str(glaciers.note)
    units = read_outlines(path)
    assert len(units) == 1 and units.left_out == 0 and "left out" in units.notes[0]
