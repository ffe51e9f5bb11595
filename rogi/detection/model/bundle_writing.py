"""Writing model bundles: whole or not at all, the same bytes for the same model."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from rogi.archives import write_zip
from rogi.detection.model.bundle import (
    CARD,
    GOLDEN,
    GOLDEN_IMAGES,
    ONNX,
    OPTIONAL,
    REQUIRED,
    SUMS,
    WEIGHTS,
    Golden,
    is_bundle,
    tensor_bytes,
)
from rogi.detection.model.card import ModelCard, write_card
from rogi.detection.model.export import calibrated, check_onnx, probability, to_onnx
from rogi.detection.model.onnx_limits import check_network
from rogi.detection.model.stac import ITEM, item_bytes
from rogi.errors import OutputError
from rogi.files import replacing, swap, workplace

if TYPE_CHECKING:
    from torch import nn

ZIP_EPOCH: Final = 0  # a bundle knows no time: the same network makes the same bytes


def write_bundle(
    folder: Path | str,
    network: nn.Module,
    card: ModelCard,
    golden_input: npt.NDArray[np.float32],
    *,
    extras: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> Path:
    """Write a network as a bundle: export it, check the export, and keep what it answers.

    Parameters
    ----------
    folder : Path
        To make; with the suffix ``.zip`` a zip.
    network : torch.nn.Module
        Takes normalised images (n, channels, patch, patch), gives logits (n, outputs, patch, patch), before
        the calibration of the card.
    card : ModelCard
    golden_input : array of float32, (n, channels, patch, patch)
        Normalised; real patches say more than noise.
    extras : mapping
        Further files, of those in `OPTIONAL`.
    force : bool
        Replace what is there.

    Raises
    ------
    OutputError
        It is there, or cannot be written.
    RogiError
        onnxruntime makes something else of the exported model than torch of the network.
    """
    golden_input = np.ascontiguousarray(golden_input[:GOLDEN_IMAGES], np.float32)
    state = {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    whole = calibrated(network, card)
    expected = probability(whole, golden_input)
    model = to_onnx(whole, golden_input, deepness_properties(card))
    check_onnx(model, golden_input, expected)
    return write_files(
        folder,
        card,
        onnx=model,
        weights={name: tensor.numpy() for name, tensor in state.items()},
        golden=Golden(golden_input, expected),
        extras=extras,
        force=force,
    )


def deepness_properties(card: ModelCard) -> dict[str, str]:
    """Properties by which Deepness, a plugin of QGIS, runs the ONNX model on a layer of the map.

    Its pixels are divided by 255 first, so there are none for models of other types than bytes.

    References
    ----------
    Aszkowski et al. (2023), Deepness, doi 10.1016/j.softx.2023.101495; its documentation, "Adding metadata to
    ONNX model", and `model_base.py`, which reads ``tile_size`` where the documentation says ``tiles_size``.
    """
    if card.dtype != "uint8":
        return {}
    # A single output is taken for that of the second of two classes.
    outputs = ("background", *card.outputs) if len(card.outputs) == 1 else card.outputs
    names = {str(number): name for number, name in enumerate(outputs)}
    values = {
        "model_type": "Segmentor",
        "class_names": names,
        "resolution": round(100 * card.resolution_m, 3),  # cm per pixel
        "tile_size": card.patch,
        "tiles_size": card.patch,
        "tiles_overlap": round(100 * (1 - card.stride / card.patch)),  # per cent
        "standardization_mean": [round(float(value) / 255, 6) for value in card.mean],
        "standardization_std": [round(float(value) / 255, 6) for value in card.std],
        "seg_thresh": round(card.threshold, 4),
        "seg_small_segment": max(1, round(10_000 / card.resolution_m**2)),  # pixels of 1 ha
    }
    return {name: json.dumps(value) for name, value in values.items()}


def write_files(
    target: Path | str,
    card: ModelCard,
    *,
    onnx: bytes,
    weights: Mapping[str, npt.NDArray[Any]] | None,
    golden: Golden,
    extras: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> Path:
    """Write a bundle from its parts; see `write_bundle`. The same parts make the same bytes.

    Only a network that was imported has no weights.
    """
    target = Path(target)
    check_network(onnx, target / ONNX)
    buffer = io.BytesIO()
    # Not compressed: what a compressor makes depends on its build.
    np.savez(buffer, input=golden.input, expected=golden.expected)
    files = {
        **(extras or {}),
        CARD: write_card(card).encode(),
        GOLDEN: buffer.getvalue(),
        ONNX: onnx,
        ITEM: item_bytes(card, weights is not None),
    }
    if weights is not None:
        files[WEIGHTS] = tensor_bytes(weights)
    unknown = sorted(set(files) - {*REQUIRED, WEIGHTS, *OPTIONAL})
    if unknown:
        raise OutputError(f"A bundle cannot contain {unknown[0]}; allowed are {', '.join(OPTIONAL)}.")
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    files[SUMS] = "".join(lines).encode()
    with _new_folder(target, force) as folder:
        for name, data in files.items():
            with (folder / name).open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
    return target


def check_target(target: Path, force: bool) -> None:
    """Refuse what a bundle could not be written to: better before a training than after.

    Raises
    ------
    OutputError
        It exists and is not to be replaced, or is no bundle, or there is no folder for it.
    """
    if target.exists() and not force:
        raise OutputError(f"{target} exists; name another bundle, or --force to replace it.")
    if target.exists() and not is_bundle(target):
        raise OutputError(f"{target} is no bundle, so it is not replaced; name another.")
    if not target.absolute().parent.is_dir():
        raise OutputError(f"The folder {target.parent} does not exist; make it, or write elsewhere.")


@contextmanager
def _new_folder(target: Path, force: bool) -> Iterator[Path]:
    """A folder beside the target that takes its place, as it is or as a zip, when the block ends well."""
    check_target(target, force)
    zipped = target.suffix.lower() == ".zip"
    with workplace(target.parent) as work:
        folder = work / (target.stem if zipped else target.name)
        try:
            folder.mkdir()
            yield folder
            if zipped:
                with replacing(target, state=True) as temporary:
                    write_zip(folder, temporary, ZIP_EPOCH)
            else:
                swap(folder, target)
        except OSError as error:
            raise OutputError(f"{target} could not be written: {error.strerror or error}.") from error
