"""Elevation models: tiles read as one grid, voids never values, damage named."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio.shutil
from affine import Affine

from rogi.errors import InputError
from rogi.raster.elevation.model import open_elevation_model
from rogi.raster.files import reading
from rogi.raster.grid import Window
from rogi.raster.header import CorruptTile

WriteRaster = Callable[..., Path]
ARC = 1 / 100


def tile_transform(west: float, north: float) -> Affine:
    """Grid of a 101 x 101 tile whose first and last pixels' centres lie on whole degrees, as in SRTM."""
    return Affine(ARC, 0, west - ARC / 2, 0, -ARC, north + ARC / 2)


def terrain(west: float, north: float) -> np.ndarray:
    """A field that depends on position only, so that tiles agree where they overlap."""
    row, column = np.indices((101, 101))
    return np.round(2000 + 100 * ((west + column * ARC) % 7) + 10 * (north - row * ARC)).astype(np.int16)


@pytest.fixture
def tiles(write_raster: WriteRaster) -> list[Path]:
    return [
        write_raster(
            f"dem/N{n - 1}E{w:03d}.tif", terrain(w, n), tile_transform(w, n), "EPSG:4326", nodata=-32768
        )
        for n in (31, 32)
        for w in (90, 91)
    ]


def test_tiles_are_one_grid(tiles: list[Path]) -> None:
    model = open_elevation_model(tiles[0].parent)
    (mosaic,) = model.surfaces
    assert mosaic.shape == (201, 201)
    assert (mosaic.transform.c, mosaic.transform.f) == pytest.approx((90 - ARC / 2, 32 + ARC / 2))
    with reading():
        part = mosaic.read(Window(95, 106, 95, 106))
        row, column = np.indices((11, 11)) + 95
        expected = np.round(2000 + 100 * ((90 + column * ARC) % 7) + 10 * (32 - row * ARC))
        np.testing.assert_allclose(part, expected, atol=1)
        edge = mosaic.read(Window(-1, 1, -1, 1))
    assert np.isnan(edge).tolist() == [[True, True], [True, False]]
    assert [t.files for t in mosaic.tiles_in(Window(0, 5, 0, 5))] == [(tiles[2],)]
    assert len(mosaic.tiles_in(Window(99, 102, 99, 102))) == 4


def test_any_window_reads_the_same(tiles: list[Path]) -> None:
    (mosaic,) = open_elevation_model(tiles).surfaces
    with reading():
        whole = mosaic.read(Window(0, 201, 0, 201))
        for window in (Window(0, 10, 0, 201), Window(90, 120, 80, 130), Window(200, 201, 200, 201)):
            part = whole[window.row0 : window.row1, window.column0 : window.column1]
            np.testing.assert_array_equal(mosaic.read(window), part)


def test_tiles_fill_each_others_voids(tiles: list[Path]) -> None:
    with rasterio.open(tiles[0], "r+") as file:
        values = file.read(1)
        values[0, :] = -32768
        file.write(values, 1)
    (mosaic,) = open_elevation_model(tiles).surfaces
    with reading():
        assert np.isfinite(mosaic.read(Window(100, 101, 0, 100))).all()


def test_an_absent_tile_is_void(tiles: list[Path]) -> None:
    (mosaic,) = open_elevation_model([tiles[0], tiles[1], tiles[2]]).surfaces
    with reading():
        corner = mosaic.read(Window(0, 10, 150, 160))
    assert np.isnan(corner).all()


def test_antimeridian(write_raster: WriteRaster) -> None:
    """Tiles on both sides of 180 degrees make one grid of two degrees, not of 360."""
    for west in (179, -180):
        write_raster(f"dem/{west}.tif", np.full((100, 100), abs(west), np.int16),
                     Affine(ARC, 0, west, 0, -ARC, 67), "EPSG:4326", nodata=-32768)  # fmt: skip
    path = write_raster("other.tif", np.zeros((2, 2), np.int16), Affine(1, 0, 0, 0, -1, 0), "EPSG:4326")
    (mosaic,) = open_elevation_model(path.parent / "dem").surfaces
    assert mosaic.shape == (100, 200)
    assert mosaic.transform.c == pytest.approx(179)
    with reading():
        np.testing.assert_array_equal(mosaic.read(Window(0, 1, 98, 102)), [[179, 179, 180, 180]])


@pytest.mark.parametrize("degrees", [90, 180, -90, 30])
def test_grids_of_degrees_may_be_turned(write_raster: WriteRaster, degrees: float) -> None:
    """Rows along meridians, or none of both; two tiles of one grid."""
    turned = Affine.translation(90, 31) @ Affine.rotation(degrees) @ Affine.scale(ARC, -ARC)
    row, column = np.indices((20, 40))
    heights = (4000.0 + 3 * row + 2 * column).astype(np.float32)
    first = write_raster("dem/a.tif", heights[:, :20], turned, "EPSG:4326")
    write_raster("dem/b.tif", heights[:, 20:], turned @ Affine.translation(20, 0), "EPSG:4326")
    (surface,) = open_elevation_model(first.parent).surfaces
    with reading():
        np.testing.assert_array_equal(surface.read(Window(0, 20, 0, 40)), heights)


