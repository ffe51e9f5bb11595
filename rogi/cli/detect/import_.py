"""``rogi detect import``: a model bundle of a network that was trained elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.detection.model.bundle import Bundle
from rogi.detection.model.importing import import_model


def import_(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="ONNX model, one file.")],
    card: Annotated[
        Path,
        typer.Option(
            help="YAML: name, channels, dtype, dtype_range, resolution_m, patch, gives, licence ..."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Bundle to write: a folder, or a .zip."), KEEPS
    ],
    patches: Annotated[
        Path | None,
        typer.Option(help="Folder of `rogi detect patches` for the golden example; default: smooth noise."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that exists.")] = False,
) -> None:
    """Make a model bundle of a network that was trained elsewhere and exported to ONNX.

    The card states what goes in and how it is normalised, what comes out, the licence, and the training data;
    without these it is refused. The network is checked, and its answer to an example is kept.

    Example: `rogi detect import unet.onnx --card card.yaml -o unet.zip`
    """
    made = import_model(model, card, output, patches=patches, force=force)
    bundle = Bundle.load(output)
    names = ", ".join(channel.name for channel in made.channels)
    sys.stdout.write(
        f"{output}: {made.name} {made.version}, channels {names}, patch {made.patch}, "
        f"{made.resolution_m:.3g} m, licence {made.licence}; {bundle.digest[:12]}\n"
    )
