"""Codecs that a Zarr store asks for: those that run code in the data are refused before it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rogi.errors import InputError

KNOWN = frozenset({
    "adler32", "astype", "base64", "bitround", "blosc", "bytes", "bz2", "categorize", "crc32", "crc32c",
    "delta", "endian", "fixedscaleoffset", "fletcher32", "gzip", "jenkins_lookup3", "json2", "lz4", "lzma",
    "packbits", "pcodec", "quantize", "scale_offset", "cast_value", "sharding_indexed", "shuffle",
    "transpose", "vlen-array", "vlen-bytes", "vlen-utf8", "zfpy", "zlib", "zstd",
})  # fmt: skip
"""Codecs of numcodecs and zarr that only rearrange bytes; ``pickle`` runs what the data say.
https://numcodecs.readthedocs.io, https://zarr-specs.readthedocs.io (2026)"""

DOCUMENTS = frozenset({".zarray", ".zmetadata", "zarr.json"})
"""Files of a store that name codecs: of version 2, of a whole store, of version 3."""

MAX_BYTES = 1 << 26


def refuse_codecs(folder: Path) -> None:
    """Refuse a Zarr store that asks for codecs that are not known to be harmless.

    Parameters
    ----------
    folder : Path
        The store, versions 2 and 3.

    Raises
    ------
    InputError
        It does, or its metadata cannot be read.
    """
    for file in sorted(path for path in folder.rglob("*") if path.name in DOCUMENTS):
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InputError(f"{file} has more than {MAX_BYTES} bytes, so it is no metadata of Zarr.")
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{file} cannot be read as metadata of Zarr: {error}.") from None
        for name in _named(content):
            if name not in KNOWN:
                raise InputError(
                    f"{file} asks for the codec {name!r}, which may run code; write the data anew with "
                    "a plain compressor such as zstd, or as NetCDF."
                )


def _named(content: Any) -> Iterator[str]:
    """Codecs wherever they stand: in filters, compressors and codecs, also within codecs."""
    if isinstance(content, list):
        for item in content:
            yield from _named(item)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key in ("filters", "compressor", "codecs", "index_codecs", "serializer", "compressors"):
                yield from _codecs(value)
            if key != "attributes" and not key.endswith(".zattrs"):
                yield from _named(value)


def _codecs(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        name = item.get("id", item.get("name")) if isinstance(item, dict) else item
        if name is not None:
            yield str(name).lower().removeprefix("numcodecs.").removeprefix("zarr.")
