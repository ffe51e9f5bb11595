"""Imagery whose numbers are not such as in training is named, and predicted only when trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from bundles import tiny_bundle
from rasters import grid, write

import rogi
from rogi.detection.imagery import values as checks
from rogi.detection.imagery.channels import Imagery
from rogi.detection.imagery.pixel_statistics import LEVELS
from rogi.detection.imagery.suitability import Intake, intake, parse_stretch
from rogi.detection.imagery.values import _windows, judge, odd_tiles, sample, training_notes
from rogi.detection.model.bundle import Bundle
from rogi.errors import InputError, OptionError
from rogi.raster.grid import Window

RNG = np.random.default_rng(3)
GROUND = RNG.normal(1500, 350, (3, 4000)).clip(300, 3500).round()
"""Pixels as of Sentinel-2, stored numbers."""
TRAINED = np.quantile(GROUND, np.array(LEVELS) / 100, axis=1, method="inverted_cdf").T
LIMITS = (0.0, 65535.0)
BYTES = (GROUND / 14).round()
TRAINED_BYTES = np.quantile(BYTES, np.array(LEVELS) / 100, axis=1, method="inverted_cdf").T


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (GROUND, ""),
        (GROUND * 0.8, ""),  # a season with less light
        (GROUND * 1.4, ""),
        (GROUND * 5 + RNG.normal(0, 300, GROUND.shape), ""),  # snow
        (np.full((3, 4000), 11000.0), ""),
        (np.full((3, 4000), 60.0), ""),  # water
        (GROUND[:, :100] / 14, ""),  # too few to be judged
        (GROUND + 1000, "an offset of 1000 as of Sentinel-2"),
        (GROUND * 0.9 + 1000, "an offset of 1000 as of Sentinel-2"),
        (GROUND - 1000, "another scale"),  # below what the type can have
        (BYTES, "another scale"),
        (GROUND / 10000, "another scale"),
        (GROUND * 10, "another scale"),
    ],
)  # fmt: skip
def test_values_of_whole_numbers(values: np.ndarray, reason: str) -> None:
    found = judge(values, TRAINED, LIMITS, 1000.0, bool((values == values.round()).all()))
    assert found.startswith(reason) and bool(found) == bool(reason)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (BYTES, ""),
        (np.full((3, 4000), 255.0), ""),
        (GROUND, "another scale"),
        (BYTES[:, :3] + 300, "another scale"),  # three pixels that no byte can have
        (BYTES / 255, "another scale"),
        (((BYTES - 60) * 4).clip(0, 255).round(), "another stretch"),
        ((BYTES - 80).clip(0, 255), "another stretch or darker ground"),
    ],
)
def test_values_of_bytes(values: np.ndarray, reason: str) -> None:
    whole = bool((values == values.round()).all())
    found = judge(values, TRAINED_BYTES, (0.0, 255.0), 1000.0, whole)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_reflectances_with_the_offset_missing_or_taken_off_twice() -> None:
    values, trained = GROUND / 10000, TRAINED / 10000
    free = (-np.inf, np.inf)
    assert judge(values, trained, free, 0.1) == ""
    assert judge(values + 0.1, trained, free, 0.1).startswith("an offset of 0.1 as of")
    assert judge(values - 0.1, trained, free, 0.1).startswith("an offset of 0.1 taken off twice")


def test_bright_ground_is_no_offset() -> None:
    """Light adds more to red than to blue; an offset the same to both."""
    bright = GROUND + np.array([[1300.0], [900.0], [600.0]])
    assert judge(bright, TRAINED, LIMITS, 1000.0, True) == ""


ROCK = np.array([[2600.0], [2200.0], [1800.0]]) * RNG.normal(1, 0.25, 4000).clip(0.3, 1.8)
"""Red, green and blue of rock in sun and shadow."""
TRAINED_ROCK = np.quantile(ROCK, np.array(LEVELS) / 100, axis=1, method="inverted_cdf").T


@pytest.mark.parametrize(
    ("medians", "spread"),
    [((120, 300, 350), 40), ((60, 180, 300), 30), ((400, 700, 800), 60), ((250, 330, 480), 45)],
    ids=["clear lake", "dark lake", "turbid lake", "valley in shadow"],
)
def test_tiles_of_water_and_shadow_are_sound(medians: tuple[int, int, int], spread: float) -> None:
    """Dark and even, and darker in red than in blue; the same in another scale is not."""
    values = np.array(medians, float)[:, None] + np.random.default_rng(8).normal(0, spread, (3, 4000))
    values = values.clip(1).round()
    assert judge(values, TRAINED_ROCK, LIMITS, 1000.0, True) == ""
    for part in (1 / 16, 1 / 39):
        rock = (ROCK * part).round()
        assert judge(rock, TRAINED_ROCK, LIMITS, 1000.0, True).startswith("another scale")


def test_stretch_is_numbers_or_percentiles() -> None:
    assert parse_stretch("0,0.3") == (0.0, 0.3)
    assert parse_stretch("P2, p98") == ("p2", "p98")
    assert parse_stretch(("p1", 3000)) == ("p1", 3000.0)
    for text, message in (("5", "two numbers"), ("p2,p101", "two numbers"), ("nan,1", "two numbers"),
                          ("9,3", "lower value first"), ("p98,p2", "lower value first")):  # fmt: skip
        with pytest.raises(OptionError, match=message):
            parse_stretch(text)


SIDE, PATCH = 160, 32


def scene(seed: int = 0) -> np.ndarray:
    """Ground of 60 ± 10 with a bright unit of 30 x 30 pixels of 190; uint8."""
    rng = np.random.default_rng(seed)
    values = rng.normal(60, 10, (3, SIDE, SIDE)).clip(30, 100)
    values[:, 60:90, 50:80] = 190 + rng.normal(0, 3, (3, 30, 30))
    return values.round().astype(np.uint8)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A model that knows the percentiles of `scene`."""
    values = scene().reshape(3, -1)
    percentiles = np.quantile(values, np.array(LEVELS) / 100, axis=1, method="inverted_cdf").T
    path = tmp_path_factory.mktemp("values") / "tiny"
    return tiny_bundle(path, patch=PATCH, stride=PATCH, resolution_m=10.0, percentiles=percentiles.tolist())


