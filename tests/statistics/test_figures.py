"""Figures: equal-area planes, true scale bars, hexagons, colours, words, panels and sizes."""

from __future__ import annotations

import dataclasses
import math
import string

import matplotlib as mpl
import numpy as np
import pyproj
import pytest
import shapely
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from PIL import Image

from rogi.errors import InputError, OptionError
from rogi.geometry import is_equal_area
from rogi.inventory.regions import Regions
from rogi.longitudes import short_way
from rogi.statistics import figures
from rogi.statistics.figures import Backgrounds, Style, overview, parse_size
from rogi.statistics.figures.cells import grid_figure
from rogi.statistics.figures.charts import LEAST, rings_of
from rogi.statistics.figures.maps import scale_bar
from rogi.statistics.figures.overview import (
    MOST_GROUPS,
    Groups,
    colours_of,
    crowding,
    groups_of,
    map_figure,
    zones_of,
)
from rogi.statistics.figures.planes import (
    Frame,
    bar_length,
    frame_for,
    hexagons,
    projection_for,
    span,
    steps,
)
from rogi.statistics.figures.style import MOST_PIXELS, PALETTE, labels, languages
from rogi.statistics.grids import equal_area_grid, grid_of_units
from rogi.statistics.symbols import Symbols
from rogi.statistics.unit_table import unit_table
from rogi.synthetic.inventory import synthetic_inventory

SMALL = Style(width=120.0, dpi=50)


@pytest.fixture(scope="module")
def table():
    return unit_table(synthetic_inventory(260, 1))


PLACES = {
    "plateau": ([(68, 28), (103, 39)], "Albers"),
    "southern cone": ([(-75, -50), (-60, -44)], "Albers"),
    "valley": ([(10.4, 46.7), (10.6, 46.9)], "Lambert"),
    "andes": ([(-72, -40), (-68, -20)], "Lambert"),
    "equator": ([(30, -3), (60, 3)], "Lambert"),
    "antimeridian": ([(170, 60), (-172, 64)], "Albers"),
    "arctic": ([(-170, 70), (-60, 75), (20, 78), (120, 72)], "Lambert"),
    "antarctic": ([(-170, -70), (-60, -75), (20, -78), (120, -72)], "Lambert"),
    "globe": ([(-150, 60), (-70, -30), (10, 46), (90, 30), (170, -44)], "Equal Earth"),
    "point": ([(10.5, 46.8)], "Lambert"),
}


@pytest.mark.parametrize("name", PLACES)
def test_maps_are_equal_area_and_in_one_piece(name):
    lonlat = np.array(PLACES[name][0], dtype=float)
    projection = projection_for(lonlat)
    assert projection.name == PLACES[name][1]
    assert is_equal_area(projection.crs)
    xy = projection.forward(lonlat)
    assert np.isfinite(xy).all()
    assert np.ptp(xy, axis=0).max() < 40e6
    back = projection.backward(xy)
    assert short_way(back[:, 0] - lonlat[:, 0]) == pytest.approx(np.zeros(len(xy)), abs=1e-6)
    frame = frame_for(projection, xy)
    assert frame.shows(xy).all()
    # a square of 0.1° has the area it has on the ellipsoid
    lon, lat = lonlat[0]
    ring = np.array([(lon, lat), (lon + 0.1, lat), (lon + 0.1, lat + 0.1), (lon, lat + 0.1)])
    true = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(*ring.T)[0])
    assert shapely.Polygon(projection.forward(ring)).area == pytest.approx(true, rel=2e-3)


@pytest.mark.parametrize("name", ["plateau", "valley", "andes", "arctic"])
def test_scale_bars_are_as_long_as_they_say(name):
    projection = projection_for(np.array(PLACES[name][0], dtype=float))
    at = (-50_000.0, -80_000.0)
    drawn = bar_length(projection, at, 20_000.0)
    ends = projection.backward(np.array([at, (at[0] + drawn, at[1])]))
    assert pyproj.Geod(ellps="WGS84").inv(*ends[0], *ends[1])[2] == pytest.approx(20_000.0, abs=0.1)


def test_the_middle_of_a_group_across_the_antimeridian():
    assert span(np.array([170.0, -160.0, 179.0])) == (170.0, 200.0)
    assert span(np.array([5.0])) == (5.0, 5.0)
    assert projection_for(np.array([(170.0, 10.0), (-170.0, 12.0)])).middle == 180.0


def test_lines_of_a_graticule_are_round():
    assert steps(10.43, 10.61).tolist() == pytest.approx([10.45, 10.5, 10.55, 10.6])
    assert steps(-7.0, 7.0, 3).tolist() == [-5.0, 0.0, 5.0]


