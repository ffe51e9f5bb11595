"""Codecs of Zarr stores: plain ones are read, those that run code are refused in both versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rogi.errors import InputError
from rogi.raster.codecs import refuse_codecs


def store(folder: Path, **content: Any) -> Path:
    folder.mkdir(parents=True)
    name = "zarr.json" if content.get("zarr_format") == 3 else ".zarray"
    (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("consolidated", [True, False])
def test_stores_that_xarray_writes_are_read(tmp_path: Path, version: int, consolidated: bool) -> None:
    data = xr.Dataset({"t": (("y", "x"), np.ones((4, 5), np.float32), {"filters": "pickle"})})
    path = tmp_path / "a.zarr"
    data.to_zarr(path, zarr_format=version, consolidated=consolidated)  # type: ignore[call-overload]
    refuse_codecs(path)


@pytest.mark.parametrize(
    "content",
    [
        {"zarr_format": 2, "filters": [{"id": "pickle"}], "compressor": None},
        {"zarr_format": 2, "filters": None, "compressor": {"id": "pickle", "protocol": 5}},
        {"zarr_format": 2, "filters": [{"id": "delta"}, {"id": "strange"}], "compressor": {"id": "blosc"}},
        {"zarr_format": 3, "codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle"}]},
        {"zarr_format": 3, "codecs": ["https://a.org/codec"]},
        {
            "zarr_format": 3,
            "codecs": [{"name": "sharding_indexed", "configuration": {"codecs": [{"name": "Pickle"}]}}],
        },
        {
            "zarr_format": 3, "node_type": "group",
            "consolidated_metadata": {"metadata": {"t": {"codecs": [{"name": "pickle"}]}}},
        },
    ],
)  # fmt: skip
def test_codecs_that_are_not_known_are_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    store(tmp_path / "a" / "t", **content)
    with pytest.raises(InputError, match=r"asks for the codec .*may run code"):
        refuse_codecs(tmp_path / "a")


def test_codecs_of_a_whole_store_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".zmetadata").write_text(
        json.dumps({"metadata": {"t/.zarray": {"filters": [{"id": "pickle"}], "compressor": None}}})
    )
    with pytest.raises(InputError, match="'pickle'"):
        refuse_codecs(tmp_path)


@pytest.mark.parametrize("text", ["", "no json", "[" * 200_000])
def test_damaged_metadata_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "zarr.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read as metadata of Zarr"):
        refuse_codecs(tmp_path)


def test_harmless_metadata(tmp_path: Path) -> None:
    """Null compressors and attributes that look like codecs."""
    store(tmp_path / "a", zarr_format=2, filters=None, compressor=None, attributes={"codecs": ["pickle"]})
    refuse_codecs(tmp_path / "a")