def place(column: float) -> Affine:
    return grid() @ Affine.translation(column, 0)


def folder_of(path: Path, *images: np.ndarray, **options: object) -> Path:
    """Images side by side."""
    path.mkdir()
    for number, values in enumerate(images):
        write(path / f"t{number}.tif", values, place(number * SIDE), **options)  # type: ignore[arg-type]
    return path


def test_one_tile_of_a_folder_is_named_and_trusted_only_when_told(bundle: Bundle, tmp_path: Path) -> None:
    """The tile in the middle has its values less 40: refused; trusted, its candidates and ground say so."""
    odd = scene(1).astype(int) - 40
    source = folder_of(tmp_path / "tiles", scene(0), odd.clip(0).astype(np.uint8), scene(2))
    with pytest.raises(
        InputError, match=r"1 tile of the imagery.*t1\.tif \(another stretch.*trust_values=True"
    ):
        rogi.predict(source, bundle.path, backend="onnxruntime", minimum_area=1e4)
    raster = tmp_path / "p.tif"
    found = rogi.predict(
        source, bundle.path, backend="onnxruntime", minimum_area=1e4, trust_values=True, probability=raster
    )
    assert any("t1.tif" in note and "trust" in note for note in found.notes)
    assert len(found) == 3
    noted = found.frame["image_note"].notna()
    assert noted.tolist() == (found.frame.geometry.centroid.x.between(501_600, 503_200)).tolist()
    assert noted.sum() == 1
    kind = "another stretch or darker ground"
    ground = found.coverage.dissolve(found.coverage["image_note"].fillna("")).geometry.area
    assert ground.to_dict() == pytest.approx({"": 2 * 1600.0**2, kind: 1600.0**2})
    out = tmp_path / "candidates.gpkg"
    found.write(out)
    assert pyogrio.read_dataframe(out, layer="coverage")["image_note"].notna().sum() == 1
    with rasterio.open(raster) as file:
        assert file.tags()["ROGI_IMAGE_NOTE"] == kind
    alone = rogi.predict(source / "t1.tif", bundle.path, backend="onnxruntime", trust_values=True)
    assert alone.coverage["image_note"].tolist() == [kind]


def test_a_bundle_of_before_is_checked_by_mean_and_deviation_and_says_so(tmp_path: Path) -> None:
    old = tiny_bundle(tmp_path / "old", patch=PATCH, stride=PATCH, resolution_m=10.0)
    image = write(tmp_path / "a.tif", scene())
    _, notes, found = intake(Imagery.open(image), old.card)
    assert not found and any("has no percentiles" in note for note in notes)
    with pytest.raises(InputError, match="another scale"):
        intake(Imagery.open(write(tmp_path / "b.tif", scene().astype(np.uint16) * 39)), old.card)


def test_values_must_be_those_of_every_model_that_answers(bundle: Bundle, tmp_path: Path) -> None:
    """The second of two was trained on brighter ground."""
    imagery = Imagery.open(write(tmp_path / "a.tif", scene()))
    channels = tuple(
        replace(channel, percentiles=tuple(min(v * 2.4 + 60, 255.0) for v in channel.percentiles))
        for channel in bundle.card.channels
    )
    other = replace(bundle.card, channels=channels, name="other")
    assert intake(imagery, bundle.card, others=[bundle.card])[2] == ()
    with pytest.raises(InputError, match="another stretch"):
        intake(imagery, bundle.card, others=[other])


