"""Model bundles: a folder or zip that holds a network, its card, and a golden example with its answer.

``model.yaml``, ``weights.safetensors``, ``model.onnx``, ``golden.npz`` and ``SHA256SUMS`` over them. A bundle
is data from a stranger: every byte is checked against its sum, sizes and names are limited, and nothing in
it can run (no pickle, no ONNX tensors in other files, no loops).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from rogi.archives import check_archive
from rogi.detection.model.card import ModelCard, read_card
from rogi.detection.model.onnx_limits import check_network
from rogi.detection.model.stac import ITEM
from rogi.distribution import missing
from rogi.errors import InputError

if TYPE_CHECKING:
    pass

CARD, WEIGHTS, ONNX, GOLDEN, SUMS = (
    "model.yaml",
    "weights.safetensors",
    "model.onnx",
    "golden.npz",
    "SHA256SUMS",
)
REQUIRED: Final = (CARD, GOLDEN, ONNX)
OPTIONAL: Final = (ITEM, "CITATION.cff", "LICENSE", "README.md", "curves.csv", "curves.png")
"""Further files a bundle may hold; others are refused. A network that was imported has no weights."""

LARGEST_FILE: Final = 4 * 2**30
"""Bytes; the largest networks for segmentation have some 0.6 GB of weights, ONNX itself ends at 2 GiB."""
LARGEST_TEXT: Final = 16 * 2**20
"""Bytes of the card, the sums and the optional files."""
LARGEST_GOLDEN: Final = 256 * 2**20
GOLDEN_IMAGES: Final = 8
_BLOCK: Final = 2**20
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class Golden:
    """An example and its answer.

    Attributes
    ----------
    input : array of float32, (n, channels, patch, patch)
        Normalised.
    expected : array of float32, (n, outputs, patch, patch)
        Probability, as torch computed it in float32 on a CPU.
    """

    input: npt.NDArray[np.float32]
    expected: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was found whole.

    Attributes
    ----------
    path : Path
    card : ModelCard
    digest : str
        SHA-256 of its sums, so of everything in it; the same for folder and zip.
    sums : mapping
        SHA-256 of each file.
    prefix : str
        Folder inside the zip.

    Examples
    --------
    >>> bundle = Bundle.load(Path("tprogi-xception71.zip"))  # doctest: +SKIP
    >>> bundle.card.threshold  # doctest: +SKIP
    0.45
    """

    path: Path
    card: ModelCard
    digest: str
    sums: Mapping[str, str]
    prefix: str = ""

    @classmethod
    def load(cls, path: Path | str) -> Bundle:
        """Open a bundle and check all of it.

        Raises
        ------
        InputError
            There is no bundle, a file is missing, unknown, too large or changed, its format is another, or
            its network could read other files or run without end.
        """
        path = Path(path)
        with _damage(path):
            prefix = _zip_prefix(path) if not path.is_dir() else ""
            sums_text = _read(path, prefix, SUMS, LARGEST_TEXT)
            sums = _parse_sums(sums_text, path)
            _check_names(_names(path, prefix), sums, path)
            for name, expected in sums.items():
                if _sha256(path, prefix, name) != expected:
                    raise InputError(
                        f"{path}: {name} is not what {SUMS} says; a byte was changed. Copy or download the "
                        "bundle again."
                    )
            card = read_card(_read(path, prefix, CARD, LARGEST_TEXT), path / CARD)
            if WEIGHTS not in sums and card.imported is None:
                raise InputError(
                    f"{path} is no whole bundle: {WEIGHTS} is missing. Copy or download it again."
                )
            check_network(_read(path, prefix, ONNX, LARGEST_FILE), path / ONNX)
        bundle = cls(path, card, hashlib.sha256(sums_text).hexdigest(), sums, prefix)
        bundle.golden()
        return bundle

    @property
    def label(self) -> str:
        """``name@digest``, 12 digits of it: what candidates are marked with."""
        return f"{self.card.name}@{self.digest[:12]}"

    def read(self, name: str) -> bytes:
        """Bytes of a file, checked again.

        Raises
        ------
        InputError
            It is not in the bundle, or was changed since the bundle was loaded.
        """
        if name not in self.sums:
            raise InputError(f"{self.path} has no {name}; it has {', '.join(sorted(self.sums))}.")
        with _damage(self.path):
            data = _read(self.path, self.prefix, name, LARGEST_FILE)
        if hashlib.sha256(data).hexdigest() != self.sums[name]:
            raise InputError(f"{self.path}: {name} was changed since the bundle was opened; start again.")
        return data

    def onnx_bytes(self) -> bytes:
        """The network as ONNX."""
        return self.read(ONNX)

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """Tensors of the network by name (the state dict of torch).

        Raises
        ------
        InputError
            They are not in the format of safetensors.
        MissingExtra
        """
        return read_tensors(self.read(WEIGHTS), self.path / WEIGHTS)

    def golden(self) -> Golden:
        """The example and its answer.

        Raises
        ------
        InputError
            They do not have the shapes that the card says.
        """
        card, data = self.card, self.read(GOLDEN)
        side = (card.patch, card.patch)
        with _damage(self.path), zipfile.ZipFile(io.BytesIO(data)) as archive:
            given = _array(archive, "input", (len(card.channels), *side), self.path)
            expected = _array(archive, "expected", (len(card.outputs), *side), self.path)
        if len(given) != len(expected) or not (np.isfinite(given).all() and np.isfinite(expected).all()):
            raise InputError(f"{self.path}: {GOLDEN} is no example with its answer; write the bundle anew.")
        return Golden(given, expected)


