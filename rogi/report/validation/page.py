"""The HTML report of a validation, and its short form for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rogi.report.html.backdrop import backdrop
from rogi.report.html.shell import Section, page
from rogi.report.html.tables import Column, Kind, badge, html_table, readable, show_buttons, table
from rogi.report.validation.findings_map import findings_map
from rogi.report.validation.records import Record, failures, records
from rogi.rules.registry import rules
from rogi.rules.rule import Severity
from rogi.text import counted, printable
from rogi.text import html as escape
from rogi.validation.report import NOT_SELECTED, Outcome, Report, State, Status, totals

SEVERITY_TONES = {"error": "error", "warning": "warning", "info": "info"}
STATUS_TONES = {
    Status.PASSED: "good",
    Status.FAILED: "error",
    Status.NOT_APPLICABLE: "neutral",
    Status.NOT_RUN: "warning",
}
FRAGMENT_ROWS = 20
TABLE, MAP = "findings-table", "findings-map"


def report_page(report: Report, relief: Sequence[str | Path] = ()) -> str:
    """The report as one self-contained HTML document, with an elevation model behind its map.

    All findings are in it; outlines are simplified to the scale a map of them can show.
    """
    sections = [
        Section("summary", "Summary", _summary(report)),
        Section("conformance", "Conformance", _conformance(report)),
    ]
    if len(report.findings):
        found = list(records(report.findings))
        sections += [
            Section("map", "Map", findings_map(report, found, name=MAP, table_name=TABLE)),
            Section("findings", "Findings", _findings(report, found)),
            Section("rules", "What the findings mean", _pages(report)),
        ]
    name = report.summary.path or "inventory"
    lead = f'<p class="muted">{escape(name)} · rogi {escape(report.version)} · {report.date.isoformat()}</p>'
    footer = (
        f"<p>Made by rogi {escape(report.version)}. This file holds everything it shows and loads nothing "
        "from elsewhere.</p>"
    )
    behind = backdrop(relief, _bounds(report)) if len(report.findings) else ""
    return page("Validation report", sections, lead=lead, footer=footer, backdrop=behind)


def _bounds(report: Report) -> tuple[float, ...] | None:
    found = [layer.bounds for layer in report.summary.layers if layer.bounds is not None]
    if not found:
        return None
    west, south, east, north = zip(*found, strict=True)
    return min(west), min(south), max(east), max(north)


def fragment(report: Report) -> str:
    """A short form without script, for notebooks: totals, rules with findings, the first findings."""
    sums = totals(report)
    rules = [
        [escape(f.outcome.code), escape(f.outcome.title), f.severity.value, f"{f.outcome.findings:,}"]
        for f in failures(report)
    ]
    shown = list(records(report.findings.head(FRAGMENT_ROWS)))
    parts = [
        f"<p><b>{escape(printable(report.summary.path) or 'Inventory in memory')}</b>: "
        f"{escape(sums.sentence())}. Rules: {escape(sums.rule_sentence())}.</p>"
    ]
    if rules:
        parts.append(_plain_table(("Rule", "Fault", "Severity", "Findings"), rules))
        rows = [[escape(t) for t in (r.severity, r.code, r.subject, r.field, r.message)] for r in shown]
        parts.append(_plain_table(("Severity", "Rule", "Feature", "Field", "Message"), rows))
        if len(report.findings) > len(shown):
            parts.append(f"<p>… and {counted(len(report.findings) - len(shown), 'more finding')}.</p>")
    return "<div>" + "".join(parts) + "</div>"


def _plain_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(t)}</th>" for t in titles)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


# ---- summary


def _summary(report: Report) -> str:
    sums = totals(report)
    cards = [
        ("error", sums.open[Severity.ERROR], "errors"),
        ("warning", sums.open[Severity.WARNING], "warnings"),
        ("info", sums.open[Severity.INFO], "notes"),
        ("good", sums.rules[Status.PASSED], "rules passed"),
        ("error" if sums.rules[Status.FAILED] else "good", sums.rules[Status.FAILED], "rules with findings"),
        ("warning" if sums.rules[Status.NOT_RUN] else "good", sums.rules[Status.NOT_RUN], "rules not run"),
    ]
    if sums.waived or sums.known:
        cards.append(("", sums.waived + sums.known, "waived or known before"))
    items = "".join(f'<li class="{tone}"><b>{n:,}</b>{escape(text)}</li>' for tone, n, text in cards)
    summary = report.summary
    facts = [
        ("Schema", summary.schema),
        ("Dialect", summary.dialect + (f": {summary.dialect_reason}" if summary.dialect_reason else "")),
        *((key[:1].upper() + key[1:], value) for key, value in report.settings.items() if key != "date"),
    ]
    layers = [
        [
            escape(layer.role.title),
            escape(layer.name),
            f"{layer.features:,}",
            escape("; ".join(layer.sources)),
            escape(layer.crs),
            "" if layer.bounds is None else escape(_extent(layer.bounds)),
        ]
        for layer in summary.layers
    ]
    parts = [_verdict(report), f'<ul class="cards">{items}</ul>', _facts(facts)]
    titles = ("Layer", "Name", "Features", "Read from", "CRS", "Extent")
    parts.append(html_table(titles, layers, caption="Layers as they were read", numbers=(2,)))
    notes = [*summary.notes, *(f"{x.role.title}: {note}" for x in summary.layers for note in x.notes)]
    if notes:
        parts.append("<ul>" + "".join(f"<li>{escape(n)}</li>" for n in notes) + "</ul>")
    columns = [
        [escape(x.role.title), escape(concept.replace("_", " ")), escape(column)]
        for x in summary.layers
        for concept, column in x.columns.items()
    ]
    columns += [
        [escape(x.role.title), '<span class="muted">no known concept</span>', escape(column)]
        for x in summary.layers
        for column in x.extra_columns
    ]
    if columns:
        rows = html_table(("Layer", "Concept", "Column"), columns)
        parts.append(
            f"<details><summary>How {len(columns)} columns were understood</summary>{rows}</details>"
        )
    if report.waivers:
        waivers = [
            [
                escape(w.rule or "any rule"),
                escape(w.target),
                badge(w.status, "good" if w.status == "used" else "warning"),
                f"{w.findings:,}",
                escape(w.reason),
                escape(w.author),
                w.expires.isoformat() if w.expires else "",
            ]
            for w in report.waivers
        ]
        heads = ("Rule", "For", "Status", "Findings", "Reason", "Author", "Expires")
        parts.append(html_table(heads, waivers, caption="Waivers", numbers=(3,)))
    return "\n".join(parts)


def _verdict(report: Report) -> str:
    sums = totals(report)
    sentences = []
    tone = "good"
    if report.crashed:
        tone = "error"
        codes = ", ".join(o.code for o in report.crashed)
        sentences.append(f"{counted(len(report.crashed), 'rule')} broke down ({codes}): incomplete report.")
    if errors := sums.open[Severity.ERROR]:
        tone = "error"
        sentences.append(f"The inventory does not follow the rules: {counted(errors, 'error')}.")
    elif warnings := sums.open[Severity.WARNING]:
        tone = "warning" if tone == "good" else tone
        sentences.append(f"No errors; {counted(warnings, 'warning')} to look at.")
    else:
        sentences.append("No errors and no warnings.")
    if skipped := sum(o.status is Status.NOT_RUN and o.reason != NOT_SELECTED for o in report.outcomes):
        sentences.append(f"{counted(skipped, 'rule')} not run; the table below says why.")
    return f'<p class="notice {tone}">{escape(" ".join(sentences))}</p>'


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts)
    return f'<dl class="facts">{body}</dl>'


def _extent(box: tuple[float, float, float, float]) -> str:
    west, south, east, north = box

    def degrees(value: float, plus: str, minus: str) -> str:
        return f"{abs(value):.2f}° {plus if value >= 0 else minus}"

    return (
        f"{degrees(west, 'E', 'W')} to {degrees(east, 'E', 'W')}, "
        f"{degrees(south, 'N', 'S')} to {degrees(north, 'N', 'S')}"
    )


# ---- conformance


def _conformance(report: Report) -> str:
    rows, groups = [], []
    order = (Status.FAILED, Status.NOT_RUN, Status.PASSED, Status.NOT_APPLICABLE)
    worst = {failure.outcome.code: failure.severity for failure in failures(report)}

    def weight(outcome: Outcome) -> tuple[int, int]:
        return order.index(outcome.status), -worst.get(outcome.code, outcome.severity).rank

    for outcome in sorted(report.outcomes, key=weight):
        code = escape(outcome.code)
        if outcome.findings:
            code = (
                f'<button type="button" class="link code" data-choose="{TABLE}" data-column="Rule" '
                f'value="{code}" title="Show its findings">{code}</button>'
            )
        tone = STATUS_TONES[outcome.status]
        if outcome.status is Status.FAILED:
            tone = SEVERITY_TONES[worst[outcome.code].value]
        rows.append(
            [
                code,
                escape(outcome.title or outcome.name),
                escape(worst.get(outcome.code, outcome.severity).value),
                badge(outcome.status.value, "error" if outcome.crashed else tone),
                f"{outcome.findings:,}" if outcome.findings else "",
                escape(_remark(outcome)),
            ]
        )
        groups.append(outcome.status.name.lower())
    sums = totals(report)
    choices = [("", f"All ({len(report.outcomes)})")]
    choices += [(s.name.lower(), f"{s.value.capitalize()} ({n})") for s, n in sums.rules.items()]
    return (
        "<p>Every rule looks for one fault; <em>passed</em> says that it was not found. A rule that was not "
        "run, or has nothing to look at, has not been passed.</p>"
        + show_buttons("rules-table", choices)
        + html_table(
            ("Rule", "Fault looked for", "Severity", "Outcome", "Findings", "Remarks"),
            rows,
            name="rules-table",
            groups=groups,
            numbers=(4,),
            sortable=True,
            tall=True,
        )
    )


def _remark(outcome: Outcome) -> str:
    parts = [outcome.reason] if outcome.reason else []
    if outcome.waived:
        parts.append(f"{outcome.waived:,} waived")
    if outcome.known:
        parts.append(f"{outcome.known:,} in the baseline")
    return "; ".join(parts)


# ---- findings


def _findings(report: Report, found: Sequence[Record]) -> str:
    names = {o.code: o.name for o in report.outcomes}

    several = len({r.state for r in found} | {State.OPEN.value}) > 1
    files, partners = any(r.file for r in found), any(r.other_layer for r in found)
    columns = [
        Column(
            "Severity",
            [r.severity for r in found],
            Kind.BADGE,
            filter=True,
            tones=SEVERITY_TONES,
            order=[s.value for s in Severity],
        ),
        Column("Rule", [r.code for r in found], Kind.CODE, filter=True),
        Column("Name", [names.get(r.code) for r in found]),
        Column("Layer", [r.layer.replace("_", " ") or "inventory" for r in found], filter=True),
        *([Column("File", [printable(r.file) or None for r in found], filter=True)] if files else []),
        Column("Row", [r.row or None for r in found], Kind.NUMBER),
        Column("Feature", [printable(r.feature_id) for r in found], Kind.CODE),
        *([Column("Other feature", [printable(r.other_subject) or None for r in found])] if partners else []),
        Column("Field", [printable(r.field) for r in found], Kind.CODE, filter=True),
        Column("Value", [readable(printable(r.value)) for r in found]),
        Column("Message", [printable(r.message) for r in found], Kind.WIDE),
    ]
    if several:
        tones = {"open": "neutral", "waived": "good", "baseline": "info"}
        columns.append(Column("State", [r.state for r in found], Kind.BADGE, filter=True, tones=tones))
        columns.append(Column("Reason", [printable(r.reason) for r in found], detail=True))
    columns += [
        Column("Fingerprint", [r.fingerprint for r in found], detail=True),
        Column("Place", [_place(r) for r in found], Kind.PLACE, detail=True),
    ]
    label = ("Rule", "Severity", "Feature", "Message", *(["Other feature"] if partners else []))
    return table(TABLE, columns, noun="findings", label=label, sort="Severity", map_name=MAP)


def _place(record: Record) -> str | None:
    if record.box is None:
        return None
    west, south, east, north = record.box
    return f"{(south + north) / 2:.5f}, {(west + east) / 2:.5f}"


def _pages(report: Report) -> str:
    """The pages of the rules with findings: what is checked, why, how to fix it."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts = []
    for failure in failures(report):
        outcome = failure.outcome
        rule = rules().get(outcome.code)
        if rule is None:
            continue
        _, _, body = rule.doc.strip().partition("\n")
        tokens = reader.parse(body)
        for token in tokens:
            if token.type in ("heading_open", "heading_close"):
                token.tag = "h3"
        text = reader.renderer.render(tokens, reader.options, {}).replace("<pre>", '<pre tabindex="0">')
        parts.append(
            f"<details><summary>{escape(outcome.code)} {escape(outcome.name)}: "
            f"{counted(outcome.findings, 'finding')}</summary><h3>{escape(rule.title)}</h3>{text}</details>"
        )
    return "\n".join(parts) or "<p>No pages for these rules.</p>"