@pytest.mark.parametrize("scale", [0.0001, 0.5])
def test_offset_tags_are_taken_off_for_a_model_of_stored_numbers(
    bundle: Bundle, tmp_path: Path, scale: float
) -> None:
    """Numbers with 100 added, as scale and offset tags say: the image is as one without."""
    path = write(tmp_path / "a.tif", scene().astype(np.uint16) + 100)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,) * 3, (-100 * scale,) * 3
    imagery = Imagery.open(path, scaled=False)
    np.testing.assert_allclose(imagery.read(0, 0, SIDE, SIDE)[0], scene(), atol=1e-4)
    assert imagery.units == ("1",) * 3 and not intake(imagery, bundle.card)[2]
    scaled = Imagery.open(path)
    np.testing.assert_allclose(
        scaled.read(0, 0, SIDE, SIDE)[0], scene() * np.float32(scale), rtol=1e-4, atol=1e-4
    )
    assert scaled.units == ("scaled",) * 3 and scaled.dtype == "float32"


def test_a_scale_tag_of_0_is_refused_and_a_wrong_one_named(bundle: Bundle, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", scene())
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.01,) * 3, (2.0,) * 3  # so that 0 is stored as -200
    with pytest.raises(InputError, match="another scale"):
        intake(Imagery.open(path, scaled=False), bundle.card)
    with rasterio.open(path, "r+") as file:
        file.scales = (0.0,) * 3
    with pytest.raises(InputError, match="scale is a number other than 0"):
        Imagery.open(path)


def test_bytes_in_another_type_are_taken_and_said(bundle: Bundle, tmp_path: Path) -> None:
    image = write(tmp_path / "a.tif", scene().astype(np.uint16))
    _, notes, found = intake(Imagery.open(image), bundle.card)
    assert not found and "The imagery is uint16, the model was trained on uint8." in notes


def test_tiles_are_trusted_by_name(bundle: Bundle, tmp_path: Path) -> None:
    """All doubted tiles must have one of the names, with or without suffix; unknown names are refused."""
    odd = (scene(1).astype(int) - 40).clip(0).astype(np.uint8)
    imagery = Imagery.open(folder_of(tmp_path / "tiles", scene(0), odd, odd[:, ::-1]))
    for names in (("t[12]*",), ("t1", "t2.tif"), ("*/tiles/t?.tif",), ("*",)):
        _, notes, found = intake(imagery, bundle.card, trust_values=names)
        assert [doubt.path.name for doubt in found] == ["t1.tif", "t2.tif"]
        assert sum("trusted" in note for note in notes) == 2
    for names in ((), ("t1",), ("t0", "t2*")):
        with pytest.raises(InputError, match=r"^[12] tiles? of the imagery"):
            intake(imagery, bundle.card, trust_values=names)
    with pytest.raises(InputError, match=r"1 tile of the imagery .*: t2\.tif \("):
        intake(imagery, bundle.card, trust_values=("t1",))
    with pytest.raises(OptionError, match=r"--trust-tiles T1: no tile has this name; found t0\.tif, t1\.tif"):
        intake(imagery, bundle.card, trust_values=("t1", "T1"))


def test_a_name_with_brackets_is_a_name_too(bundle: Bundle, tmp_path: Path) -> None:
    odd = (scene(1).astype(int) - 40).clip(0).astype(np.uint8)
    imagery = Imagery.open(write(tmp_path / "scene[1].tif", odd))
    _, _, found = intake(imagery, bundle.card, trust_values=("scene[1]",))
    assert len(found) == 1


def test_percentiles_make_a_stretch_of_each_band(bundle: Bundle, tmp_path: Path) -> None:
    """Bands of 0 to 1000, 0 to 2000 and 0 to 3000 are brought to the range of bytes."""
    ramp = np.linspace(0, 1, SIDE * SIDE).reshape(SIDE, SIDE)
    values = (np.array([1000, 2000, 3000])[:, None, None] * ramp).round().astype(np.uint16)
    imagery = Imagery.open(write(tmp_path / "a.tif", values, nodata=65535))
    taken, _, _ = intake(imagery, bundle.card, stretch=("p0", "p100"), trust_values=True)
    assert taken.stretch is not None
    assert [high for _, high in taken.stretch] == pytest.approx([1000, 2000, 3000], rel=0.01)
    stretched = taken(imagery.read(0, 0, SIDE, SIDE)[0])
    np.testing.assert_allclose(stretched, np.broadcast_to(255 * ramp, stretched.shape), atol=3)
    flat = Imagery.open(write(tmp_path / "b.tif", np.full((3, 60, 60), 7, np.uint16)))
    with pytest.raises(InputError, match="all the same"):
        intake(flat, bundle.card, stretch=("p2", "p98"))


