"""rogi: the toolkit for rock glacier inventories.

Names are imported on first use, so that ``import rogi`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory as Inventory
    from rogi.inventory.model import Layer as Layer
    from rogi.inventory.read import read_inventory as read_inventory
    from rogi.inventory.write import write_inventory as write_inventory
    from rogi.schema.model import Role as Role
    from rogi.synthetic.inventory import synthetic_inventory as synthetic_inventory
    from rogi.validation.engine import validate as validate
    from rogi.validation.report import Report as Report
    from rogi.validation.settings import Settings as Settings

_HOMES = {
    "Inventory": "rogi.inventory.model",
    "Layer": "rogi.inventory.model",
    "Report": "rogi.validation.report",
    "Role": "rogi.schema.model",
    "Settings": "rogi.validation.settings",
    "read_inventory": "rogi.inventory.read",
    "synthetic_inventory": "rogi.synthetic.inventory",
    "validate": "rogi.validation.engine",
    "write_inventory": "rogi.inventory.write",
}

__all__ = [
    "Inventory",
    "Layer",
    "Report",
    "Role",
    "Settings",
    "__version__",
    "read_inventory",
    "synthetic_inventory",
    "validate",
    "write_inventory",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rogi' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
