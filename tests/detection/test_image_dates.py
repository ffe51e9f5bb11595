"""Images of several dates: which one counts, and that candidates have its date."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from bundles import tiny_bundle
from rasterio.warp import transform as transform_points
from rasters import CORNER, UTM, grid, write

import rogi
from rogi.detection.candidates import image_ground
from rogi.detection.imagery.channels import CorruptTile, Imagery
from rogi.detection.origin import Origin, refuse_other_raster
from rogi.errors import InputError, OptionError
from rogi.raster.imagery.image_dates import iso_date, named_date

SIDE = 40
NAMES = ("20210801_043012_15_3B_Visual", "20210901_043012_15_3B_Visual", "20210701_043012_15_3B_Visual")


def plain(value: int, valid: slice = slice(None)) -> np.ndarray:
    """An image of one value, void (0) besides some columns."""
    values = np.zeros((3, SIDE, SIDE), np.uint8)
    values[:, :, valid] = value
    return values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of one ground, of August (10), September (20; 10 columns are void) and July (30)."""
    made = tmp_path / "images"
    made.mkdir()
    for name, values in zip(NAMES, (plain(10), plain(20, slice(10, None)), plain(30)), strict=True):
        write(made / f"{name}.tif", values, nodata=0)
    return made


@pytest.mark.parametrize(
    ("prefer", "left", "right"), [("order", 10, 20), ("latest", 10, 20), ("earliest", 30, 30)]
)
def test_dates_decide(folder: Path, prefer: str, left: int, right: int) -> None:
    """The later one where it has data; by order the later name."""
    imagery = Imagery.open(folder, prefer=prefer)
    values, valid = imagery.read(0, 0, SIDE, SIDE)
    assert valid.all() and values[0, 0, 0] == left and values[0, 0, 20] == right
    dates = [imagery.dates[number] for number in imagery.read_dates(0, 0, 1, SIDE)[0, [0, 20]]]
    assert dates == [{10: "2021-08-01", 20: "2021-09-01", 30: "2021-07-01"}[v] for v in (left, right)]
    assert imagery.date == "2021-07-01/2021-09-01"


def test_sources_are_ordered_by_date_whatever_comes_last(folder: Path) -> None:
    paths = [folder / f"{NAMES[n]}.tif" for n in (1, 2, 0)]
    assert Imagery.open(paths).read(0, 0, 1, SIDE)[0][0, 0, 20] == 10
    assert Imagery.open(paths, prefer="latest").read(0, 0, 1, SIDE)[0][0, 0, 20] == 20


def test_equal_dates_go_by_order_and_undated_images_only_fill(folder: Path) -> None:
    (folder / f"{NAMES[2]}.tif").rename(folder / "20210901_090000_99_3B_Visual.tif")
    assert Imagery.open(folder, prefer="latest").read(0, 0, 1, SIDE)[0][0, 0, 20] == 30
    (folder / "20210901_090000_99_3B_Visual.tif").rename(folder / "zz.tif")
    imagery = Imagery.open(folder, prefer="earliest")
    assert imagery.read(0, 0, 1, SIDE)[0][0, 0, 20] == 10
    assert any("1 image states no date, so it counts only where" in note for note in imagery.notes)
    for name in NAMES[:2]:
        (folder / f"{name}.tif").unlink()
    with pytest.raises(OptionError, match="no image states its date"):
        Imagery.open(folder, prefer="latest")
    with pytest.raises(OptionError, match="order, latest, earliest, clearest, found 'newest'"):
        Imagery.open(folder, prefer="newest")


