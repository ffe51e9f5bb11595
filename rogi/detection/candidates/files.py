"""Candidates as files, and what their files say of coverage and parameters."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyogrio

from rogi.detection.candidates.extraction import Candidates
from rogi.files import replacing
from rogi.inventory.build import from_frames
from rogi.inventory.write import write_inventory
from rogi.inventory.writing.geopackage import add_styles, set_last_change
from rogi.inventory.writing.metadata import Metadata, write_metadata
from rogi.schema.load import load_schema
from rogi.schema.model import Role
from rogi.schema.qgis import layer_qml

SCHEMA = "candidates/1.0"


STANDARD_URI = "https://json.org/"


def write_candidates(candidates: Candidates, path: str | Path) -> tuple[str, ...]:
    """Write candidates, by the suffix of the path, and say what the format could not hold.

    A GeoPackage has the layers ``candidates``, ``coverage`` and, if units were separated, ``parents``, with
    descriptions of the columns, styles for QGIS and the parameters as metadata; the same candidates give the
    same bytes. Other formats (GeoParquet, FlatGeobuf, Shapefile, CSV) hold the candidates alone.

    Raises
    ------
    OptionError
        Unknown file extension.
    OutputError
        If the file cannot be written.
    """
    target = Path(path)
    layers = {Role.OUTLINE: candidates.frame, Role.AREA_OF_INTEREST: candidates.coverage}
    if target.suffix.lower() != ".gpkg":
        alone = from_frames({Role.OUTLINE: candidates.frame}, SCHEMA, "candidates")
        written = write_inventory(alone, target)
        return (
            f"{target.name} contains the candidates only; the predicted ground and the parents are written "
            "to a GeoPackage only",
            *(str(loss) for loss in written.losses),
        )
    with replacing(target) as temporary:
        write_inventory(from_frames(layers, SCHEMA, "candidates"), temporary)
        _finish(candidates, temporary)
    return ()


def read_parameters(path: str | Path) -> dict[str, Any]:
    """How the candidates of a GeoPackage were made; nothing where the file does not say."""
    target = Path(path)
    if not target.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{target.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT metadata FROM gpkg_metadata LIMIT 100").fetchall()
        texts = [json.loads(text) for (text,) in rows if isinstance(text, str) and text.startswith("{")]
    except (sqlite3.Error, ValueError):
        return {}
    for text in texts:
        if isinstance(text.get("candidates"), dict):
            return dict(text["candidates"])
    return {}


def _finish(candidates: Candidates, path: Path) -> None:
    """Parents and parameters into a GeoPackage."""
    if candidates.parents is not None:
        parents = candidates.parents
        pyogrio.write_dataframe(
            parents,
            path,
            layer="parents",
            driver="GPKG",
            append=True,
            geometry_type="Polygon",
            layer_options={"DESCRIPTION": "Polygons that were separated into several candidates"},
        )
        outline = load_schema(SCHEMA).layer(Role.OUTLINE)
        assert outline is not None
        add_styles(
            path, {"parents": layer_qml(replace(outline, name="parents"), columns=list(parents.columns))}
        )
    text = json.dumps({"candidates": dict(candidates.parameters)}, ensure_ascii=False, sort_keys=True)
    write_metadata(path, [Metadata(text, STANDARD_URI)])
    set_last_change(path)
