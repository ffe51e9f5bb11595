"""Detection: candidates from imagery, models from patches, and how good both are."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from rogi.api.arguments import as_date, as_path, as_polygons, as_table, open_imagery
from rogi.api.display import frames_html
from rogi.api.inventories import Polygons, Source, as_inventory, as_paths, check_crs
from rogi.comparison.metrics import Checked, Limits
from rogi.detection.candidates import extraction as made
from rogi.detection.candidates.files import write_candidates
from rogi.detection.evaluation.judging import evaluate_candidates
from rogi.detection.evaluation.report import FORMATS, document
from rogi.detection.evaluation.scores import Evaluation as Judged
from rogi.detection.finding import Request, Targets, chosen_blend, find_candidates
from rogi.detection.imagery.suitability import is_scaled, parse_stretch
from rogi.detection.model.ensemble import Models
from rogi.errors import OptionError
from rogi.inventory.build import from_tables
from rogi.public import public
from rogi.report.format import format_of
from rogi.report.writers import write
from rogi.schema.model import Role

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.inventory.model import Inventory

Paths: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]]"


@dataclass(frozen=True, eq=False, repr=False)
class Candidates(made.Candidates):
    """What :func:`rogi.predict` gives.

    Attributes
    ----------
    frame : GeoDataFrame
        One row for each candidate: provisional ID, confidence (0 to 1), AREA (km²), …
    coverage : GeoDataFrame
        Polygons of the ground that was predicted.
    parents : GeoDataFrame or None
        Polygons that were separated into several candidates.
    parameters : mapping
        How the candidates were made, with the digests of model and imagery.
    notes : tuple of str
    """

    def to_geodataframe(self) -> gpd.GeoDataFrame:
        """A copy of the candidates, in the CRS asked for."""
        return self.frame.copy()

    def to_inventory(self) -> Inventory:
        """The candidates as outlines, and the ground predicted as area of interest."""
        return _inventory(self)

    @public
    def write(self, path: str | PathLike[str]) -> tuple[str, ...]:
        """Write them (.gpkg, .parquet, .fgb, .csv); what the format could not hold, in words."""
        return write_candidates(self, Path(path))

    def __repr__(self) -> str:
        area = float(self.frame["AREA"].sum()) if len(self) else 0.0
        return f"<Candidates: {len(self)}, {area:.2f} km²>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), candidates=self.frame)


@public
def predict(
    imagery: Paths,
    model: Paths,
    *,
    turns: int = 1,
    area: Polygons | None = None,
    area_field: str | None = None,
    exclude: Polygons | None = None,
    glaciers: Polygons | None = None,
    bands: str | Sequence[int | str] | None = None,
    channels: Mapping[str, str | PathLike[str]] | None = None,
    nodata: float | Sequence[float] = (),
    mask: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    prefer: str = "order",
    resample: bool = False,
    stretch: str | tuple[float | str, float | str] | None = None,
    trust_values: bool = False,
    trust_tiles: str | Sequence[str] = (),
    merge: str = "cosine",
    stride: int | None = None,
    threshold: float | None = None,
    minimum_area: float = made.MINIMUM_AREA_M2,
    fill_holes: float = 0.0,
    smooth: float = 0.0,
    separate: str | None = None,
    crs: Any = None,
    date: str | None = None,
    probability: str | PathLike[str] | None = None,
    spread: str | PathLike[str] | None = None,
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    threads: int | None = None,
    workers: int | None = None,
    block: int | None = None,
    work: str | PathLike[str] | None = None,
    remote: bool = False,
) -> Candidates:
    """Find candidates of rock glaciers in imagery, as `rogi detect predict` does.

    Parameters
    ----------
    imagery : path or sequence of paths
        GeoTIFF, VRT, folder of tiles or STAC item; several are one mosaic.
    model : path or sequence of paths
        Model bundle: a folder or zip of :func:`train`. Of several the mean is taken.
    turns : {1, 2, 4, 8}
        Answers of each model for each window: turned by half a turn (2), by quarter turns (4), and mirrored
        too (8).
    area : str, path, GeoDataFrame or Inventory, optional
        Only this ground: polygons, ``FILE:NAME``, or ``"W,S,E,N"`` in degrees.
    area_field : str, optional
        Column of the names.
    exclude, glaciers : path, GeoDataFrame or Inventory, optional
        Polygons that are not predicted; glacier outlines, to say how much of each candidate is on them.
    bands : str or sequence, optional
        ``"3,2,1"``, ``[3, 2, 1]`` or names.
    channels : mapping of str to path, optional
        Further channels the model takes: ``{"elevation": "dem.tif"}``.
    nodata : float or sequence of float
        Stored numbers that are void.
    mask : path, str or sequence
        Masks of clouds, shadows and snow: files, ``"FILE=CLASSES"``, folders, or assets of STAC items.
    prefer : {"order", "latest", "earliest", "clearest"}
        Which image counts where several have data.
    resample : bool
        Bring the imagery to the pixel size of the model.
    stretch : (float or str, float or str), optional
        Values of the imagery that become the ends of the model's range: ``(0, 3000)`` or ``("p2", "p98")``.
    trust_values : bool
        Predict tiles whose values are not such as in training, too; their candidates say so in
        ``image_note``.
    trust_tiles : str or sequence of str
        The same for tiles of these names only, such as ``"scene_3*"``.
    merge, stride, block
        How windows are merged (``cosine`` or ``or``), pixels between them, side of a block in pixels.
    threshold : float, optional
        Least probability of a candidate's pixels; by default the model's.
    minimum_area, fill_holes : float
        Least area of a candidate, and of a hole, m².
    smooth : float
        Smooth outlines by so many pixels.
    separate : {"watershed", "boundary"}, optional
        Separate units that touch.
    crs : anything `pyproj.CRS` accepts, optional
        Of the candidates; by default that of the imagery.
    date : str, optional
        Of the imagery, ``2021-08-15``.
    probability, spread : path, optional
        Rasters to write: the probability, and the standard deviation among models, turns and windows.
    backend, device, precision, batch, threads, workers
        How the network is run; see `rogi detect predict --help`.
    work : path, optional
        Folder that keeps finished blocks, so that the same call goes on where it was stopped.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    Candidates
        ``frame``, ``coverage``, ``parents``, ``to_geodataframe()``, ``write(path)``.

    Raises
    ------
    InputError
        Imagery, model or polygons cannot be read.
    OptionError
        A choice is out of its range.
    MissingExtra
        The extra ``detect`` is not installed.

    References
    ----------
    Sun et al. (2024), Sect. 3.

    Examples
    --------
    >>> import rogi
    >>> rogi.predict("mosaic/", "model.zip", separate="watershed")  # doctest: +SKIP
    """
    paths = as_paths(imagery)
    models = Models.load(as_paths(model), turns)
    targets = Targets(None, as_path(probability), as_path(spread))
    targets.check()
    targets.check_folders(paths)
    images = open_imagery(
        paths,
        bands,
        channels,
        nodata,
        mask,
        resolution=models.card.resolution_m if resample else None,
        prefer=prefer,
        scaled=is_scaled(models.card),
    )
    request = Request(
        models,
        images,
        chosen_blend(models, merge, stride, block, spread is not None),
        {
            "threshold": models.card.threshold if threshold is None else threshold,
            "minimum_area_m2": minimum_area,
            "fill_holes_m2": fill_holes,
            "smooth": smooth,
            "separate": separate,
            "glaciers": as_polygons(glaciers),
            "date": as_date(date),
            "to_crs": crs,
        },
        parse_stretch(stretch),
        trust_values or ((trust_tiles,) if isinstance(trust_tiles, str) else tuple(trust_tiles)),
        (as_table(area), area_field, as_polygons(exclude)),
        {"backend": backend, "device": device, "precision": precision, "batch": batch, "threads": threads},
        workers,
    )
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rogi-")) if work is None else work
        said: list[str] = []
        result = find_candidates(request, targets, Path(folder), say=said.append)
    found = result.candidates
    heard = [line.removeprefix("note: ") for line in said if line.startswith("note: ")]
    parts = {one.name: getattr(found, one.name) for one in fields(found)}
    return Candidates(**parts | {"notes": (*heard, *result.prediction.notes, *found.notes)})


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What :func:`rogi.evaluate` gives.

    Attributes
    ----------
    result : rogi.detection.evaluation.scores.Evaluation
        Everything, for reports.
    checks : tuple of Checked
        Limits beside the numbers found.
    """

    result: Judged
    checks: tuple[Checked, ...] = field(default=())

    @property
    def metrics(self) -> pd.Series:
        """All numbers by name: precision, recall, f1, iou (by area), object_f1, boundary_iou, …"""
        return pd.Series(self.result.metrics(), name="value", dtype=float)

    @property
    def table(self) -> pd.DataFrame:
        """Table 3: one row for each subregion and ``all``, with counts, areas (km²) and rates (0 to 1)."""
        rows = [
            {
                "name": row.name,
                "candidates": row.candidates,
                "truth": row.truth,
                "true_positive_km2": row.area.true_positive / 1e6,
                "false_positive_km2": row.area.false_positive / 1e6,
                "false_negative_km2": row.area.false_negative / 1e6,
                **{name: getattr(row.area, name).value for name in ("precision", "recall", "f1", "iou")},
            }
            for row in self.result.table
        ]
        return pd.DataFrame(rows)

    @property
    def failed(self) -> tuple[Checked, ...]:
        """Numbers below their limit."""
        return tuple(check for check in self.checks if not check.holds)

    @public
    def write(self, path: str | PathLike[str]) -> Path:
        """Write the report: .txt, .md, .json, .csv or .html."""
        target = Path(path)
        write(document(self.result, self.checks), format_of(target, FORMATS), target)
        return target

    def __repr__(self) -> str:
        whole = self.result.table[-1]
        rates = ", ".join(f"{n} {getattr(whole.area, n).value:.3f}" for n in ("precision", "recall", "f1"))
        return f"<Evaluation of {whole.candidates} candidates by {whole.truth} outlines: {rates}>"

    def _repr_html_(self) -> str:
        return frames_html(
            repr(self), table=self.table, metrics=self.metrics.rename_axis("name").reset_index()
        )


