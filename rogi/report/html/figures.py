"""Small figures as SVG in the page's own colours: bars, histograms and curves with their axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rogi.text import html as escape

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 66, 10, 10, 46


def bars(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    axis: str,
    second: Sequence[float] | None = None,
    most: float | None = None,
) -> str:
    """Bars, or pairs of bars of A and B, over named classes; an empty place where a value is not defined."""
    series = [values] if second is None else [values, second]
    top = most if most is not None else round_top([v for s in series for v in s])
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    width = 0.76 * slot / len(series)
    marks = []
    for k, one in enumerate(series):
        for i, value in enumerate(one):
            if not math.isfinite(value):
                continue
            x = LEFT + slot * (i + 0.12) + width * k
            what = f"{labels[i]}: {value:,.4g}" + ("" if second is None else f" ({'AB'[k]})")
            marks.append(_bar(x, width, value / top if top else 0.0, ("first", "second")[k], what))
    ticks = [
        _text(LEFT + slot * (i + 0.5), HEIGHT - BOTTOM + 16, name, "middle") for i, name in enumerate(labels)
    ]
    legend = ""
    if second is not None:
        legend = '<p class="key"><span class="first">A</span> <span class="second">B</span></p>'
    return _figure(title, axis, top, "".join(marks) + "".join(ticks), "", legend)


def histogram(title: str, values: NDArray[np.float64], edges: NDArray[np.float64], *, axis: str) -> str:
    """Counts between the edges; ``axis`` names the quantity, and the height is the number of pairs."""
    counts, _ = np.histogram(values[np.isfinite(values)], edges)
    top = round_top(counts.tolist())
    span = edges[-1] - edges[0]
    scale = (WIDTH - LEFT - RIGHT) / span
    marks = []
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        x = LEFT + (low - edges[0]) * scale
        marks.append(
            _bar(x, (high - low) * scale - 1, count / top, "first", f"{low:g} to {high:g}: {count:,}")
        )
    ticks = [
        _text(
            LEFT + fraction * span * scale,
            HEIGHT - BOTTOM + 16,
            f"{edges[0] + fraction * span:,g}",
            "end" if fraction == 1 else "middle",
        )
        for fraction in (0, 0.25, 0.5, 0.75, 1)
    ]
    return _figure(title, "pairs", top, "".join(marks) + "".join(ticks), axis, "")


def curves(
    title: str,
    lines: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]],
    *,
    across: str,
    up: str,
    diagonal: bool = False,
    points: bool = False,
) -> str:
    """Up to two lines (name, x, y) in the unit square, with a diagonal to hold them against if asked for.

    Gaps are left where a value is not defined; with ``points`` every vertex has a dot that tells its values.
    """
    marks = []
    if diagonal:
        ends = (_place(0.0, 0.0), _place(1.0, 1.0))
        marks.append(f'<polyline class="faint" points="{" ".join(ends)}"/>')
    for (name, x, y), tone in zip(lines, ("first", "second"), strict=False):
        known = np.isfinite(x) & np.isfinite(y)
        for run in np.split(np.arange(len(x)), np.flatnonzero(np.diff(known.astype(int))) + 1):
            if len(run) and known[run[0]]:
                at = [_place(float(x[i]), float(y[i])) for i in run]
                marks.append(
                    f'<polyline class="{tone}" points="{" ".join(dict.fromkeys(at))}">'
                    f"<title>{escape(name)}</title></polyline>"
                )
        for i in np.flatnonzero(known) if points else ():
            cx, cy = _place(float(x[i]), float(y[i])).split(",")
            what = f"{name}: {x[i]:.3f}, {y[i]:.3f}"
            marks.append(
                f'<circle class="{tone}" cx="{cx}" cy="{cy}" r="3"><title>{escape(what)}</title></circle>'
            )
    ticks = [
        _text(LEFT + f * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM + 16, f"{f:g}", "middle")
        for f in (0, 0.25, 0.5, 0.75, 1)
    ]
    names = [name for name, _, _ in lines]
    legend = ""
    if len(names) > 1:
        items = (
            f'<span class="{t}">{escape(n)}</span>' for n, t in zip(names, ("first", "second"), strict=False)
        )
        legend = f'<p class="key">{" ".join(items)}</p>'
    return _figure(title, up, 1.0, "".join(marks) + "".join(ticks), across, legend)


def _place(x: float, y: float) -> str:
    """A point of the unit square in the figure."""
    left = LEFT + x * (WIDTH - LEFT - RIGHT)
    return f"{left:.1f},{HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM):.1f}"


def round_top(values: Sequence[float]) -> float:
    """A number at or above the largest value whose quarters are round."""
    largest = max((v for v in values if math.isfinite(v)), default=0.0)
    if largest <= 0:
        return 1.0
    if largest < 4 and all(float(v).is_integer() for v in values if math.isfinite(v)):
        return 4.0  # there is no half of what is counted
    unit = 10.0 ** math.floor(math.log10(largest / 4))
    return 4.0 * float(next(m * unit for m in (1, 2, 3, 5, 10) if 4 * m * unit >= largest * (1 - 1e-9)))


def _bar(x: float, width: float, share: float, name: str, what: str) -> str:
    height = share * (HEIGHT - TOP - BOTTOM)
    y = HEIGHT - BOTTOM - height
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{max(0.5, width):.1f}" height="{height:.1f}">'
        f"<title>{escape(what)}</title></rect>"
    )


def _text(x: float, y: float, text: str, anchor: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'


def _figure(title: str, vertical: str, top: float, marks: str, horizontal: str, legend: str) -> str:
    lines = []
    for k in range(5):
        y = HEIGHT - BOTTOM - k / 4 * (HEIGHT - TOP - BOTTOM)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(_text(LEFT - 6, y + 4, f"{top * k / 4:,.6g}", "end"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f' transform="rotate(-90 12 {middle:.0f})"'
    labels = _text(12, middle, vertical, "middle", turned)
    if horizontal:
        labels += _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, horizontal, "middle")
    shown = escape(title[:1].upper() + title[1:])
    return (
        f'<figure><figcaption>{shown}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{shown}">{"".join(lines)}{marks}{labels}</svg>{legend}</figure>'
    )
