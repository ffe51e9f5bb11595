"""The store of a plan, made beside its work folder: tables, projects that open them, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rogi.files import write_text
from rogi.update.packages.package import layers_of
from rogi.update.packages.project import write_project
from rogi.update.planning.plan import Plan, Progress
from rogi.update.planning.stored_plan import PLAN_FILE, STORE_PAGE, STORE_PROJECT, TASKS_FILE
from rogi.update.store.make import PackageTables, Store, making_store
from rogi.update.store.project import store_source
from rogi.update.vocabulary import APPLICATION

MARGIN: Final = 0.02  # of the larger side of a package's extent


@contextmanager
def storing_plan(
    plan: Plan,
    url: str,
    work: Path,
    folder: Path | None = None,
    progress: Progress | None = None,
    told: Callable[[str], None] | None = None,
) -> Iterator[Store]:
    """Put a plan into a database, and write what opens it there; all others see it after the block.

    Writes ``store.qgs`` with all packages for maintainers, ``NAME.store.qgs`` for each package, and
    ``store.md`` with the address and the SQL that gives packages to roles.

    Parameters
    ----------
    plan
        The plan.
    url
        See :func:`rogi.update.store.address.parse_address`.
    work
        Folder with ``plan.json`` and ``tasks.csv``; written to.
    folder
        Where its files will lie, if elsewhere.
    progress
        Told whom the plan waits for.
    told
        Told of another plan that was in the store.

    Raises
    ------
    RogiError
        See :func:`rogi.update.store.make.making_store`; then nothing is written.
    """
    packages = [PackageTables(p.name, p.mapper, *layers_of(plan, p)) for p in plan.packages]
    texts = {name: (work / name).read_text(encoding="utf-8") for name in (PLAN_FILE, TASKS_FILE)}
    plan_text, tasks_text = texts[PLAN_FILE], texts[TASKS_FILE]

    def waiting(what: str) -> None:
        if progress is not None:
            progress(what, 1, 1)

    with making_store(url, packages, plan=plan_text, tasks=tasks_text, waiting=waiting) as store:
        _write_projects(plan, packages, store, work, folder)
        write_text(work / STORE_PAGE, _page(plan, store))
        yield store
    if told is not None and store.replaced:
        told(store.replaced)


def _write_projects(
    plan: Plan, packages: Sequence[PackageTables], store: Store, work: Path, folder: Path | None
) -> None:
    inventory = plan.content["inventory"]["name"]
    whole = PackageTables("", "", plan.tasks, plan.current, plan.candidates, plan.context)
    stems = [f"{p.stem}.store.qgs" for p in plan.packages]
    for tables, name in zip([whole, *packages], [STORE_PROJECT, *stems], strict=True):
        west, south, east, north = tables.tasks.total_bounds
        margin = MARGIN * max(east - west, north - south)
        write_project(
            work / name,
            store_source(store, tables.name or None),
            crs=tables.tasks.crs,
            bounds=(west - margin, south - margin, east + margin, north + margin),
            mapper=tables.mapper,
            title=f"{inventory}: {tables.name or 'all packages'}",
            imagery=plan.request.imagery,
            folder=folder,
        )


def _page(plan: Plan, store: Store) -> str:
    schema = store.address.schema
    lines = [
        f"# Store of {plan.content['inventory']['name']}",
        "",
        f"Address, without password: `{store.address}`",
        "",
        "| package | mapper | project | roles |",
        "| --- | --- | --- | --- |",
    ]
    for package in plan.packages:
        roles = [_role(role, may) for name, role, may in store.assigned if name == package.name]
        state = ", ".join(roles) or "none yet"
        cells = (_cell(package.name), _cell(package.mapper), _cell(f"{package.stem}.store.qgs"), state)
        lines.append(f"| {' | '.join(cells)} |")
    everywhere = [_role(role, may) for name, role, may in store.assigned if name is None]
    if everywhere:
        lines += ["", f"In all packages: {', '.join(everywhere)}."]
    if store.replaced:
        lines += ["", f"Before this, {_cell(store.replaced)}."]
    if store.lost:
        lost = [f"{_role(role, may)} in {_cell(name or 'all packages')}" for name, role, may in store.lost]
        lines += ["", f"In the store before, and no longer possible: {'; '.join(lost)}."]
    if store.unassigned:
        calls = [
            f"SELECT {schema}.assign({_literal(p.name)}, 'role');"
            for p in plan.packages
            if p.name in store.unassigned
        ]
        lines += ["", "Give the packages without a role to one, as the owner of the store:", "", "```sql"]
        lines += [*calls, "```"]
    command = f"{APPLICATION} apply --inventory FILE --store '{store.address}' -o FILE"
    lines += ["", f"What was decided goes into a new version with `{command}`.", ""]
    return "\n".join(lines)


def _role(role: str, may: str) -> str:
    return f"{_cell(role)} ({may}s)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("\n", " ")
