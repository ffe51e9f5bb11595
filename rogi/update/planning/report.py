"""The plan of an update as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from rogi.geometry import to_lonlat
from rogi.report.document import Document, Page, Passage
from rogi.report.html import Column, MapLayer, Scheme, Section, Style, map_view, table
from rogi.report.html.maps import map_bounds
from rogi.report.html.tables import Kind
from rogi.report.tables import ReportTable
from rogi.report.writers import as_html, as_markdown
from rogi.text import counted
from rogi.update.vocabulary import TaskClass

if TYPE_CHECKING:
    from rogi.update.planning.plan import Plan

WORDS: Final = {
    TaskClass.UNCHANGED: "a unit and a candidate with nearly the same outline",
    TaskClass.CHANGED: "a unit and a candidate with another outline",
    TaskClass.NOT_DETECTED: "a unit without a candidate",
    TaskClass.NEW: "a candidate without a unit",
    TaskClass.SPLIT: "a unit with several candidates",
    TaskClass.MERGED: "several units with one candidate",
    TaskClass.COMPLEX: "several units with several candidates",
    TaskClass.ON_GLACIER: "mostly on glacier ice",
}
LISTED: Final = 500
"""Tasks in the table of the page; tasks.csv has all."""

_COLOURS: Final = 9  # of the page's classes without order


def document(plan: Plan) -> Document:
    """The plan of an update: what is planned from, tasks of each class, packages, parameters."""
    content = plan.content
    counts = content["counts"]
    kinds = [kind for kind in TaskClass if counts[kind]]
    packages = tuple(
        (
            p["name"],
            p["file"],
            f"{p['tasks']:,}",
            f"{len(p['areas']):,}",
            f"{p['work_share']:.3f}",
            f"{p['radius_km']:,.1f}",
            *(f"{p['counts'][kind]:,}" for kind in kinds),
        )
        for p in content["packages"]
    )
    columns = (
        "package",
        "file",
        "tasks",
        "areas",
        "work (1 = even)",
        "radius (km)",
        *(k.value for k in kinds),
    )
    classes = tuple((kind.value, f"{counts[kind]:,}", WORDS[kind]) for kind in TaskClass)
    parameters = tuple((name, str(value)) for name, value in content["parameters"].items())
    found = f"{counted(content['tasks'], 'task')} in {counted(len(content['packages']), 'package')}"
    return Document(
        title=f"Update of {content['inventory']['name']}",
        headline=f"Update of {content['inventory']['name']}: {found}",
        parts=[
            Passage("", tuple(_sources(content)), listed=True),
            ReportTable("", "", ("class", "tasks", "what it is"), classes, (1,)),
            ReportTable("Packages", "", columns, packages, tuple(range(2, len(columns)))),
            ReportTable("Parameters", "", ("parameter", "value"), parameters),
        ],
        remarks=content["notes"],
        data=lambda: content,
        page=lambda: _page(plan),
    )


def pages(plan: Plan, relief: Sequence[str | Path] = ()) -> dict[str, str]:
    """The overview of a work folder, with relief behind its map: name and text of each page."""
    made = document(plan)
    return {"plan.html": as_html(made, relief), "plan.md": as_markdown(made)}


def _page(plan: Plan) -> Page:
    """A map of the packages and their areas, the tasks to check first."""
    drawn, areas = _map(plan)
    places = plan.tasks.geometry.to_crs(4326).to_numpy()
    return Page(
        bounds=map_bounds(places),
        sections=[Section("map", "Map", drawn + areas), Section("tasks", "Check first", _tasks(plan))],
    )


def _sources(content: Mapping[str, Any]) -> Iterator[str]:
    inventory, found = content["inventory"], content["candidates"]
    units = counted(inventory["units"], "unit")
    yield f"{inventory['name']}: {units}, schema {inventory['schema']}"
    yield f"{found['name']}: {counted(found['count'], 'candidate')}" + "".join(
        f", model {model}" for model in found["models"]
    )
    for name, word in (("glaciers", "glaciers"), ("probability", "probability")):
        if content[name] is not None:
            yield f"{word}: {content[name]['name']}"


def _map(plan: Plan) -> tuple[str, str]:
    tasks = plan.tasks
    package = tasks["package"].to_numpy()
    boxes = shapely.bounds(to_lonlat(np.asarray(tasks.geometry.array, dtype=object), tasks.crs))
    names = [p.name for p in plan.packages]
    grouped = tasks.groupby(["package", "area_name"], sort=True)
    number = grouped.ngroup().to_numpy()
    rows = [(int(key[0]), str(key[1]), len(part)) for key, part in grouped]
    corners = boxes.reshape(-1, 4)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    order = np.argsort(number, kind="stable")
    indices = np.repeat(number[order], 4)
    points = shapely.multipoints(corners.reshape(-1, 4, 2)[order].reshape(-1, 2), indices=indices)
    hulls = shapely.convex_hull(points)
    by_package = [Style(name, f"c{k % _COLOURS}") for k, name in enumerate(names)]
    area_classes = np.array([r[0] for r in rows])
    kinds = list(TaskClass)
    classes = np.array([kinds.index(TaskClass(c)) for c in tasks["class"]])
    middles = shapely.points((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2)
    layers = [
        MapLayer(
            title="areas",
            geometries=hulls,
            schemes=(Scheme("package", by_package, area_classes),),
            labels=[f"{names[p]}, area {area}: {counted(count, 'task')}" for p, area, count in rows],
            rows=[[k] for k in range(len(rows))],
        ),
        MapLayer(
            title="tasks",
            geometries=middles,
            schemes=(
                Scheme("package", by_package, package),
                Scheme("class", [Style(k.value, f"c{n % _COLOURS}") for n, k in enumerate(kinds)], classes),
            ),
            interactive=False,
        ),
    ]
    listed = table(
        "areas-table",
        [
            Column("package", [names[r[0]] for r in rows], filter=True),
            Column("area", [r[1] for r in rows]),
            Column("tasks", [r[2] for r in rows], Kind.NUMBER),
            Column("expected gain", grouped["gain"].sum().round(3).tolist(), Kind.NUMBER),
        ],
        noun="areas",
        label=("package", "area"),
        map_name="areas-map",
    )
    title = "Areas of the packages, and where their tasks lie"
    return map_view("areas-map", layers, title=title, table_name="areas-table"), listed


def _tasks(plan: Plan) -> str:
    tasks = plan.tasks
    order = np.lexsort([tasks["task"].astype(str), -tasks["gain"].to_numpy()])[:LISTED]
    shown = tasks.iloc[order]
    names = np.array([p.name for p in plan.packages], dtype=object)
    said = (
        f"{counted(len(shown), 'task')} of {len(tasks):,} with the largest expected gain; tasks.csv has all."
    )
    return f"<p>{said}</p>" + table(
        "tasks-table",
        [
            Column("task", shown["task"].tolist(), Kind.CODE),
            Column("package", names[shown["package"]].tolist(), filter=True),
            Column("area", shown["area_name"].tolist()),
            Column("class", shown["class"].tolist(), filter=True, order=[k.value for k in TaskClass]),
            Column("expected gain", shown["gain"].tolist(), Kind.NUMBER),
            Column("doubt", shown["doubt"].tolist(), Kind.NUMBER),
            Column("IoU", shown["iou"].tolist(), Kind.NUMBER),
            Column("confidence", shown["confidence"].tolist(), Kind.NUMBER),
            Column("proposal", shown["proposal"].tolist(), filter=True),
        ],
        noun="tasks",
    )
