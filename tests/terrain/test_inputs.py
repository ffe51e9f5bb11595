"""What users have goes in: masked arrays, DataArrays, bands with a first axis; grids of other libraries."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from terrain_oracles import fractal

from rogi.errors import OptionError
from rogi.terrain import RadiationParameters, aspect, horizon, potential_incoming_solar_radiation, slope
from rogi.terrain import solar_radiation as components
from rogi.terrain.grid import Grid

FUNCTIONS: dict[str, Callable[[Any, Grid], Any]] = {
    "slope": slope,
    "aspect": aspect,
    "horizon": lambda z, grid: horizon(z, grid, n_sectors=8, radius=500.0),
    "radiation": lambda z, grid: potential_incoming_solar_radiation(
        z, grid, parameters=RadiationParameters(n_sectors=8, search_radius=500.0)
    ),
    "components": lambda z, grid: (
        components(z, grid, parameters=RadiationParameters(n_sectors=8, search_radius=500.0)).total
    ),
}
SHAPE = (24, 30)
TRANSFORM = Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 3_600_000.0)
FILL = -32768


def elevation(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Heights with a void of fill values, and where it is."""
    z = fractal(30, 400.0, 5)[: SHAPE[0], : SHAPE[1]].round().astype(dtype)
    void = np.zeros(SHAPE, dtype=bool)
    void[8:11, 12:14] = True
    z[void] = FILL
    return z, void


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_void_pixels_however_they_are_told(name: str, dtype: str) -> None:
    """A mask, a declared fill value, a first axis: the same as NaN."""
    z, void = elevation(dtype)
    grid = Grid(TRANSFORM, SHAPE, "EPSG:32645")
    expected = FUNCTIONS[name](np.where(void, np.nan, z.astype(float)), grid)
    assert np.isnan(expected).sum() > void.sum()
    assert np.isfinite(expected).any()
    given = {
        "mask": np.ma.masked_array(z, void),
        "band of rasterio": np.ma.masked_array(z, void)[None],
        "declared": xr.DataArray(z, dims=("y", "x"), attrs={"_FillValue": FILL}),
        "declared otherwise": xr.DataArray(z[None], dims=("band", "y", "x"), attrs={"missing_value": FILL}),
        "decoded": xr.DataArray(np.where(void, np.nan, z), dims=("y", "x"), attrs={"_FillValue": np.nan}),
        "list": np.where(void, np.nan, z.astype(float)).tolist(),
    }
    for how, array in given.items():
        np.testing.assert_array_equal(FUNCTIONS[name](array, grid), expected, err_msg=how)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_input_is_not_changed(name: str) -> None:
    """Neither the values nor the mask of what was given."""
    z, void = elevation("float32")
    given = np.ma.masked_array(z.copy(), void.copy())
    FUNCTIONS[name](given, Grid(TRANSFORM, SHAPE, "EPSG:32645"))
    np.testing.assert_array_equal(given.data, z)
    np.testing.assert_array_equal(given.mask, void)


def test_an_unmasked_masked_array_is_an_array() -> None:
    """No mask, or one that hides nothing."""
    z = fractal(30, 400.0, 5)[: SHAPE[0], : SHAPE[1]]
    grid = Grid(TRANSFORM, SHAPE, "EPSG:32645")
    for mask in (np.ma.nomask, np.zeros(SHAPE, dtype=bool)):
        np.testing.assert_array_equal(slope(np.ma.masked_array(z, mask), grid), slope(z, grid))


