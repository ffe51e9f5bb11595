"""Derived attributes as units of work: the files each depends on, and blocks of units to do at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from rogi.attributes.tasks import BLOCK_PIXELS, Radiation, Relief, Task
from rogi.attributes.zonal.coverage import PixelRings, pixel_rings, pixel_windows
from rogi.attributes.zonal.groups import LARGE_UNIT_CELLS, spanned_cells
from rogi.attributes.zonal.seams import reaches_out, window_on
from rogi.errors import InputError
from rogi.jobs import run_jobs
from rogi.ledger import Ledger, digest, encoded
from rogi.raster.content import Contents
from rogi.raster.elevation.model import Surface
from rogi.raster.files import Raster, reading
from rogi.raster.grid import Window
from rogi.raster.mosaic import Tile
from rogi.raster.voids import relief_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_UNITS = 1024
"""Units of a block at most: what is lost when a run is stopped, some seconds."""

BLOCK_TILES = 4
"""Tiles of `BLOCK_PIXELS` beside one another that make a block: they share most of their surroundings."""


class Lost(str):
    """Why a unit could not be done: as a sentence, in the few words of its note, and the file at fault."""

    note: str
    file: str

    @classmethod
    def because(cls, error: Exception) -> Lost:
        """From an error."""
        lost = cls(error)
        lost.note, lost.file = getattr(error, "note", str(error)), str(getattr(error, "path", error))
        return lost


TEST_UNITS = 1024
"""Units that are tested against all tiles of an elevation model at a time: some have 26,000."""

Row = list[float | None]
"""Values of one unit, in the order of its task's columns."""


@dataclass(frozen=True)
class Placed:
    """Units on a grid.

    Attributes
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        See `rogi.attributes.zonal.placement.place_polygons`.
    rings : PixelRings
    windows : ndarray of int64, shape (n, 4)
        See `rogi.attributes.zonal.coverage.pixel_windows`.
    """

    polygons: NDArray[np.object_]
    rings: PixelRings
    windows: NDArray[np.int64]

    @classmethod
    def on(cls, grid: Raster, polygons: NDArray[np.object_]) -> Placed:
        """Polygons that are in the coordinates of a grid."""
        rings = pixel_rings(polygons, grid.transform)
        return cls(polygons, rings, pixel_windows(rings, grid.shape))


@dataclass(frozen=True)
class Job:
    """A block of units and the task to do on them.

    Attributes
    ----------
    task : Task
    polygons : tuple of bytes
        WKB, on the task's grid.
    """

    task: Task
    polygons: tuple[bytes, ...]


@dataclass(frozen=True)
class Done:
    """Results of a block.

    Attributes
    ----------
    rows : tuple
        Per unit its values, or the error that kept it from having any.
    notes : tuple of str
        What reading found worth telling.
    far : bool
        Whether they may depend on more of a file than their windows: zeros are fill by what lies around them.
    """

    rows: tuple[Row | Lost, ...]
    notes: tuple[str, ...]
    far: bool = False


def run_block(job: Job) -> Done:
    """Do a block; where a file is damaged, all of its units that do not need the damaged part."""
    polygons = np.asarray(shapely.from_wkb(list(job.polygons)), dtype=object)
    surfaces = (job.task.grid, *job.task.others) if isinstance(job.task, Relief | Radiation) else ()
    files = [relief_file(tile.parts[0]) for surface in surfaces for tile in surface.tiles]
    before = [file.searches for file in files]
    with reading():
        rows = _rows(job.task, polygons)
    notes = set[str]().union(*(surface.notes for surface in surfaces))
    return Done(tuple(rows), tuple(sorted(notes)), [file.searches for file in files] != before)


def _rows(task: Task, polygons: NDArray[np.object_]) -> list[Row | Lost]:
    try:
        table = task.compute(polygons)
    except InputError as error:
        if len(polygons) == 1:
            return [Lost.because(error)]
        half = len(polygons) // 2
        return _rows(task, polygons[:half]) + _rows(task, polygons[half:])
    values = np.column_stack([table[name] for name in task.columns])
    return [[None if np.isnan(v) else float(v) for v in row] for row in values]


