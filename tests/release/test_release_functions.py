"""`rogi.build_release`, `rogi.diff` and `rogi.check_release` give what the commands give."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import rogi
from rogi.cli.release import app
from rogi.errors import InputError, OptionError
from rogi.release.gate.gate import GateError
from tests.release.conftest import Releases


def test_a_release_is_that_of_the_command(releases: Releases, tmp_path: Path) -> None:
    """Same inventory, same bytes; the gate refuses in both."""
    folder = releases.folders[0].parent
    first = rogi.build_release("1.0", releases.versions.first, tmp_path, releases=folder)
    assert first.zip.read_bytes() == releases.first.zip.read_bytes()
    assert first.difference is None
    assert "Synthetic_v1.0" in repr(first)
    checks = rogi.check_release(first.zip)
    assert checks.passed
    assert checks.items["passed"].all()
    assert "checks passed" in str(checks)
    damaged = tmp_path / "copy.zip"
    damaged.write_bytes(first.zip.read_bytes()[:-200])
    with pytest.raises(InputError, match="is damaged: the end of the zip is missing"):
        rogi.check_release(damaged)
    plain = tmp_path / "plain.txt"
    plain.write_text("no package", encoding="utf-8")
    with pytest.raises(OptionError, match="no checksums"):
        rogi.check_release(plain)
    with pytest.raises(InputError, match="There is no nowhere"):
        rogi.check_release("nowhere")
    second = releases.versions.second
    lost = replace(
        second,
        layers=tuple(
            replace(layer, frame=layer.frame.iloc[1:].reset_index(drop=True), rows=layer.rows[1:])
            for layer in second.layers
        ),
    )
    with pytest.raises(GateError) as refused:
        rogi.build_release("1.1", lost, tmp_path / "b", releases=folder, previous=first.zip)
    assert refused.value.refusals
    assert not (tmp_path / "b" / "Synthetic_v1.1.zip").exists()


def test_differences_are_those_of_the_command(releases: Releases, tmp_path: Path) -> None:
    paths = releases.first.zip, releases.second.zip
    done = CliRunner().invoke(app, ["diff", *map(str, paths), "--format", "json", "--fail-on", "never"])
    found = rogi.diff(*paths)
    found.write(tmp_path / "diff.json")
    assert json.loads((tmp_path / "diff.json").read_text("utf-8")) == json.loads(done.stdout)
    assert found.changed
    assert found.counts["removed"] == 2
    assert found.counts["split"] == 2
    assert len(found.units) == len(found.found.units)
    assert found.units.crs.to_epsg() == 4326
    assert not found.units.geometry.isna().any()
    assert "2 split" in repr(found)
    assert "removed" in found._repr_html_()
    assert str(found).startswith("Synthetic")
    in_memory = rogi.diff(releases.versions.first, releases.versions.second)
    pd.testing.assert_series_equal(in_memory.counts, found.counts)
    with pytest.raises(OptionError, match="0 or more"):
        rogi.diff(*paths, tolerances={"elevation_mean": -1})
    with pytest.raises(OptionError, match="unknown file extension"):
        found.write(tmp_path / "diff.docx")
