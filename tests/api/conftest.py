"""The commands, to be compared with the functions."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from rogi.cli import main


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command in this process; its standard output. The exit code may be 0 or 1."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        assert end.value.code in (0, 1), shown.err
        return shown.out

    return run
