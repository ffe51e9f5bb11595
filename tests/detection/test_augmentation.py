"""Variants of patches: image, label and mask move together; each is drawn from its own seed."""

from __future__ import annotations

import numpy as np
import pytest

from rogi.detection.training.augmentation import NONE, Augmentation, augment, fill, is_light
from rogi.errors import OptionError

MEAN, STD = np.array([100, 50], np.float32), np.array([20, 10], np.float32)
LIGHT = np.array([True, False])


def patch(side: int = 24):
    """An image whose first channel says where a pixel was, its label and mask."""
    rng = np.random.default_rng(0)
    first = np.arange(side * side, dtype=np.float32).reshape(side, side) / (side * side) * 255
    image = np.stack([first, rng.normal(50, 10, (side, side)).astype(np.float32)])
    return image, (first > 120).astype(np.uint8), rng.random((side, side)) < 0.9


def varied(settings: Augmentation, seed=(0, 0, 0), parts=None):
    image, label, valid, tone = augment(
        *(parts or patch()), settings, seed, mean=MEAN, std=STD, value_range=(0, 255), light=LIGHT
    )  # fmt: skip
    return tone(image), label, valid


def test_nothing_asked_nothing_changed():
    """The values come out as they went in."""
    for found, given in zip(varied(NONE), patch(), strict=True):
        np.testing.assert_allclose(found, given, atol=1e-4)


def test_turns_are_the_eight_symmetries_and_move_all_parts_together():
    """All eight occur; image, label and mask are turned alike."""
    image, _, valid = patch()
    both = [np.rot90(part, k, axes=(-2, -1)) for k in range(4) for part in (image[0], image[0].T)]
    seen = set()
    for number in range(60):
        out, out_label, out_valid = varied(Augmentation(brightness=0, contrast=0, gamma=0), (1, 2, number))
        match = [k for k, form in enumerate(both) if np.allclose(out[0], form)]
        assert len(match) == 1
        seen.add(match[0])
        np.testing.assert_array_equal(out_label, out[0] > 120)
        order = np.rint(out[0] / 255 * image[0].size).astype(int)
        np.testing.assert_array_equal(out_valid, valid.ravel()[order])
        np.testing.assert_allclose(out[1], image[1].ravel()[order], rtol=1e-5)
    assert len(seen) == 8


def test_a_seed_gives_the_same_whatever_was_drawn_before():
    """Same (seed, epoch, place), same bytes; another of any of the three, others."""
    settings = Augmentation(scale=0.3)
    first = varied(settings, (3, 4, 5))
    varied(settings, (9, 9, 9))
    for one, other in zip(first, varied(settings, (3, 4, 5)), strict=True):
        np.testing.assert_array_equal(one, other)
    for seed in ((4, 4, 5), (3, 5, 5), (3, 4, 6)):
        assert not np.array_equal(first[0], varied(settings, seed)[0])


def test_light_changes_within_its_limits_and_only_channels_that_are_light():
    """Brightness by at most 0.5 standard deviations, contrast by a factor up to 1.5; elevation stays."""
    image, *_ = patch()
    shifts, factors = [], []
    for number in range(50):
        out, _, _ = varied(Augmentation(turn=False, brightness=0.5, contrast=0.0, gamma=0), (0, 0, number))
        shifts.append((out[0] - image[0]).mean() / STD[0])
        np.testing.assert_allclose(out[0] - image[0], shifts[-1] * STD[0], atol=1e-3)
        np.testing.assert_allclose(out[1], image[1], rtol=1e-6)
        out, _, _ = varied(Augmentation(turn=False, brightness=0, contrast=0.5, gamma=0), (0, 0, number))
        factors.append(np.polyfit(image[0].ravel() - 100, out[0].ravel() - 100, 1)[0])
    assert -0.5 <= min(shifts) < -0.3 < 0.3 < max(shifts) <= 0.5
    assert 1 / 1.5 <= min(factors) < 0.8 < 1.25 < max(factors) <= 1.5001


