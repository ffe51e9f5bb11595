"""Fixtures of tests of the command line."""

from __future__ import annotations

import os
import sys

import pytest

from rogi.cli import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command in this process and an empty folder: exit code, stdout and stderr."""

    def call(*words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return ended.value.code, streams.out, streams.err

    return call


@pytest.fixture
def files(tmp_path):
    """A folder with an input, links to it, and files of others."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("in.gpkg", "other.gpkg", "mine.gpkg"):
        (folder / name).write_text(name)
    (folder / "soft.gpkg").symlink_to(folder / "in.gpkg")
    os.link(folder / "in.gpkg", folder / "hard.gpkg")
    return folder
