"""Run rules over an inventory and gather what they find."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd

from rogi import __version__
from rogi.extensions import active, problems
from rogi.inventory.model import Inventory, Layer
from rogi.rules.context import Context
from rogi.rules.registry import expand, rules
from rogi.rules.rule import CannotCheck, Rows, Rule, Severity
from rogi.schema.parameters import load_parameters
from rogi.validation.applicability import invalid_left_out, targets, unseen
from rogi.validation.findings import FindingsTable
from rogi.validation.report import (
    NOT_SELECTED,
    InventorySummary,
    LayerSummary,
    Outcome,
    Report,
    State,
    Status,
)
from rogi.validation.settings import Profile, Settings
from rogi.validation.waivers import apply_waivers

log = logging.getLogger(__name__)

THREADS = 2
"""Rules that run at a time: more would wait for Python's lock."""

Progress = Callable[[str, int, int], None]


def validate(
    inventory: Inventory, settings: Settings | None = None, *, progress: Progress | None = None
) -> Report:
    """Check an inventory against the rules.

    Parameters
    ----------
    inventory
        As read by :func:`rogi.read_inventory`; it is not changed.
    settings
        Profile, selection, severities, parameters, waivers and baseline; default: all rules,
        profile ``normal``.
    progress
        Called with rule code, number of the rule and number of rules before each rule.

    Returns
    -------
    Report
        All findings and the conformance statement. A rule that breaks down is recorded as *not run*
        with ``crashed`` set, and the others go on.

    Raises
    ------
    OptionError
        If the settings name a rule or parameter that does not exist.
    """
    settings = settings or Settings()
    today = settings.today or dt.datetime.now(tz=dt.UTC).date()
    chosen = _selection(settings)
    severities = _severities(settings)
    fixed = frozenset[str]().union(*(expand((selector,)) for selector in settings.severity))
    context = Context(inventory, load_parameters(settings.parameters), today)
    table = FindingsTable(context)
    outcomes: list[Outcome] = []
    for role in inventory.roles:
        context.bounds(role)  # GEOS keeps those of collections, not safely by two threads at a time
    pool = ThreadPoolExecutor(THREADS)
    try:
        # rules of other packages run here, after ours: they may not be safe in threads
        begun = {
            code: partial(_check, rule, context) if rule.origin else pool.submit(_check, rule, context).result
            for code, rule in sorted(rules().items(), key=lambda item: item[0][-3:])
            if code in chosen
        }
        for number, (code, rule) in enumerate(rules().items(), start=1):
            severity = severities[code]
            if code not in chosen:
                outcomes.append(_outcome(rule, severity, Status.NOT_RUN, reason=NOT_SELECTED))
                continue
            if progress:
                progress(code, number, len(rules()))
            outcomes.append(_collect(rule, severity, code in fixed, begun.pop(code), table))
    finally:
        pool.shutdown(cancel_futures=True)
    findings = table.to_frame()
    uses = apply_waivers(findings, settings.waivers, today, ran=_ran(outcomes))
    if settings.baseline:
        settings.baseline.apply(findings)
    return Report(
        findings=findings,
        outcomes=_with_states(outcomes, findings),
        summary=summarise(inventory, context),
        settings=MappingProxyType(_describe(settings, today)),
        version=__version__,
        date=today,
        waivers=uses,
        inventory=inventory,
    )


def _selection(settings: Settings) -> frozenset[str]:
    chosen = expand(settings.select) if settings.select else frozenset(rules())
    return chosen - expand(settings.ignore)


