"""Windows of a block on a GPU: normalised, run and added up there, and brought back once, as finished parts.

Sums are integers, so adding them here or with numpy gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from rogi.detection.blending import weight_sums
from rogi.detection.candidates.polygons import LEVELS
from rogi.detection.model.ensemble import TURNS
from rogi.detection.prediction.block_store import UNSOUND, VOID, BlockSums, finished_parts
from rogi.detection.windows import NO_DATA, STEPS, Blend, Mask, parts_of
from rogi.errors import RogiError

if TYPE_CHECKING:
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.card import ModelCard
    from rogi.detection.model.torch_engine import Torch


@dataclass(frozen=True, eq=False)
class Underway:
    """A block that the device is computing.

    Attributes
    ----------
    ran : ndarray of bool, shape (side, side)
        Windows that are predicted.
    arrays : mapping of str to torch.Tensor
        On the host, where they are filled once `ready`.
    unsound : torch.Tensor
        Whether the network gave what is no number.
    wanted : ndarray of bool, shape (h, w)
    blend : Blend
    spread : bool
    begun, ready : torch.cuda.Event, optional
        On a GPU of NVIDIA.
    """

    ran: Mask
    arrays: Mapping[str, torch.Tensor]
    unsound: torch.Tensor
    wanted: Mask
    blend: Blend
    spread: bool
    begun: Any
    ready: Any

    @property
    def seconds(self) -> float:
        """Time that the device took; 0 where it does not say."""
        return 0.0 if self.ready is None else float(self.begun.elapsed_time(self.ready)) / 1000

    def parts(self) -> dict[str, NDArray[Any]]:
        """The arrays of the block's file; waits for the device.

        Raises
        ------
        RogiError
            The network gives what is no number.
        """
        if self.ready is not None:
            self.ready.synchronize()
        if bool(self.unsound):
            raise RogiError(UNSOUND)
        arrays = {name: tensor.numpy() for name, tensor in self.arrays.items()}
        if self.spread:
            sums = BlockSums(arrays["sums"], arrays["squares"], self.wanted, self.ran)
            return finished_parts(sums, self.blend)
        return {name: array if name == "core" else array.astype(np.uint32) for name, array in arrays.items()}


class DeviceBlend:
    """Adds up windows of some networks and one blend on the networks' device.

    Parameters
    ----------
    networks : sequence of (Torch, ModelCard)
    intake : Intake
    blend : Blend
    spread : bool
        Whether the spread among answers is wanted.
    turns : int
        See `rogi.detection.model.ensemble.Models`.
    """

    def __init__(
        self,
        networks: Sequence[tuple[Torch, ModelCard]],
        intake: Intake,
        blend: Blend,
        spread: bool,
        turns: int = 1,
    ) -> None:
        self.networks, self.intake, self.blend, self.spread = networks, intake, blend, spread
        self.turns = TURNS[turns]
        engine, card = networks[0]
        self.device = engine.device
        self._outputs = len(card.outputs)
        self._weight_sums = lru_cache(maxsize=4)(self._weigh)
        self._weights = self._put(blend.weights[:, None] * blend.weights[None, :])

    def start(self, values: NDArray[Any], valid: Mask, wanted: Mask, ran: Mask) -> Underway:
        """Hand a block to the device; returns before it is done.

        Parameters
        ----------
        values : ndarray, shape (c, h, w)
            Of the imagery's channels, in any type of numbers; 0 where not valid.
        valid : ndarray of bool, shape (h, w)
            Pixels with data.
        wanted : ndarray of bool, shape (h, w)
            Those of them on the ground that is predicted.
        ran : ndarray of bool, shape (side, side)
            Windows to run.
        """
        blend = self.blend
        begun = self._event()
        with torch.inference_mode():
            taken, known = self._taken(values), self._put(valid)
            shape = (self._outputs, *valid.shape)
            sums = torch.zeros(shape, dtype=torch.int64, device=self.device)
            squares = torch.zeros_like(sums) if self.spread else None
            unsound = torch.zeros((), dtype=torch.bool, device=self.device)
            places = np.argwhere(ran)
            for engine, card in self.networks:
                pixels = self._normalised(taken, known, card)
                windows = pixels.unfold(1, blend.patch, blend.stride).unfold(2, blend.patch, blend.stride)
                for first in range(0, len(places), engine.batch):
                    some = places[first : first + engine.batch]
                    row, column = (self._put(index) for index in some.T)
                    images = windows[:, row, column].transpose(0, 1)
                    for turn in self.turns:
                        found = turned_back(engine.infer(turned(images, turn)), turn)
                        unsound |= found.isnan().any()
                        self._add(sums, squares, found, some)
            arrays = self._finished(sums, squares, wanted, ran)
            there = {name: self._fetch(tensor) for name, tensor in arrays.items()}
            bad = self._fetch(unsound)
        return Underway(ran, there, bad, wanted, blend, self.spread, begun, self._event())

    def _taken(self, values: NDArray[Any]) -> torch.Tensor:
        """As `imagery.suitability.Intake`."""
        intake = self.intake
        pixels = self._put(values.astype(np.int32) if values.dtype == np.uint16 else values).float()
        if intake.order != tuple(range(len(values))):
            pixels = pixels[list(intake.order)]
        if intake.stretch is not None:
            first, last = intake.target
            base, factor = (self._put(step) for step in intake.steps)
            own = list(intake.stretched)
            scaled = (pixels[own] - base) * factor
            pixels[own] = (scaled + first).clamp(first, last)
        return pixels

    def _normalised(self, pixels: torch.Tensor, valid: torch.Tensor, card: ModelCard) -> torch.Tensor:
        """As `model.card.normalise`."""
        mean, std = (self._put(part[:, None, None]) for part in (card.mean, card.std))
        return torch.where(valid, (pixels - mean) / std, 0.0)

    def _add(
        self,
        sums: torch.Tensor,
        squares: torch.Tensor | None,
        found: torch.Tensor,
        places: NDArray[np.int64],
    ) -> None:
        """As `rogi.detection.blending.add_window`, of several windows."""
        blend = self.blend
        steps = (found.clamp(0.0, 1.0) * float(STEPS) + 0.5).to(torch.int64)
        weighted = steps * self._weights if blend.additive else steps
        second = None if squares is None else weighted * steps
        for number, (row, column) in enumerate(places * blend.stride):
            where = (slice(None), slice(row, row + blend.patch), slice(column, column + blend.patch))
            if blend.additive:
                sums[where] += weighted[number]
            else:
                sums[where] = torch.maximum(sums[where], weighted[number])
            if squares is not None and second is not None:
                squares[where] += second[number]

    def _finished(
        self, sums: torch.Tensor, squares: torch.Tensor | None, wanted: Mask, ran: Mask
    ) -> dict[str, torch.Tensor]:
        """As `rogi.detection.prediction.block_store.finished_parts`; with squares, the sums as they are."""
        if squares is not None:
            return {"sums": sums, "squares": squares}
        blend, known, arrays = self.blend, self._put(wanted), {}
        for name, rows, columns in parts_of(blend):
            part, inside = sums[:, rows, columns], known[rows, columns]
            if name == "core":
                weights = self._weight_sums(ran.tobytes())[rows, columns]
                whole = STEPS // LEVELS * (weights if blend.additive else torch.ones_like(weights))
                levels = (2 * part + whole) // (2 * whole.clamp(min=1))
                arrays[name] = torch.where(inside & (weights > 0), levels, NO_DATA).to(torch.uint8)
            else:
                arrays[name] = torch.where(inside, part, int(VOID))
        return arrays

    def _event(self) -> Any:
        if self.device.type != "cuda":
            return None
        event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event

    def _weigh(self, ran: bytes) -> torch.Tensor:
        side = self.blend.side
        return self._put(weight_sums(np.frombuffer(ran, bool).reshape(side, side), self.blend)[0])

    def _put(self, array: NDArray[Any]) -> torch.Tensor:
        """An array on the device; the copy from pinned memory goes on beside the work."""
        tensor = torch.from_numpy(np.require(array, requirements=("C", "W")))
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def _fetch(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.device.type != "cuda":
            return tensor.to("cpu")
        there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        return there.copy_(tensor, non_blocking=True)


def turned(images: torch.Tensor, turn: int) -> torch.Tensor:
    """As `rogi.detection.model.ensemble.turned`."""
    found = torch.rot90(images, turn % 4, (-2, -1))
    return found.flip(-1) if turn >= 4 else found


def turned_back(images: torch.Tensor, turn: int) -> torch.Tensor:
    """As `rogi.detection.model.ensemble.turned_back`."""
    found = images.flip(-1) if turn >= 4 else images
    return torch.rot90(found, -(turn % 4), (-2, -1))