def test_every_place_is_counted_in_the_nearest_hexagon():
    xy = np.random.default_rng(0).uniform(-5000, 5000, (500, 2))
    corners, counts = hexagons(xy, 700.0)
    assert counts.sum() == 500
    centres = corners.mean(axis=1)
    nearest = np.hypot(*(xy[:, None] - centres[None]).transpose(2, 0, 1)).argmin(axis=1)
    assert np.bincount(nearest, minlength=len(centres)).tolist() == counts.tolist()
    sides = np.hypot(*np.diff(corners[0], axis=0).T)
    assert sides == pytest.approx([700 / math.sqrt(3)] * 5)
    area = shapely.area(shapely.polygons(corners))
    assert area == pytest.approx(math.sqrt(3) / 2 * 700**2)


def test_dots_that_merge_are_told():
    assert crowding(np.array([[0.5, 0.5], [1.5, 0.5]]), 1.0) == 1.0
    assert crowding(np.full((9, 2), 0.5), 1.0) == 9.0


# Machado, Oliveira & Fernandes (2009), severity 1.0: protanopia, deuteranopia, tritanopia.
SIGHTS = {
    "protanopia": [
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ],
    "deuteranopia": [
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ],
    "tritanopia": [
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ],
}  # fmt: skip


@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_for_all_readers(sight):
    rgb = np.array([mpl.colors.to_rgb(c) for c in PALETTE])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(SIGHTS[sight]).T, 0, 1)
    back = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    apart = (
        np.hypot.reduce((back[:, None] - back[None]).transpose(2, 0, 1))
        if False
        else np.sqrt(((back[:, None] - back[None]) ** 2).sum(axis=2))
    )
    assert apart[np.triu_indices(len(PALETTE), 1)].min() > 0.1


def test_neighbours_have_other_colours_and_the_same_colour_is_far_away():
    middle = np.arange(10) * 100.0
    xy = np.column_stack([np.repeat(middle, 5), np.tile(np.arange(5.0), 10)])
    groups = Groups(tuple(map(str, range(10))), np.repeat(np.arange(10), 5))
    found = colours_of(xy, groups)
    assert found[:7] == list(PALETTE)
    for k in range(10):
        for other in range(max(k - 5, 0), k):
            assert found[k] != found[other]


def test_subregions_are_numbered_from_west_to_east(table):
    groups = groups_of(table)
    names = np.array(groups.names)[groups.code]
    assert names.tolist() == table.subregion.tolist()
    west = [np.mean(table.lonlat[groups.code == k, 0]) for k in range(len(groups))]
    assert west == sorted(west)


@pytest.fixture(scope="module")
def crowd(table):
    """Of 100 subregions the later ones have more units: 1 to 4."""
    many = unit_table(synthetic_inventory(250, 1))
    names = np.repeat([f"valley {k:02d}" for k in range(100)], np.repeat([1, 2, 3, 4], 25))
    return dataclasses.replace(many, subregion=names.astype(object))


def test_of_many_subregions_the_smallest_are_one_group(crowd):
    groups = groups_of(crowd)
    assert (len(groups), groups.others) == (MOST_GROUPS, 100 - MOST_GROUPS + 1)
    assert {f"valley {k:02d}" for k in range(50, 100)} <= set(groups.names)
    own = crowd.subregion == groups.names[7]
    assert (groups.code == 7).tolist() == own.tolist()
    texts = [t.get_text() for t in map_figure(crowd, SMALL).legends[0].texts]
    assert texts[6].startswith(f"7  {groups.names[6]}")
    assert texts[-1] == f"41 other subregions ({int((groups.code == MOST_GROUPS - 1).sum())})"


@pytest.mark.parametrize(
    ("style", "roses"),
    [
        (Style(180.0, dpi=50), MOST_GROUPS),
        (Style(83.0, dpi=300), 37),  # one column of 2,540 mm, each rose 60 and its name 8.2 mm
        (Style(180.0, 120.0, dpi=50), 20),  # four columns of 111 mm, each rose at least 12 mm
        (Style(41.0, 41.0, dpi=50), 1),  # all units
    ],
)
def test_roses_keep_to_the_page(crowd, style, roses):
    figure = figures.rose_figure(crowd, style)
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes]
    assert len(titles) == roses
    if roses > 1:
        groups = groups_of(crowd)
        shown = [groups.shown(k, style) for k in range(len(groups.names))]
        assert [t for t in shown if t in titles] == titles[:-1]  # numbers are those of the map
        assert titles[-1] == f"{100 - roses + 1} other subregions"
    side = max(figure.get_size_inches()) * style.dpi
    assert side <= MOST_PIXELS


