"""What was checked of a copy of a release, as text and JSON."""

from __future__ import annotations

from typing import Any, Final

from rogi.release.checking.check import Checks
from rogi.text import printable

SHOWN: Final = 10  # faults of each check in the text; JSON has all
_WORDS: Final = {True: "ok", False: "FAILED", None: "not checked"}


def as_text(checks: Checks, limit: int = SHOWN) -> str:
    """For the terminal; ``limit`` faults of each check, negative for all."""
    against = f" against {checks.against}" if checks.against else ""
    lines = [f"{printable(checks.subject)}{against}"]
    for item in checks.items:
        lines.append(f"  {_WORDS[item.passed]:<11} {item.name}: {printable(item.detail)}")
        shown = item.faults if limit < 0 else item.faults[:limit]
        lines += [f"                {printable(fault)}" for fault in shown]
        if len(shown) < len(item.faults):
            lines.append(f"                and {len(item.faults) - len(shown)} more")
    total = len(checks.items)
    failed = sum(item.passed is False for item in checks.items)
    left = sum(item.passed is None for item in checks.items)
    verdict = f"{failed} of {total} checks failed" if failed else "all checks passed"
    if left:
        verdict = (
            verdict.replace("all checks", f"{total - left - failed} of {total} checks")
            + f", {left} not checked"
        )
    lines.append(verdict)
    return "\n".join(lines) + "\n"


def as_dict(checks: Checks) -> dict[str, Any]:
    """Everything, for JSON."""
    return {
        "subject": checks.subject,
        "against": checks.against,
        "passed": checks.passed,
        "checks": [
            {"name": i.name, "passed": i.passed, "detail": i.detail, "faults": list(i.faults)}
            for i in checks.items
        ],
    }
