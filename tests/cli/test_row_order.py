"""The order of rows changes no number: inventories with shuffled rows, through every command with numbers."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

FACTS = """
format: 1
inventory: any
version: "1"
source: nobody
facts:
  - {name: area, statistic: sum, concept: area, unit: ha, value: 1, tolerance: 0}
  - {name: aspect, statistic: mean, concept: aspect, value: 1, tolerance: 0}
  - {name: slope, statistic: mean, concept: slope_mean, value: 1, tolerance: 0}
  - {name: regions, statistic: distinct, concept: subregion, value: 1, tolerance: 0}
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two versions and an inventory with defects in one folder; in another the same, shuffled."""
    made, shuffled = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("shuffled")
    run(made, "synthetic", "versions", "--count", 80, "-o", "versions")
    run(made, "synthetic", "inventory", "--count", 190, "--seed", 3, "--defects", "all", "-o", "defects.gpkg")
    rng = np.random.default_rng(7)
    for name in ("versions/1.0.gpkg", "versions/1.1.gpkg", "defects.gpkg"):
        source, target = made / name, shuffled / name
        target.parent.mkdir(exist_ok=True)
        for k, (layer, _) in enumerate(pyogrio.list_layers(source)):
            frame = pyogrio.read_dataframe(source, layer=layer)
            frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
            pyogrio.write_dataframe(frame, target, layer=layer, append=k > 0)
    for folder in (made, shuffled):
        (folder / "facts.yaml").write_text(FACTS, encoding="utf-8")
    return made, shuffled


def run(folder: Path, *arguments: object) -> str:
    """What a command prints, run in a folder."""
    from rogi.cli import main

    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code in (0, 1), arguments
    return out.getvalue()


@pytest.mark.parametrize("name", ["versions/1.0.gpkg", "defects.gpkg"])
def test_statistics_facts_and_grids(folders, name):
    said = [run(f, "stats", name, "--format", "json", "--expect", "facts.yaml", "--grid", "grid.tif",
                "--grid", "grid.gpkg") for f in folders]  # fmt: skip
    found = [_numbers(json.loads(one)) for one in said]  # notes name the first units by row
    assert found[0] == found[1]
    assert json.loads(said[0])["whole"]["units"] > 70
    assert len({(f / "grid.gpkg").read_bytes() for f in folders}) == 1
    grids = []
    for folder in folders:
        with rasterio.open(folder / "grid.tif") as raster:
            grids.append(raster.read())
    np.testing.assert_array_equal(*grids)


@pytest.mark.slow
def test_figures(folders):
    for folder in folders:
        run(folder, "stats", "versions/1.0.gpkg", "--figures", "figures", "--figure-format", "svg")
    for figure in ("map", "histograms", "grid", "aspects"):
        assert len({(f / "figures" / f"{figure}.svg").read_bytes() for f in folders}) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("versions/1.0.gpkg", "versions/1.1.gpkg"),
        ("versions/1.1.gpkg", "versions/1.0.gpkg", "versions/1.0.gpkg"),
        ("versions/1.0.gpkg", "defects.gpkg"),
    ],
)
def test_comparisons(folders, names):
    said = [json.loads(run(f, "compare", *names, "--format", "json")) for f in folders]
    if "defects.gpkg" in names:  # of units without an ID rows are named, of several the first by row
        said = [_numbers(one) for one in said]
    assert said[0] == said[1]


def _numbers(value):
    """A document with the numbers only, lists of texts sorted away."""
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value if not isinstance(one, str)]
    return None if isinstance(value, str) else value


def test_findings(folders):
    """Fingerprints are of units, so that those of a shuffled file are known by a baseline."""
    said = [json.loads(run(f, "validate", "defects.gpkg", "--format", "json")) for f in folders]
    assert said[0]["totals"] == said[1]["totals"]
    found = [sorted((x["code"], x["fingerprint"]) for x in one["findings"]) for one in said]
    assert found[0] == found[1]
    assert len(found[0]) > 150


def test_differences_of_versions_and_samples(folders):
    said = [run(f, "release", "diff", "versions/1.0.gpkg", "versions/1.1.gpkg", "--format", "json")
            for f in folders]  # fmt: skip
    assert said[0] == said[1]
    for folder in folders:
        run(folder, "review", "sample", "versions/1.0.gpkg", "--n", 20, "-o", "review")
    assert len({(f / "review" / "sample.csv").read_bytes() for f in folders}) == 1
