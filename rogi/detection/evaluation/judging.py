"""An evaluation from files and choices: what `rogi detect evaluate` and `rogi.evaluate` do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyogrio

from rogi.comparison.compare import Parameters
from rogi.comparison.matching.prepared_outlines import repair
from rogi.comparison.matching.sides import side_of
from rogi.detection.candidates.files import read_parameters
from rogi.detection.evaluation.evaluated_area import intersected
from rogi.detection.evaluation.published import packaged_evaluation, read_published
from rogi.detection.evaluation.scores import Evaluation
from rogi.detection.evaluation.scores import evaluate as judge
from rogi.detection.origin import origin_of_parameters, refuse_other_raster, with_columns
from rogi.errors import InputError, OptionError
from rogi.geometry import Geometries, footprints_to_lonlat
from rogi.inventory import vector
from rogi.inventory.model import Inventory
from rogi.inventory.regions import Regions, polygon_layer, read_regions, regions_of, same_name
from rogi.schema.model import Role

if TYPE_CHECKING:
    import geopandas as gpd

MAXIMUM_BAND_M = 1000.0


def evaluate_candidates(
    read: Callable[[], tuple[Inventory, Inventory]],
    *,
    area: str | gpd.GeoDataFrame | None = None,
    everywhere: bool = False,
    subregions: str | gpd.GeoDataFrame | None = None,
    region_field: str | None = None,
    probability: Path | None = None,
    threshold: float | None = None,
    confidence: str | None = None,
    published: Path | None = None,
    iou: tuple[float, ...] = (),
    band_m: float = 30.0,
    replicates: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Judge candidates by an inventory of the same ground.

    Parameters
    ----------
    read
        Gives the candidates and the truth; called when all choices are known to be sound.
    area
        Count only here: polygons, their file, or ``FILE:NAME`` for one of them.
    everywhere
        Count ground that was not predicted too.
    subregions
        Polygons, their file, or a column that both have.
    region_field
        Column of the names of the polygons.
    probability, threshold
        Raster the candidates were made from, and the least probability in use; by default the one their
        file states, else 0.5.
    confidence
        Column of the candidates with a score.
    published
        YAML file of published rates.
    iou, band_m, replicates, seed
        Thresholds of the agreement by object, width of the band of the boundary IoU (m), bootstrap.

    Raises
    ------
    InputError
        A file cannot be read, or there is nothing to judge.
    OptionError
        A choice is out of its range, or names what is not there.
    """
    p = Parameters(seed=seed, replicates=replicates)
    if iou:
        if not all(0 < t <= 1 for t in iou):
            shown = ", ".join(f"{t:g}" for t in iou)
            raise OptionError(f"An IoU threshold is above 0 and at most 1, found {shown}.")
        p = replace(p, iou_thresholds=tuple(sorted(set(iou))))
    if not 0 <= band_m <= MAXIMUM_BAND_M:
        raise OptionError(f"The band is 0 (no boundary IoU) to {MAXIMUM_BAND_M:g} m wide, found {band_m:g}.")
    if threshold is not None and not 0 < threshold <= 1:
        raise OptionError(f"The threshold is a probability above 0 and at most 1, found {threshold:g}.")
    rates = packaged_evaluation() if published is None else read_published(published)
    places = _regions(subregions, region_field)
    asked, name = _area(area, region_field)
    found, truth = read()
    notes = _check_raster(probability, found) if probability is not None else ()
    return judge(
        side_of(found, Role.OUTLINE),
        side_of(truth, Role.OUTLINE),
        ground=_ground(found, asked, everywhere),
        subregions=places if places is not None or not isinstance(subregions, str) else subregions,
        confidence=confidence,
        probability=probability,
        pixel_threshold=_threshold(found) if threshold is None else threshold,
        published=rates,
        parameters=p,
        band_m=band_m,
        region=name,
        notes=notes,
        everywhere=everywhere,
    )


def _file_of(text: str) -> Path | None:
    """The file among what may be a file, a file and a name, or a column."""
    for part in (text, text.rpartition(":")[0]):
        if part and Path(part).exists():
            return Path(part)
    return None


def _regions(given: str | gpd.GeoDataFrame | None, field: str | None) -> Regions | None:
    if given is None:
        return None
    if not isinstance(given, str):
        return regions_of(given, field, "subregions")
    file = _file_of(given)
    if file is None and (Path(given).suffix or "/" in given):
        raise OptionError(
            f"The subregions {given}: there is no such file; check the spelling and the folder."
        )
    return None if file is None else read_regions(file, field, "polygons of the subregions")


def _area(given: str | gpd.GeoDataFrame | None, field: str | None) -> tuple[Geometries | None, str]:
    """Polygons of the area asked for, and its name."""
    if given is None:
        return None, ""
    if not isinstance(given, str):
        return _placed(given, "The area"), "area"
    file = _file_of(given)
    if file is None:
        raise OptionError(f"The area {given}: there is no such file; name a file of polygons, or FILE:NAME.")
    if str(file) == given:
        try:
            frame = vector.read_dataframe(file, layer=polygon_layer(file, "outlines of the area"))
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise InputError(f"The area {file} cannot be read: {error}; name a file of polygons.") from None
        return _placed(frame, f"The area {file}"), file.name
    regions = read_regions(file, field, "outlines of the area")
    found = same_name(given.rpartition(":")[2], regions.names)
    if found is None:
        raise OptionError(
            f"The area {given}: {file} has no region of this name; it has {', '.join(regions.names)}."
        )
    at = regions.names.index(found)
    return regions.geometry[at : at + 1], found


def _placed(frame: gpd.GeoDataFrame, what: str) -> Geometries:
    """Polygons of a table on longitude and latitude."""
    if getattr(frame, "crs", None) is None:
        raise InputError(f"{what} has no geometry or no CRS; set it in the file.")
    polygons = frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]
    if not len(polygons):
        raise InputError(f"{what} contains no polygons; name a layer of polygons.")
    return repair(footprints_to_lonlat(polygons.geometry.to_numpy(), frame.crs))[0]


def _ground(found: Inventory, asked: Geometries | None, everywhere: bool) -> Geometries | None:
    """Polygons where candidates could have been found; None where nothing says so."""
    layer = found.layer(Role.AREA_OF_INTEREST)
    if everywhere or layer is None or not len(layer) or layer.crs is None:
        return asked
    covered = repair(footprints_to_lonlat(layer.geometry, layer.crs))[0]
    return covered if asked is None else intersected(covered, asked)


def _parameters(found: Inventory) -> dict[str, Any]:
    """How the candidates were made, as their file states it."""
    layer = found.layer(Role.OUTLINE)
    files = [] if layer is None else [source.path for source in layer.sources if source.path.is_file()]
    return read_parameters(files[0]) if files else {}


def _check_raster(probability: Path, found: Inventory) -> tuple[str, ...]:
    """Refuse a raster that the candidates were not made from."""
    layer = found.layer(Role.OUTLINE)
    columns = [
        layer.frame[c] if layer and c in layer.frame else () for c in ("model", "imagery", "image_date")
    ]
    own = with_columns(origin_of_parameters(_parameters(found)), *columns)
    return refuse_other_raster(probability, Path(found.path).name or "the candidates", own)


def _threshold(found: Inventory) -> float:
    """The one that the file of the candidates states, else one half."""
    stated = _parameters(found).get("threshold")
    return float(stated) if isinstance(stated, int | float) and 0 < stated <= 1 else 0.5
