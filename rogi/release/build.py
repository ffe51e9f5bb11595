"""Building a release: from an inventory and ``release.yaml`` to a folder and a zip, or to refusals."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rogi.archives import write_zip
from rogi.errors import InputError, OutputError
from rogi.files import WORKPLACE, remove_leftovers, swap, workplace, write_text
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.inventory.writing.metadata import write_metadata as write_column_metadata
from rogi.memory import give_back_memory
from rogi.release.checksums import SHOWN, folder_faults
from rogi.release.contents import Contents, conformance_from_json, conformance_of, describe
from rogi.release.data import (
    named,
    provenance_of,
    set_metadata,
    stamped,
    write_geopackage,
    write_other_formats,
)
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import PREDECESSOR, Related, Release, Version, read_release
from rogi.release.differences.difference import Difference, difference
from rogi.release.differences.lineage import CROSSWALK, LINEAGE, crosswalk_text, lineage_text, retired_now
from rogi.release.differences.report import document
from rogi.release.facts import FILE as FACTS
from rogi.release.facts import facts_text
from rogi.release.gate.content import content_refusals, foreign_units
from rogi.release.gate.gate import GateError, refusals, uncommitted
from rogi.release.gate.identity import explained, ids_of, keyed
from rogi.release.gate.leftovers import future_date, leftovers
from rogi.release.marks import CHANGELOG
from rogi.release.metadata import datacite, write_metadata
from rogi.release.previous import Previous, check_previous, released
from rogi.report.format import Format
from rogi.report.validation import render
from rogi.report.writers import as_markdown
from rogi.statistics.facts import check, read_facts
from rogi.statistics.unit_table import unit_table
from rogi.text import as_json
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

if TYPE_CHECKING:
    from rogi.inventory.loss import Loss
    from rogi.release.gate.refusal import Refusal
    from rogi.statistics.facts import Checked
    from rogi.statistics.unit_table import UnitTable
    from rogi.validation.report import Report
    from rogi.validation.waivers import Waiver

REPORTS: Final = {
    "html": "validation/report.html",
    "json": "validation/report.json",
    "sarif": "validation/report.sarif",
}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A release that was built.

    Attributes
    ----------
    folder, zip
        The package, twice.
    losses
        What mapping the inventory to the schema, or a format, lost.
    """

    release: Release
    folder: Path
    zip: Path
    contents: Contents
    losses: tuple[Loss, ...]
    difference: Difference | None = None


def build(
    release: Release,
    inventory: Inventory,
    target: Path,
    *,
    previous: Previous | None = None,
    accept: Mapping[str, str] | None = None,
    waivers: tuple[Waiver, ...] = (),
    force: bool = False,
    progress: Progress = lambda _: None,
) -> Built:
    """Build a release, if nothing speaks against it.

    Parameters
    ----------
    release
        What it is (:func:`~rogi.release.description.read_release`).
    inventory
        The data; never changed. They are brought under the names and the CRS of the release's schema.
    target
        Folder in which ``NAME_vVERSION/`` and ``NAME_vVERSION.zip`` are made; made if need be.
    previous
        The version before (:func:`read_previous`); needed where the release names one.
    accept
        Code of a refusal -> why it may be so; goes into the package.
    waivers
        Findings that do not count. All rules run, at their own severities and with their own parameters; the
        day taken as today is the release's date.
    force
        Replace what is there.
    progress
        Told what is being done.

    Raises
    ------
    GateError
        If something speaks against the release; nothing is written.
    InputError, OutputError
        If something is missing, or cannot be written; nothing is left half-done.
    """
    if release.previous is not None and previous is None:
        raise InputError(
            f"{release.name} is made from version {release.previous}; give that version with --previous."
        )
    check_previous(release, previous)
    with _workplace(release, target, force) as work, stamped(release) as epoch:
        folder = work / release.name
        folder.mkdir()
        progress("writing the GeoPackage")
        packed, losses = write_geopackage(inventory, release, folder / f"{release.name}.gpkg")
        write_column_metadata(folder / f"{release.name}.gpkg", provenance_of(inventory, packed))
        foreign, sources = tuple(foreign_units(inventory)), _folders(inventory)
        del inventory  # a third of all memory, and not needed any more
        give_back_memory()
        progress("validating")
        report = validated(packed, release, waivers)
        found = None
        if previous is not None:
            progress(f"comparing with {previous.name}")
            give_back_memory()
            found = difference(previous.inventory, packed, names=(previous.name, release.name))
        made = target / release.name
        works = target.glob(f"{WORKPLACE}*")
        output = (*works, made, *(made.with_name(f"{made.name}{end}") for end in (".zip", ".draft.json")))
        units = unit_table(packed)
        _gate(release, foreign, sources, packed, units, report, found, previous, accept or {}, output)
        # What an earlier build accepted, and release.yaml may still say, is no reason now.
        release = _after(replace(release, accepted=tuple(sorted((accept or {}).items()))), previous)
        progress("writing the other formats")
        give_back_memory()
        losses = (*losses, *write_other_formats(packed, folder))
        _write_reports(report, folder)
        _write_facts(release, units, folder)
        _write_lineage(release, found, previous, folder)
        write_text(folder / CHANGELOG, _changelog(release, found))
        contents = describe(packed, units, conformance_of(report))
        progress("writing metadata and the zip")
        _finish(folder, release, contents, epoch)
        made, zipped = _put(folder, target)
    return Built(release, made, zipped, contents, tuple(losses), found)


