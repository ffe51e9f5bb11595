"""``rogi detect train``: a model bundle from patches."""

from __future__ import annotations


def train() -> None:
    """Train a model on patches, and write its bundle."""
