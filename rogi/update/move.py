"""Tasks moved from one work package to another, so that the plan and both packages agree and nothing is lost.

All changed files are made beside the old ones first; a list of them, written last, makes the move valid. What
is interrupted after that is finished by the next run.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rogi.errors import InputError, OptionError, OutputError
from rogi.files import refuse_open, write_text
from rogi.ledger import file_sha256
from rogi.text import as_json, counted
from rogi.update.move_rows import Transfer, transfer
from rogi.update.packages.snapshot import snapshot
from rogi.update.planning.priority import WORK
from rogi.update.planning.stored_plan import (
    MOVE_FOLDER,
    MOVE_LIST,
    PLAN_FILE,
    TASKS_FILE,
    Package,
    Planned,
    keys_digest,
    read_plan,
    refuse_store_folder,
)
from rogi.update.vocabulary import TaskClass

DIGITS: Final = 4
LOGS: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved.

    Attributes
    ----------
    tasks
        Keys of the tasks, in order of the plan.
    sources, target
        Names of packages.
    rows, decided
        Rows of the layer ``tasks`` that went with them, and how many of them have a decision.
    """

    tasks: tuple[str, ...]
    sources: tuple[str, ...]
    target: str
    rows: int
    decided: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tasks are to be moved, and to which package.

    Attributes
    ----------
    target
        Name of a package.
    names
        Keys of tasks, primary IDs of units, or ids of candidates without a unit.
    package, areas
        All tasks of a package, or of some of its areas.
    """

    target: str
    names: tuple[str, ...] = ()
    package: str | None = None
    areas: tuple[str, ...] = ()


def chosen_tasks(planned: Planned, choice: Choice) -> pd.DataFrame:
    """The tasks of a plan that are to be moved: those that are in the target already are left out.

    Raises
    ------
    OptionError
        If the plan has no such task, package or area, or nothing is named.
    """
    tasks = planned.tasks
    packages = [p.name for p in planned.packages]
    for name in filter(None, (choice.target, choice.package)):
        if name not in packages:
            raise OptionError(f"There is no package {name!r}; the plan has {', '.join(packages)}.")
    if not choice.names and choice.package is None:
        raise OptionError("Nothing to move: name tasks with --task, or a package with --from.")
    if choice.areas and choice.package is None:
        raise OptionError("Areas are those of a package; name it with --from.")
    wanted = set(choice.names)
    known = set(tasks["task"]) | set(tasks["unit"].dropna())
    alone = tasks["candidate"].where(tasks["unit"].isna())
    if unknown := sorted(wanted - known - set(alone.dropna())):
        raise OptionError(
            f"The plan has no task {unknown[0]!r}; name tasks as U:… or C:…, units by their primary ID, or "
            f"candidates without a unit by their id, as in {planned.path.with_name(TASKS_FILE).name}."
        )
    found = tasks["task"].isin(wanted) | tasks["unit"].isin(wanted) | alone.isin(wanted)
    if choice.package is not None:
        own = tasks["package"] == choice.package
        if choice.areas:
            there = set(tasks["area_name"][own].dropna()) if "area_name" in tasks else set()
            # What an earlier move brought from there is named by its package and area, see `moved_plan`.
            here = tasks["package"] == choice.target
            brought = set(tasks["area_name"][here].dropna()) if "area_name" in tasks else set()
            known = there | {n for n in choice.areas if f"{choice.package} {n}" in brought}
            if lacking := sorted(set(choice.areas) - known):
                has = f"it has {', '.join(sorted(there))}" if there else "it has no areas"
                raise OptionError(f"Package {choice.package} has no area {lacking[0]!r}; {has}.")
            own &= tasks["area_name"].isin(choice.areas)
        found |= own
    out: pd.DataFrame = tasks[found & (tasks["package"] != choice.target)]
    return out


def move_tasks(folder: Path, choice: Choice) -> Moved:
    """Move tasks between the packages in a work folder.

    Parameters
    ----------
    folder
        The work folder, with the packages as their mappers left them.
    choice
        What to move.

    Returns
    -------
    Moved
        Without tasks where all are in the target already.

    Raises
    ------
    InputError, OptionError
        If there is no plan, no such task, or a package is missing, damaged, or not as rogi wrote it.
    OutputError
        If a package is open in another program, or something cannot be written.
    """
    refuse_store_folder(folder)
    finish(folder)
    planned = read_plan(folder)
    moving = chosen_tasks(planned, choice)
    sources = tuple(dict.fromkeys(moving["package"]))
    if not len(moving):
        return Moved((), (), choice.target, 0, 0)
    entries = {p.name: p for p in planned.packages}
    files = {name: _file(folder, entries[name]) for name in (*sources, choice.target)}
    before = {name: file_sha256(path) for name, path in files.items()}
    content, table = moved_plan(planned, moving, choice.target)
    digests = {entry["name"]: entry["digest"] for entry in content["packages"]}
    staged = folder / MOVE_FOLDER
    with tempfile.TemporaryDirectory(prefix="rogi-") as scratch:
        copies = {}
        for number, (name, path) in enumerate(files.items()):
            place = Path(scratch) / str(number)
            place.mkdir()
            copies[name] = snapshot(path, place)
        rows = decided = 0
        for name in sources:
            keys = moving["task"][moving["package"] == name]
            request = Transfer(
                tuple(keys),
                tuple(moving["unit"][keys.index].dropna()),
                name,
                entries[choice.target].mapper,
                (digests[name], digests[choice.target]),
            )
            done = transfer(copies[name], copies[choice.target], request)
            rows, decided = rows + done[0], decided + done[1]
        _stage(staged, files, copies, before, content, table)
    finish(folder)
    return Moved(tuple(moving["task"]), sources, choice.target, rows, decided)


def _file(folder: Path, package: Package) -> Path:
    path = folder / package.file
    if not path.is_file():
        raise InputError(
            f"Package {package.name} is not in {folder}: there is no {package.file}; copy it there as its "
            "mapper left it, so that nothing is lost, and try again."
        )
    refuse_open(path)
    return path


def moved_plan(planned: Planned, moving: pd.DataFrame, target: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Content of ``plan.json``, and tasks, after a move; their areas have the name of their old package."""
    mapper = {p.name: p.mapper for p in planned.packages}[target]
    table = planned.tasks.copy()
    at = moving.index
    if "area_name" in table:
        areas = zip(moving["package"], moving["area_name"], strict=True)
        table.loc[at, "area_name"] = [" ".join(filter(None, pair)) for pair in areas]
    table.loc[at, "package"] = target
    if "mapper" in table:
        table.loc[at, "mapper"] = mapper
    content = json.loads(json.dumps(planned.raw))
    touched = {target, *moving["package"]}
    for entry in content["packages"]:
        if entry["name"] in touched:
            _describe(entry, table[table["package"] == entry["name"]])
    total = sum(entry.get("work", 0.0) for entry in content["packages"])
    for entry in content["packages"]:
        if "work" in entry and total > 0:
            entry["work_share"] = round(entry["work"] * len(content["packages"]) / total, DIGITS)
    steps = content.setdefault("moved", [])
    for name in dict.fromkeys(moving["package"]):
        keys = moving["task"][moving["package"] == name]
        steps.append({"from": name, "to": target, "tasks": sorted(keys)})
    return content, table


