"""Finding rogi and calling it, without QGIS: places, other programs of the name, environment, cancelling."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from plugin_files import plugin_module, run_rogi, write_command

from rogi.cli.progress import Progress

command = plugin_module("command")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs here are scripts of a POSIX shell")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def ours(path: Path, version: str = "0.1.0") -> Path:
    """A program that answers as rogi does."""
    return program(
        path,
        f'case "$1" in --version) echo "rogi {version}";; --help) echo "for rock glacier inventories";; esac',
    )


def places(home: Path, platform: str, **environment: str) -> list[str]:
    found = command.usual_places({"PATH": "", **environment}, home, platform)
    return [path.relative_to(home).as_posix() for path in found]


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        (
            "linux",
            [
                ".local/bin/rogi",
                ".local/share/uv/tools/rogi-toolkit/bin/rogi",
                ".local/share/pipx/venvs/rogi-toolkit/bin/rogi",
                "miniforge3/bin/rogi",
                "miniforge3/envs/rogi/bin/rogi",
            ],
        ),
        ("darwin", [".local/bin/rogi", "Library/Python/3.12/bin/rogi", "Library/Python/3.9/bin/rogi"]),
        (
            "win32",
            [
                ".local/bin/rogi.exe",
                "AppData/Roaming/uv/tools/rogi-toolkit/Scripts/rogi.exe",
                "pipx/venvs/rogi-toolkit/Scripts/rogi.exe",
                "AppData/Roaming/Python/Python312/Scripts/rogi.exe",
                "AppData/Local/Programs/Python/Python313/Scripts/rogi.exe",
                "miniconda3/Scripts/rogi.exe",
            ],
        ),
    ],
)
def test_the_usual_places(tmp_path, platform, names):
    """In this order; a program of a newer Python first; nothing twice."""
    for name in reversed(names):
        ours(tmp_path / name)
    assert places(tmp_path, platform) == names


def test_a_program_of_the_current_folder_is_not_taken(tmp_path, monkeypatch):
    """On Windows `shutil.which` finds it there first, and names it without its folder."""
    ours(tmp_path / "rogi")
    monkeypatch.chdir(tmp_path)
    assert places(tmp_path, "linux", PATH=".") == []


def test_what_the_user_says_and_the_path_come_first(tmp_path):
    ours(tmp_path / ".local" / "bin" / "rogi")
    on_path, named = ours(tmp_path / "on path" / "rogi"), ours(tmp_path / "named" / "rogi")
    found = places(tmp_path, "linux", PATH=str(on_path.parent), ROGI_COMMAND=str(named))
    assert found == ["named/rogi", "on path/rogi", ".local/bin/rogi"]
    link = tmp_path / "other" / "rogi"
    link.parent.mkdir()
    link.symlink_to(on_path)
    assert places(tmp_path, "linux", PATH=str(link.parent), ROGI_COMMAND=str(on_path))[0] == "on path/rogi"


def test_the_other_rogi_and_an_old_one_are_passed_over(tmp_path):
    other = program(tmp_path / "a" / "rogi", "echo 'rogi 3.1, chemical data'")
    old, good = ours(tmp_path / "b" / "rogi", "0.0.9"), ours(tmp_path / "c" / "rogi")
    assert command.find("", iter([other, old, good])) == good
    with pytest.raises(command.CommandError, match=r"is rogi 0\.0\.9; the plugin needs 0\.1 or newer"):
        command.find("", iter([old]))
    with pytest.raises(command.CommandError, match="`rogi` of the package index is another project"):
        command.find("", iter([other, old]))
    with pytest.raises(command.CommandError, match=r"^The command rogi was not found\. Install it"):
        command.find("", iter([]))


def test_what_rogi_says_of_its_own_install_is_passed_on(tmp_path):
    """As where the other package covers the files of this one (rogi_toolkit.py)."""
    covered = program(tmp_path / "rogi", "echo 'error: Another package has taken the name rogi.' >&2; exit 2")
    with pytest.raises(command.CommandError, match="Another package has taken the name rogi"):
        command.find(str(covered))


def test_the_path_that_is_set_counts_alone(tmp_path):
    good = ours(tmp_path / "bin of é" / "rogi")
    assert command.find(str(good), iter([])) == good
    assert command.find(str(good.parent), iter([])) == good
    with pytest.raises(command.CommandError, match="that is set, /nowhere/rogi, does not exist"):
        command.find("/nowhere/rogi", iter([good]))


def test_the_environment_of_qgis_does_not_reach_rogi(tmp_path):
    given = {
        "PATH": "/usr/bin", "HOME": "/home/a", "PYTHONHOME": "/qgis", "PYTHONPATH": "/qgis",
        "PROJ_LIB": "/qgis", "GDAL_DATA": "/qgis", "LD_LIBRARY_PATH": "/qgis",
        "LD_LIBRARY_PATH_ORIG": "/before", "https_proxy": "p",
    }  # fmt: skip
    cleaned = command.clean_environment(tmp_path / "bin" / "rogi", given)
    assert not [name for name, value in cleaned.items() if value == "/qgis"]
    assert cleaned["LD_LIBRARY_PATH"] == "/before" and cleaned["https_proxy"] == "p"
    assert cleaned["PATH"] == "/usr/bin" and cleaned["HOME"] == "/home/a"


def test_a_command_of_conda_finds_its_libraries(tmp_path):
    for name in ("conda-meta", "Library/bin", "Scripts"):
        (tmp_path / name).mkdir(parents=True)
    cleaned = command.clean_environment(tmp_path / "Scripts" / "rogi.exe", {"PATH": "x"})
    expected = [str(tmp_path / name) for name in (".", "Library/bin", "Scripts")]
    assert cleaned["PATH"].split(os.pathsep) == [*expected, "x"]
    assert cleaned["CONDA_PREFIX"] == str(tmp_path)


def test_progress_and_messages_are_told_apart(tmp_path):
    line = '{"progress": "reading", "done": 1, "total": 4, "unit": ""}'
    path = program(tmp_path / "rogi", f"echo out; echo '{line}' >&2; echo 'warning: é' >&2; exit 1")
    steps, messages = [], []
    done = command.run(path, [], progress=lambda *step: steps.append(step), message=messages.append)
    assert (done.code, done.output) == (1, "out\n")
    assert (steps, messages) == ([("reading", 1, 4)], ["warning: é"])


def test_progress_is_read_as_rogi_writes_it(monkeypatch, capsys):
    monkeypatch.setenv("ROGI_PROGRESS", "json")
    progress = Progress(unit="units")
    progress("reading é", 0, 3)
    progress("reading é", 3, 3)
    progress.say("a line that stays")
    lines = capsys.readouterr().err.splitlines()
    read = [command.parse_progress(text) for text in lines]
    assert read == [("reading é", 0, 3), ("reading é", 3, 3), None]
    assert json.loads(lines[0])["unit"] == "units"


@pytest.mark.parametrize(
    "line", ['{"progress": 1', '{"progress": "a"}', '{"progress": "a", "done": [], "total": 1}']
)
def test_a_line_that_is_no_progress(line):
    assert command.parse_progress(line) is None


def test_the_sentence_of_rogi_is_the_error(tmp_path):
    path = program(tmp_path / "rogi", "echo 'note' >&2; echo 'error: There is no file x.' >&2; exit 2")
    with pytest.raises(command.CommandError, match=r"^There is no file x\.$"):
        command.run(path, [])
    path = program(tmp_path / "rogi2", "exit 3")
    with pytest.raises(command.CommandError, match="rogi ended with exit code 3"):
        command.run(path, [])
    with pytest.raises(command.CommandError, match="was stopped by the system"):
        command.run(program(tmp_path / "rogi3", "kill -9 $$"), [])
    with pytest.raises(command.CommandError, match="cannot be run: No such file"):
        command.run(tmp_path / "gone", [])


def test_cancelling_ends_rogi_itself_and_leaves_nothing(tmp_path):
    """The real command, cancelled in the middle: it ends by itself, as after Ctrl-C, and writes nothing."""
    run_rogi("synthetic", "inventory", "--count", 40, "-o", tmp_path / "inventory.gpkg")
    path, out = write_command(tmp_path / "bin"), tmp_path / "out"
    out.mkdir()
    stop = threading.Event()
    with pytest.raises(command.Cancelled):
        command.run(
            path,
            ["validate", str(tmp_path / "inventory.gpkg"), "-o", str(out / "findings.gpkg")],
            progress=lambda *step: stop.set(),
            cancelled=stop.is_set,
        )
    assert list(out.iterdir()) == []


def test_a_command_that_does_not_end_is_killed_with_its_children(tmp_path, monkeypatch):
    """Its child has the end of a pipe open, whose other end says when it is dead."""
    monkeypatch.setattr(command, "PATIENCE", 0.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = threading.Thread(target=pipe.read_bytes, daemon=True)
    read.start()
    path = program(tmp_path / "rogi", f"exec 3>'{pipe}'; echo go >&2; sleep 1000 & wait; sleep 1000")
    heard = []
    with pytest.raises(command.Cancelled):
        command.run(path, [], message=heard.append, cancelled=lambda: bool(heard))
    read.join(60)
    assert not read.is_alive()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/a/b.tif", ("/a/b.tif", "")),
        ('NETCDF:"/a/é b.nc":t2m', ("/a/é b.nc", "t2m")),
        ("NETCDF:/a/b.nc:t2m", ("/a/b.nc", "t2m")),
        ('NETCDF:"C:/a/b.nc":t2m', ("C:/a/b.nc", "t2m")),
        ('ZARR:"/a/b.zarr":/t2m', ("/a/b.zarr", "t2m")),
        ("/a/b.tif|option:X=1", ("/a/b.tif", "")),
    ],
)
def test_the_file_and_variable_of_a_raster(source, expected):
    assert command.raster_file(source) == expected


def test_options_that_are_typed(monkeypatch):
    assert command.split("--log 'a b.log' -v") == ["--log", "a b.log", "-v"]
    with monkeypatch.context() as patch:
        patch.setattr(command.os, "name", "nt")
        assert command.split(r'--log "C:\a b.log" -v') == ["--log", r"C:\a b.log", "-v"]
        assert command.shown(["rogi", "a b"]) == 'rogi "a b"'


def test_windows_have_no_console(monkeypatch):
    monkeypatch.setattr(command.os, "name", "nt")
    assert command._hidden(group=True) == {"creationflags": 0x08000000}
    assert sys.platform != "win32"
