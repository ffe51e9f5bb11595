"""Statistics of candidates against plain numpy on the whole raster, the same for every size of blocks."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import rasterio.features
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from rogi.detection.candidates.confidence import HALO, confidence, histograms
from rogi.detection.candidates.polygons import polygonise

FIELDS = ("mean", "p10", "spread", "entropy", "invalid_halo", "at_edge")


def reader(raster):
    return lambda row, col, height, width: raster[..., row : row + height, col : col + width]


def expected(raster, shape):
    """Mean, 10th percentile, standard deviation, entropy, share of gaps around, contact with a gap."""
    inside = np.pad(rasterio.features.rasterize([shape], raster.shape, dtype=np.uint8) == 1, HALO + 1)
    padded = np.pad(raster, HALO + 1, constant_values=255)
    values = padded[inside]
    p = values[values != 255] / 254
    ring = ndimage.binary_dilation(inside, np.ones((2 * HALO + 1,) * 2)) & ~inside
    touching = ndimage.binary_dilation(inside) & ~inside
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-p * np.log2(p)) + np.nan_to_num(-(1 - p) * np.log2(1 - p))
    low = np.quantile(p, 0.1, method="inverted_cdf")
    gaps = (padded == 255)[ring].mean()
    return p.mean(), low, p.std(), entropy.mean(), gaps, (padded == 255)[touching].any()


@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        elements=st.sampled_from([3, 90, 130, 180, 254, 255]),
        fill=st.nothing(),
    ),
    st.integers(3, 50),
)
@settings(max_examples=30)
def test_against_numpy(raster, block):
    """Every statistic of every polygon, whatever the size of the blocks."""
    polygons = polygonise(reader(raster), raster.shape, level=127)
    found = confidence(reader(raster), raster.shape, polygons, block=block)
    shapes = polygons.geometries()
    for n, shape in enumerate(shapes[:20]):
        wanted = expected(raster, shape)
        assert [getattr(found, name)[n] for name in FIELDS] == pytest.approx(wanted, abs=1e-12)


def test_same_bits_for_every_block():
    """Results for three sizes of blocks are identical, not merely close."""
    rng = np.random.default_rng(1)
    field = ndimage.gaussian_filter(rng.standard_normal((150, 180)), 4)
    raster = np.clip(field * 900 + 120, 0, 254).astype(np.uint8)
    raster[40:60, 90:140] = 255
    polygons = polygonise(reader(raster), raster.shape, level=127)
    results = [confidence(reader(raster), raster.shape, polygons, block=b) for b in (17, 64, 2048)]
    for name in FIELDS:
        arrays = [getattr(r, name) for r in results]
        assert all(np.array_equal(arrays[0], a, equal_nan=True) for a in arrays[1:])


def test_worked_by_hand():
    """A square of four pixels in the middle of a raster with a column of gaps beside it."""
    raster = np.zeros((40, 40), np.uint8)
    raster[20:22, 20:22] = [[127, 254], [254, 254]]
    raster[:, 22] = 255
    polygons = polygonise(reader(raster), raster.shape, level=127)
    found = confidence(reader(raster), raster.shape, polygons)
    assert found.mean[0] == (127 + 3 * 254) / (4 * 254)
    assert found.p10[0] == 0.5
    assert found.entropy[0] == 0.25
    assert found.invalid_halo[0] == 22 / (22 * 22 - 4)
    assert found.at_edge[0]
    assert histograms(reader(raster), raster.shape, polygons)[0, [127, 254]].tolist() == [1, 3]


def test_holes_are_outside():
    """The pixels of a hole are in no statistic of the inside, but in the ring."""
    raster = np.full((30, 30), 254, np.uint8)
    raster[10:20, 10:20] = 255
    polygons = polygonise(reader(raster), raster.shape, level=127)
    found = confidence(reader(raster), raster.shape, polygons, block=13)
    assert found.mean[0] == 1.0
    outside = (30 + 2 * HALO) ** 2 - 30**2
    assert found.invalid_halo[0] == 1.0
    assert outside == 1600
    assert found.at_edge[0]


def test_nothing():
    """No polygons, empty arrays."""
    raster = np.zeros((5, 5), np.uint8)
    found = confidence(reader(raster), (5, 5), polygonise(reader(raster), (5, 5), level=1))
    assert all(len(getattr(found, name)) == 0 for name in FIELDS)