def test_a_tile_with_few_valid_pixels_is_looked_at_more_closely(bundle: Bundle, tmp_path: Path) -> None:
    """A patch of 80 pixels that the first nine windows of a tile of 1000 do not meet; its values are of 16
    bits."""
    values = np.zeros((3, 1000, 1000), np.uint16)
    values[:, 100:180, 100:180] = scene()[:, :80, :80].astype(np.uint16) * 3
    image = Imagery.open(write(tmp_path / "a.tif", values, nodata=0))
    with pytest.raises(InputError, match="another scale"):
        intake(image, bundle.card)


@pytest.mark.parametrize("cell", [Window(0, 4096, 4096, 8192), Window(10, 100, 7, 37)])
def test_windows_lie_in_their_cell_from_corner_to_corner(cell: Window) -> None:
    found = list(_windows(cell, 3))
    assert (min(w.row0 for w in found), max(w.row1 for w in found)) == (cell.row0, cell.row1)
    assert (min(w.column0 for w in found), max(w.column1 for w in found)) == (cell.column0, cell.column1)
    assert {w.shape for w in found} == {(64, min(64, cell.shape[1]))}


def test_the_sample_of_all_imagery_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two tiles every n-th pixel each, and their percentiles about those of all."""
    folder = folder_of(tmp_path / "tiles", scene(0), scene(1))
    imagery = Imagery.open(folder)
    every = sample(imagery)
    monkeypatch.setattr(checks, "SAMPLE", 2000)
    some = sample(imagery)
    assert every.shape[1] == 2 * 9 * 64**2 and 1500 < some.shape[1] <= 2000
    np.testing.assert_allclose(
        np.percentile(some, (2, 50), axis=1), np.percentile(every, (2, 50), axis=1), atol=2
    )


def test_stretch_goes_by_channel() -> None:
    taken = Intake((0, 1), (1,), ((10.0, 20.0),), (0.0, 100.0))
    values = np.array([5.0, 15.0], np.float32)[:, None, None]
    assert taken(values).ravel().tolist() == [5.0, 50.0]


@pytest.mark.parametrize("valid", [0, 1, SIDE * SIDE])
def test_uniform_and_empty_quads_stop_nothing(bundle: Bundle, tmp_path: Path, valid: int) -> None:
    """Snow, a single valid pixel, and none: a file with its layers each time."""
    values = np.zeros((3, SIDE, SIDE), np.uint8)
    values.reshape(3, -1)[:, :valid] = 255
    image = write(tmp_path / "a.tif", values, nodata=0)
    found = rogi.predict(image, bundle.path, backend="onnxruntime", minimum_area=1e6)
    assert found.coverage.geometry.area.sum() == pytest.approx(100.0 * valid)
    assert any("no pixel with data" in note for note in found.notes) == (valid == 0)
    found.write(tmp_path / "a.gpkg")


def test_patches_say_which_tile_is_odd(tmp_path: Path) -> None:
    """Of three tiles one has 1000 more, of two one is in bytes; alike ones are not told."""
    rng = np.random.default_rng(4)

    def tile(number: int, more: float = 0.0, part: float = 1.0) -> Imagery:
        values = (rng.normal(1500, 350, (3, SIDE, SIDE)).clip(300, 3500) + more) * part
        return Imagery.open(write(tmp_path / f"t{number}.tif", values.round().astype(np.uint16)))

    assert odd_tiles([tile(0), tile(1), tile(2)]) == ()
    (note,) = odd_tiles([tile(0), tile(1, 1000.0), tile(2)])
    assert "Values of 1 tile are not" in note and "t1.tif (an offset of 1000" in note
    (note,) = odd_tiles([tile(0, part=1 / 14), tile(1)])
    assert "t1.tif (another scale" in note and "in t0.tif" in note


def test_patches_of_values_and_of_stored_numbers_do_not_go_together(tmp_path: Path) -> None:
    for number in range(2):
        write(tmp_path / f"t{number}.tif", scene(), place(number * SIDE))
    with rasterio.open(tmp_path / "t1.tif", "r+") as file:
        file.scales, file.offsets = (0.0001,) * 3, (-0.1,) * 3
    images = [Imagery.open(tmp_path / "t0.tif"), Imagery.open(tmp_path / "t1.tif")]
    with pytest.raises(InputError, match=r"t1\.tif has scale and offset tags and other images have none"):
        training_notes(images)
