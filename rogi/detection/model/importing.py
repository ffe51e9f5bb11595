"""Bundles of networks that were trained elsewhere: an ONNX model, checked, and a card of its owner."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rogi import __version__
from rogi.detection.model.bundle import Golden
from rogi.detection.model.bundle_writing import check_target, deepness_properties, write_files
from rogi.detection.model.card import FORMAT, ModelCard, Source, read_card, write_yaml
from rogi.detection.model.export import INPUT, OPSET, OUTPUT, onnx_runner
from rogi.detection.model.onnx_limits import check_network, limited_memory
from rogi.detection.patches.shards import PatchSet
from rogi.distribution import missing
from rogi.errors import InputError, RogiError
from rogi.schema.documents import parse_yaml

LARGEST: Final = 2**31 - 1
"""Bytes of an ONNX file: those of protobuf."""

OLDEST_OPSET: Final = 11
"""The first version of ONNX's operators whose resizing is that of today."""

OLDEST_IR: Final = 8
"""Version of the format that is written at the least: since 4, tensors need not be listed as inputs."""

ASKED: Final = {
    "name": "what the model is called",
    "channels": "what goes in: name, unit, mean and std of each channel, in order",
    "dtype": "type of the pixels it was trained on, such as uint8",
    "dtype_range": "their range, such as [0, 255]",
    "resolution_m": "ground size of a pixel, m",
    "patch": "side of the input, pixels",
    "licence": "terms of use of the model",
    "training_data": "what it was trained on, with the terms of those data",
    "gives": "probability, logits or softmax",
}
"""Fields of the card that are asked for, beside those with a default."""

OF_ROGI: Final = ("calibration", "training")
"""Fields that say what rogi did with a network."""

GIVES: Final = ("probability", "logits", "softmax")
GOLDEN_IMAGES: Final = 2
SIGMOID_OF_1: Final = 0.73106
"""Probabilities that are taken for logits come out from 0.5 to this."""

AGREEMENT: Final = 1e-4
"""Largest difference of a probability between an image computed alone and beside another."""


@dataclass(frozen=True)
class Wanted:
    """A card for an import, and how its network answers.

    Attributes
    ----------
    card : ModelCard
    gives : str
        ``probability``, ``logits`` (a sigmoid is put behind it) or ``softmax`` (over classes, of which one is
        rock glacier; it is put behind it, unless the network ends with one).
    rock_glacier : int
        Number of the class of rock glacier, from 0.
    """

    card: ModelCard
    gives: str
    rock_glacier: int


def import_model(
    model: Path,
    card: Path,
    target: Path,
    *,
    patches: Path | None = None,
    force: bool = False,
) -> ModelCard:
    """Make a bundle of an ONNX model.

    Parameters
    ----------
    model : Path
        With one input (n, channels, patch, patch) and one output (n, k, patch, patch), float32.
    card : Path
        YAML with the fields of `ASKED`, and others of a bundle's card.
    target : Path
        Folder, or zip, to make.
    patches : Path, optional
        Folder of patches with the channels and size of the card: two of validation become the golden
        example; by default it is smooth noise.
    force : bool
        Replace a bundle that is there.

    Raises
    ------
    InputError
        The model is damaged, wants other files, has other operators, inputs or outputs than it should; the
        card lacks what is asked for; or the patches are others.
    OutputError
        The bundle exists, or cannot be written.
    MissingExtra
    """
    check_target(target, force)
    data = _read(model)
    wanted = read_wanted(card, Source(model.name, hashlib.sha256(data).hexdigest()))
    examples = _noise(wanted.card) if patches is None else _examples(wanted.card, patches)
    with limited_memory((GOLDEN_IMAGES + 1) * wanted.card.patch**2):
        network = adapted(data, model, wanted)
        golden = Golden(examples, _answers(network, examples, model))
    least, most = float(golden.expected.min()), float(golden.expected.max())
    if wanted.gives == "logits" and least >= 0.5 and most <= SIGMOID_OF_1:
        raise InputError(
            f"{card} says that {model} gives logits, but what it gives lies between 0 and 1; it seems to be "
            "probabilities already. Say gives: probability."
        )
    write_files(target, wanted.card, onnx=network, weights=None, golden=golden, force=force)
    return wanted.card


