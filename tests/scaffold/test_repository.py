"""`rogi init`: what it writes, what it keeps, and that the parts fit each other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from rogi.errors import InputError, OptionError
from rogi.inventory.write import write_inventory
from rogi.release.marks import marks_in
from rogi.rules import examples
from rogi.scaffold import EDITORS, Host, new_repository
from rogi.validation.settings import Profile, load_settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "inventory-repository"


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_example_is_what_init_writes(tmp_path):
    """`rogi init examples/inventory-repository --name DryAndes --title "..."` makes it anew."""
    new_repository(tmp_path / "made", name="DryAndes", title="Rock glacier inventory of the Dry Andes")
    made, example = tree(tmp_path / "made"), tree(EXAMPLE)
    assert sorted(made) == sorted(example)
    assert [name for name in made if made[name] != example[name]] == []


def test_data_that_are_there_are_found(tmp_path):
    """A second time without --inventory: the one inventory in data/; of two, neither is taken."""
    (tmp_path / "data").mkdir()
    write_inventory(examples.tprogi(3), tmp_path / "data" / "Andes 2025.gpkg")
    (tmp_path / "data" / "notes.txt").write_text("")
    made = new_repository(tmp_path)
    assert (made.inventory, made.schema) == ("data/Andes 2025.gpkg", "tprogi/1.0")
    assert not (tmp_path / "data" / "README.md").exists()
    assert new_repository(tmp_path).written == ()
    write_inventory(examples.tprogi(3), tmp_path / "data" / "b.gpkg")
    assert new_repository(tmp_path).inventory == "data/inventory.gpkg"


def test_nothing_is_replaced(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "validate.yml").write_text("mine too")
    first = new_repository(tmp_path)
    assert {p.name for p in first.kept} == {"README.md", "validate.yml"}
    assert (tmp_path / "README.md").read_text() == "mine"
    before = tree(tmp_path)
    again = new_repository(tmp_path, profile=Profile.STRICT, name="Other", version="2.0")
    assert again.written == ()
    assert tree(tmp_path) == before
    assert {p.name for p in again.kept} >= {"rogi.schema.json", "waivers.schema.json", "release.schema.json"}


@pytest.mark.parametrize(
    ("host", "some", "others"),
    [
        (
            Host.GITHUB,
            {".github/workflows/validate.yml", ".github/workflows/release.yml"},
            {".gitlab-ci.yml"},
        ),
        (Host.GITLAB, {".gitlab-ci.yml"}, {".github/workflows/validate.yml"}),
        (Host.NONE, {"rogi.toml"}, {".github/workflows/validate.yml", ".gitlab-ci.yml"}),
    ],
)
def test_workflows_of_a_host(tmp_path, host, some, others):
    new_repository(tmp_path, host=host)
    made = set(tree(tmp_path))
    assert some <= made and not others & made
    assert ("badge.svg" in (tmp_path / "README.md").read_text()) == (host is Host.GITHUB)


def test_data_from_elsewhere_are_copied_and_their_schema_is_taken(tmp_path):
    source = tmp_path / "Dry Andes 2025.gpkg"
    write_inventory(examples.tprogi(4), source)
    before = source.read_bytes()
    made = new_repository(tmp_path / "repo", inventory=source)
    assert (made.inventory, made.schema) == ("data/Dry Andes 2025.gpkg", "tprogi/1.0")
    assert (tmp_path / "repo" / made.inventory).read_bytes() == before == source.read_bytes()
    release = yaml.safe_load((tmp_path / "repo/releases/1.0/release.yaml").read_text())
    stated = [release[key] for key in ("inventory", "schema", "version")]
    assert stated == ["Dry-Andes-2025", "tprogi/1.0", "1.0"]
    assert load_settings(tmp_path / "repo" / "rogi.toml").schema == "tprogi/1.0"
    hook = yaml.safe_load((tmp_path / "repo/.pre-commit-config.yaml").read_text())["repos"][0]["hooks"][0]
    assert hook["entry"] == "rogi validate 'data/Dry Andes 2025.gpkg' --quiet"
    source.unlink()
    write_inventory(examples.tprogi(5), source)
    again = new_repository(tmp_path / "repo", inventory=source)
    assert tmp_path / "repo" / made.inventory in again.kept
    assert (tmp_path / "repo" / made.inventory).read_bytes() == before != source.read_bytes()


def test_data_in_the_folder_stay_where_they_are(tmp_path):
    (tmp_path / "gis").mkdir()
    write_inventory(examples.tprogi(4), tmp_path / "gis" / "units.gpkg")
    made = new_repository(tmp_path, inventory=tmp_path / "gis" / "units.gpkg")
    assert made.inventory == "gis/units.gpkg" and not (tmp_path / "data").exists() and made.kept == ()
    workflow = yaml.safe_load((tmp_path / ".github/workflows/validate.yml").read_text())
    assert workflow["env"]["INVENTORY"] == "gis/units.gpkg"


def test_a_shapefile_comes_with_its_parts(tmp_path):
    write_inventory(examples.tprogi(4), tmp_path / "source", format="shapefile")
    shape = min((tmp_path / "source").glob("*.shp"))
    new_repository(tmp_path / "repo", inventory=shape)
    copied = {p.name for p in (tmp_path / "repo" / "data").iterdir()}
    assert copied == {p.name for p in shape.parent.glob(f"{shape.stem}.*")} and len(copied) > 3


@pytest.mark.parametrize("name", ["a$(id).gpkg", 'a".gpkg', "a`b`.gpkg", "${{ x }}.gpkg", "a\nb.gpkg"])
def test_names_that_are_code_elsewhere_are_refused(tmp_path, name):
    write_inventory(examples.tprogi(3), tmp_path / "a.gpkg")
    (tmp_path / "a.gpkg").rename(tmp_path / name)
    with pytest.raises(OptionError, match="rename the file"):
        new_repository(tmp_path / "repo", inventory=tmp_path / name)
    assert not (tmp_path / "repo").exists()


def test_wrong_choices_are_refused_before_anything_is_written(tmp_path):
    for settings in ({"schema": "tprgoi"}, {"version": "new"}, {"inventory": tmp_path / "none.gpkg"}):
        with pytest.raises((OptionError, InputError)):
            new_repository(tmp_path / "repo", **settings)
    with pytest.raises(InputError, match="is a folder"):
        new_repository(tmp_path / "repo", inventory=tmp_path)
    with pytest.raises(OptionError, match="--name"):
        new_repository(tmp_path / "repo", name="a/b")
    assert not (tmp_path / "repo").exists()


def test_what_is_written_can_be_read(tmp_path):
    new_repository(tmp_path, name="DryAndes", profile=Profile.STRICT)
    assert load_settings(tmp_path / "rogi.toml").profile is Profile.STRICT
    assert marks_in(tmp_path / "releases" / "1.0" / "release.yaml")
    for path in tmp_path.rglob("*.y*ml"):
        assert yaml.safe_load(path.read_text()), path
    assert {p.name for p in (tmp_path / EDITORS).iterdir()} == {
        "release.schema.json", "rogi.schema.json", "waivers.schema.json",
    }  # fmt: skip
    for line in ((tmp_path / "rogi.toml"), (tmp_path / "waivers.toml")):
        directive = line.read_text().splitlines()[0].removeprefix("#:schema ")
        assert (tmp_path / directive).is_file()
    first = (tmp_path / "releases/1.0/release.yaml").read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (tmp_path / "releases" / "1.0" / first.partition("=")[2]).is_file()
    assert "@" not in (tmp_path / "README.md").read_text()


def test_git_ignores_reports_and_no_data(tmp_path):
    new_repository(tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    names = ["validation.html", "dist/x.zip", "data/inventory.gpkg", "releases/1.0/release.yaml", ".rogi/x"]
    ignored = subprocess.run(
        ["git", "-C", tmp_path, "check-ignore", *names], capture_output=True, text=True, check=False
    ).stdout.split()
    assert ignored == ["validation.html", "dist/x.zip"]
