"""Windows of a block on the processor: cut out, run and added up side by side by as many threads as compute.

Sums are integers, so the order in which windows end changes no byte.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.detection.blending import add_window, cut_window
from rogi.detection.model.ensemble import TURNS, turned, turned_back
from rogi.detection.prediction.block_store import UNSOUND, BlockSums, finished_parts
from rogi.detection.windows import Blend, Mask, Sums
from rogi.errors import RogiError

if TYPE_CHECKING:
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.card import ModelCard
    from rogi.detection.model.engines import Backend


@dataclass(eq=False)
class Running:
    """A block whose windows are computed.

    Attributes
    ----------
    block : BlockSums
        Being filled.
    blend : Blend
    windows : list of Future
        Seconds of the network for each batch of windows.
    threads : int
    free : list of ndarray
        Where the memory of the sums goes afterwards.
    """

    block: BlockSums
    blend: Blend
    threads: int
    free: list[Sums]
    windows: list[Future[float]] = field(default_factory=list)
    seconds: float = 0.0

    def parts(self) -> dict[str, NDArray[Any]]:
        """The arrays of the block's file; waits for the network.

        Raises
        ------
        RogiError
            The network gives what is no number.
        """
        self.seconds = sum(window.result() for window in self.windows) / self.threads
        parts = finished_parts(self.block, self.blend)
        self.free.append(self.block.sums)
        return parts


class HostBlend:
    """Runs and adds up the windows of blocks, for networks that take arrays of this machine's memory.

    Parameters
    ----------
    networks : sequence of (Backend, ModelCard)
        Of one plan.
    intake : Intake
    blend : Blend
    spread : bool
        Whether the spread among answers is wanted.
    turns : int
        See `rogi.detection.model.ensemble.Models`.
    """

    def __init__(
        self,
        networks: Sequence[tuple[Backend, ModelCard]],
        intake: Intake,
        blend: Blend,
        spread: bool,
        turns: int = 1,
    ) -> None:
        self.networks, self.intake, self.turns = networks, intake, TURNS[turns]
        self.blend, self.spread = blend, spread
        engine, self.card = networks[0]
        # Beside a GPU one thread cuts windows out while another waits.
        self._threads = engine.plan.threads if engine.plan.device == "cpu" else 2
        self._pool = ThreadPoolExecutor(self._threads)
        self._adding, self._own = threading.Lock(), threading.local()
        self._free: list[Sums] = []  # memory that was used before need not be asked of the system again

    def __enter__(self) -> HostBlend:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(self, values: NDArray[Any], valid: Mask, wanted: Mask, ran: Mask) -> Running:
        """Begin a block; see `rogi.detection.prediction.device_blend.DeviceBlend.start`."""
        if self.intake.order != tuple(range(len(values))) or self.intake.stretch is not None:
            values = self.intake(values.astype(np.float32, copy=False))
        shape = (len(self.card.outputs), *valid.shape)
        sums = self._free.pop() if self._free else np.empty(shape, np.uint32)
        sums[...] = 0
        squares = np.zeros(shape, np.int64) if self.spread else None
        running = Running(BlockSums(sums, squares, wanted, ran), self.blend, self._threads, self._free)
        places = np.argwhere(ran) * self.blend.stride
        batch = min(engine.batch for engine, _ in self.networks)
        for first in range(0, len(places), batch):
            some = places[first : first + batch]
            running.windows += [
                self._pool.submit(self._run, network, values, valid, running.block, some)
                for network in self.networks
            ]
        return running

    def _run(
        self,
        network: tuple[Backend, ModelCard],
        values: NDArray[Any],
        valid: Mask,
        block: BlockSums,
        places: NDArray[np.int64],
    ) -> float:
        (engine, card), patch, seconds = network, self.blend.patch, 0.0
        shape = len(places), len(values), patch, patch
        images = getattr(self._own, "images", None)
        if images is None or images.shape != shape:
            images = self._own.images = np.empty(shape, np.float32)
        for image, (row, column) in zip(images, places, strict=True):
            cut_window(values, valid, card.mean, card.std, row, column, image)
        for turn in self.turns:
            start = time.perf_counter()
            found = turned_back(engine.run(turned(images, turn)), turn)
            seconds += time.perf_counter() - start
            with self._adding:
                sound = [
                    add_window(block.sums, block.squares, probability, row, column, self.blend)
                    for probability, (row, column) in zip(found, places, strict=True)
                ]
            if not all(sound):
                raise RogiError(UNSOUND)
        return seconds
