"""Fill that a file does not declare is void wherever it lies; sea, polders and the Dead Sea are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from rogi.raster import voids
from rogi.raster.elevation.steps import nominal_spacing, steepest_step
from rogi.raster.files import ArrayRaster
from rogi.raster.grid import Window
from rogi.raster.voids import ZeroPatches, clear_fill

FILLS = [-32768.0, -32767.0, -9999.0, -99999.0, 9999.0, 32767.0, 65535.0, 1e20, -999.0,
         -3.4028234663852886e38, 3.4028234663852886e38, -1e30, 9.969209968386869e36, 99999.0]  # fmt: skip
GROUND = [
    -430.0,
    -86.0,
    -7.0,
    -0.5,
    0.0,
    1.0,
    255.0,
    4000.0,
    8849.0,
    9998.0,
    10000.0,
    29032.0,
    88490.0,
    8849000.0,
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fill", FILLS)
def test_fill_is_void(fill: float, dtype: Any) -> None:
    values = np.full((5, 6), 4000, dtype)
    values[2, 3] = fill
    values[0, 0] = np.nan
    what, least = clear_fill(values)
    assert what
    assert least == min(4000.0, np.dtype(dtype).type(fill))
    expected = np.full((5, 6), 4000, dtype)
    expected[2, 3] = expected[0, 0] = np.nan
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("ground", GROUND)
def test_ground_is_not(ground: float) -> None:
    """The Dead Sea, Death Valley, a polder, the sea, Everest in metres, feet, decimetres and millimetres."""
    values = np.full((4, 4), 300.0)
    values[1, 1] = ground
    assert clear_fill(values) == ("", min(300.0, ground))
    assert values[1, 1] == ground


def test_what_fill_is_called() -> None:
    for fill, name in ((-9999.0, "-9999"), (1e20, "1e+20"), (-5000.0, "numbers below -500"),
                       (5e7, "numbers above 1e+07")):  # fmt: skip
        assert clear_fill(np.array([4000.0, fill])) == (name, min(4000.0, fill))
    assert clear_fill(np.zeros((0, 3)))[0] == ""
    assert clear_fill(np.full(3, np.nan))[0] == ""


# ---- zeros


def patches(values: NDArray[np.floating[Any]], gap: float = 100.0) -> ZeroPatches:
    raster = ArrayRaster(values, None, None)  # type: ignore[arg-type]
    return ZeroPatches(raster.shape, raster.read, gap)


def filled(values: NDArray[np.floating[Any]], gap: float = 100.0) -> NDArray[np.bool_]:
    rows, columns = values.shape
    return patches(values, gap).mask(Window(0, rows, 0, columns), values == 0)


def test_a_hole_of_zeros_beside_4000_m_is_void() -> None:
    values = np.full((40, 40), 4000.0)
    values[10:12, 10:12] = 0
    values[30, 30] = 0
    values[:5] = 0
    np.testing.assert_array_equal(filled(values), values == 0)


def test_the_sea_is_not() -> None:
    """A coast, an island in a corner, a fjord whose end alone is flat, a tile of sea alone."""
    coast = np.tile(np.linspace(0, 300, 40), (40, 1))
    coast[:, :10] = 0
    fjord = np.full((60, 60), 900.0)
    fjord[20:24, 5:] = 0
    fjord[20:24, 4] = 12
    for values in (coast, fjord, np.zeros((30, 30))):
        assert not filled(values).any()


@pytest.mark.parametrize("level", [-400.0, -101.0, 101.0])
def test_zeros_far_from_all_ground_around(level: float) -> None:
    values = np.full((9, 9), level)
    values[4, 4] = 0
    assert filled(values).sum() == 1
    assert not filled(np.where(values == 0, 0, np.sign(level) * 99.0)).any()


def test_the_gap_itself_is_fill_and_corners_count_as_ground_around() -> None:
    values = np.full((7, 7), 100.0)
    values[3, 3] = 0
    assert filled(values).sum() == 1
    values[2, 2] = 99.0
    assert not filled(values).any()


def test_a_coarse_grid_needs_a_wider_gap() -> None:
    values = np.full((7, 7), 700.0)
    values[3, 3] = 0
    assert filled(values, 699.0).any()
    assert not filled(values, 1000.0).any()


def test_zeros_behind_a_rim_of_voids_belong_to_the_ground_beyond() -> None:
    values = np.full((30, 30), 4000.0)
    values[:10] = np.nan
    values[:5] = 0
    assert filled(values)[:5].all()
    values[10, 17] = 3
    assert not filled(values).any()


@pytest.mark.parametrize("seed", range(6))
def test_patches_across_blocks(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The verdicts are those of one labelling of the whole, in whatever windows and order they are asked."""
    monkeypatch.setattr(voids, "BLOCK", 16)
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.normal(size=(75, 53)), 2.0)
    values = np.where(rough > 0.02, 2000.0, 0.0)
    values[rng.random(values.shape) < 0.02] = np.nan
    values[rng.random(values.shape) < 0.004] = 50.0
    empty = ~(np.abs(values) > 0)
    labels, count = ndimage.label(empty)
    near = ndimage.minimum_filter(np.where(empty, np.inf, np.abs(values)), 3, mode="constant", cval=np.inf)
    least = ndimage.minimum(near, labels, np.arange(count + 1))
    fill = (least >= 100) & np.isfinite(least)
    fill[0] = False
    expected = (values == 0) & fill[labels]
    assert expected.any()
    assert not expected[values == 0].all()
    np.testing.assert_array_equal(filled(values), expected)
    known = patches(values)
    windows = [
        Window(r, min(r + 13, 75), c, min(c + 11, 53)) for r in range(0, 75, 13) for c in range(0, 53, 11)
    ]
    for number in rng.permutation(len(windows)):
        window = windows[number]
        part = (slice(window.row0, window.row1), slice(window.column0, window.column1))
        np.testing.assert_array_equal(known.mask(window, values[part] == 0), expected[part])


