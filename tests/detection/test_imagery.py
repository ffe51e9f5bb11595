"""Imagery: channels, resampling and catalogues; a pixel is the same in whatever window it is read."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling as Method
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform as transform_points
from rasters import CORNER, UTM, grid, picture, write

from rogi.detection.imagery.channels import Imagery
from rogi.errors import InputError, OptionError
from rogi.ledger import Ledger
from rogi.raster.files import close_files
from rogi.synthetic.terrain import plane


def ramp(shape: tuple[int, int]) -> np.ndarray:
    """A plane: 3 per column, 2 per row."""
    return (10.0 + 3.0 * np.arange(shape[1]) + 2.0 * np.arange(shape[0])[:, None]).astype(np.float32)


def smooth(shape: tuple[int, int] = (90, 110)) -> np.ndarray:
    """Waves of about 20 pixels, three bands."""
    row, column = np.mgrid[: shape[0], : shape[1]]
    waves = [np.sin(row / a) * np.cos(column / b) for a, b in ((3.1, 4.2), (2.7, 3.3), (5.0, 2.9))]
    return (100 + 50 * np.array(waves)).astype(np.float32)


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Imagery, np.ndarray, np.ndarray]:
    """Bands resampled to 7 m with elevation and slope from a DEM in degrees, and all of it read at once."""
    folder = tmp_path_factory.mktemp("layered")
    values = smooth()
    values[:, 20:26, 30:40] = np.nan
    image = write(folder / "image.tif", values)
    with rasterio.open(image) as dataset, WarpedVRT(dataset, crs="EPSG:4326") as turned:
        west, south, east, north = turned.bounds
    shape = (80, 90)
    rng = np.random.default_rng(5)
    heights = (4000 + 100 * rng.random(shape)).astype(np.float32)
    heights[40:44, 10:12] = -32768
    step = (east - west + 4e-3) / shape[1], (north - south + 4e-3) / shape[0]
    transform = Affine(step[0], 0, west - 2e-3, 0, -step[1], north + 2e-3)
    dem = write(folder / "dem.tif", heights[None], transform, "EPSG:4326", nodata=-32768)
    imagery = Imagery.open(image, channels={"elevation": dem, "slope": dem}, resolution=7.0)
    values, valid = imagery.read(0, 0, *imagery.shape)
    return imagery, values, valid


@given(st.integers(-40, 150), st.integers(-40, 170), st.integers(1, 90), st.integers(1, 90))
@settings(max_examples=40)
def test_a_pixel_does_not_depend_on_the_window(
    layered: tuple[Imagery, np.ndarray, np.ndarray], row: int, column: int, height: int, width: int
) -> None:
    """To the last bit, resampled bands, reprojected elevation and derived slope, and void parts."""
    imagery, whole, known = layered
    values, valid = imagery.read(row, column, height, width)
    rows, columns = np.arange(row, row + height), np.arange(column, column + width)
    inside = np.ix_((rows >= 0) & (rows < whole.shape[1]), (columns >= 0) & (columns < whole.shape[2]))
    part = np.ix_(
        rows[(rows >= 0) & (rows < whole.shape[1])], columns[(columns >= 0) & (columns < whole.shape[2])]
    )
    np.testing.assert_array_equal(valid[inside], known[part])
    for band in range(5):
        np.testing.assert_array_equal(values[band][inside], whole[band][part])
    assert (values[:, ~valid] == 0).all()


def test_channels_void_where_any_has_no_value(layered: tuple[Imagery, np.ndarray, np.ndarray]) -> None:
    imagery, values, valid = layered
    assert imagery.names == ("red", "green", "blue", "elevation", "slope")
    assert imagery.metres_per_pixel == pytest.approx(7.0, rel=1e-6)
    assert imagery.dtype == "float32"
    assert 0.85 < valid.mean() < 0.99  # two holes
    assert values[3][valid].min() >= 3999 and values[4][valid].max() < 90


def test_elevation_of_a_plane_and_its_slope(tmp_path: Path) -> None:
    """A plane of 20 degrees on another grid in the same CRS: linear, so bilinear is exact."""
    image = write(tmp_path / "image.tif", picture((40, 40)))
    ground = plane((60, 60), 17.0, 20.0, 75.0)
    corner = (CORNER[0] - 200.0, CORNER[1] + 190.0)
    dem = write(tmp_path / "dem.tif", ground[None].astype(np.float64), grid(17.0, corner))
    imagery = Imagery.open(image, channels={"elevation": dem, "slope": dem})
    values, valid = imagery.read(0, 0, 40, 40)
    assert valid.all()
    x = (CORNER[0] + 10 * (np.arange(40) + 0.5) - corner[0]) / 17.0 - 0.5
    y = (corner[1] - (CORNER[1] - 10 * (np.arange(40) + 0.5))) / 17.0 - 0.5
    expected = ground[0, 0] + (ground[0, 1] - ground[0, 0]) * x + (ground[1, 0] - ground[0, 0]) * y[:, None]
    np.testing.assert_allclose(values[3], expected, atol=2e-3)  # float32 of some thousand metres
    # UTM's scale (0.9996 here) makes ground distances longer than those of the grid.
    steep = np.degrees(np.arctan(np.tan(np.radians(20.0)) * 0.9996))
    np.testing.assert_allclose(values[4], steep, atol=2e-3)


def test_finer_pixels_of_a_plane_are_exact(tmp_path: Path) -> None:
    """Bilinear interpolation of a linear function is that function."""
    path = write(tmp_path / "a.tif", np.stack([ramp((30, 40))] * 3))
    imagery = Imagery.open(path, resolution=4.0)
    values, valid = imagery.read(0, 0, *imagery.shape)
    step = 4.0 / Imagery.open(path).metres_per_pixel
    row = (np.arange(imagery.shape[0]) + 0.5) * step - 0.5
    column = (np.arange(imagery.shape[1]) + 0.5) * step - 0.5
    inner = np.ix_((row >= 0) & (row <= 29), (column >= 0) & (column <= 39))
    assert valid[inner].all()
    expected = 10 + 3 * column + 2 * row[:, None]
    np.testing.assert_allclose(values[0][inner], expected[inner], atol=1e-4)


def test_coarser_pixels_are_means_by_a_tent(tmp_path: Path) -> None:
    """Twice as coarse: weights 1/8 3/8 3/8 1/8 in each direction, worked out by hand."""
    values = np.random.default_rng(1).random((3, 24, 24)).astype(np.float32) * 100
    path = write(tmp_path / "a.tif", values)
    imagery = Imagery.open(path, resolution=20.0 / 0.9996)
    assert imagery.shape == (12, 12)
    found, _ = imagery.read(0, 0, 12, 12)
    tent = np.array([1, 3, 3, 1]) / 8
    for i, j in ((1, 1), (5, 7), (10, 10)):
        part = values[:, 2 * i - 1 : 2 * i + 3, 2 * j - 1 : 2 * j + 3]
        # The scale of UTM varies with the place: the grids part by some thousandths of a pixel.
        np.testing.assert_allclose(found[:, i, j], np.einsum("cij,i,j->c", part, tent, tent), rtol=2e-3)


def test_reprojection_agrees_with_gdal(tmp_path: Path) -> None:
    """Waves in geographic coordinates seen through a UTM image: our bilinear against GDAL's warper."""
    transform = Affine(1.3e-4, 0, 86.995, 0, -1.3e-4, 29.834)
    wave = write(tmp_path / "wave.tif", smooth((120, 140))[:1], transform, "EPSG:4326")
    image = write(tmp_path / "image.tif", picture((60, 60)))
    found, valid = Imagery.open(image, channels={"wave": wave}).read(0, 0, 60, 60)
    place = {"transform": grid(), "width": 60, "height": 60}
    options = {"crs": UTM, "resampling": Method.bilinear, "tolerance": 1e-3, **place}
    with rasterio.open(wave) as source, WarpedVRT(source, **options) as warped:
        expected = warped.read(1)
    assert valid.all()
    np.testing.assert_allclose(found[3], expected, atol=0.02)