def test_undeclared_voids(write_raster: WriteRaster) -> None:
    values = np.full((60, 60), 4000, np.int16)
    values[:, :3] = -32768
    values[10, 10] = -9999
    path = write_raster("undeclared.tif", values, tile_transform(90, 31), "EPSG:4326")
    (mosaic,) = open_elevation_model(path).surfaces
    with reading():
        read = mosaic.read(Window(0, 60, 0, 60))
    assert np.isnan(read[:, :3]).all()
    assert np.isnan(read[10, 10])
    assert np.nanmin(read) == 4000
    assert any("-32768" in note and "undeclared.tif" in note for note in mosaic.notes)


def test_zero_edges_are_fill_only_away_from_the_sea(write_raster: WriteRaster) -> None:
    values = np.full((60, 60), 4000, np.float32)
    values[:, :5] = 0
    fill = write_raster("fill.tif", values, tile_transform(90, 31), "EPSG:4326")
    values[:, 5] = 12
    sea = write_raster("sea.tif", values, tile_transform(90, 31), "EPSG:4326")
    declared = write_raster("declared.tif", values, tile_transform(90, 31), "EPSG:4326", nodata=-1)
    for path, void in ((fill, True), (sea, False), (declared, False)):
        (mosaic,) = open_elevation_model(path).surfaces
        with reading():
            assert np.isnan(mosaic.read(Window(0, 60, 0, 5))).all() == void
        assert bool(mosaic.notes) == void


def test_a_file_of_statistics_beside_a_tile_hides_no_voids(write_raster: WriteRaster) -> None:
    """GIS programs write .aux.xml files; the tile is still one without a nodata value."""
    values = np.full((60, 60), 4000, np.int16)
    values[:, :5] = 0
    path = write_raster("fill.tif", values, tile_transform(90, 31), "EPSG:4326")
    path.with_name("fill.tif.aux.xml").write_text("<PAMDataset></PAMDataset>")
    raster = open_elevation_model(path).surfaces[0].tiles[0].parts[0]
    assert len(raster.files) == 2
    with reading():
        assert np.isnan(open_elevation_model(path).surfaces[0].read(Window(0, 60, 0, 5))).all()


def vrt(path: Path, sources: list[Path], shape: tuple[int, int], transform: Affine) -> Path:
    """A VRT without a nodata value, as gdalbuildvrt makes it of files without one."""
    bands = []
    for source in sources:
        with rasterio.open(source) as file:
            column, row = (round(v) for v in ~transform @ (file.transform.c, file.transform.f))
            size = f'xSize="{file.width}" ySize="{file.height}"'
        bands.append(
            f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand>"
            f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{column}" yOff="{row}" {size}/>'
            "</SimpleSource>"
        )
    order = ", ".join(str(v) for v in transform.to_gdal())
    path.write_text(
        f'<VRTDataset rasterXSize="{shape[1]}" rasterYSize="{shape[0]}"><SRS>EPSG:4326</SRS>'
        f'<GeoTransform>{order}</GeoTransform><VRTRasterBand dataType="Int16" band="1">'
        + "".join(bands) + "</VRTRasterBand></VRTDataset>"
    )  # fmt: skip
    return path


def test_gaps_of_a_vrt_are_voids(write_raster: WriteRaster, tmp_path: Path) -> None:
    """GDAL fills what no file of a VRT covers with zeros; without gaps, zeros are the sea."""
    four = []
    for west in (90, 91):
        for north in (31, 32):
            values = terrain(west, north)
            values[39:51, 39:51] = 5  # a shore
            values[40:50, 40:50] = 0
            name = f"{west}-{north}.tif"
            four.append(write_raster(name, values, tile_transform(west, north), "EPSG:4326"))
    whole = (201, 201), tile_transform(90, 32)
    (gaps,) = open_elevation_model(vrt(tmp_path / "gaps.vrt", [four[0], four[3]], *whole)).surfaces
    (full,) = open_elevation_model(vrt(tmp_path / "full.vrt", four, *whole)).surfaces
    with reading():
        assert np.isnan(gaps.read(Window(0, 100, 0, 100))).all()
        assert (gaps.read(Window(101, 201, 0, 38)) > 1900).all()
        assert (full.read(Window(40, 50, 40, 50)) == 0).all()
    assert not gaps.notes | full.notes


