"""Fixtures of tests of detection."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """Run `rogi detect predict` in this process: exit code, stdout and stderr."""
    from rogi import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rogi", "detect", "predict", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, errors = capsys.readouterr()
        return int(end.value.code or 0), out, errors

    return run