@pytest.mark.parametrize("shape", [(2, *SHAPE), SHAPE[::-1], SHAPE[:1], (1, 1, *SHAPE)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """Two bands, a transposed array, a line: the shapes are named."""
    with pytest.raises(OptionError, match="give the grid of the same window"):
        slope(np.zeros(shape), Grid(TRANSFORM, SHAPE, "EPSG:32645"))


def test_a_grid_takes_an_affine_and_any_crs() -> None:
    """The same grid from six numbers, an Affine, a list; from a code, WKT, and CRS objects."""
    six = (30.0, 0.0, 500_000.0, 0.0, -30.0, 3_600_000.0)
    plain = Grid(six, SHAPE, "EPSG:32645")
    for transform in (TRANSFORM, list(six), np.array(six)):
        assert Grid(transform, SHAPE, "EPSG:32645") == plain
    codes = [32645, pyproj.CRS(32645), rasterio.CRS.from_epsg(32645), pyproj.CRS(32645).to_wkt()]
    for crs in codes:
        grid = Grid(TRANSFORM, SHAPE, crs)
        assert isinstance(grid.crs, str)
        np.testing.assert_allclose(grid.latitudes(), plain.latitudes(), atol=1e-12)
        assert hash(grid) == hash(Grid(TRANSFORM, SHAPE, crs))
    for wrong in (six[:5], (*six, 1.0), (*six, 0.0, 0.0, 2.0)):
        with pytest.raises(OptionError, match=f"{len(wrong)} numbers"):
            Grid(wrong, SHAPE)


def test_the_grid_of_a_dataset(tmp_path: Path) -> None:
    """An open file: its transform, shape and CRS; without CRS it must be given."""
    path = tmp_path / "dem.tif"
    z, _ = elevation("int16")
    profile = {"driver": "GTiff", "dtype": "int16", "count": 1, "height": SHAPE[0], "width": SHAPE[1]}
    for crs in ("EPSG:32645", None):
        with rasterio.open(path, "w", transform=TRANSFORM, crs=crs, nodata=FILL, **profile) as sink:
            sink.write(z, 1)
        with rasterio.open(path) as source:
            if crs is None:
                with pytest.raises(OptionError, match="names no CRS"):
                    Grid.from_raster(source)
            grid = Grid.from_raster(source, crs=None if crs else 32645)
            found = slope(source.read(1, masked=True), grid)
        assert grid.transform == tuple(TRANSFORM)[:6]
        assert grid.shape == SHAPE
        expected = slope(np.where(z == FILL, np.nan, z.astype(float)), Grid(TRANSFORM, SHAPE, "EPSG:32645"))
        np.testing.assert_array_equal(found, expected)


def test_the_grid_of_a_data_array(tmp_path: Path) -> None:
    """rioxarray's DataArrays, north-up or not, masked or not; transposed ones are refused."""
    import rioxarray

    z, _ = elevation("int16")
    path = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "dtype": "int16", "count": 1, "height": SHAPE[0], "width": SHAPE[1]}
    with rasterio.open(path, "w", transform=TRANSFORM, crs="EPSG:32645", nodata=FILL, **profile) as sink:
        sink.write(z, 1)
    expected = slope(np.where(z == FILL, np.nan, z.astype(float)), Grid(TRANSFORM, SHAPE, "EPSG:32645"))
    for masked in (True, False):
        with rioxarray.open_rasterio(path, masked=masked) as array:
            grid = Grid.from_raster(array)
            assert grid.transform == tuple(TRANSFORM)[:6]
            assert grid.shape == SHAPE
            np.testing.assert_array_equal(slope(array, grid), expected)
            upside_down = array.squeeze().isel(y=slice(None, None, -1))
            found = slope(upside_down, Grid.from_raster(upside_down))
            np.testing.assert_allclose(found[::-1], expected, atol=1e-5)
            part = array.isel(x=slice(5, 20), y=slice(3, 15))
            found = slope(part, Grid.from_raster(part))
            np.testing.assert_allclose(found[0:, :][1:-1, 1:-1], expected[4:14, 6:19], atol=1e-4)
            with pytest.raises(OptionError, match="transpose it"):
                Grid.from_raster(array.squeeze().transpose("x", "y"))


def test_a_grid_of_the_toolkits_own_rasters() -> None:
    """Anything with a transform, a shape and a CRS: the grids of `rogi.raster` too."""
    from rogi.raster.grid import Grid as RasterGrid

    grid = Grid.from_raster(RasterGrid(pyproj.CRS(32645), TRANSFORM, SHAPE))
    assert grid.transform == tuple(TRANSFORM)[:6]
    assert grid.shape == SHAPE


def test_longitudes_and_latitudes() -> None:
    """Pixel centres, in windows too; longitudes are -180 to 180; a plane has none."""
    degrees = Grid((0.5, 0.0, 179.0, 0.0, -0.25, 40.0), (8, 8), 4326)
    longitude, latitude = degrees.window(2, 1, (3, 3)).lonlat(np.array([0, 2]), np.array([0, 2]))  # type: ignore[misc]
    np.testing.assert_allclose(longitude, [179.75, -179.25])
    np.testing.assert_allclose(latitude, [39.375, 38.875])
    utm = Grid(TRANSFORM, SHAPE, 32645)
    longitude, latitude = utm.lonlat(np.array([3]), np.array([4]))  # type: ignore[misc]
    expected = pyproj.Transformer.from_crs(32645, 4326, always_xy=True).transform(500_135.0, 3_599_895.0)
    np.testing.assert_allclose([longitude[0], latitude[0]], expected)
    assert Grid(TRANSFORM, SHAPE).lonlat(np.array([0]), np.array([0])) is None


@pytest.mark.parametrize(
    "module", ["atmosphere", "gradient", "grid", "horizons", "parameters", "radiation", "sun", "suntable"]
)
def test_examples_run(module: str) -> None:
    """The examples of the docstrings give what they show."""
    assert doctest.testmod(import_module(f"rogi.terrain.{module}")).failed == 0
