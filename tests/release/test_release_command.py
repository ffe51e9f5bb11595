"""The command: build, check and diff from end to end, exit codes, and what goes to stdout and stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rogi.cli.release import app
from rogi.errors import InputError, OptionError, OutputError
from rogi.inventory.write import write_inventory


@pytest.fixture
def place(releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # type: ignore[no-untyped-def]
    """A maintainer's folder: releases/, and the two working inventories."""
    import shutil

    shutil.copytree(releases.folders[0].parent, tmp_path / "releases")
    write_inventory(releases.versions.first, tmp_path / "one.gpkg")
    write_inventory(releases.versions.second, tmp_path / "two.gpkg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_from_two_inventories_to_two_checked_releases(place: Path) -> None:
    """Build 1.0 and 1.1, check both, compare them: the whole way of a maintainer."""
    code, out, _ = run("build", "1.0", "-i", "one.gpkg", "-o", "dist")
    assert code == 0 and out.splitlines() == ["dist/Synthetic_v1.0", "dist/Synthetic_v1.0.zip"]
    code, out, _ = run(
        "build", "1.1", "-i", "two.gpkg", "-o", "dist", "--previous", "dist/Synthetic_v1.0.zip"
    )
    assert code == 0, out
    for name in ("Synthetic_v1.0", "Synthetic_v1.1.zip"):
        code, out, _ = run("check", f"dist/{name}")
        assert code == 0 and "checks passed" in out and "failed" not in out
    code, out, err = run(
        "diff", "dist/Synthetic_v1.0.zip", "dist/Synthetic_v1.1", "-o", "d.html", "-o", "d.gpkg"
    )
    assert code == 1 and "2  split" in out and err.split() == ["d.html", "d.gpkg"]
    code, out, _ = run("diff", "one.gpkg", "two.gpkg", "--format", "json", "--fail-on", "never")
    assert code == 0 and json.loads(out)["counts"]["removed"] == 2
    code, _, _ = run("diff", "one.gpkg", "dist/Synthetic_v1.0.zip", "--tombstones", "gone.csv")
    assert code == 0 and Path("gone.csv").read_text() == "id,reason,replaced_by\n"


def test_a_refusal_has_exit_code_1_and_writes_nothing(place: Path) -> None:
    """Without tombstones the gate refuses; the draft of them lifts it."""
    import yaml

    run("build", "1.0", "-i", "one.gpkg", "-o", "dist")
    path = Path("releases/1.1/release.yaml")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["retired"]
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    build = ("build", "1.1", "-i", "two.gpkg", "-o", "new", "--previous", "dist/Synthetic_v1.0.zip")
    code, out, err = run(*build)
    assert code == 1 and out == "" and "ids-vanished" in err
    assert list(Path("new").iterdir()) == []
    run("diff", "dist/Synthetic_v1.0.zip", "two.gpkg", "--tombstones", "releases/1.1/retired.csv")
    draft = Path("releases/1.1/retired.csv")
    draft.write_text(draft.read_text().replace(",,", ",no rock glacier,"))
    path.write_text(yaml.safe_dump(content | {"retired_file": "retired.csv"}), encoding="utf-8")
    code, _, err = run(*build)
    assert code == 0, err


def test_a_plain_copy_is_checked_against_a_release(place: Path) -> None:
    """Shapefiles against releases/1.0 of rogi: the facts of TPRoGI do not hold for 40 units, exit code 1."""
    run("build", "1.0", "-i", "one.gpkg", "-o", "dist")
    with pytest.raises(OptionError, match="--release"):
        run("check", "dist/Synthetic_v1.0/shapefile")
    code, out, _ = run("check", "dist/Synthetic_v1.0/shapefile", "--release", "1.0", "--format", "json")
    assert code == 0 and json.loads(out)["against"] == "Synthetic_v1.0"


def test_options_that_cannot_be_are_refused(place: Path) -> None:
    """Each says what is allowed; nothing is written."""
    with pytest.raises(InputError, match="no release 7"):
        run("build", "7.0", "-i", "one.gpkg", "-o", "dist")
    with pytest.raises(OptionError, match="unknown file extension"):
        run("diff", "one.gpkg", "two.gpkg", "-o", "d.docx")
    with pytest.raises(OptionError, match="tolerance"):
        run("diff", "one.gpkg", "two.gpkg", "--tolerance", "area=-1")
    with pytest.raises(OptionError, match="is an input"):
        run("diff", "one.gpkg", "two.gpkg", "-o", "two.gpkg")
    with pytest.raises(OptionError, match="reason"):
        run("build", "1.0", "-i", "one.gpkg", "-o", "dist", "--accept", " ")
    assert not Path("dist").exists()


def test_a_draft_of_tombstones_is_not_written_over_reasons(place: Path) -> None:
    """The file may have been filled in by hand."""
    Path("retired.csv").write_text("id,reason,replaced_by\nA,mine,\n")
    with pytest.raises(OutputError, match="exists; give another name"):
        run("diff", "one.gpkg", "two.gpkg", "--tombstones", "retired.csv")
    assert "mine" in Path("retired.csv").read_text()


def test_two_versions_to_try(tmp_path: Path) -> None:
    """`rogi synthetic versions`: inventories, key and releases that build."""
    from rogi.cli.synthetic import app as synthetic

    trial = tmp_path / "trial"
    result = CliRunner().invoke(synthetic, ["versions", "--count", "30", "-o", str(trial)])
    assert result.exit_code == 0, result.output
    assert len((trial / "key.csv").read_text().splitlines()) == 15
    releases = ("--releases", str(trial / "releases"), "-o", str(trial / "dist"))
    assert run("build", "1.0", "-i", str(trial / "1.0.gpkg"), *releases)[0] == 0
    previous = str(trial / "dist" / "Synthetic_v1.0.zip")
    assert run("build", "1.1", "-i", str(trial / "1.1.gpkg"), "--previous", previous, *releases)[0] == 0


def test_a_copied_folder_of_another_version_is_refused(place: Path) -> None:
    """`releases/1.2` copied from 1.0 and not edited must not be built as 1.0."""
    import shutil

    shutil.copytree("releases/1.0", "releases/1.2")
    with pytest.raises(OptionError, match=r"says version 1\.0; set it to 1\.2"):
        run("build", "1.2", "-i", "one.gpkg", "-o", "dist")
    assert not Path("dist").exists()
