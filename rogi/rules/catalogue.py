"""The catalogue of rules, from the same source for ``rogi rules``, ``rogi rule`` and the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from rogi.rules.registry import rules
from rogi.rules.rule import Family, Rule
from rogi.schema.parameters import load_parameters


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue."""

    code: str
    name: str
    title: str
    family: str
    severity: str
    evidence: str
    scope: tuple[str, ...]
    fields: tuple[str, ...]
    fix: str
    origin: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def entries() -> list[Entry]:
    """All rules in order."""
    return [_entry(rule) for rule in rules().values()]


def _entry(rule: Rule) -> Entry:
    info = rule.info
    concepts = [c for need in info.needs for c in (*need.concepts, *need.any_of)]
    return Entry(
        code=info.code,
        name=info.name,
        title=rule.title,
        family=info.family.value,
        severity=info.severity.value,
        evidence=info.evidence.value,
        scope=tuple(dict.fromkeys(need.role.value for need in info.needs)),
        fields=tuple(dict.fromkeys(concepts)),
        fix=info.fix,
        origin=rule.origin or "rogi",
    )


def as_markdown(table: Sequence[Entry], link: str = "") -> str:
    """The catalogue as Markdown tables by family; ``link`` is a format such as ``{code}.md``."""
    lines: list[str] = []
    for family in Family:
        members = [entry for entry in table if entry.family == family.value]
        if not members:
            continue
        lines += [f"## {family.name}: {family.value}", ""]
        lines += [
            "| code | rule | severity | evidence | layers | fix |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for e in members:
            code = f"[{e.code}]({link.format(code=e.code)})" if link else e.code
            scope = ", ".join(s.replace("_", " ") for s in e.scope) or "inventory"
            lines.append(f"| {code} | {e.title} | {e.severity} | {e.evidence} | {scope} | {e.fix} |")
        lines.append("")
    return "\n".join(lines)


def page(rule: Rule) -> str:
    """The page of a rule: its docstring with a header and its parameters."""
    entry = _entry(rule)
    title, _, body = rule.doc.strip().partition("\n")
    scope = ", ".join(s.replace("_", " ") for s in entry.scope) or "the inventory as a whole"
    lines = [
        f"# {entry.code} {entry.name}",
        "",
        title,
        "",
        f"- Severity: {entry.severity} (profile normal)",
        f"- Evidence: {entry.evidence}",
        f"- Layers: {scope}",
    ]
    if rule.origin:
        lines.append(f"- From: {rule.origin}")
    if entry.fields:
        lines.append(f"- Needs: {', '.join(entry.fields)}")
    if entry.fix:
        lines.append(f"- Mended by: `rogi validate --fix {entry.fix}`")
    lines += [body.rstrip(), ""]
    parameters = [p for name, p in load_parameters().items() if name.startswith(f"{entry.code}.")]
    if parameters:
        lines += [
            "## Parameters",
            "",
            "| name | default | unit | meaning | source |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            _parameter_row(p.name, p.value, p.unit, p.description, p.source, p.evidence) for p in parameters
        ]
        lines.append("")
    return "\n".join(lines)


def _parameter_row(*cells: object) -> str:
    name, value, unit, description, source, evidence = cells
    shown = (
        ", ".join(map(str, value)) if isinstance(value, Iterable) and not isinstance(value, str) else value
    )
    return f"| `{name}` | {shown} | {unit or ''} | {description} | {source} [{evidence}] |"
