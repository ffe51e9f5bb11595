"""The state of a review, and the life of a unit, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rogi.report.html import Column, Section, escape, html_table, page, table
from rogi.report.html.tables import Kind
from rogi.text import counted, printable

if TYPE_CHECKING:
    from rogi.update.applying.log import Event, Life
    from rogi.update.status import Progress, Review

SHOWN: Final = 20
"""Problems and findings shown in the terminal; all are counted."""
COLUMNS: Final = ("tasks", "decided", "kept", "unsure", "open", "problems", "missing")


def status_text(state: Review, *, areas: bool = True, limit: int = SHOWN) -> str:
    """For the terminal.

    Parameters
    ----------
    areas
        Whether to list the areas of each package.
    limit
        How many problems and findings to show; negative: all.
    """
    return "".join(f"{line}\n" for line in _lines(state, areas, limit))


def _lines(state: Review, areas: bool, limit: int) -> Iterator[str]:
    names = [p.package for p in state.packages] + [f"  area {p.area}" for p in state.areas if areas]
    width = max((len(printable(n)) for n in [*names, "package"]), default=7)
    yield f"{'package':<{width}}  " + " ".join(f"{name:>9}" for name in COLUMNS) + "      done  last edit"
    for package in state.packages:
        yield _line(printable(package.package), package, width)
        own = [a for a in state.areas if a.package == package.package]
        if areas and len(own) > 1:
            yield from (_line(f"  area {printable(a.area)}", a, width) for a in own)
    if state.drawn:
        yield f"{counted(state.drawn, 'row')} drawn without a task"
    yield from _problems(state, limit)
    yield from _findings(state, limit)
    yield from (f"to confirm: {printable(line)}" for line in state.examination.to_confirm)
    yield from (f"note: {printable(note)}" for note in state.examination.edits.notes)
    yield "All is decided and can be applied." if state.complete else "Not complete yet."


def _line(name: str, part: Progress, width: int) -> str:
    numbers = " ".join(f"{getattr(part, column):>9,}" for column in COLUMNS)
    people = f" by {', '.join(part.people)}" if part.people else ""
    return f"{name:<{width}}  {numbers} {part.done:>9.1%}  {printable(part.last_edit + people)}".rstrip()


def _problems(state: Review, limit: int) -> Iterator[str]:
    if not state.problems:
        return
    conflicts = sum(p.conflict for p in state.problems)
    yield ""
    yield f"{counted(len(state.problems), 'problem')}, of them {counted(conflicts, 'conflict')}"
    shown = state.problems if limit < 0 else state.problems[:limit]
    for p in shown:
        what = "conflict" if p.conflict else "problem"
        yield f"  {what}: {printable(f'{p.where}: {p.message} [{p.rule}]')}"
    if len(shown) < len(state.problems):
        yield f"  … {len(state.problems) - len(shown):,} more (--format json lists all)"


def _findings(state: Review, limit: int) -> Iterator[str]:
    found = state.findings
    if not len(found):
        return
    yield ""
    counts = Counter(found["severity"])
    yield "Rules on edited outlines: " + ", ".join(counted(n, name) for name, n in sorted(counts.items()))
    shown = found if limit < 0 else found.head(limit)
    for row in shown.to_dict("records"):
        where = f"{row['package']}, {row['task'] or row['feature_id']}: {row['message']}"
        yield f"  {row['code']} {row['severity']}: {printable(where)}"
    if len(shown) < len(found):
        yield f"  … {len(found) - len(shown):,} more (--format json lists all)"


def status_html(state: Review, title: str) -> str:
    """A page: progress, problems, findings."""

    def progress(parts: tuple[Progress, ...], with_area: bool) -> str:
        who = () if with_area else ("last edit", "people")
        head = ("package", "mapper", *(("area",) if with_area else ()), *COLUMNS, "done", *who)
        first = 3 if with_area else 2
        return html_table(
            head,
            [
                (
                    escape(p.package),
                    escape(p.mapper),
                    *((escape(p.area),) if with_area else ()),
                    *(f"{getattr(p, column):,}" for column in COLUMNS),
                    f"{p.done:.1%}",
                    *(() if with_area else (escape(p.last_edit), escape(", ".join(p.people)))),
                )
                for p in parts
            ],
            numbers=tuple(range(first, first + len(COLUMNS) + 1)),
            sortable=True,
        )

    lead = "All is decided and can be applied." if state.complete else "Not complete yet."
    told = [*(f"to confirm: {line}" for line in state.examination.to_confirm), *state.examination.edits.notes]
    notes = "".join(f"<li>{escape(note)}</li>" for note in told)
    problems, found = state.problems, state.findings
    tones = {"error": "error", "warning": "warning", "info": "info"}
    listed = table(
        "problems-table",
        [
            Column("kind", ["conflict" if p.conflict else "problem" for p in problems], filter=True),
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
        Section(
            "packages",
            "Packages",
            progress(state.packages, False)
            + f"<p>{counted(state.drawn, 'row')} drawn without a task.</p>"
            + (f"<ul>{notes}</ul>" if notes else ""),
        ),
        Section("areas", "Areas", progress(state.areas, True)),
        Section("problems", "Problems and conflicts", listed if problems else none),
        Section("findings", "Rules on edited outlines", findings if len(found) else none),
    ]
    return page(title, sections, lead=f"<p>{lead}</p>")


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
