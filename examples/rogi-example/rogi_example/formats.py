"""A list of units: one line for each outline or marker."""

from __future__ import annotations

from pathlib import Path

from rogi.inventory.model import Inventory
from rogi.inventory.writing.foreign import OutputFormat


def write(inventory: Inventory, path: Path) -> None:
    """Role and ID, or row, of each feature."""
    lines = []
    for layer in inventory.layers:
        ids = layer.raw("primary_id") if layer.has("primary_id") else [f"row {row}" for row in layer.rows]
        lines += [f"{layer.role.value} {text}\n" for text in ids]
    path.write_text("".join(lines), encoding="utf-8")


NAMES = OutputFormat(".names", write)