def _severities(settings: Settings) -> Mapping[str, Severity]:
    out: dict[str, Severity] = {}
    overrides = sorted(settings.severity.items(), key=lambda item: len(item[0]))
    expanded = [(expand((selector,)), severity) for selector, severity in overrides]
    for code, rule in rules().items():
        severity, established = rule.info.severity, rule.info.evidence.established
        if settings.profile is Profile.STRICT and severity is Severity.WARNING and established:
            severity = Severity.ERROR
        elif settings.profile is Profile.LENIENT and severity is Severity.WARNING and not established:
            severity = Severity.INFO
        for codes, override in expanded:
            if code in codes:
                severity = override
        out[code] = severity
    return out


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a rule found, what it could not look at, and what that makes of it where it found nothing."""

    rows: list[Rows] = field(default_factory=list)
    reason: str = ""
    verdict: Status | None = None


def _check(rule: Rule, context: Context) -> _Checked:
    """Run a rule; as many may do so at a time as there are threads."""
    info = rule.info
    schema = context.inventory.schema
    if info.schemas and schema.name not in info.schemas:
        return _Checked(reason=f"only for {' and '.join(info.schemas)}", verdict=Status.NOT_APPLICABLE)
    found = targets(info, context)
    if info.needs and not found.roles:
        if found.missing:
            return _Checked(reason=found.missing, verdict=Status.NOT_RUN)
        return _Checked(reason=found.absent, verdict=Status.NOT_APPLICABLE)
    reasons = [found.missing]
    batch: list[Rows] = []
    verdict: Status | None = None
    with np.errstate(all="ignore"):  # absurd coordinates and values overflow; that is no news to the user
        try:
            for rows in rule.check(context.of_rule(info, found.roles)):
                if len(rows.rows):
                    batch.append(rows)  # noqa: PERF401 - what was found before CannotCheck is kept
        except CannotCheck as cannot:
            if not batch and not cannot.partly:
                return _Checked(reason=str(cannot), verdict=Status.NOT_RUN)
            reasons.append(str(cannot))
        reasons.append(invalid_left_out(info, found.roles, context))
        if not batch:
            unchecked, verdict = unseen(info, found.roles, context)
            reasons.append(unchecked)
    return _Checked(batch, "; ".join(filter(None, reasons)), verdict)


def _collect(
    rule: Rule, severity: Severity, fixed: bool, check: Callable[[], _Checked], table: FindingsTable
) -> Outcome:
    """Take what a rule found into the table."""
    try:
        done = check()
        batch = [replace(rows, severity=None) for rows in done.rows] if fixed else done.rows
        with np.errstate(all="ignore"):
            count = table.add(rule.info.code, severity, batch)
    except Exception as error:  # one broken rule must not hide what the others find
        log.debug("rule %s broke down", rule.info.code, exc_info=True)
        whose = f" of {rule.origin}" if rule.origin else ""
        text = f"the rule{whose} broke down: {type(error).__name__}: {error}"
        return _outcome(rule, severity, Status.NOT_RUN, reason=text, crashed=True)
    status = done.verdict or (Status.FAILED if count else Status.PASSED)
    return _outcome(rule, severity, status, findings=count, reason=done.reason)


def _outcome(
    rule: Rule,
    severity: Severity,
    status: Status,
    *,
    findings: int = 0,
    reason: str = "",
    crashed: bool = False,
) -> Outcome:
    info = rule.info
    return Outcome(
        code=info.code,
        name=info.name,
        title=rule.title,
        severity=severity,
        evidence=info.evidence,
        status=status,
        findings=findings,
        reason=reason,
        crashed=crashed,
    )


def _ran(outcomes: list[Outcome]) -> frozenset[str]:
    return frozenset(o.code for o in outcomes if o.status in (Status.PASSED, Status.FAILED))


def _with_states(outcomes: list[Outcome], findings: object) -> tuple[Outcome, ...]:
    assert isinstance(findings, pd.DataFrame)
    waived = findings.loc[findings["state"] == State.WAIVED.value, "code"].value_counts()
    known = findings.loc[findings["state"] == State.BASELINE.value, "code"].value_counts()
    return tuple(
        replace(o, waived=int(waived.get(o.code, 0)), known=int(known.get(o.code, 0))) if o.findings else o
        for o in outcomes
    )


def _describe(settings: Settings, today: dt.date) -> dict[str, str]:
    described = {
        "profile": settings.profile.value,
        "select": ", ".join(settings.select) or "all",
        "ignore": ", ".join(settings.ignore) or "none",
        "fail on": settings.fail_on.value if settings.fail_on else "never",
        "date": today.isoformat(),
    }
    described |= {f"severity {k}": v.value for k, v in sorted(settings.severity.items())}
    described |= {f"parameter {k}": str(v) for k, v in sorted(settings.parameters.items())}
    if settings.baseline:
        described["baseline"] = settings.baseline.path
    return described


def summarise(inventory: Inventory, context: Context | None = None) -> InventorySummary:
    """How an inventory was understood: layers, CRS, columns, extents."""
    layers = []
    for role in inventory.roles:
        layer = inventory.layer(role)
        assert layer is not None
        bounds = None
        if context is not None and len(layer) and context.crs(role) is not None:
            boxes = context.lonlat_bounds(role)
            boxes = boxes[np.isfinite(boxes).all(axis=1)]
            if len(boxes):
                (west, south), (east, north) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
                bounds = (float(west), float(south), float(east), float(north))
        layers.append(
            LayerSummary(
                role=role,
                name=layer.name,
                features=len(layer),
                sources=tuple(f"{source.label} ({source.driver})" for source in layer.sources),
                crs=_crs_label(layer),
                columns=MappingProxyType(dict(layer.columns)),
                extra_columns=layer.extra_columns,
                bounds=bounds,
                notes=layer.notes,
            )
        )
    return InventorySummary(
        path=inventory.path,
        schema=inventory.schema.id,
        dialect=inventory.dialect.name,
        dialect_reason=inventory.dialect_reason,
        layers=tuple(layers),
        notes=(*inventory.notes, *_extension_notes()),
    )


def _extension_notes() -> tuple[str, ...]:
    """Which packages were active, and what of them is broken."""
    packages = active()
    return (*((f"with extensions: {', '.join(packages)}",) if packages else ()), *problems())


def _crs_label(layer: Layer) -> str:
    if layer.crs is None:
        return "none"
    authority = layer.crs.to_authority(min_confidence=70)
    return f"{authority[0]}:{authority[1]}" if authority else str(layer.crs.name)
