"""From imagery and a model to candidates: what `rogi detect predict` and `rogi.predict` do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from rogi import __version__
from rogi.detection.candidates.extraction import Candidates, make_candidates
from rogi.detection.candidates.files import write_candidates
from rogi.detection.candidates.image_ground import with_doubts, with_image_dates
from rogi.detection.imagery.channels import Imagery
from rogi.detection.imagery.suitability import Stretch, Trust, intake
from rogi.detection.imagery.values import Doubt
from rogi.detection.model.engines import Plan
from rogi.detection.model.ensemble import Models
from rogi.detection.origin import IMAGE_NOTE, origin_of_parameters
from rogi.detection.prediction.delivery import check_replaceable, deliver, remove_leftovers
from rogi.detection.prediction.plan_choice import choose_plan, remembered_plan
from rogi.detection.prediction.predicted_area import ground_on
from rogi.detection.prediction.probability_raster import SPREAD_OF, assemble, raster_reader
from rogi.detection.prediction.run import LEDGER, Prediction, prune, work_folder
from rogi.detection.prediction.run import predict as predict_imagery
from rogi.detection.windows import BLOCK_PIXELS, OR_STRIDE, Blend, Merge
from rogi.errors import OptionError
from rogi.files import make_folder
from rogi.ledger import Ledger, digest
from rogi.raster.writing import write_cog
from rogi.text import counted

SUFFIXES = (".gpkg", ".parquet", ".fgb", ".csv")

WHOLE, SPREAD, COG = "probability.part", "spread.part", "cog.part"
"""In the folder of a prediction, while the files at the end are made; a name that no folder of imagery takes
for a tile, should that folder be inside it."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Targets:
    """Files to write."""

    candidates: Path | None = None
    probability: Path | None = None
    spread: Path | None = None

    @property
    def files(self) -> list[Path]:
        """Those that are wanted."""
        return [path for path in (self.candidates, self.probability, self.spread) if path is not None]

    def check(self) -> None:
        """Refuse what cannot be written, before anything is computed."""
        if self.candidates is not None and self.candidates.suffix.lower() not in SUFFIXES:
            raise OptionError(
                f"The output {self.candidates} names no format for candidates; end it in "
                f"{', '.join(SUFFIXES)}."
            )
        for path in self.files:
            if not path.parent.is_dir():
                raise OptionError(f"The folder {path.parent} does not exist; make it, or write elsewhere.")

    def check_folders(self, imagery: Sequence[Path]) -> None:
        """Refuse rasters in a folder of imagery: the next run would take them for tiles."""
        for folder in (path.resolve() for path in imagery if path.is_dir()):
            for raster in (self.probability, self.spread):
                if raster is not None and folder in raster.resolve().parents:
                    raise OptionError(
                        f"{raster} lies in the imagery {folder.name}, of which it would become a tile; write "
                        "it elsewhere."
                    )


@dataclass(frozen=True)
class Request:
    """What is to be predicted, and how.

    Attributes
    ----------
    models, imagery, blend
    outlines
        Choices of `make_candidates`.
    stretch
        Values of the imagery that become the ends of the model's range.
    trust_values
        Whether tiles whose values are not such as in training are predicted too, or names of these tiles.
    ground
        Area, the column of its names, and what is excluded; see `ground_on`.
    choice
        Backend, device, precision, batch and threads.
    workers, cluster
    """

    models: Models
    imagery: Imagery
    blend: Blend
    outlines: Mapping[str, Any]
    stretch: Stretch | None = None
    trust_values: Trust = False
    ground: tuple[str | gpd.GeoDataFrame | None, str | None, Path | gpd.GeoDataFrame | None] = (
        None,
        None,
        None,
    )
    choice: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class Found:
    """Candidates, and how they were predicted."""

    candidates: Candidates
    prediction: Prediction


