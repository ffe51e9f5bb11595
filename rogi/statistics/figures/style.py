"""How figures look: size, resolution, type, words and colours; and how they are written.

Colours: viridis, and the palette of Okabe & Ito (2008), which people with colour-blindness can tell apart.
"""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from rogi.errors import OptionError
from rogi.files import replacing
from rogi.schema.attributes import attributes, axis_title
from rogi.schema.documents import read_yaml
from rogi.schema.load import concepts
from rogi.suggestions import did_you_mean

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#595959"
PALETTE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MM = 1 / 25.4
WIDTHS = {
    "copernicus-column": 83.0,
    "copernicus-page": 120.0,
    "elsevier-column": 90.0,
    "elsevier-page": 190.0,
    "nature-column": 89.0,
    "nature-page": 183.0,
}
"""Widths that journals ask for, mm."""
UNITS = {"mm": 1.0, "cm": 10.0, "in": 25.4}
SIDES = (40.0, 2000.0)
"""Least and greatest side of a figure, mm."""
RESOLUTIONS = (50, 1200)
FONT_SIZES = (4.0, 20.0)
MOST_PIXELS = 30_000
"""Along a side of a figure: the drawing takes 4 bytes for each pixel, and matplotlib ends at 65,536."""
CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "PingFang SC", "Heiti SC", "Arial Unicode MS",
)  # fmt: skip
GROUPED = {"en": (",", "."), "zh": (",", ".")}
"""Marks of thousands and of decimals; elsewhere a narrow space (ISO 80000-1) and a comma."""


@dataclass(frozen=True)
class Style:
    """What differs between journals.

    Attributes
    ----------
    width : float
        Of a figure, mm.
    height : float, optional
        Of a figure, mm; by default what it shows needs.
    dpi : int
        Dots per inch of PNG files, and of what is drawn as dots in SVG and PDF files.
    font_size : float
        Of titles and axes, points; notes are smaller.
    language : str
        One of `languages`.
    """

    width: float = 180.0
    height: float | None = None
    dpi: int = 300
    font_size: float = 8.0
    language: str = "en"

    def __post_init__(self) -> None:
        for name, value, (low, high), unit in (
            ("dpi", self.dpi, RESOLUTIONS, ""),
            ("font-size", self.font_size, FONT_SIZES, " pt"),
        ):
            if not low <= value <= high:
                raise OptionError(f"--{name} is from {low:g} to {high:g}{unit}, found {value:g}.")
        if self.language not in languages():
            meant = did_you_mean(self.language, languages())
            raise OptionError(
                f"--language {self.language}: figures are labelled in {', '.join(languages())}.{meant}"
            )
        _ = self.family

    @cached_property
    def family(self) -> str:
        """The font.

        Raises
        ------
        OptionError
            No font on this machine has the letters of the language.
        """
        if self.language != "zh":
            return "DejaVu Sans"
        found = chinese_fonts()
        if not found:
            raise OptionError(
                "--language zh: no Chinese font found on this machine; install one, for example Noto Sans "
                "CJK SC (Debian: fonts-noto-cjk)."
            )
        return found[0]

    @property
    def small(self) -> float:
        """Size of notes, points."""
        return 0.8 * self.font_size

    @property
    def rc(self) -> Any:
        """Settings of matplotlib."""
        return {
            "font.size": self.font_size,
            "font.family": list(dict.fromkeys([self.family, "DejaVu Sans", *chinese_fonts()])),
            "axes.titlesize": self.font_size,
            "axes.titlelocation": "left",
            "axes.labelsize": self.font_size,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.6,
            "axes.unicode_minus": True,
            "xtick.labelsize": self.font_size,
            "ytick.labelsize": self.font_size,
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "figure.dpi": 100,
            "svg.hashsalt": "rogi",  # ids in SVG files are then the same each time
            "svg.fonttype": "none",
            "pdf.fonttype": 42,
            "text.parse_math": False,  # names of subregions may have dollar signs
        }

    def word(self, key: str, **values: object) -> str:
        """A text in the language, its places filled in."""
        found = labels()[key][self.language]
        assert isinstance(found, str)
        return found.format(**values) if values else found

    def words(self, key: str) -> list[str]:
        """A list of texts in the language."""
        return list(labels()[key][self.language])

    @property
    def aspect(self) -> str:
        """What roses show; in English `axis_title` would add the unit."""
        return labels()["aspect"].get(self.language) or concepts()["aspect"].title

    def title(self, concept: str) -> str:
        """What axes call a concept, with its unit."""
        known = labels().get(concept, {})
        return known.get(self.language) or axis_title(concept)

    def mean_title(self, concept: str) -> str:
        """What the mean of a concept in a cell is called: a mean of means is one too."""
        statistic = attributes()[concept].statistic
        if statistic == "mean":
            return self.title(concept)
        if self.language != "en":
            return self.word("mean_of", title=self.title(concept))
        plain = concepts()[concept].title
        return axis_title(concept, f"Mean {'of ' if statistic else ''}{plain[:1].lower()}{plain[1:]}")

    def number(self, value: float, digits: int = 0) -> str:
        """A number as the language writes it, with a true minus sign."""
        return self._own(f"{value:,.{digits}f}")

    def general(self, value: float) -> str:
        """A round number in as many digits as it has."""
        return self._own(f"{value:,.10g}")

    def _own(self, text: str) -> str:
        thousands, decimals = GROUPED.get(self.language, ("\u202f", ","))
        swapped = text.replace(",", "\0").replace(".", decimals).replace("\0", thousands)
        return swapped.replace("-", "\N{MINUS SIGN}")

    def ticks(self) -> ScalarFormatter:
        """Labels of a linear axis."""
        return _Ticks(self)


