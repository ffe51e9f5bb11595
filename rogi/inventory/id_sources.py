"""Where primary IDs and positions come from: words, numbers, tables, vector files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.geometry import places_on_earth
from rogi.inventory.coordinates import sound_positions
from rogi.inventory.ids.unit_positions import Place
from rogi.inventory.read import read_inventory
from rogi.inventory.reading import csv_tables
from rogi.inventory.reading.formats import Format, format_of
from rogi.schema.load import dialects
from rogi.schema.model import Role, normalise
from rogi.suggestions import did_you_mean
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory, Layer

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_ID_LIKE = re.compile(r"\s*RG[US]\s*\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class IdSource:
    """IDs and positions of n features.

    Attributes
    ----------
    row
        (n,) number of the feature or line, from 1.
    text
        (n,) IDs, None where there are none.
    longitude, latitude
        (n,) WGS84 degrees, or None where not known.
    of_markers
        Whether the positions are those of primary markers, from which IDs are made.
    """

    row: NDArray[np.int64]
    text: NDArray[np.object_]
    longitude: NDArray[np.float64] | None = None
    latitude: NDArray[np.float64] | None = None
    of_markers: bool = False


def from_texts(texts: Sequence[str]) -> IdSource:
    """IDs given as words, one each."""
    return IdSource(_rows(len(texts)), np.array([*texts, None], dtype=object)[:-1])


def from_numbers(texts: Sequence[str]) -> IdSource:
    """Longitudes and latitudes: pairs in one text (``97.2,28.1``), or one number in each.

    Raises
    ------
    OptionError
        If a text is no number, may have a decimal comma, or the numbers are no pairs.
    """
    numbers: list[float] = []
    for text in texts:
        words = re.split(r"[\s;]+", text.strip())
        if len(words) > 1 and all(map(_DECIMAL_COMMA.fullmatch, words)):
            raise OptionError(
                f"{words[0]!r} may be a number with a decimal comma or two whole numbers; write decimals "
                "with a point."
            )
        for part in re.split(r"[\s,;]+", text.strip()):
            if not part:
                continue
            try:
                numbers.append(float(part))
            except ValueError:
                raise OptionError(
                    f"{part!r} is not a number; give longitude and latitude in degrees, west and south "
                    "negative, or the name of a file that exists."
                ) from None
    if not numbers or len(numbers) % 2:
        raise OptionError(
            f"{counted(len(numbers), 'number')} found; give longitude and latitude of each position, in this "
            "order."
        )
    pairs = np.array(numbers).reshape(-1, 2)
    none = np.full(len(pairs), None, dtype=object)
    return IdSource(_rows(len(pairs)), none, pairs[:, 0], pairs[:, 1], True)


def from_file(
    path: Path | None,
    *,
    column: str | None = None,
    layers: Sequence[str] = (),
    crs: str | None = None,
    place: str = "auto",
    ids: bool = False,
) -> IdSource:
    """IDs (if asked for) and positions of a CSV table or of the markers, else the outlines, of an inventory.

    Raises
    ------
    InputError
        If the file cannot be read, or has no IDs where they are asked for.
    """
    if path is not None and ids and crs is None and format_of(path) is Format.CSV:
        return _from_csv(path, column)

    inventory = read_inventory(() if path is None else path, layers=layers, crs=crs)
    return from_inventory(inventory, column=column, place=place, ids=ids)


def from_inventory(
    inventory: Inventory, *, column: str | None = None, place: str = "auto", ids: bool = False
) -> IdSource:
    """IDs (if asked for) and positions of the markers, else the outlines, of an inventory.

    Raises
    ------
    InputError
        It has neither, no CRS where positions are needed, or no IDs where they are asked for.
    """
    layer = _layer(inventory)
    text = _ids(layer, column) if ids else np.full(len(layer), None, dtype=object)
    if ids and (layer.crs is None or not places_on_earth(layer.crs)):
        return IdSource(layer.rows, text)
    longitude, latitude = sound_positions(layer, Place(place))
    return IdSource(layer.rows, text, longitude, latitude, layer.role is Role.MARKER)


def _layer(inventory: Inventory) -> Layer:
    for role in (Role.MARKER, Role.OUTLINE):
        layer = inventory.layer(role)
        if layer is not None:
            return layer
    raise InputError(
        f"{inventory.path} has neither primary markers nor outlines; name a layer with "
        "--layer outline=PATH:LAYER."
    )


def _ids(layer: Layer, column: str | None) -> NDArray[np.object_]:
    columns = [c for c in layer.frame.columns if c != layer.frame.geometry.name]
    return _texts(layer.frame[_column(columns, column, layer.columns.get("primary_id"), layer.name)])


def _from_csv(path: Path, column: str | None) -> IdSource:
    """A table needs no coordinates to have IDs."""
    frame, longitude, latitude = csv_tables.read_plain(path)
    known = {normalise(name) for name in _id_names()}
    own = next((c for c in frame.columns if normalise(c) in known), None)
    if own is None:
        like = [c for c in frame.columns if _looks_like_ids(frame[c])]
        own = like[0] if like else None
    text = _texts(frame[_column(list(frame.columns), column, own, str(path))])
    return IdSource(_rows(len(frame)), text, longitude, latitude, longitude is not None)


def _column(columns: list[str], asked: str | None, found: str | None, where: str) -> str:
    listed = ", ".join(columns[:10]) or "none"
    if asked is not None:
        if asked not in columns:
            hint = did_you_mean(asked, columns) or "."
            raise OptionError(f"{where} has no column {asked!r}; its columns are {listed}{hint}")
        return asked
    if found is None:
        raise InputError(f"{where} has no column of primary IDs among {listed}; name the column.")
    return found


def _id_names() -> list[str]:
    return [
        name
        for dialect in dialects()
        for layer in dialect.layers
        for name in layer.columns.get("primary_id", ())
        if normalise(name) != "id"
    ]


def _looks_like_ids(series: Any) -> bool:
    texts = series.dropna().astype("str")
    return len(texts) > 0 and 2 * int(texts.str.match(_ID_LIKE).sum()) > len(texts)


def _texts(series: Any) -> NDArray[np.object_]:
    out = series.astype(object).to_numpy(copy=True)
    out[series.isna().to_numpy()] = None
    return np.asarray(out, dtype=object)


def _rows(n: int) -> NDArray[np.int64]:
    return np.arange(1, n + 1, dtype=np.int64)
