"""Patches on disk: tar shards that can be streamed, an index, and a card that says what they are.

A shard is a tar file as WebDataset reads them: ``KEY.image.npy``, ``KEY.label.npy``, ``KEY.valid.npy`` and
``KEY.json`` for each patch, one patch after the other. Nothing in it is a pickle.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from rogi.detection.imagery.pixel_statistics import LEVELS
from rogi.errors import InputError
from rogi.ledger import digest, file_sha256

FORMAT = 1
CARD, INDEX, THUMBNAILS = "patches.yaml", "index.csv", "thumbnails.png"
PARTS = ("image.npy", "label.npy", "valid.npy", "json")
SHARD_BYTES = 1 << 28
"""A shard is closed when it has grown to this."""

MAX_CARD_BYTES = 1 << 26
MAX_INDEX_BYTES = 1 << 30
MAX_MEMBER_BYTES = 1 << 30
MAX_SIDE = 8192
"""Limits on what is read from a folder of patches."""

INDEX_COLUMNS = (
    "key", "split", "kind", "block", "source", "row", "col", "unit", "units", "unit_pixels",
    "negative_pixels", "valid_pixels", "weight", "longitude", "latitude", "shard", "offset",
)  # fmt: skip

IGNORED = 255
"""Label of pixels that count neither in the loss nor in any score, though the network sees them."""

_BLOCK = 512  # of a tar file


@dataclass(frozen=True)
class PatchCard:
    """What a folder of patches is; ``patches.yaml``.

    Attributes
    ----------
    channels : tuple of str
    dtype : str
        Of the images.
    resolution_m : float
        Side of a pixel on the ground, m.
    size, stride : int
        Side of a patch and distance of neighbours, pixels.
    mean, std : tuple of float
        Per channel, over all valid pixels of the training patches.
    units : tuple of str
        Per channel; ``1`` for digital numbers.
    percentiles : tuple of tuple of float
        Per channel, at `rogi.detection.imagery.pixel_statistics.LEVELS`; nothing in patches of before.
    split : mapping
        Method, seed, share, side of blocks, what was dropped.
    counts : mapping
        Patches by part and kind.
    sources, labels, negatives : tuple of mapping
        Names and sha256 of what the patches were made from.
    shards : tuple of mapping
        Name, sha256, bytes and patches of each.
    index_sha256 : str
    settings : mapping
        All other choices.
    """

    channels: tuple[str, ...]
    dtype: str
    resolution_m: float
    size: int
    stride: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    split: Mapping[str, Any]
    counts: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    labels: tuple[Mapping[str, Any], ...]
    negatives: tuple[Mapping[str, Any], ...]
    shards: tuple[Mapping[str, Any], ...]
    index_sha256: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    percentiles: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written."""
        return {
            "format": FORMAT,
            "channels": list(self.channels),
            "dtype": self.dtype,
            "resolution_m": self.resolution_m,
            "size": self.size,
            "stride": self.stride,
            "overlap": self.size - self.stride,
            "normalisation": {
                "mean": list(self.mean),
                "std": list(self.std),
                "units": list(self.units),
                "percentiles": [list(values) for values in self.percentiles],
            },
            "split": dict(self.split),
            "counts": dict(self.counts),
            "sources": [dict(item) for item in self.sources],
            "labels": [dict(item) for item in self.labels],
            "negatives": [dict(item) for item in self.negatives],
            "settings": dict(self.settings),
            "index_sha256": self.index_sha256,
            "shards": [dict(item) for item in self.shards],
        }


