"""Tiles on one grid: what is read is what was written, and what shows no ground is not valid."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioIOError
from rasters import CORNER, grid, picture, write
from scipy.ndimage import label

from rogi.detection.imagery.channels import Imagery
from rogi.errors import InputError
from rogi.raster.grid import Grid, Window
from rogi.raster.header import CorruptTile, MissingTile, NoImage, read_header
from rogi.raster.imagery import image_edges


def place(row: int, column: int, pixel: float = 10.0) -> Affine:
    """Transform of a tile whose first pixel is (row, column) of the grid."""
    return grid(pixel) @ Affine.translation(column, row)


def vrt(name: str, side: int, more: str = "") -> str:
    """A VRT of the three bands of a square file."""
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{i}">{more}<SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>{i}</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
        for i in (1, 2, 3)
    )
    place = f"<GeoTransform>{CORNER[0]},10,0,{CORNER[1]},0,-10</GeoTransform>"
    head = f'<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>EPSG:32645</SRS>'
    return f"{head}{place}{bands}</VRTDataset>"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Imagery, np.ndarray]:
    """A picture cut into six tiles of different sizes, one of them missing."""
    folder = tmp_path_factory.mktemp("tiles")
    values = picture((100, 90))
    for i, (top, bottom) in enumerate(((0, 40), (40, 100))):
        for j, (left, right) in enumerate(((0, 30), (30, 70), (70, 90))):
            if (i, j) != (1, 2):
                write(folder / f"tile_{i}{j}.tif", values[:, top:bottom, left:right], place(top, left))
    expected = values.astype(np.float32)
    expected[:, 40:, 70:] = 0
    return Imagery.open(folder), expected


@pytest.mark.parametrize(("dtype", "void"), [("uint8", 0), ("float32", np.nan), ("uint16", 0)])
@pytest.mark.parametrize("exact", [False, True])
def test_pixels_are_read_into_arrays_that_are_there(
    dtype: str, void: float, exact: bool, tmp_path: Path
) -> None:
    """Into part of a larger array full of other numbers; the later tile counts where it has pixels."""
    values = np.random.default_rng(3).integers(1, 256, (2, 3, 40, 50)).astype(dtype)
    values[0, :, :, 45:] = values[1, :, 5:15, :] = void
    nodata = None if dtype == "float32" else 0
    for number in range(2):
        write(tmp_path / f"{number}.tif", values[number], place(20 * number, 10 * number), nodata=nodata)
    expected, known = np.zeros((3, 80, 80), dtype), np.zeros((80, 80), bool)
    for number in range(2):
        there = (slice(10 + 20 * number, 50 + 20 * number), slice(10 + 10 * number, 60 + 10 * number))
        seen = values[number, 0] > 0
        expected[:, *there][:, seen] = values[number][:, seen]
        known[there] |= seen
    imagery = Imagery.open(tmp_path)
    imagery = imagery.exact() if exact else imagery
    target, valid = np.full((3, 100, 90), 77, imagery.pixel_type), np.ones((100, 90), bool)
    part = (slice(5, 85), slice(3, 83))
    found = imagery.read(-10, -10, 80, 80, (target[:, *part], valid[part]))
    np.testing.assert_array_equal(target[:, *part], expected)
    np.testing.assert_array_equal(valid[part], known)
    assert np.shares_memory(found[0], target)
    assert (np.delete(target, np.arange(5, 85), axis=1) == 77).all()


@given(st.integers(-20, 110), st.integers(-20, 100), st.integers(1, 130), st.integers(1, 120))
@settings(max_examples=60)
def test_any_window_of_tiles_is_the_picture_and_void_outside(
    whole: tuple[Imagery, np.ndarray], row: int, column: int, height: int, width: int
) -> None:
    imagery, expected = whole
    assert imagery.shape == (100, 90)
    values, valid = imagery.read(row, column, height, width)
    padded = np.zeros((3, 100 + 300, 90 + 300), np.float32)
    padded[:, 150:250, 150:240] = expected
    window = padded[:, row + 150 : row + 150 + height, column + 150 : column + 150 + width]
    np.testing.assert_array_equal(values, window)
    np.testing.assert_array_equal(valid, window[0] > 0)


def test_later_name_wins_where_it_is_valid(tmp_path: Path) -> None:
    """Tiles a and b overlap in columns 10-29; b is void in the upper half."""
    a, b = np.full((3, 20, 30), 100, np.uint8), np.full((3, 20, 30), 200, np.uint8)
    b[:, :10] = 0
    write(tmp_path / "a.tif", a, place(0, 0), nodata=0)
    write(tmp_path / "b.tif", b, place(0, 10), nodata=0)
    values, valid = Imagery.open(tmp_path).read(0, 0, 20, 40)
    expected = np.full((20, 40), 100.0)
    expected[10:, 10:] = 200
    expected[:10, 30:] = 0
    np.testing.assert_array_equal(values[1], expected)
    np.testing.assert_array_equal(valid, expected > 0)


def test_which_image_counts_where_several_lie(tmp_path: Path) -> None:
    """On one grid the last that is given; of several grids that of most images, else the first."""
    files = {
        name: write(tmp_path / f"{name}.tif", np.full((3, 20, 20), value, np.uint8), at)
        for name, value, at in (
            ("a", 10, place(0, 0)), ("b", 20, place(0, 0)), ("c", 30, place(5, 0)),
            ("coarse", 40, place(0, 0, 20.0)),
        )
    }  # fmt: skip

    def seen(*names: str) -> float:
        imagery = Imagery.open([files[name] for name in names])
        column, row = ~imagery.transform @ (CORNER[0] + 105, CORNER[1] - 105)
        return float(imagery.read(int(row), int(column), 1, 1)[0][0, 0, 0])

    assert seen("a", "b") == 20
    assert seen("b", "a") == 10
    assert seen("c", "b", "a") == 10
    assert seen("a", "coarse") == 10
    assert seen("coarse", "a") == 40
    assert seen("coarse", "a", "b") == 20


def test_nodata_of_integers_is_void_only_in_all_bands(tmp_path: Path) -> None:
    values = picture((10, 10))
    values[:, 2, 3] = 255
    values[0, 5, 5] = 255
    _, valid = Imagery.open(write(tmp_path / "a.tif", values, nodata=255)).read(0, 0, 10, 10)
    assert not valid[2, 3] and valid[5, 5]
    assert valid.sum() == 99 - int((values == 255).all(axis=0).sum() - 1)


def test_nodata_and_nan_of_floats_are_void_in_any_band(tmp_path: Path) -> None:
    values = picture((10, 10)).astype(np.float32)
    values[1, 2, 3] = -9999
    values[2, 4, 4] = np.nan
    values[2, 4, 5] = np.inf
    read, valid = Imagery.open(write(tmp_path / "a.tif", values, nodata=-9999)).read(0, 0, 10, 10)
    assert np.argwhere(~valid).tolist() == [[2, 3], [4, 4], [4, 5]]
    assert (read[:, ~valid] == 0).all() and np.isfinite(read).all()


def test_nodata_that_no_pixel_can_have_voids_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture((6, 6)))
    (tmp_path / "a.vrt").write_text(vrt("a.tif", 6, "<NoDataValue>-9999</NoDataValue>"))
    assert Imagery.open(tmp_path / "a.vrt").read(0, 0, 6, 6)[1].all()


def test_mask_and_alpha_are_asked(tmp_path: Path) -> None:
    """A file with a mask, and one with an alpha band, void where these are 0; alpha is no channel."""
    mask = np.full((8, 8), 255, np.uint8)
    mask[:3] = 0
    path = write(tmp_path / "mask.tif", picture((8, 8)), mask=mask)
    np.testing.assert_array_equal(Imagery.open(path).read(0, 0, 8, 8)[1], mask > 0)
    rgba = np.concatenate([picture((8, 8)), mask[None]])
    path = write(tmp_path / "alpha.tif", rgba, photometric="RGB", alpha="yes")
    imagery = Imagery.open(path)
    assert imagery.names == ("red", "green", "blue") and not imagery.notes
    np.testing.assert_array_equal(imagery.read(0, 0, 8, 8)[1], mask > 0)


@pytest.mark.parametrize(
    ("described", "names"),
    [
        (("blue", "green", "red", "nir"), ("blue", "green", "red", "nir")),
        (("B02", "B03", "B04", "B08"), ("blue", "green", "red", "nir")),
        (("mask", "red", "green", "blue"), ("red", "green", "blue")),
    ],
)
def test_a_band_described_as_a_colour_is_no_alpha(
    described: tuple[str, ...], names: tuple[str, ...], tmp_path: Path
) -> None:
    """GDAL writes the fourth band of bytes as alpha by default; its zeros are dark ground, not void."""
    values = picture((8, 8), bands=4)
    values[3, 2:4] = 0
    path = write(tmp_path / "four.tif", values)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        dataset.descriptions = described
    imagery = Imagery.open(path, bands=names)
    found, valid = imagery.read(0, 0, 8, 8)
    assert imagery.names == names and valid.all()
    order = [[*described].index(name) if name in described else names.index(name) for name in names]
    np.testing.assert_array_equal(found, values[order])
    assert Imagery.open(path).names == ("red", "green", "blue")


def fourth(kind: str, name: str) -> tuple[np.ndarray, bool]:
    """A fourth band, and whether it is a mask."""
    rng, top = np.random.default_rng(3), np.iinfo(kind).max
    ground = rng.integers(top // 8, top // 2, (90, 90))
    halves = np.where(np.arange(90) < 60, top, 0) * np.ones((90, 1), int)
    seam = halves.copy()
    seam[:, 50:60] = np.linspace(top, 0, 10).astype(int) + rng.integers(0, 5, (90, 10))
    bands = {
        "nir": (ground, False),
        "nir with water and snow": (np.where(halves == 0, ground, halves // 64), False),
        "nir with void": (np.where(halves == 0, 0, ground), False),
        "full": (np.full((90, 90), top), True), "half": (halves, True), "of 0 and 1": (halves // top, True),
        "with a seam": (np.clip(seam, 0, top), True),
        "half seen through": (np.where(halves, top // 2, 0), True),
        "empty": (np.zeros((90, 90), int), True),
    }  # fmt: skip
    bands["nir with water and snow"][0][:20] = top
    values, mask = bands[name]
    return values.astype(kind), mask


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize(
    "name",
    ["nir", "nir with water and snow", "nir with void", "full", "half", "of 0 and 1", "with a seam",
     "half seen through", "empty"],
)  # fmt: skip
def test_a_fourth_band_is_a_mask_by_its_values(kind: str, name: str, tmp_path: Path) -> None:
    """GDAL calls a fourth band alpha by default; one with many values all over is near infrared."""
    band, is_mask = fourth(kind, name)
    values = np.concatenate([picture((90, 90)).astype(kind), band[None]])
    values[3, 5, 5] = 0
    path = write(tmp_path / "four.tif", values, photometric="RGB", alpha="yes")
    imagery = Imagery.open(path)
    valid = imagery.read(0, 0, 90, 90)[1]
    np.testing.assert_array_equal(valid, values[3] > 0 if is_mask else np.ones_like(valid))
    assert imagery.names == ("red", "green", "blue")
    with rasterio.open(path, "r+") as dataset:
        dataset.set_band_description(4, "alpha" if not is_mask else "nir")
    valid = Imagery.open(path).read(0, 0, 90, 90)[1]
    np.testing.assert_array_equal(valid, values[3] > 0 if not is_mask else np.ones_like(valid))


@given(st.integers(0, 2**31))
@settings(max_examples=25)
def test_zeros_joined_to_the_edge_are_void_and_others_are_not(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Against labelling the whole picture at once; blocks of 16 pixels, so that patches cross them."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 256, (3, 50, 70)).astype(np.uint8)
    zero = np.zeros((50, 70), bool)
    for _ in range(8):
        row, column = rng.integers(-8, 50), rng.integers(-8, 70)
        zero[max(row, 0) : row + rng.integers(1, 22), max(column, 0) : column + rng.integers(1, 22)] = True
    zero &= rng.random((50, 70)) < 0.9
    values[:, zero] = 0
    values[0, rng.random((50, 70)) < 0.05] = 0  # black in one band is no fill
    zero = (values == 0).all(axis=0)
    found, count = label(np.pad(zero, 1, constant_values=True))
    expected = (found == found[0, 0])[1:-1, 1:-1] & zero
    path = write(tmp_path_factory.mktemp("zeros") / "a.tif", values)
    saved, image_edges.BLOCK = image_edges.BLOCK, 16
    try:
        imagery = Imagery.open(path)
        _, valid = imagery.read(0, 0, 50, 70)
        np.testing.assert_array_equal(~valid, expected)
        np.testing.assert_array_equal(imagery.read(7, 13, 31, 40)[1], valid[7:38, 13:53])
    finally:
        image_edges.BLOCK = saved
        image_edges._edges.cache_clear()
    assert count >= 1


def test_zeros_meeting_the_fill_at_a_corner_only_stay(tmp_path: Path) -> None:
    values = np.full((3, 9, 9), 50, np.uint8)
    values[:, :4, :4] = 0
    values[:, 4, 4] = 0
    _, valid = Imagery.open(write(tmp_path / "a.tif", values)).read(0, 0, 9, 9)
    assert not valid[:4, :4].any() and valid[4, 4]
    assert valid.sum() == 81 - 16


def test_a_nodata_value_makes_zeros_along_the_edge_ground(tmp_path: Path) -> None:
    values = picture((9, 9))
    values[:, 0] = 0
    assert Imagery.open(write(tmp_path / "a.tif", values, nodata=7)).read(0, 0, 9, 9)[1][0].all()


def test_a_file_cut_off_is_named_and_the_error_can_be_sent(tmp_path: Path) -> None:
    values = picture((400, 400))
    write(tmp_path / "a.tif", values, place(0, 0), tiled=True, blockxsize=128, blockysize=128)
    broken = write(tmp_path / "b.tif", values, place(0, 400), tiled=True, blockxsize=128, blockysize=128)
    broken.write_bytes(broken.read_bytes()[:200_000])
    imagery = Imagery.open(tmp_path, bands=[1])
    imagery.read(0, 0, 100, 100)
    with pytest.raises(CorruptTile, match=r"b\.tif") as caught:
        imagery.read(300, 350, 100, 300)
    assert caught.value.path == broken
    assert caught.value.__cause__ is None and caught.value.__context__ is None  # neither can be pickled
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value) and copy.path == broken


def quarters(folder: Path, side: int = 40, **more: object) -> np.ndarray:
    """Four tiles, t00 to t11, and the VRTs all.vrt of them and outer.vrt of all.vrt; the whole picture."""
    values = picture((2 * side, 2 * side))
    sources, size = [], 'xSize="{0}" ySize="{0}"'
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        row, column = i * side, j * side
        write(
            folder / f"t{i}{j}.tif", values[:, row : row + side, column : column + side], place(row, column),
            **more,
        )  # fmt: skip
        sources.append((f"t{i}{j}.tif", column, row))
    for name, parts, length in (("all", sources, side), ("outer", [("all.vrt", 0, 0)], 2 * side)):
        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{band}">'
            + "".join(
                f'<SimpleSource><SourceFilename relativeToVRT="1">{file}</SourceFilename>'
                f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" {size.format(length)}/>'
                f'<DstRect xOff="{x}" yOff="{y}" {size.format(length)}/></SimpleSource>'
                for file, x, y in parts
            )
            + "</VRTRasterBand>"
            for band in (1, 2, 3)
        )
        head = f'<VRTDataset rasterXSize="{2 * side}" rasterYSize="{2 * side}"><SRS>EPSG:32645</SRS>'
        where = f"<GeoTransform>{CORNER[0]},10,0,{CORNER[1]},0,-10</GeoTransform>"
        (folder / f"{name}.vrt").write_text(f"{head}{where}{bands}</VRTDataset>")
    return values


@pytest.mark.parametrize("name", ["all.vrt", "outer.vrt"])
@pytest.mark.parametrize("harm", ["cut", "header", "missing"])
def test_the_file_at_fault_behind_a_vrt_is_named(tmp_path: Path, name: str, harm: str) -> None:
    """It, not the VRT, also through another VRT; what lies on the others is read as it was."""
    values = quarters(tmp_path)
    bad, other = tmp_path / "t01.tif", tmp_path / "t10.tif"
    whole = bad.read_bytes()
    for path in (bad, other):
        if harm == "missing":
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 3] if harm == "cut" else b"II*\0 no raster")
    imagery = Imagery.open(tmp_path / name)
    with rasterio.open(tmp_path / name) as held:  # as by another thread: GDAL then tells it once
        for _ in range(2):
            with suppress(RasterioIOError):
                held.read(window=((0, 80), (0, 80)))
            compare(imagery, values, bad, other, harm)


def compare(imagery: Imagery, values: np.ndarray, bad: Path, other: Path, harm: str) -> None:
    """Each file at fault is named where it lies, every time; what else there is is read."""
    for at, path in 2 * (((20, 60), bad), ((60, 0), other)):
        with pytest.raises(CorruptTile) as caught:
            imagery.read(*at, 20, 20)
        assert caught.value.path == path
        assert isinstance(caught.value, MissingTile) == (harm == "missing")
        copy = pickle.loads(pickle.dumps(caught.value))
        assert str(copy) == str(caught.value) and str(path) in str(copy)
    for start in (0, 40):
        read, valid = imagery.read(start, start, 40, 40)
        np.testing.assert_array_equal(read, values[:, start : start + 40, start : start + 40])
        assert valid.all()


def test_missing_files_of_a_vrt_are_said_and_have_no_digest(tmp_path: Path) -> None:
    """Put in their place they have one; if none is there, there is nothing to read."""
    quarters(tmp_path)
    away = tmp_path / "t01.tif"
    content = away.read_bytes()
    away.unlink()
    imagery = Imagery.open(tmp_path / "all.vrt")
    assert (
        f"Of the 4 files that {tmp_path / 'all.vrt'} is made of, 1 is missing, first {away}"
        in imagery.notes[0]
    )
    assert imagery.keys(0, 0, 9, 9).count("missing") == 1
    assert [item["name"] for item in imagery.describe()["files"] if item["sha256"] == "missing"] == [
        "t01.tif"
    ]
    away.write_bytes(content)
    assert "missing" not in imagery.keys(0, 0, 9, 9)
    assert not Imagery.open(tmp_path / "all.vrt").notes
    for path in tmp_path.glob("t*.tif"):
        path.unlink()
    with pytest.raises(MissingTile, match=r"t00\.tif, which .*all\.vrt is made of, is missing"):
        Imagery.open(tmp_path / "all.vrt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x y z\nno image\n", "it is a text"),
        (b"", "it is empty"),
        (bytes(5000), "of another kind, or damaged"),
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.tif"])
def test_what_is_no_image_is_called_so(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoImage, match=f"{name} cannot be read as a raster: .*{message}") as caught:
        Imagery.open(tmp_path / name)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_damaged_header_is_noted_in_a_folder_and_an_error_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture())
    (tmp_path / "b.tif").write_bytes(b"II*\0 no raster")
    imagery = Imagery.open(tmp_path)
    assert [error.path.name for error in imagery.damaged] == ["b.tif"]
    with pytest.raises(CorruptTile, match=r"b\.tif"):
        Imagery.open(tmp_path / "b.tif")


def test_a_file_replaced_under_its_name_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((3, 5, 5), 9, np.uint8))
    assert Imagery.open(path).read(0, 0, 5, 5)[0].max() == 9
    write(path, np.full((3, 6, 5), 11, np.uint8))
    assert Imagery.open(path).read(0, 0, 6, 5)[0].min() == 11


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_files_without_a_place_or_of_complex_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no coordinate reference system"):
        Imagery.open(write(tmp_path / "crs.tif", picture(), crs=None))
    with pytest.raises(InputError, match="no georeference"):
        Imagery.open(write(tmp_path / "place.tif", picture(), Affine.identity()))
    with pytest.raises(InputError, match="complex"):
        Imagery.open(write(tmp_path / "complex.tif", picture().astype(np.complex64)))
    with pytest.raises(InputError, match="no raster"):
        Imagery.open(tmp_path / "nowhere.tif")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no imagery"):
        Imagery.open(tmp_path / "empty")


def test_tiles_of_different_types_or_bands_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture())
    other = write(tmp_path / "b.tif", picture().astype(np.uint16), place(0, 80))
    with pytest.raises(InputError, match=r"b\.tif holds uint16 but .*a\.tif holds uint8"):
        Imagery.open(tmp_path)
    other.unlink()
    write(tmp_path / "c.tif", picture(bands=1), place(0, 80))
    with pytest.raises(InputError, match=r"c\.tif has the channels grey"):
        Imagery.open(tmp_path)


def test_a_vrt_beside_its_files_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture((6, 6)))
    (tmp_path / "all.vrt").write_text(vrt("a.tif", 6))
    imagery = Imagery.open(tmp_path)
    assert [path.name for path in imagery.paths] == ["a.tif"]
    assert "all.vrt" in imagery.notes[0]
    assert len(Imagery.open(tmp_path / "all.vrt").paths) == 2


# Radii of curvature at 60° N on WGS84 by the axis: 1.002515 across and 1.000825 along the meridian.
MERCATOR_60 = 10 * 0.5 * np.sqrt(1.002515 * 1.000825)


@pytest.mark.parametrize(
    ("epsg", "transform", "expected"),
    [
        (32645, Affine(10, 0, 500_000, 0, -10, 3_300_000), 10 / 0.9996),  # UTM's central meridian
        (3857, Affine(10, 0, 0, 0, -10, 8_399_737.89), MERCATOR_60),
        (4326, Affine(1e-4, 0, 10, 0, -1e-4, 0), np.sqrt(11.1319 * 11.0574)),  # a degree on the equator
    ],
)
def test_metres_per_pixel_on_the_ground(epsg: int, transform: Affine, expected: float) -> None:
    found = Grid(pyproj.CRS.from_epsg(epsg), transform, (2, 2)).metres_per_pixel
    assert found == pytest.approx(expected, rel=3e-5)


def test_bands_are_found_by_colour_description_number_and_name(tmp_path: Path) -> None:
    values = picture((5, 5), bands=5)
    path = write(tmp_path / "ms.tif", values, names=("Blue", "Green", "Red", "RE", "NIR"))
    assert read_header(path).names == ("blue", "green", "red", "re", "nir")
    for bands, order, names in (
        (None, (2, 1, 0), ("red", "green", "blue")),
        ([3, 2, 1], (2, 1, 0), ("red", "green", "blue")),
        (["NIR", "red"], (4, 2), ("nir", "red")),
        (["infrared=5", "red=3", "x=RE"], (4, 2, 3), ("infrared", "red", "x")),
    ):
        imagery = Imagery.open(path, bands=bands)
        assert imagery.names == names
        np.testing.assert_array_equal(imagery.read(0, 0, 5, 5)[0], values[list(order)])
    with pytest.raises(InputError, match="no band 6"):
        Imagery.open(path, bands=[6])
    with pytest.raises(InputError, match="no band called 'thermal'"):
        Imagery.open(path, bands=["thermal"])
    plain = write(tmp_path / "plain.tif", values, photometric="minisblack")
    with pytest.raises(InputError, match="5 bands and does not say"):
        Imagery.open(plain)


def test_colours_tagged_in_another_order_are_put_right(tmp_path: Path) -> None:
    values = picture((5, 5))
    path = write(tmp_path / "bgr.tif", values)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    np.testing.assert_array_equal(Imagery.open(path).read(0, 0, 5, 5)[0], values[::-1])


def test_windows_of_edges_need_no_whole_tile() -> None:
    """A known fill is cut from its blocks."""
    fill = image_edges.ZeroEdges(
        (3000, 1500), {(0, 0): True, (2, 1): image_edges._pack(np.eye(952, 476, dtype=bool))}
    )
    assert fill.read(Window(1000, 1100, 0, 10))[:24].all() and not fill.read(Window(1024, 1100, 0, 10)).any()
    corner = np.pad(np.eye(12, 26, dtype=bool), ((8, 0), (4, 0)))
    np.testing.assert_array_equal(fill.read(Window(2040, 2060, 1020, 1050)), corner)


def changed_tags(path: Path, change: dict[int, tuple[int, int]], swap: bool = False) -> Path:
    """A little-endian TIFF with other numbers and types of tags, and its first two tags swapped if asked."""
    data = bytearray(path.read_bytes())
    start = int.from_bytes(data[4:8], "little")
    entries = [start + 2 + 12 * i for i in range(int.from_bytes(data[start : start + 2], "little"))]
    for at in entries:
        number, kind = (int.from_bytes(data[i : i + 2], "little") for i in (at, at + 2))
        for i, new in zip((at, at + 2), change.get(number, (number, kind)), strict=True):
            data[i : i + 2] = new.to_bytes(2, "little")
    if swap:
        first, second = (bytes(data[at : at + 12]) for at in entries[:2])
        data[entries[0] : entries[0] + 24] = second + first
    path.write_bytes(data)
    return path


def test_what_libtiff_has_to_say_stays_off_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a file that is odd but whole, in a thread as in prediction; the pixels are those of the file."""
    path = changed_tags(write(tmp_path / "a.tif", picture()), {}, swap=True)

    def look() -> np.ndarray:
        return Imagery.open(path).read(0, 0, 60, 80)[0]

    with ThreadPoolExecutor(1) as pool:
        for values in (pool.submit(look).result(), look()):
            np.testing.assert_array_equal(values, picture())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({33922: (60000, 12)}, "has no georeference"),  # without tie points only the size of pixels is left
        ({34737: (60001, 2)}, "cannot be read|no coordinate reference system"),
    ],
)
def test_a_damaged_georeference_is_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: dict[int, tuple[int, int]], message: str
) -> None:
    path = changed_tags(write(tmp_path / "a.tif", picture()), change)
    with pytest.raises(InputError, match=message):
        Imagery.open(path)
    assert capfd.readouterr() == ("", "")
