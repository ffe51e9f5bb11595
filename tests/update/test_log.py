"""The life of a unit over versions, forwards and backwards, from updates and releases."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from test_lineage import operation
from typer.testing import CliRunner

from rogi.cli.update import app
from rogi.errors import InputError, OptionError
from rogi.release.differences.lineage import LINEAGE, Retired
from rogi.release.differences.lineage import lineage_text as release_text
from rogi.update.applying.lineage import lineage_text
from rogi.update.applying.log import life, read_history, retired_ids


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A is split into B and C in 1.1; C goes into D in 1.2; D is refined in 1.10; X was renamed Y in 1.1."""
    steps = {
        "1.1": (operation("A", "split", "A", "B C", "1.1"),),
        "1.2": (operation("C", "merge", "C", "D", "1.2"), operation("D", "merge", "D C", "D", "1.2")),
        "1.10": (operation("D", "refine", "D", "D", "1.10"), operation("Q", "remove", "Q", "", "1.10")),
    }
    for version, operations in steps.items():
        folder = tmp_path / f"v{version}.update"
        folder.mkdir()
        (folder / "lineage.csv").write_text(lineage_text(operations), encoding="utf-8")
    release = tmp_path / "X_v1.1"
    (release / LINEAGE).parent.mkdir(parents=True)
    stones = [
        Retired("1.1", "X", "renamed", ("Y",), "marker moved"),
        Retired("1.1", "A", "split", ("B", "C"), "s"),
    ]
    (release / LINEAGE).write_text(release_text(stones), encoding="utf-8")
    return tmp_path


def test_ancestors_and_descendants(files: Path) -> None:
    """Versions are in order of their numbers; relations reach over several of them."""
    history = read_history([files])
    found = life("D", history)
    assert found.ancestors == ("A", "C") and found.descendants == () and not found.gone
    assert [(e.version, e.unit, e.relation) for e in found.events] == [
        ("1.1", "A", "ancestor"),
        ("1.2", "C", "self"),
        ("1.2", "D", "self"),
        ("1.10", "D", "self"),
    ]
    first = life("A", history)
    assert first.descendants == ("B", "C", "D") and first.gone
    assert [e.relation for e in first.events] == ["self", "descendant", "descendant", "descendant"]
    assert not life("B", history).gone and life("B", history).descendants == ()
    assert life("C", history).gone and life("Q", history).gone


def test_releases_tell_what_updates_do_not(files: Path) -> None:
    """A renamed unit is known from the release only; what the update tells better is not told twice."""
    history = read_history([files / "X_v1.1", files / "v1.1.update" / "lineage.csv"])
    renamed = life("Y", history)
    assert renamed.ancestors == ("X",)
    assert [(e.what, e.before, e.after, e.operation) for e in renamed.events] == [
        ("renamed", ("X",), ("Y",), None)
    ]
    assert len(life("A", history).events) == 1


def test_retired_ids(files: Path, tmp_path: Path) -> None:
    """IDs that are gone, from folders, packages and archives; files that tell nothing are no fault."""
    with zipfile.ZipFile(tmp_path / "release.zip", "w") as archive:
        archive.write(files / "X_v1.1" / LINEAGE, f"X_v1.1/{LINEAGE}")
    (tmp_path / "v1.0.gpkg").write_bytes(b"x")
    assert retired_ids([files]) == {"A", "C", "Q", "X"}
    assert retired_ids([tmp_path / "release.zip", tmp_path / "v1.0.gpkg"]) == {"A", "X"}
    assert read_history([tmp_path / "release.zip"]).files == (tmp_path / "release.zip",)


def test_what_nobody_knows(files: Path) -> None:
    """An unknown ID, a path without a lineage, and one that does not exist."""
    history = read_history([files])
    with pytest.raises(OptionError, match="No lineage names RGU375000N0740600E; units that were never"):
        life("RGU375000N0740600E", history)
    for name in ("Z", "nonsense", ""):
        with pytest.raises(OptionError, match=f"'{name}' is neither a primary ID, .* nor a name in the line"):
            life(name, history)
    (files / "empty").mkdir()
    with pytest.raises(InputError, match="tells nothing of earlier versions"):
        read_history([files / "empty"])
    with pytest.raises(InputError, match="does not exist"):
        read_history([files / "nothing"])


def test_an_id_in_another_form(tmp_path: Path) -> None:
    """Small letters, and the ID that the lineage has: it is named, not guessed."""
    step = operation("RGU375000N0740600E", "remain", "RGU375000N0740600E", "RGU375000N0740600E", "1.1")
    (tmp_path / "lineage.csv").write_text(lineage_text((step,)), encoding="utf-8")
    with pytest.raises(OptionError, match="but RGU375000N0740600E, which is how"):
        life("rgu375000n0740600e", read_history([tmp_path]))


def test_command(files: Path) -> None:
    """Text for people, JSON for programs."""
    shown = CliRunner().invoke(app, ["log", "C", str(files)])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:3] == ["C is gone", "  came from A", "  went into D"]
    assert "1.1  split A: A → B C, 0.5000 → 0.2500 km²; anna, 2026-08-15: seen" in shown.stdout
    made = json.loads(CliRunner().invoke(app, ["log", "C", str(files), "--format", "json"]).stdout)
    assert made["unit"] == "C" and made["gone"] and made["events"][0]["operation"]["mapper"] == "anna"
