"""Geometries from their binary form, whatever state they are in."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
import pyogrio.raw
import shapely
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

MOST_NESTED = 1000
"""Collections in collections that are read: GEOS recurses, and tens of thousands end the process."""

_COLLECTION = re.compile("collection", re.IGNORECASE)
_SHORTEST_LEVEL = 9  # bytes: byte order, type, number of parts
_SHALLOW = MOST_NESTED * _SHORTEST_LEVEL  # no binary geometry of so many bytes is nested too deep
_CURVES = frozenset(range(8, 15))  # ISO WKB: circular string to surface, without Z and M


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """File and layer that a driver opens, and the (n,) ids of its features."""

    file: str
    layer: str | None
    fids: NDArray[np.int64]


def nested_too_deep(text: str) -> bool:
    """Whether WKT, GeoJSON, or WKB in hexadecimal is nested too deep for GEOS.

    Examples
    --------
    >>> nested_too_deep("POINT (1 2)"), nested_too_deep("GEOMETRYCOLLECTION (" * 5000)
    (False, True)
    """
    if len(text) <= _SHALLOW:
        return False
    if "{" in text[:100]:
        return text.count("{") > MOST_NESTED
    if "(" in text[:100]:
        return _COLLECTION.search(text[:100]) is not None and len(_COLLECTION.findall(text)) > MOST_NESTED
    try:
        return _too_deep(bytes.fromhex(text.strip()))
    except ValueError:
        return False


def _too_deep(wkb: bytes) -> bool:
    """Whether binary geometries lie more than `MOST_NESTED` deep in each other."""
    if len(wkb) <= _SHALLOW:
        return False
    at, left = 0, [1]  # left: parts still to come at each level
    try:
        while left:
            if not left[-1]:
                left.pop()
                continue
            left[-1] -= 1
            order = "<I" if wkb[at] else ">I"
            (code,) = struct.unpack_from(order, wkb, at + 1)
            kind = (code & 0x0FFF_FFFF) % 1000
            # ISO adds thousands for Z, M and both; the older form sets bits, one of them for a CRS.
            extra = (0, 1, 1, 2)[(code & 0x0FFF_FFFF) // 1000 % 4] + (code >> 31) + (code >> 30 & 1)
            at += 9 if code & 0x2000_0000 else 5
            if kind == 1:
                at += 8 * (2 + extra)
                continue
            (count,) = struct.unpack_from(order, wkb, at)
            at += 4
            if kind == 2:
                at += 8 * (2 + extra) * count
            elif kind == 3:
                for _ in range(count):
                    (points,) = struct.unpack_from(order, wkb, at)
                    at += 4 + 8 * (2 + extra) * points
            else:
                left.append(count)
                if len(left) > MOST_NESTED:
                    return True
    except (struct.error, IndexError):  # it ends too early, which GEOS says
        pass
    return False


def read(chunks: Iterable[pa.Array], notes: list[str], origin: Origin | None = None) -> NDArray[np.object_]:
    """Shapely geometries; None if missing or where it cannot be built, which is noted.

    Parameters
    ----------
    chunks : iterable of arrays
        Binary values of one column.
    notes : list of str
        What could not be built is counted there.
    origin : Origin, optional
        Where the values come from, to have curves straightened by the driver.
    """
    parts = []
    for chunk in chunks:
        wkb = chunk.to_numpy(zero_copy_only=False)
        deep = []
        if (pc.max(pc.binary_length(chunk)).as_py() or 0) > _SHALLOW:
            deep = [i for i, value in enumerate(wkb) if value is not None and _too_deep(value)]
        if deep:
            wkb = wkb.copy()
            wkb[deep] = bytes(5)  # a geometry of no kind
        try:
            with np.errstate(invalid="ignore"):  # coordinates that are not numbers are for the rules to find
                parts.append(np.asarray(shapely.from_wkb(wkb), dtype=object))
        except (shapely.errors.GEOSException, NotImplementedError):
            parts.append(_from_odd_wkb(wkb, notes, origin))
    return np.concatenate([np.empty(0, dtype=object), *parts])


def _from_odd_wkb(wkb: NDArray[np.object_], notes: list[str], origin: Origin | None) -> NDArray[np.object_]:
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
