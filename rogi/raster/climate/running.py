"""Running totals: amounts that count on from midnight, as those of ERA5-Land, not from step to step."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError

SHARE = 0.01
"""Share of all rises or falls that a time of the day must have to count: packed numbers go up and down."""

RESETS = 20
"""Times that amounts must fall back: some showers may all end at one time of the day."""


class RunningTotals:
    """Recognises, step by step, amounts that rise through the day and fall back at the same time each day.

    Amounts of single steps rise and fall at all times of the day.
    """

    def __init__(self) -> None:
        self.rises: dict[str, float] = defaultdict(float)
        self.falls: dict[str, float] = defaultdict(float)
        self._before: tuple[Any, NDArray[np.float64]] | None = None
        self._per_day = self._fell = 0

    def see(self, date: Any, days: float, values: NDArray[np.float64]) -> None:
        """Take the next step: its date, its length, and its amounts, NaN where missing."""
        before, self._before = self._before, (date, values)
        if before is None or abs((date - before[0]).total_seconds() - days * 86400.0) > 60.0:
            return
        change = values - before[1]
        time = f"{date.hour:02d}:{date.minute:02d}"
        self._per_day = round(1.0 / days)
        fall = -float(np.nansum(change, where=change < 0))
        self.rises[time] += float(np.nansum(change, where=change > 0))
        self.falls[time] += fall
        self._fell += fall > 0

    def refuse(self, where: str) -> None:
        """Refuse running totals.

        Raises
        ------
        InputError
            Amounts fell at a quarter of the times of the day at most, and rose at half of them or more.
        """
        falls, rises = (
            sorted(time for time, amount in amounts.items() if amount > SHARE * sum(amounts.values()))
            for amounts in (self.falls, self.rises)
        )
        if self._fell < RESETS or 4 * len(falls) > self._per_day or 2 * len(rises) < self._per_day:
            return
        raise InputError(
            f"{where} contains running totals: its amounts rise through the day and fall back at "
            f"{' and '.join(falls)} only, as in hourly files of ERA5-Land. Give the amount of each step, or "
            "daily sums (in ERA5-Land the value at 00:00 is the sum of the day before)."
        )
