"""Writing a synthetic scene: pictures, elevation, truth, what is no rock glacier, and what changed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from affine import Affine

from rogi.areas import area_m2
from rogi.files import make_folder, replacing, write_text
from rogi.geometry import parse_crs, transform_coordinates, transform_geometries
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.write import write_inventory
from rogi.inventory.writing.geopackage import set_last_change
from rogi.raster.grid import Grid
from rogi.raster.writing import TILED, geotiff, read_back
from rogi.schema.model import Role
from rogi.synthetic.imagery import EPSG, Scene
from rogi.synthetic.landforms import Kind, Landform

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

PAGE = 768
"""Rows and columns rendered at a time; a multiple of the tiles of the files and of the pixels of the DEM."""

TILE = 256
DEM_PIXELS = 3
"""Pixels of the picture in one of the elevation model, in each direction."""


@dataclass(frozen=True)
class SceneFiles:
    """What was written.

    Attributes
    ----------
    pictures : tuple of Path
        One per season.
    truths : tuple of Path
        Inventories, one per season.
    negatives, dem, changes : Path
    units : tuple of int
        Rock glaciers of each season.
    """

    pictures: tuple[Path, ...]
    truths: tuple[Path, ...]
    negatives: Path
    dem: Path
    changes: Path
    units: tuple[int, ...]


def write_scene(scene: Scene, folder: str | Path, seasons: int = 1, repeat: int = 1) -> SceneFiles:
    """Write a scene.

    Pages of `PAGE` pixels are rendered one after the other, so that a scene of any size takes the memory of
    one page, and about two seconds for each.

    Parameters
    ----------
    scene : Scene
    folder : Path
        Made if needed; gets ``season1.tif`` (uint8 RGB, nodata 0), ``truth1.gpkg`` (tprogi/1.0), the same
        with 2, ``dem.tif`` (float32, m), ``negatives.gpkg`` (polygons with their ``kind``) and
        ``changes.csv``.
    seasons : int
        1 or 2.
    repeat : int
        More than 1: also ``mosaic.vrt``, the picture of the first season so many times side by side and below
        each other, as a cheap large mosaic for trials of speed and memory. Its seams show, and only the copy
        in the north-west agrees with the truth.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    folder = Path(folder)
    make_folder(folder)
    pictures, truths, units = [], [], []
    dem = folder / "dem.tif"
    for season in range(1, seasons + 1):
        pictures.append(folder / f"season{season}.tif")
        _write_picture(scene, season, pictures[-1], dem if season == 1 else None)
        truths.append(folder / f"truth{season}.gpkg")
        found = truth(scene, season)
        write_inventory(found, truths[-1])
        layer = found.layer(Role.OUTLINE)
        units.append(0 if layer is None else len(layer))
    negatives = folder / "negatives.gpkg"
    _write_layer(_negatives(scene), negatives, "negatives")
    changes = folder / "changes.csv"
    write_text(changes, _changes(scene))
    if repeat > 1:
        write_text(folder / "mosaic.vrt", _mosaic(scene, pictures[0].name, repeat))
    return SceneFiles(tuple(pictures), tuple(truths), negatives, dem, changes, tuple(units))


def truth(scene: Scene, season: int) -> Inventory:
    """The rock glaciers of a season as an inventory: extended outlines and primary markers, EPSG:4326."""
    units = _units(scene, season)
    outlines = transform_geometries(np.array([unit.polygon for unit in units], dtype=object), EPSG, 4326)
    lon, lat, ids = _markers(scene, units)
    identity: dict[str, Any] = {"ID": ids, "LAT": lat, "LON": lon}
    attributes: dict[str, Any] = {
        "AREA": area_m2(outlines, "EPSG:4326") / 1e6,
        "SOUR_DATA": f"Synthetic scene {scene.settings.seed}, season {season}",
        "MAP_DATE": f"202{season} Q3",
        "MAPPER": "rogi synthetic imagery",
        "REVIEWER": None,
        "ADDI_INF": None,
    }
    frames = {
        Role.OUTLINE: gpd.GeoDataFrame(identity | attributes, geometry=outlines, crs="EPSG:4326"),
        Role.MARKER: gpd.GeoDataFrame(identity, geometry=shapely.points(lon, lat), crs="EPSG:4326"),
    }
    return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path=f"scene {scene.settings.seed}")


def _units(scene: Scene, season: int) -> list[Landform]:
    return [landform for landform in scene.landforms(season) if landform.kind is Kind.ROCK_GLACIER]


def _markers(scene: Scene, units: list[Landform]) -> tuple[Any, Any, Any]:
    """Longitude, latitude and ID of units; a unit keeps its marker when it advances."""
    first = {unit.number: unit.polygon for season in (2, 1) for unit in _units(scene, season)}
    points = shapely.point_on_surface(np.array([first[unit.number] for unit in units], dtype=object))
    lonlat = np.round(transform_coordinates(shapely.get_coordinates(points), EPSG, 4326), 6)
    return lonlat[:, 0], lonlat[:, 1], make(lonlat[:, 0], lonlat[:, 1])


