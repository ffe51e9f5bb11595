"""Rasters are opened in one package: nobody else may ask a library for one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import rogi

PACKAGE = Path(rogi.__file__).parent

OPENERS = {"rasterio", "rioxarray", "zarr", "netCDF4", "h5netcdf", "cfgrib", "osgeo", "gdal", "exactextract"}
"""Libraries that open rasters."""

HARMLESS = {
    "rasterio.features",  # burns polygons into arrays
}
"""Parts of them that open none."""

READERS = ("open", "load", "read_raster", "imread")
"""How functions of xarray, NumPy and images begin that read fields from files."""


def openers(source: str) -> list[str]:
    """What a module imports or calls that can open a raster."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                if node.value.id in ("xr", "xarray", "rioxarray") and node.attr.startswith(READERS):
                    found.append(called)
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith(("import_module", "__import__"))
                and any(isinstance(a, ast.Constant) and a.value in OPENERS for a in node.args)
            ):
                found.append("import by name")
        for name in names:
            if name == "rioxarray":  # gives arrays of xarray a CRS
                continue
            package = name.split(".")[0]
            if package in OPENERS and not any(f"{name}.".startswith(f"{part}.") for part in HARMLESS):
                found.append(name)
            if package == "xarray" and name.removeprefix("xarray.").startswith(READERS):
                found.append(name)
    return found


def test_no_other_module_opens_a_raster() -> None:
    modules = [path for path in sorted(PACKAGE.rglob("*.py")) if PACKAGE / "raster" not in path.parents]
    assert len(modules) > 300
    found = {
        str(path.relative_to(PACKAGE)): names
        for path in modules
        if (names := openers(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import rasterio",
        "import rasterio as rio",
        "from rasterio import open as look",
        "def f():\n    import rasterio.io",
        "from rasterio.errors import RasterioError",
        "from rioxarray import open_rasterio",
        "import rioxarray\nrioxarray.open_rasterio('a.tif')",
        "import xarray as xr\nxr.open_dataset('a.nc')",
        "import xarray\nxarray.load_dataarray('a.nc')",
        "from xarray import open_zarr",
        "import zarr.storage",
        "from netCDF4 import Dataset",
        "from importlib import import_module\nimport_module('rasterio')",
    ],
)
def test_ways_to_open_are_seen(source: str) -> None:
    assert openers(source)


@pytest.mark.parametrize(
    "source",
    [
        "from rasterio.features import rasterize",
        "import xarray as xr\nxr.Dataset({}).to_netcdf('a.nc')",
        "import rioxarray\narray.rio.crs",
        "from rogi.raster.files import open_raster",
    ],
)
def test_what_opens_nothing_is_let_be(source: str) -> None:
    assert not openers(source)


def test_the_package_itself_is_seen() -> None:
    """That the test above would notice what it looks for."""
    assert openers((PACKAGE / "raster" / "header.py").read_text(encoding="utf-8"))
