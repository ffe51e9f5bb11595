"""The commands on tutorials and how-to pages run, and print what the pages show."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "extensions"))

import console  # noqa: E402

PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in (*DOCS.glob("tutorials/*.md"), *DOCS.glob("howto/*.md"), DOCS / "errors.md")
    if path.stem != "index"
)


@pytest.mark.parametrize("name", PAGES)
def test_commands_of_a_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in an empty folder. `python docs/extensions/console.py PAGE` writes the outputs anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    ran = 0
    for command, printed, code in console.session((DOCS / name).read_text(encoding="utf-8")):
        assert code < 2 or command.shown, f"{command.text}\n{printed}"
        assert command.fits(printed), f"{command.text}\nprinted\n{printed}"
        ran += 1
    assert ran, "no command of rogi in a console block"


def test_outputs_are_compared() -> None:
    command = console.Command("$ rogi x", ["one", "...", "three"])
    assert command.fits("one\ntwo\nthree\n")
    assert not command.fits("one\ntwo\nfour\n")
    counted = console.Command("$ rogi x", ["Rules: 28 passed", "...", "84 rules"])
    assert counted.renewed("Rules: 29 passed\na\nb\n85 rules\n") == ["Rules: 29 passed", "...", "85 rules"]
    assert counted.renewed("None passed\n85 rules\n") == ["None passed", "85 rules"]
    assert console.commands("$ rogi x \\\n    --y # why\nout\n$ rogi z\n") == [
        console.Command("$ rogi x \\\n    --y # why", ["out"]),
        console.Command("$ rogi z"),
    ]
    assert console.Command("$ rogi x \\\n    --y # why").words == ["rogi", "x", "--y"]
