"""``rogi detect models``: which bundles there are, and whether they are whole."""

from __future__ import annotations


def models() -> None:
    """List and check model bundles."""
