"""The life of one unit over versions: its operations, those of the units it came from and went into."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rogi.archives import unpack
from rogi.errors import InputError, OptionError
from rogi.inventory.ids.primary_id import parse
from rogi.release.description import Version
from rogi.release.differences.lineage import LINEAGE as RELEASE_LINEAGE
from rogi.release.differences.lineage import Retired
from rogi.release.differences.lineage import read_lineage as read_release_lineage
from rogi.update.applying.lineage import FILE, read_operations
from rogi.update.applying.results import folder_of, stated_summary
from rogi.update.vocabulary import Operation

FATE: Final = "release"
"""Source of events that only a release's list of retired IDs tells."""


@dataclass(frozen=True, slots=True)
class History:
    """Operations and retired IDs of several versions.

    Attributes
    ----------
    operations
        From the lineage of updates, each once.
    retired
        From the lists of releases.
    files
        What was read.
    """

    operations: tuple[Operation, ...]
    retired: tuple[Retired, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a unit, or to one it came from or went into.

    Attributes
    ----------
    version, unit, what
        When, to which ID, and the operation.
    before, after
        IDs before and after.
    relation
        ``self``, ``ancestor`` or ``descendant`` of the unit that was asked for.
    operation
        All that is known of it; None where only a release tells of it.
    reason
        Why.
    """

    version: str
    unit: str
    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    relation: str
    reason: str
    operation: Operation | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """The events of a unit, in order of versions."""

    unit: str
    events: tuple[Event, ...]
    ancestors: tuple[str, ...]
    descendants: tuple[str, ...]
    gone: bool


def read_history(paths: Iterable[Path]) -> History:
    """What files and folders tell of earlier versions.

    Parameters
    ----------
    paths
        ``lineage.csv`` of an update, its folder, a release package (folder or zip), or a folder that holds
        some of these.

    Raises
    ------
    InputError
        If a path holds nothing of the kind, or a file is damaged.
    """
    operations: dict[Operation, None] = {}
    retired: dict[Retired, None] = {}
    files: list[Path] = []
    for path in paths:
        found = _read(path, operations, retired)
        if not found:
            raise InputError(
                f"{path} tells nothing of earlier versions; name a lineage.csv, a folder .update, or a "
                "release."
            )
        files += found
    return History(tuple(operations), tuple(retired), tuple(files))


def retired_ids(paths: Iterable[Path]) -> frozenset[str]:
    """IDs that stood for units which are gone, as far as some files tell; some may tell nothing."""
    operations: dict[Operation, None] = {}
    retired: dict[Retired, None] = {}
    for path in paths:
        _read(path, operations, retired)
    gone = {i for o in operations for i in o.predecessor.split() if i not in o.successor.split()}
    return frozenset(gone | {r.id for r in retired})


def earlier_updates(inventory: Iterable[Path]) -> list[Path]:
    """Folders of the updates that led to an inventory, as far as they lie beside it, the last one first.

    Beside ``v1.2.gpkg`` lies ``v1.2.update``, which names ``v1.1.gpkg``, and so on. Later updates in the same
    folder are none of its past.
    """
    out: list[Path] = []
    waiting = list(inventory)
    while waiting:
        path = waiting.pop()
        folder = folder_of(path)
        if folder in out or not (folder / FILE).is_file():
            continue
        out.append(folder)
        stated = stated_summary(folder)
        before = stated.get("inventory") if stated is not None else None
        names = str(before.get("name") or "") if isinstance(before, dict) else ""
        waiting += [path.with_name(Path(name).name) for name in names.split(", ") if Path(name).name]
    return out


def life(unit: str, history: History) -> Life:
    """Follow a unit through all versions.

    Parameters
    ----------
    unit
        An ID of any version.
    history
        What is known.

    Raises
    ------
    OptionError
        If no file knows the ID.
    """
    events = _events(history)
    known = {i for e in events for i in (*e.before, *e.after, e.unit)}
    if unit not in known:
        raise OptionError(_unknown(unit, known, history.files))
    ancestors = _reached(unit, events, backwards=True)
    descendants = _reached(unit, events, backwards=False)
    chosen = []
    gone = False
    for event in sorted(events, key=_order):
        touched = {event.unit, *event.before, *event.after}
        if unit in touched:
            chosen.append(replace(event, relation="self"))
            gone = unit in event.before and unit not in event.after
        elif touched.intersection(ancestors):
            chosen.append(replace(event, relation="ancestor"))
        elif touched.intersection(descendants):
            chosen.append(replace(event, relation="descendant"))
    return Life(unit, tuple(chosen), ancestors, descendants, gone)


def _unknown(unit: str, known: Set[str], files: Sequence[Path]) -> str:
    """Why there is nothing to tell of a name: a slip of the keyboard, no ID at all, or no events."""
    read = f"The files are {', '.join(str(f) for f in files)}."
    parsed = parse([unit])
    if not parsed.parsed[0]:
        return (
            f"{unit!r} is neither a primary ID, such as RGU375000N0740600E, nor a name in the lineages that "
            f"were read. {read}"
        )
    if parsed.canonical[0] in known:
        return f"No lineage names {unit}, but {parsed.canonical[0]}, which is how that ID is written. {read}"
    return f"No lineage names {unit}; units that were never decided on have none. {read}"


# ---- reading


def _read(path: Path, operations: dict[Operation, None], retired: dict[Retired, None]) -> list[Path]:
    """Files that were read below a path."""
    if path.is_dir():
        if (path / RELEASE_LINEAGE).is_file():
            _of_release(path, retired)
            return [path / RELEASE_LINEAGE]
        own = [path / FILE] if (path / FILE).is_file() else []
        inside = sorted(
            p / FILE for p in path.iterdir() if (p / FILE).is_file() and not p.name.startswith(".")
        )
        releases = sorted(p for p in path.iterdir() if (p / RELEASE_LINEAGE).is_file())
        for file in (*own, *inside):
            operations |= dict.fromkeys(read_operations(file))
        for folder in releases:
            _of_release(folder, retired)
        return [*own, *inside, *(folder / RELEASE_LINEAGE for folder in releases)]
    if path.suffix.casefold() == ".zip":
        return _of_archive(path, retired)
    if path.suffix.casefold() == ".csv":
        operations |= dict.fromkeys(read_operations(path))
        return [path]
    if not path.exists():
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    return []


def _of_release(folder: Path, retired: dict[Retired, None]) -> None:
    retired |= dict.fromkeys(read_release_lineage(folder))


def _of_archive(path: Path, retired: dict[Retired, None]) -> list[Path]:
    """The list in a zipped release."""
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        name = Path(RELEASE_LINEAGE)
        members = unpack(path, Path(folder), lambda m: m.parts[-2:] == name.parts)
        for member in members:
            _of_release(member.parent.parent, retired)
        return [path] if members else []


# ---- events


def _events(history: History) -> list[Event]:
    out = [
        Event(o.version, o.unit, o.operation, tuple(o.predecessor.split()), tuple(o.successor.split()), "",
              o.reason, o)
        for o in history.operations
    ]  # fmt: skip
    told = {(_key(e.version), e.unit) for e in out}
    out += [
        Event(r.version, r.id, r.fate, (r.id,), r.replaced_by, "", r.reason)
        for r in history.retired
        if (_key(r.version), r.id) not in told
    ]
    return out


def _reached(unit: str, events: Sequence[Event], backwards: bool) -> tuple[str, ...]:
    """IDs that a unit came from, or went into, over all versions; not the unit itself."""
    reached: list[str] = []
    edge = [unit]
    while edge:
        name = edge.pop()
        for event in events:
            ends = (event.after, event.before) if backwards else (event.before, event.after)
            if name in ends[0]:
                fresh = [i for i in ends[1] if i != unit and i not in reached]
                reached += fresh
                edge += fresh
    return tuple(sorted(reached))


def _order(event: Event) -> tuple[object, ...]:
    return (_key(event.version), event.unit, event.what, event.after)


def _key(version: str) -> tuple[int, tuple[int, ...], str]:
    """Versions in order of their numbers; other names after them, in order of letters."""
    try:
        parsed = Version.parse(version)
    except OptionError:
        return (1, (), version)
    return (0, (parsed.major, parsed.minor, parsed.patch), "")
