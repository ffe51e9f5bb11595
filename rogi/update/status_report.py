"""The state of a review, and the life of a unit, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rogi.report.document import Document, Page, Passage
from rogi.report.html import Column, Section, table
from rogi.report.html.tables import Kind
from rogi.report.tables import ReportTable
from rogi.text import counted, printable
from rogi.update.status import as_dict

if TYPE_CHECKING:
    from rogi.update.applying.log import Event, Life
    from rogi.update.problems import Problem
    from rogi.update.status import Progress, Review

SHOWN: Final = 20
"""Problems and findings shown in the terminal; all are counted."""
PROBLEMS, FINDINGS = "Problems and conflicts", "Rules on edited outlines"
COLUMNS: Final = ("tasks", "decided", "kept", "unsure", "open", "problems", "missing")


def document(state: Review, inventory: str, limit: int = SHOWN) -> Document:
    """The state of the review of an inventory: progress, problems, findings.

    Parameters
    ----------
    limit
        How many problems and findings to list; negative: all. The page has tables of all.
    """
    done = "all is decided and can be applied" if state.complete else "not complete yet"
    title = f"Review of {inventory or 'an inventory'}"
    parts: list[ReportTable | Passage] = [_progress("", ("package", "mapper"), state.packages)]
    if state.drawn:
        parts.append(Passage("", (f"{counted(state.drawn, 'row')} drawn without a task",)))
    if len(state.areas) > len(state.packages):
        parts.append(_progress("Areas", ("package", "mapper", "area"), state.areas))
    if state.problems:
        parts.append(Passage(PROBLEMS, tuple(_problems(state, limit)), listed=True))
    if len(state.findings):
        parts.append(Passage(FINDINGS, tuple(_findings(state, limit)), listed=True))
    examined = state.examination
    return Document(
        title=title,
        headline=f"{title}: {done}",
        parts=parts,
        remarks=[*(f"to confirm: {line}" for line in examined.to_confirm), *examined.edits.notes],
        data=lambda: as_dict(state),
        page=lambda: _page(state),
    )


def _progress(group: str, head: tuple[str, ...], parts: tuple[Progress, ...]) -> ReportTable:
    return ReportTable(
        group,
        "",
        (*head, *COLUMNS, "done", "last edit", "by"),
        tuple(
            (
                *(getattr(p, name) for name in head),
                *(f"{getattr(p, column):,}" for column in COLUMNS),
                f"{p.done:.1%}",
                p.last_edit,
                ", ".join(p.people),
            )
            for p in parts
        ),
        tuple(range(len(head), len(head) + len(COLUMNS) + 1)),
    )


def _problems(state: Review, limit: int) -> Iterator[str]:
    conflicts = sum(p.conflict for p in state.problems)
    yield f"{counted(len(state.problems), 'problem')}, of them {counted(conflicts, 'conflict')}"
    shown = state.problems if limit < 0 else state.problems[:limit]
    yield from (f"{_kind(p)}: {p.where}: {p.message} [{p.rule}]" for p in shown)
    if len(shown) < len(state.problems):
        yield f"… {len(state.problems) - len(shown):,} more (--format json lists all)"


def _findings(state: Review, limit: int) -> Iterator[str]:
    found = state.findings
    counts = Counter(found["severity"])
    yield ", ".join(counted(n, name) for name, n in sorted(counts.items()))
    shown = found if limit < 0 else found.head(limit)
    for row in shown.to_dict("records"):
        where = f"{row['package']}, {row['task'] or row['feature_id']}"
        yield f"{row['code']} {row['severity']}: {where}: {row['message']}"
    if len(shown) < len(found):
        yield f"… {len(found) - len(shown):,} more (--format json lists all)"


def _kind(problem: Problem) -> str:
    return "conflict" if problem.conflict else "problem"


def _page(state: Review) -> Page:
    """Tables of all problems and findings."""
    problems, found = state.problems, state.findings
    tones = {"error": "error", "warning": "warning", "info": "info"}
    listed = table(
        "problems-table",
        [
            Column("kind", [_kind(p) for p in problems], filter=True),
            Column("rule", [p.rule for p in problems], Kind.CODE, filter=True),
            Column("package", [p.package for p in problems], filter=True),
            Column("task", [p.task for p in problems], Kind.CODE),
            Column("unit", [p.unit for p in problems], Kind.CODE),
            Column("row", [p.row for p in problems], Kind.NUMBER),
            Column("message", [p.message for p in problems], Kind.WIDE),
        ],
        noun="problems",
    )
    findings = table(
        "findings-table",
        [
            Column("code", found["code"].tolist(), Kind.CODE, filter=True),
            Column("severity", found["severity"].tolist(), Kind.BADGE, filter=True, tones=tones),
            Column("package", found["package"].tolist(), filter=True),
            Column("task", found["task"].tolist(), Kind.CODE),
            Column("unit", found["feature_id"].tolist(), Kind.CODE),
            Column("message", found["message"].tolist(), Kind.WIDE),
        ],
        noun="findings",
    )
    none = "<p>None.</p>"
    sections = [
        Section("problems", PROBLEMS, listed if problems else none),
        Section("findings", FINDINGS, findings if len(found) else none),
    ]
    return Page(sections=sections, apart=(PROBLEMS, FINDINGS))


def life_text(found: Life) -> str:
    """The life of a unit, oldest first."""
    state = "is gone" if found.gone else "is in the last version"
    lines = [f"{found.unit} {state}"]
    if found.ancestors:
        lines.append(f"  came from {', '.join(found.ancestors)}")
    if found.descendants:
        lines.append(f"  went into {', '.join(found.descendants)}")
    lines += [f"  {_event(event)}" for event in found.events]
    return "\n".join(printable(line) for line in lines) + "\n"


def _event(event: Event) -> str:
    own = {"self": "", "ancestor": "(before) ", "descendant": "(after) "}[event.relation]
    text = f"{event.version}  {own}{event.what} {event.unit}"
    if event.before != event.after:
        text += f": {' '.join(event.before) or 'nothing'} → {' '.join(event.after) or 'nothing'}"
    operation = event.operation
    if operation is not None:
        old, new = operation.area_old_km2, operation.area_new_km2
        if old is not None and new is not None and old != new:
            text += f", {old:.4f} → {new:.4f} km²"
        elif (area := old if new is None else new) is not None:
            text += f", {area:.4f} km²"
        who = [operation.mapper, f"reviewed by {operation.reviewer}" if operation.reviewer else ""]
        said = ", ".join(part for part in (*who, operation.date) if part)
        text += f"; {said}" if said else ""
        if operation.edited_by and operation.edited_by not in (operation.mapper, operation.reviewer):
            text += f", saved by {operation.edited_by}"
    return text + (f": {event.reason}" if event.reason else "")
