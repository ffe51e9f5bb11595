"""Training: from patches to a network, with checkpoints that lose nothing.

Everything random is a function of the seed and of where in the training it is drawn, or is kept in the
checkpoint. So a training on the CPU that was stopped anywhere and goes on ends with the same weights, bit
for bit, as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rogi.detection.model.backends import usable_cores
from rogi.detection.model.calibration import Calibration
from rogi.detection.model.network import NetworkSpec, build_network, load_weights
from rogi.detection.training.beginning import weights_sha256
from rogi.detection.training.calibration import Logits, calibration
from rogi.detection.training.checkpoints import NAME, Checkpoint, read_checkpoint, restore, write_checkpoint
from rogi.detection.training.curves import Epoch, curves_csv
from rogi.detection.training.dataset import Batch, Ints, Tensors, TrainingData, on_device, tensors
from rogi.detection.training.devices import exact, find_device, find_precision
from rogi.detection.training.losses import Loss
from rogi.detection.training.outcome import Trained
from rogi.detection.training.patch_scores import Counts, count
from rogi.detection.training.settings import (
    CHANGEABLE,
    GPU_WORKERS,
    Optimiser,
    Precision,
    TrainingSettings,
    learning_rate,
)
from rogi.distribution import missing
from rogi.errors import InputError, OptionError, OutputError, RogiError
from rogi.files import make_folder, write_text

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from rogi.detection.patches.shards import PatchSet

Progress = Callable[[str, int, int], None]
EpochEnded = Callable[[Epoch, int], None]


def train(
    patches: PatchSet,
    spec: NetworkSpec,
    settings: TrainingSettings,
    work: Path,
    *,
    weights: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    epoch_ended: EpochEnded | None = None,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    patches : PatchSet
    spec : NetworkSpec
        Channels and outputs are set from the patches and the settings.
    settings : TrainingSettings
    work : Path
        Folder for the checkpoint and the curves; made.
    weights : Path, optional
        Local file to begin with (`rogi.detection.model.network.load_weights`).
    resume : bool
        Go on from the checkpoint in `work`; from the start where there is none.
    progress : callable, optional
        Called with what is done, the step and the steps in all; first before the first step.
    epoch_ended : callable, optional
        Called with each epoch when it is scored, and the steps in all.

    Raises
    ------
    InputError
        Patches that cannot be trained on, or a checkpoint of other patches.
    OptionError
        Settings that do not go together, or differ from the checkpoint's.
    OutputError
        There is a checkpoint, and it was not asked to go on.
    RogiError
        The loss is no longer a number.
    MissingExtra
    """
    try:
        import safetensors.numpy  # noqa: F401
    except ImportError:
        raise missing("Training needs torch", "train") from None
    outputs = 2 if settings.boundary else 1
    spec = replace(spec, channels=len(patches.card.channels), outputs=outputs).resolved()
    _check_patches(patches)
    checkpoint = work / NAME
    if checkpoint.exists() and not resume:
        raise OutputError(
            f"{checkpoint} is of a training that did not end; go on with it with --resume, or delete {work}."
        )
    saved = read_checkpoint(checkpoint) if checkpoint.exists() else None
    if saved is not None:
        settings = _as_before(settings, saved)
    device = find_device(settings.device)
    data = TrainingData(
        patches,
        outputs,
        settings.batch,
        settings.augmentation,
        settings.seed,
        settings.positive_share,
        settings.workers or (2 if device.type == "cpu" else min(GPU_WORKERS, usable_cores())),
    )
    precision = find_precision(settings.precision, device)
    with exact(device, settings.threads, precision):
        settings = replace(settings, device=str(device), precision=precision, threads=torch.get_num_threads())
        network = build_network(spec, seed=settings.seed, prior=_prior(patches, data))
        kept = load_weights(network, weights) if weights is not None else ()
        run = _Run(data, network.to(device, memory_format=torch.channels_last), settings, device, work)  # type: ignore[call-overload]
        run.about = _identity(patches, spec, weights)
        if saved is not None:
            run.go_on(saved)
        make_folder(work)
        best = run.run(
            progress or (lambda what, step, steps: None), epoch_ended or (lambda epoch, steps: None)
        )
        network.load_state_dict(run.best)
        positions = patches.positions("validation")
        calibrated = calibration(run.logits(positions))
        validation = run.score(positions, calibrated)
        chosen = _sample(patches.positions("train"), len(positions), settings.seed)
        training = run.score(chosen, calibrated)
    return Trained(
        network.cpu().to(memory_format=torch.contiguous_format).eval(),  # type: ignore[call-overload]
        spec,
        settings,
        data,
        tuple(run.history),
        best,
        calibrated,
        validation,
        training,
        chosen,
        weights,
        kept,
        run.seconds,
    )


