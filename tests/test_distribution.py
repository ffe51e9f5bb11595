"""The name rogi is installed by, in every line that says so, and what another ``rogi`` does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rogi_toolkit
from rogi.distribution import DISTRIBUTION, install, missing
from rogi.errors import MissingExtra

ROOT = Path(__file__).parents[1]
TEXTS = (".py", ".md", ".yml", ".yaml", ".toml", ".sh", ".cff", ".txt", ".html", "")
# What installs the stranger's package: a bare `rogi` after an installer, or extras of it.
OLD = re.compile(
    r"(?:pip3? install|pipx (?:install|run)|uvx?(?: tool| pip)? (?:install|add|run)|conda install)"
    r"""(?:\s+-{1,2}[\w=-]+)*\s+['"]?rogi(?![\w-])|(?<![\w.-])rogi\[(?:all|attributes|cluster|detect|dev|figures|maps|store|train)"""
)


def project_texts():
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if len(tracked) < 2:
        pytest.skip("not a git checkout")
    return [
        ROOT / name for name in tracked if name and Path(name).suffix in TEXTS and (ROOT / name).is_file()
    ]


def test_no_line_installs_the_package_of_others():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in project_texts()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if OLD.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install rogi",
        "pip install 'rogi[detect]'",
        "pip install -U rogi==1",
        "uvx install rogi",
        "the extra rogi[train]",
    ],
)
def test_the_old_form_is_recognised(line):
    assert OLD.search(line)
    assert not OLD.search(line.replace("rogi", DISTRIBUTION))


def test_the_project_file_has_the_name_and_the_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == DISTRIBUTION == rogi_toolkit.DISTRIBUTION
    assert project["scripts"] == {"rogi": "rogi_toolkit:main"}
    for extra in ("attributes", "cluster", "detect", "figures", "maps", "store", "train", "all"):
        assert extra in project["optional-dependencies"]
        assert install(extra) == f"pip install 'rogi-toolkit[{extra}]'"


def test_a_missing_extra_is_one_sentence_and_survives_another_process():
    import pickle

    error = missing("Training needs torch", "train")
    assert isinstance(error, MissingExtra)
    assert (
        str(pickle.loads(pickle.dumps(error))) == "Training needs torch: pip install 'rogi-toolkit[train]'."
    )


def site(folder, ours: bool, strangers_record: str | None):
    """A folder of packages with our start module and somebody's ``rogi``."""
    package = folder / "rogi"
    package.mkdir()
    first = (
        '"""rogi: the toolkit for rock glacier inventories.\n"""\n'
        if ours
        else "raise ImportError('rdkit')\n"
    )
    (package / "__init__.py").write_text(first)
    (package / "cli.py").write_text("def main():\n    print('ours runs')\n")
    shutil.copy(ROOT / "rogi_toolkit.py", folder)
    if strangers_record is not None:
        (folder / "rogi-0.1.dist-info").mkdir()
        (folder / "rogi-0.1.dist-info" / "RECORD").write_text(strangers_record)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import rogi_toolkit; rogi_toolkit.main()"
    return subprocess.run(
        [sys.executable, "-I", "-c", code],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_alone_it_starts_in_silence(tmp_path):
    done = site(tmp_path, True, None)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ours runs\n", "")


def test_what_is_registered_for_the_end_is_done(tmp_path):
    """The command ends at once, but not before its output and the handlers of others."""
    code = (
        "import atexit, sys, rogi_toolkit, rogi.cli\n"
        "def stopped():\n"
        "    atexit.register(print, 'last words')\n"
        "    sys.stdout.write('{}'); sys.exit(3)\n"
        "rogi.cli.main = stopped; rogi_toolkit.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (3, "{}last words\n", "")


def test_another_package_in_its_place_is_said(tmp_path):
    done = site(tmp_path, False, None)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip uninstall rogi" in done.stderr and "rogi-toolkit" in done.stderr
    assert str(tmp_path / "rogi") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("record", ["rogi/__init__.py,sha256=x,1\n", "a.py,,\nrogi/__init__.py,sha256=x,1\n"])
def test_another_package_in_the_same_folder_is_said(tmp_path, record):
    done = site(tmp_path, True, record)
    assert (done.returncode, done.stdout) == (0, "ours runs\n")
    assert done.stderr.startswith("warning: the package `rogi-0.1` is not this toolkit")
    assert "pip uninstall rogi" in done.stderr


def test_a_distribution_of_that_name_without_files_there_is_none_of_our_business(tmp_path):
    assert site(tmp_path, True, "rogi/_data/x.yaml,,\nprogi/__init__.py,,\n").stderr == ""