def test_feet_become_metres(write_raster: WriteRaster) -> None:
    path = write_raster(
        "ft.tif", np.full((9, 9), 10_000, np.float32), tile_transform(90, 31), "EPSG:4326", units="ft"
    )
    model = open_elevation_model(path)
    assert model.notes == (f"{path}: its unit is 0.3048 m; converted to metres.",)
    with reading():
        assert model.surfaces[0].read(Window(0, 1, 0, 1))[0, 0] == pytest.approx(3048)
    odd = write_raster(
        "odd.tif", np.ones((9, 9), np.float32), tile_transform(91, 31), "EPSG:4326", units="furlong"
    )
    with pytest.raises(InputError, match="furlong"):
        open_elevation_model(odd)
    metric = write_raster(
        "m.tif", np.ones((101, 101), np.float32), tile_transform(91, 31), "EPSG:4326", units="m"
    )
    (mixed,) = open_elevation_model([path, metric]).surfaces
    with reading():
        assert mixed.read(Window(0, 1, 8, 9))[0, 0] == pytest.approx(3048)
        assert mixed.read(Window(0, 1, 100, 101))[0, 0] == 1


def test_damaged_tile_is_named(tiles: list[Path]) -> None:
    # In a cloud-optimised file the header comes first: what is cut off is found only when it is read.
    rasterio.shutil.copy(tiles[3], tiles[3].with_suffix(".cog"), driver="COG")
    tiles[3].write_bytes(tiles[3].with_suffix(".cog").read_bytes()[:-2000])
    (mosaic,) = open_elevation_model(tiles).surfaces
    with reading():
        assert np.isfinite(mosaic.read(Window(120, 140, 0, 50))).all()
        with pytest.raises(InputError, match=r"N31E091\.tif cannot be read"):
            mosaic.read(Window(0, 101, 101, 201))


def test_tiles_of_another_spacing_fill_the_surroundings(write_raster: WriteRaster) -> None:
    """Copernicus widens its pixels at 50, 60, ... degrees; both grids see each other's ground."""
    north = np.full((100, 50), 1000, np.float32)
    south = np.full((100, 100), 500, np.float32)
    write_raster("dem/n.tif", north, Affine(ARC * 2, 0, 10, 0, -ARC, 51), "EPSG:4326")
    write_raster("dem/s.tif", south, Affine(ARC, 0, 10, 0, -ARC, 50), "EPSG:4326")
    model = open_elevation_model(
        write_raster("dem/t.tif", south, Affine(ARC, 0, 10, 0, -ARC, 49), "EPSG:4326").parent
    )
    assert [len(m.mosaic.tiles) for m in model.surfaces] == [2, 1]
    assert "2 grids" in model.notes[0]
    with reading():
        first, second = model.surfaces
        np.testing.assert_allclose(first.read(Window(-3, 2, 40, 43))[:, 0], [1000, 1000, 1000, 500, 500])
        np.testing.assert_allclose(second.read(Window(98, 103, 20, 22))[:, 0], [1000, 1000, 500, 500, 500])
        # The same ground in another window has the same values, to the last bit.
        wide, narrow = first.read(Window(-60, 2, 0, 90)), first.read(Window(-20, -10, 31, 47))
        np.testing.assert_array_equal(wide[40:50, 31:47], narrow)


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no elevation model"):
        open_elevation_model(tmp_path / "nothing")
    with pytest.raises(InputError, match="contains no elevation model"):
        open_elevation_model(tmp_path)
    with pytest.raises(InputError, match="No elevation model"):
        open_elevation_model([])


@pytest.mark.real
def test_point_tile(real_data: Path) -> None:
    """An SRTM tile of points: pixel centres lie on whole degrees."""
    (mosaic,) = open_elevation_model(real_data / "zhadang" / "srtm3_n30_e090.tif").surfaces
    assert mosaic.tiles[0].parts[0].header.point
    x, y = mosaic.transform.c + mosaic.transform.a / 2, mosaic.transform.f + mosaic.transform.e / 2
    assert (x, y) == pytest.approx((90, 31))


def test_a_damaged_member_of_an_archive_is_named_as_in_a_folder(tiles: list[Path], tmp_path: Path) -> None:
    archive = tmp_path / "tiles.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("a/N30E090.tif", tiles[0].read_bytes()[:3000])
    with pytest.raises(CorruptTile) as caught, reading():
        open_elevation_model(archive).surfaces[0].read(Window(0, 101, 0, 101))
    assert str(caught.value).startswith(f"{archive}/a/N30E090.tif cannot be read")


def test_a_crs_that_is_none_is_named(tiles: list[Path]) -> None:
    with pytest.raises(InputError, match="'EPSG:999999' is not a coordinate reference system"):
        open_elevation_model(tiles[0], crs="EPSG:999999")
