"""What an ONNX model of a stranger may not have: tensors in other files, loops, or more memory than there is.

The model is read as a protobuf message (https://protobuf.dev/programming-guides/encoding, `onnx.proto`), so
that neither the package onnx nor a runtime sees it before it is checked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rogi.errors import InputError

FORBIDDEN: Final = b"location"
"""Key of tensors kept in other files (``TensorProto.external_data``), which a bundle never has."""

LOOPS: Final = frozenset({b"If", b"Loop", b"Scan", b"SequenceMap"})
"""Operators that run other graphs, perhaps without end; networks for segmentation need none."""

DOMAINS: Final = frozenset({b"", b"ai.onnx"})
"""Of ONNX's own operators."""

MOST_NODES: Final = 1_000_000
"""Operators of a model with its functions written out; the largest networks have some thousands."""

DEEPEST: Final = 32
"""Calls of functions within functions."""

MEMORY: Final = 8 * 2**30
"""Bytes that a model may take to be read and to answer one image, beside what follows."""
PIXEL_MEMORY: Final = 4 * 2**10
"""Bytes more for each pixel of the images for which there is room at once, one for each thread. DeepLabv3+
Xception71 (480 pixels, 8 streams of OpenVINO) takes 0.6 GB in all, of which its file is a quarter."""

ORT_FORMAT: Final = b"ORTM"

_limiting = threading.RLock()
"""The limit is that of the process: of two threads the second would keep that of the first for good."""

_MODEL_GRAPH, _MODEL_FUNCTION, _GRAPH_NODE = 7, 25, 1
_FUNCTION_NAME, _FUNCTION_NODE, _FUNCTION_DOMAIN = 1, 7, 10
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_GRAPHS: Final = frozenset({6, 11})

Operator = tuple[bytes, bytes]
"""Domain and name."""


def check_network(data: bytes, path: Path) -> None:
    """Refuse a model that could read other files or run without end.

    Parameters
    ----------
    data : bytes
        An ONNX model.
    path : Path
        Named in errors.

    Raises
    ------
    InputError
        It has tensors in other files, loops or branches, operators that are not ONNX's, or functions that
        are endless when written out; or it is no ONNX model.
    """
    if FORBIDDEN in data:
        raise InputError(f"{path} wants tensors from other files; save it as one file with all its tensors.")
    try:
        graph: list[Operator] = []
        functions: dict[Operator, list[Operator]] = {}
        for number, part in _fields(memoryview(data)):
            if number == _MODEL_GRAPH:
                graph += _operators(part, _GRAPH_NODE)
            elif number == _MODEL_FUNCTION:
                name = _text(part, _FUNCTION_DOMAIN), _text(part, _FUNCTION_NAME)
                functions.setdefault(name, []).extend(_operators(part, _FUNCTION_NODE))
        # Runtimes tell their other formats by what they contain.
        if not graph or data[4:8] == ORT_FORMAT:
            raise ValueError("it has no operators")
    except ValueError as error:
        raise InputError(f"{path} is no sound ONNX model ({error}); export it again.") from None
    own = {one for one in functions if one[0] not in DOMAINS}
    used = {*graph, *(one for body in functions.values() for one in body)} - own
    if looping := _listed(name for _, name in used if name in LOOPS):
        raise InputError(
            f"{path} has the operators {looping}, which may run without end; export it without loops and "
            "branches."
        )
    if foreign := _listed(domain for domain, _ in used if domain not in DOMAINS):
        raise InputError(f"{path} has operators of {foreign}; a bundle has those of ONNX only.")
    sizes: dict[Operator, int] = {}
    if sum(_written_out(one, functions, sizes) for one in graph) > MOST_NODES:
        raise InputError(
            f"{path} has functions that call each other without end, or give more than {MOST_NODES:,} "
            "operators; export it without functions."
        )


@contextmanager
def limited_memory(pixels: int | None) -> Iterator[None]:
    """Let a model that asks for too much memory fail, rather than bring down the machine.

    On Linux; elsewhere nothing is limited.

    Parameters
    ----------
    pixels : int
        Of all images for which there is room at once; None to limit nothing.
    """
    if pixels is None:
        yield
        return
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    except (ImportError, OSError):
        yield
        return
    wanted = pages * resource.getpagesize() + MEMORY + PIXEL_MEMORY * pixels
    with _limiting:
        before = resource.getrlimit(resource.RLIMIT_DATA)
        least = min((limit for limit in before if limit != resource.RLIM_INFINITY), default=wanted)
        resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, least), before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, before)


def _operators(message: memoryview, node: int) -> Iterator[Operator]:
    """Operators of a graph or function; those that run a graph of their own by the name of a loop."""
    nodes = (part for number, part in _fields(message) if number == node)
    for count, part in enumerate(nodes):
        if count >= MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES:,} operators")
        yield _text(part, _NODE_DOMAIN), _text(part, _NODE_OPERATOR)
        for inner, attribute in _fields(part):
            if inner == _NODE_ATTRIBUTE and any(n in _ATTRIBUTE_GRAPHS for n, _ in _fields(attribute)):
                yield b"", b"Loop"


def _written_out(
    one: Operator, functions: dict[Operator, list[Operator]], sizes: dict[Operator, int], depth: int = 0
) -> int:
    """Number of operators of a node; a call of a function counts as the operators in it."""
    if one not in functions:
        return 1
    if depth > DEEPEST:
        return MOST_NODES + 1
    if one not in sizes:
        sizes[one] = sum(_written_out(inner, functions, sizes, depth + 1) for inner in functions[one])
    return sizes[one]


def _listed(names: Iterable[bytes]) -> str:
    return ", ".join(sorted({name.decode("utf-8", "replace") for name in names}))


def _text(message: memoryview, wanted: int) -> bytes:
    """A field of text; the last one counts."""
    found = b""
    for number, part in _fields(message):
        if number == wanted:
            found = bytes(part)
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Numbers and bytes of the fields of a message that have a length; numbers are skipped."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        tag &= 2**32 - 1  # readers of protobuf ignore what is beyond
        kind = tag & 7
        if kind == 0:
            _, place = _varint(message, place)
        elif kind == 2:
            size, place = _varint(message, place)
            if size > len(message) - place:
                raise ValueError("it is cut off")
            yield tag >> 3, message[place : place + size]
            place += size
        elif kind in (1, 5):
            place += 8 if kind == 1 else 4
        else:
            raise ValueError("it is no protobuf message")
    if place > len(message):
        raise ValueError("it is cut off")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place == len(message):
            raise ValueError("it is cut off")
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("it is no protobuf message")