def test_the_own_resolution_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", picture())
    imagery = Imagery.open(path, resolution=10.03)
    assert imagery.transform == grid() and imagery.images[0].resampling is None
    for bad in (0.0, -3.0, float("nan")):
        with pytest.raises(OptionError, match="length in metres"):
            Imagery.open(path, resolution=bad)


@pytest.mark.parametrize(("crs", "transform"), [
    ("EPSG:3857", Affine(20, 0, 9_685_000, 0, -20, 3_480_000)),
    ("EPSG:4326", Affine(2e-4, 0, 87.0, 0, -2e-4, 29.8)),
])  # fmt: skip
def test_resolution_is_of_the_ground_on_web_maps_and_in_degrees(
    tmp_path: Path, crs: str, transform: Affine
) -> None:
    path = write(tmp_path / "a.tif", picture((100, 100)), transform, crs)
    imagery = Imagery.open(path, resolution=12.0)
    along, down = imagery.grid.pixel_metres
    assert along == pytest.approx(12.0, rel=1e-4) and down == pytest.approx(12.0, rel=1e-4)
    assert imagery.read(0, 0, *imagery.shape)[1].mean() > 0.97


def test_pixels_of_the_right_area_but_not_square_are_resampled(tmp_path: Path) -> None:
    """Pixels that are square in degrees at 47° N, 8.26 m by 12.13 m, have the area of one of 10 m."""
    path = write(
        tmp_path / "a.tif", picture((100, 100)), Affine(1.0906e-4, 0, 11.0, 0, -1.0906e-4, 47.0), 4326
    )
    imagery = Imagery.open(path, resolution=Imagery.open(path).metres_per_pixel)
    along, down = imagery.grid.pixel_metres
    assert along == pytest.approx(down, rel=1e-3)