def _describe(entry: dict[str, Any], own: pd.DataFrame) -> None:
    """What the plan says of a package; how compact it is was measured on other tasks, and goes."""
    counts = own["class"].value_counts()
    entry["tasks"] = len(own)
    entry["units"] = int(own["unit"].notna().sum())
    entry["counts"] = {
        kind.value: int(counts.get(kind.value, 0)) for kind in TaskClass if kind.value in counts
    }
    entry["work"] = round(float(sum(WORK[TaskClass(kind)] for kind in own["class"])), DIGITS)
    if "area_name" in own:
        sizes = own["area_name"].dropna().value_counts()
        entry["areas"] = [{"name": name, "tasks": int(sizes[name])} for name in sorted(sizes.index)]
    entry["digest"] = keys_digest(own["task"])
    entry.pop("radius_km", None)


# ---- all files, or none


def _stage(
    staged: Path,
    files: Mapping[str, Path],
    copies: Mapping[str, Path],
    before: Mapping[str, str],
    content: Mapping[str, Any],
    table: pd.DataFrame,
) -> None:
    """Put the new files beside the old ones; the list of them, last, makes the move valid."""
    folder = staged.parent
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        listed = []
        for name, path in files.items():
            shutil.copyfile(copies[name], staged / path.name)
            listed.append(_entry(path, staged, before[name]))
        texts = {
            PLAN_FILE: as_json(content, 1),
            TASKS_FILE: task_list(folder / TASKS_FILE, table),
        }
        for name, text in texts.items():
            write_text(staged / name, text)
            listed.append(_entry(folder / name, staged, file_sha256(folder / name)))
        write_text(staged / MOVE_LIST, as_json(listed, 1))
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise OutputError(f"{staged} could not be written: {error.strerror or error}.") from error


