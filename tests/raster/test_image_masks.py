"""What is not valid besides a file's own nodata: masks of clouds and snow, and fill that JPEG has blurred."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import Resampling as Method
from rasterio.warp import reproject
from rasterio.warp import transform as transform_points
from rasters import CORNER, UTM, grid, picture, write

from rogi.detection.imagery.channels import CorruptTile, Imagery
from rogi.detection.imagery.values import training_notes
from rogi.errors import InputError, OptionError
from rogi.raster.imagery.cloud_masks import parse_mask

SHAPE = (60, 80)
SIDE = 200


def left_out(path: Path, *masks: object, **options: object) -> np.ndarray:
    """Pixels that masks leave out of an image without other voids."""
    imagery = Imagery.open(path, masks=[str(mask) for mask in masks], **options)  # type: ignore[arg-type]
    return ~imagery.read(0, 0, *imagery.shape)[1]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write(tmp_path / "image.tif", picture(SHAPE))


def test_a_mask_on_the_same_grid(image: Path, tmp_path: Path) -> None:
    """One value beside 0 is left out, whatever it is; what the mask calls nodata says nothing."""
    values = np.zeros((1, *SHAPE), np.uint8)
    values[0, 10:20, 5:9], values[0, 40:, :] = 255, 7
    expected = values[0] == 255
    np.testing.assert_array_equal(left_out(image, write(tmp_path / "cloud.tif", values, nodata=7)), expected)
    with pytest.raises(InputError, match=r"values 0, 7, 255; say which.*--mask many\.tif=1,2"):
        left_out(image, write(tmp_path / "many.tif", values))
    np.testing.assert_array_equal(left_out(image, f"{tmp_path / 'many.tif'}=200-255"), expected)
    np.testing.assert_array_equal(left_out(image, f"{tmp_path / 'many.tif'}=7,255"), values[0] > 0)


def test_classes_that_no_value_can_be(image: Path, tmp_path: Path) -> None:
    """Numbers that the type of the mask excludes and fractions leave out nothing, so they are refused."""
    values = np.zeros((1, *SHAPE), np.uint8)
    values[0, 10:20] = 255
    cloud = write(tmp_path / "cloud.tif", values)
    with pytest.raises(InputError, match=r"is uint8, so no value is 256 \(at most 255\)"):
        left_out(image, f"{cloud}=1,256")
    np.testing.assert_array_equal(left_out(image, f"{cloud}=255-999"), values[0] == 255)
    assert not left_out(image, f"{cloud}=9").any()  # no such class on this ground: a clear image
    small = write(tmp_path / "signed.tif", (values // 3).astype(np.int8))
    with pytest.raises(InputError, match="is int8, so no value is 200"):
        left_out(image, f"{small}=200")
    share = write(tmp_path / "share.tif", (values / 300).astype(np.float32))
    with pytest.raises(InputError, match="fractions from 0 to 1, and classes are whole numbers; write it in"):
        left_out(image, f"{share}=1")
    percent = write(tmp_path / "percent.tif", (values / 3).astype(np.float32))
    np.testing.assert_array_equal(left_out(image, f"{percent}=40-100"), values[0] == 255)


def test_windows_give_the_same_as_all_at_once(image: Path, tmp_path: Path) -> None:
    """A mask of 27 m in another zone: each pixel as GDAL's nearest neighbour says, in any window."""
    rng = np.random.default_rng(1)
    x, y = transform_points(UTM, "EPSG:32644", [CORNER[0] - 100], [CORNER[1] + 100])
    values = (rng.random((1, 60, 60)) < 0.3).astype(np.uint8)
    turned = Affine(27, 0, x[0], 0, -27, y[0] + 150)
    mask = write(tmp_path / "snow.tif", values, turned, "EPSG:32644")
    found = left_out(image, mask)
    expected = np.zeros(SHAPE, np.uint8)
    reproject(
        values[0], expected, src_transform=turned, src_crs="EPSG:32644", dst_transform=grid(), dst_crs=UTM,
        resampling=Method.nearest, tolerance=0.0,
    )  # fmt: skip
    assert found.any() and (found != expected.astype(bool)).mean() < 0.002  # on borders of pixels
    imagery = Imagery.open(image, masks=[str(mask)])
    for window in ((0, 0, 7, 80), (33, 31, 20, 33), (59, 79, 1, 1)):
        part = ~imagery.read(*window)[1]
        row, column, height, width = window
        np.testing.assert_array_equal(part, found[row : row + height, column : column + width])


