"""Rings run the wrong way round for the format.

## What it checks
In files whose format asks for it (`formats`) outer rings run counter-clockwise and inner rings
clockwise. Where every polygon of a layer is the other way round this is one finding for the layer.

## Why
Programs that compute on the sphere take a clockwise outer ring for the rest of the world.

## Example
A GeoJSON file made from a shapefile, whose rings run clockwise.

## How to fix
`rogi validate --fix safe`, or `ogr2ogr -lco RFC7946=YES`.

## Reference
RFC 7946 §3.1.6 (GeoJSON). Shapefiles are the other way round; GeoPackages are written either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.inventory.model import Inventory, Layer, Source
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import POLYGONS, per_feature_or_layer
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO018", "ring-orientation", Severity.INFO, Evidence.VERIFIED, POLYGONS, fix="safe")


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        asked = from_formats(context.layer(role), formats_asked(context))
        if not asked.any():
            continue
        vertices = context.vertices(role)
        found = vertices.misoriented & asked
        if found.any():
            words = "an outer ring runs clockwise or an inner one counter-clockwise"
            yield per_feature_or_layer(context, role, found, vertices.parts > 0, words)


def formats_asked(context: Context) -> tuple[str, ...]:
    """Drivers of the formats that ask for an orientation."""
    value = context.parameter("GEO018.formats").value
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def from_formats(layer: Layer, formats: tuple[str, ...]) -> NDArray[np.bool_]:
    """(n,) whether a feature was read by one of some drivers."""
    asked = np.array([source.driver in formats for source in layer.sources], dtype=bool)
    if layer.source_index is None or not len(asked):
        return np.full(len(layer), bool(asked.any()))
    return asked[layer.source_index]


def good() -> Inventory:
    """Counter-clockwise, from GeoJSON."""
    return _as_geojson(examples.tprogi())


def bad() -> Bad:
    """One outline runs clockwise."""
    inventory = examples.tprogi()
    outline = examples.geometry_of(inventory, Role.OUTLINE, 1)
    inventory = examples.with_geometry(inventory, Role.OUTLINE, {1: shapely.reverse(outline)})
    return Bad(_as_geojson(inventory), {Role.OUTLINE: (1,)})


def _as_geojson(inventory: Inventory) -> Inventory:
    layers = tuple(
        replace(
            layer,
            sources=(Source(Path(f"{layer.name}.geojson"), None, "GeoJSON", len(layer)),),
            source_index=None,
        )
        for layer in inventory.layers
    )
    return replace(inventory, layers=layers)
