"""``rogi update plan``: candidates matched with the inventory, divided into work packages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.cli.options import Backdrop, check_backdrop, comma_separated, format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.report.format import DOCUMENT, Format, chosen
from rogi.report.writers import write
from rogi.update.planning.plan import Parameters, Request, make_plan
from rogi.update.planning.report import document, pages
from rogi.update.store.make import check_store
from rogi.update.work_folder import check_folder, write_plan


def plan(
    inventory: Annotated[
        list[Path], typer.Option(help="The current inventory: a file, folder or zip. Repeatable.")
    ],
    candidates: Annotated[
        str,
        typer.Option(help="Polygons found in new imagery: FILE or FILE:LAYER."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the plan and its packages."), KEEPS
    ],
    glaciers: Annotated[
        str | None,
        typer.Option(help="Glacier outlines: FILE or FILE:LAYER."),
    ] = None,
    probability: Annotated[
        Path | None,
        typer.Option(help="Raster of the model's probability."),
    ] = None,
    mappers: Annotated[
        list[str] | None, typer.Option(help="Names, commas between; one work package each. Repeatable.")
    ] = None,
    areas_per_mapper: Annotated[
        int | None, typer.Option(help="Compact areas in a package; default one for about 200 tasks.", min=1)
    ] = None,
    imagery: Annotated[
        list[Path] | None, typer.Option(help="Images that the QGIS projects show. Repeatable.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="postgresql://… : also put the packages into this PostGIS database.")
    ] = None,
    ask_front_rule: Annotated[
        bool,
        typer.Option("--ask-front-rule", help="New outlines need a tick for the 50 m front rule."),
    ] = False,
    unchanged_iou: Annotated[
        float | None, typer.Option(help="IoU from which an outline counts as unchanged; default 0.8.")
    ] = None,
    sliver: Annotated[
        float | None, typer.Option(help="Overlaps below this share of the smaller outline link nothing.")
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=PATH[:LAYER], where rogi does not find the layers itself.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Schema of the inventory.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326.")] = None,
    dem: Backdrop = None,
    format: Annotated[str | None, format_option(DOCUMENT)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Match candidates with the current inventory and divide the review into work packages.

    Writes plan.json, a GeoPackage and a QGIS project for each mapper, tasks.csv, uncertain.kml, plan.html and
    plan.md into a folder. A folder that holds decisions is never replaced.

    Examples: `rogi update plan --inventory v1.0.gpkg --candidates new.gpkg --mappers anna,ben -o work` ·
    `rogi update plan --inventory v1.0.gpkg --candidates new.gpkg --glaciers rgi.gpkg --probability prob.tif
    --mappers anna,ben,carla --imagery s2_2026.tif -o work`
    """
    kind = chosen(format, None, DOCUMENT)
    names = comma_separated(mappers)
    if unchanged_iou is not None and not 0 < unchanged_iou <= 1:
        raise OptionError(f"--unchanged-iou is above 0 and at most 1, found {unchanged_iou}.")
    if sliver is not None and not 0 <= sliver < 1:
        raise OptionError(f"--sliver is from 0 to below 1, found {sliver}.")
    check_backdrop(dem, [(Format.HTML, output / "plan.html")])
    line = Progress(quiet)
    check_folder(output, store)
    if store is not None:
        check_store(store)
    plain = Parameters()
    request = Request(
        inventory=tuple(inventory),
        candidates=candidates,
        glaciers=glaciers,
        probability=probability,
        mappers=names,
        imagery=tuple(imagery or ()),
        parameters=Parameters(
            unchanged_iou=plain.unchanged_iou if unchanged_iou is None else unchanged_iou,
            sliver_fraction=plain.sliver_fraction if sliver is None else sliver,
            areas_per_mapper=areas_per_mapper or plain.areas_per_mapper,
            ask_front_rule=ask_front_rule,
        ),
        layers=tuple(layer or ()),
        schema=schema,
        dialect=dialect,
        crs=crs,
    )
    made = make_plan(request, line)
    replaced: list[str] = []
    written = write_plan(
        made, output, pages=pages(made, dem or ()), store=store, progress=line, told=replaced.append
    )
    line.done()
    for message in replaced:
        tell(f"note: {message}")
    if not quiet:
        for path in written:
            tell(str(path))
    write(document(made), kind)
    for message in made.damaged:
        tell(f"error: {message}")
    if made.damaged:
        raise typer.Exit(2)
