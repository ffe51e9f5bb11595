"""Weighted and circular statistics: hand-worked cases and plain definitions; streaming gives the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.attributes.zonal.coverage import Coverage
from rogi.attributes.zonal.statistics import (
    Reason,
    circular_statistics,
    parse_statistic,
    reasons,
    valid_share,
    weighted_statistics,
)
from rogi.attributes.zonal.streaming import Chunk, streamed_circular_mean, streamed_statistics
from rogi.errors import OptionError

ALL = ("mean", "std", "min", "max", "median", "q05", "q97.5")


def unit(*shares: float) -> Coverage:
    """One unit with these shares."""
    n = len(shares)
    return Coverage(
        np.array([0, n]), np.zeros(n, np.int32), np.arange(n, dtype=np.int32), np.array(shares, float),
        np.array([float(sum(shares))]),
    )  # fmt: skip


def one(values: list[float], shares: list[float], name: str, **options: float) -> float:
    return float(weighted_statistics(np.array(values), unit(*shares), [name], **options)[name][0])


def test_by_hand() -> None:
    values, shares = [10.0, 20.0, 40.0], [1.0, 0.5, 0.5]
    assert one(values, shares, "mean") == 20.0
    assert one(values, shares, "median") == 15.0  # half of the weight is reached exactly at 10
    assert one(values, shares, "q75") == 30.0
    assert one(values, shares, "q90") == 40.0
    assert one(values, shares, "std") == pytest.approx(np.sqrt(0.5 * 100 + 0.25 * 400))


@pytest.mark.parametrize(
    ("values", "shares", "expected"),
    [
        ([0, 0, 0, 10], [1, 1, 1, 1], 0),  # interpolating between ranks by weight gives 5 in some programs
        ([0, 0, 10, 10], [1, 1, 1, 1], 5),  # half is reached exactly: the mean with the next, as by rank
        ([0, 10, 20], [1, 1, 1], 10),
        ([0, 10], [0.7, 0.3], 0),
        ([0, 10], [0.5, 0.5], 5),
        ([0, 10, 20], [0.2, 0.2, 0.6], 20),
        ([0, 10, 20], [0.25, 0.25, 0.5], 15),
        ([7], [0.1], 7),
    ],
)  # fmt: skip
def test_medians_of_the_page(values: list[float], shares: list[float], expected: float) -> None:
    """The vectors of the page Attributes."""
    assert one([float(v) for v in values], [float(s) for s in shares], "median") == expected


def test_slivers_do_not_make_extremes() -> None:
    values, shares = [5.0, 10.0, 12.0, 20.0], [0.49, 0.5, 1.0, 0.1]
    assert (one(values, shares, "min"), one(values, shares, "max")) == (10.0, 12.0)
    assert one(values, shares, "max", extreme_share=0.0) == 20.0
    # A unit within a few pixels is measured by the pixel that holds most of it.
    assert one([1.0, 2.0, 3.0], [0.01, 0.04, 0.03], "min") == 2.0
    # The pixel most inside is void: those that are left are compared with each other.
    assert one([np.nan, 2.0, 3.0], [1.0, 0.2, 0.2], "min") == 2.0


def test_few_pixels_have_their_mean_and_median_between_their_extremes() -> None:
    # One pixel half inside, and slivers above it: on the former alone the mean would exceed the maximum.
    values, shares = [100.0, 130.0, 140.0], [0.6, 0.25, 0.25]
    assert one(values, shares, "mean") > 100.0
    assert (one(values, shares, "min"), one(values, shares, "max")) == (100.0, 140.0)
    # Most of the unit lies in slivers: their median, 80, is beyond the two pixels half inside.
    values, shares = [0.0, 70.0, 80.0, 81.0, 82.0, 83.0], [0.6, 0.6, 0.4, 0.4, 0.4, 0.4]
    assert one(values, shares, "median") == 80.0
    assert one(values, shares, "mean") < 70.0
    assert one(values, shares, "min", extreme_share=0.7) == 0.0
    assert one(values, shares, "max", extreme_share=0.7) == 83.0


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 1)), min_size=1, max_size=12), st.floats(0, 1))
def test_statistics_are_in_order(pixels: list[tuple[int, float]], extreme_share: float) -> None:
    """Minimum, median and mean, maximum: rule ATT of `rogi validate` asks for it."""
    values, shares = ([float(x) for x in column] for column in zip(*pixels, strict=True))
    found = weighted_statistics(
        np.array(values), unit(*shares), ["min", "median", "mean", "max"], extreme_share=extreme_share
    )
    low, median, mean, high = (float(found[name][0]) for name in ("min", "median", "mean", "max"))
    assert low <= median <= high
    assert low - 1e-12 <= mean <= high + 1e-12


def test_two_pixels_of_unequal_share_have_unequal_say() -> None:
    assert one([1.0, 2.0], [0.3, 0.7], "median") == 2.0
    assert one([1.0, 2.0], [0.7, 0.3], "median") == 1.0
    assert one([1.0, 2.0], [0.5, 0.5], "median") == 1.5


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30))
def test_equal_weights_give_the_ordinary_statistics(values: list[int]) -> None:
    array = np.array(values, float)
    found = weighted_statistics(array, unit(*[0.37] * len(values)), ALL)
    assert found["mean"][0] == pytest.approx(array.mean(), abs=1e-9)
    assert found["std"][0] == pytest.approx(array.std(), abs=1e-9)
    assert found["min"][0] == array.min()
    assert found["max"][0] == array.max()
    assert found["median"][0] == np.median(array)
    assert found["q05"][0] == pytest.approx(np.quantile(array, 0.05, method="averaged_inverted_cdf"))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_order_and_splitting_do_not_matter(data: st.DataObject) -> None:
    """A pixel is the same as two of half its share; the order of pixels is of no account."""
    n = data.draw(st.integers(1, 12))
    values = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), float)
    shares = np.array(data.draw(st.lists(st.integers(1, 8), min_size=n, max_size=n))) / 8
    names = ("mean", "median", "q05", "q97.5")
    found = weighted_statistics(values, unit(*shares), names)
    order = np.array(data.draw(st.permutations(range(n))))
    shuffled = weighted_statistics(values[order], unit(*shares[order]), names)
    split = weighted_statistics(np.repeat(values, 2), unit(*np.repeat(shares / 2, 2)), names)
    for name in names:
        assert shuffled[name][0] == pytest.approx(found[name][0], abs=1e-12)
        assert split[name][0] == pytest.approx(found[name][0], abs=1e-12)
    assert values.min() <= found["mean"][0] <= values.max() + 1e-12


def test_voids_never_count() -> None:
    assert one([np.nan, 3.0, np.inf, 5.0], [1, 1, 1, 1], "mean") == 4.0
    assert np.isnan(one([np.nan], [1], "mean"))
    empty = Coverage(np.array([0, 0]), *(np.zeros(0, np.int32),) * 2, np.zeros(0), np.array([4.0]))
    assert np.isnan(weighted_statistics(np.zeros(0), empty, ["median"])["median"][0])


def test_valid_share_and_reasons() -> None:
    cover = Coverage(
        np.array([0, 2, 4, 4, 4]), np.zeros(4, np.int32), np.zeros(4, np.int32),
        np.array([1.0, 0.5, 0.25, 0.25]), np.array([1.5, 1.0, 3.0, 0.0]),
    )  # fmt: skip
    share = valid_share(np.array([True, True, True, False]), cover)
    np.testing.assert_array_equal(share, [1.0, 0.25, 0.0, np.nan])
    assert reasons(share).tolist() == [None, Reason.VOID, Reason.OUTSIDE, Reason.OUTSIDE]
    assert reasons(share, 0.2).tolist()[1] is None


def test_circular_mean_around_north() -> None:
    found = circular_statistics(np.array([350.0, 10.0]), unit(1, 1))
    assert found.mean[0] == pytest.approx(0.0, abs=1e-9) or found.mean[0] == pytest.approx(360.0)
    assert 0 <= found.mean[0] < 360
    assert found.resultant_length[0] == pytest.approx(np.cos(np.radians(10)))
    weighted = circular_statistics(np.array([350.0, 20.0]), unit(1.0, 0.5))
    assert weighted.mean[0] == pytest.approx(
        np.degrees(np.angle(np.exp(1j * np.radians(350)) + 0.5 * np.exp(1j * np.radians(20)))) % 360
    )


def test_opposite_directions_have_no_mean() -> None:
    found = circular_statistics(np.array([0.0, 90.0, 180.0, 270.0]), unit(1, 1, 1, 1))
    assert np.isnan(found.mean[0])
    assert found.resultant_length[0] < 1e-9


def test_flat_and_void_ground() -> None:
    found = circular_statistics(
        np.array([90.0, np.nan, np.nan, 90.0]),
        unit(1, 0.5, 1, 0.5),
        flat=np.array([False, True, False, False]),
    )
    assert found.mean[0] == pytest.approx(90.0)
    assert found.flat_share[0] == pytest.approx(0.5 / 2.0)
    level = circular_statistics(np.array([np.nan]), unit(1), flat=np.array([True]))
    assert np.isnan(level.mean[0])
    assert level.flat_share[0] == 1.0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 360), min_size=1, max_size=10), st.floats(-720, 720))
def test_turning_all_directions_turns_the_mean(directions: list[float], turn: float) -> None:
    a = circular_statistics(np.array(directions), unit(*[1.0] * len(directions)))
    b = circular_statistics(np.array(directions) + turn, unit(*[1.0] * len(directions)))
    assert a.resultant_length[0] == pytest.approx(b.resultant_length[0], abs=1e-9)
    if a.resultant_length[0] > 1e-3:
        assert abs((b.mean[0] - a.mean[0] - turn + 180) % 360 - 180) < 1e-6
        assert 0 <= b.mean[0] < 360


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([np.float32, np.float64]), st.booleans())
def test_streaming_equals_holding(seed: int, kind: type, whole_numbers: bool) -> None:
    """Any cut into chunks, both float types, negative numbers and ties."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    values = rng.normal(0, 50, n).astype(kind)
    if whole_numbers:
        values = np.round(values / 10)
    values[rng.random(n) < 0.1] = np.nan
    shares = np.clip(np.round(rng.random(n), 2), 0.01, 1.0)
    whole_pixel = int(rng.integers(n))
    shares[whole_pixel] = 1.0
    # A unit that is streamed holds whole pixels; where this one is void, all pixels count.
    extreme = 0.5 if np.isfinite(values[whole_pixel]) else 0.0
    if whole_numbers:
        shares[:] = 1.0
    cuts = np.sort(rng.integers(0, n + 1, 3))

    def chunks() -> Iterator[Chunk]:
        yield from zip(*(np.split(a, cuts) for a in (values, shares, shares)), strict=True)

    held = weighted_statistics(values, unit(*shares), ALL, extreme_share=extreme)
    streamed = streamed_statistics(chunks, ALL, extreme_share=extreme)
    for name in ALL:
        np.testing.assert_allclose(
            streamed[name], held[name][0], rtol=1e-6 if name == "std" else 1e-12, atol=1e-9
        )
    circle = circular_statistics(values, unit(*shares))
    mean, length = streamed_circular_mean(chunks)
    np.testing.assert_allclose([mean, length], [circle.mean[0], circle.resultant_length[0]], atol=1e-6)


@pytest.mark.parametrize("name", ["average", "q", "q101", "q-5", "Mean", ""])
def test_unknown_statistic(name: str) -> None:
    with pytest.raises(OptionError, match="mean, std, min, max, median"):
        parse_statistic(name)
