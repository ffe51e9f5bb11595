"""Models as STAC items with the extension MLM: written into bundles, and read of any model.

References
----------
https://stac-extensions.github.io/mlm/v1.5.0/schema.json; Charette-Migneault et al. (2024), doi
10.1145/3681769.3698586.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from rogi.detection.model.card import BOUNDARY, ROCK_GLACIER, ModelCard
from rogi.errors import InputError
from rogi.text import as_json

ITEM: Final = "item.json"
EXTENSION: Final = "https://stac-extensions.github.io/mlm/v1.5.0/schema.json"
RASTER: Final = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
VERSION: Final = "https://stac-extensions.github.io/version/v1.2.0/schema.json"
SCIENTIFIC: Final = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
LARGEST: Final = 16 * 2**20
"""Bytes of an item that is read."""

ANY_TIME: Final = ("1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
"""As the examples of the extension have it, for a model that is of no time."""

OTHER: Final = "other"
"""In place of terms that are no identifier of SPDX."""

LICENCE: Final = re.compile(r"[\w.+-]+")
"""What STAC takes for such an identifier."""

CLASSES: Final = {
    ROCK_GLACIER: "A pixel of a rock glacier.",
    BOUNDARY: "A pixel along the border between two rock glaciers that touch.",
}
"""Descriptions, which the extension asks for."""


def item_of(card: ModelCard, weights: bool) -> dict[str, Any]:
    """The STAC item of a model, with the files of its bundle as assets.

    Parameters
    ----------
    card : ModelCard
    weights : bool
        Whether the bundle holds the tensors of the network.
    """
    bounds = None if card.training is None else card.training.bounds
    shape = [-1, len(card.channels), card.patch, card.patch]
    names = [channel.name for channel in card.channels]
    bands = [{"name": name, "data_type": card.dtype} for name in names]
    order = ["batch", "bands", "height", "width"]
    properties: dict[str, Any] = {
        "description": card.description or f"{card.name} {card.version}",
        "datetime": None,
        "start_datetime": ANY_TIME[0],
        "end_datetime": ANY_TIME[1],
        "license": card.licence if LICENCE.fullmatch(card.licence) else OTHER,
        "version": card.version,
        "mlm:name": card.name,
        "mlm:architecture": card.architecture,
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "ONNX" if card.imported is not None else "PyTorch",
        "mlm:pretrained": card.training is not None and card.training.initial_weights is not None,
        "mlm:accelerator": None,
        "mlm:input": [
            {
                "name": "image",
                "bands": names,
                "input": {"shape": shape, "dim_order": order, "data_type": "float32"},
                "description": f"{card.dtype} from {card.dtype_range[0]:g} to {card.dtype_range[1]:g} on "
                f"pixels of {card.resolution_m:g} m; 0 after scaling where a pixel is not valid.",
                "value_scaling": [
                    {"type": "z-score", "mean": channel.mean, "stddev": channel.std}
                    for channel in card.channels
                ],
                "resize_type": None,
            }
        ],
        "mlm:output": [
            {
                "name": "probability",
                "tasks": ["semantic-segmentation"],
                "result": {
                    "shape": [-1, len(card.outputs), card.patch, card.patch],
                    "dim_order": ["batch", "class", "height", "width"],
                    "data_type": "float32",
                },
                "classification:classes": [
                    {"value": number, "name": name, "description": CLASSES.get(name, name)}
                    for number, name in enumerate(card.outputs)
                ],
                "description": f"Probability of each class, of which pixels from {card.threshold:g} up are "
                "taken.",
            }
        ],
        "mlm:hyperparameters": {"threshold": card.threshold, "encoder": card.encoder, "stride": card.stride},
    }
    if card.citation:
        properties["sci:citation"] = card.citation
    assets: dict[str, Any] = {
        "model": {
            "href": "./model.onnx",
            "type": "application/octet-stream; application=onnx",
            "title": "Network for inference",
            "roles": ["mlm:model", "mlm:inference-runtime"],
            "mlm:artifact_type": "onnx",
            "gsd": card.resolution_m,
            # As STAC 1.1 has it, and as the extension asks for it: it looks for bands of STAC 1.1 in the
            # properties, where STAC forbids them.
            "bands": bands,
            "raster:bands": bands,
        },
        "card": {"href": "./model.yaml", "type": "application/yaml", "roles": ["metadata"]},
    }
    if weights:
        assets["weights"] = {
            "href": "./weights.safetensors",
            "type": "application/octet-stream; application=safetensors",
            "title": "Tensors by their names in PyTorch, before calibration",
            "roles": ["mlm:weights"],
        }
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [EXTENSION, RASTER, VERSION, *([SCIENTIFIC] if card.citation else [])],
        "id": f"{card.name}-{card.version}",
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": assets,
    }
    if bounds is not None:
        west, south, east, north = bounds
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        item |= {"geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": list(bounds)}
    return item


def item_bytes(card: ModelCard, weights: bool) -> bytes:
    """The item as JSON; the same bytes for the same card."""
    return as_json(item_of(card, weights), 2).encode()


def parse_item(data: bytes, path: Path) -> dict[str, Any]:
    """A STAC item that describes a model.

    Raises
    ------
    InputError
        It is no such item.
    """
    if len(data) > LARGEST:
        raise InputError(f"{path} has {len(data):,} bytes, more than {LARGEST:,}; it is refused.")
    try:
        item = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); give a STAC item of a model.") from None
    properties = item.get("properties") if isinstance(item, dict) else None
    if not isinstance(properties, dict) or not any(str(name).startswith("mlm:") for name in properties):
        raise InputError(f"{path} is no STAC item with the extension MLM: it has no properties mlm:...")
    return dict(item)


def description(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an item says of its model, as far as it says something: names and values."""
    properties = item["properties"]
    rows: list[tuple[str, object]] = [
        ("name", properties.get("mlm:name")),
        ("version", properties.get("version")),
        ("architecture", properties.get("mlm:architecture")),
        ("framework", _joined((properties.get("mlm:framework"), properties.get("mlm:framework_version")))),
        ("tasks", _joined(_listed(properties.get("mlm:tasks")), ", ")),
        ("parameters", properties.get("mlm:total_parameters")),
        ("pretrained on", properties.get("mlm:pretrained_source")),
        ("accelerator", properties.get("mlm:accelerator")),
        ("licence", properties.get("license")),
        ("citation", properties.get("sci:citation")),
        ("description", properties.get("description")),
        ("bounds", _joined(_listed(item.get("bbox")), ", ")),
    ]
    for number, part in enumerate(_dicts(properties.get("mlm:input")), 1):
        rows += [(f"input {number}", text) for text in _input(part)]
    for number, part in enumerate(_dicts(properties.get("mlm:output")), 1):
        rows.append((f"output {number}", _output(part)))
    assets = item.get("assets")
    for name, asset in assets.items() if isinstance(assets, dict) else ():
        if isinstance(asset, dict):
            roles = _joined(_listed(asset.get("roles")), ", ")
            rows.append((f"asset {name}", _joined((asset.get("href"), f"({roles})" if roles else ""))))
    return [(name, str(value)) for name, value in rows if value not in (None, "", [])]


