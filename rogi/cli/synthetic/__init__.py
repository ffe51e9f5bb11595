"""``rogi synthetic``: inventories, terrain and imagery with known answers."""

from __future__ import annotations

from rogi.cli.lazy import group

COMMANDS = {
    "inventory": ("rogi.cli.synthetic.inventories:inventory", "Write a synthetic inventory, with defects."),
    "versions": ("rogi.cli.synthetic.inventories:versions", "Write two versions and what was edited."),
    "terrain": ("rogi.cli.synthetic.rasters:terrain", "Write 1-degree tiles of synthetic elevation."),
    "imagery": ("rogi.cli.synthetic.rasters:imagery", "Write a picture of synthetic mountains."),
    "climate": ("rogi.cli.synthetic.rasters:climate", "Write monthly temperature and precipitation."),
    "decisions": ("rogi.cli.synthetic.inventories:decisions", "Decide on all tasks of an update."),
}

app = group(COMMANDS, help="Make seeded inventories, terrain and imagery with known answers.")
