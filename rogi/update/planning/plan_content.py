"""What ``plan.json`` says of a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rogi import __version__
from rogi.ledger import digest, file_sha256
from rogi.update.planning.candidate_files import Candidates
from rogi.update.planning.partition import Part
from rogi.update.planning.stored_plan import keys_digest
from rogi.update.planning.tasks import DIGITS
from rogi.update.planning.units import Units
from rogi.update.vocabulary import APPLICATION, FORMAT, TaskClass

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from rogi.update.planning.plan import Package, Request

SHAPEFILE_PARTS: Final = (".shp", ".dbf", ".prj", ".cpg")
"""Files that say what a Shapefile holds: outlines, IDs, CRS, encoding."""


def plan_content(
    request: Request,
    units: Units,
    found: Candidates,
    glacier_file: Path | None,
    tasks: gpd.GeoDataFrame,
    packages: Sequence[tuple[Package, Part]],
    notes: Iterable[str],
) -> dict[str, Any]:
    """What ``plan.json`` says; file names without their folders, so that a plan can be moved."""
    whole, sums = inventory_sha256(request.inventory)
    names = [path.name for path in request.inventory]
    inventory = [{"name": n, "sha256": s} for n, s in zip(names, sums, strict=True)]
    source = {"name": ", ".join(names), "sha256": whole}
    entries = []
    for package, part in packages:
        own = tasks[tasks["package"] == package.number]
        entries.append(
            {
                "name": package.name,
                "mapper": package.mapper,
                "file": f"{package.stem}.gpkg",
                "project": f"{package.stem}.qgs",
                "tasks": len(own),
                "units": int(own["unit"].notna().sum()),
                "counts": _counts(own["class"]),
                "work": round(part.work, DIGITS),
                "work_share": round(part.share, DIGITS),
                "radius_km": round(part.radius_km, 3),
                "areas": [
                    {"name": name, "tasks": int(number)}
                    for name, number in own["area_name"].value_counts().reindex(package.areas).items()
                ],
                "digest": keys_digest(own["task"]),
            }
        )
    content: dict[str, Any] = {
        "format": FORMAT,
        "application": APPLICATION,
        "rogi": __version__,
        "inventory": {
            **source,
            "files": inventory,
            "version": request.inventory[0].stem,
            "schema": units.inventory.schema.id,
            "dialect": units.inventory.dialect.name,
            "layers": {layer.role.value: layer.name for layer in units.inventory.layers},
            "crs": units.layer.crs.to_string() if units.layer.crs is not None else "",
            "units": len(units),
        },
        "candidates": {
            "name": found.path.name,
            "layer": found.layer,
            "sha256": file_sha256(found.path),
            "count": len(found),
            "models": sorted({m for m in found.texts["model"] if m is not None}),
            "imagery": sorted({m for m in found.texts["imagery"] if m is not None}),
        },
        "glaciers": _named(glacier_file),
        "probability": _named(request.probability),
        "imagery": [{"name": p.name} for p in request.imagery],
        "parameters": asdict(request.parameters),
        "mappers": [package.mapper for package, _ in packages],
        "counts": _counts(tasks["class"]),
        "tasks": len(tasks),
        "packages": entries,
        "notes": list(notes),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return content | {"digest": hashlib.sha256(text.encode()).hexdigest()}


def inventory_sha256(paths: Sequence[Path]) -> tuple[str, list[str]]:
    """SHA-256 of an inventory, and of each of its files; a Shapefile's is that of its parts."""
    sums = [_sha256(path) for path in paths]
    return (sums[0] if len(sums) == 1 else digest(sums)), sums


def _sha256(path: Path) -> str:
    if path.suffix.casefold() != ".shp":
        return file_sha256(path)
    beside = {p.suffix.casefold(): p for p in sorted(path.parent.iterdir()) if p.stem == path.stem}
    return digest([[part, file_sha256(beside[part])] for part in SHAPEFILE_PARTS if part in beside])


def _counts(classes: pd.Series[str]) -> dict[str, int]:
    there = classes.value_counts()
    return {kind.value: int(there.get(kind.value, 0)) for kind in TaskClass}


def _named(path: Path | None) -> dict[str, str] | None:
    return None if path is None else {"name": path.name, "sha256": file_sha256(path)}