def task_list(file: Path, table: pd.DataFrame) -> str:
    """The list of tasks with what a move changes, all other columns as they are."""
    listed = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    now = table.set_index("task").reindex(listed["task"])
    for name in ("package", "mapper", "area_name"):
        if name in now and (name in listed or name == "package"):
            listed[name] = now[name].fillna("").to_numpy(dtype=object)
    text: str = listed.to_csv(index=False, lineterminator="\n")
    return text


def _entry(path: Path, staged: Path, before: str) -> dict[str, str]:
    return {"file": path.name, "before": before, "after": file_sha256(staged / path.name)}


def finish(folder: Path) -> bool:
    """Put the files of a move that was made valid in their places; whether there was one.

    Raises
    ------
    OutputError
        If a file was changed since, so that edits would be lost, or cannot be replaced.
    """
    staged = folder / MOVE_FOLDER
    listed = staged / MOVE_LIST
    if not listed.is_file():
        shutil.rmtree(staged, ignore_errors=True)
        return False
    try:
        entries = [
            e for e in json.loads(listed.read_text(encoding="utf-8")) if e["file"] == Path(e["file"]).name
        ]
        waiting = [e for e in entries if (staged / e["file"]).is_file()]
        _refuse_changed(folder, waiting)
        for entry in waiting:
            target = folder / Path(entry["file"]).name
            for ending in LOGS:
                target.with_name(target.name + ending).unlink(missing_ok=True)
            (staged / target.name).replace(target)
        shutil.rmtree(staged)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"The move in {staged} could not be finished: {error}; try again.") from error
    return True


def _refuse_changed(folder: Path, entries: Sequence[Mapping[str, str]]) -> None:
    for entry in entries:
        path = folder / Path(entry["file"]).name
        if path.suffix == ".gpkg":
            refuse_open(path)
        if not path.is_file() or file_sha256(path) not in (entry["before"], entry["after"]):
            raise OutputError(
                f"{path} was changed since a move of tasks began, so it is not replaced; if no file of "
                f"{folder} was moved yet, remove {folder / MOVE_FOLDER} and move again."
            )


def moved_text(moved: Moved) -> str:
    """What was moved, for the terminal."""
    if not moved.tasks:
        return f"nothing to move: all these tasks are in package {moved.target}\n"
    return (
        f"moved {counted(len(moved.tasks), 'task')} from {' and '.join(moved.sources)} to {moved.target}: "
        f"{counted(moved.rows, 'row')}, {moved.decided} with a decision\n"
    )
