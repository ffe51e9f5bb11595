"""Writing an inventory with its attributes, their provenance and the settings beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rogi import targets
from rogi.attributes.configuration import AttributeSettings, settings_toml
from rogi.attributes.provenance import Input, column_metadata, file_input, kept_provenance, sidecar
from rogi.files import replacing, same_text, write_text
from rogi.inventory.write import time_of_writing, write_inventory
from rogi.inventory.writing.geopackage import UNCHANGING_TIME
from rogi.inventory.writing.metadata import write_metadata

if TYPE_CHECKING:
    from rogi.attributes.derived import Derived
    from rogi.inventory.model import Inventory
    from rogi.ledger import Ledger

SIDECAR = ".provenance.json"
SETTINGS = ".attributes.toml"


def write_derived(
    derived: Derived, path: Path, settings: AttributeSettings, ledger: Ledger
) -> tuple[Path, ...]:
    """Write the inventory, ``<path>.provenance.json`` and ``<path>.attributes.toml``.

    A GeoPackage carries the provenance in its own metadata tables too; what its input says of columns that
    were not derived anew is kept. Layers and columns keep their names.

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    OutputError
        Something cannot be written; the inventory is then whole or not there.
    """
    text = settings_toml(settings, path.parent)
    sources = inventory_inputs(derived.inventory, ledger)
    earlier = kept_provenance(derived.inventory, derived.provenance, settings.only_missing)
    if path.suffix.casefold() == ".gpkg":
        stamp = time_of_writing()
        time = UNCHANGING_TIME if stamp is None else stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        with replacing(path) as temporary:
            write_inventory(derived.inventory, temporary, schema_names=False)
            write_metadata(temporary, column_metadata(derived.provenance, earlier), time)
    else:
        write_inventory(derived.inventory, path, schema_names=False)
    beside = _beside(path)
    write_text(beside[0], sidecar(derived.provenance, earlier, text, sources))
    if not same_text(beside[1], text):
        write_text(beside[1], text)
    return path, *beside


def inventory_inputs(inventory: Inventory, ledger: Ledger) -> tuple[Input, ...]:
    """Files the inventory was read from."""
    paths = {s.path for layer in inventory.layers for s in layer.sources if s.path.is_file()}
    return tuple(file_input(path, ledger, "", "") for path in sorted(paths))


def check_targets(path: Path, settings: AttributeSettings) -> None:
    """Refuse, before any work, to write over what the settings name or what others wrote.

    Raises
    ------
    OutputError
        See :func:`rogi.targets.check`.
    """
    targets.note_read(*settings.dem, *([settings.regions] if isinstance(settings.regions, str) else []))
    for source in (settings.maat, settings.magt, settings.ap):
        targets.note_read(*(source.files if source is not None else ()))
    for item in settings.inputs:
        targets.note_read(*item.files)
    provenance, stored = _beside(path)
    for each in (path, provenance):
        targets.check(each, "-o")
    if not same_text(
        stored, settings_toml(settings, stored.parent)
    ):  # they may be those the command was given
        targets.check(stored, "-o")


def _beside(path: Path) -> tuple[Path, Path]:
    """The files of provenance and settings that go with an inventory."""
    return path.with_name(path.name + SIDECAR), path.with_name(path.name + SETTINGS)
