"""The work folder: all files of a plan, written whole; one that holds decisions is never replaced."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np

from rogi.errors import OutputError, RogiError
from rogi.files import refuse_open, workplace, write_text
from rogi.memory import give_back_memory
from rogi.text import as_json, counted
from rogi.update.packages.package import layers_of, write_package
from rogi.update.packages.project import package_source, write_project
from rogi.update.packages.second_look_kml import uncertain_kml
from rogi.update.packages.snapshot import snapshot
from rogi.update.packages.symbols import package_styles
from rogi.update.planning.plan import Package, Plan, Progress
from rogi.update.planning.stored_plan import STORE_FILES
from rogi.update.vocabulary import APPLICATION, CURRENT, FORMAT, PLANNED, TASK_COLUMNS, TASKS

PLAN_FILE: Final = "plan.json"
TASKS_FILE: Final = "tasks.csv"
KML_FILE: Final = "uncertain.kml"
PAGE_FILE: Final = "plan.html"
SUMMARY_FILE: Final = "plan.md"
WRITERS: Final = 2
"""Packages written at a time; each holds its rows in memory once more."""

OVERVIEW: Final = (PLAN_FILE, TASKS_FILE, KML_FILE, PAGE_FILE, SUMMARY_FILE)

# What a mapper may have written: a decision or a remark, a row of their own, another outline.
_EDITED: Final = " OR ".join(
    (
        *(f"COALESCE(TRIM(\"{c.name}\"), '') NOT IN ('', '0')" for c in TASK_COLUMNS if c.editable),
        "COALESCE(task, '') = ''",
        f"EXISTS (SELECT 1 FROM {CURRENT} AS c WHERE c.unit = {TASKS}.unit AND c.geom <> {TASKS}.geom)",  # noqa: S608
    )
)


def check_folder(folder: Path, store: str | None = None) -> None:
    """Refuse a folder that a plan must not be written to.

    Parameters
    ----------
    folder : Path
    store : str, optional
        The team store that the plan goes to too.

    Raises
    ------
    OutputError
        If it holds decisions, cannot be looked through, is open in another program, holds other things
        than a plan, or is that of a store when the plan goes to none.
    """
    if not folder.exists():
        if not folder.parent.is_dir():
            raise OutputError(f"The folder {folder.parent} does not exist; make it, or write elsewhere.")
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file; name a folder for the plan.")
    present = sorted(folder.iterdir())
    if not present:
        return
    if not (folder / PLAN_FILE).is_file():
        raise OutputError(f"{folder} holds other files ({present[0].name}); name a new folder for the plan.")
    _old_plan(folder)
    if store is None and (of_store := [name for name in STORE_FILES if (folder / name).exists()]):
        raise OutputError(
            f"{folder} is the folder of a team store ({of_store[0]}), whose plan would be another one than "
            "that in the folder; plan with --store as before, or name another folder."
        )
    for package in (p for p in present if p.suffix.lower() == ".gpkg"):
        refuse_open(package)
        if number := _edited(package):
            raise OutputError(
                f"{package} contains work of a mapper in {counted(number, 'row')}; it is never replaced. "
                "Apply it with `rogi update apply`, or name another folder."
            )


def write_plan(
    plan: Plan,
    folder: Path,
    *,
    pages: Mapping[str, str] | None = None,
    store: str | None = None,
    progress: Progress | None = None,
    told: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write a plan with its packages, projects and overview.

    Everything is written beside the folder first and then moved in; files of an earlier plan without
    decisions are replaced or removed.

    Parameters
    ----------
    plan : Plan
    folder : Path
        A new or empty folder, or that of an earlier plan.
    pages : mapping of str to str, optional
        Further files by name: overviews to read.
    store : str, optional
        ``postgresql://…``: also make the tables of a team store there.
    progress : callable, optional
    told : callable, optional
        Told of another plan that the store held.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        See `check_folder`; and if something cannot be written.
    """
    check_folder(folder, store)
    stale = _files_of(_old_plan(folder)) if (folder / PLAN_FILE).is_file() else set()
    give_back_memory()
    with workplace(folder.parent) as place:
        work = place / "plan"
        work.mkdir()
        _write_packages(plan, work, folder, progress)
        for name, text in {**_overview(plan), **(pages or {})}.items():
            write_text(work / name, text)
        with _stored(plan, store, work, folder, progress, told):
            check_folder(folder, store)  # again: a mapper may have begun meanwhile
        names = sorted(path.name for path in work.iterdir())
        _move(work, folder, names, stale)
    return [folder / name for name in names]


def _stored(
    plan: Plan,
    store: str | None,
    work: Path,
    folder: Path,
    progress: Progress | None,
    told: Callable[[str], None] | None,
) -> AbstractContextManager[object]:
    if store is None:
        return nullcontext()
    from rogi.update.store.plan import storing_plan

    return storing_plan(plan, store, work, folder, progress, told)