def set_doi(folder: Path, doi: str) -> None:
    """Put a DOI into a package: all its metadata, its checksums and its zip are made again, the data stay.

    Safe to interrupt: the new package takes the place of the old one when it is whole, and what was killed
    while it did so is finished by the next call. A package that has the DOI already is left as it is.

    Raises
    ------
    InputError
        If the folder is no package, has another DOI, or files were added, changed or removed since the build.
    """
    remove_leftovers(folder.parent)
    release = read_release(folder)
    if release.doi == doi:
        return
    if release.doi is not None:
        raise InputError(
            f"{folder} has the DOI {release.doi}, not {doi}; remove it from {RELEASE_FILE} and build the "
            "package again, if it was that of something else."
        )
    if faults := folder_faults(folder)[1]:  # a file that was changed must not get a new checksum
        raise InputError(
            f"{folder} is not what was built: {'; '.join(faults[:SHOWN])}. Build the release again."
        )
    release = release.with_doi(doi)
    with _workplace(release, folder.parent, True) as work, stamped(release) as epoch:
        copy = work / release.name
        shutil.copytree(folder, copy)
        package = copy / f"{release.name}.gpkg"
        inventory = named(read_inventory(package, schema=release.schema), package.name)
        report = json.loads((copy / REPORTS["json"]).read_text(encoding="utf-8"))
        contents = describe(inventory, unit_table(inventory), conformance_from_json(report))
        _finish(copy, release, contents, epoch)
        _put(copy, folder.parent)


# ---- steps


def validated(
    inventory: Inventory, release: Release, waivers: tuple[Waiver, ...] = (), select: tuple[str, ...] = ()
) -> Report:
    """The validation of a release: rules (by default all) as they are; only waivers lift findings."""
    return validate(inventory, Settings(today=release.date, waivers=waivers, select=select))


def _after(release: Release, previous: Previous | None) -> Release:
    """The release with the DOI of the version before among the works it is related to."""
    before = previous.release if previous is not None else None
    if before is None or before.doi is None or any(r.identifier == before.doi for r in release.related):
        return release
    link = Related(PREDECESSOR, before.doi, "doi", "Dataset", before.citation)
    return replace(release, related=(*release.related, link))


def _folders(inventory: Inventory) -> list[Path]:
    """Folders of the files that an inventory was read from."""
    return [s.path.resolve().parent for x in inventory.layers for s in x.sources if s.driver != "memory"]