@public
def evaluate(
    candidates: Source | Candidates,
    truth: Source,
    *,
    area: str | PathLike[str] | gpd.GeoDataFrame | None = None,
    everywhere: bool = False,
    subregions: str | PathLike[str] | gpd.GeoDataFrame | None = None,
    region_field: str | None = None,
    probability: str | PathLike[str] | None = None,
    threshold: float | None = None,
    confidence: str | None = None,
    published: str | PathLike[str] | None = None,
    iou: float | Sequence[float] = (),
    band: float = 30.0,
    replicates: int = 1000,
    seed: int = 0,
    fail_under: Mapping[str, float] | None = None,
    fail_over: Mapping[str, float] | None = None,
    remote: bool = False,
) -> Evaluation:
    """How good are candidates? By area, by object, by boundary, by confidence; as `rogi detect evaluate`.

    Parameters
    ----------
    candidates : Candidates, path, GeoDataFrame or Inventory
        Outlines in any CRS. Only ground that was predicted counts, where they say which that is.
    truth : path, GeoDataFrame or Inventory
        Outlines taken for true: an inventory of the same ground.
    area : path, GeoDataFrame or str, optional
        Count only here: polygons, or ``FILE:NAME`` for one of them.
    everywhere : bool
        Count ground that was not predicted too.
    subregions : path, GeoDataFrame or str, optional
        Table for each subregion: named polygons, or a column that both have.
    region_field : str, optional
        Column of the names of polygons.
    probability : path, optional
        Raster of probabilities the candidates were made from.
    threshold : float, optional
        Of pixels in use; by default the candidates' own, or 0.5.
    confidence : str, optional
        Column with a score of 0 to 1; by default ``confidence``.
    published : path, optional
        YAML file of published rates.
    iou : float or sequence of float
        Thresholds of the agreement by object.
    band : float
        Width of the band of the boundary IoU, m; 0 leaves it out.
    replicates, seed : int
        Of the bootstrap.
    fail_under, fail_over : mapping of str to float, optional
        Limits, ``{"f1": 0.6}`` and ``{"calibration_error": 0.1}``; see ``failed``.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    Evaluation
        ``metrics`` (Series), ``table`` (DataFrame), ``failed``, ``write(path)``.

    Raises
    ------
    InputError
        A file cannot be read, has no CRS, or there is nothing to judge.
    OptionError
        A choice is out of its range, or names what is not there.

    References
    ----------
    Sun et al. (2024), Table 3; docs/methods/detection-evaluation.md.

    Examples
    --------
    >>> import rogi
    >>> truth = rogi.synthetic_inventory(20, seed=1).outlines
    >>> evaluation = rogi.evaluate(truth.iloc[:15], truth)
    >>> evaluation.metrics[["count_a", "count_b", "only_a", "precision"]].round(6).tolist()
    [20.0, 15.0, 5.0, 1.0]
    """
    limits = Limits(fail_under or {}, fail_over or {})
    if not replicates >= 10:
        raise OptionError(f"The bootstrap has 10 replicates or more, found {replicates}.")
    if isinstance(candidates, made.Candidates) and threshold is None:
        stated = candidates.parameters.get("threshold")
        threshold = float(stated) if isinstance(stated, int | float) else None

    def read() -> tuple[Inventory, Inventory]:
        if isinstance(candidates, made.Candidates):
            return _inventory(candidates), _named(truth, "truth")
        return _named(candidates, "candidates"), _named(truth, "truth")

    result = evaluate_candidates(
        read,
        area=as_table(area),
        everywhere=everywhere,
        subregions=as_table(subregions),
        region_field=region_field,
        probability=as_path(probability),
        threshold=threshold,
        confidence=confidence,
        published=as_path(published),
        iou=(iou,) if isinstance(iou, int | float) else tuple(iou),
        band_m=band,
        replicates=replicates,
        seed=seed,
    )
    return Evaluation(result, tuple(limits.check(result.metrics())) if limits else ())


def _inventory(candidates: made.Candidates) -> Inventory:
    tables = {Role.OUTLINE: candidates.frame, Role.AREA_OF_INTEREST: candidates.coverage}
    return from_tables(tables, path="candidates")


def _named(source: Source, name: str) -> Inventory:
    inventory = as_inventory(source)
    if not inventory.path:
        check_crs(inventory, Role.OUTLINE)
    return inventory if inventory.path else replace(inventory, path=name)
