"""``rogi detect train``: a model bundle from patches."""

from __future__ import annotations

import shutil
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.cli.options import format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import Stopwatch, tell
from rogi.detection.model.bundle_writing import check_target
from rogi.detection.model.export import check_installed
from rogi.detection.patches.shards import PatchSet
from rogi.detection.training.augmentation import Augmentation
from rogi.detection.training.beginning import beginning
from rogi.detection.training.report import curves_figure, trained_document
from rogi.detection.training.settings import Optimiser, Precision, Schedule, TrainingSettings
from rogi.errors import OptionError
from rogi.report.format import DOCUMENT, chosen
from rogi.report.writers import write
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from rogi.detection.training.curves import Epoch


class OptimiserChoice(StrEnum):
    """How weights are changed."""

    ADAMW = "adamw"
    SGD = "sgd"


class ScheduleChoice(StrEnum):
    """How the learning rate falls."""

    COSINE = "cosine"
    POLY = "poly"
    CONSTANT = "constant"


class PrecisionChoice(StrEnum):
    """Numbers in which the network is computed."""

    AUTO = "auto"
    FP32 = "fp32"
    TF32 = "tf32"
    BF16 = "bf16"


def train(
    patches: Annotated[Path, typer.Argument(help="Folder that `rogi detect patches` wrote.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Bundle to write: a folder, or a .zip."), KEEPS
    ],
    architecture: Annotated[
        str | None,
        typer.Option(help="Architecture of segmentation-models-pytorch; default DeepLabV3Plus."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder there; tu- before a name of timm; default tu-xception71."),
    ] = None,
    encoder_depth: Annotated[int | None, typer.Option(help="Stages of the encoder.", min=3, max=5)] = None,
    decoder_channels: Annotated[
        str | None, typer.Option(help="Width of the decoder, or of its stages: 64,32,16.")
    ] = None,
    output_stride: Annotated[
        int | None, typer.Option(help="Input pixels per pixel of the encoder's last stage: 16 or 8.")
    ] = None,
    rates: Annotated[
        str | None, typer.Option(help="Atrous rates; default 6,12,18 at stride 16, 12,24,36 at 8.")
    ] = None,
    boundary: Annotated[
        bool | None,
        typer.Option(
            "--boundary/--no-boundary",
            help="Learn the borders between touching units as well; default no, or as in --weights.",
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Begin with these: a bundle, whose network is taken too, or a safetensors file."),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training patches.")] = 100,
    steps: Annotated[int | None, typer.Option(help="Batches in all, in place of --epochs.")] = None,
    batch: Annotated[int, typer.Option(help="Patches of a step.")] = 8,
    loss: Annotated[
        str, typer.Option(help="bce, dice, focal, tversky, or a sum: bce(positive=3)+0.5*dice.")
    ] = "bce+dice",
    optimiser: Annotated[OptimiserChoice, typer.Option(help="adamw or sgd.")] = OptimiserChoice.ADAMW,
    lr: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    schedule: Annotated[
        ScheduleChoice, typer.Option(help="How it falls after the warm-up.")
    ] = ScheduleChoice.COSINE,
    weight_decay: Annotated[float, typer.Option(help="Of kernels; not of biases and normalisation.")] = 1e-4,
    warm_up: Annotated[float, typer.Option(help="Share of the steps over which the rate rises.")] = 0.05,
    positive_share: Annotated[
        float | None,
        typer.Option(help="Share of patches with a unit in an epoch; default: every patch once."),
    ] = None,
    patience: Annotated[
        int, typer.Option(help="End after so many epochs without a better IoU of validation; 0: never.")
    ] = 20,
    no_turns: Annotated[bool, typer.Option("--no-turns", help="Do not turn and mirror patches.")] = False,
    light: Annotated[
        float, typer.Option(help="How much brightness, contrast and gamma vary; 0: not at all.")
    ] = 0.2,
    scale: Annotated[float, typer.Option(help="How much the size varies; 0.25: by up to a quarter.")] = 0.0,
    crop: Annotated[
        int,
        typer.Option(help="Train on windows of so many pixels, half of them with a unit; 0: whole patches."),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Same seed, patches and settings: same weights, on a CPU.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a training of this bundle was stopped.")
    ] = False,
    precision: Annotated[
        PrecisionChoice, typer.Option(help="auto: bf16 on what computes in it, else fp32.")
    ] = PrecisionChoice.AUTO,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...; auto takes a GPU.")] = "auto",
    threads: Annotated[int, typer.Option(help="Of torch on the CPU; 0: its own choice.")] = 0,
    workers: Annotated[
        int | None, typer.Option(help="Threads that read and vary patches; default 2, 8 for a GPU.")
    ] = None,
    checkpoint: Annotated[float, typer.Option(help="Seconds between checkpoints, about.", min=0.0)] = 120.0,
    name: Annotated[str | None, typer.Option(help="Name of the model; default: that of the bundle.")] = None,
    model_version: Annotated[str, typer.Option("--model-version", help="Version of the model.")] = "1",
    licence: Annotated[str, typer.Option(help="Licence of the model, e.g. CC-BY-4.0.")] = "",
    citation: Annotated[str, typer.Option(help="How to cite it.")] = "",
    description: Annotated[str, typer.Option(help="What it is for, and what it is not.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that exists.")] = False,
    format: Annotated[str | None, format_option(DOCUMENT)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Train a network on patches and write its bundle, with weights, ONNX, scores and a golden example.

    A line on stderr tells how each epoch went. Checkpoint and curves lie in MODEL.training; stop it at any
    time and go on with --resume.
    Nothing is downloaded: a training begins with random weights, or with those of --weights.

    Examples: `rogi detect train patches -o tprogi.zip --licence CC-BY-4.0` ·
    `rogi detect train patches -o small --architecture Unet --encoder resnet18 --steps 200`
    """
    from rogi.detection.training.outcome import check_name, write_model

    kind = chosen(format, None, DOCUMENT)
    watch = Stopwatch()
    check_target(output, force)
    check_installed()
    title = name or (output.stem if output.suffix.lower() == ".zip" else output.name)
    check_name(title, model_version)
    settings = TrainingSettings(
        epochs=epochs,
        steps=steps,
        batch=batch,
        loss=loss,
        optimiser=Optimiser(optimiser.value),
        schedule=Schedule(schedule.value),
        learning_rate=lr,
        weight_decay=weight_decay,
        warm_up=warm_up,
        positive_share=positive_share,
        patience=patience,
        seed=seed,
        augmentation=Augmentation(
            turn=not no_turns, brightness=light, contrast=light, gamma=light, scale=scale, crop=crop
        ),
        precision=Precision(precision.value),
        device=device,
        threads=threads,
        workers=0 if workers is None else workers,
        checkpoint_seconds=checkpoint,
    )
    rates_given = _integers(rates, "--rates", 3)
    width = _integers(decoder_channels, "--decoder-channels", None)
    data = PatchSet.open(patches)
    from rogi.detection.training.loop import train as train_network

    network = {
        "architecture": architecture,
        "encoder": encoder,
        "encoder_depth": encoder_depth,
        "decoder_channels": width[0] if width and len(width) == 1 else width,
        "output_stride": output_stride,
        "atrous_rates": rates_given,
    }
    begun = beginning(data, weights, network, boundary)
    settings = replace(settings, boundary=begun.boundary)
    for note in () if quiet else begun.notes:
        tell(f"note: {note}")
    work = output.with_name(f"{output.name}.training")
    watch("opening")
    line = Progress(quiet, "steps")
    try:
        trained = train_network(
            data, begun.spec, settings, work,
            weights=weights, resume=resume, progress=line,
            epoch_ended=lambda epoch, steps: line.say(_epoch_line(epoch, steps) + line.left),
        )  # fmt: skip
    except KeyboardInterrupt:
        line.done()
        tell(f"stopped; go on with the same command and --resume. The state is in {work}.")
        raise typer.Exit(2) from None
    finally:
        line.done()
    watch("training")
    watch.seconds |= trained.seconds
    if trained.kept_random and not quiet:
        number = len(trained.kept_random)
        tell(
            f"note: {counted(number, 'tensor')} {agreeing(number, 'has', 'have')} no initial weights in "
            f"{weights}."
        )
    card = write_model(
        trained,
        output,
        name=title,
        version=model_version,
        licence=licence,
        citation=citation,
        description=description,
        extras={"curves.png": curves_figure(trained.history, trained.best)},
        force=force,
    )
    watch("export")
    if not quiet:
        tell(f"{watch}")
    shutil.rmtree(work, ignore_errors=True)
    write(trained_document(trained, card, output), kind)


def _epoch_line(epoch: Epoch, steps: int) -> str:
    return (
        f"epoch {epoch.number}: step {epoch.step}/{steps}, loss {epoch.training_loss:.3f}, "
        f"validation IoU {epoch.validation_iou:.3f}"
    )


def _integers(text: str | None, option: str, count: int | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or min(values) < 1 or (count is not None and len(values) != count):
        wanted = f"{count} whole numbers" if count else "whole numbers"
        raise OptionError(f"{option} takes {wanted} from 1 up, with commas, found {text!r}.")
    return values