def test_a_better_image_on_another_grid_counts(folder: Path, tmp_path: Path) -> None:
    """By order what lies on another grid fills gaps only; by date it lies above."""
    x, y = transform_points(UTM, "EPSG:32644", [CORNER[0] + 200], [CORNER[1] - 200])
    turned = Affine(10, 0, x[0] - 400, 0, -10, y[0] + 400)
    other = np.full((3, 80, 80), 77, np.uint8)
    write(folder / "20220101_043012_15_3B_Visual.tif", other, turned, "EPSG:32644", nodata=0)
    ordered = Imagery.open(folder)
    values, _ = ordered.read(0, 0, *ordered.shape)
    assert (values[0] == 20).sum() == SIDE * 30
    latest = Imagery.open(folder, prefer="latest")
    found, valid = latest.read(0, 0, *latest.shape)
    inner = np.isin(values[0], (10, 20))
    assert np.allclose(found[0][inner], 77, atol=1e-3) and valid[inner].all()
    dates = latest.read_dates(0, 0, *latest.shape)
    assert {latest.dates[n] for n in np.unique(dates[inner])} == {"2022-01-01"}
    earliest = Imagery.open(folder, prefer="earliest")
    assert (earliest.read(0, 0, *earliest.shape)[0][0][inner] == 30).all()


def test_damaged_files_cost_no_other_date(folder: Path) -> None:
    """A candidate beside a file that is cut off has the date of what can be read."""
    cut = folder / f"{NAMES[1]}.tif"
    cut.write_bytes(cut.read_bytes()[:-600])
    imagery = Imagery.open(folder)
    with pytest.raises(CorruptTile):
        imagery.read(0, 0, SIDE, SIDE)
    dates = imagery.read_dates(0, 0, SIDE, SIDE)
    assert {imagery.dates[number] for number in np.unique(dates)} == {"2021-08-01"}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="a system without time zones by TZ")
def test_days_do_not_depend_on_the_time_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in ("UTC+11", "UTC-12"):
        with monkeypatch.context() as patch:
            patch.setenv("TZ", zone)
            time.tzset()
            days = {iso_date(text) for text in ("2021-08-15T04:57:01Z", "2021-08-15 20:00:00", "2021-08-15")}
        time.tzset()
        assert days == {"2021-08-15"}


