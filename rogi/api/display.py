"""How results look in a notebook."""

from __future__ import annotations

import pandas as pd

from rogi.text import html

ROWS = 10
"""Rows of a table that are shown; the frames themselves are whole."""


def frames_html(title: str, **frames: pd.DataFrame | None) -> str:
    """A line, and the first rows of each frame that has any; values are escaped."""
    parts = [f"<p><b>{html(title.strip('<>'))}</b></p>"]
    for name, frame in frames.items():
        if frame is None or not len(frame):
            continue
        plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
        more = f" (the first {ROWS} of {len(frame):,} rows)" if len(frame) > ROWS else ""
        parts += [f"<p>{html(name)}{more}</p>", plain.head(ROWS).to_html(index=False, border=0)]
    return f"<div>{''.join(parts)}</div>"
