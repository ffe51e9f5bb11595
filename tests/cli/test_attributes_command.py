"""`rogi attributes` as a command: whose settings it takes, which units it describes, what is empty."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command in this process and a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return int(ended.value.code or 0), streams.out, streams.err

    return command


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Four outlines, the area of two of them known and wrong, a mean slope of one; four markers."""
    file = tmp_path / "inventory.gpkg"
    boxes = [shapely.box(97 + k / 10, 30, 97 + k / 10 + 0.01, 30.01) for k in range(4)]
    frame = gpd.GeoDataFrame(
        {"AREA": [9.0, np.nan, 9.0, np.nan], "SLO_MEAN": [12.0, np.nan, np.nan, np.nan]},
        geometry=boxes,
        crs=4326,
    )
    frame.to_file(file, layer="outlines")
    points = gpd.GeoDataFrame({"LAT": [np.nan] * 4}, geometry=shapely.centroid(boxes), crs=4326)
    points.to_file(file, layer="markers")
    return file


def areas(file: Path) -> list[float]:
    return gpd.read_file(file, layer="outlines")["AREA"].round(1).tolist()


def test_the_settings_beside_are_read_and_said(run: Run, inventory: Path, tmp_path: Path) -> None:
    """As `rogi validate` reads them: known areas stay with only_missing, and --no-config derives all."""
    (tmp_path / "rogi.toml").write_text('[attributes]\nonly_missing = true\nfields = ["AREA"]\n')
    code, _, told = run("attributes", inventory, "-o", "one.gpkg")
    assert code == 0, told
    assert f"settings of [attributes] in {tmp_path / 'rogi.toml'}" in told
    assert areas(tmp_path / "one.gpkg") == [9.0, 1.1, 9.0, 1.1]
    code, _, told = run("attributes", inventory, "--no-config", "--fields", "AREA", "-o", "all.gpkg")
    assert (code, "rogi.toml" in told) == (0, False)
    assert areas(tmp_path / "all.gpkg") == [1.1] * 4
    code, _, told = run("attributes", inventory, "--no-config", "--config", "rogi.toml", "-o", "x.gpkg")
    assert code == 2 and "exclude each other" in told
    (tmp_path / "rogi.toml").write_text('profile = "strict"\n')
    assert "rogi.toml" not in run("attributes", inventory, "--fields", "AREA", "-o", "two.gpkg")[2]


def test_what_is_empty_in_the_result_is_counted(run: Run, inventory: Path) -> None:
    told = run("attributes", inventory, "--fields", "AREA", "-o", "one.gpkg")[2]
    assert "3 units lack a value: SLO_MEAN of 3 units" in told


@pytest.mark.parametrize("command", ["validate", "attributes"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('demm = "dem"', "[attributes] of"),
        ('[attributes.maat]\nfiels = "x"', "did you mean files?"),
        ("[attributes.radiation]\nalbdo = 0.3", "did you mean albedo?"),
    ],
)
def test_a_setting_that_does_not_exist(
    run: Run, inventory: Path, tmp_path: Path, command: str, line: str, said: str
) -> None:
    """Every command that reads the file refuses it."""
    (tmp_path / "rogi.toml").write_text(f"[attributes]\n{line}\n")
    more = ["-o", "out.gpkg"] if command == "attributes" else []
    code, _, told = run(command, inventory, *more)
    assert code == 2
    assert said in told and "has no setting" in told


def test_markers_beside_outlines_are_described_alone(run: Run, inventory: Path, tmp_path: Path) -> None:
    """The refusal names the option that helps."""
    code, _, told = run("attributes", inventory, "--buffer", "100", "-o", "out.gpkg")
    assert code == 2
    assert f"--layer marker={inventory}:markers" in told
    layer = f"marker={inventory}:markers"
    code, _, told = run("attributes", inventory, "--buffer", "100", "--layer", layer, "-o", "out.gpkg")
    assert code == 0, told
    assert gpd.list_layers(tmp_path / "out.gpkg")["name"].tolist() == ["markers"]
    assert gpd.read_file(tmp_path / "out.gpkg")["LAT"].round(3).tolist() == [30.005] * 4
