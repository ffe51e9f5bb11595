"""The name rogi is installed by (on the package index, ``rogi`` is another project), and its extras."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rogi.errors import MissingExtra

DISTRIBUTION = "rogi-toolkit"

EXTRAS = {
    "attributes": {
        "affine": "affine",
        "cftime": "cftime",
        "netCDF4": "netCDF4",
        "pvlib": "pvlib",
        "rasterio": "rasterio",
        "rioxarray": "rioxarray",
        "xarray": "xarray",
        "zarr": "zarr",
    },
    "cluster": {"distributed": "Dask", "dask": "Dask"},
    "detect": {
        "numcodecs": "numcodecs",
        "onnxruntime": "ONNX Runtime",
        "openvino": "OpenVINO",
        "PIL": "Pillow",
    },
    "figures": {"matplotlib": "matplotlib"},
    "maps": {"folium": "folium", "mapclassify": "mapclassify"},
    "store": {"psycopg": "psycopg"},
    "train": {
        "onnx": "onnx",
        "onnxscript": "onnxscript",
        "safetensors": "safetensors",
        "segmentation_models_pytorch": "segmentation-models-pytorch",
        "timm": "timm",
        "torch": "PyTorch",
        "torchvision": "torchvision",
    },
}
"""Extra -> modules it brings, and what they are called."""

WHOLE = (
    ("rogi detect train", "train"),
    ("rogi.train", "train"),
    ("rogi detect", "detect"),
    ("rogi.predict", "detect"),
    ("rogi.evaluate", "detect"),
)
"""What needs all of an extra: one missing module means that the others of it are missing too."""


def install(extra: str = "") -> str:
    """The command that installs rogi, with an extra or without.

    Parameters
    ----------
    extra : str, optional
        ``attributes``, ``cluster``, ``detect``, ``figures``, ``maps``, ``store``, ``train``, or ``all``.

    Returns
    -------
    str

    Examples
    --------
    >>> install()
    'pip install rogi-toolkit'
    >>> install("detect")
    "pip install 'rogi-toolkit[detect]'"
    """
    return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {DISTRIBUTION}"


def missing(what: str, extra: str, otherwise: str = "") -> MissingExtra:
    """The error to raise where an optional dependency is not installed; names the extra that brings it.

    Examples
    --------
    >>> str(missing("Training needs PyTorch", "train", "or leave --device out"))
    "Training needs PyTorch: pip install 'rogi-toolkit[train]', or leave --device out."
    """
    return MissingExtra(f"{what}: {install(extra)}{f', {otherwise}' if otherwise else ''}.")


def missing_module(what: str, module: str | None) -> MissingExtra | None:
    """The error to raise where a module could not be imported; None where no extra brings it.

    Parameters
    ----------
    what : str
        Begins the sentence: a command, a function or an option.
    module : str or None
        As :attr:`ModuleNotFoundError.name` says it.

    Examples
    --------
    >>> str(missing_module("rogi attributes", "rasterio.features"))
    "rogi attributes needs rasterio: pip install 'rogi-toolkit[attributes]'."
    >>> str(missing_module("rogi detect predict", "rasterio"))
    "rogi detect predict needs rasterio: pip install 'rogi-toolkit[detect]'."
    >>> missing_module("rogi attributes", "rogi.attributes.gone") is None
    True
    """
    root = (module or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if root in modules:
            whole = next((of for start, of in WHOLE if what.startswith(start)), extra)
            return missing(f"{what} needs {modules[root]}", extra if extra == "train" else whole)
    return None


@contextmanager
def optional(what: str) -> Iterator[None]:
    """Around imports of what an extra brings: says which where one is missing.

    Raises
    ------
    MissingExtra

    Examples
    --------
    >>> with optional("A grid like a raster"):
    ...     import affine
    """
    try:
        yield
    except ModuleNotFoundError as error:
        said = missing_module(what, error.name)
        if said is None:
            raise
        raise said from None