@dataclass(frozen=True)
class Results:
    """Values of a task for units.

    Attributes
    ----------
    columns : dict of str to ndarray of float64, shape (n,)
    failures : dict of int to Lost
        Units that could not be done, and why.
    notes : tuple of str
    reused : int
        Units whose values the ledger held.
    """

    columns: dict[str, NDArray[np.float64]]
    failures: dict[int, Lost]
    notes: tuple[str, ...]
    reused: int


def compute(
    task: Task,
    units: Placed,
    ledger: Ledger,
    *,
    workers: int = 1,
    cluster: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    block_units: int = BLOCK_UNITS,
) -> Results:
    """Values of a task for units: from the ledger where it holds them, else computed in blocks.

    Parameters
    ----------
    task : Task
    units : Placed
        On the task's grid.
    ledger : Ledger
    workers, cluster
        See `rogi.jobs.run_jobs`.
    progress : callable, optional
        Called with the number of units done and of all units.
    block_units : int
        Units of a block at most; no value depends on it.
    """
    windows = units.windows
    wkb = shapely.to_wkb(units.polygons, byte_order=1)
    parts = _parts(task, units)
    # Programs that make VRTs round the size of a pixel anew for each set of files.
    a, b, _, d, e, _ = tuple(task.grid.transform)[:6]
    sides = [float(f"{side:.12g}") for side in (a, b, d, e)]
    prefix = digest(task.identity() | {"grid": sides, "crs": task.grid.crs.to_wkt()})
    within, whole = _files(task, windows, parts, ledger)
    keys = _keys(prefix, wkb, within)
    far_keys = keys if whole is within else _keys(prefix, wkb, whole)
    held = ledger.known({*keys, *far_keys})
    rows: list[Row | Lost | None] = [held.get(a, held.get(b)) for a, b in zip(keys, far_keys, strict=True)]
    grids = (task.grid, *task.others) if isinstance(task, Relief | Radiation) else (task.grid,)
    spans = spanned_cells(units.rings, grids)
    for unit in np.flatnonzero(spans > LARGE_UNIT_CELLS):
        rows[unit] = Lost.because(
            InputError(
                f"its bounding box holds {spans[unit]} pixels, more than the {LARGE_UNIT_CELLS} of a unit"
            )
        )
    missing = np.array([unit for unit, row in enumerate(rows) if row is None], dtype=np.int64)
    reused = len(rows) - len(missing)
    blocks = _blocks(windows, missing, block_units)
    jobs = [Job(_restricted(task, windows, parts, block), tuple(wkb[block].tolist())) for block in blocks]
    notes: set[str] = set()
    finished = reused
    if progress is not None:
        progress(finished, len(rows))

    def done(number: int, result: Done) -> None:
        nonlocal finished
        for unit, row in zip(blocks[number], result.rows, strict=True):
            rows[unit] = row
        own = far_keys if result.far else keys
        good = zip(blocks[number], result.rows, strict=True)
        ledger.record({own[unit]: row for unit, row in good if not isinstance(row, Lost)})
        notes.update(result.notes)
        finished += len(result.rows)
        if progress is not None:
            progress(finished, len(rows))

    for failure in run_jobs(run_block, jobs, done, workers=workers, cluster=cluster):
        for unit in blocks[failure.job]:
            rows[unit] = Lost.because(InputError(failure.message))
    failures = {unit: row for unit, row in enumerate(rows) if isinstance(row, Lost)}
    nothing: Row = [None] * len(task.columns)
    table = np.array(
        [nothing if isinstance(row, Lost) or row is None else row for row in rows], dtype=np.float64
    )
    table = table.reshape(len(rows), len(task.columns))
    return Results(
        {name: table[:, k].copy() for k, name in enumerate(task.columns)},
        failures,
        tuple(sorted(notes)),
        reused,
    )


