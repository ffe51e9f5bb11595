"""Findings that do not count: waivers, with a reason and an author, and baselines of known findings."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.files import write_text
from rogi.rules.registry import expand, rules
from rogi.suggestions import did_you_mean
from rogi.text import as_json
from rogi.validation.report import State, WaiverUse

if TYPE_CHECKING:
    import pandas as pd

BASELINE_FORMAT = 1
MAX_BASELINE_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Waiver:
    """One accepted finding: by fingerprint, or all of one rule on one feature."""

    reason: str
    author: str
    rule: str | None = None
    fingerprint: str | None = None
    id: str | None = None
    expires: dt.date | None = None

    @property
    def target(self) -> str:
        """What it is for, in words."""
        return f"fingerprint {self.fingerprint}" if self.fingerprint else f"feature {self.id}"


def parse_waivers(value: object, where: str) -> list[Waiver]:
    """Waivers from a list of tables.

    Each needs ``reason``, ``author``, and ``fingerprint`` or ``rule`` with ``id``.

    Raises
    ------
    OptionError
        If one is incomplete or has an unknown key.
    """
    if not isinstance(value, list):
        raise OptionError(f"{where}: 'waivers' is a list of tables ([[waivers]]), found {value!r}.")
    waivers = []
    known = {"rule", "fingerprint", "id", "reason", "author", "expires"}
    for number, entry in enumerate(value, start=1):
        name = f"{where}: waiver {number}"
        if not isinstance(entry, Mapping):
            raise OptionError(f"{name} is a table, found {entry!r}.")
        if unknown := set(entry) - known:
            key = min(unknown)
            hint = did_you_mean(key, sorted(known)) or "."
            raise OptionError(f"{name} has the unknown key {key!r}; known: {', '.join(sorted(known))}{hint}")
        for key in ("reason", "author"):
            if not str(entry.get(key, "")).strip():
                raise OptionError(f"{name} has no {key}; every waiver says why and who.")
        if not entry.get("fingerprint") and not (entry.get("rule") and entry.get("id")):
            raise OptionError(f"{name} names neither a fingerprint nor a rule and an id; give one of them.")
        rule = entry.get("rule")
        if rule is not None:
            codes = expand((str(rule),))
            if len(codes) != 1:
                raise OptionError(f"{name}: {rule!r} is {len(codes)} rules; a waiver is for one.")
            rule = next(iter(codes))
        waivers.append(
            Waiver(
                reason=str(entry["reason"]),
                author=str(entry["author"]),
                rule=rule,
                fingerprint=entry.get("fingerprint"),
                id=None if entry.get("id") is None else str(entry["id"]),
                expires=_date(entry.get("expires"), name),
            )
        )
    return waivers


def _date(value: Any, name: str) -> dt.date | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise OptionError(f"{name}: 'expires' is a date such as 2027-01-31, found {value!r}.") from None


def apply_waivers(
    findings: pd.DataFrame, waivers: tuple[Waiver, ...], today: dt.date, ran: frozenset[str] | None = None
) -> tuple[WaiverUse, ...]:
    """Mark waived findings in place (``state``, ``reason``) and say what became of each waiver.

    An expired waiver waives nothing. One whose rule is not among those that ``ran`` (default: all) is
    ``not checked``; a waiver that names no rule is known to be unused only if all ran.
    """
    uses = []
    for waiver in waivers:
        if waiver.fingerprint:
            hit = findings["fingerprint"] == waiver.fingerprint
            if waiver.rule:
                hit &= findings["code"] == waiver.rule
        else:
            on_unit = (findings["feature_id"] == waiver.id) | (findings["other_id"] == waiver.id)
            hit = (findings["code"] == waiver.rule) & on_unit
        expired = waiver.expires is not None and waiver.expires < today
        if not expired:
            findings.loc[hit, "state"] = State.WAIVED.value
            findings.loc[hit, "reason"] = f"{waiver.reason} ({waiver.author})"
        if expired:
            status = "expired"
        elif hit.any():
            status = "used"
        else:
            looked = ran is None or (waiver.rule in ran if waiver.rule else len(ran) == len(rules()))
            status = "unused" if looked else "not checked"
        uses.append(
            WaiverUse(
                rule=waiver.rule or "",
                target=waiver.target,
                reason=waiver.reason,
                author=waiver.author,
                expires=waiver.expires,
                status=status,
                findings=int(hit.sum()),
            )
        )
    return tuple(uses)


@dataclass(frozen=True, slots=True)
class Baseline:
    """Fingerprints of findings that were known when the file was written."""

    fingerprints: frozenset[str]
    path: str = ""

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """A baseline file.

        Raises
        ------
        InputError
            If it is missing or is not one.
        """
        targets.note_read(path)
        try:
            if path.stat().st_size > MAX_BASELINE_BYTES:
                raise InputError(f"{path} is too large for a baseline (over 1 GiB).")
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"The baseline {path} does not exist; write it first with "
                f"`rogi validate … --write-baseline {path}`."
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"The baseline {path} cannot be read: {error}.") from None
        if not isinstance(content, dict) or content.get("format") != BASELINE_FORMAT:
            raise InputError(f"{path} is not a baseline of format {BASELINE_FORMAT}; write it again.")
        known = content.get("findings")
        if not isinstance(known, dict):
            raise InputError(f"{path} is not a baseline: 'findings' is missing; write it again.")
        return cls(frozenset(known), str(path))

    def apply(self, findings: pd.DataFrame) -> None:
        """Mark open findings that were known, in place."""
        known = findings["fingerprint"].isin(self.fingerprints)
        findings.loc[known & (findings["state"] == State.OPEN.value), "state"] = State.BASELINE.value


def write_baseline(findings: pd.DataFrame, path: Path, version: str) -> int:
    """Write the fingerprints of all findings that are not waived; returns how many."""
    keep = findings[(findings["state"] != State.WAIVED.value).to_numpy(dtype=bool)]
    labels = (keep["code"] + " " + keep["layer"] + " " + keep["feature_id"]).to_numpy(dtype=object)
    order = np.argsort(keep["fingerprint"].to_numpy(dtype=str), kind="stable")
    known = dict(zip(keep["fingerprint"].to_numpy(dtype=object)[order], labels[order], strict=True))
    content = {"format": BASELINE_FORMAT, "rogi": version, "findings": known}
    write_text(path, as_json(content, 1))
    return len(known)
