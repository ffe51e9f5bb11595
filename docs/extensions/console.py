"""Run the commands that the pages show: ``python docs/extensions/console.py PAGE...`` writes outputs anew.

A page's ``console`` blocks are one session: its commands run in order, in one empty folder. What one printed
stands below it; a line ``...``, or ``...`` in a line, leaves something out, and a line ``?`` is to be
filled in. A block of code with a caption is a file of that name, and a sample named on the page is there
from the start. Commands of other programs (pip, git, QGIS) are shown and not run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast

import samples

PAGES = Path(__file__).parents[1]
BLOCK = re.compile(r"^([ ]*)```console\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```", re.DOTALL | re.MULTILINE)
OTHERS = {
    "pip",
    "pipx",
    "uv",
    "conda",
    "docker",
    "git",
    "make",
    "export",
    "$EDITOR",
    "qgis",
    "qgis_process",
    "wget",
    "source",
}
COMPARES = doctest.OutputChecker()


@dataclass
class Command:
    """One command of a page and the output shown below it."""

    text: str
    shown: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Without the prompt, continuations and comment."""
        return self.text.replace("\\\n", " ").removeprefix("$ ")

    @property
    def words(self) -> list[str]:
        """As a shell divides it."""
        return shlex.split(self.line, comments=True)

    def fits(self, printed: str) -> bool:
        """Whether the output shown, if any, is what was printed."""
        shown = "".join(f"{line}\n" for line in self.shown)
        return not shown.strip() or COMPARES.check_output(shown, printed, doctest.ELLIPSIS)

    def renewed(self, printed: str) -> list[str]:
        """The output shown with today's numbers; all that was printed where more than numbers differ."""
        if self.fits(printed):
            return self.shown
        parts = re.split(r"(\d+|\.\.\.)", "".join(f"{line}\n" for line in self.shown))
        places = [k for k, part in enumerate(parts) if part.isdecimal() or part == "..."]
        pattern = [
            r"(.*?)" if part == "..." else r"(\d+)" if k in places else re.escape(part)
            for k, part in enumerate(parts)
        ]
        found = re.fullmatch("".join(pattern), printed, re.DOTALL)
        if found is None:
            return printed.replace(str(Path.cwd()), "...").splitlines()
        for k, today in zip(places, found.groups(), strict=True):
            parts[k] = parts[k] if parts[k] == "..." else today
        return "".join(parts).splitlines()


def commands(block: str) -> list[Command]:
    """The commands of a block, each with its output."""
    found: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(line))
        elif found and found[-1].text.endswith("\\"):
            found[-1].text += f"\n{line}"
        elif found:
            found[-1].shown.append(line)
    return found


def session(page: str) -> Iterator[tuple[Command, str, int]]:
    """Run the commands of a page in the current folder: each with what it printed and its exit code."""
    for name in samples.FILES:
        if name in page:
            samples.FILES[name](Path(name))
    blocks = [*BLOCK.finditer(page), *FILE.finditer(page)]
    for block in sorted(blocks, key=re.Match.start):
        if block.re is FILE:
            Path(block[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(block[1]).write_text(block[2], encoding="utf-8")
            continue
        for command in commands(block[2]):
            if command.words[0] in OTHERS:
                continue
            yield command, *run(command.words)


def run(words: list[str]) -> tuple[str, int]:
    """What a command prints on both streams, as a terminal shows it, and its exit code."""
    if words[0] == "cd":
        os.chdir(words[1])
        return "", 0
    if words[0] == "cat":
        return "".join(Path(name).read_text(encoding="utf-8") for name in words[1:]), 0
    if words[0] == "ls":
        return "".join(f"{path.name}\n" for path in sorted(Path(*words[1:]).iterdir())), 0
    if words[0] != "rogi":
        raise ValueError(f"The command {words[0]!r} is neither run nor known as one of another program.")
    from rogi.cli import main

    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    before = sys.argv
    sys.argv = words
    try:
        with contextlib.redirect_stdout(cast(TextIO, stream)), contextlib.redirect_stderr(stream):
            main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    return cast(io.BytesIO, stream.buffer).getvalue().decode(), code


def renewed(page: str) -> str:
    """The page with the outputs that its commands print today."""
    results = iter(list(session(page)))

    def anew(block: re.Match[str]) -> str:
        lines: list[str] = []
        for command in commands(block[2]):
            lines += command.text.splitlines()
            if command.words[0] in OTHERS:
                lines += command.shown
                continue
            _, printed, _ = next(results)
            lines += command.renewed(printed)
        return f"{block[1]}```console\n" + "".join(f"{line}\n" for line in lines) + f"{block[1]}```"

    return BLOCK.sub(anew, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name).resolve()
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            text = renewed(path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