def files_read(task: Task, units: Placed) -> list[Path]:
    """Files of an elevation model that units and their surroundings reach into."""
    assert isinstance(task.grid, Surface)
    tiles_of = _tiles(task, task.grid, units.windows, _parts(task, units))
    every = {id(tiles): tiles for tiles in tiles_of}
    found = {file for tiles in every.values() for tile in tiles for file in tile.files}
    return sorted(found)


def beyond_model(task: Radiation, units: Placed) -> NDArray[np.bool_]:
    """Which units have surroundings, within the search radius, that no file of the elevation model covers."""
    row0, row1, column0, column1 = _around(task, units.windows).T
    around = shapely.box(column0, row0, column1, row1)
    extents = task.grid.extents
    covered = shapely.union_all(shapely.box(extents[:, 2], extents[:, 0], extents[:, 3], extents[:, 1]))
    shapely.prepare(covered)
    beyond: NDArray[np.bool_] = _real(units.windows) & ~shapely.covers(covered, around)
    return beyond


def _parts(task: Task, units: Placed) -> dict[int, dict[int, Window]]:
    """Of units that reach beyond one file of the first grid, the windows of other grids that they read."""
    found: dict[int, dict[int, Window]] = {}
    if not isinstance(task, Relief | Radiation) or not task.others:
        return found
    bounds = units.rings.bounds
    for unit in np.flatnonzero(reaches_out(units.polygons, task.grid)).tolist():
        low, high = np.floor(bounds[unit, :2]).astype(int), np.ceil(bounds[unit, 2:]).astype(int)
        own = Window(int(low[1]), int(high[1]), int(low[0]), int(high[0]))
        windows = {}
        for number, other in enumerate(task.others):
            window = window_on(own, task.grid, other)
            if other.mosaic.tiles_in(window):
                rows, columns = replace(task, grid=other).halo(window.row0)
                windows[number] = _grown(window, rows, columns)
        if windows:
            found[unit] = windows
    return found


def _grown(window: Window, rows: int, columns: int) -> Window:
    return Window(window.row0 - rows, window.row1 + rows, window.column0 - columns, window.column1 + columns)


def _keys(prefix: str, shapes: NDArray[np.object_], files: Sequence[bytes]) -> list[str]:
    """What `digest` makes of a prefix, a shape and its files, of which the last are encoded."""
    first = hashlib.sha256(encoded(prefix))
    keys = []
    for shape, names in zip(shapes, files, strict=True):
        total = first.copy()
        total.update(encoded(shape))
        total.update(names)
        keys.append(total.hexdigest())
    return keys


def _files(
    task: Task, windows: NDArray[np.int64], parts: dict[int, dict[int, Window]], ledger: Ledger
) -> tuple[list[bytes], list[bytes]]:
    """Digests, encoded, of what each unit's values depend on in its windows, and of all of those files.

    Of a VRT only what lies under the window of a unit counts, of files on other grids always all.
    """
    if not isinstance(task.grid, Surface):
        none = [encoded([])] * len(windows)
        return none, none
    contents = Contents(ledger)
    known: dict[int, tuple[list[str], bytes]] = {}
    own = {id(tile) for tile in task.grid.mosaic.tiles if tile.parts[0].header.composed}
    around = _around(task, windows).tolist() if own else []
    every = _tiles(task, task.grid, windows, parts)
    whole = []
    for tiles in every:
        if id(tiles) not in known:
            digests = [contents.whole(tile.parts[0]) for tile in tiles]
            known[id(tiles)] = digests, encoded(digests)
        whole.append(known[id(tiles)][1])
    if not own:
        return whole, whole
    within = []
    for unit, tiles in enumerate(every):
        digests = known[id(tiles)][0].copy()
        for k, tile in enumerate(tiles):
            if id(tile) in own:
                window = Window(*around[unit]).moved(-tile.row, -tile.column)
                digests[k] = contents.of(tile.parts[0], window)
        within.append(encoded(digests))
    return within, whole


