"""Attributes derived anew, to be compared with what an inventory holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.fields import GROUPS, Group, is_given
from rogi.errors import InputError, OptionError

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings
    from rogi.inventory.model import Inventory


def with_recomputed(
    inventory: Inventory, settings: AttributeSettings, runner: Runner | None = None
) -> tuple[Inventory, tuple[str, ...], tuple[str, ...]]:
    """The inventory with its stored attributes derived anew beside them.

    Parameters
    ----------
    inventory : Inventory
    settings : AttributeSettings
        Rasters and choices; its fields are ignored: what the inventory holds is derived.
    runner : Runner, optional

    Returns
    -------
    inventory : Inventory
        With `recomputed` set for the outlines, or for the markers where `settings.buffer` is given.
    warnings : tuple of str
    failures : tuple of str
        Files that are missing or damaged; units on them have no values to compare with.

    Raises
    ------
    InputError
        A raster cannot be read, or the inventory holds none of the attributes.
    OptionError
        No raster was given.
    """
    groups = [
        group for group in GROUPS if group not in (Group.GEOMETRY, Group.REGION) and is_given(group, settings)
    ]
    if not groups:
        raise OptionError("To check attributes against rasters, name these: --dem, --maat, --magt or --ap.")
    names = [name for group in groups for name in GROUPS[group]]
    stored = tuple(name for name in names if any(layer.has(name) for layer in inventory.layers))
    if not stored:
        raise InputError(
            f"{inventory.path or 'The inventory'} holds none of the attributes that these rasters give "
            f"({', '.join(names)}); `rogi attributes` derives them."
        )
    # Nothing is written, so columns may be in units in which derived values could not be.
    layers = tuple(
        layer if layer.dialect is None else replace(layer, dialect=replace(layer.dialect, units={}))
        for layer in inventory.layers
    )
    plain = replace(inventory, layers=layers)
    derived = derive_attributes(plain, replace(settings, fields=stored, only_missing=False), runner)
    values = {name: np.asarray(derived.values[name], dtype=np.float64) for name in stored}
    return replace(inventory, recomputed={derived.role: values}), derived.warnings, derived.failures