def test_a_colour_table_is_no_picture(tmp_path: Path) -> None:
    """Its numbers mean nothing to a network: said, with what helps."""
    path = write(tmp_path / "a.tif", picture(bands=1))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {i: (i, 0, 255 - i, 255) for i in range(256)})
    with pytest.raises(InputError, match=r"colour table, not colours.*-expand rgb"):
        Imagery.open(path)


def test_tiles_on_two_zones_become_one_picture(tmp_path: Path) -> None:
    """A smooth function of place in tiles of two UTM zones: the seam cannot be seen."""

    def wave(crs: str, transform: Affine) -> np.ndarray:
        column, row = np.meshgrid(np.arange(60) + 0.5, np.arange(60) + 0.5)
        x, y = transform @ (column, row)
        lon, lat = transform_points(crs, "EPSG:4326", x.ravel(), y.ravel())
        values = 100 + 50 * np.sin(np.array(lon) * 900) * np.cos(np.array(lat) * 700)
        return np.stack([values.reshape(60, 60)] * 3).astype(np.float32)

    west = Affine(10, 0, 789_600, 0, -10, 3_300_000)  # zone 44, its eastern edge near 84° E
    write(tmp_path / "a.tif", wave("EPSG:32644", west), west, "EPSG:32644")
    below = west @ Affine.translation(0, 60)
    write(tmp_path / "b.tif", wave("EPSG:32644", below), below, "EPSG:32644")
    x, y = transform_points("EPSG:32644", "EPSG:32645", [790_150.0], [3_300_000.0])
    east = Affine(10, 0, x[0], 0, -10, y[0] + 100)
    write(tmp_path / "c.tif", wave("EPSG:32645", east), east, "EPSG:32645")
    imagery = Imagery.open(tmp_path)
    assert imagery.crs.to_epsg() == 32644 and "2 grids" in imagery.notes[0]
    values, valid = imagery.read(0, 0, *imagery.shape)
    column, row = np.meshgrid(np.arange(imagery.shape[1]) + 0.5, np.arange(imagery.shape[0]) + 0.5)
    px, py = imagery.transform @ (column, row)
    lon, lat = transform_points("EPSG:32644", "EPSG:4326", px.ravel(), py.ravel())
    expected = (100 + 50 * np.sin(np.array(lon) * 900) * np.cos(np.array(lat) * 700)).reshape(imagery.shape)
    assert valid[:, 62:].any()
    off = np.abs(values[0] - expected)[valid]
    # Along the outer edge of the resampled tile pixels have neighbours on one side only.
    assert np.quantile(off, 0.99) < 0.35 and off.max() < 2.0


