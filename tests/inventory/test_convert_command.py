"""`rogi convert`: files written, losses told, inputs and existing files left alone."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from rogi.cli.convert import convert
from rogi.cli.guard import App
from rogi.errors import OptionError, OutputError
from rogi.inventory.read import read_inventory
from tests.inventory.conftest import listing

run = CliRunner()
app = App()
app.command()(convert)


def rogi_convert(*arguments: object) -> str:
    result = run.invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_folder_of_shapefiles_to_geopackage(shapefiles, tmp_path) -> None:
    before = listing(shapefiles)
    text = rogi_convert(shapefiles, tmp_path / "a.gpkg")
    assert "tprogi/1.0" in text
    assert "nothing was lost" in text
    assert len(read_inventory(tmp_path / "a.gpkg").layers) == 2
    assert listing(shapefiles) == before


def test_losses_as_text_json_and_csv(geopackage, tmp_path) -> None:
    arguments = (geopackage, tmp_path / "a.gpkg", "--to-schema", "tprogi", "--force")
    text = rogi_convert(*arguments)
    assert "MA: layer left out, 4 features: tprogi/1.0 has no moving areas" in text
    assert "column kept without meaning: WorkingID, Out.Type" in text
    content = json.loads(rogi_convert(*arguments, "--format", "json"))
    assert content["schema"] == "tprogi/1.0"
    assert content["dialect"] == "rgik-template"
    assert {k: v for k, v in content["losses"][-2].items() if k != "detail"} == {
        "layer": "MA",
        "kind": "layer left out",
        "column": "",
        "count": 4,
    }
    lines = rogi_convert(*arguments, "--format", "csv").splitlines()
    assert lines[0] == "layer,column,kind,features,detail"
    assert len(lines) == 1 + len(content["losses"])


def test_folder_of_files_and_another_crs(geopackage, tmp_path) -> None:
    rogi_convert(geopackage, tmp_path / "out", "--to-format", "flatgeobuf", "--to-crs", "EPSG:3857")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["AOI.fgb", "GO.fgb", "MA.fgb", "PM.fgb"]
    assert read_inventory(tmp_path / "out").layers[0].crs.to_epsg() == 3857


def test_nothing_is_replaced_unasked(geopackage, tmp_path) -> None:
    (tmp_path / "a.gpkg").write_text("mine")
    with pytest.raises(OutputError, match="exists; give another name, or --force"):
        rogi_convert(geopackage, tmp_path / "a.gpkg")
    assert (tmp_path / "a.gpkg").read_text() == "mine"
    with pytest.raises(OptionError, match="is an input"):
        rogi_convert(geopackage, geopackage, "--force")