def _real(windows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which windows are not empty."""
    return (windows[:, 1] > windows[:, 0]) & (windows[:, 3] > windows[:, 2])


def _around(task: Task, windows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The windows of units with their halos, shape (n, 4)."""
    first, members = np.unique(windows[:, 0] // BLOCK_PIXELS, return_inverse=True)
    halos = np.array([task.halo(band * BLOCK_PIXELS) for band in first.tolist()], dtype=np.int64)
    rows, columns = halos.reshape(-1, 2)[members].T
    return np.asarray(windows + np.column_stack([-rows, rows, -columns, columns]))


def _tiles(
    task: Task, grid: Surface, windows: NDArray[np.int64], parts: dict[int, dict[int, Window]]
) -> list[tuple[Tile, ...]]:
    """Tiles that each unit reads, with its halo; the same tuple for units that read the same."""
    row0, row1, column0, column1 = grid.mosaic.extents.T
    found: dict[bytes, tuple[Tile, ...]] = {}
    out: list[tuple[Tile, ...]] = []
    around, real = _around(task, windows), _real(windows)
    for start in range(0, len(windows), TEST_UNITS):
        some = around[start : start + TEST_UNITS, :, None]
        meet = (row0 < some[:, 1]) & (row1 > some[:, 0]) & (column0 < some[:, 3]) & (column1 > some[:, 2])
        for unit, bits in enumerate(np.packbits(meet, axis=1), start):
            if not real[unit]:
                out.append(())
                continue
            key = bits.tobytes() + (around[unit].tobytes() if grid.others else b"")
            if key not in found:
                found[key] = tuple(grid.tiles_in(Window(*around[unit].tolist())))
            tiles = found[key]
            if unit in parts and isinstance(task, Relief | Radiation):
                more = (tile for n, part in parts[unit].items() for tile in task.others[n].tiles_in(part))
                tiles = tuple(dict.fromkeys((*tiles, *more)))
            out.append(tiles)
    return out


def _blocks(windows: NDArray[np.int64], units: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Units that lie together, in blocks of at most `size`, tile by tile."""
    row = (windows[units, 0] + windows[units, 1]) // (2 * BLOCK_PIXELS)
    column = (windows[units, 2] + windows[units, 3]) // (2 * BLOCK_PIXELS)
    order = np.lexsort((units, column, row))
    strip = column[order] // BLOCK_TILES
    breaks = np.flatnonzero((np.diff(row[order]) != 0) | (np.diff(strip) != 0)) + 1
    blocks = []
    for part in np.split(units[order], breaks):
        blocks += [part[start : start + size] for start in range(0, len(part), size)]
    return [block for block in blocks if len(block)]


def _restricted(
    task: Task, windows: NDArray[np.int64], parts: dict[int, dict[int, Window]], block: NDArray[np.int64]
) -> Task:
    """The task with only those tiles that a block can reach, so that little is sent to a worker."""
    real = windows[block][windows[block, 1] > windows[block, 0]]
    if not isinstance(task, Relief | Radiation) or not len(real):
        return task
    (row0, _, column0, _), (_, row1, _, column1) = real.min(axis=0).tolist(), real.max(axis=0).tolist()
    halos = task.halo(row0), task.halo(int(real[:, 0].max()))
    window = _grown(Window(row0, row1, column0, column1), *(max(pair) for pair in zip(*halos, strict=True)))
    others = []
    for number, other in enumerate(task.others):
        own = [parts[unit][number] for unit in block.tolist() if number in parts.get(unit, ())]
        if own:
            low = np.min([(w.row0, w.column0) for w in own], axis=0).tolist()
            high = np.max([(w.row1, w.column1) for w in own], axis=0).tolist()
            others.append(other.restricted(Window(low[0], high[0], low[1], high[1])))
    return replace(task, grid=task.grid.restricted(window), others=tuple(others))
