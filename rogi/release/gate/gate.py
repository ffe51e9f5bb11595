"""The gate: why a release must not be built yet, and what would lift it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rogi.errors import RogiError
from rogi.release.description import Release, Version
from rogi.release.differences.difference import Difference, Kind
from rogi.release.gate.identity import lineage_refusals, reused, vanished
from rogi.release.gate.refusal import Refusal, liftable, lifted, some
from rogi.rules.rule import Severity
from rogi.text import agreeing, clause, counted
from rogi.validation.report import State

if TYPE_CHECKING:
    from rogi.release.differences.lineage import Retired
    from rogi.statistics.facts import Checked
    from rogi.validation.report import Report

GIT_SECONDS: Final = 60
HINTS: Final = {
    "SCH001": "Primary markers that are missing are made from the outlines: `rogi id make OUTLINES -o "
    "markers.csv`, then add --inventory markers.csv.",
    "SCH008": "Primary IDs that are missing are made from the positions: `rogi id make OUTLINES -o ids.csv` "
    "has one for each row of the outlines; join them to the outlines as the column of the primary ID.",
}
"""What to do about findings that an inventory has before anybody gave it IDs and markers."""


class GateError(RogiError):
    """A release that may not be built; ``refusals`` says why."""

    def __init__(self, release: Release, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(refusals)
        lines = "\n".join(f"  {refusal}" for refusal in refusals)
        super().__init__(f"{release.name} was not built, nothing was written:\n{lines}")


def refusals(
    release: Release,
    report: Report,
    *,
    found: Difference | None = None,
    facts: Sequence[Checked] = (),
    retired: Sequence[Retired] = (),
    known: Sequence[Version] = (),
    previous: Version | None = None,
    ids: frozenset[str] = frozenset(),
    ids_before: frozenset[str] | None = None,
    more: Sequence[Refusal] = (),
    accept: Mapping[str, str] | None = None,
    dirty: Sequence[str] = (),
) -> tuple[Refusal, ...]:
    """Everything that speaks against a release.

    Parameters
    ----------
    release, report
        What is to be released, and its validation.
    found
        The difference to the previous version, if there is one.
    facts
        Stated facts beside what the data say.
    retired
        IDs that are gone since earlier versions.
    known
        Versions released before.
    previous
        Version of what ``found`` compares with.
    ids, ids_before
        IDs of the new version and the one before, in any layer; by default those that ``found`` compares.
    more
        Reasons of others: content, IDs as they are keyed, what is left from the version before.
    accept
        Code -> reason, for reasons that can be lifted.
    dirty
        What git says has changed.
    """
    reasons = [*_findings(report), *_version(release, known, previous, found), *more]
    if found is not None:
        reasons += vanished(release, found)
    reasons += reused(release, retired, ids)
    reasons += lineage_refusals(release, found, retired, ids, ids_before)
    reasons += [*_facts(facts), *(_thresholds(release, found) if found is not None else ())]
    if dirty:
        reasons.append(
            Refusal(
                "git",
                f"The git tree is not clean ({some(dirty)}).",
                "Commit or stash the changes, so that the release can be built again from a commit.",
            )
        )
    return lifted(reasons, accept or {})


def _findings(report: Report) -> list[Refusal]:
    out = []
    if report.crashed:
        codes = ", ".join(outcome.code for outcome in report.crashed)
        out.append(
            Refusal(
                "rules", f"Rules broke down: {codes}.", "Report this fault of rogi; ROGI_DEBUG=1 shows where."
            )
        )
    found = report.findings
    # of one rule some findings are errors, others not: what counts is the finding
    errors = found[(found["severity"] == Severity.ERROR.value) & (found["state"] == State.OPEN.value)]
    if len(errors):
        codes = errors["code"].value_counts(sort=False)
        named = ", ".join(f"{code} ({codes[code]:,})" for code in sorted(codes.index))
        out.append(
            Refusal(
                "findings",
                f"{counted(len(errors), 'finding')} at error level: {named}.",
                "".join(f"{hint} " for code, hint in HINTS.items() if code in codes.index)
                + "Mend them (`rogi validate` shows them), or waive each in rogi.toml with a reason, an "
                "author and a date at which it expires.",
            )
        )
    over = [
        f"{w.rule} on {w.target}, since {w.expires}".strip()
        for w in report.waivers
        if w.status == "expired" and w.findings
    ]
    if over:
        out.append(
            Refusal(
                "waivers",
                f"{clause(len(over), 'waiver', 'has', 'have')} expired, so what "
                f"{agreeing(len(over), 'it waives', 'they waive')} counts again ({some(over)}).",
                "Mend what they are for, or look at them again and set a later date (expires).",
            )
        )
    endless = [
        f"{w.rule} on {w.target}".strip() for w in report.waivers if w.status == "used" and not w.expires
    ]
    if endless:
        out.append(
            Refusal(
                "waivers",
                f"{clause(len(endless), 'waiver', 'does', 'do')} not expire ({some(endless)}).",
                "Give each a date in rogi.toml (expires = 2027-12-31), so that it is looked at again.",
            )
        )
    return out


def _version(
    release: Release, known: Sequence[Version], previous: Version | None, found: Difference | None
) -> list[Refusal]:
    version = Version.parse(release.version)
    last = max([*known, *([previous] if previous is not None else [])], default=None)
    if last is not None and version <= last:
        return [
            Refusal(
                "version",
                f"Version {version} is not above the last, {last}.",
                "Choose a higher version in release.yaml.",
            )
        ]
    if previous is None or found is None:
        return []
    needed, why = _needed(found)
    if needed == "major":
        fits, least = version.major > previous.major, Version(previous.major + 1, 0)
    elif needed == "minor":
        fits = (version.major, version.minor) > (previous.major, previous.minor)
        least = Version(previous.major, previous.minor + 1)
    else:
        fits, least = True, Version(previous.major, previous.minor, previous.patch + 1)
    if fits:
        return []
    return [
        Refusal(
            "version",
            f"Version {version} after {previous} does not fit the change: {why}.",
            f"Such a change needs at least {least}.",
        )
    ]


def _needed(found: Difference) -> tuple[str, str]:
    """Part of the version that has to rise, and why."""
    if found.schema_changed:
        said = []
        if found.schema_old != found.schema_new:
            said.append(f"the schema is {found.schema_new} instead of {found.schema_old}")
        if found.fields_removed:
            said.append(f"columns are gone ({', '.join(found.fields_removed)})")
        if found.fields_retyped:
            said.append(f"columns are of another type ({', '.join(found.fields_retyped)})")
        return "major", "; ".join(said)
    counts = found.counts
    structural = [f"{counts[kind]} {kind.value}" for kind in Kind if kind.structural and counts[kind]]
    if structural:
        return "minor", f"units {', '.join(structural)}"
    if found.fields_added:
        return "minor", f"columns are new ({', '.join(found.fields_added)})"
    return "patch", ""


def _facts(facts: Sequence[Checked]) -> list[Refusal]:
    out = []
    for checked in facts:
        if checked.holds is True:
            continue
        stated = f"{checked.fact.value:g} ± {checked.fact.tolerance:g}"
        said = (
            f"could not be checked ({checked.reason})"
            if checked.found is None
            else f"is {checked.found:.10g}"
        )
        out.append(
            liftable(
                f"fact:{checked.fact.name}",
                f"{checked.fact.name} {said}; facts.yaml states {stated} {checked.fact.value_unit}".rstrip()
                + ".",
                "Correct the data or facts.yaml.",
            )
        )
    return out


def _thresholds(release: Release, found: Difference) -> list[Refusal]:
    limits = release.thresholds
    changes = [
        ("count", "number of units", found.count_old, found.count_new, limits.count),
        ("area", "total area (km²)", found.area_old_km2, found.area_new_km2, limits.area),
    ]
    table = found.subregions()
    if len(table) > 1:
        for name, n_old, n_new, a_old, a_new in zip(
            table["subregion"],
            table["units_old"],
            table["units_new"],
            table["area_old_km2"],
            table["area_new_km2"],
            strict=True,
        ):
            changes.append((f"count:{name}", f"number of units in {name}", n_old, n_new, limits.subregion))
            changes.append((f"area:{name}", f"area in {name} (km²)", a_old, a_new, limits.subregion))
    out = []
    for code, what, before, after, limit in changes:
        share = abs(after - before) / before if before else float(after > 0)
        if share > limit:
            out.append(
                liftable(
                    code,
                    f"{what} went from {before:,.10g} to {after:,.10g}, by {100 * share:.1f} %, more than "
                    f"{100 * limit:g} %.",
                    "Look at `rogi release diff`.",
                )
            )
    return out


def uncommitted(folders: Sequence[Path], output: Sequence[Path] = ()) -> tuple[str, ...]:
    """Files that git says have changed in the trees that hold some folders; none outside of git.

    Files git does not know count where they lie in one of the folders. What is being written
    (``output``) is no input and never counts.
    """
    changed: dict[str, None] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        top = _git(folder, "rev-parse", "--show-toplevel")
        if top is None:
            continue
        written = (path.resolve() for path in output)
        without = [f":(exclude,literal){path}" for path in written if path.is_relative_to(top)]
        status = ("status", "--porcelain")
        tracked = _git(folder, *status, "--untracked-files=no", "--", ":/", *without) or ""
        new = _git(folder, *status, "--untracked-files=normal", "--", ".", *without) or ""
        changed |= dict.fromkeys(line[3:] for line in [*tracked.splitlines(), *new.splitlines()] if line)
    return tuple(changed)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where there is no git or no tree; settings of the tree run no program."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