@pytest.mark.parametrize("nodata", [None, 0])
def test_scene_classification_of_sentinel_2(image: Path, tmp_path: Path, nodata: int | None) -> None:
    """Every class in a block of 20 m: which are left out, by the documentation; 0 too where the file calls it
    nodata."""
    classes = np.zeros((1, 30, 40), np.uint8)
    for value in range(12):
        classes[0, :, value * 3 : value * 3 + 3] = value
    classes[0, :, 36:] = 5
    path = write(tmp_path / "T45RVM_20210815T045701_SCL_20m.tif", classes, grid(20.0), nodata=nodata)
    found = left_out(image, path)
    assert (
        found[0].reshape(40, 2).all(axis=1).tolist()
        == np.isin(classes[0, 0], [0, 1, 3, 8, 9, 10, 11]).tolist()
    )


def test_usable_data_mask_of_planet(image: Path, tmp_path: Path) -> None:
    """A column of each band: snow, shadow, heavy haze and cloud, and of the last the bit of fill."""
    bands = np.zeros((8, *SHAPE), np.uint8)
    for band in range(8):
        bands[band, :, band] = 1
    bands[6] = 90  # confidence
    bands[7, :, 9] = 2  # a band of the sensor has a fault
    path = write(tmp_path / "20210815_043012_15_2416_3B_udm2.tif", bands)
    assert np.flatnonzero(left_out(image, path)[0]).tolist() == [1, 2, 4, 5, 7]
    with pytest.raises(InputError, match="has 8 bands and is no usable data mask"):
        left_out(image, write(tmp_path / "other.tif", bands))


LANDSAT = "LC08_L2SP_140041_20210815_20210826_02_T1"
HLS = "HLS.S30.T45RVM.2021227T045701.v2.0"


