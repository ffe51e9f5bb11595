"""What a plan fixed: the inventory, the packages and the tasks, read back from its work folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.update.columns import objects
from rogi.update.vocabulary import APPLICATION, FORMAT, TASK_COLUMNS

PLAN_FILE: Final = "plan.json"
TASKS_FILE: Final = "tasks.csv"
MOVE_FOLDER: Final = ".rogi-move"
MOVE_LIST: Final = "files.json"
"""Folder of a move of tasks that is under way, see :mod:`rogi.update.move`, and what makes it valid in it."""
STORE_PROJECT: Final = "store.qgs"
STORE_PAGE: Final = "store.md"
"""What a plan with ``--store`` writes beside its packages; the page names the address of the store."""
STORE_FILES: Final = (STORE_PROJECT, STORE_PAGE)
MAX_PLAN_BYTES: Final = 256 * 2**20
MAX_TASKS_BYTES: Final = 2**30

IDENTITY: Final = ("task", "unit", "candidate", "class")
"""Columns by which a row is known to be that of the plan."""


@dataclass(frozen=True, slots=True)
class Package:
    """A work package: its name, file and mapper."""

    name: str
    file: str
    mapper: str


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """What was planned.

    Attributes
    ----------
    path
        ``plan.json``, or what else the plan was read from.
    inventory, inventory_sha256
        File name and digest of the inventory the plan was made of; empty where the plan names none.
    version
        Version of that inventory, or empty.
    candidates
        File name of the candidates.
    imagery
        Names of the new imagery: what the candidates were found in, else what the projects show.
    front_rule
        Whether mappers are asked to look at the 50 m front rule.
    packages
        In the order of the plan.
    tasks
        One row per task, index 0..n-1: the columns of :data:`IDENTITY`, ``package`` (its name), ``mapper``
        and, where the plan has them, ``area_name``, ``model``, ``image_date`` and others; None where there
        is nothing.
    """

    path: Path
    inventory: str
    inventory_sha256: str
    version: str
    candidates: str
    imagery: tuple[str, ...]
    front_rule: bool
    packages: tuple[Package, ...]
    tasks: pd.DataFrame
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What the packages of the plan say they are part of; empty where the plan states none."""
        return str(self.raw.get("digest") or "")


def read_plan(path: Path) -> Planned:
    """A plan from its ``plan.json``, or the folder that holds it, with ``tasks.csv`` beside it.

    Raises
    ------
    InputError
        If a file is missing or is not what it should be.
    """
    file = path / PLAN_FILE if path.is_dir() else path
    if (file.parent / MOVE_FOLDER / MOVE_LIST).is_file():
        raise InputError(
            f"A move of tasks in {file.parent} was interrupted; run the same rogi update move again, which "
            "finishes it."
        )
    raw = _json(file)
    packages = tuple(
        Package(str(entry["name"]), str(entry.get("file", "")), str(entry.get("mapper") or entry["name"]))
        for entry in raw.get("packages", ())
        if isinstance(entry, dict) and "name" in entry
    )
    if not packages:
        raise InputError(f"{file} names no work packages; make the plan again with rogi update plan.")
    planned = planned_from(raw, packages, read_tasks(file.with_name(TASKS_FILE)), file)
    _refuse_other_tasks(planned)
    return planned


def refuse_store_folder(folder: Path) -> None:
    """Refuse the packages of a plan whose mappers work in a team's store.

    Raises
    ------
    OptionError
        With the address of the store, if the folder is that of one.
    """
    if not any((folder / name).is_file() for name in STORE_FILES):
        return
    page = folder / STORE_PAGE
    text = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    found = re.search(r"`(postgres(?:ql)?://[^`]+)`", text)
    address = found[1] if found else "postgresql://…"
    raise OptionError(
        f"{folder} is the folder of a team store, {address}: decisions are made there, and the packages in "
        f"the folder are the plan as it was made. Give --store '{address}' instead of the folder; to use the "
        f"packages all the same, copy them with {PLAN_FILE} and {TASKS_FILE} to another folder."
    )