def _negatives(scene: Scene) -> gpd.GeoDataFrame:
    others = [landform for landform in scene.landforms(1) if landform.kind is not Kind.ROCK_GLACIER]
    polygons = [landform.polygon for landform in others]
    return gpd.GeoDataFrame({"kind": [str(o.kind) for o in others]}, geometry=polygons, crs=EPSG)


def _changes(scene: Scene) -> str:
    """What became of each unit, as CSV."""
    rows = []
    seasons = [{unit.number: unit for unit in _units(scene, season)} for season in (1, 2)]
    for number, fate in scene.fates().items():
        one, two = (season.get(number) for season in seasons)
        unit = one or two
        assert unit is not None
        (name,) = _markers(scene, [unit])[2]
        areas = [f"{u.polygon.area / 1e6:.6f}" if u is not None else "" for u in (one, two)]
        advance = f"{two.shift:.1f}" if two is not None else ""
        rows.append((name, fate, *areas, advance, unit.system if unit.system >= 0 else ""))
    columns = ["id", "fate", "area_1_km2", "area_2_km2", "advance_m", "system"]
    table = pd.DataFrame(rows, columns=columns).sort_values("id")
    return str(table.to_csv(index=False, lineterminator="\n"))


def _write_picture(scene: Scene, season: int, path: Path, dem: Path | None) -> None:
    """Write the picture of a season, and the elevations where they are asked for, page by page."""
    rows, columns = scene.settings.rows, scene.settings.columns
    low_rows, low_columns = -(-rows // DEM_PIXELS), -(-columns // DEM_PIXELS)
    crs = parse_crs(EPSG)
    picture = Grid(crs, scene.transform, (rows, columns))
    heights = Grid(crs, scene.transform @ Affine.scale(DEM_PIXELS), (low_rows, low_columns))
    options: dict[str, Any] = TILED | {"blockxsize": TILE, "blockysize": TILE, "compress": "deflate"}
    with ExitStack() as stack:
        target = stack.enter_context(replacing(path, verify=read_back))
        colours = stack.enter_context(
            geotiff(target, picture, "uint8", count=3, nodata=0, photometric="RGB", **options)
        )
        elevations = None
        if dem is not None:
            target = stack.enter_context(replacing(dem, verify=read_back))
            elevations = stack.enter_context(geotiff(target, heights, "float32", predictor=3, **options))
        for row in range(0, rows, PAGE):
            for column in range(0, columns, PAGE):
                # Whole pixels of the elevation model, though the picture may end within one.
                height = min(PAGE, low_rows * DEM_PIXELS - row)
                width = min(PAGE, low_columns * DEM_PIXELS - column)
                page, ground = scene.render(season, row, column, height, width)
                colours(page[:, : rows - row, : columns - column], row, column)
                if elevations is not None:
                    down, along = height // DEM_PIXELS, width // DEM_PIXELS
                    low = ground.reshape(down, DEM_PIXELS, along, DEM_PIXELS)
                    low = low.mean(axis=(1, 3), dtype=np.float64)[None]
                    elevations(low, row // DEM_PIXELS, column // DEM_PIXELS)


def _write_layer(frame: gpd.GeoDataFrame, path: Path, name: str) -> None:
    with replacing(path) as temporary:
        pyogrio.write_dataframe(frame, temporary, layer=name, driver="GPKG", geometry_type="Polygon")
        set_last_change(temporary)


def _mosaic(scene: Scene, picture: str, repeat: int) -> str:
    """A VRT that shows a picture many times."""
    rows, columns = scene.settings.rows, scene.settings.columns
    t = scene.transform
    source = f'<SourceFilename relativeToVRT="1">{picture}</SourceFilename>'
    size = f'xSize="{columns}" ySize="{rows}"'
    bands = []
    for band, colour in enumerate(("Red", "Green", "Blue"), start=1):
        copies = "".join(
            f"<SimpleSource>{source}<SourceBand>{band}</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{j * columns}" yOff="{i * rows}" {size}/>'
            "</SimpleSource>\n"
            for i in range(repeat)
            for j in range(repeat)
        )
        bands.append(
            f'<VRTRasterBand dataType="Byte" band="{band}"><NoDataValue>0</NoDataValue>'
            f"<ColorInterp>{colour}</ColorInterp>\n{copies}</VRTRasterBand>\n"
        )
    return (
        f'<VRTDataset rasterXSize="{repeat * columns}" rasterYSize="{repeat * rows}">\n'
        f"<SRS>EPSG:{EPSG}</SRS>\n<GeoTransform>{t.c}, {t.a}, 0, {t.f}, 0, {t.e}</GeoTransform>\n"
        f"{''.join(bands)}</VRTDataset>\n"
    )