class ShardWriter:
    """Writes patches into shards, a new one after `SHARD_BYTES` or on request.

    The same patches give the same bytes: members carry no time, owner or permissions of this machine.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.limit = shard_bytes
        self._stream: io.BufferedWriter | None = None
        self._names: list[str] = []
        self._patches: list[int] = []

    def write(
        self,
        key: str,
        image: NDArray[Any],
        label: NDArray[np.uint8],
        valid: NDArray[np.bool_],
        about: Mapping[str, Any],
    ) -> tuple[str, int]:
        """Add a patch; gives the name of its shard and where in it the patch begins."""
        if self._stream is None or self._stream.tell() >= self.limit:
            self.next_shard()
        assert self._stream is not None
        offset = self._stream.tell()
        parts = [_npy(image), _npy(label), _npy(valid), json.dumps(dict(about), sort_keys=True).encode()]
        for name, data in zip(PARTS, parts, strict=True):
            info = tarfile.TarInfo(f"{key}.{name}")
            info.size = len(data)
            self._stream.write(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
            self._stream.write(data)
            self._stream.write(b"\0" * (-len(data) % _BLOCK))
        self._patches[-1] += 1
        return self._names[-1], offset

    def next_shard(self) -> None:
        """Begin a new shard."""
        self._finish()
        name = f"shard-{len(self._names):05d}.tar"
        self._stream = (self.folder / name).open("wb")
        self._names.append(name)
        self._patches.append(0)

    def close(self) -> tuple[dict[str, Any], ...]:
        """Finish; gives name, sha256, bytes and patches of each shard."""
        self._finish()
        paths = [self.folder / name for name in self._names]
        return tuple(
            {"name": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size, "patches": count}
            for path, count in zip(paths, self._patches, strict=True)
        )

    def _finish(self) -> None:
        if self._stream is not None:
            self._stream.write(b"\0" * (2 * _BLOCK))
            self._stream.close()
            self._stream = None


@dataclass(frozen=True, eq=False)
class PatchSet:
    """A folder of patches, read one at a time.

    Attributes
    ----------
    folder : Path
    card : PatchCard
    digest : str
        SHA-256 of the card, which holds those of the index and of every shard.
    """

    folder: Path
    card: PatchCard
    digest: str

    @classmethod
    def open(cls, folder: str | Path) -> PatchSet:
        """Read card and index.

        Raises
        ------
        InputError
            The folder holds no patches, or they were changed, or are of another version.
        """
        folder = Path(folder)
        path = folder / CARD
        if not path.is_file():
            raise InputError(
                f"{folder} contains no patches ({CARD} is missing); make them with rogi detect patches."
            )
        card = _read_card(path)
        index = folder / INDEX
        if not index.is_file() or index.stat().st_size > MAX_INDEX_BYTES:
            raise InputError(f"{index} is missing or too large; make the patches again.")
        if file_sha256(index) != card.index_sha256:
            raise InputError(f"{index} is not the one that {path} describes; make the patches again.")
        return cls(folder, card, file_sha256(path))

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def index(self) -> pd.DataFrame:
        """One row per patch; see the columns of `INDEX_COLUMNS`."""
        texts = dict.fromkeys(("key", "split", "kind", "unit", "shard"), "str")
        frame = pd.read_csv(self.folder / INDEX, dtype=texts, keep_default_na=False)
        missing = [name for name in INDEX_COLUMNS if name not in frame]
        if missing:
            raise InputError(f"{self.folder / INDEX} has no column {missing[0]}; make the patches again.")
        known = {str(item["name"]) for item in self.card.shards}
        if not frame["shard"].isin(known).all():
            raise InputError(
                f"{self.folder / INDEX} names shards that {CARD} does not; make the patches again."
            )
        return frame

    @cached_property
    def split_digest(self) -> str:
        """SHA-256 of which ground is in which part: source, row, column and part of every patch."""
        rows = self.index[["source", "row", "col", "split"]].sort_values(["source", "row", "col"])
        return digest(rows.to_csv(index=False, lineterminator="\n"))

    def positions(self, split: str) -> NDArray[np.int64]:
        """Rows of the index that are ``train`` or ``validation``, in their order."""
        return np.flatnonzero(self.index["split"].to_numpy() == split).astype(np.int64)

    def read(self, position: int) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.bool_]]:
        """A patch.

        Parameters
        ----------
        position : int
            Row of the index.

        Returns
        -------
        image : ndarray, shape (channels, size, size)
            Stored numbers in the type of the card; 0 where not valid.
        label : ndarray of uint8, shape (size, size)
            0 background, 1 rock glacier, 2 rock glacier along a border with another unit, 255 ignored.
        valid : ndarray of bool, shape (size, size)

        Raises
        ------
        InputError
            The shard is not what the card says.
        """
        shard, offset, key = self._rows[0][position], self._rows[1][position], self._rows[2][position]
        size = self.card.size
        expected = (
            ((len(self.card.channels), size, size), self.card.dtype),
            ((size, size), "uint8"),
            ((size, size), "bool"),
        )  # fmt: skip
        path = self.folder / shard
        try:
            with path.open("rb") as stream:
                stream.seek(offset)
                members = [_member(stream, path, f"{key}.{name}") for name in PARTS[:3]]
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; make the patches again.") from error
        image, label, valid = (
            _array(data, path, shape, dtype) for data, (shape, dtype) in zip(members, expected, strict=True)
        )
        return image, label, valid

    def verify(self) -> None:
        """Compare every shard with its checksum.

        Raises
        ------
        InputError
            One was changed; it is named.
        """
        for item in self.card.shards:
            path = self.folder / str(item["name"])
            if not path.is_file() or file_sha256(path) != item["sha256"]:
                raise InputError(f"{path} is missing or was changed; make the patches again.")

    @cached_property
    def _rows(self) -> tuple[list[str], list[int], list[str]]:
        return tuple(self.index[name].tolist() for name in ("shard", "offset", "key"))  # type: ignore[return-value]


def write_card(folder: Path, card: PatchCard) -> None:
    """Write ``patches.yaml``."""
    text = yaml.safe_dump(card.to_dict(), sort_keys=False, allow_unicode=True, width=100)
    (folder / CARD).write_text(text, encoding="utf-8")


def _read_card(path: Path) -> PatchCard:
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            raise InputError(f"{path} is too large for a card of patches; make the patches again.")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise InputError(
            f"{path} is of format {version!r}, this version of rogi reads {FORMAT}; make the patches again."
        )
    try:
        normalisation = content["normalisation"]
        card = PatchCard(
            channels=tuple(str(name) for name in content["channels"]),
            dtype=np.dtype(content["dtype"]).name,
            resolution_m=float(content["resolution_m"]),
            size=int(content["size"]),
            stride=int(content["stride"]),
            mean=tuple(float(v) for v in normalisation["mean"]),
            std=tuple(float(v) for v in normalisation["std"]),
            split=dict(content["split"]),
            counts=dict(content["counts"]),
            sources=tuple(dict(item) for item in content["sources"]),
            labels=tuple(dict(item) for item in content["labels"]),
            negatives=tuple(dict(item) for item in content["negatives"]),
            shards=tuple(dict(item) for item in content["shards"]),
            index_sha256=str(content["index_sha256"]),
            settings=dict(content["settings"]),
            units=tuple(str(unit) for unit in normalisation.get("units", ())),
            percentiles=tuple(
                tuple(float(v) for v in values) for values in normalisation.get("percentiles", ())
            ),
        )
        names = [str(item["name"]) for item in card.shards]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a card of patches: {error!r}; make the patches again.") from error
    sound = (
        0 < card.stride <= card.size <= MAX_SIDE
        and len(card.mean) == len(card.std) == len(card.channels) > 0
        and len(card.units) in (0, len(card.channels))
        and [len(values) for values in card.percentiles] in ([], [len(LEVELS)] * len(card.channels))
        and np.dtype(card.dtype).kind in "uif"
        and all(Path(name).name == name and name.endswith(".tar") for name in names)
    )
    if not sound:
        raise InputError(f"{path} contradicts itself or names files elsewhere; make the patches again.")
    return card


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _member(stream: io.BufferedReader, path: Path, name: str) -> bytes:
    """The next member of a tar file, which must have this name."""
    try:
        info = tarfile.TarInfo.frombuf(stream.read(_BLOCK), "ascii", "strict")
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: patch expected, found something else; make the patches again.") from error
    if info.name != name or not info.isreg() or info.size > MAX_MEMBER_BYTES:
        raise InputError(f"{path}: {name} expected, found {info.name!r}; make the patches again.")
    data = stream.read(info.size)
    stream.seek(-info.size % _BLOCK, io.SEEK_CUR)
    if len(data) < info.size:
        raise InputError(f"{path} is cut off; make the patches again.")
    return data


def _array(data: bytes, path: Path, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """An array of known shape and type; what the file says of itself is checked before it is believed."""
    stream = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("version")
        found, fortran, kind = np.lib.format.read_array_header_1_0(stream)
    except ValueError as error:
        raise InputError(f"{path} holds something else than arrays; make the patches again.") from error
    count = math.prod(shape)
    whole = len(data) - stream.tell() == count * kind.itemsize
    if found != shape or fortran or kind != np.dtype(dtype) or not whole:
        raise InputError(
            f"{path}: array of {dtype} {shape} expected, found {kind} {found}; make the patches again."
        )
    return np.frombuffer(data, kind, count, stream.tell()).reshape(shape)