def test_only_what_a_patch_reaches_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voids, "BLOCK", 16)
    values = np.full((160, 160), 4000.0)
    values[20:40, 20] = 0
    values[100:, 100:] = 0
    read: list[Window] = []
    raster = ArrayRaster(values, None, None)  # type: ignore[arg-type]

    def spy(window: Window) -> NDArray[np.floating[Any]]:
        read.append(window)
        return raster.read(window)

    known = ZeroPatches(raster.shape, spy, 100.0)
    window = Window(16, 32, 16, 32)
    known.mask(window, values[16:32, 16:32] == 0)
    assert len(read) == 2
    known.mask(window, values[16:32, 16:32] == 0)
    assert len(read) == 2


# ---- relief


def step(low: float, spacing: float = 30.0, place: tuple[int, int] = (2, 3)) -> tuple[int, float] | None:
    values = np.full((5, 5), 4000.0)
    values[place] = low
    return steepest_step(values, np.array([3, 2]), np.array([1, 2]), (spacing, spacing))


def test_no_terrain_drops_by_thousands_of_metres_from_pixel_to_pixel() -> None:
    assert step(18.0) == (1, 18.0)
    assert step(9000.0) == (1, 9000.0)
    assert step(9001.0) is None  # may be in feet, as may all numbers
    assert step(9320.0) is None  # 3.5 times 1,500 m plus 1.5 m per m, and a little less
    assert step(9510.0) == (1, 9510.0)
    assert [step(65534.0, place=place) for place in ((1, 2), (4, 1))] == [(1, 65534.0), (0, 65534.0)]
    assert step(65534.0, place=(3, 1)) is None  # a pixel of the unit itself, of which its range tells
    assert [step(0.0, place=place) for place in ((1, 2), (2, 1))] == [(1, 0.0), (0, 0.0)]
    assert step(0.0, place=(4, 1)) == (0, 0.0)
    assert step(0.0, place=(1, 1)) is None  # across a corner
    assert step(4000 - 1250.0) is None  # Mount Thor
    assert step(4000 - 1544.0) is None
    assert step(4000 - 1546.0) == (1, 4000 - 1546.0)
    assert step(2000.0, spacing=1000.0) is None  # the Rupal face, at 1 km
    assert step(np.nan) is None


def test_spacing_of_rows_and_columns() -> None:
    values = np.full((3, 3), 4000.0)
    values[1, 2] = 2000
    rows, columns = np.array([1]), np.array([1])
    assert steepest_step(values, rows, columns, (400.0, 30.0)) is None
    assert steepest_step(values, rows, columns, (30.0, 400.0)) == (0, 2000.0)
    assert steepest_step(values.T.copy(), rows, columns, (400.0, 30.0)) == (0, 2000.0)
    assert steepest_step(values, rows[:0], columns[:0], (30.0, 30.0)) is None


def test_nominal_spacing() -> None:
    """Degrees at the equator, feet in metres, and grids that are turned."""
    assert nominal_spacing("EPSG:4326", Affine(0.001, 0, 0, 0, -0.002, 0)) == pytest.approx((111.32, 222.64))
    assert nominal_spacing("EPSG:2263", Affine(100, 0, 0, 0, -10, 0)) == pytest.approx((30.48006, 3.048006))
    assert nominal_spacing("EPSG:32645", Affine(3, 5, 0, 4, -12, 0)) == pytest.approx((5, 13))


def test_ground_at_the_gap_ends_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patch beside ground at 100 m in one block, and at 50 m two blocks further on."""
    monkeypatch.setattr(voids, "BLOCK", 16)
    values = np.full((10, 48), 100.0)
    values[5, 3:40] = 0
    values[5, 40] = 50
    window = Window(0, 10, 0, 16)
    assert not patches(values).mask(window, values[:, :16] == 0).any()
    values[5, 40] = 100
    assert patches(values).mask(window, values[:, :16] == 0).sum() == 13