def read_wanted(path: Path, imported: Source) -> Wanted:
    """The card of an import.

    Raises
    ------
    InputError
        A field is missing or is not what it should be.
    """
    document = parse_yaml(path.read_bytes(), path)
    if not isinstance(document, dict):
        raise InputError(f"{path} is no card: it should have the fields {', '.join(ASKED)}.")
    missing_fields = [name for name in ASKED if document.get(name) in (None, "", [])]
    if missing_fields:
        listed = "; ".join(f"{name}: {ASKED[name]}" for name in missing_fields)
        raise InputError(f"{path} lacks {listed}.")
    gives, number = document.pop("gives"), document.pop("rock_glacier", 0)
    if gives not in GIVES:
        raise InputError(f"{path}: gives is {', '.join(GIVES)}, found {gives!r}.")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1000:
        raise InputError(f"{path}: rock_glacier is the number of a class from 0, found {number!r}.")
    patch = document.get("patch")
    defaults: dict[str, Any] = {
        "version": "1",
        "architecture": "imported",
        "encoder": "onnx",
        "stride": max(1, round(patch * 2 / 3)) if isinstance(patch, int) else patch,
        "outputs": ["rock glacier"],
        "threshold": 0.5,
    }
    made = {
        "format": FORMAT,
        "rogi": __version__,
        "imported": {"name": imported.name, "sha256": imported.sha256},
    }
    if own := [name for name in (*made, *OF_ROGI) if name in document]:
        raise InputError(f"{path} has {', '.join(own)}, which rogi fills in itself; remove it from the card.")
    card = read_card(write_yaml({**defaults, **document, **made}).encode(), path)
    return Wanted(card, gives, number)


def adapted(data: bytes, path: Path, wanted: Wanted) -> bytes:
    """The model with the input and output of a bundle: any number of images, probabilities of its outputs.

    Raises
    ------
    InputError
        It is damaged, wants other files, or has other operators, inputs or outputs than it should.
    """
    try:
        import onnx
    except ImportError:
        raise missing("Importing a model needs onnx", "train") from None
    check_network(data, path)
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # protobuf and onnx have classes of their own, by version
        if isinstance(error, MemoryError):
            raise
        raise InputError(f"{path} is no sound ONNX model ({_first(error)}); export it again.") from None
    helper, numpy_helper, floating = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    names = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
    _check_operators(model, path)
    card, graph = wanted.card, model.graph
    held = {tensor.name for tensor in graph.initializer}
    given = [part for part in graph.input if part.name not in held]
    if len(given) != 1 or len(graph.output) != 1:
        raise InputError(
            f"{path} has {len(given)} inputs and {len(graph.output)} outputs; a bundle has one of each."
        )
    channels = len(card.channels)
    _check_array(given[0], (channels, card.patch, card.patch), path, "input", names)
    classes = len(card.outputs) if wanted.gives != "softmax" else None
    _check_array(graph.output[0], (classes, card.patch, card.patch), path, "output", names)
    if wanted.gives == "softmax":
        _check_class(graph.output[0], wanted.rock_glacier, path)
    _rename(
        graph,
        {given[0].name: INPUT, graph.output[0].name: OUTPUT if wanted.gives == "probability" else "raw"},
    )
    if wanted.gives == "logits":
        graph.node.append(helper.make_node("Sigmoid", ["raw"], [OUTPUT]))
    elif wanted.gives == "softmax":
        index = np.array([wanted.rock_glacier], np.int64)
        graph.initializer.append(numpy_helper.from_array(index, "rogi_class"))
        shares = "raw" if _ends_with_softmax(graph) else "rogi_shares"
        if shares != "raw":  # of the last axis, since before opset 13 it is of this one and all behind it
            graph.node.extend(
                [
                    helper.make_node("Transpose", ["raw"], ["rogi_last"], perm=[0, 2, 3, 1]),
                    helper.make_node("Softmax", ["rogi_last"], ["rogi_soft"], axis=3),
                    helper.make_node("Transpose", ["rogi_soft"], [shares], perm=[0, 3, 1, 2]),
                ]
            )
        graph.node.append(helper.make_node("Gather", [shares, "rogi_class"], [OUTPUT], axis=1))
    image = helper.make_tensor_value_info(INPUT, floating, ["n", channels, card.patch, card.patch])
    answer = helper.make_tensor_value_info(OUTPUT, floating, ["n", len(card.outputs), card.patch, card.patch])
    del graph.input[:], graph.output[:], graph.value_info[:], model.metadata_props[:]
    graph.input.append(image)
    graph.output.append(answer)
    model.ir_version = max(model.ir_version, OLDEST_IR)
    model.doc_string = graph.doc_string = ""
    for name, value in deepness_properties(card).items():
        model.metadata_props.add(key=name, value=value)
    found: bytes = model.SerializeToString(deterministic=True)
    return found


def _ends_with_softmax(graph: Any) -> bool:
    """Whether the output `raw` comes from a softmax, perhaps with its axes put back."""
    made = {name: node for node in graph.node for name in node.output}
    node = made.get("raw")
    while node is not None and node.op_type in ("Identity", "Transpose"):
        node = made.get(node.input[0])
    return node is not None and node.op_type == "Softmax"


