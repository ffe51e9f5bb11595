"""Every command, every option that writes: nothing that is read, and nothing of others, is replaced."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

import pytest
from command_tree import COMMANDS, line, parameters

from rogi.cli.guard import outputs, paths_in

WRITING = [(words, name) for words, callback in COMMANDS.items() for name in outputs(callback)]
READING = [
    (words, name, read)
    for words, name in WRITING
    for read, kind, _, _, _ in parameters(COMMANDS[words])
    if kind is Path and read not in outputs(COMMANDS[words])
]


def state(folder):
    return {
        p.relative_to(folder): (os.readlink(p) if p.is_symlink() else p.read_bytes())
        for p in folder.rglob("*")
        if not p.is_dir()
    }


def test_no_option_that_writes_is_forgotten():
    """What says of itself that it writes is marked, so that all below looks at it."""
    writes = re.compile(
        r"(?i)^(write|store|new (file|folder))|\b(file|folder|raster|bundle) (to write|that keeps)"
    )
    unmarked = [
        f"{' '.join(words)}: {name}"
        for words, callback in COMMANDS.items()
        for name, kind, _, _, info in parameters(callback)
        if kind is Path and name not in outputs(callback) and writes.search(info.help or "")
    ]
    assert unmarked == []
    assert len(WRITING) > 40


@pytest.mark.parametrize(("words", "name"), WRITING)
def test_an_input_or_a_link_to_it_is_refused(words, name, run, files):
    callback = COMMANDS[words]
    reads = [n for n, kind, *_ in parameters(callback) if kind in (Path, str) and n not in outputs(callback)]
    if not reads:
        pytest.skip("reads nothing")
    before = state(files)
    forces = "force" in inspect.signature(callback).parameters
    for target, force in (("in.gpkg", False), ("soft.gpkg", forces), ("hard.gpkg", forces)):
        read = next(
            (n for n, kind, _, must, _ in parameters(callback) if n in reads and (must or kind is Path)),
            reads[0],
        )
        arguments = line(callback, {read: files / "in.gpkg", name: files / target}, files)
        code, _, said = run(*words, *(["--force"] if force else []), *arguments)
        assert (code, "is an input" in said, said.count("\n")) == (2, True, 1), said
    assert state(files) == before


@pytest.mark.parametrize(("words", "name", "read"), READING)
def test_what_any_option_reads_is_refused(words, name, read, run, files):
    callback = COMMANDS[words]
    before = state(files)
    code, _, said = run(*words, *line(callback, {read: files / "in.gpkg", name: files / "in.gpkg"}, files))
    assert (code, "is an input" in said) == (2, True), said
    assert state(files) == before


@pytest.mark.parametrize(("words", "name"), WRITING)
def test_a_file_of_others_stays_without_force(words, name, run, files):
    callback = COMMANDS[words]
    before = state(files)
    code, _, said = run(*words, *line(callback, {name: files / "mine.gpkg"}, files))
    assert code == 2, said
    assert "broke down" not in said
    if not outputs(callback)[name].own:
        assert "exists; give another name, or --force" in said, said
        assert "force" in inspect.signature(callback).parameters
    after = state(files)
    assert {k: after[k] for k in before} == before


def test_one_file_is_not_named_for_two_outputs(run, files):
    for second in ("--output", "--write-baseline"):
        code, _, said = run(
            "validate", files / "in.gpkg", "--output", files / "r.json", second, files / "." / "r.json"
        )
        assert (code, "named for two outputs" in said) == (2, True)


def test_paths_are_found_in_what_options_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.gpkg", "b:c.gpkg", "d.gpkg"):
        Path(name).touch()
    values = [
        "a.gpkg:layer",
        "marker=b:c.gpkg:GO",
        ["outline=d.gpkg"],
        Path("a.gpkg"),
        3,
        None,
        "x" * 5000,
        "a\0b",
        "",
    ]
    assert [str(p) for p in paths_in(values)] == ["a.gpkg", "b:c.gpkg", "d.gpkg", "a.gpkg"]
    assert list(paths_in([Path("a.gpkg:GO"), "subregion"])) == [Path("a.gpkg")]
