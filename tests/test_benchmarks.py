"""The page of benchmarks: parts of it are renewed, and what got worse is named."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[1] / "benchmarks" / "run.py"
TABLE = """2026-11-28, full size; two cores.

## Validation

Aim: fast.

| what | units | s | processor s | ratio | processor ratio | peak MiB |
| --- | --- | --- | --- | --- | --- | --- |
| bare read | 20 | 1.00 | 1.00 | 1 | 1 | {bare} |
| **validate** | 20 | 2.00 | 2.00 | 2 | {ratio} | {peak} |
| **validate: time for each unit** |  |  |  | 1.00 | {growth} |  |

Something said.
"""


@pytest.fixture(scope="module")
def run() -> ModuleType:
    pytest.importorskip("psutil")
    spec = importlib.util.spec_from_file_location("benchmarks_run", RUN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def text(bare: str = "100", ratio: str = "2", peak: str = "1,000", growth: str = "1.00") -> str:
    return TABLE.format(bare=bare, ratio=ratio, peak=peak, growth=growth)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (text(), []),
        (text(bare="900"), []),
        (text(ratio="2.5", peak="1,250", growth="1.25"), []),
        (text(ratio="2.51"), ["validate, Validation, validate (20): processor ratio 2 -> 2.51"]),
        (text(peak="1,251"), ["validate, Validation, validate (20): peak MiB 1000 -> 1251"]),
        (
            text(growth="1.3"),
            ["validate, Validation, validate: time for each unit: processor ratio 1 -> 1.3"],
        ),
        (text(ratio="1"), []),
        (text(ratio="9").replace("| 20 |", "| 21 |"), []),
    ],
)
def test_worse_by_more_than_a_quarter_is_named(run: ModuleType, now: str, said: list[str]) -> None:
    assert run.compared("validate", text(), now) == said


def test_tables_of_other_jobs_stay(run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    assert run.read_page(page) == {}
    run.write_page(page, {"zonal": "b", "validate": text()})
    first = page.read_text("utf-8")
    assert first.index("% benchmark validate") < first.index("% benchmark zonal")
    blocks = run.read_page(page)
    assert {name: block.strip() for name, block in blocks.items()} == {
        "validate": text().strip(),
        "zonal": "b",
    }
    run.write_page(page, blocks)
    assert page.read_text("utf-8") == first
