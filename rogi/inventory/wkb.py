"""Geometries from their binary form, whatever state they are in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_CURVES = frozenset(range(8, 15))  # ISO WKB: circular string to surface, without Z and M


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """File and layer that a driver opens, and the (n,) ids of its features."""

    file: str
    layer: str | None
    fids: NDArray[np.int64]


def read(chunks: Iterable[pa.Array], notes: list[str], origin: Origin | None = None) -> NDArray[np.object_]:
    """Shapely geometries; None where there is none or where it cannot be built, which is noted.

    Parameters
    ----------
    chunks : iterable of arrays
        Binary values of one column.
    notes : list of str
        What could not be built is counted there.
    origin : Origin, optional
        Where the values come from, to have curves straightened by the driver.
    """
    import shapely

    parts = []
    for chunk in chunks:
        wkb = chunk.to_numpy(zero_copy_only=False)
        try:
            with np.errstate(invalid="ignore"):  # coordinates that are not numbers are for the rules to find
                parts.append(np.asarray(shapely.from_wkb(wkb), dtype=object))
        except (shapely.errors.GEOSException, NotImplementedError):
            parts.append(_from_odd_wkb(wkb, notes, origin))
    return np.concatenate([np.empty(0, dtype=object), *parts])


def _from_odd_wkb(wkb: NDArray[np.object_], notes: list[str], origin: Origin | None) -> NDArray[np.object_]:
    import pyogrio.raw
    import shapely

    curved = np.array([value is not None and _is_curve(value) for value in wkb])
    out = np.full(len(wkb), None, dtype=object)
    with np.errstate(invalid="ignore"):
        out[~curved] = shapely.from_wkb(wkb[~curved], on_invalid="ignore")
    if curved.any() and origin is not None:
        _, _, linear, _ = pyogrio.raw.read(
            origin.file, layer=origin.layer, columns=[], fids=origin.fids[curved]
        )
        out[curved] = shapely.from_wkb(linear, on_invalid="ignore")
        _count(notes, curved.sum(), "curved geometries were turned into straight segments")
    lost = sum(g is None and value is not None for g, value in zip(out, wkb, strict=True))
    if lost:
        _count(notes, lost, "geometries could not be built (rings not closed or too short) and count as null")
    return out


def _is_curve(wkb: bytes) -> bool:
    code = int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")
    return (code & 0x0FFF_FFFF) % 1000 in _CURVES


def _count(notes: list[str], number: int, what: str) -> None:
    """A note with a number; of further batches the number is added."""
    for i, note in enumerate(notes):
        if note.endswith(what):
            notes[i] = f"{int(note.split()[0]) + number} {what}"
            return
    notes.append(f"{number} {what}")