def test_gamma_keeps_the_ends_of_the_range_and_the_order():
    """0 stays 0 and 255 stays 255; a brighter pixel stays brighter."""
    image, label, valid = patch()
    image[0, 0, 0], image[0, -1, -1] = 0, 255
    for number in range(10):
        out, _, _ = varied(
            Augmentation(turn=False, brightness=0, contrast=0, gamma=0.5),
            (0, 0, number),
            (image, label, valid),
        )
        assert out[0, 0, 0] == pytest.approx(0, abs=1e-3)
        assert out[0, -1, -1] == pytest.approx(255, rel=1e-5)
        assert (np.diff(out[0].ravel()) > -1e-3).all()


def test_scale_makes_the_unit_larger_or_smaller_and_marks_what_is_outside():
    """The label follows the image; pixels from outside of the patch are invalid."""
    side = 96
    label = np.zeros((side, side), np.uint8)
    label[32:64, 32:64] = 1
    image = np.stack([label * 200.0, label * 1.0]).astype(np.float32)
    shares = []
    for number in range(40):
        out, out_label, valid = varied(
            Augmentation(turn=False, brightness=0, contrast=0, gamma=0, scale=0.5),
            (0, 0, number),
            (image, label, np.ones((side, side), bool)),
        )
        np.testing.assert_allclose(out[0][valid], out_label[valid] * 200.0, atol=1e-3)
        shares.append((out_label > 0).sum() / (label > 0).sum())
        assert valid.all() == (valid.mean() == 1)
        if not valid.all():
            assert shares[-1] < 1  # smaller: there is ground outside the patch, and it is not known
    assert min(shares) < 0.6 < 1.7 < max(shares) <= 2.4


def test_labels_are_moved_and_never_mixed():
    """With every change at once: only the labels given, each where the first channel says it was."""
    side = 24
    place = np.arange(side * side).reshape(side, side)
    label = np.random.default_rng(1).choice(np.array([0, 1, 2, 255], np.uint8), (side, side))
    image = np.stack([label * 1.0, place * 1.0]).astype(np.float32)
    valid = label != 2
    for number in range(20):
        out, found, known = varied(
            Augmentation(brightness=0, contrast=0, gamma=0, scale=0.6), (0, 0, number), (image, label, valid)
        )
        np.testing.assert_array_equal(found, label.ravel()[np.rint(out[1]).astype(int)])
        assert not (known & (found == 2)).any()


def test_the_patch_given_is_never_changed():
    """It may be a view of a file."""
    parts = patch()
    for part in parts:
        part.flags.writeable = False
    varied(Augmentation(scale=0.5), parts=parts)


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int16", "uint32", "float32"])
@pytest.mark.parametrize("side", [8, 264])
def test_values_by_table_are_those_of_each_pixel(kind: str, side: int):
    """For every type and side (a table pays from 256 and from 65,536 pixels on); 0 where invalid."""
    rng = np.random.default_rng(5)
    image = rng.normal(60, 30, (2, side, side)).astype(kind)
    image[:, 0, 0], image[:, 0, 1] = (-9, 127) if kind[0] != "u" else (0, 255)
    label, valid = np.zeros((side, side), np.uint8), rng.random((side, side)) < 0.5
    settings = Augmentation(gamma=0.5)
    image, _, valid, tone = augment(
        image, label, valid, settings, (2, 2, 2), mean=MEAN, std=STD, value_range=(-9, 255), light=LIGHT
    )
    expected = np.where(valid, tone(np.ascontiguousarray(image)), np.float32(0))
    for order in ((0, 1, 2), (2, 0, 1)):  # channels last in memory, and first
        out = np.full([np.shape(image)[k] for k in np.argsort(order)], np.nan, np.float32).transpose(order)
        fill(image, valid, tone, out)
        np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_names_of_light():
    """Colours and numbered bands are light, relief is not."""
    names = ("red", "NIR", "band 4", "B8A", "elevation", "slope", "backscatter", "ndvi")
    assert is_light(names).tolist() == [True] * 4 + [False] * 4


def test_a_strength_out_of_range_is_refused():
    """With its name."""
    with pytest.raises(OptionError, match="gamma"):
        Augmentation(gamma=-0.1)
