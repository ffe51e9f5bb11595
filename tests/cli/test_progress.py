"""The bar of all commands: on a terminal only, gone at the end, without what a terminal obeys or secrets."""

from __future__ import annotations

import io
import sys

import pytest

from rogi.cli.progress import Progress


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put in place in the test itself: pytest puts its own stderr back after fixtures."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return stream


def run(progress: Progress) -> None:
    progress("reading", 1, 4)
    progress("reading", 4, 4)
    progress.say("half of it is done")
    progress("writing")
    progress.done()
    progress.done()


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What, how far, and the line that stays; the last thing written clears the bar."""
    terminal = terminal_of(monkeypatch)
    run(Progress(unit="units"))
    text = terminal.getvalue()
    assert "reading" in text and "1/4 units" in text and "4/4 units" in text
    assert "half of it is done\n" in text and "writing" in text
    assert text.endswith("\x1b[2K")


def test_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    Progress(unit="MB")("data.zip", 1_500_000, 3_000_000)
    assert "data.zip" in terminal.getvalue() and "1.5/3.0 MB" in terminal.getvalue()


def test_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 of 10 steps in 30 s: 8 more take 120 s. Steps before the first call do not count."""
    now = [100.0]
    monkeypatch.setattr("rogi.cli.progress.time.monotonic", lambda: now[0])
    progress = Progress()
    for first, step, seconds, left in (
        (0, 2, 30, ", 2:00 left"),
        (4, 6, 1800, ", 1:00:00 left"),
        (0, 10, 9, ""),
    ):
        progress = Progress()
        progress("training", first, 10)
        assert progress.left == ""
        now[0] += seconds
        progress("epoch 1, loss 0.5", step, 10)
        assert progress.left == left


def test_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    run(Progress(quiet=True))
    assert terminal.getvalue() == ""


def test_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what stays."""
    run(Progress())
    assert capsys.readouterr().err == "half of it is done\n"


def test_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of files come from strangers, and addresses have passwords."""
    monkeypatch.setattr(sys, "argv", ["rogi", "postgresql://u:topsecret@h/d"])
    terminal = terminal_of(monkeypatch)
    Progress()("a\x1b]0;x\x07b [red]c[/red] topsecret", 1, 2)
    text = terminal.getvalue()
    assert "\x1b]0" not in text and "[red]c[/red]" in text and "topsecret" not in text
