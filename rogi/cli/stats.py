"""``rogi stats``: the summary numbers, grids and figures of an inventory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.cli.streams import note as tell
from rogi.distribution import optional
from rogi.errors import OptionError
from rogi.files import make_folder
from rogi.inventory.read import read_inventory
from rogi.inventory.regions import read_regions
from rogi.report.format import DOCUMENT, Format, chosen, format_named
from rogi.report.writers import write
from rogi.statistics.facts import check, read_facts
from rogi.statistics.grids import CELL_M, equal_area_grid, grid_of_units, write_gpkg
from rogi.statistics.report import document
from rogi.statistics.summary import statistics
from rogi.statistics.symbols import Symbols
from rogi.statistics.unit_table import unit_table
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.raster.elevation.shading import Surface
    from rogi.statistics.grids import Grid, Gridded


FIGURES = (Format.PNG, Format.SVG, Format.PDF)


def stats(
    paths: Annotated[
        list[Path], typer.Argument(help="A file, a folder or a zip; or several files of one inventory.")
    ],
    regions: Annotated[
        Path | None, typer.Option(help="Polygons of subregions; default: the inventory's own column.")
    ] = None,
    region_field: Annotated[str | None, typer.Option(help="Column of the names of regions.")] = None,
    cell: Annotated[
        float | None, typer.Option(help="Side of a grid cell, km. Default: 50.", min=0.001)
    ] = None,
    grid: Annotated[
        list[Path] | None,
        typer.Option(help="Write the grid: .gpkg (cells) or .tif (bands: count and means). Repeatable."),
        WRITES,
    ] = None,
    grid_like: Annotated[
        Path | None, typer.Option(help="Take the grid of this raster instead of an equal-area one.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for the figures (made if needed)."), WRITES
    ] = None,
    figure_format: Annotated[
        list[str] | None, typer.Option(help="png, svg, pdf; repeatable. Default: png.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Size of figures: WIDTHxHEIGHT or WIDTH with mm, cm or in, or a journal's width "
            "(copernicus-column, nature-page …). Default: 180mm, as high as needed."
        ),
    ] = None,
    dpi: Annotated[int | None, typer.Option(help="Dots per inch of figures. Default: 300.")] = None,
    font_size: Annotated[
        float | None, typer.Option(help="Size of the letters of figures, points. Default: 8.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of figures: en, de, fr, es, zh or ru. Default: en.")
    ] = None,
    symbols: Annotated[
        Symbols | None,
        typer.Option(help="Units on the map as dots or as density. Default: auto, density where dots merge."),
    ] = None,
    dem: Annotated[
        list[Path] | None,
        typer.Option(help="Elevation model drawn behind the map as a hillshade: file or folder. Repeatable."),
    ] = None,
    permafrost: Annotated[
        Path | None,
        typer.Option(help="Raster of the share of permafrost (0 to 1, or per cent) drawn behind the map."),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(
            help="Compare with stated facts: a facts.yaml, its folder (releases/1.0), or a version (1.0)."
        ),
    ] = None,
    format: Annotated[str | None, format_option(DOCUMENT, output=True)] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=f"Write the numbers here: {', '.join(f.suffixes[0] for f in DOCUMENT)}."
        ),
        WRITES,
    ] = None,
    layer: Annotated[list[str] | None, typer.Option(help="ROLE=PATH[:LAYER].")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326; a stated one is kept.")
    ] = None,
    force: Force = False,
) -> None:
    """Summary numbers of an inventory, in all and per subregion; on request a grid and figures.

    Exit code 1 if a fact of --expect does not hold or could not be checked.

    Examples: `rogi stats inventory.gpkg --figures figures` · `rogi stats TPRoGI/ --expect releases/1.0`
    """
    kind = chosen(format, output, DOCUMENT, "For pictures see --figures.")
    drawn_as = [format_named(name, FIGURES, "--figure-format") for name in figure_format or ["png"]]
    drawing = {
        "--figure-format": figure_format or None,
        "--size": size, "--dpi": dpi, "--font-size": font_size, "--language": language, "--symbols": symbols,
        "--dem": dem or None, "--permafrost": permafrost,
    }  # fmt: skip
    if figures is None and (alone := [name for name, value in drawing.items() if value is not None]):
        raise OptionError(f"{' and '.join(alone)}: only for figures; add --figures FOLDER.")
    alone = [name for name, value in (("--cell", cell), ("--grid-like", grid_like)) if value is not None]
    if alone and not grid and figures is None:
        raise OptionError(f"{' and '.join(alone)}: only for a grid; add --grid FILE or --figures FOLDER.")
    if figures is not None:
        with optional("--figures"):
            from rogi.statistics import figures as pictures
        width, height = pictures.parse_size("180mm" if size is None else size)
        style = pictures.Style(
            width, height,
            300 if dpi is None else dpi,
            8.0 if font_size is None else font_size,
            "en" if language is None else language,
        )  # fmt: skip
        surfaces = _surfaces(dem, permafrost)
    facts = read_facts(expect) if expect is not None else None
    places = read_regions(regions, region_field) if regions is not None else None
    _check_grids(grid or [])
    layout = _layout_of(grid_like) if grid_like is not None else None
    inventory = read_inventory(paths, dialect=dialect, layers=tuple(layer or ()), crs=crs)
    table = unit_table(inventory, places, allow_empty=True)
    numbers = statistics(table)
    checked = check(facts, table) if facts is not None else ()
    cells = None
    if grid or figures:
        cells = grid_of_units(
            table, layout or equal_area_grid(table.lonlat, CELL_M if cell is None else cell * 1000.0)
        )
    if cells is not None and cells.outside:
        note = f"{counted(cells.outside, 'unit')} without a cell: without a position, or outside the grid"
        numbers = replace(numbers, notes=(*numbers.notes, note))
    for path in grid or []:
        _write_grid(cells, path)
    if figures is not None:
        assert cells is not None
        make_folder(figures)
        behind = pictures.Backgrounds(places, **surfaces)
        shown = symbols or Symbols.AUTO
        with pictures.missing_letters(tell):
            for name, figure in pictures.figures_of(table, cells, style, behind, shown).items():
                if figure is None:
                    tell(f"{name} skipped: nothing to show")
                    continue
                for path in [figures / f"{name}.{drawn.value}" for drawn in drawn_as]:
                    pictures.save(figure, path, style)
                    tell(f"{path}")
    write(document(numbers, inventory.path, facts, checked), kind, output)
    raise typer.Exit(int(any(c.holds is not True for c in checked)))


def _check_grids(paths: list[Path]) -> None:
    for path in paths:
        if path.suffix.lower() not in (".gpkg", ".tif", ".tiff"):
            raise OptionError(f"--grid {path}: a grid is written as .gpkg or .tif.")
        if path.suffix.lower() != ".gpkg":
            _grid_rasters(f"--grid {path}")  # asked for before the work begins


def _grid_rasters(option: str) -> Any:
    """The module that reads and writes grids as rasters, which an option needs."""
    with optional(option):
        from rogi.statistics import grid_rasters
    return grid_rasters


def _layout_of(raster: Path) -> Grid:
    found: Grid = _grid_rasters("--grid-like").grid_of_raster(raster)
    return found


def _write_grid(cells: Gridded | None, path: Path) -> None:
    assert cells is not None
    if path.suffix.lower() == ".gpkg":
        write_gpkg(cells, path)
    else:
        _grid_rasters("--grid").write_geotiff(cells, path)


def _surfaces(dem: list[Path] | None, permafrost: Path | None) -> dict[str, Surface]:
    if not dem and permafrost is None:
        return {}
    with optional("--dem" if dem else "--permafrost"):
        from rogi.raster.elevation.shading import open_relief, open_share
    found = {"relief": open_relief(dem)} if dem else {}
    for what in found["relief"].notes if dem else ():
        tell(what)
    return found if permafrost is None else found | {"permafrost": open_share(permafrost)}