class _Run:
    """The state of one training, and what is done with it."""

    def __init__(
        self,
        data: TrainingData,
        network: nn.Module,
        settings: TrainingSettings,
        device: torch.device,
        work: Path,
    ) -> None:
        self.data, self.network, self.settings, self.device = data, network, settings, device
        self.path, self.curves = work / NAME, work / "curves.csv"
        self.loss = Loss.parse(settings.loss)
        self.optimizer = _optimizer(network, settings)
        self.steps = settings.steps or settings.epochs * data.steps
        self.best: dict[str, torch.Tensor] = {}
        self.history: list[Epoch] = []
        self.about: dict[str, Any] = {}
        # Where in the training it is, and what the epoch added up so far.
        self.step = 0
        self.cells = [0, 0, 0]
        self.loss_sum = 0.0
        self.seconds = {"training": 0.0, "scoring": 0.0}
        self._given: tuple[torch.Tensor, torch.Tensor] | None = None
        self._last = time.monotonic()
        torch.manual_seed(settings.seed)

    def run(self, progress: Progress, epoch_ended: EpochEnded) -> Epoch:
        """Train to the end; gives the best epoch."""
        if not self.ended:
            progress("training", self.step, self.steps)
        while not self.ended:
            epoch, first = divmod(self.step, self.data.steps)
            start = time.perf_counter()
            for batch in on_device(self.data.training(epoch, first), self.device):
                self.settle()  # of the step before, which the device did while this one was made ready
                self.train_step(batch)
                if self.device.type == "cpu":
                    self.settle()
                progress(
                    f"epoch {epoch + 1}, loss {self.loss_sum / max(1, self.steps_in(epoch)):.3f}",
                    self.step,
                    self.steps,
                )
                if self.step == self.steps:
                    break
                if self.step % self.data.steps:
                    self.save_if_due()
            self.settle()
            self.seconds["training"] += time.perf_counter() - start
            self.close(epoch)
            epoch_ended(self.history[-1], self.steps)
            self.save_if_due()
        best = self.best_epoch
        if best is None:
            raise InputError("The training has no epoch; start it anew without --resume.")
        self.save()
        return best

    @property
    def ended(self) -> bool:
        """All steps are done, or none of the last epochs was better."""
        if self.step >= self.steps:
            return True
        best, patience = self.best_epoch, self.settings.patience
        return best is not None and 0 < patience <= len(self.history) - best.number

    @property
    def best_epoch(self) -> Epoch | None:
        """The first of the largest IoU of validation."""
        return max(self.history, key=lambda epoch: epoch.validation_iou, default=None)

    def steps_in(self, epoch: int) -> int:
        """Steps done in an epoch."""
        return self.step - epoch * self.data.steps

    def train_step(self, batch: Tensors) -> None:
        """One batch; `settle` reads what it gave."""
        rate = learning_rate(self.step, self.steps, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        images, targets, valid = batch
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self.half():
            logits = self.network(images)
        loss = self.loss(logits, targets, valid)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        with torch.no_grad():
            found, truth, known = logits[:, 0] > 0, targets[:, 0], valid[:, 0]
            cells = (found & truth & known, found & ~truth & known, ~found & truth & known)
            self._given = loss.detach(), torch.stack([cell.sum() for cell in cells])
        self.step += 1

    def settle(self) -> None:
        """Read the loss and the counts of the last step; waits for the device.

        Raises
        ------
        RogiError
            The loss is no longer a number.
        """
        if self._given is None:
            return
        value, cells = float(self._given[0]), self._given[1].tolist()
        self._given = None
        if not math.isfinite(value):
            raise RogiError(
                f"The loss is no longer a number, in step {self.step} "
                f"(epoch {(self.step - 1) // self.data.steps + 1}): training ran away. Lower --lr (it was "
                f"{self.settings.learning_rate:g}), or take --precision fp32, and start anew."
            )
        self.cells = [total + new for total, new in zip(self.cells, cells, strict=True)]
        self.loss_sum += value

    def close(self, epoch: int) -> None:
        """Score the network after an epoch, and keep it if it is the best."""
        steps = self.steps_in(epoch)
        positions = self.data.patches.positions("validation")
        counts, loss = self.validate(positions)
        at_half = [int(part[:, 49].sum()) for part in counts.cells()]
        found = Epoch(
            number=epoch + 1,
            step=self.step,
            learning_rate=learning_rate(self.step - 1, self.steps, self.settings),
            training_loss=self.loss_sum / steps,
            training_iou=_iou(self.cells),
            validation_loss=loss,
            validation_iou=_iou(at_half),
        )
        best = self.best_epoch
        self.history.append(found)
        if best is None or found.validation_iou > best.validation_iou:
            self.best = {name: t.detach().cpu().clone() for name, t in self.network.state_dict().items()}
        self.cells, self.loss_sum = [0, 0, 0], 0.0
        write_text(self.curves, curves_csv(self.history), state=True)

    def validate(self, positions: Ints) -> tuple[Counts, float]:
        """Counts and mean loss of patches as they are."""
        parts, total = [], 0.0
        for batch, (logits, targets, valid) in self.answers(positions):
            with torch.inference_mode():
                total += float(self.loss(logits, targets, valid)) * len(batch.positions)
            parts.append(_counts(logits, batch))
        return Counts.join(parts), total / len(positions)

    def score(self, positions: Ints, known: Calibration) -> Counts:
        """Counts of patches as they are, by calibrated probabilities."""
        return Counts.join(_counts(found[0], batch, known) for batch, found in self.answers(positions))

    def logits(self, positions: Ints) -> Logits:
        """Pixels of patches as they are by their logit of rock glacier."""
        total = Logits.of(np.zeros(0, np.float32), np.zeros(0, bool))
        for batch, found in self.answers(positions):
            known = batch.valid[:, 0]
            total += Logits.of(found[0][:, 0].float().cpu().numpy()[known], batch.targets[:, 0][known])
        return total

    def answers(self, positions: Ints) -> Iterator[tuple[Batch, Tensors]]:
        """Patches as they are, each ground once, and logits, targets and valid pixels on the device."""
        start = time.perf_counter()
        self.network.eval()
        for batch in self.data.plain(positions):
            images, targets, valid = tensors(batch, self.device)
            with torch.inference_mode(), self.half():
                logits = self.network(images)
            yield batch, (logits, targets, valid)
        self.seconds["scoring"] += time.perf_counter() - start

    def half(self) -> Any:
        """Where the network is computed in half precision, if it is."""
        wanted = self.settings.precision is Precision.BF16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)

    def save_if_due(self) -> None:
        """Write a checkpoint if the last is old."""
        if time.monotonic() - self._last >= self.settings.checkpoint_seconds:
            self.save()

    def save(self) -> None:
        """Write a checkpoint."""
        self.settle()
        counters = {
            **self.about,
            "settings": self.settings.plain(),
            "step": self.step,
            "cells": self.cells,
            "loss_sum": self.loss_sum,
            "history": [asdict(epoch) for epoch in self.history],
        }
        write_checkpoint(self.path, self.network, self.optimizer, self.best, counters)
        self._last = time.monotonic()

    def go_on(self, saved: Checkpoint) -> None:
        """Take up the state of a checkpoint.

        Raises
        ------
        InputError, OptionError
            It is of another training.
        """
        counters = saved.counters
        for name, value in self.about.items():
            if counters.get(name) != value:
                raise InputError(
                    f"{self.path} is of a training with other {name.replace('_', ' ')}; start without "
                    "--resume, in another folder."
                )
        mine, other = self.settings.plain(), counters.get("settings", {})
        for name, value in mine.items():
            if name not in CHANGEABLE and other.get(name) != value:
                raise OptionError(
                    f"{self.path} is of a training with {name.replace('_', ' ')} {other.get(name)!r}, "
                    f"now it is {value!r}; go on with the same settings, or start without --resume "
                    "in another folder."
                )
        self.best = restore(saved, self.network, self.optimizer)
        self.step, self.cells = int(counters["step"]), [int(v) for v in counters["cells"]]
        self.loss_sum = float(counters["loss_sum"])
        self.history = [Epoch(**epoch) for epoch in counters["history"]]


