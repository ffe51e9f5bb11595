"""Which rasters are the elevation model: by their pixels where names say nothing, and by agreement."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS

from rogi.errors import InputError
from rogi.raster.elevation import agreement
from rogi.raster.elevation.model import ElevationModel, open_elevation_model
from rogi.raster.files import reading
from rogi.raster.grid import Grid, Window

WriteRaster = Callable[..., Path]
ARC = 1 / 1200
SIZE = 240
DEM = Affine(ARC, 0, 90.0, 0, -ARC, 31.0)


def surface(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Hills of some hundred metres around 4,500 m."""
    return 4500 + 200 * np.sin(x * 200) * np.cos(y * 170) + 300 * (x - 90) - 200 * (y - 31)


def values(transform: Affine = DEM, shape: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    column, row = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    return np.asarray(surface(*(transform @ (column, row))), dtype=np.float32)


def read(model: ElevationModel) -> np.ndarray:
    with reading():
        first = model.surfaces[0]
        return np.asarray(first.read(Window(0, first.shape[0], 0, first.shape[1])))


@pytest.fixture
def dem(write_raster: WriteRaster) -> Path:
    return write_raster("dem/dem.tif", values(), DEM, "EPSG:4326")


SLOPE = np.full((SIZE, SIZE), 23.5, np.float32)
BESIDE = {
    "hillshade.tif": (values().astype(np.uint8), "numbers are bytes"),
    "mask.tif": (np.ones((SIZE, SIZE), np.uint8), "numbers are bytes"),
    "x.tif": (np.ones((SIZE, SIZE), np.int16), "0 and 1"),
    "ortho.tif": (np.full((3, SIZE, SIZE), 90, np.uint8), "so it is an image"),
    "slope.tif": (SLOPE, "a slope"),
    "dem_slope.tif": (SLOPE, "a slope"),
    "aspect.tif": (SLOPE * 10, "an aspect"),
    "canopy_height.tif": (SLOPE, "a height of trees"),
    "dem_error.tif": (SLOPE / 10, "a height error"),
    "geoid.tif": (-SLOPE, "a geoid"),
    "landcover.tif": (np.full((SIZE, SIZE), 60, np.int16), "a land cover"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_is_left_out_of_a_folder_and_refused_by_itself(
    dem: Path, write_raster: WriteRaster, name: str
) -> None:
    array, why = BESIDE[name]
    path = write_raster(f"dem/{name}", array, DEM, "EPSG:4326")
    model = open_elevation_model(dem.parent)
    np.testing.assert_array_equal(read(model), values())
    assert [note for note in model.notes if name in note and "left out" in note and why in note]
    with pytest.raises(InputError, match=f"{name} is no elevation model: .*{why}"):
        open_elevation_model(path)


def test_a_preview_without_georeference_is_left_out(dem: Path, write_raster: WriteRaster) -> None:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write_raster("dem/picture.tif", np.full((3, 20, 30), 9, np.uint8), Affine.identity(), None)
    assert len(open_elevation_model(dem.parent).notes) == 1


def test_a_colour_table_makes_classes(dem: Path, write_raster: WriteRaster) -> None:
    path = write_raster("dem/classes.tif", np.full((SIZE, SIZE), 3, np.uint8), DEM, "EPSG:4326")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {3: (1, 2, 3)})
    assert "colour table" in open_elevation_model(dem.parent).notes[0]


@pytest.mark.parametrize("name", ["north_slope.tif", "mask_island.tif", "dem_aspect_co.tif"])
def test_a_name_alone_condemns_no_elevations(write_raster: WriteRaster, name: str) -> None:
    np.testing.assert_array_equal(
        read(open_elevation_model(write_raster(name, values(), DEM, "EPSG:4326"))), values()
    )


def test_bytes_with_a_unit_are_elevations(write_raster: WriteRaster) -> None:
    low = np.full((SIZE, SIZE), 7, np.uint8)
    assert (read(open_elevation_model(write_raster("a.tif", low, DEM, "EPSG:4326", units="m"))) == 7).all()


def test_a_tile_of_sea_is_no_mask(write_raster: WriteRaster) -> None:
    sea = write_raster("sea.tif", np.zeros((SIZE, SIZE), np.int16), DEM, "EPSG:4326")
    assert (read(open_elevation_model(sea)) == 0).all()


def test_bands_are_named(write_raster: WriteRaster) -> None:
    both = np.stack([np.full((SIZE, SIZE), 1.5, np.float32), values()])
    path = write_raster("two.tif", both, DEM, "EPSG:4326")
    with pytest.raises(InputError, match=r"several bands; name the one .*two\.tif:1, or .*Its bands: 1, 2"):
        open_elevation_model(path)
    np.testing.assert_array_equal(read(open_elevation_model(f"{path}:2")), values())
    for wrong in ("3", "0", "relief"):
        with pytest.raises(InputError, match=f"no band '{wrong}'"):
            open_elevation_model(f"{path}:{wrong}")
    with rasterio.open(path, "r+") as file:
        file.set_band_description(2, "Relief")
    np.testing.assert_array_equal(read(open_elevation_model(f"{path}:relief")), values())
    with rasterio.open(path, "r+") as file:
        file.set_band_description(2, "DEM")
    np.testing.assert_array_equal(read(open_elevation_model(path)), values())


# ---- rasters on the same ground


@pytest.mark.parametrize("shift", [1.5, -40.0])
def test_another_raster_of_the_same_ground_is_refused(
    dem: Path, write_raster: WriteRaster, shift: float
) -> None:
    write_raster("dem/other.tif", values() + np.float32(shift), DEM, "EPSG:4326")
    with pytest.raises(InputError, match=r"dem\.tif and .*other\.tif cover the same ground with different"):
        open_elevation_model(dem.parent)


def test_one_edited_pixel_is_enough(dem: Path, write_raster: WriteRaster) -> None:
    edited = values()
    edited[17, 211] += 30
    write_raster("dem/dem_edited.tif", edited, DEM, "EPSG:4326")
    with pytest.raises(InputError) as error:
        open_elevation_model(dem.parent)
    longitude, latitude = DEM @ (211.5, 17.5)
    assert f"at {longitude:.5f}, {latitude:.5f} they have {values()[17, 211]:.1f} and" in str(error.value)


def test_filled_voids_are_taken(write_raster: WriteRaster) -> None:
    """dem.tif with holes and dem_filled.tif differ nowhere that both have a value."""
    holes = values()
    holes[50:60, 70:90] = np.nan
    write_raster("dem/dem.tif", holes, DEM, "EPSG:4326")
    filled = write_raster("dem/dem_filled.tif", values(), DEM, "EPSG:4326")
    np.testing.assert_array_equal(read(open_elevation_model(filled.parent)), values())


def test_copies_are_left_out(dem: Path, tmp_path: Path) -> None:
    (dem.parent / "dem (1).tif").write_bytes(dem.read_bytes())
    with zipfile.ZipFile(dem.parent / "download.zip", "w") as archive:
        archive.write(dem, "a/dem.tif")
    model = open_elevation_model(dem.parent)
    assert len(model.surfaces[0].mosaic.tiles) == 1
    assert any("a copy of" in note and "and 1 more" in note for note in model.notes)
    assert [tile.files for tile in model.surfaces[0].tiles] == [(dem.parent / "dem (1).tif",)]


@pytest.mark.parametrize("factor", [3, 7])
@pytest.mark.parametrize("made", ["mean", "nearest"])
def test_a_coarser_version_goes_last(dem: Path, write_raster: WriteRaster, factor: int, made: str) -> None:
    n = SIZE // factor
    blocks = values()[: n * factor, : n * factor].reshape(n, factor, n, factor)
    coarse = blocks.mean(axis=(1, 3)) if made == "mean" else blocks[:, factor // 2, :, factor // 2]
    wide = DEM @ Affine.scale(factor)
    write_raster("dem/a_coarse.tif", coarse.astype(np.float32), wide, "EPSG:4326")
    model = open_elevation_model(dem.parent)
    assert [s.tiles[0].parts[0].path.name for s in model.surfaces] == ["dem.tif", "a_coarse.tif"]
    assert any("dem.tif goes before" in note for note in model.notes)
    write_raster("dem/a_coarse.tif", coarse.astype(np.float32) + 3, wide, "EPSG:4326")
    with pytest.raises(InputError, match="different values"):
        open_elevation_model(dem.parent)


def test_a_coarse_raster_that_strays_is_refused_though_its_median_fits(
    dem: Path, write_raster: WriteRaster
) -> None:
    n = SIZE // 4
    coarse = values().reshape(n, 4, n, 4).mean(axis=(1, 3))
    noise = np.where(np.random.default_rng(0).random(coarse.shape) < 0.5, 90, -90)
    write_raster("dem/z.tif", (coarse + noise).astype(np.float32), DEM @ Affine.scale(4), "EPSG:4326")
    with pytest.raises(InputError, match="different values"):
        open_elevation_model(dem.parent)


def test_products_that_are_not_the_same_are_refused(write_raster: WriteRaster) -> None:
    path = write_raster("dem/ASTGTMV003_N30E090_dem.tif", values(), DEM, "EPSG:4326")
    write_raster("dem/N30E090_FABDEM_V1-2.tif", values(), DEM, "EPSG:4326")
    with pytest.raises(
        InputError, match=r"\(ASTER GDEM\) and .*\(FABDEM\) cover the same ground but are diff"
    ):
        open_elevation_model(path.parent)


def test_grids_of_one_product_may_differ(write_raster: WriteRaster) -> None:
    fine = write_raster("dem/Copernicus_DSM_COG_10_N30_00_E090_00_DEM.tif", values(), DEM, "EPSG:4326")
    n = SIZE // 3
    write_raster("dem/Copernicus_DSM_COG_30_N30_00_E090_00_DEM.tif", np.full((n, n), 4000, np.float32),
                 DEM @ Affine.scale(3), "EPSG:4326")  # fmt: skip
    model = open_elevation_model(fine.parent)
    np.testing.assert_array_equal(read(model), values())
    assert model.products == ("Copernicus DEM",)
    assert model.references == ("EGM2008 (known of the product)",)


@pytest.mark.parametrize("apart", [0.0, 5.0])
def test_tiles_that_share_a_border(dem: Path, write_raster: WriteRaster, apart: float) -> None:
    beside = DEM @ Affine.translation(SIZE - 1, 0)
    write_raster("dem/east.tif", values(beside) + np.float32(apart), beside, "EPSG:4326")
    if apart:
        with pytest.raises(InputError, match="different values"):
            open_elevation_model(dem.parent)
    else:
        assert open_elevation_model(dem.parent).surfaces[0].shape == (SIZE, 2 * SIZE - 1)


def test_a_vrt_beside_its_files_is_left_out(dem: Path) -> None:
    order = ", ".join(str(v) for v in DEM.to_gdal())
    (dem.parent / "all.vrt").write_text(
        f'<VRTDataset rasterXSize="{SIZE}" rasterYSize="{SIZE}"><SRS>EPSG:4326</SRS>'
        f'<GeoTransform>{order}</GeoTransform><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">dem.tif</SourceFilename></SimpleSource></VRTRasterBand>'
        "</VRTDataset>"
    )
    model = open_elevation_model(dem.parent)
    assert len(model.surfaces[0].tiles) == 1
    assert "all.vrt: left out, made of files" in model.notes[0]


# ---- archives


def test_tiles_in_archives_are_read(dem: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(dem, "a/dem.tif")
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, "x/inner.zip")
    for source in (inner, outer):
        model = open_elevation_model(source)
        np.testing.assert_array_equal(read(model), values())
        assert model.surfaces[0].tiles[0].files == (source,)


# ---- heights


def test_heights_above_the_ellipsoid_are_told(write_raster: WriteRaster) -> None:
    for name, crs in (("e.tif", "EPSG:4979"), ("TDM1_DEM__30_N30E090_DEM.tif", "EPSG:4326")):
        model = open_elevation_model(write_raster(name, values(), DEM, crs))
        assert "ellipsoid" in model.ellipsoid
        assert any("not metres above sea level" in note for note in model.notes)
        assert "ellipsoid" in model.references[0]
        assert model.surfaces[0].crs.to_epsg() == 4326
    stated = open_elevation_model(write_raster("s.tif", values(), DEM, "EPSG:4326+3855"))
    assert (stated.ellipsoid, stated.references, stated.notes) == ("", ("EGM2008 height",), ())


def test_tiles_above_the_sea_and_above_the_ellipsoid_do_not_mix(write_raster: WriteRaster) -> None:
    write_raster("dem/a.tif", values(), DEM, "EPSG:4979")
    beside = DEM @ Affine.translation(SIZE, 0)
    path = write_raster("dem/b.tif", values(beside), beside, "EPSG:4326+5773")
    with pytest.raises(InputError, match="give files of one kind"):
        open_elevation_model(path.parent)


def test_depths_become_heights(write_raster: WriteRaster) -> None:
    path = write_raster("depth.tif", -values(), DEM, "EPSG:4326+5715")
    np.testing.assert_array_equal(read(open_elevation_model(path)), values())


@pytest.mark.parametrize("fill", [-9999, -32768, -32767])
def test_fill_in_scaled_numbers_is_void(write_raster: WriteRaster, fill: int) -> None:
    """In centimetres -9999 is -99.99 m, which would be ground."""
    centimetres = np.full((SIZE, SIZE), 20_000, np.int16)
    centimetres[3, 4] = fill
    path = write_raster("cm.tif", centimetres, DEM, "EPSG:4326")
    with rasterio.open(path, "r+") as file:
        file.scales = (0.01,)
    found = read(open_elevation_model(path))
    assert np.isnan(found[3, 4])
    assert np.isnan(found).sum() == 1
    assert found[0, 0] == pytest.approx(200)


@pytest.mark.parametrize(("west", "share"), [(0.0, 1.0), (-100.0, 0.6), (900.0, 0.4), (1000.0, 0.0)])
def test_what_two_grids_share_is_part_of_the_smaller(west: float, share: float) -> None:
    """1 km of pixels of 10 m, and 250 m of pixels of 50 m within it or over its edge."""
    fine = Grid(CRS(32645), Affine(10, 0, 5e5, 0, -10, 3.3e6), (100, 100))
    coarse = Grid(CRS(32645), Affine(50, 0, 5e5 + west, 0, -50, 3.3e6 - 250), (5, 5))
    assert agreement._share(fine, coarse) == pytest.approx(share, abs=0.05)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_elevations_without_a_place_are_no_preview(write_raster: WriteRaster, tmp_path: Path) -> None:
    """A preview in a folder may have no georeference; a tile of 16 bits that lost it is an error."""
    write_raster("f/dem.tif", values(), DEM, "EPSG:4326")
    write_raster("f/quick.tif", np.ones((SIZE, SIZE), np.uint8), Affine.identity(), None)
    assert len(open_elevation_model(tmp_path / "f").surfaces) == 1
    write_raster("f/lost.tif", values().astype(np.int16), Affine.identity(), None)
    with pytest.raises(InputError, match=r"lost\.tif has no"):
        open_elevation_model(tmp_path / "f")
