"""Findings and what was decided about them, without QGIS."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from pathlib import Path

import pytest
from plugin_files import plugin_module, run_rogi

from rogi.validation.settings import load_settings

findings = plugin_module("findings")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an inventory and its findings."""
    folder = tmp_path_factory.mktemp("findings")
    defects = ["--defects", "GEO015,ATT001,GEO001,PID008", "--per-rule", 1]
    run_rogi("synthetic", "inventory", "--count", 12, "--seed", 1, *defects, "-o", folder / "inventory.gpkg")
    outputs = ["-o", folder / "f.gpkg", "-o", folder / "f.json"]
    assert run_rogi("validate", folder / "inventory.gpkg", *outputs, "--no-config") == 1
    return folder


@pytest.fixture
def one(written: Path):
    return next(f for f in findings.read_findings(written / "f.gpkg") if f.code == "ATT001")


def test_both_formats_say_the_same(written):
    """The JSON report is the oracle: it states the boxes that the GeoPackage has with its geometries."""
    of_gpkg, of_json = (findings.read_findings(written / name) for name in ("f.gpkg", "f.json"))
    said = json.loads((written / "f.json").read_text())["findings"]
    assert sorted(f.fingerprint for f in of_gpkg) == sorted(entry["fingerprint"] for entry in said)
    assert [f._replace(box=None) for f in of_json] == [f._replace(box=None) for f in of_gpkg]
    for first, second in zip(of_gpkg, of_json, strict=True):
        assert (first.box is None) == (second.box is None)
        if first.box is not None:
            assert first.box == pytest.approx(second.box, abs=2e-6)
    order = [findings.SEVERITIES.index(f.severity) for f in of_gpkg]
    assert order == sorted(order) and order[0] == 0
    assert {f.code for f in of_gpkg} >= {"GEO015", "ATT001", "GEO001"}


def test_the_numbers_are_those_of_the_report(written):
    totals = json.loads((written / "f.json").read_text())["totals"]
    assert findings.counts(written / "f.gpkg") == totals["open"]


def test_a_missing_file(tmp_path):
    with pytest.raises(findings.FindingsError, match=r"gone\.gpkg does not exist\.$"):
        findings.read_findings(tmp_path / "gone.gpkg")


@pytest.mark.parametrize("name", ["inventory.gpkg", "text.json", "list.json", "text.gpkg"])
def test_another_file_is_one_sentence(written, name):
    (written / "text.json").write_text("{")
    (written / "list.json").write_text("[1]")
    (written / "text.gpkg").write_text("no database, but long enough to be one" * 9)
    with pytest.raises(findings.FindingsError, match=r"\.$"):
        findings.read_findings(written / name)


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, "x"], [1, 2, 3, float("nan")], 7])
def test_a_box_that_is_none_is_one_sentence(written, tmp_path, box):
    content = json.loads((written / "f.json").read_text())
    content["findings"][0]["bbox"] = box
    (tmp_path / "f.json").write_text(json.dumps(content))
    with pytest.raises(findings.FindingsError, match=r"has no findings of `rogi validate`: "):
        findings.read_findings(tmp_path / "f.json")


@pytest.mark.parametrize("blob", [b"GP", b"GP\0", b"GP\0\x0f" + bytes(60), b"GP\0\x03"])
def test_a_cut_geometry_is_one_sentence(written, tmp_path, blob):
    path = tmp_path / "f.gpkg"
    shutil.copy(written / "f.gpkg", path)
    with sqlite3.connect(path) as connection:
        for trigger in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger[0]}"')
        connection.execute("UPDATE findings_polygon SET geom = ?", (blob,))
    with pytest.raises(findings.FindingsError, match=r"has no findings of `rogi validate`: "):
        findings.read_findings(path)


def test_marks_outlive_the_session(written, one):
    marks = findings.Marks(written / "f.gpkg")
    assert marks.state(one) == "open"
    marks.set([one], "fixed", "Åsa")
    again = findings.Marks(written / "f.gpkg")
    assert again.state(one) == "fixed" and again.note(one).startswith("(Åsa, 20")
    again.set([one], "open")
    assert findings.Marks(written / "f.gpkg").state(one) == "open"
    assert {path.name for path in written.glob(".rogi-*")} == set()


def test_damaged_marks_are_one_sentence(tmp_path):
    (tmp_path / "f.gpkg.marks.json").write_text("{")
    with pytest.raises(findings.FindingsError, match=r"marks\.json cannot be read: .* Move it away"):
        findings.Marks(tmp_path / "f.gpkg")


REASON = 'mapped "on purpose"\nC:\\new \x7f \x01 é'