def _input(part: Mapping[str, Any]) -> list[str]:
    """Lines on an input: bands, array, scaling; the forms of MLM 1.0 to 1.5."""
    bands = [
        str(band.get("name")) if isinstance(band, dict) else str(band) for band in _listed(part.get("bands"))
    ]
    lines = [
        _joined((part.get("name"), _array(part.get("input")))),
        f"bands {', '.join(bands)}" if bands else "",
    ]
    scaling = _dicts(part.get("value_scaling")) or _dicts(part.get("statistics"))
    kind = part.get("norm_type") or (scaling[0].get("type") if scaling else None)
    if scaling:
        values = [
            " ".join(
                f"{key} {one[key]}"
                for key in ("mean", "stddev", "minimum", "maximum")
                if one.get(key) is not None
            )
            for one in scaling
        ]
        lines.append(f"scaling {kind or 'not named'}: {'; '.join(filter(None, values))}")
    elif kind:
        lines.append(f"scaling {kind}")
    return [line for line in lines if line]


def _output(part: Mapping[str, Any]) -> str:
    classes = _dicts(part.get("classification:classes")) or _dicts(part.get("classification_classes"))
    names = ", ".join(str(one.get("name")) for one in classes)
    return _joined((part.get("name"), _array(part.get("result")), f"classes {names}" if names else ""))


def _array(part: object) -> str:
    if not isinstance(part, dict):
        return ""
    sides = [str(side) for side in _listed(part.get("shape"))]
    names = [str(name) for name in _listed(part.get("dim_order"))]
    shown = [f"{n} {s}" for n, s in zip(names, sides, strict=False)] or sides
    return _joined((part.get("data_type"), f"({', '.join(shown)})" if shown else ""))


def _joined(parts: Iterable[object], by: str = " ") -> str:
    return by.join(str(part) for part in parts if part not in (None, ""))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: object) -> list[dict[str, Any]]:
    return [part for part in _listed(value) if isinstance(part, dict)]
