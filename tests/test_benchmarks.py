"""The page of benchmarks: parts are renewed, what got worse is named. That of GPUs runs on a processor."""

from __future__ import annotations

import importlib
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


@pytest.mark.slow
def test_the_benchmark_of_gpus_runs_on_a_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every section with a small network, its commands in this process."""
    pytest.importorskip("torch")
    pytest.importorskip("segmentation_models_pytorch")
    monkeypatch.syspath_prepend(str(RUN.parent))
    detect, gpu = importlib.import_module("detect"), importlib.import_module("gpu")
    from rogi import cli

    said = []

    def run_rogi(*arguments: object) -> object:
        said.append(capsys.readouterr().out)
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        errors = capsys.readouterr().err
        assert not end.value.code, errors
        return detect.Run(1.0, 1.0, 1.0, errors)

    monkeypatch.setattr(detect, "run_rogi", run_rogi)
    bench = gpu.Bench(tmp_path, "cpu", gpu.SMALL)
    for name, section in bench.sections.items():
        said += [capsys.readouterr().out, f"== {name}\n"]
        section()
    parts = dict(part.split("\n", 1) for part in "".join([*said, capsys.readouterr().out]).split("== ")[1:])
    assert list(parts) == ["alone", "predict", "train", "same", "agree", "selftest"]
    rows = {
        name: [line.strip("| ").split(" | ") for line in part.splitlines()] for name, part in parts.items()
    }
    assert "% of alone" in parts["predict"]
    assert "% of the time of training" in parts["train"]
    (digests,) = (row[1:4] for row in rows["same"] if row[0] == "fp32")
    assert len(set(digests)) == 1
    (equal,) = (row[1] for row in rows["agree"] if row[0] == "fp32")
    assert float(equal.rstrip(" %")) > 95
    verdicts = {row[0]: row[-1] for row in rows["selftest"] if "fp32" in row}
    assert verdicts["random"] == verdicts["trained"] == "passes"
    assert "off by" in verdicts["random, no middle layer"]
