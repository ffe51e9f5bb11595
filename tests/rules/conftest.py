"""Running one rule over an inventory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest

from rogi.inventory.model import Inventory
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

Run = Callable[..., pd.DataFrame]


@pytest.fixture
def run() -> Run:
    """``run(inventory, "GEO003", **parameters)``: its findings, positions (from 0) in ``at``."""

    def findings(inventory: Inventory, *codes: str, **parameters: object) -> pd.DataFrame:
        values = {f"{codes[0]}.{name}": value for name, value in parameters.items()}
        settings = Settings(select=codes, parameters=values, today=dt.date(2026, 1, 1))
        report = validate(inventory, settings)
        assert not report.crashed, [o.reason for o in report.crashed]
        return report.findings.assign(at=report.findings["row"] - 1)

    return findings