def test_keys_change_with_the_tile_that_changed_only(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture((20, 20), seed=1))
    second = write(tmp_path / "b.tif", picture((20, 20), seed=2), grid() @ Affine.translation(20, 0))
    imagery = Imagery.open(tmp_path)
    left, both = imagery.keys(0, 0, 20, 20), imagery.keys(0, 10, 20, 20)
    assert left == (hashlib.sha256((tmp_path / "a.tif").read_bytes()).hexdigest(),)
    assert len(both) == 2 and imagery.keys(50, 50, 5, 5) == ()
    write(second, picture((20, 20), seed=3), grid() @ Affine.translation(20, 0))
    with Ledger(tmp_path / "ledger") as ledger:
        again = Imagery.open(tmp_path)
        assert again.keys(0, 0, 20, 20, ledger) == left
        assert again.keys(0, 10, 20, 20, ledger)[0] == both[0]
        assert again.keys(0, 10, 20, 20, ledger)[1] != both[1]


def test_keys_know_what_lies_behind_a_vrt_of_a_vrt(tmp_path: Path) -> None:
    """The pixels may change while both VRTs stay as they are."""
    source = write(tmp_path / "a.tif", picture())
    for name, inner in (("b.vrt", "a.tif"), ("c.vrt", "b.vrt")):
        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{n}"><SimpleSource><SourceFilename relativeToVRT="1">'
            f"{inner}</SourceFilename><SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
            for n in (1, 2, 3)
        )
        place = ",".join(map(str, grid().to_gdal()))
        (tmp_path / name).write_text(
            f'<VRTDataset rasterXSize="80" rasterYSize="60"><SRS>{UTM}</SRS>'
            f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
        )
    before = Imagery.open(tmp_path / "c.vrt")
    keys = before.keys(0, 0, 60, 80)
    np.testing.assert_array_equal(before.read(0, 0, 60, 80)[0], picture())
    assert source in before.paths
    close_files()
    write(source, picture(seed=1))
    assert Imagery.open(tmp_path / "c.vrt").keys(0, 0, 60, 80) != keys


