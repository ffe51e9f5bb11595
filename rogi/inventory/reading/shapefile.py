"""What a driver does not say of a Shapefile: lost parts and rows, deleted rows, dates that cannot be.

The layouts are those of the ESRI Shapefile Technical Description (1998) and of dBASE III.
"""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError

PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qmd", ".qpj")
MAGIC = b"\x00\x00\x27\x0a"
_HEADER = 100  # bytes of the header of .shp and .shx
_DELETED = ord("*")
_NO_DATE = ("", "0", "00000000")


def parts(path: Path) -> dict[str, Path]:
    """Parts of a Shapefile that are there, by suffix in lower case; case of names does not matter."""
    stem = path.stem.casefold()
    return {
        part.suffix.casefold(): part
        for part in sorted(path.parent.iterdir())
        if part.stem.casefold() == stem and part.suffix.casefold() in PARTS
    }


def check_parts(path: Path) -> None:
    """Whether all parts of a Shapefile are there and whole.

    Raises
    ------
    InputError
        If a part is missing, shorter than its header says, has rows that the others have not, or has rows of
        zeros, as copying that was interrupted leaves them.
    """
    present = parts(path)
    for suffix, what, remedy in (
        (
            ".shx",
            "the index of its shapes",
            "`ogr2ogr --config SHAPE_RESTORE_SHX YES NEW.gpkg OLD.shp` can make it anew",
        ),
        (".dbf", "the table of its attributes", "without it there are no IDs to check"),
    ):
        if suffix not in present:
            raise InputError(
                f"{path} lacks {path.stem}{suffix}, {what}; copy all parts of the Shapefile into one folder"
                f" ({remedy})."
            )
    for part in (path, present[".shx"]):
        with part.open("rb") as stream:
            header = stream.read(_HEADER)
        stated = 2 * struct.unpack(">I", header[24:28])[0] if len(header) == _HEADER else _HEADER
        _check_size(part, stated)
    table = _Table.of(present[".dbf"])
    _check_size(table.path, table.start + table.rows * table.width)
    index = np.fromfile(present[".shx"], dtype=">u4", offset=_HEADER)
    index = index[: len(index) // 2 * 2].reshape(-1, 2).astype(np.int64)
    if len(index) != table.rows:
        raise InputError(
            f"{path} has {len(index):,} shapes but {table.path.name} has {table.rows:,} rows; they are "
            "not of one version: copy all parts of the Shapefile again."
        )
    if not len(index):
        return
    _refuse_zeros(present[".shx"], (index == 0).all(axis=1))
    _refuse_zeros(path, _lost_shapes(path, index[:, 0]))
    flags = table.records()[:, 0]
    suspects = np.flatnonzero(flags == 0)
    lost = np.zeros(table.rows, dtype=bool)
    lost[suspects] = ~table.records()[suspects].any(axis=1)
    _refuse_zeros(table.path, lost)


def _lost_shapes(path: Path, offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether the header of each shape (number and length, never both zero) is zeros or not there."""
    content = np.memmap(path, dtype=np.uint8, mode="r")
    starts = 2 * offsets
    inside = starts + 8 <= len(content)
    heads = content[np.where(inside, starts, 0)[:, None] + np.arange(8)]
    lost: NDArray[np.bool_] = ~inside | ~heads.any(axis=1)
    return lost


def _refuse_zeros(part: Path, lost: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(lost) + 1
    if len(rows):
        where = (
            f"row {rows[0]}" if len(rows) == 1 else f"{len(rows):,} rows, the first of them row {rows[0]},"
        )
        raise InputError(
            f"{part} is damaged: {where} contain{'s' * (len(rows) == 1)} only zeros, as after a copy that "
            "was interrupted; copy or download all parts of the Shapefile again."
        )


def _check_size(part: Path, stated: int) -> None:
    actual = part.stat().st_size
    if actual < stated:
        raise InputError(
            f"{part} is truncated: {actual:,} of {stated:,} bytes are there; copy or download the file again."
        )


def deleted_rows(path: Path) -> NDArray[np.int64]:
    """Positions of the rows that are marked as deleted; drivers skip them."""
    return np.flatnonzero(_Table.of(parts(path)[".dbf"]).records()[:, 0] == _DELETED)


def impossible_dates(path: Path) -> dict[int, list[str | None]]:
    """Texts of the date columns that hold something else than dates, rows marked as deleted left out.

    Returns
    -------
    dict of int to list
        Position of the column -> its values, dates as ``YYYY-MM-DD``, others as they are; None where empty.
    """
    table = _Table.of(parts(path)[".dbf"])
    found: dict[int, list[str | None]] = {}
    kept = table.records()
    for number, field in enumerate(table.fields):
        if field.kind != "D" or not table.rows:
            continue
        cells = np.ascontiguousarray(kept[kept[:, 0] != _DELETED, field.start : field.start + field.width])
        raw, inverse = np.unique(cells.view(f"S{field.width}").ravel(), return_inverse=True)
        texts = [value.decode("latin-1").strip(" \x00") for value in raw.tolist()]
        read = [None if text in _NO_DATE else (_date(text) or text) for text in texts]
        if any(text is not None and _date(text.replace("-", "")) is None for text in read):
            found[number] = [read[i] for i in inverse]
    return found


def _date(text: str) -> str | None:
    """``YYYY-MM-DD`` of a date as dBASE writes it; None where it is none."""
    if len(text) != 8 or not text.isdigit() or not text.isascii():
        return None
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Field:
    kind: str
    start: int  # bytes from the beginning of a row
    width: int


@dataclass(frozen=True, slots=True)
class _Table:
    """Layout of a dBASE file: where its rows begin, how long one is, its fields."""

    path: Path
    rows: int
    start: int
    width: int
    fields: tuple[_Field, ...]

    @classmethod
    def of(cls, path: Path) -> _Table:
        with path.open("rb") as stream:
            head = stream.read(32)
            if len(head) < 32:
                _check_size(path, 32)
            rows, start, width = struct.unpack("<IHH", head[4:12])
            described = stream.read(max(0, start - 32))
        fields, at = [], 1
        for k in range(0, len(described) - 31, 32):
            if described[k] == 0x0D:
                break
            length = described[k + 16]
            fields.append(_Field(chr(described[k + 11]), at, length))
            at += length
        if width < at or start < 33:
            raise InputError(
                f"{path} is damaged: its header does not fit its columns; copy or download it again."
            )
        return cls(path, rows, start, width, tuple(fields))

    def records(self) -> NDArray[np.uint8]:
        """(rows, width) bytes; the first of a row is its mark of deletion."""
        if not self.rows:
            return np.empty((0, self.width), dtype=np.uint8)
        shape = (self.rows, self.width)
        return np.memmap(self.path, dtype=np.uint8, mode="r", offset=self.start, shape=shape)
