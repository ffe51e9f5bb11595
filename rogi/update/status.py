"""How far the review is: tasks per mapper and area, what is wrong so far, and what the rules say of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import metres_per_degree, to_lonlat
from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory, Layer
from rogi.longitudes import in_one_map
from rogi.schema.model import Role
from rogi.update.applying.new_version import Applied, apply
from rogi.update.applying.rows import own_ids, rows_of
from rogi.update.columns import GEOMETRY
from rogi.update.deciding.decisions import Status
from rogi.update.deciding.edits import Edits
from rogi.update.deciding.examination import Examination, examine
from rogi.update.planning.units import Units
from rogi.update.problems import Problem
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

RULES: Final = ("GEO", "PID", "REL", "REV")
"""Families of rules that edited outlines are checked by; attributes are derived after the update."""
NEIGHBOURS_M: Final = 200.0
"""Units so near to an edited one take part in the check, for overlaps and markers."""
FALLBACK_SCHEMA: Final = "tprogi/1.0"


@dataclass(frozen=True, slots=True)
class Progress:
    """Tasks of a package, or of one of its areas, and who worked on them.

    ``decided`` counts tasks with a sound decision, and ``kept`` those of units that are probably unchanged
    and need none; ``problems`` are tasks whose decision cannot be applied. Of packages, ``last_edit`` is when
    somebody last saved (UTC where there is a time, else the day that the last decision states), and
    ``people`` are the users who saved rows of a store, or those whom decisions in a package name.
    """

    package: str
    mapper: str
    area: str
    tasks: int
    decided: int
    kept: int
    unsure: int
    open: int
    problems: int
    missing: int
    last_edit: str = ""
    people: tuple[str, ...] = ()

    @property
    def done(self) -> float:
        """Share of the tasks that need no more work, 0-1."""
        return (self.decided + self.kept) / self.tasks if self.tasks else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """The state of a review.

    Attributes
    ----------
    examination
        The decisions so far.
    packages, areas
        Progress of each package, and of each of its areas.
    drawn
        Rows that mappers drew without a task.
    findings
        Findings of the rules on outlines that are new or changed: ``task`` and ``package`` of the row,
        ``code``, ``severity``, ``feature_id`` (the ID it would get), ``message`` and others of
        :data:`rogi.validation.report.COLUMNS`.
    problems
        Why decisions cannot be applied.
    """

    examination: Examination
    packages: tuple[Progress, ...]
    areas: tuple[Progress, ...]
    drawn: int
    findings: pd.DataFrame
    problems: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether everything is decided, and can be applied."""
        return self.examination.complete


def review(edits: Edits, inventory: Inventory | None = None, units: Units | None = None) -> Review:
    """The state of a review.

    Parameters
    ----------
    edits
        What was decided so far.
    inventory
        The one that was planned from; by default as far as the packages hold it.
    units
        Its units, where they are known already.

    Raises
    ------
    InputError
        If there is no inventory, and the packages do not hold its outlines.
    """
    if inventory is None:
        inventory = units.inventory if units is not None else inventory_of_packages(edits)
    looked = examine(edits, inventory, units=units)
    return Review(
        looked,
        tuple(_with_people(edits, part) for part in _progress(looked, ["package"])),
        tuple(_progress(looked, ["package", "area_name"])),
        int(edits.rows["task"].isna().sum()),
        findings_on_edits(apply(looked, "next")),
        looked.problems,
    )


def inventory_of_packages(edits: Edits) -> Inventory:
    """The outlines of the inventory, from the layers ``current`` of the packages.

    Raises
    ------
    InputError
        If there are none: packages that were exported to another format hold the tasks only.
    """
    current = edits.current
    if current.empty:
        raise InputError(
            "The packages do not contain the layer current, which an export leaves out; name the inventory "
            "with --inventory."
        )
    stated = edits.planned.raw.get("inventory")
    stated = stated if isinstance(stated, dict) else {}
    columns = {str(c) for c in current.columns}
    frame = current.drop(columns="unit") if "ID" in columns else current.rename(columns={"unit": "ID"})
    schema, dialect = stated.get("schema"), stated.get("dialect")
    path = edits.planned.inventory
    if isinstance(schema, str) and isinstance(dialect, str):
        made = from_frames({Role.OUTLINE: frame}, schema=schema, dialect=dialect, path=path)
        layer = made.layer(Role.OUTLINE)
        if layer is not None and layer.has("primary_id"):
            return made
    bare = pd.DataFrame({"ID": current["unit"]})

    plain = gpd.GeoDataFrame(
        bare, geometry=np.asarray(current[GEOMETRY].array, dtype=object), crs=current.crs
    )
    return from_frames({Role.OUTLINE: plain}, schema=FALLBACK_SCHEMA, dialect="tprogi", path=path)