def test_imagery_can_be_sent_to_another_process(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", picture())
    imagery = Imagery.open(path)
    expected, _ = imagery.read(3, 4, 20, 30)
    close_files()
    copy = pickle.loads(pickle.dumps(imagery))
    np.testing.assert_array_equal(copy.read(3, 4, 20, 30)[0], expected)
    described = copy.describe()
    assert described["name"] == "a.tif" and described["channels"] == ["red", "green", "blue"]
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def item(number: int, assets: dict[str, Any]) -> dict[str, Any]:
    """A STAC item."""
    return {"type": "Feature", "stac_version": "1.0.0", "id": f"item-{number}", "assets": assets}


def test_stac_items_of_pictures(tmp_path: Path) -> None:
    """An ItemCollection of two items whose assets lie beside it; the thumbnail is not taken."""
    (tmp_path / "data").mkdir()
    first, second = picture((10, 10), seed=1), picture((10, 10), seed=2)
    write(tmp_path / "data" / "one.tif", first)
    write(tmp_path / "data" / "two.tif", second, grid() @ Affine.translation(10, 0))
    kind = "image/tiff; application=geotiff"
    features = [
        item(2, {"visual": {"href": (tmp_path / "data" / "two.tif").as_uri(), "type": kind}}),
        item(1, {
            "picture": {"href": "data/one.tif", "type": kind, "roles": ["data"]},
            "thumbnail": {"href": "https://example.org/one.png", "type": "image/png", "roles": ["thumbnail"]},
        }),
    ]  # fmt: skip
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    values, valid = Imagery.open(path).read(0, 0, 10, 20)
    assert valid.all()
    np.testing.assert_array_equal(values, np.concatenate([first, second], axis=2))
    single = tmp_path / "item.json"
    single.write_text(json.dumps(features[1]))
    np.testing.assert_array_equal(Imagery.open(single).read(0, 0, 10, 10)[0], first)


def test_stac_item_with_a_file_per_band(tmp_path: Path) -> None:
    values = picture((8, 8), bands=4)
    names = (("B02", "blue"), ("B03", "green"), ("B04", "red"), ("B08", "nir"))
    assets = {}
    for band, (key, name) in zip(values, names, strict=True):
        write(tmp_path / f"{key}.tif", band[None])
        assets[key] = {"href": f"./{key}.tif", "eo:bands": [{"name": key, "common_name": name}]}
    path = tmp_path / "item.json"
    path.write_text(json.dumps(item(1, assets)))
    imagery = Imagery.open(path)
    assert imagery.names == ("red", "green", "blue")
    np.testing.assert_array_equal(imagery.read(0, 0, 8, 8)[0], values[[2, 1, 0]])
    chosen = Imagery.open(path, bands=["infrared=B08", "B04"])
    assert chosen.names == ("infrared", "red")
    np.testing.assert_array_equal(chosen.read(0, 0, 8, 8)[0], values[[3, 2]])
    assert len(imagery.keys(0, 0, 8, 8)) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot be read as STAC"),
        ('{"type": "Catalog", "links": []}', "neither a STAC Item"),
        ('{"type": "FeatureCollection", "features": []}', "contains no items"),
        (json.dumps(item(1, {"visual": {"href": "https://example.org/a.tif"}})), "no local file"),
        (json.dumps(item(1, {"visual": {"href": "/vsicurl/http://example.org/a.tif"}})), "no local file"),
        (json.dumps(item(1, {"visual": {"href": "missing.tif"}})), "no raster"),
        (json.dumps(item(1, {"a": {"href": "a.tif"}, "b": {"href": "b.tif"}})), "does not say which"),
    ],
)
def test_stac_files_that_name_no_local_picture_are_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        Imagery.open(path)


def test_channels_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", picture())
    with pytest.raises(OptionError, match="not all different"):
        Imagery.open(path, channels={"red": path})


@pytest.mark.real
def test_the_fill_along_the_edge_of_a_real_image_is_void(real_data: Path) -> None:
    """Kaiserberg in UTM: 5.03 % of the pixels are 0 in all bands and along the edge, without a nodata value;
    the same scene in degrees has none."""
    folder = real_data / "kaiserberg"
    for name in ("s2_rgb_2017-08-30_utm32.tif", "s2_rgb_2024-08-10_utm32.tif"):
        imagery = Imagery.open(folder / name)
        assert imagery.metres_per_pixel == pytest.approx(6.84, abs=0.01)
        values, valid = imagery.read(0, 0, *imagery.shape)
        with rasterio.open(folder / name) as dataset:
            alpha = dataset.read(4) > 0  # the fourth band, which the file does not call so
        np.testing.assert_array_equal(valid, alpha)
        assert (values[:, valid] > 0).all()
    assert Imagery.open(folder / "s2_rgb_2024-08-10_wgs84.tif").read(0, 0, 120, 202)[1].all()


@pytest.mark.real
def test_elevation_under_a_real_image(real_data: Path) -> None:
    """SRTM under Kaiserberg: heights of the slope it lies on, and slopes of rock glaciers."""
    dem = real_data / "oetztal" / "srtm_oetztal.tif"
    imagery = Imagery.open(
        real_data / "kaiserberg" / "s2_rgb_2024-08-10_wgs84.tif", channels={"elevation": dem, "slope": dem}
    )
    values, valid = imagery.read(0, 0, *imagery.shape)
    assert valid.all()
    assert 2450 < values[3].min() < values[3].max() < 3050
    assert 15 < np.median(values[4]) < 30
