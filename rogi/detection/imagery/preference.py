"""Which of several images of one ground counts: by order, date or clouds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from rogi.errors import OptionError
from rogi.raster.imagery.image_dates import image_date
from rogi.raster.mosaic import Mosaic, Tile, assemble
from rogi.text import agreeing, counted


class Prefer(StrEnum):
    """What decides; of equal images the one that comes later in order."""

    ORDER = "order"
    LATEST = "latest"
    EARLIEST = "earliest"
    CLEAREST = "clearest"


def dated(tiles: Sequence[Tile]) -> tuple[list[Tile], list[str]]:
    """Tiles with the dates that their tags or names state where their catalogue states none, and notes."""
    found, notes = [], []
    for tile in tiles:
        date, note = (tile.date, "") if tile.date else image_date(tile.parts[0].header)
        found.append(replace(tile, date=date))
        notes += [note] if note else []
    return found, notes


def layered(tiles: Sequence[Tile], prefer: Prefer) -> tuple[list[Mosaic], list[Mosaic], list[str]]:
    """Tiles as mosaics, one for each grid, and as layers of which the first with a valid pixel counts.

    By order, tiles on other grids than most fill gaps only; otherwise the better image counts on whatever
    grid it lies.

    Raises
    ------
    OptionError
        No image states what is to decide.
    """
    if prefer is Prefer.ORDER:
        mosaics = assemble(tiles)
        return mosaics, mosaics, []
    worth = [_worth(tile, prefer) for tile in tiles]
    known = sorted({value for value in worth if value is not None})
    notes = []
    if not known:
        how = {
            Prefer.CLEAREST: "states its clouds (eo:cloud_cover of a STAC item, or --mask)",
        }.get(prefer, "states its date (STAC, TIFFTAG_DATETIME, or a name as of Planet or Sentinel-2)")
        raise OptionError(f"--prefer {prefer}: no image {how}; give --prefer order, or images that do.")
    if missing := sum(value is None for value in worth):
        what = "clouds" if prefer is Prefer.CLEAREST else "date"
        notes.append(
            f"{counted(missing, 'image')} {agreeing(missing, 'states', 'state')} no {what}, so "
            f"{agreeing(missing, 'it counts', 'they count')} only where no other image has data."
        )
    if len(known) == 1 and len(tiles) - missing > 1:
        what = "are equally cloudy" if prefer is Prefer.CLEAREST else "have the same date"
        notes.append(f"All images {what}, so the one that comes later in order counts.")
    ranks = [-1 if value is None else known.index(value) for value in worth]
    if prefer is not Prefer.LATEST:
        ranks = [rank if rank < 0 else len(known) - 1 - rank for rank in ranks]
    order = sorted(range(len(tiles)), key=ranks.__getitem__)
    mosaics = assemble([tiles[number] for number in order])
    if len(mosaics) == 1:
        return mosaics, mosaics, notes
    rank_of = {tile.placed(0, 0): rank for tile, rank in zip(tiles, ranks, strict=True)}
    by_rank: dict[tuple[int, int], list[Tile]] = {}  # by rank, the best first, and number of the grid
    for number, mosaic in enumerate(mosaics):
        for tile in mosaic.tiles:
            by_rank.setdefault((-rank_of[tile.placed(0, 0)], number), []).append(tile)
    layers: list[tuple[int, Mosaic]] = []  # with the number of its grid
    for (_, number), tiles_of in sorted(by_rank.items(), key=lambda item: item[0]):
        mosaic, own = mosaics[number], tuple(tiles_of)
        if layers and layers[-1][0] == number:
            layers[-1] = number, replace(mosaic, tiles=(*own, *layers[-1][1].tiles))
        else:
            layers.append((number, replace(mosaic, tiles=own)))
    return mosaics, [layer for _, layer in layers], notes


def _worth(tile: Tile, prefer: Prefer) -> float | str | None:
    if prefer is not Prefer.CLEAREST:
        return tile.date or None
    if tile.cloud is not None:
        return tile.cloud
    return max((mask.share(tile.grid) for mask in tile.masks), default=None)


def preference(text: str) -> Prefer:
    """The choice of an option.

    Raises
    ------
    OptionError
        There is no such choice.
    """
    if text not in list(Prefer):
        raise OptionError(f"--prefer is {', '.join(Prefer)}, found {text!r}.")
    return Prefer(text)