def findings_on_edits(applied: Applied) -> pd.DataFrame:
    """What the rules find on units that are new or have another outline, with those near to them beside."""
    inventory = applied.inventory
    near = _near(applied)
    part = replace(
        inventory,
        layers=tuple(
            _subset(layer, rows_of(layer, near))
            for layer in inventory.layers
            if layer.role in (Role.OUTLINE, Role.MARKER)
        ),
        path=applied.version,
    )
    report = validate(part, Settings(select=RULES))
    found = report.findings
    changed = sorted(applied.changed)
    mine = found["feature_id"].isin(changed) | found["other_id"].isin(changed)
    keep = ["code", "severity", "layer", "feature_id", "other_id", "message"]
    out: pd.DataFrame = found.loc[mine, keep].reset_index(drop=True)
    rows = applied.examination.edits.rows
    row = dict(zip(applied.unit.tolist(), applied.examination.made.row.tolist(), strict=True))
    for name in ("package", "task"):
        of = {unit: rows[name].iat[i] or "" for unit, i in row.items() if unit is not None}
        pairs = zip(out["feature_id"], out["other_id"], strict=True)
        out.insert(0, name, [of.get(i, of.get(j, "")) for i, j in pairs])
    return out


def _near(applied: Applied) -> frozenset[str]:
    """IDs of changed units and of those near to them."""
    layer = applied.inventory.layer(Role.OUTLINE)
    assert layer is not None
    ids = own_ids(layer)
    [shapes] = in_one_map(to_lonlat(layer.geometry, layer.crs))
    changed = rows_of(layer, applied.changed)
    west, south, east, north = shapely.bounds(shapes[changed]).reshape(-1, 4).T
    x, y = (NEIGHBOURS_M / metres for metres in metres_per_degree((south + north) / 2))
    boxes = shapely.box(west - x, south - y, east + x, north + y)
    _, others = shapely.STRtree(shapes).query(boxes)
    return frozenset(str(i) for i in ids[np.union1d(changed, others)] if i is not None)


def _subset(layer: Layer, rows: NDArray[np.intp]) -> Layer:
    return replace(
        layer,
        frame=layer.frame.iloc[rows].reset_index(drop=True),
        rows=layer.rows[rows],
        fids=None,
        source_index=np.zeros(len(rows), dtype=np.int64),
    )


def _progress(looked: Examination, by: list[str]) -> list[Progress]:
    """Counts of tasks by their state."""
    tasks = looked.edits.planned.tasks
    state = _states(looked)
    columns = [tasks[name].fillna("") if name in tasks else tasks["task"].map(lambda _: "") for name in by]
    keys = list(zip(*(c.astype(str) for c in columns), strict=True))
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for key, task in zip(keys, tasks["task"], strict=True):
        counts.setdefault(key, Counter())[state.get(task, "missing")] += 1
    mappers = {p.name: p.mapper for p in looked.edits.planned.packages}
    return [
        Progress(
            package=key[0],
            mapper=mappers.get(key[0], key[0]),
            area=key[1] if len(key) > 1 else "",
            tasks=counts[key].total(),
            decided=counts[key][Status.DECIDED],
            kept=counts[key][Status.KEPT],
            unsure=counts[key][Status.UNSURE],
            open=counts[key][Status.OPEN],
            problems=counts[key][Status.HELD],
            missing=counts[key]["missing"],
        )
        for key in sorted(counts)
    ]


def _with_people(edits: Edits, part: Progress) -> Progress:
    """Who worked on a package, and when last."""
    own = edits.rows[edits.rows["package"] == part.package]
    if edits.saved.store:
        people, times = [*own["edited_by"], *own["reviewed_by"]], [*own["edited_at"], *own["reviewed_at"]]
    else:
        decided = own[own["decision"].notna()]
        people = [*decided["mapper"], *decided["reviewer"]]
        times = [edits.last_saved[f] for f in set(own["file"]) if f in edits.last_saved] or [*decided["date"]]
    last = max((time for time in times if time is not None), default="")
    return replace(part, last_edit=last, people=tuple(sorted({name for name in people if name is not None})))


_WORST: Final = (Status.HELD, Status.OPEN, Status.UNSURE, Status.DECIDED, Status.KEPT)


def _states(looked: Examination) -> dict[str, str]:
    """State of each task: the worst of its rows."""
    rank = {status.value: k for k, status in enumerate(_WORST)}
    out: dict[str, str] = {}
    for task, status in zip(looked.edits.rows["task"], looked.found.status, strict=True):
        if task is None or status == Status.COPY:
            continue
        if task not in out or rank[str(status)] < rank[out[task]]:
            out[task] = str(status)
    return out


def as_dict(state: Review) -> dict[str, Any]:
    """Plain values, for JSON."""
    return {
        "complete": state.complete,
        "packages": [asdict(p) | {"done": round(p.done, 4)} for p in state.packages],
        "areas": [asdict(p) | {"done": round(p.done, 4)} for p in state.areas],
        "drawn": state.drawn,
        "problems": [
            {k: v for k, v in asdict(p).items() if k not in ("index", "peers")} for p in state.problems
        ],
        "findings": state.findings.astype(object).where(state.findings.notna(), None).to_dict("records"),
        "to_confirm": list(state.examination.to_confirm),
        "notes": list(state.examination.edits.notes),
    }
