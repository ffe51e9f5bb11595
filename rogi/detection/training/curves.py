"""How training went, epoch by epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True)
class Epoch:
    """One pass over the training patches.

    Attributes
    ----------
    number : int
        From 1.
    step : int
        Batches in all when it ended.
    learning_rate : float
        Of its last step.
    training_loss, training_iou : float
        Over its varied batches, while the network changed.
    validation_loss, validation_iou : float
        Of all validation patches, after it. IoU is of pixels at a probability of a half.
    """

    number: int
    step: int
    learning_rate: float
    training_loss: float
    training_iou: float
    validation_loss: float
    validation_iou: float


def curves_csv(history: Sequence[Epoch]) -> str:
    """One row per epoch."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(Epoch))
    writer.writerows([f"{value:.9g}" for value in astuple(epoch)] for epoch in history)
    return stream.getvalue()
