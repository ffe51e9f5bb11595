"""Which file is at fault where pixels of a VRT cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window as RasterioWindow

from rogi.raster.composed import DEPTH, Source, grid_of, looked_at, opened, sources_of, under
from rogi.raster.grid import Mask, Window
from rogi.raster.guard import is_there
from rogi.raster.header import CorruptTile, MissingTile, raster_stamp

PIECES = 64
"""Pieces along each side into which a window is cut, at the most, around what cannot be read."""


def around_damage(
    read: Callable[[Window], Any],
    window: Window,
    nothing: Any,
    found: Callable[[CorruptTile], object],
    piece: int | None = None,
) -> Any:
    """What is read of a window, in ever smaller pieces around what cannot be.

    Parameters
    ----------
    read : callable
        Gives an array of the rows and columns of a window, or raises CorruptTile.
    window : Window
    nothing
        In place of what cannot be read.
    found : callable
        Is given the errors.
    piece : int, optional
        Side of the pieces that are left out as a whole; by default a share of `PIECES` of the window's.
    """
    least = piece or max(1, max(window.shape) // PIECES)
    try:
        return read(window)
    except CorruptTile as error:
        found(error)
    axis = 0 if window.shape[0] >= window.shape[1] else 1
    length = window.shape[axis]
    if length <= least:
        return np.full(window.shape, nothing)
    if axis == 0:
        middle = window.row0 + length // 2
        parts = replace(window, row1=middle), replace(window, row0=middle)
    else:
        middle = window.column0 + length // 2
        parts = replace(window, column1=middle), replace(window, column0=middle)
    return np.concatenate([around_damage(read, part, nothing, found, least) for part in parts], axis=axis)


def damage_in(path: Path, indexes: Sequence[int] | None, window: Window, why: str) -> CorruptTile:
    """The error that names what makes a window of a file unreadable.

    Of a VRT the sources under the window are each read on their own, also those of a VRT in it.

    Parameters
    ----------
    path : Path
    indexes : sequence of int, optional
        Bands, counted from 1, that are wanted; all by default.
    window : Window
    why : str
        What was said of the file as a whole, which is named where no source is found at fault.
    """
    return _in_sources(path, indexes, window, DEPTH) or CorruptTile(path, why)


def unopened_in(
    path: Path, indexes: Sequence[int] | None, window: Window, depth: int = DEPTH
) -> CorruptTile | None:
    """The first file behind a window of a VRT that is missing or cannot be opened.

    GDAL says so of the first read alone, and may give zeros from then on.
    """
    for source in under(path, indexes, window):
        try:
            why, grid, composed, _ = opened(source.path, raster_stamp(source.path))
        except OSError:
            return MissingTile(source.path, path)
        if why is not None:
            return CorruptTile(source.path, why)
        part = source.part(window, grid) if composed and depth else None
        inner = unopened_in(source.path, None, part, depth - 1) if part is not None else None
        if inner is not None:
            return inner
    return None


def filled_in(path: Path, indexes: Sequence[int] | None, window: Window, depth: int = DEPTH) -> Mask | None:
    """Which pixels of a window of a VRT any file fills; None where that is not known, as of warped ones.

    GDAL gives zeros for the others if the VRT has no nodata value.
    """
    sources = under(path, indexes, window)
    if any(source.warped is not None for source in sources) or not sources_of(path, indexes):
        return None
    filled = np.zeros(window.shape, dtype=bool)
    for source in sources:
        left, top, width, height = source.target
        target = Window(round(top), round(top + height), round(left), round(left + width))
        own = window.part(target.moved(-window.row0, -window.column0).within(window.shape).moved(
            window.row0, window.column0
        ))  # fmt: skip
        filled[own] |= _inner(source, target, window, depth)[own]
    return filled


def _inner(source: Source, target: Window, window: Window, depth: int) -> Mask:
    """Which pixels of a window a source fills inside its target: all but where it is a VRT with gaps."""
    everything = np.ones(window.shape, dtype=bool)
    try:
        _, grid, composed, _ = opened(source.path, raster_stamp(source.path))
    except OSError:
        return everything
    column, row, columns, rows = source.taken or (0.0, 0.0, float(grid.shape[1]), float(grid.shape[0]))
    if not composed or not depth or (round(rows), round(columns)) != target.shape:
        return everything
    part = window.moved(round(row) - target.row0, round(column) - target.column0)
    found = filled_in(source.path, None, part, depth - 1)
    return everything if found is None else found


def _in_sources(path: Path, indexes: Sequence[int] | None, window: Window, depth: int) -> CorruptTile | None:
    for source in under(path, indexes, window):
        if not is_there(source.path):
            return MissingTile(source.path, path)
        part, why = _trial(source, window)
        if why is not None:
            inner = _in_sources(source.path, None, part, depth - 1) if depth and part else None
            return inner or CorruptTile(source.path, why)
    return None


def _trial(source: Source, window: Window) -> tuple[Window | None, str | None]:
    """Pixels of a source that a window needs, and why they cannot be read, if so."""
    part = None
    try:
        with looked_at(source.path) as dataset:
            part = source.part(window, grid_of(dataset))
            if part is not None:
                height, width = part.shape
                where = RasterioWindow(part.column0, part.row0, width, height)
                dataset.read(window=where)
                dataset.read_masks(1, window=where)
    except CorruptTile as error:
        return part, error.reason
    return part, None