def _as_before(settings: TrainingSettings, saved: Checkpoint) -> TrainingSettings:
    """What was left to the machine stays as it was, since another choice would round otherwise."""
    before = saved.counters.get("settings", {})
    if settings.threads == 0:
        settings = replace(settings, threads=int(before.get("threads", 0)))
    if settings.precision is Precision.AUTO:
        settings = replace(settings, precision=Precision(before.get("precision", Precision.AUTO)))
    return settings


def _optimizer(network: nn.Module, settings: TrainingSettings) -> Optimizer:
    # What normalises or shifts is not drawn to 0 (He et al. 2019, doi 10.1109/CVPR.2019.00065, Sect. 3.1).
    learnt = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimiser is Optimiser.SGD:
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _prior(patches: PatchSet, data: TrainingData) -> float:
    """Share of rock glacier among the valid pixels of an epoch."""
    index = patches.index.iloc[data.order(0).ravel()]
    pixels = float(index["valid_pixels"].sum())
    return float(index["unit_pixels"].sum()) / pixels if pixels else 0.5


def _identity(patches: PatchSet, spec: NetworkSpec, weights: Path | None) -> dict[str, Any]:
    """What makes a training this one, beside its settings."""
    network = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(spec).items()}
    begun: Mapping[str, str] | None = {"sha256": weights_sha256(weights)} if weights is not None else None
    return {"patches": patches.digest, "network": network, "initial_weights": begun}


def _check_patches(patches: PatchSet) -> None:
    if patches.card.size % 32:
        raise InputError(
            f"{patches.folder} has patches of {patches.card.size} pixels; a network needs a multiple of 32. "
            "Make them anew."
        )
    patches.verify()


def _sample(positions: Ints, wanted: int, seed: int) -> Ints:
    if wanted >= len(positions):
        return positions
    drawn = np.random.default_rng((seed, 2**32)).choice(positions, wanted, replace=False)
    return np.sort(drawn)


def _counts(logits: torch.Tensor, batch: Batch, known: Calibration | None = None) -> Counts:
    with torch.inference_mode():
        first = logits[:, 0].float()
        if known is not None:
            first = torch.from_numpy(known.apply(first.cpu().numpy()))
        probability = first.sigmoid().float().cpu().numpy()
    return count(probability, batch.targets[:, 0], batch.valid[:, 0])


def _iou(cells: list[int]) -> float:
    hits, false, missed = cells
    return hits / max(hits + false + missed, 1)
