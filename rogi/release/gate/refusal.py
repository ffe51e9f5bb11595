"""One reason against a release, and the words that say what lifts it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SHOWN: Final = 5  # IDs named in a message; the report of the difference has all


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason: a short code, what was found, what to do; ``liftable`` by a reason given for its code."""

    code: str
    reason: str
    remedy: str
    liftable: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.reason} {self.remedy}"


def liftable(code: str, reason: str, remedy: str) -> Refusal:
    """A reason that ``--accept CODE=REASON`` lifts.

    Examples
    --------
    >>> print(liftable("shift:AREA", "AREA moved.", "Correct the column."))
    shift:AREA: AREA moved. Correct the column. If it is meant, say why with --accept shift:AREA='REASON'.
    """
    way = f"If it is meant, say why with --accept {shlex.quote(code)}='REASON'."
    return Refusal(code, reason, f"{remedy} {way}", True)


def lifted(refusals: Sequence[Refusal], accept: Mapping[str, str]) -> tuple[Refusal, ...]:
    """The reasons that are left after those accepted; a reason given for nothing is one itself."""
    codes = {refusal.code for refusal in refusals if refusal.liftable}
    left = [r for r in refusals if not (r.liftable and r.code in accept)]
    for code in accept:
        if code not in codes:
            known = f"; it can lift {', '.join(sorted(codes))}" if codes else ""
            left.append(
                Refusal(
                    "accept",
                    f"--accept {code} lifts nothing here{known}.",
                    "Remove it, or correct its code: reasons are published with the release.",
                )
            )
    return tuple(left)


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