def find_candidates(
    request: Request,
    targets: Targets,
    folder: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Callable[[str], None] = lambda _: None,
) -> Found:
    """Predict, put together, and draw outlines with confidence.

    Parameters
    ----------
    request
    targets
        Files to write; none where candidates are only wanted in memory.
    folder
        Keeps finished blocks: stopped at any point, the same call goes on where it was.
    force
        Replace files that others wrote or changed.
    progress, say, watch
        Told what is being done, what has to be said, and which stage is over.

    Raises
    ------
    InputError, OptionError, OutputError
        Imagery, model, ground or files cannot be what they should be.
    """
    known = folder / LEDGER
    if not known.exists():
        check_replaceable(targets.files, None, force)
    with work_folder(folder), Ledger(known) as ledger:
        check_replaceable(targets.files, ledger, force)
        for part in sorted(folder.glob(f"{LEDGER}-*-of-*")):
            ledger.take_over(part)
        spread = targets.spread is not None or request.models.answers > 1
        done, doubted = _predicted(request, folder, ledger, spread, progress, say, watch)
        found = _written(request, done, doubted, targets, folder, ledger, progress, watch)
        prune(folder, done)
        output = [] if targets.candidates is None else [targets.candidates.name]
        remove_leftovers(folder, (WHOLE, SPREAD, COG, *output))
    watch("files")
    return Found(found, done)


def predict_part(
    request: Request,
    folder: Path,
    part: tuple[int, int],
    *,
    spread: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
    watch: Callable[[str], None] = lambda _: None,
) -> Prediction:
    """Predict a share of the blocks, and make no files: what a job of an array does.

    Parts may run at the same time, on machines that see the same folder. `find_candidates` with the same
    request and folder then finds the blocks of all of them.

    Parameters
    ----------
    part
        Number and count, such as (3, 8).
    spread
        Whether the files will be with the spread.
    request, folder, progress, say, watch
        See `find_candidates`.

    Raises
    ------
    OptionError
        What computes the blocks is left to each part to choose.
    """
    free = [name for name in ("device", "backend", "precision") if request.choice[name] == "auto"]
    if request.choice["device"] not in ("auto", "cpu") and request.choice["batch"] is None:
        free.append("batch")
    if free:
        raise OptionError(
            f"--part needs {', '.join(f'--{name}' for name in free)}: parts that choose for themselves may "
            "compute in different ways. The first lines of a run without --part say what is fastest."
        )
    make_folder(folder)
    with Ledger(folder / f"{LEDGER}-{part[0]}-of-{part[1]}") as ledger:
        spread = spread or request.models.answers > 1
        return _predicted(request, folder, ledger, spread, progress, say, watch, part)[0]


def chosen_blend(
    models: Models,
    merge: str = Merge.COSINE,
    stride: int | None = None,
    block: int | None = None,
    spread: bool = False,
) -> Blend:
    """How windows are laid and merged; by default as the model says.

    Raises
    ------
    OptionError
        There is no such way, or the spread of windows that are not averaged is asked for.
    """
    if merge not in list(Merge):
        raise OptionError(f"Windows are merged by {' or '.join(Merge)}, found {merge!r}.")
    if merge == Merge.OR and spread:
        raise OptionError("The spread is of windows that are averaged; it does not go with the merge or.")
    patch = models.card.patch
    usual = OR_STRIDE if merge == Merge.OR else models.card.stride
    chosen = min(usual, patch) if stride is None else stride
    return Blend(Merge(merge), chosen, patch, BLOCK_PIXELS if block is None else block, models.answers)


def _predicted(
    request: Request,
    folder: Path,
    ledger: Ledger,
    spread: bool,
    progress: Progress | None,
    say: Callable[[str], None],
    watch: Callable[[str], None],
    part: tuple[int, int] | None = None,
) -> tuple[Prediction, tuple[Doubt, ...]]:
    images, models = request.imagery, request.models
    _rehearse(images, len(models.card.outputs), request.outlines)
    taken, notes, doubted = intake(
        images,
        models.card,
        others=[bundle.card for bundle in models.bundles[1:]],
        stretch=request.stretch,
        trust_values=request.trust_values,
    )
    area, area_field, exclude = request.ground
    ground = ground_on(
        images.transform, images.shape, images.crs, area=area, area_field=area_field, exclude=exclude
    )
    for note in (*images.notes, *notes, *ground.notes, *models.notes()):
        say(f"note: {note}")
    watch("values")
    threshold = request.outlines["threshold"]
    choice = {name: value for name, value in request.choice.items() if name != "threads"}
    remembered = remembered_plan(models, ledger, threshold=threshold, **choice)

    def test() -> Plan:
        if remembered is not None:
            watch("blocks")
        plan, selection = choose_plan(
            models,
            ledger,
            workers=request.workers,
            cluster=request.cluster is not None,
            threshold=threshold,
            **request.choice,
        )
        for trial in selection.trials if selection is not None else ():
            say(f"{trial}")
        say(f"using {plan}")
        watch("self-test")
        return plan

    done = predict_imagery(
        images,
        taken,
        models,
        remembered or test(),
        request.blend,
        ground,
        folder,
        ledger,
        spread=spread,
        threshold=threshold,
        workers=request.workers,
        cluster=request.cluster,
        part=part,
        progress=progress,
        test=None if remembered is None else test,
    )
    watch("blocks")
    return done, doubted


