"""What is shipped: the source distribution, the recipe of conda, licences, and the files GitHub reads."""

from __future__ import annotations

import re
import subprocess
import tarfile
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from rogi import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked():
    """Files of the repository; of a source distribution all that is there."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    names = [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    if not names:
        pytest.skip("not a git checkout")
    return names


def test_the_source_distribution_has_all_that_is_in_the_repository(tmp_path, monkeypatch):
    """So that it builds and tests itself: Makefile, constraints, documentation, examples, lint settings."""
    pytest.importorskip("hatchling")
    from hatchling.build import build_sdist

    names = set(tracked())
    monkeypatch.chdir(ROOT)
    made = build_sdist(str(tmp_path))
    with tarfile.open(tmp_path / made) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert sorted(names - packed) == []
    assert {
        "Makefile",
        "constraints.txt",
        ".importlinter",
        "CONTRIBUTING.md",
        "docs/conf.py",
        "action.yml",
    } <= packed
    strangers = [name for name in packed - names if name != "PKG-INFO"]
    assert not any(re.search(r"\.venv|__pycache__|^(dist|site|build|demo)/", name) for name in strangers)


def test_the_recipe_of_conda_needs_what_the_wheel_needs():
    text = re.sub(r"\{%.*?%\}\n", "", (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8"))
    assert f'set version = "{__version__}"' in (ROOT / "conda" / "meta.yaml").read_text(encoding="utf-8")
    recipe = yaml.safe_load(re.sub(r"\{\{\s*(\w+)\s*\}\}", r"\1", text))
    run = {entry.replace(" ", "", 1) for entry in recipe["requirements"]["run"]}
    needed = {re.sub(r"\[\w+\]", "", entry) for entry in PROJECT["dependencies"]}
    assert run == needed | {f"python{PROJECT['requires-python']}"}
    assert recipe["build"]["entry_points"] == [f"rogi = {PROJECT['scripts']['rogi']}"]


def test_the_image_runs_as_no_root_and_has_what_the_wheel_is_built_of():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    last = max(number for number, line in enumerate(lines) if line.startswith("FROM"))
    assert sum(line.startswith("FROM") for line in lines) == 2
    assert [line for line in lines[last:] if line.startswith("USER")] == ["USER rogi"]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for name in line.split()[1:-1]:
                assert f"!{name}" in ignored and (ROOT / name).exists(), name


def test_every_licence_that_is_named_is_there():
    reuse = tomllib.loads((ROOT / "REUSE.toml").read_text(encoding="utf-8"))
    named = {entry["SPDX-License-Identifier"] for entry in reuse["annotations"]}
    assert {path.stem for path in (ROOT / "LICENSES").iterdir()} == named
    assert PROJECT["license"] in named
    assert (ROOT / "LICENSES" / f"{PROJECT['license']}.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for entry in reuse["annotations"]:
        assert "*" in entry["path"] or (ROOT / entry["path"]).exists()


def test_the_citation_is_valid_and_of_this_version():
    content = yaml.load((ROOT / "CITATION.cff").read_text(encoding="utf-8"), yaml.BaseLoader)
    assert content["version"] == __version__
    assert content["authors"] == [{"name": "The rogi developers"}] == PROJECT["authors"]
    schema = yaml.safe_load((ROOT / "tests/release/standards/cff-1.2.0.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, schema)


def test_forms_of_issues_ask_for_something():
    forms = [p for p in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if p.stem != "config"]
    assert len(forms) >= 3
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= set(form)
        assert any(part.get("validations", {}).get("required") for part in form["body"])
        assert all(part["attributes"]["label"] for part in form["body"])


def test_a_lower_bound_is_declared_for_everything_that_is_needed():
    for entry in PROJECT["dependencies"]:
        assert re.match(r"[\w-]+(\[\w+\])?>=\d", entry), entry
