"""The notebooks of the docs keep no outputs. The docs build runs each one and fails on any error."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"


def test_notebooks_are_scripts_without_outputs() -> None:
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert files
    assert {path.suffix for path in files} == {".py"}