def test_fill_is_not_cloud(tmp_path: Path) -> None:
    """Half of the first image is fill, and a tenth of the rest cloud; the second is whole, a fifth cloud."""
    for name, value, first, clouds in (("20210801_01", 10, SIDE // 2, 2), ("20210802_02", 20, 0, 8)):
        write(tmp_path / f"{name}_Visual.tif", plain(value, slice(first, None)), nodata=0)
        mask = np.zeros((8, SIDE, SIDE), np.uint8)
        mask[7, :, :first], mask[5, :, SIDE - clouds :] = 1, 1
        write(tmp_path / f"{name}_udm2.tif", mask)
        classes = np.where(mask[7:] == 1, 0, np.where(mask[5:6] == 1, 9, 4)).astype(np.uint8)
        write(tmp_path / f"{name}_scl.tif", classes)
    for kind in ("udm2", "scl"):
        masks = [str(path) for path in sorted(tmp_path.glob(f"*_{kind}.tif"))]
        imagery = Imagery.open(sorted(tmp_path.glob("*_Visual.tif")), prefer="clearest", masks=masks)
        found = imagery.read(0, 0, 1, SIDE)[0][0, 0, [0, SIDE // 2, SIDE - 4, SIDE - 1]]
        assert found.tolist() == [20, 10, 10, 0]


def test_the_clearest_counts(folder: Path, tmp_path: Path) -> None:
    """By the clouds that masks leave out, and by what a catalogue says."""
    for name, columns in zip(NAMES, (8, 4, 20), strict=True):
        clouds = np.zeros((1, SIDE, SIDE), np.uint8)
        clouds[:, :, :columns] = 1
        write(folder / f"{name}_cloud.tif", clouds)
    with pytest.raises(OptionError, match="no image states its clouds"):
        Imagery.open([folder / f"{name}.tif" for name in NAMES], prefer="clearest")
    masks = [str(folder / f"{name}_cloud.tif") for name in NAMES]
    imagery = Imagery.open([folder / f"{name}.tif" for name in NAMES], prefer="clearest", masks=masks)
    assert imagery.read(0, 0, 1, SIDE)[0][0, 0, [2, 9, 20]].tolist() == [0, 10, 20]
    features = [
        {
            "type": "Feature", "id": name, "assets": {"visual": {"href": f"{name}.tif"}},
            "properties": {"datetime": date, "eo:cloud_cover": cloud},
        }
        for name, date, cloud in zip(NAMES, ("2019-01-01T00:00:00Z", None, "bad"), (30, 40.5, 2), strict=True)
    ]  # fmt: skip
    path = folder / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    imagery = Imagery.open(path, prefer="clearest")
    assert (imagery.read(0, 0, 1, SIDE)[0][0] == 30).all()
    assert imagery.dates == ("2019-01-01", "2021-07-01", "2021-09-01")  # else by the name


@pytest.mark.parametrize("turned", [False, True])
def test_one_mask_of_several_images_counts_for_each_by_its_ground(tmp_path: Path, turned: bool) -> None:
    """Two images that share half of their ground; the mask over both has clouds on one's own half only."""
    for number, value in enumerate((10, 20)):
        at = Affine(10, 0, CORNER[0] + 10 * number * SIDE // 2, 0, -10, CORNER[1])
        write(tmp_path / f"{value}.tif", plain(value), at)
    clouds = np.zeros((1, SIDE, 2 * SIDE), np.uint8)
    transform, crs = Affine(10, 0, CORNER[0], 0, -10, CORNER[1]), UTM
    if turned:
        x, y = transform_points(UTM, "EPSG:32644", [CORNER[0] + 10 * SIDE], [CORNER[1] - 5 * SIDE])
        transform, crs = Affine(20, 0, x[0] - 20 * SIDE, 0, -20, y[0] + 10 * SIDE), "EPSG:32644"
    shared = np.s_[0, 0, SIDE * 3 // 4]
    for side, expected in ((0, 20), (1, 10)):
        mask = clouds.copy()
        if turned:  # columns of 20 m, the middle of both images in the middle
            mask[:, :, : SIDE - 8] = 1 - side
            mask[:, :, SIDE + 8 :] = side
        else:
            mask[:, :, :20] = 1 - side
            mask[:, :, SIDE + SIDE // 2 - 20 : SIDE + SIDE // 2] = side
        path = write(tmp_path / f"cloud{side}.tif", mask, transform, crs)
        for order in (("10.tif", "20.tif"), ("20.tif", "10.tif")):
            imagery = Imagery.open([tmp_path / n for n in order], prefer="clearest", masks=[str(path)])
            assert imagery.read(0, 0, *imagery.shape)[0][shared] == expected
            assert not any("equally cloudy" in note for note in imagery.notes)
    path = write(tmp_path / "none.tif", clouds, transform, crs)
    imagery = Imagery.open([tmp_path / "10.tif", tmp_path / "20.tif"], prefer="clearest", masks=[str(path)])
    assert any("All images are equally cloudy" in note for note in imagery.notes)


def test_dates_of_candidates_are_those_of_most_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a count of the pixels, in blocks of 7, each of which is read once."""
    imagery = Imagery.open(folder)
    dates = imagery.read_dates(0, 0, SIDE, SIDE)
    rng = np.random.default_rng(2)
    boxes = [(*corner, *(corner + size)) for corner, size in zip(
        rng.integers(0, SIDE - 12, (40, 2)), rng.integers(1, 12, (40, 2)), strict=True)]  # fmt: skip
    at = imagery.transform
    places = [shapely.box(*(at @ (a, b)), *(at @ (c, d))) for a, b, c, d in boxes]
    frame = gpd.GeoDataFrame(geometry=places, crs=imagery.crs)
    monkeypatch.setattr(image_ground, "BLOCK", 7)
    read = []
    original = Imagery.read_dates

    def noted(self: Imagery, *window: int) -> np.ndarray:
        read.append(window)
        return original(self, *window)

    monkeypatch.setattr(Imagery, "read_dates", noted)
    found = image_ground.with_image_dates(SimpleCandidates(frame), imagery)  # type: ignore[type-var]
    for (a, b, c, d), date in zip(boxes, found.frame["image_date"], strict=True):
        counts = np.bincount(dates[b:d, a:c].ravel(), minlength=len(imagery.dates))
        assert date == imagery.dates[len(counts) - 1 - int(counts[::-1].argmax())]
    assert len(read) == len({(row // 7, column // 7) for row, column, *_ in read})


@dataclass(frozen=True)
class SimpleCandidates:
    """What `with_image_dates` changes."""

    frame: gpd.GeoDataFrame
    notes: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("name", "tag", "expected"),
    [
        ("a", "2020:07:03 10:00:00", "2020-07-03"),
        ("T45RVM_20210815T045701_TCI_10m", None, "2021-08-15"),
        ("T45RVM_20210815T045701_TCI_10m", "2023:01:05 10:00:00", "2023-01-05"),
        ("T45RVM_20210815T045701_TCI_10m", "0000:00:00 00:00:00", "2021-08-15"),
        ("S2A_45RVM_20210815_0_L2A_TCI", None, "2021-08-15"),
        ("LC08_L2SP_140041_20210815_20210826_02_T1", None, "2021-08-15"),
        ("global_monthly_2021_08_mosaic_L15-1234E", None, "2021-08"),
        ("tile_20211332", None, ""),
        ("dem_20210815_v2", None, ""),
        ("20210231_043012_15_3B_Visual", None, ""),
    ],
)
def test_where_dates_come_from(tmp_path: Path, name: str, tag: str | None, expected: str) -> None:
    path = write(tmp_path / f"{name}.tif", plain(9))
    if tag is not None:
        with rasterio.open(path, "r+") as file:
            file.update_tags(TIFFTAG_DATETIME=tag)
    imagery = Imagery.open(path)
    assert imagery.dates == (expected,)
    both = bool(tag and expected.startswith("2023"))
    assert (
        any("2023-01-05 in TIFFTAG_DATETIME and 2021-08-15 in its name" in n for n in imagery.notes) == both
    )
    assert (iso_date("2021-02-30"), named_date("x_20210230T000000_y")) == ("", "")


def test_candidates_have_the_date_of_their_image(tmp_path: Path) -> None:
    """Two tiles side by side and one without date; a unit over the border has the date of its larger part."""
    bundle = tiny_bundle(tmp_path / "tiny", patch=32, stride=32, resolution_m=10.0)
    made = tmp_path / "tiles"
    made.mkdir()
    wide = np.full((3, 96, 288), 60, np.uint8)
    for column in (20, 84, 150, 230):  # the second has 12 columns on the first tile and 18 on the next
        wide[:, 30:60, column : column + 30] = 190
    names = ("20210801_043012_15_3B_Visual", "20210901_043012_15_3B_Visual", "none")
    for number, name in enumerate(names):
        part = wide[:, :, number * 96 : number * 96 + 96]
        write(made / f"{name}.tif", part, grid() @ Affine.translation(number * 96, 0))
    out, raster = tmp_path / "c.gpkg", tmp_path / "p.tif"
    found = rogi.predict(made, bundle.path, backend="onnxruntime", probability=raster)
    found.write(out)
    table = pyogrio.read_dataframe(out, layer="candidates")
    table = table.iloc[np.argsort(table.geometry.centroid.x)]
    dates = [date if isinstance(date, str) else None for date in table["image_date"]]
    assert dates == ["2021-08-01", "2021-09-01", "2021-09-01", None]
    assert any("1 candidate lies on images of several dates" in note for note in found.notes)
    with rasterio.open(raster) as file:
        assert file.tags()["ROGI_DATE"] == "2021-08-01/2021-09-01"
    own = Origin(imagery="tiles", date="2021-09-01")
    assert refuse_other_raster(raster, "c.csv", own) == ()
    with pytest.raises(InputError, match="date 2021-08-01/2021-09-01, not 2022-09-01"):
        refuse_other_raster(raster, "c.csv", Origin(imagery="tiles", date="2022-09-01"))
    stated = rogi.predict(made, bundle.path, backend="onnxruntime", date="2020-01-01")
    assert set(stated.frame["image_date"]) == {"2020-01-01"}
