"""The store of a plan, made beside its work folder: tables, projects that open them, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rogi.files import write_text
from rogi.update.model import APPLICATION
from rogi.update.plan import Plan
from rogi.update.planned import PLAN_FILE, TASKS_FILE
from rogi.update.project import write_project
from rogi.update.store import PackageTables, Store, create_store
from rogi.update.store_project import store_source
from rogi.update.work_folder import layers_of

MAINTAINERS_PROJECT: Final = "store.qgs"
PAGE: Final = "store.md"
MARGIN: Final = 0.02  # of the larger side of a package's extent


def store_plan(plan: Plan, url: str, work: Path, folder: Path | None = None) -> Store:
    """Put a plan into a database, and write what opens it there.

    Writes ``store.qgs`` with all packages for maintainers, ``NAME.store.qgs`` for each package, and
    ``store.md`` with the address and the SQL that gives packages to roles.

    Parameters
    ----------
    plan
        The plan.
    url
        See :func:`rogi.update.store_address.parse_address`.
    work
        Folder with ``plan.json`` and ``tasks.csv``; written to.
    folder
        Where its files will lie, if elsewhere.

    Returns
    -------
    Store

    Raises
    ------
    RogiError
        See :func:`rogi.update.store.create_store`; then nothing is written.
    """
    packages = [PackageTables(p.name, p.mapper, *layers_of(plan, p)) for p in plan.packages]
    texts = {name: (work / name).read_text(encoding="utf-8") for name in (PLAN_FILE, TASKS_FILE)}
    store = create_store(url, packages, plan=texts[PLAN_FILE], tasks=texts[TASKS_FILE])
    inventory = plan.content["inventory"]["name"]
    whole = PackageTables("", "", plan.tasks, plan.current, plan.candidates, plan.context)
    stems = [f"{p.stem}.store.qgs" for p in plan.packages]
    for tables, name in zip([whole, *packages], [MAINTAINERS_PROJECT, *stems], strict=True):
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
    write_text(work / PAGE, _page(plan, store))
    return store


def _page(plan: Plan, store: Store) -> str:
    schema = store.address.schema
    lines = [
        f"# Store of {plan.content['inventory']['name']}",
        "",
        f"Address, without password: `{store.address}`",
        "",
        "| package | mapper | project | role |",
        "| --- | --- | --- | --- |",
    ]
    for package in plan.packages:
        state = "none yet" if package.name in store.unassigned else _cell(package.mapper)
        cells = (_cell(package.name), _cell(package.mapper), _cell(f"{package.stem}.store.qgs"), state)
        lines.append(f"| {' | '.join(cells)} |")
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


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("`", "\\`").replace("\n", " ")
