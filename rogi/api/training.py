"""Training a model from Python: patches, and the network that learns on them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from rogi.api.arguments import as_path, as_settings, open_imagery
from rogi.api.display import frames_html
from rogi.api.inventories import as_paths
from rogi.detection.model.bundle_writing import check_target
from rogi.detection.model.card import ModelCard
from rogi.detection.model.export import check_installed
from rogi.detection.patches.cutting import PatchSettings, usual_stride
from rogi.detection.patches.extraction import make_patches
from rogi.detection.patches.label_rasters import read_outlines
from rogi.detection.patches.shards import PatchCard, PatchSet
from rogi.detection.training.augmentation import Augmentation
from rogi.detection.training.beginning import beginning
from rogi.detection.training.loop import train as train_network
from rogi.detection.training.outcome import check_name, write_model
from rogi.detection.training.report import curves_figure
from rogi.detection.training.settings import TrainingSettings
from rogi.errors import InputError, OptionError
from rogi.public import public
from rogi.raster.files import close_files

Paths: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]]"


@dataclass(frozen=True, eq=False)
class Patches:
    """What :func:`rogi.cut_patches` gives.

    Attributes
    ----------
    folder : Path
        For :func:`rogi.train`.
    card : PatchCard
        Channels, pixel size (m), counts, and the checksums of what the patches were made from.
    index : DataFrame
        One row for each patch: its part (train or validation), place, and what it was cut for.
    notes : tuple of str
        What was left out, and why.
    """

    folder: Path
    card: PatchCard
    index: pd.DataFrame
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        size, metres = self.card.size, self.card.resolution_m
        return f"<Patches {self.folder}: {len(self.index)} of {size} x {size} pixels, {metres:.3g} m>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), index=self.index)


@public
def cut_patches(
    imagery: Paths,
    units: Paths,
    output: str | PathLike[str],
    *,
    negatives: Paths = (),
    ignore: Paths = (),
    ignore_where: str | None = None,
    area: str | PathLike[str] | None = None,
    bands: str | Sequence[int | str] | None = None,
    channels: Mapping[str, str | PathLike[str]] | None = None,
    nodata: float | Sequence[float] = (),
    mask: Paths = (),
    prefer: str = "order",
    resolution: float | None = None,
    crs: str | None = None,
    force: bool = False,
    remote: bool = False,
    **settings: Any,
) -> Patches:
    """Cut patches for training from imagery and the outlines of units, as `rogi detect patches` does.

    Parameters
    ----------
    imagery : path or sequence of paths
        GeoTIFF, VRT, folder of tiles or STAC item; several are several images, not one mosaic.
    units : path or sequence of paths
        Inventories whose outlines are the units; their checksums are kept, so tables in memory are written
        first. Ground without an outline counts as background.
    output : path
        Folder to write; whole or not at all.
    negatives : path or sequence of paths
        Polygons of what is no rock glacier though it looks like one. Of candidates with a column
        ``decision`` those to ``remove``; the ``unsure`` ones are ignored.
    ignore : path or sequence of paths
        Polygons that count neither in the loss nor in any score.
    ignore_where : str, optional
        Units to ignore by an attribute: ``"certainty=low,unknown"``.
    area : path, optional
        Polygons of the ground that was searched for units; outside nothing counts.
    bands, channels, nodata, mask, prefer
        As of :func:`rogi.predict`.
    resolution : float, optional
        Resample to pixels of so many metres.
    crs : str, optional
        Of outlines whose file states none.
    force : bool
        Replace a folder that exists.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).
    **settings
        Fields of `rogi.detection.patches.cutting.PatchSettings`: ``size=480`` and ``stride=320`` (pixels;
        by default two thirds of the size), ``context_m=1500`` (m), ``train_share=0.7``, ``split="blocked"``,
        ``seed=0``, ``background=0.1`` (share of random ground), ``hard=3`` (weight of rejected candidates) …

    Returns
    -------
    Patches
        ``folder``, ``card``, ``index`` (DataFrame), ``notes``.

    Raises
    ------
    InputError
        Imagery or outlines cannot be read, have no CRS, or there is nothing to cut.
    OptionError
        A setting is unknown or out of its range.
    OutputError
        The folder exists, or cannot be written.

    References
    ----------
    docs/methods/detection-training.md

    Examples
    --------
    >>> import rogi
    >>> from rogi.synthetic.imagery import Scene, SceneSettings
    >>> from rogi.synthetic.scene_files import write_scene
    >>> made = write_scene(Scene(SceneSettings(768, 768, seed=1)), "scene")
    >>> cut = rogi.cut_patches("scene/season1.tif", "scene/truth1.gpkg", "patches", size=128, stride=64)
    >>> cut.card.size, cut.card.channels, sorted(set(cut.index["split"]))
    (128, ('red', 'green', 'blue'), ['train', 'validation'])
    """
    if isinstance(size := settings.get("size"), int):
        settings = {"stride": usual_stride(size)} | settings
    chosen = as_settings(PatchSettings, settings)
    try:
        images = [
            open_imagery(path, bands, channels, nodata, mask, resolution=resolution, prefer=prefer)
            for path in as_paths(imagery)
        ]
        made = make_patches(
            images,
            [read_outlines(path, crs) for path in as_paths(units)],
            Path(output),
            negatives=[read_outlines(path, crs) for path in as_paths(negatives)],
            ignored=[read_outlines(path, crs) for path in as_paths(ignore)],
            ignore_where=ignore_where,
            area=None if area is None else read_outlines(Path(area), crs),
            settings=chosen,
            force=force,
        )
    finally:
        close_files()
    if made.damaged:
        raise InputError(made.damaged[0])
    return Patches(Path(output), made.patches.card, made.patches.index.copy(), made.notes)


@dataclass(frozen=True, eq=False)
class Model:
    """What :func:`rogi.train` gives.

    Attributes
    ----------
    path : Path
        The bundle: a folder or zip.
    card : ModelCard
        Architecture, channels, threshold, scores, licence.
    history : DataFrame
        One row for each epoch: step, learning rate, loss and IoU of training and validation.
    """

    path: Path
    card: ModelCard
    history: pd.DataFrame

    @property
    def scores(self) -> pd.DataFrame:
        """name (iou, precision, recall, f1), split, value (0 to 1), low, high, level, count."""
        return pd.DataFrame([asdict(one) for one in self.card.metrics])

    def __repr__(self) -> str:
        shown = ", ".join(f"{m.name} {m}" for m in self.card.metrics if m.split == "validation")
        return (
            f"<Model {self.path}: {self.card.architecture}, {self.card.encoder}; {shown or 'no unit found'}>"
        )

    def _repr_html_(self) -> str:
        return frames_html(repr(self), scores=self.scores, history=self.history)


@public
def train(
    patches: str | PathLike[str],
    output: str | PathLike[str],
    *,
    architecture: str | None = None,
    encoder: str | None = None,
    encoder_depth: int | None = None,
    decoder_channels: int | Sequence[int] | None = None,
    output_stride: int | None = None,
    atrous_rates: tuple[int, int, int] | None = None,
    weights: str | PathLike[str] | None = None,
    resume: bool = False,
    name: str | None = None,
    version: str = "1",
    licence: str = "",
    citation: str = "",
    description: str = "",
    force: bool = False,
    augmentation: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Model:
    """Train a network on patches and write its bundle, as `rogi detect train` does.

    Parameters
    ----------
    patches : path
        Folder of :func:`cut_patches`, or of `rogi detect patches`.
    output : path
        Bundle to write: a folder, or a .zip. Checkpoints lie in ``<output>.training`` until it is done.
    architecture, encoder, encoder_depth, decoder_channels, output_stride, atrous_rates
        Of segmentation-models-pytorch; by default DeepLabV3Plus with tu-xception71, or the network of
        `weights`.
    weights : path, optional
        Begin with these: a bundle, whose network is taken too (what contradicts it is refused), or a
        safetensors file. Nothing is downloaded.
    resume : bool
        Go on where a training of this bundle was stopped.
    name, version, licence, citation, description : str
        For the card of the model.
    force : bool
        Replace a bundle that exists.
    augmentation : mapping, optional
        Fields of `rogi.detection.training.augmentation.Augmentation`: ``{"turn": False, "scale": 0.25}``,
        and ``crop``, the side of the windows.
    **settings
        Fields of `rogi.detection.training.settings.TrainingSettings`: ``epochs=20``, ``batch=8``,
        ``loss="bce+dice"``, ``learning_rate=1e-3``, ``device="cpu"``, ``seed=0`` …

    Returns
    -------
    Model
        ``path``, ``card``, ``scores``, ``history``.

    Raises
    ------
    InputError
        The patches cannot be trained on.
    OptionError
        A setting is unknown, or settings do not go together.
    OutputError
        The bundle exists, or cannot be written.
    MissingExtra
        The extra ``train`` is not installed.

    References
    ----------
    Chen et al. (2018), DeepLabV3+; Sun et al. (2024), Sect. 3.

    Examples
    --------
    >>> import rogi
    >>> rogi.train("patches", "small.zip", encoder="resnet18", steps=200)  # doctest: +SKIP
    """
    target = Path(output)
    check_target(target, force)
    check_installed()
    title = name or (target.stem if target.suffix.lower() == ".zip" else target.name)
    check_name(title, version)
    own = [one.name for one in fields(Augmentation) if one.name in settings]
    if own:
        raise OptionError(
            f"{own[0]} is given in augmentation: augmentation={{{own[0]!r}: {settings[own[0]]!r}}}."
        )
    chosen = as_settings(TrainingSettings, settings)
    if augmentation is not None:
        chosen = replace(chosen, augmentation=as_settings(Augmentation, augmentation))
    width = decoder_channels if decoder_channels is None or isinstance(decoder_channels, int) else (
        tuple(decoder_channels)
    )  # fmt: skip
    network = {
        "architecture": architecture,
        "encoder": encoder,
        "encoder_depth": encoder_depth,
        "decoder_channels": width,
        "output_stride": output_stride,
        "atrous_rates": atrous_rates,
    }
    work = target.with_name(f"{target.name}.training")
    data = PatchSet.open(Path(patches))
    begun = beginning(data, as_path(weights), network, settings.get("boundary"))
    chosen = replace(chosen, boundary=begun.boundary)
    trained = train_network(data, begun.spec, chosen, work, weights=as_path(weights), resume=resume)
    card = write_model(
        trained,
        target,
        name=title,
        version=version,
        licence=licence,
        citation=citation,
        description=description,
        extras={"curves.png": curves_figure(trained.history, trained.best)},
        force=force,
    )
    shutil.rmtree(work, ignore_errors=True)
    return Model(target, card, pd.DataFrame([asdict(epoch) for epoch in trained.history]))