def test_sizes_without_room_are_refused_before_anything_is_drawn(table, crowd):
    cells = grid_of_units(table, equal_area_grid(table.lonlat, 50_000.0))
    for style in (Style(40.0, 40.0), Style(180.0, 40.0, font_size=20.0), Style(40.0, font_size=20.0)):
        with pytest.raises(
            OptionError, match=r"have no room for panels beside letters of \d+ pt; give a larger"
        ):
            figures.figures_of(table, cells, style)
    with pytest.raises(
        OptionError, match=r"The figure map would be 2,000 mm long, at 1200 dots per inch more"
    ):
        figures.figures_of(table, cells, Style(2000.0, dpi=1200))


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_word_and_its_letters(language):
    font = FT2Font(mpl.font_manager.findfont("DejaVu Sans"))
    known = set(font.get_charmap())
    formatter = string.Formatter()
    for entry, texts in labels().items():
        if language == "en" and "en" not in texts:
            continue  # the title of the concept
        found = texts[language]
        lines = found if isinstance(found, list) else [found]
        assert all(isinstance(line, str) and line for line in lines), entry
        if "en" in texts:
            other = texts["en"] if isinstance(found, list) else [texts["en"]]
            assert len(lines) == len(other)
            for line, english in zip(lines, other, strict=True):
                places = [{name for _, name, _, _ in formatter.parse(t) if name} for t in (line, english)]
                assert places[0] == places[1], entry
        if language != "zh":
            assert {ord(c) for line in lines for c in line if c != "\n"} <= known, entry


def test_numbers_are_written_as_the_language_does():
    assert Style().number(-1234.5, 1) == "\u22121,234.5"
    assert Style(language="de").number(-1234.5, 1) == "\u22121\u202f234,5"
    assert Style().general(0.25) == "0.25"
    assert Style(language="fr").title("slope_mean") == "Pente moyenne (°)"
    assert Style().mean_title("elevation_minimum") == "Mean of minimum elevation (m a.s.l.)"


def test_chinese_needs_a_font(monkeypatch):
    monkeypatch.setattr(mpl.font_manager.fontManager, "ttflist", [])
    with pytest.raises(OptionError, match=r"no Chinese font found .* Noto Sans CJK SC"):
        Style(language="zh")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("180x120mm", (180, 120)),
        ("18 x 12 cm", (180, 120)),
        ("9cm", (90, None)),
        ("4in", (101.6, None)),
        ("copernicus-column", (83, None)),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == pytest.approx(size)


@pytest.mark.parametrize(
    ("text", "message"),
    [("180", "give WIDTHxHEIGHT"), ("page", "nature-page"), ("1x1mm", "40 to 2,000 mm, found 1 mm")],
)  # fmt: skip
def test_sizes_that_are_none(text, message):
    with pytest.raises(OptionError, match=message):
        parse_size(text)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dpi": 5}, "50 to 1200"),
        ({"font_size": 90}, "4 to 20 pt, found 90"),
        ({"language": "ed"}, "en, de, fr"),
    ],
)
def test_styles_that_cannot_be(wrong, message):
    with pytest.raises(OptionError, match=message):
        Style(**wrong)


@pytest.mark.parametrize("size", [(120.0, None), (90.0, 70.0), (183.0, 120.0)])
def test_files_have_the_size_that_was_asked_for(table, tmp_path, size):
    style = Style(*size, dpi=100)
    figures.save(figures.map_figure(table, style), tmp_path / "map.png", style)
    width, height = Image.open(tmp_path / "map.png").size
    assert width == pytest.approx(size[0] / 25.4 * 100, abs=1)
    assert size[1] is None or height == pytest.approx(size[1] / 25.4 * 100, abs=1)


def test_panels_are_in_the_order_of_the_paper(table):
    figure = figures.histogram_figure(table, SMALL)
    titles = [t.get_text() for t in figure.texts]
    shown = [axes.get_title(loc="left")[:3] + " " + axes.get_xlabel() for axes in figure.axes]
    assert [s for s in shown if s.strip()] == [
        "(a) Area (km²)",
        "(b) Minimum elevation (m a.s.l.)",
        "(c) Mean slope (°)",
        "(e) MAAT (°C)",
        "(f) MAGT (°C)",
        "(g) Annual precipitation (mm)",
        "(h) PISR (kWh m⁻² a⁻¹)",
    ]
    assert any(t.startswith("(d) n = 260, Mean aspect") for t in titles)


def test_roses_have_areas_by_share_and_a_least_number(table):
    few = unit_table(synthetic_inventory(60, 2))
    figure = figures.rose_figure(few, SMALL)
    written = [t.get_text() for axes in figure.axes for t in axes.texts]
    counts = np.bincount(groups_of(few).code)
    assert sum("fewer than 10" in t for t in written) == (counts < LEAST).sum() > 0
    drawn = [a for a in figure.axes if any(isinstance(c, PatchCollection) for c in a.collections)]
    assert len(drawn) == (counts >= LEAST).sum()
    # areas of wedges are proportional to shares: all roses have the same total area
    totals = []
    for axes in drawn:
        wedges = axes.collections[-1].get_paths()
        totals.append(sum(abs(shapely.Polygon(p.to_polygons()[0]).area) for p in wedges))
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-3)