def _rehearse(images: Imagery, outputs: int, outlines: Mapping[str, Any]) -> None:
    """Draw the outlines of nothing: what is wrong with the options shows before hours of prediction."""
    nothing = np.full((outputs, 1, 1), 255, np.uint8)
    make_candidates(lambda *_: nothing, (1, 1), images.transform, images.crs, **outlines)


def _written(
    request: Request,
    done: Prediction,
    doubted: Sequence[Doubt],
    targets: Targets,
    folder: Path,
    ledger: Ledger,
    progress: Progress | None,
    watch: Callable[[str], None],
) -> Candidates:
    """Put the blocks together, draw the outlines, and put all files in their place."""
    images, card = request.imagery, request.models.card
    whole, spread = folder / WHOLE, folder / SPREAD
    several = request.models.answers > 1
    labels = {"model": request.models.label, "imagery": images.name}
    provenance = _provenance(request, done.plan, ledger)
    date = request.outlines.get("date") or images.date or None
    stated = {**labels, **provenance, "threshold": request.outlines.get("threshold"), "image_date": date}
    tags = origin_of_parameters(stated).tags()
    if doubted:
        tags[IMAGE_NOTE] = "; ".join(dict.fromkeys(doubt.kind for doubt in doubted))
    assemble(done.store.read, images, card.outputs, whole, progress, tags=tags)
    if several or targets.spread is not None:
        spreads = [SPREAD_OF + name for name in card.outputs]
        assemble(done.store.read_spread, images, spreads, spread, progress, "spread", tags)
    watch("assembling")
    with ExitStack() as stack:
        found = make_candidates(
            stack.enter_context(raster_reader(whole)),
            images.shape,
            images.transform,
            images.crs,
            model=labels["model"],
            imagery=labels["imagery"],
            spread=stack.enter_context(raster_reader(spread)) if several else None,
            **{**request.outlines, "date": date},
        )
    if request.outlines.get("date") is None:
        found = with_image_dates(found, images)
    found = with_doubts(found, doubted, images.crs)
    watch("outlines")
    found = replace(found, parameters={**found.parameters, **provenance})
    made = None
    if targets.candidates is not None:
        made = folder / targets.candidates.name
        losses = write_candidates(found, made)
        found = replace(found, notes=(*found.notes, *losses))
    if targets.probability is not None:
        write_cog(whole, folder / COG)
        deliver(folder / COG, targets.probability, ledger)
    if targets.spread is not None:
        write_cog(spread, folder / COG)
        deliver(folder / COG, targets.spread, ledger)
    whole.unlink()
    spread.unlink(missing_ok=True)
    if made is not None and targets.candidates is not None:
        deliver(made, targets.candidates, ledger)
    return found


def _polygons(area: gpd.GeoDataFrame) -> str:
    """What identifies polygons in memory."""
    shapes = shapely.to_wkb(np.asarray(area.geometry.array, dtype=object), byte_order=1).tolist()
    sha256 = digest(area.crs.to_string(), *(shape for shape in shapes if shape is not None))
    return f"{counted(len(area), 'polygon')} in memory, sha256 {sha256}"


def _provenance(request: Request, plan: Plan, ledger: Ledger) -> dict[str, Any]:
    """What the candidates were made from; the same however the work was shared out."""
    area, _, exclude = request.ground
    files = {"exclude": exclude, "glaciers": request.outlines["glaciers"]}
    return {
        "bundle": request.models.describe(),
        "images": request.imagery.describe(ledger),
        "prediction": {
            "merge": request.blend.merge.value,
            "stride": request.blend.stride,
            "backend": plan.backend,
            "backend_version": plan.version,
            "device": plan.device,
            "precision": plan.precision,
            "area": area if area is None or isinstance(area, str) else _polygons(area),
            "stretch": None if request.stretch is None else list(request.stretch),
            "trust_values": request.trust_values or False,
        },
        "rogi": __version__,
        **{
            name: _polygons(given)
            if isinstance(given, gpd.GeoDataFrame)
            else {"name": given.name, "sha256": ledger.file_digest(given)}
            for name, given in files.items()
            if given is not None
        },
    }