@pytest.mark.parametrize(
    "before", [None, "", 'profile = "strict"', '[[waivers]]\nrule="GEO015"\nid="a"\nreason="b"\nauthor="c"\n']
)
def test_rogi_reads_the_waivers(tmp_path, written, one, before):
    """In a new file, or after what is there; with every character that TOML escapes."""
    path = tmp_path / "waivers.toml"
    if before is not None:
        path.write_text(before)
    findings.add_waivers(path, [one], REASON, "Åsa", "2099-12-31")
    waiver = load_settings(path).waivers[-1]
    assert (waiver.rule, waiver.fingerprint) == (one.code, one.fingerprint)
    assert (waiver.reason, waiver.author, str(waiver.expires)) == (REASON, "Åsa", "2099-12-31")
    out = tmp_path / "again.json"
    run_rogi("validate", written / "inventory.gpkg", "--no-config", "--waivers", path, "-o", out)
    states = {e["fingerprint"]: e["state"] for e in json.loads(out.read_text())["findings"]}
    assert [f for f, state in states.items() if state == "waived"] == [one.fingerprint]
    assert findings.remove_waivers(path, [one]) == {one.fingerprint}
    assert findings.remove_waivers(path, [one]) == set()
    assert [w for w in load_settings(path).waivers if w.fingerprint == one.fingerprint] == []
    assert path.read_text().strip() == (before or "").strip()


def test_one_of_several_waivers_is_removed(tmp_path, written):
    """The others stay, byte by byte; the file keeps its mode."""
    path = tmp_path / "waivers.toml"
    first, second, third = findings.read_findings(written / "f.gpkg")[:3]
    findings.add_waivers(path, [first, third], "right", "Åsa")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    expected = path.read_bytes()
    path.unlink()
    for finding in (first, second, third):
        findings.add_waivers(path, [finding], "right", "Åsa")
    path.chmod(0o600)
    assert findings.remove_waivers(path, [second]) == {second.fingerprint}
    assert path.read_bytes() == expected and path.stat().st_mode & 0o777 == 0o600


def test_a_selection_is_written_once(tmp_path, written, monkeypatch):
    """Both files, however many findings; all or none are removed."""
    path, every = tmp_path / "waivers.toml", findings.read_findings(written / "f.gpkg")
    times, write = [], findings.write_text
    monkeypatch.setattr(
        findings, "write_text", lambda path, text: (times.append(path.name), write(path, text))
    )
    marks = findings.Marks(written / "f.gpkg")
    marks.path = tmp_path / "marks.json"
    findings.add_waivers(path, every, "right", "Åsa")
    marks.set(every, "waived", "Åsa", "right")
    assert times == ["waivers.toml", "marks.json"] and len(every) > 2
    assert [w.fingerprint for w in load_settings(path).waivers] == [f.fingerprint for f in every]
    assert {marks.state(f) for f in every} == {"waived"}
    assert findings.remove_waivers(path, every[1:]) == {f.fingerprint for f in every[1:]}
    assert [w.fingerprint for w in load_settings(path).waivers] == [every[0].fingerprint]
    assert len(times) == 3


def test_waivers_of_a_project_file(tmp_path, one):
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "a"\n')
    findings.add_waivers(path, [one], "right", "Åsa")
    assert [w.fingerprint for w in load_settings(path).waivers] == [one.fingerprint]
    assert findings.remove_waivers(path, [one])


@pytest.mark.parametrize(("reason", "author"), [("", "a"), (" ", "a"), ("b", "")])
def test_a_waiver_needs_a_reason_and_an_author(tmp_path, one, reason, author):
    with pytest.raises(findings.FindingsError, match="needs a reason and an author"):
        findings.add_waivers(tmp_path / "w.toml", [one], reason, author)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path, one):
    with pytest.raises(findings.FindingsError, match="cannot be written"):
        findings.add_waivers(tmp_path / "gone" / "w.toml", [one], "right", "Åsa")


@pytest.mark.parametrize(
    ("blob", "box"),
    [
        (None, None),
        (b"no", None),
        (bytes.fromhex("475000010000000001"), None),  # no envelope
        (b"GP\0\x03" + bytes(4) + struct.pack("<4d", 1, 2, 3, 4), (1.0, 3.0, 2.0, 4.0)),
        (b"GP\0\x02" + bytes(4) + struct.pack(">4d", 1, 2, 3, 4), (1.0, 3.0, 2.0, 4.0)),
    ],
)
def test_envelopes(blob, box):
    """Little and big endian, as in OGC 12-128r19, 2.1.3."""
    assert findings.envelope(blob) == box
