"""The report in a real browser: the script runs under the page's own policy and draws what it should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rogi.render import Format, render
from rogi.validation.report import Report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=8000",
    "--enable-logging=stderr",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def _open(report: Report, folder: Path) -> tuple[str, list[str]]:
    """The page after its script has run, and what the console said."""
    path = folder / "report.html"
    render(report, Format.HTML, path)
    assert BROWSER is not None
    result = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return result.stdout, re.findall(r"CONSOLE.*", result.stderr)


def test_report(report: Report, tmp_path: Path) -> None:
    page, console = _open(report, tmp_path)
    assert console == []  # no error, and nothing refused by the policy
    body = page.partition("</header>")[2]
    assert "<canvas" in body and "Colour by" in body
    assert f"{len(report.findings)} findings" in body
    assert body.count('<tr role="row"') >= len(report.findings)
    assert "<img" not in body and "<svg" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_large_report(large_report: Report, tmp_path: Path) -> None:
    page, console = _open(large_report, tmp_path)
    assert console == []
    assert "100,000 findings, showing 1 to 50" in page
