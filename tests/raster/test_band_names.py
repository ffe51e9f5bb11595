"""Bands are taken by name, and names that contradict each other are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasters import picture, write

from rogi.detection.imagery.channels import Imagery
from rogi.errors import InputError
from rogi.raster.spectral_names import meaning

SHAPE = (6, 7)


def order(path: Path, bands: Any = None) -> tuple[tuple[str, ...], list[int]]:
    """Names of the channels, and which band of `numbered` each is."""
    imagery = Imagery.open(path, bands=bands)
    return imagery.names, imagery.read(0, 0, *SHAPE)[0][:, 0, 0].astype(int).tolist()


def numbered(path: Path, count: int, *names: str, dtype: str = "uint8", **options: Any) -> Path:
    """An image of which band n has the value n."""
    values = np.broadcast_to(np.arange(1, count + 1)[:, None, None], (count, *SHAPE)).astype(dtype)
    return write(path, values, names=names, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red", "red"), ("RED", "red"), ("red (665 nm)", "red"), ("Band 4: Red", "red"), ("b4", "red"),
        ("B04", "red"), ("SR_B4", "red"), ("B4, central wavelength 665 nm", "red"), ("R", "red"),
        ("B02", "blue"), ("B3", "green"), ("B08", "nir"), ("NIR", "nir"), ("near infrared", "nir"),
        ("nir08", "nir"), ("B8A", "b8a"), ("rededge", "red edge"), ("red-edge 2", "red edge"),
        ("RE1", "red edge"),
        ("green_i", "green i"), ("coastal_blue", "coastal"), ("Band 1", ""), ("", ""), ("1", ""),
        ("true colour", ""), ("red green blue", ""), ("infrared", "nir"), ("bright", ""), ("grey", ""),
    ],
)  # fmt: skip
def test_what_names_mean(text: str, expected: str) -> None:
    assert meaning(text) == expected


def test_bands_are_taken_by_name_in_any_order(tmp_path: Path) -> None:
    rgb = ("red", "green", "blue")
    a = numbered(tmp_path / "a.tif", 4, "B02", "B03", "B04", "B08", dtype="uint16")
    for bands in (
        None,
        ["B04", "B03", "B02"],
        [3, 2, 1],
        ["red", "green", "blue"],
        ["red=3", "green=B03", "blue=1"],
    ):
        assert order(a, bands) == (rgb, [3, 2, 1])
    planet = ["coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir"]
    assert order(numbered(tmp_path / "b.tif", 8, *planet)) == (rgb, [6, 4, 2])
    assert order(a, ["nir=B08", "B04", 2]) == (("nir", "red", "green"), [4, 3, 2])


def test_other_bands_keep_their_names(tmp_path: Path) -> None:
    """Nir as red, by default, by number, or by a name that the file contradicts."""
    path = numbered(tmp_path / "a.tif", 3, "nir", "red", "green")
    assert order(path) == (("nir", "red", "green"), [1, 2, 3])
    assert order(path, [1, 2, 3]) == (("nir", "red", "green"), [1, 2, 3])
    with pytest.raises(InputError, match=r"describes band 1 as nir, --bands takes it for red"):
        order(path, ["red=1", "green=2", "blue=3"])


def test_bands_that_are_only_counted_have_no_colour(tmp_path: Path) -> None:
    """b1, b2, b3 of a picture are not those of Sentinel-2; in another order, or of more bands, they are."""
    rgb = ("red", "green", "blue")
    picture = numbered(tmp_path / "a.tif", 3, "b1", "B2", "b3")
    for bands, expected in ((None, [1, 2, 3]), (["red=1", "green=2", "blue=3"], [1, 2, 3]),
                            ([3, 2, 1], [3, 2, 1]), (["b3", "b2", "b1"], [3, 2, 1])):  # fmt: skip
        assert order(picture, bands) == (rgb, expected)
    planet = numbered(tmp_path / "b.tif", 4, "b1", "b2", "b3", "b4", dtype="uint16")
    assert order(planet, ["red=3", "green=2", "blue=1"]) == (rgb, [3, 2, 1])
    assert order(numbered(tmp_path / "c.tif", 3, "B4", "B3", "B2")) == (rgb, [1, 2, 3])
    assert order(numbered(tmp_path / "d.tif", 5, "B1", "B2", "B3", "B4", "B5")) == (rgb, [4, 3, 2])


def test_colour_interpretation_can_be_overridden_by_name_only(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.tif", 3, photometric="RGB")
    assert order(path, ["red=3", "green=2", "blue=1"]) == (("red", "green", "blue"), [3, 2, 1])
    assert order(path, [1, 2, 3]) == (("red", "green", "blue"), [1, 2, 3])
    with pytest.raises(InputError, match=r"calls the bands 3, 2, 1 blue, green, red.*red=3,green=2,blue=1"):
        order(path, [3, 2, 1])


@pytest.mark.parametrize("alpha", [True, False])
def test_four_bands(tmp_path: Path, alpha: bool) -> None:
    """An alpha band is a mask; a fourth band without a name is taken for one only if it looks like one."""
    values = picture((60, 80), bands=4)
    values[3] = 255
    path = write(
        tmp_path / "a.tif",
        values,
        photometric="RGB" if alpha else "minisblack",
        alpha="yes" if alpha else "no",
    )
    if not alpha:
        with rasterio.open(path, "r+") as file:
            file.colorinterp = (ColorInterp.gray, *(ColorInterp.undefined,) * 3)
    imagery = Imagery.open(path)
    assert imagery.names == ("red", "green", "blue")
    assert any("does not name its 4 bands" in note for note in imagery.notes) != alpha
    other = write(tmp_path / "b.tif", picture((60, 80), bands=4), photometric="minisblack", alpha="no")
    with pytest.raises(InputError, match="4 bands and does not say which are red"):
        Imagery.open(other)


def test_files_of_single_bands_in_a_folder_are_one_image(tmp_path: Path) -> None:
    folder = tmp_path / "R10m"
    folder.mkdir()
    for band, code in enumerate(("B02", "B03", "B04", "B08"), start=1):
        values = np.full((1, *SHAPE), band, np.uint16)
        write(folder / f"T45RVM_20210815T045701_{code}_10m.tif", values)
    write(folder / "T45RVM_20210815T045701_SCL_20m.tif", np.ones((1, 3, 3), np.uint8))
    assert order(folder) == (("red", "green", "blue"), [3, 2, 1])
    assert order(folder, ["B08", "green=B03"]) == (("nir", "green"), [4, 2])
    assert Imagery.open(folder).dates == ("2021-08-15",)
    with pytest.raises(InputError, match="but of no image all of B12, B04"):
        order(folder, ["B12", "B04"])
    write(folder / "T45RVM_20210815T045701_AOT_10m.tif", np.full((1, *SHAPE), 9, np.uint16))
    assert order(folder) == (("red", "green", "blue"), [3, 2, 1])
    write(folder / "T45RVM_20210815T045701_TCI_10m.tif", picture(SHAPE))
    assert Imagery.open(folder).dtype == "uint8"  # the picture; bands must be asked for
    assert order(folder, ["B04", "B03", "B02"]) == (("red", "green", "blue"), [3, 2, 1])


def test_a_file_without_names_beside_one_of_another_order_is_asked_about(tmp_path: Path) -> None:
    """Blue, green, red in one file; the other one does not say."""
    numbered(tmp_path / "a.tif", 3, "blue", "green", "red", dtype="uint16")
    numbered(tmp_path / "b.tif", 3, dtype="uint16")
    with pytest.raises(InputError, match=r"b.tif does not name its bands, and .*a.tif has .* --bands 3,2,1,"):
        order(tmp_path)
    assert order(tmp_path, [3, 2, 1]) == (("red", "green", "blue"), [3, 2, 1])
    numbered(tmp_path / "a.tif", 3, "red", "green", "blue", dtype="uint16")
    assert order(tmp_path) == (("red", "green", "blue"), [1, 2, 3])


def test_old_landsat_numbers_its_bands_differently(tmp_path: Path) -> None:
    for name, expected in (("LE07_L2SP_140041_20010708_20200917_02_T1_SR", [3, 2, 1]), ("LC08_x", [4, 3, 2])):
        folder = tmp_path / name
        folder.mkdir()
        for band in range(1, 6):
            write(folder / f"{name}_SR_B{band}.TIF", np.full((1, *SHAPE), band, np.uint16))
        assert order(folder) == (("red", "green", "blue"), expected)


def test_a_catalogue_names_bands_scale_offset_and_nodata(tmp_path: Path) -> None:
    """One asset of three bands in STAC 1.0 and 1.1, and the flag that the offset is in the numbers."""
    values = np.full((3, *SHAPE), 1200, np.uint16) + np.arange(3, dtype=np.uint16)[:, None, None]
    values[:, 0, 0] = 9
    write(tmp_path / "a.tif", values)
    names = [{"name": name} for name in ("B02", "B03", "B04")]
    numbers = {"scale": 0.0001, "offset": -0.1, "nodata": 9}
    old = {
        "href": "a.tif",
        "roles": ["data"],
        "type": "image/tiff",
        "eo:bands": names,
        "raster:bands": [numbers] * 3,
    }
    new = {
        "href": "a.tif", "roles": ["data"], "type": "image/tiff", "raster:scale": 0.0001,
        "raster:offset": -0.1, "bands": [name | {"nodata": 9} for name in names],
    }  # fmt: skip
    for asset, applied in ((old, False), (new, False), (old, True)):
        properties = {"earthsearch:boa_offset_applied": applied, "datetime": "2022-08-15T04:57:01Z"}
        item = {"type": "Feature", "id": "a", "assets": {"analytic": asset}, "properties": properties}
        (tmp_path / "item.json").write_text(json.dumps(item))
        imagery = Imagery.open(tmp_path / "item.json")
        found, valid = imagery.read(0, 0, *SHAPE)
        assert imagery.names == ("red", "green", "blue") and imagery.dates == ("2022-08-15",)
        expected = np.array([1202, 1201, 1200]) * 0.0001 - (0.0 if applied else 0.1)
        np.testing.assert_allclose(found[:, 1, 1], expected, rtol=1e-5)
        assert not valid[0, 0] and valid.sum() == valid.size - 1
        plain = Imagery.open(tmp_path / "item.json", scaled=False).read(0, 0, *SHAPE)[0]
        np.testing.assert_allclose(
            plain[:, 1, 1], np.array([1202, 1201, 1200]) - (0 if applied else 1000), atol=1e-3
        )


@pytest.mark.parametrize(
    ("baseline", "dtype", "applied", "taken"),
    [("04.00", "uint16", False, 1000), ("05.11", "uint16", False, 1000), ("03.01", "uint16", False, 0),
     ("04.00", "uint8", False, 0), ("04.00", "uint16", True, 0), (None, "uint16", False, 0)],
)  # fmt: skip
def test_the_offset_of_sentinel_2_is_known_by_its_baseline(
    tmp_path: Path, baseline: str | None, dtype: str, applied: bool, taken: int
) -> None:
    values = np.full((3, *SHAPE), 200, dtype) + (0 if dtype == "uint8" else np.uint16(1000))
    write(tmp_path / "a.tif", values.astype(dtype))
    properties = {"s2:processing_baseline": baseline, "earthsearch:boa_offset_applied": applied}
    item = {"type": "Feature", "id": "a", "assets": {"visual": {"href": "a.tif"}}, "properties": properties}
    (tmp_path / "item.json").write_text(json.dumps(item))
    for scaled in (True, False):
        found = Imagery.open(tmp_path / "item.json", scaled=scaled).read(0, 0, *SHAPE)[0]
        assert (found == values[0, 0, 0] - taken).all()
