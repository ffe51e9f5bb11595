"""A new folder of a release: everything that is to be filled in is marked, and nothing is built before."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from rogi.cli import app
from rogi.errors import InputError, OptionError, OutputError
from rogi.inventory.write import write_inventory
from rogi.release.build import build
from rogi.release.checking.check import check_package
from rogi.release.description import find_release, read_release
from rogi.release.folder import new_folder
from rogi.release.marks import UnfinishedError, marks_in
from rogi.release.previous import read_previous, released, stated_by
from rogi.release.statement import ANEW, as_dict
from rogi.schema.documents import data_root
from rogi.synthetic.inventory import synthetic_inventory

MARK = re.compile(r"<FILL IN: (?:such as )?([^>]*)>")


def fill(folder: Path, **values: str) -> None:
    """As a maintainer would: the examples, or what is given for a key on its line."""
    for name in ("release.yaml", "CHANGELOG.md"):
        path = folder / name
        lines = path.read_text(encoding="utf-8").splitlines()
        made = [
            f"{key}: {values[key]!r}" if (key := line.partition(":")[0]) in values else MARK.sub(r"\1", line)
            for line in lines
        ]
        path.write_text("\n".join(made) + "\n", encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a maintainer in which there is nothing of the repository."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_examples_are_valid() -> None:
    """Every key of release.yaml says what it is, and its example fits its own schema."""
    schema = json.loads((data_root() / "schemas/meta/release.schema.json").read_text(encoding="utf-8"))
    for key, stated in schema["properties"].items():
        assert stated["description"], key
        if not stated.get("readOnly") and "const" not in stated:
            resolved = {**stated, "$defs": schema["$defs"]}
            jsonschema.Draft202012Validator(resolved).validate(stated["examples"][0])


def test_a_first_release_of_any_inventory(place: Path) -> None:
    """Another inventory in another schema, without a version before: refused, filled in, built, checked."""
    inventory = synthetic_inventory(30, 5, schema="rgik/1.0")
    folder = new_folder("1.0", Path("releases"), name="Andes")
    assert sorted(p.name for p in folder.iterdir()) == ["CHANGELOG.md", "release.yaml"]
    marked = marks_in(folder / "release.yaml")
    text = (folder / "release.yaml").read_text(encoding="utf-8")
    assert (
        sum(map(len, marked.values()))
        == len(MARK.findall("\n".join(x for x in text.splitlines() if not x.startswith("#")))) + 1
    )
    with pytest.raises(UnfinishedError) as refused:
        read_release(folder)
    for key in ("date", "title", "description", "schema", "licence", "creators", "limits"):
        assert f"({key})" in str(refused.value)
    assert "CHANGELOG.md line 3" in str(refused.value) and "(version)" not in str(refused.value)
    fill(folder)
    release = read_release(folder)
    assert (release.inventory, release.version, release.previous, release.doi) == ("Andes", "1.0", None, None)
    built = build(release, inventory, place / "dist")
    assert built.folder.name == "Andes_v1.0" and check_package(built.folder).passed


def test_each_mark_is_named(place: Path) -> None:
    """One mark left in any place is refused with file, line and key; in a comment it does not count."""
    folder = new_folder("1.0", Path("releases"))
    fill(folder)
    read_release(folder)
    for name, said in (("release.yaml", r"release\.yaml line \d+ \(limits\)"), ("CHANGELOG.md", r"line 4\.")):
        path = folder / name
        before = path.read_text(encoding="utf-8")
        path.write_text(
            before.replace("Units below", "<Fill in: more> Units below")
            if said.endswith(")")
            else f"{before}Also <FILL IN: something>\n",
            encoding="utf-8",
        )
        with pytest.raises(UnfinishedError, match=said):
            read_release(folder)
        path.write_text(before, encoding="utf-8")
    path = folder / "release.yaml"
    path.write_text(f"  # <FILL IN: nothing>\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    read_release(folder)


@pytest.mark.parametrize("kind", ["folder", "package", "zip", "version"])
def test_what_stays_is_taken_over(releases, place: Path, kind: str) -> None:  # type: ignore[no-untyped-def]
    """Title, people, licence and limits of the release before; not its date, DOI, files or retired IDs."""
    shutil.copytree(releases.folders[0].parent, place / "releases")
    shutil.rmtree(place / "releases" / "1.1")
    source = {
        "folder": releases.folders[1],
        "package": releases.second.folder,
        "zip": releases.second.zip,
        "version": "1.0",
    }[kind]
    before = stated_by(str(source))
    folder = new_folder("1.2", place / "releases", previous=before)
    assert marks_in(folder / "release.yaml") == {
        "release.yaml": [marks_in(folder / "release.yaml")["release.yaml"][0]],
        "CHANGELOG.md": ["line 3"],
    }
    fill(folder, date="2027-01-31")
    made = as_dict(read_release(folder))
    kept = as_dict(before)
    for key in (*ANEW, "related"):
        kept.pop(key, None)
    if kind != "version":
        assert "thresholds" in kept
    assert {k: v for k, v in made.items() if k in kept} == kept
    assert set(made) - set(kept) == {"version", "date", "previous"}
    assert (made["version"], made["previous"]) == ("1.2", before.version)
    text = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Synthetic 1.2\n") and "First release" not in text


def test_default_thresholds_are_not_written(place: Path) -> None:
    """Those of TPRoGI 1.0, which has none of its own: they stay those of rogi."""
    before = read_release(find_release("1.0"))
    folder = new_folder("1.1", Path("releases"), previous=before)
    text = (folder / "release.yaml").read_text(encoding="utf-8")
    assert "\nthresholds" not in text and "# thresholds:" in text
    assert "10.5281/zenodo.10732042" not in text and "TPRoGI_Extended_Footprint" not in text


def test_a_release_that_is_there_stays(releases, place: Path) -> None:  # type: ignore[no-untyped-def]
    """The same version under any name is refused, and so is one that is not above the version before."""
    new_folder("1.1", Path("releases"))
    for version in ("1.1", "v1.1", "1.1.0"):
        with pytest.raises(OutputError, match=r"There is a release 1\.1"):
            new_folder(version, Path("releases"))
    for version in ("1.1", "1.0.9", "0.9"):
        with pytest.raises(OptionError, match=r"not above 1\.1"):
            new_folder(version, Path("other"), previous=releases.second.release)
    with pytest.raises(OptionError, match="not a version"):
        new_folder("next", Path("releases"))
    assert not Path("other").exists() and [p.name for p in Path("releases").iterdir()] == ["1.1"]


def test_a_folder_that_is_being_prepared_stops_no_other(releases, place: Path) -> None:  # type: ignore[no-untyped-def]
    """1.2 is begun while 1.1 is built."""
    shutil.copytree(releases.folders[0].parent, place / "releases")
    new_folder("1.2", place / "releases", previous=releases.second.release)
    release = read_release(place / "releases" / "1.1")
    assert released(release) == []
    previous = read_previous(releases.first.zip)
    assert build(release, releases.versions.second, place / "dist", previous=previous).zip.is_file()


@pytest.mark.parametrize(
    "name", ["Dry Andes", "Dry Andes ü", "ü", "", "-x", "_x", "a/b", "../x", "a.b", "x" * 61]
)
def test_a_name_that_files_cannot_have_is_refused_at_once(place: Path, name: str) -> None:
    """Not after everything was filled in; the pattern is that of the schema of release.yaml."""
    with pytest.raises(OptionError, match=r"letters A-Z and a-z, digits, _ and -"):
        new_folder("1.0", place / "releases", name=name)
    assert not (place / "releases").exists()
    stated = json.loads((data_root() / "schemas/meta/release.schema.json").read_text(encoding="utf-8"))
    rule = stated["properties"]["inventory"]
    assert not re.search(rule["pattern"], name) or len(name) > rule["maxLength"]


def test_what_is_no_release_is_said(place: Path) -> None:
    """A plain file, a folder without release.yaml, a version that is not there."""
    write_inventory(synthetic_inventory(3, 1), place / "plain.gpkg")
    (place / "empty").mkdir()
    for text in ("plain.gpkg", "empty"):
        with pytest.raises(InputError, match=r"has no release\.yaml"):
            stated_by(text)
    with pytest.raises(InputError, match=r"There is no release 7\.3"):
        stated_by("7.3")


def test_the_command(releases, place: Path) -> None:  # type: ignore[no-untyped-def]
    """The folder on stdout; how much there is to do, and what could be taken over, on stderr."""
    write_inventory(synthetic_inventory(3, 1), place / "data.gpkg")
    run = CliRunner().invoke
    made = run(app, ["release", "init", "1.0", "--name", "Andes", "-i", "data.gpkg"])
    assert (made.exit_code, made.stdout) == (0, "releases/1.0\n"), made.output
    assert "places to fill in" in made.stderr and "note" not in made.stderr
    text = (place / "releases/1.0/release.yaml").read_text(encoding="utf-8")
    assert "\nschema: tprogi/1.0\n" in text and "\ninventory: Andes\n" in text
    again = run(app, ["release", "init", "1.1"])
    assert again.exit_code == 0 and "--from 1.0" in again.stderr
    assert run(app, ["release", "init", "1.2", "-q"]).stderr == ""
    refused = run(app, ["release", "build", "1.0", "-i", "data.gpkg", "-o", "dist"])
    assert isinstance(refused.exception, UnfinishedError) and not (place / "dist").exists()
