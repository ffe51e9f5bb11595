"""What an update did, in numbers: candidates, units, areas, and what `rogi release diff` will say of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi import __version__
from rogi.areas import area_m2
from rogi.comparison.matching.prepared_outlines import repair
from rogi.geometry import to_lonlat
from rogi.release.differences.difference import M2_PER_KM2
from rogi.release.differences.values import Kind
from rogi.report.document import Document, Passage
from rogi.report.tables import ReportTable
from rogi.text import agreeing, counted
from rogi.update.applying.rows import own_ids
from rogi.update.deciding.decisions import Status
from rogi.update.hands import decisions_sha256
from rogi.update.vocabulary import APPLICATION, FORMAT, Decision, Operation

if TYPE_CHECKING:
    from rogi.update.applying.new_version import Applied
    from rogi.update.deciding.edits import Edits
    from rogi.update.deciding.examination import Examination

DIGITS: Final = 10
"""Significant digits of areas."""


def summary(applied: Applied) -> dict[str, Any]:
    """All numbers of an update, as plain values in a fixed order."""
    looked = applied.examination
    rows = looked.found
    operations = applied.operations
    areas = area_balance(applied)
    planned = looked.edits.planned
    return {
        "application": APPLICATION,
        "format": FORMAT,
        "rogi": __version__,
        "version": applied.version,
        "inventory": {"name": planned.inventory, "sha256": planned.inventory_sha256},
        "plan": planned.digest,
        "decided": _source(looked.edits),
        "complete": looked.complete,
        "candidates": candidate_counts(looked),
        "units": {
            "before": len(looked.units),
            "after": len(looked.units) + _growth(operations),
            **_counted(Counter(o.operation for o in operations), Decision),
            "left as probably unchanged": int((rows.status == Status.KEPT).sum()),
        },
        "areas_km2": {name: _rounded(value) for name, value in areas.items()},
        "difference": expected_difference(applied),
        "decisions": _decisions_by_mapper(looked),
        "open": open_counts(looked),
        "problems": dict(sorted(Counter(p.rule for p in looked.problems).items())),
        "conflicts": len({p.index for p in looked.problems if p.conflict}),
        "held": int((rows.status == Status.HELD).sum()),
        "copies": int((rows.status == Status.COPY).sum()),
        "notes": [*looked.edits.notes, *applied.notes],
    }


def _source(edits: Edits) -> dict[str, str]:
    """Where the decisions are from, as they were when they were read."""
    saved = edits.saved
    store = {"store": saved.store, "moment": saved.moment, "history": saved.history} if saved.store else {}
    return {**store, "sha256": decisions_sha256(edits.rows)}


def expected_difference(applied: Applied) -> dict[str, int]:
    """Cases of each kind between the two versions, as `rogi release diff` counts them."""
    count = Counter(o.operation for o in applied.operations)
    merged = {o.successor for o in applied.operations if o.operation == Decision.MERGE}
    touched = count[Decision.REMOVE] + count[Decision.REFINE] + count[Decision.SPLIT] + count[Decision.MERGE]
    return {
        Kind.ADDED.value: count[Decision.RETRIEVE],
        Kind.REMOVED.value: count[Decision.REMOVE],
        Kind.SPLIT.value: count[Decision.SPLIT],
        Kind.MERGED.value: len(merged),
        Kind.REFINED.value: count[Decision.REFINE],
        Kind.UNCHANGED.value: len(applied.examination.units) - touched,
    }


def area_balance(applied: Applied) -> dict[str, float]:
    """Areas in km²: ``old`` + ``retrieved`` - ``removed`` + ``refined`` + ``split`` + ``merged`` = ``new``.

    The last three are changes: of refined outlines, of parts against wholes, of units against those that
    went into them.
    """
    units = applied.examination.units
    change = {d.value: 0.0 for d in Decision}
    for o in applied.operations:
        change[o.operation] += (o.area_new_km2 or 0.0) - (o.area_old_km2 or 0.0)
    old = float(area_m2(units.lonlat, 4326).sum()) / M2_PER_KM2
    layer = next(layer for layer in applied.inventory.layers if layer.role is units.layer.role)
    ids = own_ids(layer)
    kept = np.isin(ids.astype(str), [*units.ids.tolist(), *applied.changed])
    kept &= ~_secondary(applied, ids)
    # Outlines that cross themselves are measured mended, as those of the units before are.
    shapes, _ = repair(to_lonlat(layer.geometry[kept], layer.crs))
    new = float(area_m2(shapes, 4326).sum()) / M2_PER_KM2
    return {
        "old": old,
        "retrieved": change[Decision.RETRIEVE],
        "removed": 0.0 - change[Decision.REMOVE],
        "refined": change[Decision.REFINE],
        "split": change[Decision.SPLIT],
        "merged": change[Decision.MERGE],
        "new": new,
    }


def _secondary(applied: Applied, ids: Any) -> Any:
    """Rows of a new version that are not the outline of their unit: restricted beside extended ones."""
    layer = applied.examination.units.layer
    before = own_ids(layer)
    others = np.ones(len(layer), dtype=bool)
    others[applied.examination.units.positions] = False
    gone = {s.id for s in applied.retired}
    stay = np.array([i not in gone for i in before], dtype=bool)
    out = np.zeros(len(ids), dtype=bool)
    out[: int(stay.sum())] = others[stay]
    return out


def candidate_counts(looked: Examination) -> dict[str, int]:
    """Candidates by what became of them: matched with units, taken, rejected, open."""
    rows, found = looked.edits.rows, looked.found
    tasks = looked.edits.planned.tasks
    of_units = {c for text in tasks["candidate"][tasks["unit"].notna()].dropna() for c in text.split()}
    alone = tasks[tasks["unit"].isna()]
    task, decision = found.text("task"), found.text("decision")
    state: dict[str, str] = {}
    applied = found.status == Status.DECIDED
    for i in np.flatnonzero((found.at < 0) & (task != None)).tolist():  # noqa: E711 - element by element
        if found.status[i] == Status.COPY:
            continue
        what = "held" if found.status[i] == Status.HELD else "open"
        if applied[i]:
            what = "retrieved" if decision[i] == Decision.RETRIEVE else "removed"
        before = state.get(task[i])
        state[task[i]] = "retrieved" if "retrieved" in (before, what) else what
    count = Counter(state.get(t, "open") for t in alone["task"])
    drawn = int(((rows["task"].isna() & rows["unit"].isna()).to_numpy(bool) & applied
                 & (decision == Decision.RETRIEVE)).sum())  # fmt: skip
    return {
        "candidates": len(of_units) + len(alone),
        "matched with units": len(of_units),
        "without a unit": len(alone),
        "retrieved": count["retrieved"],
        "removed": count["removed"],
        "held": count["held"],
        "open": count["open"],
        "drawn by mappers": drawn,
    }


def open_counts(looked: Examination) -> dict[str, int]:
    """Tasks that are not decided."""
    status = looked.found.status
    given = looked.edits.missing["given"].to_numpy(dtype=bool)
    return {
        "undecided": int((status == Status.OPEN).sum()),
        "unsure": int((status == Status.UNSURE).sum()),
        "deleted": int(given.sum()),
        "package missing": int((~given).sum()),
    }


def _decisions_by_mapper(looked: Examination) -> dict[str, dict[str, int]]:
    """Applied decisions of each mapper."""
    found = looked.found
    applied = found.status == Status.DECIDED
    mapper, decision = found.text("mapper")[applied], found.text("decision")[applied]
    counts: dict[str, Counter[str]] = {}
    for name, what in zip(mapper, decision, strict=True):
        counts.setdefault(str(name or ""), Counter())[str(what)] += 1
    return {name: _counted(counts[name], Decision) for name in sorted(counts)}


def _growth(operations: tuple[Operation, ...]) -> int:
    """Units more than before."""
    lost = {i for o in operations for i in o.predecessor.split()}
    came = {i for o in operations for i in o.successor.split()}
    return len(came - lost) - len(lost - came)


def _counted(counts: Counter[str], order: Any) -> dict[str, int]:
    return {name.value: counts[name.value] for name in order if counts[name.value]}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def document(content: dict[str, Any]) -> Document:
    """The summary as a report: what became of candidates and units, areas, the difference, what is left."""
    found, units, areas = content["candidates"], content["units"], content["areas_km2"]
    were, are = agreeing(found["candidates"], "was", "were"), agreeing(units["after"], "is", "are")
    before, after = counted(units["before"], "unit"), counted(units["after"], "unit")
    changes = (
        (f"change of {name} units", f"{round(areas[name], 4) + 0.0:+,.4f}")  # never -0.0000
        for name in ("refined", "split", "merged")
    )
    balance = (
        ("old", f"{areas['old']:,.4f}"),
        ("+ retrieved", f"{areas['retrieved']:,.4f}"),
        ("− removed", f"{areas['removed']:,.4f}"),
        *changes,
        ("= new", f"{areas['new']:,.4f}"),
    )
    left = {**{f"{k} tasks": v for k, v in content["open"].items()}, "rows held": content["held"],
            "rows in conflict": content["conflicts"], "copies set aside": content["copies"]}  # fmt: skip
    said = ["Every task is decided and applied."] if content["complete"] else []
    source = content["decided"]
    if "store" in source:
        said.append(
            f"Decisions of {source['store']} up to change {source['history'] or 'none'} "
            f"({source['moment'] or 'nothing was changed'})."
        )
    parts: list[ReportTable | Passage] = [
        *([Passage("", tuple(said))] if said else []),
        _counts("candidates", "", found),
        _counts("units", "", units),
        ReportTable("", "", ("area", "km²"), balance, (1,)),
        _counts("rogi release diff of the two versions finds", "cases", content["difference"]),
        _counts("left", "", left),
    ]
    if content["problems"]:
        parts.append(_counts("problem", "rows", content["problems"]))
    decided = content["decisions"]
    if decided:
        names = [d.value for d in Decision if any(d.value in row for row in decided.values())]
        rows = tuple((who, *(f"{row.get(n, 0):,}" for n in names)) for who, row in decided.items())
        parts.append(ReportTable("", "", ("mapper", *names), rows, tuple(range(1, len(names) + 1))))
    title = f"Update to {content['version']}"
    compared = f"{counted(found['candidates'], 'candidate')} {were} compared with {before}"
    return Document(
        title=title,
        headline=f"{title}: {compared}; {after} {are} in the new version",
        parts=parts,
        remarks=content["notes"],
        data=lambda: content,
    )


def _counts(what: str, number: str, counts: dict[str, int]) -> ReportTable:
    return ReportTable("", "", (what, number), tuple((name, f"{n:,}") for name, n in counts.items()), (1,))
