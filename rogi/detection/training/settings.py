"""How a network is trained: the choices, and the learning rate that follows from them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from rogi.detection.training.augmentation import Augmentation
from rogi.detection.training.losses import DEFAULT, Loss
from rogi.errors import OptionError

CHECKPOINT_SECONDS: Final = 120.0
"""Between two checkpoints: what a stopped training loses at most, plus a step."""

GPU_WORKERS: Final = 8
"""Threads that read and vary patches for a GPU, unless there are fewer cores."""

CHANGEABLE: Final = ("device", "threads", "workers", "checkpoint_seconds")
"""Settings that may differ when a training goes on."""

POLY_POWER: Final = 0.9
"""Of the schedule of DeepLab (Chen et al. 2018, doi 10.1109/TPAMI.2017.2699184, Sect. 4.1)."""


class Optimiser(StrEnum):
    """How weights are changed."""

    ADAMW = "adamw"
    SGD = "sgd"


class Schedule(StrEnum):
    """How the learning rate falls."""

    COSINE = "cosine"
    POLY = "poly"
    CONSTANT = "constant"


class Precision(StrEnum):
    """Numbers in which the network is computed; weights and losses are always float32."""

    AUTO = "auto"
    FP32 = "fp32"
    TF32 = "tf32"
    BF16 = "bf16"


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes
    ----------
    epochs : int
        Passes over the training patches.
    steps : int, optional
        Batches in all, in place of `epochs`.
    batch : int
        Patches of a step.
    loss : str
        See `rogi.detection.training.losses.Loss`.
    optimiser, schedule
    learning_rate, weight_decay : float
    warm_up : float
        Share of the steps over which the rate rises from 0.
    positive_share : float, optional
        Share of patches with a unit; None to take every patch once an epoch.
    boundary : bool
        Learn the borders between touching units as a second output.
    patience : int
        Epochs without a better IoU of validation after which training ends; 0 for none.
    seed : int
    augmentation : Augmentation
    precision : Precision
        AUTO is bf16 on a GPU or CPU that computes in it, else fp32.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:1``...
    threads : int
        Of torch on the CPU, 0 for its own choice. Another number adds in another order, so a training that
        goes on keeps its number unless told otherwise.
    workers : int
        Threads that read patches, 0 for two on a CPU and `GPU_WORKERS` with a GPU.
    checkpoint_seconds : float
    """

    epochs: int = 100
    steps: int | None = None
    batch: int = 8
    loss: str = DEFAULT
    optimiser: Optimiser = Optimiser.ADAMW
    schedule: Schedule = Schedule.COSINE
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.05
    positive_share: float | None = None
    boundary: bool = False
    patience: int = 20
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: Precision = Precision.AUTO
    device: str = "auto"
    threads: int = 0
    workers: int = 0
    checkpoint_seconds: float = CHECKPOINT_SECONDS

    def __post_init__(self) -> None:
        limits: tuple[tuple[str, float, float], ...] = (
            ("epochs", 1, 1e6),
            ("batch", 2, 4096),
            ("learning_rate", 1e-9, 100),
            ("weight_decay", 0, 10),
            ("warm_up", 0, 0.9),
            ("patience", 0, 1e6),
            ("seed", 0, 2**32 - 1),
            ("threads", 0, 4096),
            ("workers", 0, 256),
        )
        for name, low, high in limits:
            value = getattr(self, name)
            if not low <= value <= high:
                why = "; normalisation needs two patches at least" if name == "batch" else ""
                shown = name.replace("_", "-")
                raise OptionError(f"--{shown} is from {low:g} to {high:g}, found {value:g}{why}.")
        if self.steps is not None and self.steps < 1:
            raise OptionError(f"--steps is at least 1, found {self.steps}.")
        Loss.parse(self.loss)

    def plain(self) -> dict[str, str | float | int | bool | None]:
        """As plain values, those of the augmentation with their names before."""
        table = asdict(self)
        augmentation = table.pop("augmentation")
        table |= {f"augmentation_{name}": value for name, value in augmentation.items()}
        return {name: str(value) if isinstance(value, StrEnum) else value for name, value in table.items()}


def learning_rate(step: int, steps: int, settings: TrainingSettings) -> float:
    """Learning rate of a step (from 0): it rises evenly while warming up, then falls by the schedule."""
    warm = math.ceil(settings.warm_up * steps)
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    share = (step - warm) / max(steps - warm, 1)
    factor = {
        Schedule.COSINE: 0.5 * (1 + math.cos(math.pi * share)),
        Schedule.POLY: float((1 - share) ** POLY_POWER),
        Schedule.CONSTANT: 1.0,
    }[settings.schedule]
    return settings.learning_rate * factor