def _gate(
    release: Release,
    foreign: tuple[Refusal, ...],
    sources: list[Path],
    packed: Inventory,
    units: UnitTable,
    report: Report,
    found: Difference | None,
    previous: Previous | None,
    accept: Mapping[str, str],
    output: tuple[Path, ...],
) -> None:
    facts: tuple[Checked, ...] = ()
    if release.folder is not None and (release.folder / FACTS).is_file():
        # a copy: a table tells what it converted of the columns asked for
        facts = check(read_facts(release.folder), replace(units, _quantities={}, _numbers={}))
    before: Version | None = None
    if previous is not None:
        stated = previous.release.version if previous.release is not None else release.previous
        before = Version.parse(stated) if stated is not None else None
    # Folders of later versions may be prepared; the last is what was released, or what is below this one.
    own = Version.parse(release.version)
    places = [*([release.folder] if release.folder is not None else []), *sources]
    ids_before = ids_of(previous.inventory) if previous is not None else frozenset()
    earlier = previous.inventory if previous is not None else None
    more = [
        *keyed(packed, ids_before),
        *future_date(release),
        *leftovers(
            release,
            previous.release if previous is not None else None,
            previous.changelog if previous is not None else "",
        ),
        *content_refusals(
            report,
            packed,
            release.thresholds,
            foreign=foreign,
            previous=earlier,
            before=(lambda codes: validated(earlier, release, select=codes)) if earlier is not None else None,
            explained=explained(found) if found is not None else frozenset(),
        ),
    ]
    reasons = refusals(
        release,
        report,
        found=found,
        facts=facts,
        retired=previous.retired if previous is not None else (),
        known=[v for v in released(release) if v != own],
        previous=before,
        ids=ids_of(packed),
        ids_before=ids_before,
        more=more,
        accept=accept,
        dirty=uncommitted(places, output),
    )
    if reasons:
        raise GateError(release, reasons)


def _write_reports(report: Report, folder: Path) -> None:
    (folder / "validation").mkdir()
    for kind, name in REPORTS.items():
        render(report, Format(kind), folder / name)


def _write_facts(release: Release, units: UnitTable, folder: Path) -> None:
    """The stated facts, or those of the data where none are stated."""
    stated = release.folder / FACTS if release.folder is not None else None
    if stated is not None and stated.is_file() and not release.accepted:
        write_text(folder / FACTS, stated.read_text(encoding="utf-8"))
    else:
        write_text(folder / FACTS, facts_text(release, units))


def _write_lineage(
    release: Release, found: Difference | None, previous: Previous | None, folder: Path
) -> None:
    if found is None:
        return
    (folder / "lineage").mkdir()
    write_text(folder / CROSSWALK, crosswalk_text(found))
    before = previous.retired if previous is not None else ()
    write_text(folder / LINEAGE, lineage_text([*before, *retired_now(release, found)]))


def _changelog(release: Release, found: Difference | None) -> str:
    text = ""
    if release.folder is not None and (release.folder / CHANGELOG).is_file():
        text = (release.folder / CHANGELOG).read_text(encoding="utf-8").rstrip() + "\n"
    else:
        text = f"# {release.inventory} {release.version} ({release.date.isoformat()})\n"
    return text + (f"\n{as_markdown(document(found))}" if found is not None else "")


def _finish(folder: Path, release: Release, contents: Contents, epoch: int) -> None:
    """Metadata into the GeoPackage, the metadata files, the zip beside the folder."""
    set_metadata(folder / f"{release.name}.gpkg", as_json(datacite.record(release, contents), 2), epoch)
    write_metadata(folder, release, contents)
    for path in folder.rglob("*"):
        os.utime(path, (epoch, epoch))
    write_zip(folder, folder.with_name(f"{release.name}.zip"), epoch)


# ---- where


@contextmanager
def _workplace(release: Release, target: Path, force: bool) -> Iterator[Path]:
    """A folder beside the target that is gone afterwards; errors of writing become one sentence."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {target} cannot be made: {error.strerror}.") from None
    remove_leftovers(target)
    for path in (target / release.name, target / f"{release.name}.zip"):
        if path.exists() and not force:
            raise OutputError(f"{path} exists; remove it, write elsewhere, or replace it with --force.")
    with workplace(target) as work:
        try:
            yield work
        except OSError as error:
            raise OutputError(
                f"{release.name} could not be written to {target}: {error.strerror or error}."
            ) from error


def _put(folder: Path, target: Path) -> tuple[Path, Path]:
    """Move the package to its place, the zip first: beside a new folder there is never an old zip."""
    zipped = folder.with_name(f"{folder.name}.zip")
    final, final_zip = target / folder.name, target / zipped.name
    for path in (*folder.rglob("*"), zipped):
        if path.is_file():
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
    zipped.replace(final_zip)
    swap(folder, final)
    return final, final_zip