def _answers(network: bytes, images: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
    """What the network makes of the examples, after a check that it takes any number of them."""
    try:
        run = onnx_runner(network)
        alone = np.concatenate([run(image[None]) for image in images])
        together = run(np.concatenate([images, images[:1]]))
    except Exception as error:  # onnxruntime has classes of its own
        if isinstance(error, RogiError | MemoryError):
            raise
        raise InputError(
            f"{path} does not run on images of this number and size ({_first(error)}); export it with a free "
            "first axis, and the patch of the card."
        ) from None
    if not (np.isfinite(alone).all() and alone.min() >= 0 and alone.max() <= 1):
        raise InputError(
            f"{path} gives values from {float(alone.min()):.3g} to {float(alone.max()):.3g}, which are no "
            "probabilities; say in the card what it gives: logits or softmax."
        )
    if together.shape[1:] != alone.shape[1:] or np.abs(together[: len(alone)] - alone).max() > AGREEMENT:
        raise InputError(
            f"{path} answers an image otherwise when another is beside it; export it with a free first axis, "
            "as it predicts."
        )
    return alone.astype(np.float32)


def _check_operators(model: Any, path: Path) -> None:
    """Refuse operators that not every runtime has."""
    domains = {one.domain or "ai.onnx": one.version for one in model.opset_import}
    foreign = sorted(set(domains) - {"ai.onnx"} - {function.domain for function in model.functions})
    if foreign:
        raise InputError(f"{path} has operators of {', '.join(foreign)}; a bundle has those of ONNX only.")
    version = domains.get("ai.onnx", 0)
    if not OLDEST_OPSET <= version <= OPSET:
        raise InputError(
            f"{path} is of opset {version}; a bundle takes {OLDEST_OPSET} to {OPSET}. Export it with "
            f"opset {OPSET}."
        )


def _check_array(
    value: Any, sides: tuple[int | None, int, int], path: Path, what: str, names: Mapping[int, str]
) -> None:
    """Refuse an input or output of another type or size; free sizes pass."""
    tensor = value.type.tensor_type
    found = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
    wanted = (None, *sides)
    fits = len(found) == 4 and all(b in (None, a) or a is None for a, b in zip(wanted, found, strict=True))
    kind = names.get(tensor.elem_type, "?")
    if kind != "float" or not fits or found[0] not in (None, 1):
        shown = ", ".join("n" if side is None else str(side) for side in found)
        meant = ", ".join("n" if side is None else str(side) for side in wanted)
        raise InputError(
            f"The {what} {value.name} of {path} is ({shown}) of {kind}; by the "
            f"card it is ({meant}) of float32. Export it so, with a free number of images on the first axis."
        )


def _check_class(value: Any, number: int, path: Path) -> None:
    """Refuse a class that the output does not have; a free number of classes passes."""
    classes = value.type.tensor_type.shape.dim[1].dim_value
    if classes and number >= classes:
        raise InputError(
            f"The output {value.name} of {path} has {classes} classes, 0 to {classes - 1}; rock_glacier: "
            f"the card asks for {number}."
        )


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give tensors other names wherever they occur; a name that is taken already makes way."""
    taken = {name for node in graph.node for name in (*node.input, *node.output)} - set(names)
    full = {name: f"given_{name}" for name in set(names.values()) & taken} | dict(names)
    for node in graph.node:
        for part in (node.input, node.output):
            for place, name in enumerate(part):
                part[place] = full.get(name, name)
    for tensor in graph.initializer:
        tensor.name = full.get(tensor.name, tensor.name)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(f"{path} has {size:,} bytes, more than an ONNX file can have; it is refused.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _examples(card: ModelCard, patches: Path) -> npt.NDArray[np.float32]:
    """Patches of validation as the network takes them."""
    data = PatchSet.open(patches)
    names = tuple(channel.name for channel in card.channels)
    if data.card.channels != names or data.card.size != card.patch:
        raise InputError(
            f"{patches} has patches of {data.card.size} pixels with the channels "
            f"{', '.join(data.card.channels)}; by the card the model takes {card.patch} pixels with "
            f"{', '.join(names)}."
        )
    chosen = data.positions("validation")[:GOLDEN_IMAGES]
    if not len(chosen):
        raise InputError(f"{patches} has no patches of validation for the golden example; leave it out.")
    read = [data.read(int(position)) for position in chosen]
    return np.stack([card.normalise(image, valid) for image, _, valid in read]).astype(np.float32)


def _noise(card: ModelCard) -> npt.NDArray[np.float32]:
    """Seeded noise in squares of 8 pixels, of mean 0 and deviation 1."""
    side = card.patch // 8
    coarse = np.random.default_rng(0).normal(size=(GOLDEN_IMAGES, len(card.channels), side, side))
    return coarse.repeat(8, axis=2).repeat(8, axis=3).astype(np.float32)


def _first(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
