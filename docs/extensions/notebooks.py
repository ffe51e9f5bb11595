"""Notebooks are scripts, executed in parallel when the site is built."""

from __future__ import annotations

import jupytext
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def read(text: str) -> NotebookNode:
    """A script with ``# %%`` cells as a notebook."""
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def spread(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Notebooks take longest to read: deal them out, so that each process of the build has some."""
    notebooks = [name for name in names if name.startswith("notebooks/")]
    others = [name for name in names if not name.startswith("notebooks/")]
    step = max(1, len(others) // max(1, len(notebooks)))
    names[:] = []
    while others or notebooks:
        names += notebooks[:1] + others[:step]
        del notebooks[:1], others[:step]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", spread)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
