"""Losses for segmentation where most pixels are background and some are not known.

All take logits and targets of shape (n, outputs, height, width) and a mask of valid pixels (n, 1, height,
width); what is not valid counts nowhere, neither in the loss nor in its gradient.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rogi.errors import OptionError

if TYPE_CHECKING:
    from torch import Tensor

SMOOTH: Final = 1.0
"""Pixels added to both sides of an overlap: a batch without units then has a loss that falls with what is
found there, and no division by 0 (Milletari et al. 2016 as it is used since)."""

DEFAULT: Final = "bce+dice"


def bce(logits: Tensor, targets: Tensor, valid: Tensor, *, positive: float = 1.0) -> Tensor:
    """Binary cross-entropy, mean over valid pixels; those of rock glaciers weigh `positive`.

    -[w y log p + (1 - y) log(1 - p)] with p = sigmoid(logit).
    """
    from torch.nn.functional import softplus

    # log p = -softplus(-x), log(1 - p) = -softplus(x), exact for any x
    loss = positive * targets * softplus(-logits) + (1 - targets) * softplus(logits)
    return _mean(loss, valid)


def focal(
    logits: Tensor, targets: Tensor, valid: Tensor, *, gamma: float = 2.0, alpha: float = 0.25
) -> Tensor:
    """Focal loss, mean over valid pixels (Lin et al. 2017, doi 10.1109/ICCV.2017.324, Eq. 5).

    -a (1 - q)^g log q, where q is the probability of the true class and a is `alpha` for rock glacier,
    1 - `alpha` for background. With g = 0 and alpha = 0.5 it is half the cross-entropy.
    """
    from torch.nn.functional import softplus

    signed = logits * (2 * targets - 1)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    # 1 - q = sigmoid(-signed), as exp(-softplus(signed)): its power has a gradient everywhere
    loss = weight * (-gamma * softplus(signed)).exp() * softplus(-signed)
    return _mean(loss, valid)


def dice(logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
    """Soft Dice loss over the valid pixels of the batch, mean over outputs (Milletari et al. 2016).

    1 - (2 sum(p y) + s) / (sum(p) + sum(y) + s), doi 10.1109/3DV.2016.79; s is `SMOOTH`.
    """
    return tversky(logits, targets, valid, alpha=0.5, beta=0.5)


def tversky(
    logits: Tensor, targets: Tensor, valid: Tensor, *, alpha: float = 0.3, beta: float = 0.7
) -> Tensor:
    """Tversky loss over the valid pixels of the batch, mean over outputs (Salehi et al. 2017).

    1 - (TP + s') / (TP + alpha FP + beta FN + s'), doi 10.1007/978-3-319-67389-9_44; with alpha = beta =
    0.5 it is the Dice loss (s' = s / 2), with 1 and 1 the Jaccard loss. A larger `beta` asks for recall.
    """
    probability = logits.float().sigmoid() * valid
    truth = targets * valid
    axes = (0, 2, 3)
    hit = (probability * truth).sum(axes)
    false = probability.sum(axes) - hit
    missed = truth.sum(axes) - hit
    smooth = SMOOTH / 2
    return (1 - (hit + smooth) / (hit + alpha * false + beta * missed + smooth)).mean()


def _mean(loss: Tensor, valid: Tensor) -> Tensor:
    """Mean over valid pixels and all outputs; 0 where there is none."""
    import torch

    known = valid.expand_as(loss)
    # Not a product: 0 times the infinite loss of a pixel without data would be no number.
    kept = torch.where(known, loss, torch.zeros((), dtype=loss.dtype, device=loss.device))
    return kept.sum() / known.sum().clamp(min=1)


Term = Callable[..., "Tensor"]
TERMS: Final[dict[str, tuple[Term, tuple[str, ...]]]] = {
    "bce": (bce, ("positive",)),
    "dice": (dice, ()),
    "focal": (focal, ("alpha", "gamma")),
    "tversky": (tversky, ("alpha", "beta")),
}
"""Losses by name, and their parameters."""

_TERM: Final = re.compile(r"(?:([0-9.]+)\*)?([a-z]+)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class Loss:
    """A sum of losses, such as ``bce(positive=3)+0.5*dice``.

    Attributes
    ----------
    text : str
        As it was given.
    terms : tuple of (weight, name, parameters)

    Examples
    --------
    >>> Loss.parse("bce(positive=3)+0.5*dice").terms
    ((1.0, 'bce', (('positive', 3.0),)), (0.5, 'dice', ()))
    """

    text: str
    terms: tuple[tuple[float, str, tuple[tuple[str, float], ...]], ...]

    @classmethod
    def parse(cls, text: str) -> Loss:
        """A loss from its text.

        Raises
        ------
        OptionError
            Another name, parameter or form.
        """
        terms = []
        for part in "".join(text.split()).split("+"):
            match = _TERM.fullmatch(part)
            if match is None or match[2] not in TERMS:
                raise OptionError(
                    f"The loss {text!r} is not understood at {part!r}; losses are {', '.join(TERMS)}, "
                    "joined by +, with a weight before and parameters behind, as in bce(positive=3)+0.5*dice."
                )
            known = TERMS[match[2]][1]
            values = []
            for item in filter(None, (match[3] or "").split(",")):
                name, _, value = item.partition("=")
                if name not in known:
                    allowed = " and ".join(known) or "none"
                    raise OptionError(f"The loss {match[2]} has no parameter {name!r}; it has {allowed}.")
                values.append((name, _number(value, text)))
            terms.append((_number(match[1] or "1", text), match[2], tuple(sorted(values))))
        return cls(text, tuple(terms))

    def __call__(self, logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
        """Weighted sum.

        Parameters
        ----------
        logits, targets : Tensor, (n, outputs, height, width)
        valid : Tensor of bool, (n, 1, height, width)
        """
        import torch

        # In half precision sums over a batch would overflow or round away.
        logits, targets = logits.float(), targets.float()
        # What is not known may be anything, also no number.
        logits = torch.where(valid, logits, torch.zeros((), device=logits.device))
        total = torch.zeros((), device=logits.device)
        for weight, name, parameters in self.terms:
            total = total + weight * TERMS[name][0](logits, targets, valid, **dict(parameters))
        return total


def _number(text: str, loss: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise OptionError(f"The loss {loss!r} needs numbers from 0 up, found {text!r}.")
    return value