@pytest.mark.parametrize(
    ("scene", "bands", "mask", "kind", "clear", "left"),
    [
        (LANDSAT, ("SR_B2", "SR_B3", "SR_B4"), "QA_PIXEL", np.uint16, 1 << 6 | 1 << 8, [0, 1, 2, 3, 4, 5]),
        (HLS, ("B02", "B03", "B04"), "Fmask", np.uint8, 1 << 6, [1, 2, 3, 4]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("of_folder", [True, False])
def test_masks_of_bits(
    tmp_path: Path,
    scene: str,
    bands: tuple[str, ...],
    mask: str,
    kind: type,
    clear: int,
    left: list[int],
    of_folder: bool,
) -> None:
    """A column for each bit, beside that of clear ground, as documented; other layers are no images."""
    sign = "." if "." in scene else "_"
    for band, code in enumerate(bands, start=1):
        write(tmp_path / f"{scene}{sign}{code}.tif", np.full((1, *SHAPE), band, np.uint16))
    write(tmp_path / f"{scene}{sign}VZA.tif", np.full((1, *SHAPE), 900, np.int16))
    values = np.full((1, *SHAPE), clear, kind)
    for bit in range(np.dtype(kind).itemsize * 8):
        values[0, :, bit] |= 1 << bit
    path = write(tmp_path / f"{scene}{sign}{mask}.tif", values)
    imagery = Imagery.open(tmp_path)
    assert imagery.names == ("red", "green", "blue") and imagery.dates == ("2021-08-15",)
    assert any(f"has masks beside its images ({path.name})" in note for note in imagery.notes)
    assert imagery.read(0, 0, 1, 1)[0].ravel().tolist() == [3, 2, 1]
    found = left_out(tmp_path, tmp_path if of_folder else path)
    assert np.flatnonzero(found.all(axis=0)).tolist() == left and found.sum() == len(left) * SHAPE[0]
    assert left_out(tmp_path, f"{path}={clear}").mean() > 0.7  # classes are values, here as elsewhere


def test_masks_of_a_folder_go_to_their_images(tmp_path: Path) -> None:
    """Two scenes over each other: through the clouds of the later one the earlier one shows."""
    first, second = np.full((3, *SHAPE), 10, np.uint8), np.full((3, *SHAPE), 20, np.uint8)
    clouds = np.zeros((8, *SHAPE), np.uint8)
    for name, values, column in (("20210801_043012_15", first, 0), ("20210809_050000_20", second, 1)):
        write(tmp_path / f"{name}_3B_AnalyticMS_SR.tif", values)
        clouds[5] = 0
        clouds[5, :, column] = clouds[5, :, 2] = 1
        write(tmp_path / f"{name}_3B_udm2.tif", clouds)
    imagery = Imagery.open(tmp_path)
    assert len(imagery.tiles) == 2 and any("has masks beside its images" in note for note in imagery.notes)
    imagery = Imagery.open(tmp_path, masks=[str(tmp_path)])
    found, valid = imagery.read(0, 0, *SHAPE)
    assert found[0, 0, :4].tolist() == [20, 10, 0, 20] and valid[0, :4].tolist() == [True, True, False, True]
    assert len(imagery.files_in(0, 0, 5, 5)) == 4


def test_a_mask_of_another_date_is_not_for_the_image(tmp_path: Path) -> None:
    """Clouds of the 1st say nothing of the 9th; a mask without a date is of all images, and of a month of all
    its days."""
    clouds = np.ones((1, *SHAPE), np.uint8)
    images = [
        write(tmp_path / f"202108{day}_043012_15_3B_Visual.tif", picture(SHAPE)) for day in ("01", "09")
    ]
    early = write(tmp_path / "20210801_050000_20_3B_cloud.tif", clouds)  # another scene
    with pytest.raises(InputError, match=r"is of 2021-08-01 by its name.*of other dates"):
        left_out(images[1], early)
    first, second = Imagery.open(images, masks=[str(early)]).tiles
    assert first.masks and not second.masks
    for name in ("cloud", "global_monthly_2021_08_mosaic_cloud"):
        both = Imagery.open(images, masks=[str(write(tmp_path / f"{name}.tif", clouds))]).tiles
        assert all(tile.masks for tile in both)


def test_a_mask_elsewhere_is_refused_and_one_of_a_part_says_nothing_of_the_rest(
    image: Path, tmp_path: Path
) -> None:
    values = np.ones((1, 10, 10), np.uint8)
    with pytest.raises(InputError, match="does not lie on the imagery"):
        left_out(image, write(tmp_path / "far.tif", values, grid(corner=(600_000.0, 3_000_000.0))))
    assert left_out(image, write(tmp_path / "part.tif", values)).sum() == 100
    with pytest.raises(InputError, match="no raster"):
        left_out(image, tmp_path / "none.tif")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cloud.txt").write_text("")
    with pytest.raises(InputError, match="contains no file with udm2"):
        left_out(image, tmp_path / "empty")
    assert parse_mask("year=2021/cloud.tif") == ("year=2021/cloud.tif", None)
    with pytest.raises(OptionError, match="lower value first"):
        parse_mask("a.tif=9-3")


def test_an_asset_of_a_catalogue_is_the_mask_of_its_item(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture(SHAPE))
    write(tmp_path / "a_scl.tif", np.full((1, 30, 40), 9, np.uint8), grid(20.0))
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "a",
        "assets": {"visual": {"href": "a.tif"}, "scl": {"href": "a_scl.tif"}},
    }  # fmt: skip
    path = tmp_path / "item.json"
    path.write_text(json.dumps(item))
    assert left_out(path, "SCL").all() and not left_out(path).any()
    with pytest.raises(InputError, match="neither a file nor an asset"):
        left_out(path, "udm2")


def wedge(fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a slanting corner of fill, and where that is."""
    row, column = np.mgrid[:160, :160]
    outside = row + column < 120
    rng = np.random.default_rng(2)
    values = rng.normal(120, 12, (3, 160, 160)).clip(60, 200)
    values[:, outside] = fill
    return values.round().astype(np.uint8), outside


@pytest.mark.parametrize("fill", [0, 255])
def test_fill_that_jpeg_has_blurred(tmp_path: Path, fill: int) -> None:
    values, outside = wedge(fill)
    path = write(tmp_path / "a.tif", values, compress="jpeg", photometric="ycbcr", tiled=True, blockxsize=128,
                 blockysize=128, jpeg_quality=75)  # fmt: skip
    stated = left_out(path, nodata=[fill])
    with rasterio.open(path) as file:
        off = np.abs(file.read().astype(int) - fill).max(axis=0)
    assert (off[outside] > 0).sum() > 20  # it is blurred
    np.testing.assert_array_equal(stated[off <= 15], True)
    assert stated[~outside].mean() < 0.002 and stated[outside].mean() > 0.99
    if fill == 0:
        assert left_out(path)[outside].mean() < stated[outside].mean()


@pytest.mark.parametrize(
    "options", [{"compress": "webp", "webp_level": 30}, {"compress": "lerc", "max_z_error": 6}]
)
def test_fill_that_others_have_blurred(tmp_path: Path, options: dict[str, object]) -> None:
    values, outside = wedge(255)
    path = write(tmp_path / "a.tif", values, **options)  # type: ignore[arg-type]
    with rasterio.open(path) as file:
        off = 255 - file.read().astype(int).min(axis=0)
    assert (off[outside] > 0).sum() > 20
    assert left_out(path, nodata=[255])[outside & (off <= 15)].mean() > 0.999


def test_numbers_kept_by_lerc_are_no_blurred_fill(tmp_path: Path) -> None:
    values, outside = wedge()
    values[:, 60:62, 60:64] = 9  # beside the fill
    path = write(tmp_path / "a.tif", values, compress="lerc", max_z_error=0)
    np.testing.assert_array_equal(left_out(path, nodata=[0]), outside & (values == 0).all(axis=0))


def test_dark_ground_inside_is_no_fill(tmp_path: Path) -> None:
    """A dark lake away from the fill stays ground, unless a pixel of it has the value exactly."""
    values, _ = wedge()
    values[:, 100:124, 100:124] = 9
    path = write(tmp_path / "a.tif", values, compress="jpeg", photometric="ycbcr", jpeg_quality=95)
    assert not left_out(path, nodata=[0])[104:120, 104:120].any()


def test_dark_edges_are_said_also_beside_damage(tmp_path: Path) -> None:
    """Fill of JPEG without a nodata value; the second image is cut off, which is not said here."""
    options = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 95}
    write(tmp_path / "fill.tif", wedge()[0], **options)  # type: ignore[arg-type]
    cut = write(tmp_path / "cut.tif", wedge(100)[0], **options)  # type: ignore[arg-type]
    cut.write_bytes(cut.read_bytes()[:-2000])
    imagery = Imagery.open(tmp_path)
    with pytest.raises(CorruptTile):
        imagery.read(0, 0, *imagery.shape)
    (note,) = training_notes((imagery,))
    assert note.startswith("1 image, fill.tif: parts are black or nearly black (0 in all bands)")
    assert note.endswith("give --nodata 0.")
    assert training_notes((Imagery.open(tmp_path / "fill.tif", nodata=[0]),)) == ()


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16"])
@pytest.mark.parametrize("where", ["wedge", "right half", "middle", "everywhere"])
def test_white_fill_is_said_until_it_is_void(tmp_path: Path, kind: str, where: str, lossy: bool) -> None:
    """The largest number of the type in all bands, at an edge or inside; bright ground is none."""
    if lossy and kind != "uint8":
        return
    top = np.iinfo(kind).max
    rng = np.random.default_rng(1)
    values = rng.integers(top // 2, top - 1, (3, SIDE, SIDE)).astype(kind)
    options = {"compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": 95} if lossy else {}
    path = write(tmp_path / "a.tif", values, **options)  # type: ignore[arg-type]
    assert training_notes((Imagery.open(path),)) == ()
    if where == "wedge":
        values[:, np.add.outer(np.arange(SIDE), np.arange(SIDE)) < SIDE] = top
    else:
        half, inner, every = slice(SIDE // 2, None), slice(50, 150), slice(None)
        rows, columns = {"right half": (every, half), "middle": (inner, inner)}.get(where, (every, every))
        values[:, rows, columns] = top
    path = write(tmp_path / "a.tif", values, **options)  # type: ignore[arg-type]
    (note,) = training_notes((Imagery.open(path),))
    assert f"parts are white ({top} in all bands)" in note and f"--nodata {top}." in note
    assert training_notes((Imagery.open(path, nodata=[top]),)) == ()


def test_black_parts_beside_another_nodata_value_are_said(tmp_path: Path) -> None:
    """A file whose nodata value is 255 has zeros at an edge: without that they would be void."""
    values = np.random.default_rng(1).integers(40, 200, (3, SIDE, SIDE)).astype(np.uint8)
    values[:, :, SIDE // 2 :] = 0
    assert training_notes((Imagery.open(write(tmp_path / "a.tif", values)),)) == ()
    (note,) = training_notes((Imagery.open(write(tmp_path / "b.tif", values, nodata=255)),))
    assert "--nodata 0." in note
