"""Losses: closed forms, relations between them, and that invalid pixels count nowhere."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rogi.errors import OptionError

torch = pytest.importorskip("torch")

from rogi.detection.training.losses import SMOOTH, Loss, bce, dice, focal, tversky  # noqa: E402


def case(seed: int = 0, outputs: int = 1):
    """Random logits, targets and masks."""
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy(rng.normal(0, 3, (2, outputs, 8, 9)))
    targets = torch.from_numpy(rng.random((2, outputs, 8, 9)) < 0.3).double()
    valid = torch.from_numpy(rng.random((2, 1, 8, 9)) < 0.8)
    return logits, targets, valid


def flat(logits, targets, valid):
    """Probabilities and targets of the valid pixels, as numpy arrays, for formulas by hand."""
    known = valid.expand_as(logits).numpy()
    return 1 / (1 + np.exp(-logits.numpy()[known])), targets.numpy()[known]


def test_bce_is_the_formula():
    """-mean(w y log p + (1 - y) log(1 - p)); at logit 0 it is log 2, whatever the truth."""
    p, y = flat(*case())
    for positive in (1.0, 3.0):
        expected = -(positive * y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
        assert float(bce(*case(), positive=positive)) == pytest.approx(expected, rel=1e-12)
    zero = torch.zeros(1, 1, 4, 4)
    assert float(bce(zero, zero + 1, zero == 0)) == pytest.approx(math.log(2))


def test_bce_agrees_with_torch():
    """An independent implementation, with its weight of positives."""
    logits, targets, valid = case(1)
    weight = torch.tensor(2.5, dtype=torch.float64)
    reference = torch.nn.BCEWithLogitsLoss(pos_weight=weight)(logits[valid], targets[valid])
    assert float(bce(logits, targets, valid, positive=2.5)) == pytest.approx(float(reference), rel=1e-12)


def test_focal_is_the_formula():
    """-a (1 - q)^g log q, mean; with g = 0 and a = 1/2 half the cross-entropy."""
    p, y = flat(*case(2))
    q, a = np.where(y > 0, p, 1 - p), np.where(y > 0, 0.25, 0.75)
    expected = (-a * (1 - q) ** 2 * np.log(q)).mean()
    assert float(focal(*case(2))) == pytest.approx(expected, rel=1e-10)
    half = float(focal(*case(2), gamma=0.0, alpha=0.5))
    assert half == pytest.approx(float(bce(*case(2))) / 2, rel=1e-12)


def test_tversky_is_the_formula_and_dice_a_case_of_it():
    """Per output; Dice as Milletari et al. wrote it, but for the pixels added to both sides."""
    logits, targets, valid = case(3, outputs=2)
    terms, dices = [], []
    for k in (0, 1):
        p, y = flat(logits[:, k : k + 1], targets[:, k : k + 1], valid)
        tp, fp, fn = (p * y).sum(), (p * (1 - y)).sum(), ((1 - p) * y).sum()
        terms.append(1 - (tp + SMOOTH / 2) / (tp + 0.3 * fp + 0.7 * fn + SMOOTH / 2))
        dices.append(1 - (2 * (p * y).sum() + SMOOTH) / (p.sum() + y.sum() + SMOOTH))
    # computed in float32
    assert float(tversky(logits, targets, valid)) == pytest.approx(np.mean(terms), rel=1e-5)
    assert float(dice(logits, targets, valid)) == pytest.approx(np.mean(dices), rel=1e-5)


def test_a_perfect_answer_has_no_loss_and_the_opposite_nearly_all():
    """Dice of logits far from 0: 0 and 1 up to the pixels added."""
    targets = torch.zeros(1, 1, 20, 20)
    targets[..., :10] = 1
    valid = targets >= 0
    far = 50 * (2 * targets - 1)
    assert float(dice(far, targets, valid)) == pytest.approx(0, abs=1e-6)
    assert float(dice(-far, targets, valid)) == pytest.approx(1 - 1 / 401, rel=1e-6)
    assert float(bce(far, targets, valid)) < 1e-20


@pytest.mark.parametrize("text", ["bce", "dice", "focal", "tversky", "bce(positive=3)+0.5*dice"])
def test_invalid_pixels_count_nowhere(text: str):
    """Neither what they hold (even NaN and infinity) nor their truth changes the loss or any gradient."""
    loss, (logits, targets, valid) = Loss.parse(text), case(4)
    found, slopes = [], []
    for filling in (0.0, 1e6, float("nan"), float("inf")):
        given = torch.where(valid, logits, filling).requires_grad_()
        value = loss(given, torch.where(valid, targets, 1.0 - targets if filling else targets), valid)
        value.backward()
        found.append(value.item())
        slopes.append(given.grad.numpy().copy())
    assert len(set(found)) == 1
    assert np.isfinite(found[0])
    for slope in slopes:
        np.testing.assert_array_equal(slope, slopes[0])
        assert (slope[~valid.numpy()] == 0).all()
        assert (slope[valid.numpy()] != 0).any()


def test_a_batch_without_valid_pixels_has_no_loss():
    """0, and a gradient of 0, not NaN."""
    logits = torch.randn(1, 1, 4, 4, requires_grad=True)
    for text in ("bce+focal", "bce"):
        value = Loss.parse(text)(logits, torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4, dtype=torch.bool))
        value.backward()
        assert value.item() == 0
    assert (logits.grad == 0).all()


def test_extreme_logits_stay_finite():
    """Where exp would overflow, in value and gradient."""
    logits = torch.tensor([1e4, -1e4, 1e4, -1e4]).reshape(1, 1, 2, 2).requires_grad_()
    targets = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    value = Loss.parse("bce+dice+focal+tversky")(logits, targets, targets >= 0)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


def test_a_sum_is_the_sum_of_its_terms():
    """Weights before, parameters behind."""
    logits, targets, valid = (part.float() if part.is_floating_point() else part for part in case(5))
    expected = 2 * bce(logits, targets, valid, positive=3) + tversky(
        logits, targets, valid, alpha=0.1, beta=0.9
    )
    found = Loss.parse("2*bce(positive=3) + tversky(beta=0.9, alpha=0.1)")(logits, targets, valid)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mse",
        "bce+",
        "bce-dice",
        "bce(gamma=2)",
        "bce(positive=x)",
        "bce(positive=-1)",
        "x*bce",
        "0..1*bce",
    ],
)
def test_a_loss_that_is_not_understood_says_what_there_is(text: str):
    """The bad part is named."""
    with pytest.raises(OptionError, match="loss"):
        Loss.parse(text)
