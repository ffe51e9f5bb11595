"""Writing a new version and the folder beside it: both whole, or neither."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rogi.errors import OptionError, OutputError
from rogi.files import move, refuse_open, swap, workplace, write_text
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.write import time_of_writing, write_inventory
from rogi.inventory.writing.geopackage import UNCHANGING_TIME
from rogi.inventory.writing.metadata import write_metadata
from rogi.ledger import file_sha256
from rogi.paths import plain_name
from rogi.report.writers import as_markdown
from rogi.text import as_json, sheet_text
from rogi.update.applying.lineage import lineage_text
from rogi.update.applying.summary import document, summary
from rogi.update.applying.tables import (
    OPEN_COLUMNS,
    PROBLEM_COLUMNS,
    conflicts_frame,
    conflicts_text,
    open_table,
    problems_table,
    rejected_frame,
    retired_text,
    write_layer,
)
from rogi.update.packages.files import UPDATE_SUFFIX
from rogi.update.vocabulary import APPLICATION, LINEAGE_FILE

if TYPE_CHECKING:
    from rogi.attributes.derived import Derived
    from rogi.update.applying.new_version import Applied

SUMMARY_FILE: Final = "summary.json"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written; ``changed`` is False where all of it was there already, to the byte."""

    output: Path
    folder: Path
    content: dict[str, Any]
    changed: bool


def folder_of(output: Path) -> Path:
    """The folder beside a new version: ``v1.1.update`` of ``v1.1.gpkg``."""
    return output.with_suffix(UPDATE_SUFFIX)


def check_output(output: Path, force: bool = False) -> None:
    """Refuse, before any work, what must not be written.

    Raises
    ------
    OptionError
        If it is no GeoPackage.
    OutputError
        If something is there that no apply wrote, or that was changed since, or is open in another program;
        ``force`` replaces a file that was changed, but never a folder of another kind.
    """
    if output.suffix.casefold() != ".gpkg":
        raise OptionError(
            f"-o {output} is no GeoPackage; name a file .gpkg, which rogi convert turns into other formats."
        )
    if not output.parent.is_dir():
        raise OutputError(f"The folder {output.parent} does not exist; make it, or write elsewhere.")
    folder = folder_of(output)
    stated = stated_summary(folder)
    if folder.exists() and stated is None:
        raise OutputError(f"{folder} holds something else than an update; move it, or name another output.")
    refuse_open(output)
    if output.exists() and not force:
        recorded = (stated or {}).get("output", {}).get("sha256")
        if not output.is_file() or file_sha256(output) != recorded:
            raise OutputError(
                f"{output} is there and is not as an update left it; name another file, or give --force to "
                "replace it."
            )


def write_update(applied: Applied, output: Path, *, derived: Derived | None = None) -> Written:
    """Write a new version and its folder.

    Everything is made in a hidden folder beside the output and then put in place, the GeoPackage last: where
    it is there, all of it is. Of an interrupted run at most the folder is there without the GeoPackage, and
    the next run replaces it.

    Raises
    ------
    OutputError
        If something cannot be written; see also :func:`check_output`.
    """
    folder = folder_of(output)
    with workplace(output.parent) as work:
        made = work / plain_name(output.name)
        beside = work / "beside"
        beside.mkdir()
        _write_inventory(applied, made, derived)
        content = _write_tables(applied, made, output.name, beside)
        if _identical(output, made) and _identical(folder / SUMMARY_FILE, beside / SUMMARY_FILE):
            return Written(output, folder, content, False)
        for path in (made, *sorted(beside.iterdir()), beside):
            _sync(path)
        try:
            _put_in_place(output, folder, made, beside)
        except OSError as error:
            raise OutputError(f"{output} could not be written: {error.strerror or error}.") from error
        return Written(output, folder, content, True)


def _put_in_place(output: Path, folder: Path, made: Path, beside: Path) -> None:
    """The old file goes first and the new one comes last."""
    refuse_open(output)
    for old in (output, *(output.with_name(output.name + ending) for ending in ("-wal", "-shm", "-journal"))):
        old.unlink(missing_ok=True)
    swap(beside, folder)
    move(made, output)


def _write_inventory(applied: Applied, path: Path, derived: Derived | None) -> None:
    from rogi.attributes.provenance import column_metadata, kept_provenance

    inventory = applied.inventory
    records = derived.provenance if derived is not None else ()
    earlier = kept_provenance(applied.examination.inventory, records, True)
    write_inventory(inventory, path, schema_names=_has_schema_names(inventory))
    if records or earlier:
        stamp = time_of_writing()
        time = UNCHANGING_TIME if stamp is None else stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        write_metadata(path, column_metadata(records, earlier), time)


def _has_schema_names(inventory: Inventory) -> bool:
    """Whether layers and columns have the names and order of the schema already, so that its forms fit."""
    return all(_is_named(layer) for layer in inventory.layers)


def _is_named(layer: Layer) -> bool:
    if layer.schema is None or layer.name != layer.schema.name:
        return False
    geometry = layer.frame.geometry.name
    columns = [c for c in layer.frame.columns if c != geometry]
    known = [
        (field.name, layer.columns[field.concept.name])
        for field in layer.schema.fields
        if field.concept.name in layer.columns
    ]
    same_order = columns[: len(known)] == [column for _, column in known]
    return same_order and all(name == column for name, column in known)


def _write_tables(applied: Applied, made: Path, name: str, folder: Path) -> dict[str, Any]:
    looked = applied.examination
    conflicts = conflicts_frame(looked)
    texts = {
        LINEAGE_FILE: lineage_text(applied.operations),
        "retired.csv": retired_text(applied.retired),
        "problems.csv": sheet_text(PROBLEM_COLUMNS, problems_table(looked)),
        "open.csv": sheet_text(OPEN_COLUMNS, open_table(looked)),
        "conflicts.csv": conflicts_text(conflicts),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    write_layer(folder / "conflicts.gpkg", "conflicts", conflicts, "Decisions that contradict each other")
    rejected = rejected_frame(looked)
    write_layer(folder / "rejected.gpkg", "rejected", rejected, "Outlines that are no rock glaciers")
    content = summary(applied)
    content["output"] = {"name": name, "sha256": file_sha256(made)}
    write_text(folder / "summary.md", as_markdown(document(content)))
    content["files"] = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    write_text(folder / SUMMARY_FILE, as_json(content, 1))
    return content


def stated_summary(folder: Path) -> dict[str, Any] | None:
    """What the summary in a folder says; None where no apply wrote it."""
    try:
        content = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("application") == APPLICATION else None


def _identical(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size and _digest(one) == _digest(other)
    except OSError:
        return False


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _sync(path: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can, for folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