def tensor_bytes(tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Tensors in the format of safetensors, in the order of their names."""
    save = _safetensors().save
    data: bytes = save({name: np.asarray(tensors[name], order="C") for name in sorted(tensors)})
    return data


def read_tensors(data: bytes, path: Path) -> dict[str, npt.NDArray[Any]]:
    """Tensors from the format of safetensors, which holds data and no code.

    Raises
    ------
    InputError
        It is another format; pickled weights (``.pt``, ``.pth``) are never read.
    """
    load = _safetensors().load
    try:
        tensors: dict[str, npt.NDArray[Any]] = load(data)
    except Exception as error:
        if type(error).__name__ not in ("SafetensorError", "KeyError", "ValueError"):
            raise
        raise InputError(
            f"{path} is not in the format of safetensors ({error}). Pickled weights (.pt, .pth) are "
            "never read, since they can run code; convert them where you trust them."
        ) from None
    return tensors


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise missing("Reading weights needs safetensors", "train") from None
    return safetensors.numpy


def is_bundle(path: Path) -> bool:
    if path.is_dir():
        return ((path / SUMS).is_file() and (path / CARD).is_file()) or not any(path.iterdir())
    with contextlib.suppress(InputError):
        _zip_prefix(path)
        return True
    return False


def _zip_prefix(path: Path) -> str:
    """Folder inside a zip, with its slash, after a check that the zip is harmless."""
    if not path.is_file():
        raise InputError(
            f"There is no model bundle {path}; name a folder or zip that `rogi detect train` made."
        )
    members = [member.filename for member in check_archive(path)]
    found = [name for name in members if name.rpartition("/")[2] == SUMS]
    if len(found) != 1 or found[0].count("/") > 1:
        raise InputError(f"{path} is no model bundle: it has no {SUMS}.")
    if len(set(members)) < len(members):
        raise InputError(f"{path} contains a file twice; it is refused.")
    return found[0].removesuffix(SUMS)


def _names(path: Path, prefix: str) -> list[str]:
    """Files of a bundle; hidden ones, which desktops leave behind, do not count."""
    if path.is_dir():
        names = [item.name for item in path.iterdir()]
    else:
        with zipfile.ZipFile(path) as archive:
            names = [item.removeprefix(prefix) for item in archive.namelist() if not item.endswith("/")]
    return [name for name in names if not name.startswith((".", "__MACOSX/"))]


def _check_names(names: list[str], sums: Mapping[str, str], path: Path) -> None:
    for name in REQUIRED:
        if name not in names or name not in sums:
            raise InputError(f"{path} is no whole bundle: {name} is missing. Copy or download it again.")
    for name in sorted({*names, *sums} - {SUMS}):
        if name not in {*REQUIRED, WEIGHTS, *OPTIONAL}:
            raise InputError(f"{path} holds {name!r}, which no bundle does; remove it.")
        if name not in sums or name not in names:
            where = SUMS if name not in sums else "the bundle"
            raise InputError(f"{path}: {name} is missing from {where}. Copy or download the bundle again.")


def _parse_sums(data: bytes, path: Path) -> dict[str, str]:
    sums: dict[str, str] = {}
    for line in data.decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] in sums:
            raise InputError(
                f"{path}: unexpected line in {SUMS}: {line[:100]!r}; copy or download the bundle again."
            )
        sums[match[2]] = match[1]
    return sums


@contextmanager
def _open(path: Path, prefix: str, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """A file of the bundle, and its size."""
    if path.is_dir():
        file = path / name
        if not file.is_file() or file.is_symlink():
            raise InputError(f"{path} is no whole bundle: {name} is missing. Copy or download it again.")
        with file.open("rb") as stream:
            yield stream, file.stat().st_size
        return
    with zipfile.ZipFile(path) as archive, archive.open(prefix + name) as member:
        yield member, archive.getinfo(prefix + name).file_size


def _read(path: Path, prefix: str, name: str, limit: int) -> bytes:
    with _open(path, prefix, name) as (stream, size):
        if size > limit:
            raise InputError(f"{path}: {name} has {size / 2**20:,.0f} MB, more than {limit / 2**20:,.0f}.")
        data = stream.read(size + 1)
    if len(data) != size:
        raise InputError(f"{path}: {name} is not as long as it says; copy or download the bundle again.")
    return data


def _sha256(path: Path, prefix: str, name: str) -> str:
    limit = {GOLDEN: LARGEST_GOLDEN, ONNX: LARGEST_FILE, WEIGHTS: LARGEST_FILE}.get(name, LARGEST_TEXT)
    total, left = hashlib.sha256(), limit
    with _open(path, prefix, name) as (stream, _):
        while block := stream.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise InputError(f"{path}: {name} is larger than {limit / 2**20:,.0f} MB; it is refused.")
            total.update(block)
    return total.hexdigest()


def _array(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], path: Path
) -> npt.NDArray[np.float32]:
    """An array of float32 whose shape is known but for its first axis; checked before it is read."""
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise InputError(f"{path}: {GOLDEN} is of another version of numpy's format.")
        found, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        count = found[0] if len(found) == 4 else 0
        if fortran or dtype != np.float32 or tuple(found[1:]) != shape or not 1 <= count <= GOLDEN_IMAGES:
            raise InputError(
                f"{path}: {GOLDEN} holds {name} of shape {found} and type {dtype}; the card says "
                f"(n, {', '.join(map(str, shape))}) of float32, n up to {GOLDEN_IMAGES}."
            )
        size = 4 * count * int(np.prod(shape))
        data = stream.read(size)
    if len(data) != size:
        raise InputError(f"{path}: {GOLDEN} is cut short; copy or download the bundle again.")
    return np.frombuffer(data, np.dtype("<f4")).reshape(count, *shape).astype(np.float32)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What a damaged file raises, as one sentence."""
    try:
        yield
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise InputError(f"{path} is a damaged bundle ({error}); copy or download it again.") from error
