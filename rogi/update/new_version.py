"""A new version from the decisions of work packages: what `rogi update apply` and `rogi.apply_update` do."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.inventory.read import read_inventory
from rogi.release.description import Version
from rogi.update.applying.log import earlier_updates, retired_ids
from rogi.update.applying.new_version import Applied, with_attributes
from rogi.update.applying.new_version import apply as apply_decisions
from rogi.update.applying.results import check_output
from rogi.update.deciding.edits import Edits, read_edits
from rogi.update.deciding.examination import Examination, examine
from rogi.update.planning.plan_content import inventory_sha256
from rogi.update.planning.stored_plan import Planned
from rogi.update.planning.units import read_units

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings
    from rogi.attributes.derived import Derived


@dataclass(frozen=True)
class Request:
    """What is applied to what.

    Attributes
    ----------
    work
        Work folder, or its files.
    inventory
        Files of the inventory that the plan was made of.
    version
        Name of the new version.
    plan, store
        ``plan.json`` where the packages lie elsewhere; a PostGIS database to read them from.
    output, force
        File that will be written, and whether a changed one may be replaced.
    strict
        Apply nothing unless every task is decided and legal.
    history
        Earlier updates or releases, whose retired IDs no new unit gets.
    image_source
        What new outlines were drawn from; by default what the plan names.
    attributes
        What attributes of changed units are derived from.
    layers, schema, dialect, crs
        How the inventory is read.
    """

    work: tuple[Path, ...]
    inventory: tuple[Path, ...]
    version: str
    plan: Path | None = None
    store: str | None = None
    output: Path | None = None
    force: bool = False
    strict: bool = False
    history: tuple[Path, ...] = ()
    image_source: str | None = None
    attributes: AttributeSettings | None = None
    layers: tuple[str, ...] = ()
    schema: str | None = None
    dialect: str | None = None
    crs: str | None = None


@dataclass(frozen=True, eq=False)
class NewVersion:
    """What came of it; ``applied`` is None where `Request.strict` forbids it."""

    edits: Edits
    examined: Examination
    applied: Applied | None
    derived: Derived | None


def make_version(request: Request, progress: Callable[[str, int, int], None] = lambda *_: None) -> NewVersion:
    """Read, check and apply decisions; nothing is written.

    Raises
    ------
    InputError
        Something cannot be read, or the inventory is another than that of the plan.
    OptionError
        There is nothing to apply.
    OutputError
        The output cannot be replaced.
    """
    if not request.work and request.store is None:
        raise OptionError("There is nothing to apply; name the work folder, or the store.")
    progress("reading the inventory", 1, 5)
    base = read_inventory(
        request.inventory,
        schema=request.schema,
        dialect=request.dialect,
        layers=request.layers,
        crs=request.crs,
    )
    if request.output is not None:
        check_output(request.output, request.force)
    units = read_units(base)
    progress("reading decisions", 2, 5)
    edits = read_edits(request.work, plan=request.plan, store=request.store, crs=units.layer.crs, units=units)
    targets.note_read(*(edits.planned.path.parent / p.file for p in edits.planned.packages))
    if request.output is not None:
        targets.refuse_input(request.output, "-o")
    _refuse_other_inventory(edits.planned, request.inventory)
    taken = retired_ids([*request.history, *request.inventory, *earlier_updates(list(request.inventory))])
    progress("checking decisions", 3, 5)
    examined = examine(edits, base, units=units)
    if request.strict and not examined.complete:
        return NewVersion(edits, examined, None, None)
    progress("applying", 4, 5)
    applied = apply_decisions(examined, request.version, taken=taken, image_source=request.image_source)
    derived = None
    if request.attributes is not None:
        applied, derived = with_attributes(applied, request.attributes)
    return NewVersion(edits, examined, applied, derived)


def version_of(output: Path) -> str:
    """The version a file name states, ``1.1`` of ``TPRoGI v 1.1``, else the name."""
    words = re.split(r"[\s_-]+", output.stem.casefold())
    stated: dict[str, str] = {}
    for word in words:
        with contextlib.suppress(OptionError):
            stated[word] = str(Version.parse(word))
    if words[-1] in stated or len(stated) == 1:
        return stated.get(words[-1]) or next(iter(stated.values()))
    return output.stem


def _refuse_other_inventory(planned: Planned, paths: Sequence[Path]) -> None:
    """IDs and outlines of another version would be taken for edits."""
    if planned.inventory_sha256 and inventory_sha256(list(paths))[0] != planned.inventory_sha256:
        shown = ", ".join(str(p) for p in paths)
        raise InputError(
            f"{shown} is not the inventory that {planned.path} was made of ({planned.inventory}): its "
            "checksum differs; name the same file."
        )