def test_rings_are_round_and_within():
    assert rings_of(0.089) == [0.02, 0.08]
    assert rings_of(0.5) == [0.1, 0.4]


def test_zones_of_permafrost():
    share = np.array([[0.95, 0.6, 0.2, 0.05, np.nan]])
    assert zones_of(share, "p.tif").tolist() == [[0, 1, 2, -1, -1]]
    assert zones_of(share * 100, "p.tif").tolist() == [[0, 1, 2, -1, -1]]
    assert zones_of(np.array([[0.0, 1.0]]), "p.tif").tolist() == [[-1, 0]]
    assert zones_of(np.array([[0.0, 1.0]]), "p.tif", np.array([60.0, np.nan])).tolist() == [[-1, -1]]
    with pytest.raises(InputError, match=r"p.tif: values from -12 to 4; expected the share"):
        zones_of(np.array([[-12.0, 4.0]]), "p.tif")


@pytest.mark.parametrize("name", ["arctic", "globe", "antimeridian", "valley"])
def test_any_extent_is_drawn(name, table, tmp_path):
    places = np.array(PLACES[name][0], dtype=float)
    lonlat = places[np.arange(len(table)) % len(places)] + np.linspace(0, 0.01, len(table))[:, None]
    around = Regions(("a",), np.array([shapely.box(170, 50, 190, 70)], dtype=object))
    moved = dataclasses.replace(table, lonlat=lonlat, _numbers={}, _quantities={})
    figure = figures.map_figure(moved, SMALL, Backgrounds(regions=around), Symbols.DOTS)
    figures.save(figure, tmp_path / "map.png", SMALL)
    written = {t.get_text() for t in figure.axes[0].texts}
    assert any("°N" in t or "°S" in t for t in written)
    assert any("km" in t or t.endswith(" m") for t in written)
    cells = grid_of_units(moved, equal_area_grid(lonlat, 100_000.0))
    figures.save(figures.grid_figure(cells, SMALL, around), tmp_path / "grid.png", SMALL)


def test_density_is_drawn_where_dots_merge(table):
    dots = figures.map_figure(table, SMALL, symbols=Symbols.DOTS)
    dense = figures.map_figure(table, SMALL, symbols=Symbols.DENSITY)
    assert not any("hexagon" in a.get_title(loc="left") for a in dots.axes)
    assert any("Units per hexagon" in a.get_title(loc="left") for a in dense.axes)
    assert set(overview.Symbols) == {"auto", "dots", "density"}


@pytest.mark.parametrize(
    ("unit", "corner"),
    [((1, 9), "lower left"), ((1, 1), "lower right"), ((5, 0.5), "upper left")],
)
def test_the_scale_bar_lies_where_no_unit_is(unit, corner):
    # 10 by 10 km; a unit in the middle of the lower edge, wide as the map, covers both lower corners
    projection = projection_for(np.array([(70.0, 40.0), (70.1, 40.1)]))
    frame = Frame(projection, (0.0, 0.0, 10_000.0, 10_000.0))
    axes = Figure(figsize=(4, 4)).add_axes((0.1, 0.1, 0.8, 0.8))
    x, y = 1000.0 * np.array(unit)
    half = 4500.0 if unit[0] == 5 else 0.0
    scale_bar(axes, frame, Style(), np.array([(x - half, y, x + half, y)]))
    left, bottom = axes.patches[0].get_xy()
    assert ("lower" if bottom < 5000 else "upper") + (" left" if left < 5000 else " right") == corner


def test_notes_of_narrow_figures_are_within_the_page(table):
    cells = grid_of_units(table, equal_area_grid(table.lonlat, 50_000.0))
    for language in ("en", "de", "fr", "es", "ru"):
        figure = grid_figure(cells, Style(width=83.0, language=language))
        right = max(text.get_window_extent().x1 for text in figure.texts)
        assert right <= figure.bbox.x1


def test_a_map_that_is_narrower_than_the_page_is_in_its_middle(table):
    lonlat = np.column_stack([table.lonlat[:, 0] / 100 + 90, table.lonlat[:, 1]])
    tall = dataclasses.replace(table, lonlat=lonlat, _numbers={}, _quantities={})
    figure = map_figure(tall)
    place = figure.axes[0].get_position()
    beside = max(x.get_window_extent().x1 for x in figure.legends) / figure.bbox.width
    left = min(t.get_window_extent().x0 for t in figure.axes[0].texts) / figure.bbox.width
    assert place.width < 0.5
    assert left == pytest.approx(1 - beside, abs=0.04)