def plan_table(plan: Plan, package: Package) -> dict[str, str]:
    """What a package says of the plan it is part of."""
    entry = plan.content["packages"][package.number]
    return {
        "application": APPLICATION,
        "format": str(FORMAT),
        "rogi": plan.content["rogi"],
        "plan": plan.content["digest"],
        "package": package.name,
        "mapper": package.mapper,
        "tasks": entry["digest"],
        "inventory": plan.content["inventory"]["name"],
        "inventory_sha256": plan.content["inventory"]["sha256"],
        "candidates": plan.content["candidates"]["name"],
        "candidates_sha256": plan.content["candidates"]["sha256"],
        "ask_front_rule": str(int(plan.request.parameters.ask_front_rule)),
    }


def _write_packages(plan: Plan, work: Path, folder: Path, progress: Progress | None) -> None:
    """All packages, a few at a time: most of the work is done in GDAL and SQLite."""
    with ThreadPoolExecutor(WRITERS) as pool:
        waiting = [pool.submit(_write_package, plan, p, work, folder) for p in plan.packages]
        for number, (package, done) in enumerate(zip(plan.packages, waiting, strict=True), start=1):
            done.result()
            if progress is not None:
                progress(f"written {package.name}", number, len(waiting))


def _write_package(plan: Plan, package: Package, work: Path, folder: Path) -> None:
    layers = layers_of(plan, package)
    tasks = layers[0]
    file = work / f"{package.stem}.gpkg"
    styles = package_styles(package.mapper, geographic=bool(tasks.crs.is_geographic))
    write_package(file, *layers, plan=plan_table(plan, package), styles=styles)
    west, south, east, north = tasks.total_bounds
    margin = 0.02 * max(east - west, north - south)
    write_project(
        work / f"{package.stem}.qgs",
        package_source(file.name),
        crs=tasks.crs,
        bounds=(west - margin, south - margin, east + margin, north + margin),
        mapper=package.mapper,
        title=f"{plan.content['inventory']['name']}: {package.name}",
        imagery=plan.request.imagery,
        folder=folder,
    )


def _overview(plan: Plan) -> dict[str, str]:
    names = np.array([p.name for p in plan.packages], dtype=object)
    mappers = np.array([p.mapper for p in plan.packages], dtype=object)
    table = plan.tasks.drop(columns=[plan.tasks.geometry.name, "work"])
    table = table.assign(package=names[table["package"]], mapper=mappers[table["package"]])
    columns = ["package", "mapper", *PLANNED, "doubt"]
    return {
        PLAN_FILE: as_json(plan.content, 1),
        TASKS_FILE: table[columns].to_csv(index=False, lineterminator="\n"),
        KML_FILE: uncertain_kml(plan),
    }


def _move(work: Path, folder: Path, names: list[str], stale: set[str]) -> None:
    try:
        if not folder.exists():
            work.rename(folder)
            return
        # plan.json last: until it is there, the old plan is what the folder says it is
        for name in sorted(names, key=lambda n: n == PLAN_FILE):
            _remove_logs(folder / name)
            (work / name).replace(folder / name)
        for name in sorted(stale - set(names)):
            _remove_logs(folder / name)
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror or error}.") from error


def _remove_logs(path: Path) -> None:
    """Remove the empty logs of a database that takes its leave: they are not those of the next one."""
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _old_plan(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        if content["application"] == APPLICATION:
            return dict(content)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise OutputError(f"{folder / PLAN_FILE} is no plan of `rogi update`; name a new folder for the plan.")


def _files_of(content: dict[str, Any]) -> set[str]:
    """Names of the files an earlier plan wrote, as far as they are plain names."""
    names = {*OVERVIEW, *STORE_FILES}
    for entry in content.get("packages", ()):
        if isinstance(entry, dict):
            names |= {str(entry[k]) for k in ("file", "project") if k in entry}
            names.add(f"{Path(str(entry.get('file'))).stem}.store.qgs")
    return {n for n in names if n == Path(n).name and n not in ("", ".", "..")}


def _edited(package: Path) -> int:
    """Rows of a package that a mapper has written to."""
    with tempfile.TemporaryDirectory(prefix="rogi-") as scratch:
        try:
            copy = snapshot(package, Path(scratch))
            with closing(sqlite3.connect(copy)) as connection:
                rows = connection.execute(f"SELECT count(*) FROM {TASKS} WHERE {_EDITED}")  # noqa: S608
                return int(rows.fetchone()[0])
        except (sqlite3.Error, RogiError) as error:
            raise OutputError(
                f"{package} cannot be looked through for decisions ({error}), so its folder is not replaced; "
                "name another folder."
            ) from error