class _Ticks(ScalarFormatter):
    """Numbers along an axis as the language writes them."""

    def __init__(self, style: Style) -> None:
        super().__init__(useOffset=False)
        self.set_scientific(False)
        self._style = style

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = super().__call__(x, pos).replace("\N{MINUS SIGN}", "-")
        if not text:
            return text
        digits = len(text.partition(".")[2])
        return self._style.number(float(text), digits)


@cache
def chinese_fonts() -> tuple[str, ...]:
    """Fonts of this machine with Chinese letters, for names in them also where the language is another."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    return tuple(name for name in CHINESE if name in known)


@contextmanager
def missing_letters(tell: Callable[[str], None]) -> Iterator[None]:
    """Tell once which letters no font has, in place of a warning of matplotlib for each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="Glyph ")
        yield
    missing: dict[str, None] = {}
    for one in caught:
        if match := re.match(r"Glyph (\d+) ", str(one.message)):
            missing[chr(int(match[1]))] = None
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if missing:
        tell(
            f"warning: no font found on this machine for {''.join(sorted(missing))}; figures show boxes. "
            "Install one, for example Noto Sans (Debian: fonts-noto, fonts-noto-cjk)."
        )


@cache
def labels() -> dict[str, dict[str, Any]]:
    """The words of figures: entry -> language -> text."""
    return dict(read_yaml(Path(__file__).with_name("labels.yaml")))


@cache
def languages() -> tuple[str, ...]:
    """Languages of figures, English first."""
    return tuple(labels()["units"])


def parse_size(text: str) -> tuple[float, float | None]:
    """Width and height of a figure, mm, from ``180x120mm``, ``18x12cm``, ``90mm`` or a journal's width.

    Raises
    ------
    OptionError
        Anything else, or a side that is not from 40 to 2,000 mm.

    Examples
    --------
    >>> parse_size("18x12cm"), parse_size("nature-column")
    ((180.0, 120.0), (89.0, None))
    """
    if text in WIDTHS:
        return WIDTHS[text], None
    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(rf"{number}(?:\s*[x×]\s*{number})?\s*(mm|cm|in)", text.strip())
    if not found:
        raise OptionError(
            f"--size {text}: give WIDTHxHEIGHT or WIDTH with mm, cm or in (180x120mm, 9cm), or one of "
            f"{', '.join(WIDTHS)}."
        )
    width, height = (None if v is None else float(v) * UNITS[found[3]] for v in found.groups()[:2])
    assert width is not None
    for side in (width, height):
        if side is not None and not SIDES[0] <= side <= SIDES[1]:
            raise OptionError(
                f"--size {text}: a side is from {SIDES[0]:g} to {SIDES[1]:,.0f} mm, found {side:,.4g} mm."
            )
    return width, height


def blank(style: Style, height: float) -> Figure:
    """A figure of the style's size, or of a height in mm; no window or global state knows of it."""
    figure = Figure(figsize=(style.width * MM, (style.height or height) * MM))
    FigureCanvasAgg(figure)
    return figure


def add_panel(figure: Figure, box: tuple[float, float, float, float], style: Style) -> Axes:
    """Axes in a box of a figure: left, bottom, width and height in mm.

    Raises
    ------
    OptionError
        Nothing is left for it.
    """
    width, height = (side / MM for side in figure.get_size_inches())
    x, y, wide, tall = box
    check_room(wide, tall, style)
    return figure.add_axes((x / width, y / height, wide / width, tall / height))


def check_room(width: float, height: float, style: Style) -> None:
    """Refuse a size of which letters leave nothing, mm, for what is to be shown."""
    if min(width, height) <= 0:
        size = f"{style.width:g} mm" if style.height is None else f"{style.width:g} x {style.height:g} mm"
        raise OptionError(
            f"Figures of {size} have no room for panels beside letters of {style.font_size:g} pt; give a "
            "larger --size or a smaller --font-size."
        )


def refuse_huge(name: str, figure: Figure, style: Style) -> None:
    """Refuse a figure that no memory has room for, before any is written.

    Raises
    ------
    OptionError
    """
    side = max(figure.get_size_inches())
    if side * style.dpi > MOST_PIXELS:
        raise OptionError(
            f"The figure {name} would be {side / MM:,.0f} mm long, at {style.dpi} dots per inch more than "
            f"{MOST_PIXELS:,} pixels; give a lower --dpi or a smaller --size."
        )


def letters() -> Iterable[str]:
    """Names of panels: (a), (b) …"""
    return (f"({chr(97 + k)})" for k in range(26))


def wrapped(text: str, style: Style) -> str:
    """Text on lines of the figure's width, by the average width of letters."""
    letter = style.small * 25.4 / 72  # mm
    room = style.width - 3.0
    if style.language == "zh":
        most = int(room / letter)
        return "\n".join(text[i : i + most] for i in range(0, len(text), most))
    return textwrap.fill(text.replace(" %", "\u00a0%"), max(int(room / (0.54 * letter)), 20))


def save(figure: Figure, path: Path, style: Style = Style()) -> None:
    """Write a figure as PNG, SVG or PDF by its suffix; the same figure gives the same bytes."""
    by_suffix: Any = {
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": "rogi"},
        ".pdf": {"CreationDate": None, "Creator": "rogi", "Producer": "rogi"},
    }
    metadata: dict[str, Any] = by_suffix.get(path.suffix.lower(), {})
    with mpl.rc_context(style.rc), replacing(path) as temporary:
        figure.savefig(temporary, metadata=metadata, dpi=style.dpi)
