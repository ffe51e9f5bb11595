"""What the GitHub action and the written workflows run: their shell steps, on an inventory, with bash."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shapely
import yaml

from rogi import __version__
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.scaffold import new_repository
from rogi.schema.model import Role

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "run" in step}
BIN = Path(sys.executable).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(shutil.which, ("bash", "git"))), reason="needs bash and git"),
]


def git(folder, *arguments):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with two commits: an inventory, and the same with two empty outlines."""
    folder = tmp_path_factory.mktemp("repository")
    good = examples.tprogi(4)
    bad = examples.with_geometry(good, Role.OUTLINE, {1: shapely.Polygon(), 2: shapely.Polygon()})
    git(folder, "init", "-q")
    for inventory in (good, bad):
        (folder / "my inventory.gpkg").unlink(missing_ok=True)
        write_inventory(inventory, folder / "my inventory.gpkg")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "data")
    write_inventory(good, folder / "good.gpkg")
    return folder


def run(script, folder, place, **environment):
    """Exit code, output and the files of GitHub after a step."""
    files = {n: place / n.lower() for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],  # as a runner calls it
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "RUNNER_TEMP": str(place),
            **{name: str(path) for name, path in files.items()},
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done, {name: path.read_text() if path.exists() else "" for name, path in files.items()}


def act(folder, place, **inputs):
    """The steps `run` and `result` of the action with inputs."""
    given = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()} | inputs

    def filled(text):
        return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], text)

    step = STEPS["run"]
    environment = {name: filled(value) for name, value in step["env"].items()}
    done, files = run(step["run"], folder, place, **environment)
    assert done.returncode == 0, done.stderr  # the reports are uploaded before the job fails
    code = re.search(r"exit-code=(\d+)", files["GITHUB_OUTPUT"])[1]
    result, _ = run(STEPS["result"]["run"], folder, place, CODE=code)
    assert result.returncode == int(code)
    return int(code), done, files


def test_validate_finds_and_reports(repository, tmp_path):
    code, done, files = act(
        repository, tmp_path, inventory="my inventory.gpkg", reports=str(tmp_path / "r"),
        arguments="--profile=strict\n\n--ignore=ATT\n",
    )  # fmt: skip
    assert code == 1, done.stderr
    assert re.search("::error file=my(%20| )inventory.gpkg", done.stdout)
    assert "GEO002" in files["GITHUB_STEP_SUMMARY"]
    made = {path.name for path in (tmp_path / "r").iterdir()}
    assert made == {"validation.html", "validation.gpkg", "validation.sarif", "validation.junit.xml"}
    sarif = json.loads((tmp_path / "r" / "validation.sarif").read_text())
    assert {r["ruleId"] for r in sarif["runs"][0]["results"]} >= {"GEO002"}


def test_fail_on_decides(repository, tmp_path):
    inputs = {"inventory": "my inventory.gpkg", "reports": str(tmp_path / "r"), "fail-on": "never"}
    code, done, _ = act(repository, tmp_path, **inputs)
    assert code == 0, done.stderr


@pytest.mark.parametrize("against", ["HEAD^", "good.gpkg"])
def test_compare_with_a_commit_or_a_file(repository, tmp_path, against):
    inputs = {"command": "compare", "against": against, "reports": str(tmp_path / "r")}
    code, done, files = act(repository, tmp_path, inventory="my inventory.gpkg", **inputs)
    assert code == 0, done.stderr
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"comparison.html", "comparison.json"}
    assert files["GITHUB_STEP_SUMMARY"].startswith("## ")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"command": "compare", "against": "v9"}, "::error::against: 'v9' is no file, and no commit"),
        ({"command": "publish"}, "::error::command is validate or compare, found 'publish'."),
    ],
)
def test_wrong_inputs_fail_with_a_sentence(repository, tmp_path, inputs, said):
    inputs = {"inventory": "my inventory.gpkg", "reports": str(tmp_path / "r"), **inputs}
    code, done, _ = act(repository, tmp_path, **inputs)
    assert (code, said in done.stdout) == (2, True), done.stdout


def test_an_install_in_the_cache_is_used(tmp_path):
    """Nothing is installed where the environment of an earlier run has the command."""
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "rogi").symlink_to(BIN / "rogi")
    place = {"VENV": str(tmp_path / "venv"), "VERSION": "", "SOURCE": "/nowhere"}
    done, files = run(STEPS["install"]["run"], tmp_path, tmp_path, **place)
    assert (done.returncode, done.stdout.strip()) == (0, f"rogi {__version__}"), done.stderr
    assert files["GITHUB_PATH"].strip() == str(tmp_path / "venv" / "bin")


def workflows():
    """Every file of GitHub that this project has or writes."""
    yield "action.yml", ACTION["runs"]["steps"]
    for name in ("validate.yml", "release.yml"):
        text = (ROOT / "rogi" / "scaffold" / "templates" / name).read_text(encoding="utf-8")
        for job in yaml.safe_load(text.replace("@INVENTORY_YAML@", "x"))["jobs"].values():
            yield name, job["steps"]


def test_actions_are_pinned_and_inputs_are_no_code():
    for name, steps in workflows():
        for step in steps:
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", step["uses"]), (name, step["uses"])
            assert "${{" not in step.get("run", ""), (name, step)


def test_inputs_and_outputs_are_used():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text, name
    assert all("description" in entry for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_the_workflow_that_init_writes(repository, tmp_path):
    """Validate, and compare with the commit before, in a repository made by `rogi init`."""
    folder = tmp_path / "made"
    shutil.copytree(repository, folder)
    new_repository(folder, inventory=folder / "my inventory.gpkg")
    content = yaml.safe_load((folder / ".github/workflows/validate.yml").read_text())
    steps = {s["name"]: s["run"] for s in content["jobs"]["validate"]["steps"] if "name" in s}
    done, files = run(steps["Validate"], folder, tmp_path, **content["env"])
    assert done.returncode == 1 and "GEO002" in files["GITHUB_STEP_SUMMARY"], done.stderr
    assert {p.name for p in folder.glob("validation.*")} == {
        "validation.html", "validation.gpkg", "validation.sarif",
    }  # fmt: skip
    if shutil.which("git-lfs") is None:  # what stands for it where the file is no pointer
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "git-lfs").write_text("#!/bin/sh\nexec cat\n")
        (tmp_path / "bin" / "git-lfs").chmod(0o755)
        content["env"]["PATH"] = os.pathsep.join([str(tmp_path / "bin"), str(BIN), os.environ["PATH"]])
    done, _ = run(steps["Compare with the version before"], folder, tmp_path, **content["env"])
    assert done.returncode == 0 and (folder / "comparison.html").is_file(), done.stderr


def test_the_hook_of_pre_commit(repository, tmp_path):
    hooks = {h["id"]: h for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert all({"id", "name", "entry", "language", "files"} <= set(hook) for hook in hooks.values())
    assert re.search(hooks["rogi-validate"]["files"], "data/outlines.shp")
    assert not re.search(hooks["rogi-validate"]["files"], "README.md")
    done, _ = run(f"{hooks['rogi-validate']['entry']} good.gpkg", repository, tmp_path)
    assert done.returncode == 0, done.stderr
