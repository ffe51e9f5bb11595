"""Pages of the docs load nothing from other hosts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "extensions"))

from offline import LOADED


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        "<link rel='stylesheet' href='//fonts.example.org/css'>",
        '<img alt="" src="http://example.org/a.png">',
        "@import url('https://example.org/a.css')",
        "src: url(//example.org/a.woff2)",
    ],
)
def test_loads_from_elsewhere(text: str) -> None:
    assert LOADED.search(text)


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://example.org">a link</a>',
        '<script src="_static/x.js"></script>',
        '<img src="data:image/png;base64,//8=">',
        "url(../fonts/a.woff2)",
    ],
)
def test_loads_from_here(text: str) -> None:
    assert not LOADED.search(text)