def planned_from(
    raw: Mapping[str, Any], packages: tuple[Package, ...], tasks: pd.DataFrame, path: Path
) -> Planned:
    """A plan from its parts; tasks whose package is not stated are those of the only package of a mapper."""
    inventory, candidates = (_table(raw, name) for name in ("inventory", "candidates"))
    parameters = _table(raw, "parameters")
    by_mapper: dict[str, str] = {}
    for package in packages:
        by_mapper.setdefault(package.mapper, package.name)
    if "mapper" not in tasks and len(packages) == 1:
        tasks = tasks.assign(mapper=packages[0].mapper)
    if "package" not in tasks:
        tasks = tasks.assign(package=tasks["mapper"].map(by_mapper))
    shown = [str(i.get("name", "")) for i in raw.get("imagery") or () if isinstance(i, dict)]
    names = [str(name) for name in candidates.get("imagery") or ()] or [Path(n).stem for n in shown]
    return Planned(
        path=path,
        inventory=str(inventory.get("name") or ""),
        inventory_sha256=str(inventory.get("sha256") or ""),
        version=str(inventory.get("version") or ""),
        candidates=str(candidates.get("name") or ""),
        imagery=tuple(name for name in names if name),
        front_rule=bool(parameters.get("ask_front_rule") or raw.get("ask_front_rule")),
        packages=packages,
        tasks=tasks,
        raw=raw,
    )


def read_tasks(path: Path) -> pd.DataFrame:
    """The list of tasks of a plan.

    Raises
    ------
    InputError
        If it is missing or is no such list.
    """
    try:
        if path.stat().st_size > MAX_TASKS_BYTES:
            raise InputError(f"{path} is larger than {MAX_TASKS_BYTES} bytes, more than any list of tasks.")
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"There is no {path}, the list of tasks of the plan; copy it back from where the plan was made."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no list of tasks: {error}; copy it again.") from None
    if not set(IDENTITY) <= set(table.columns):
        raise InputError(f"{path} lacks columns of {', '.join(IDENTITY)}; copy it again.")
    known = {column.name for column in TASK_COLUMNS}
    table = table[[c for c in table.columns if c in known or c == "package"]]
    table = objects(table.where(table != "", None))
    if table["task"].isna().any() or table["task"].duplicated().any():
        raise InputError(f"{path} has tasks without a key, or one key twice; copy it again.")
    return table


def keys_digest(keys: Iterable[str]) -> str:
    """SHA-256 of task keys, whatever their order."""
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()


def _refuse_other_tasks(planned: Planned) -> None:
    """Tasks that somebody took out of the list would not be missed."""
    entries = [e for e in planned.raw["packages"] if isinstance(e, dict) and "name" in e]
    for name, digest in [(str(e["name"]), e["digest"]) for e in entries if "digest" in e]:
        if keys_digest(planned.tasks["task"][planned.tasks["package"] == name]) != digest:
            raise InputError(
                f"{planned.path.with_name(TASKS_FILE)} has not the tasks of package {name} that "
                f"{planned.path} was made with; copy both again from where the plan was made."
            )


def _json(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > MAX_PLAN_BYTES:
            raise InputError(f"{file} is larger than {MAX_PLAN_BYTES} bytes, more than any plan.")
        targets.note_read(file)
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"There is no {file}; name the work folder of the plan, or its {PLAN_FILE}, with --plan."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is no plan: {error}; copy it again.") from None
    if not isinstance(raw, dict) or raw.get("application", APPLICATION) != APPLICATION:
        raise InputError(f"{file} is no plan of rogi update; name the {PLAN_FILE} of a work folder.")
    if raw.get("format") != FORMAT:
        raise InputError(
            f"{file} has format {raw.get('format')!r}, but this version of rogi reads format {FORMAT}; use "
            "the version of rogi the plan was made with."
        )
    return raw


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}
