"""Patches as a network takes them: drawn for an epoch, varied, normalised, in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch

from rogi.detection.imagery.derived_channels import DIGITAL, UNITS
from rogi.detection.model.card import Channel, normalise
from rogi.detection.patches.shards import IGNORED
from rogi.detection.training.augmentation import (
    NONE,
    Augmentation,
    Floats,
    Tone,
    augment,
    fill,
    is_light,
)
from rogi.detection.training.shared_ground import OwnGround
from rogi.errors import InputError, OptionError

if TYPE_CHECKING:
    from rogi.detection.patches.shards import PatchSet

Ints = npt.NDArray[np.int64]

BORDER: Final = 2
"""Label of pixels along a border between touching units, which are rock glacier too."""

AHEAD: Final = 2
"""Batches read ahead per worker."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches for one step.

    Attributes
    ----------
    images : array of float32, (n, channels, side, side)
        Normalised, 0 where invalid.
    targets : array of bool, (n, outputs, side, side)
    valid : array of bool, (n, 1, side, side)
        Pixels that count: valid and not ignored; of patches that are scored, on their own ground.
    positions : array of int64, (n,)
        Rows of the index.
    """

    images: npt.NDArray[np.float32]
    targets: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_]
    positions: Ints


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Batches of a set of patches.

    Attributes
    ----------
    patches : PatchSet
    outputs : int
        1, or 2 with the borders between touching units.
    batch : int
    augmentation : Augmentation
    seed : int
    positive_share : float, optional
        Share of patches with a unit in an epoch; None to take every patch once.
    workers : int
        Threads that read.
    """

    patches: PatchSet
    outputs: int = 1
    batch: int = 8
    augmentation: Augmentation = NONE
    seed: int = 0
    positive_share: float | None = None
    workers: int = 1

    def __post_init__(self) -> None:
        if self.positive_share is not None and not 0 < self.positive_share < 1:
            raise OptionError(
                f"The share of positive patches is between 0 and 1, found {self.positive_share:g}."
            )
        if self.batch < 1:
            raise OptionError(f"A batch has at least 1 patch, found {self.batch}.")
        for part in ("train", "validation"):
            if len(self.patches.positions(part)) == 0:
                raise InputError(
                    f"{self.patches.folder} has no patches for {part}; make patches with both parts."
                )
        if self.augmentation.crop > self.patches.card.size:
            raise OptionError(
                f"--crop is at most the side of a patch, {self.patches.card.size} pixels, found "
                f"{self.augmentation.crop}."
            )
        if any(deviation <= 0 for deviation in self.patches.card.std):
            flat = self.patches.card.channels[int(np.argmin(self.patches.card.std))]
            raise InputError(f"The channel {flat} has the same value everywhere; make patches without it.")

    @cached_property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-round(self.windows * float(self.weights.sum())) // self.batch)

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """How often each training patch is taken in an epoch, for each window of it."""
        weight = self.patches.index["weight"].to_numpy(dtype=float)
        chosen: npt.NDArray[np.float64] = weight[self.patches.positions("train")]
        return chosen

    @property
    def windows(self) -> int:
        """Times a patch is taken in an epoch: as many windows as cover it."""
        crop = self.augmentation.crop
        return max(1, round((self.patches.card.size / crop) ** 2)) if crop else 1

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """What goes in, with the statistics of the training patches."""
        card = self.patches.card
        units = card.units or tuple(UNITS.get(name, DIGITAL) for name in card.channels)
        percentiles = card.percentiles or ((),) * len(card.channels)
        return tuple(map(Channel, card.channels, units, card.mean, card.std, percentiles))

    @cached_property
    def value_range(self) -> tuple[float, float]:
        """Range of the pixels: that of their type, or of the training patches where it is floating."""
        dtype = np.dtype(self.patches.card.dtype)
        if dtype.kind != "f":
            return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        low, high = np.inf, -np.inf
        for position in self.patches.positions("train"):
            image, _, valid = self.patches.read(int(position))
            if valid.any():
                low, high = min(low, float(image[:, valid].min())), max(high, float(image[:, valid].max()))
        return low, high

    def order(self, epoch: int) -> Ints:
        """Training patches of an epoch, in batches: full ones, since the last one is filled from the first.

        Returns
        -------
        array of int64, (steps, batch)
        """
        rng = np.random.default_rng((self.seed, epoch))
        positions = np.tile(_repeated(self.patches.positions("train"), self.weights, rng), self.windows)
        if self.positive_share is None:
            drawn = rng.permutation(positions)
        else:
            positive = self.patches.index["kind"].to_numpy()[positions] == "positive"
            wanted = round(self.positive_share * len(positions))
            drawn = rng.permutation(
                np.concatenate(
                    [
                        _cycled(positions[positive], wanted, rng),
                        _cycled(positions[~positive], len(positions) - wanted, rng),
                    ]
                )
            )
        return np.resize(drawn, (self.steps, self.batch)).astype(np.int64)

    def training(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Varied batches of an epoch, from batch `first` on."""
        order = self.order(epoch)
        jobs = [
            partial(
                self._batch,
                order[step],
                [(self.seed, epoch, int(k)) for k in range(step * self.batch, (step + 1) * self.batch)],
            )
            for step in range(first, len(order))
        ]
        return self._ahead(jobs)

    def plain(self, positions: Ints) -> Iterator[Batch]:
        """Patches as they are, in order, each ground counted once; the last batch may be smaller."""
        own = self._own_ground(positions.tobytes())
        parts = range(0, len(positions), self.batch)
        return self._ahead([partial(self._batch, positions[i : i + self.batch], None, own, i) for i in parts])

    @lru_cache(maxsize=2)  # noqa: B019 - of validation, and of the training patches that are scored
    def _own_ground(self, positions: bytes) -> OwnGround:
        index = self.patches.index.iloc[np.frombuffer(positions, np.int64)]
        source, row, column = (index[name].to_numpy(dtype=np.int64) for name in ("source", "row", "col"))
        return OwnGround(source, row, column, self.patches.card.size)

    def _batch(
        self,
        positions: Ints,
        seeds: Sequence[tuple[int, int, int]] | None,
        own: OwnGround | None = None,
        first: int = 0,
    ) -> Batch:
        card = self.patches.card
        mean, std = (np.array(v, np.float32) for v in (card.mean, card.std))
        light = is_light(card.channels)
        side = card.size if seeds is None else self.augmentation.crop or card.size
        shape = len(positions), side, side
        # In memory the channels of a pixel lie beside each other, as networks take them.
        images = np.empty((*shape, len(card.channels)), np.float32).transpose(0, 3, 1, 2)
        labels, known = np.empty(shape, np.uint8), np.empty(shape, bool)
        for number, position in enumerate(positions):
            image, label, valid = self.patches.read(int(position))
            tone = None
            if seeds is not None:
                image, label, valid, tone = augment(
                    image,
                    label,
                    valid,
                    self.augmentation,
                    seeds[number],
                    mean=mean,
                    std=std,
                    value_range=self.value_range,
                    light=light,
                )
            fill(image, valid, partial(_normalised, tone, mean, std), images[number])
            labels[number], known[number] = label, valid
            if own is not None:
                known[number] &= own.mask(first + number)
        known &= labels != IGNORED
        targets = [(labels > 0) & (labels != IGNORED), labels == BORDER][: self.outputs]
        return Batch(images, np.stack(targets, axis=1), known[:, None], positions)

    def _ahead(self, jobs: Sequence[Callable[[], Batch]]) -> Iterator[Batch]:
        """Results in order, made a little ahead by threads."""
        _ = self.value_range, self.patches.index  # before the threads ask for them
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for job in jobs:
                    waiting.append(pool.submit(job))
                    if len(waiting) > AHEAD * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def _normalised(
    tone: Tone | None, mean: Floats, std: Floats, values: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Values for a network, all taken as valid."""
    return normalise(tone(values) if tone is not None else values, np.ones((1, 1), bool), mean, std)


def _repeated(positions: Ints, weights: npt.NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Each patch as often as its weight says, the fraction by chance."""
    if (weights == 1.0).all():
        return positions
    whole = np.floor(weights)
    times = whole + (rng.random(len(positions)) < weights - whole)
    return np.repeat(positions, times.astype(np.int64))


def _cycled(positions: Ints, count: int, rng: np.random.Generator) -> Ints:
    """So many patches: each as often as the others, give or take one."""
    if len(positions) == 0:
        return positions
    rounds = [rng.permutation(positions) for _ in range(-(-count // len(positions)))]
    return np.concatenate([*rounds, positions[:0]])[:count]


Tensors = tuple[Any, Any, Any]
"""Images (channels last), targets and valid pixels on a device."""


def tensors(batch: Batch, device: Any) -> Tensors:
    """A batch as tensors on a device."""
    pinned = device.type == "cuda"  # a copy from such memory goes on beside the work of the device

    def put(array: npt.NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return (tensor.pin_memory() if pinned else tensor).to(device, non_blocking=True)

    images, targets, valid = (put(part) for part in (batch.images, batch.targets, batch.valid))
    return images.contiguous(memory_format=torch.channels_last), targets, valid


def on_device(batches: Iterator[Batch], device: Any) -> Iterator[Tensors]:
    """Batches as tensors on a device, the next one made ready by a thread while one is used."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            ready = tensors(batch, device)
            coming = thread.submit(next, batches, None)
            yield ready
