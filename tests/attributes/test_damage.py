"""Files that are missing, empty or cut off: named, their ground void, all other units done, exit code 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT
from rasters import write

SIDE, PIXEL = 40, 100.0
WEST, NORTH = 500_000.0, 3_400_000.0
CRS = "EPSG:32645"
HALVES = ("west", "east")

Run = Callable[..., tuple[int, str]]


def tile(folder: Path, name: str, dtype: Any = np.int16) -> Path:
    """4,000 m in the west, 5,000 m in the east; in degrees -5 and -6."""
    east = name == "east"
    value = (5000 if east else 4000) if dtype == np.int16 else (-6 if east else -5)
    transform = from_origin(WEST + east * SIDE * PIXEL, NORTH, PIXEL, PIXEL)
    path = folder / f"{name}.tif"
    return write(path, np.full((1, SIDE, SIDE), value, dtype), transform, CRS)


def vrt_of(path: Path, sources: list[Path]) -> Path:
    """Sources side by side, each as large as a tile, or one of all."""
    wide = SIDE * len(HALVES)
    parts = []
    for number, source in enumerate(sources):
        with rasterio.open(source) as file:
            width, dtype = file.width, file.dtypes[0]
        parts.append(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{source.name}</SourceFilename>'
            f'<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{SIDE}"/>'
            f'<DstRect xOff="{number * SIDE}" yOff="0" xSize="{width}" ySize="{SIDE}"/></SimpleSource>'
        )
    kind = "Int16" if dtype == "int16" else "Float32"
    path.write_text(
        f'<VRTDataset rasterXSize="{wide}" rasterYSize="{SIDE}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{WEST}, {PIXEL}, 0, {NORTH}, 0, {-PIXEL}</GeoTransform>"
        f'<VRTRasterBand dataType="{kind}" band="1">'
        f"<UnitType>{'m' if kind == 'Int16' else 'degC'}</UnitType>{''.join(parts)}"
        "</VRTRasterBand></VRTDataset>"
    )
    return path


def raster(folder: Path, way: str, dtype: Any = np.int16) -> Path:
    """Two tiles given as a folder, a VRT, VRTs of VRTs, or a VRT that is warped."""
    folder.mkdir()
    tiles = [tile(folder, name, dtype) for name in HALVES]
    if way == "folder":
        return folder
    given = vrt_of(folder / "one.vrt", tiles)
    for number in range({"vrt": 0, "two deep": 1, "three deep": 2, "warped": 0}[way]):
        given = vrt_of(folder / f"outer{number}.vrt", [given])
    if way == "warped":
        with rasterio.open(given) as source, WarpedVRT(source, crs=CRS) as warped:
            rasterio.shutil.copy(warped, folder / "warped.vrt", driver="VRT")
        given = folder / "warped.vrt"
    return given


def harm(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """One unit in the west, one in the east."""
    boxes = [
        shapely.box(WEST + x, NORTH - 2500, WEST + x + 800, NORTH - 1500) for x in (1500, SIDE * PIXEL + 1500)
    ]
    path = tmp_path / "units.gpkg"
    gpd.GeoDataFrame({"name": ["w", "e"]}, geometry=boxes, crs=CRS).to_file(path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command's exit code, and what it says."""
    from rogi import cli

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["rogi", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.mark.parametrize("how", ["missing", "empty", "cut"])
@pytest.mark.parametrize("way", ["folder", "vrt", "two deep", "three deep", "warped"])
@pytest.mark.parametrize("option", ["--dem", "--maat"])
def test_units_on_other_files_are_done(
    tmp_path: Path, units: Path, run: Run, option: str, way: str, how: str
) -> None:
    if option == "--maat" and way == "folder":
        pytest.skip("two fields of one place are two variables, not tiles")
    if way == "folder" and how == "missing":
        pytest.skip("no file is missing from a folder")
    given = raster(tmp_path / "r", way, np.int16 if option == "--dem" else np.float32)
    harm(tmp_path / "r" / "east.tif", how)
    column, west = ("ELE_MEAN", 4000.0) if option == "--dem" else ("MAAT", -5.0)
    out = tmp_path / "out.gpkg"
    code, said = run("attributes", units, option, given, "--fields", column, "-o", out)
    assert code == 2
    assert "east.tif" in said
    found = gpd.read_file(out)
    values = found[column].to_numpy(dtype=float)
    # What is warped is read in large blocks; of those that need the file nothing is known.
    assert np.isnan(values[0]) if way == "warped" else values[0] == west
    assert np.isnan(values[1])
    assert found["ATTR_NOTE"].notna().tolist() == [way == "warped", True]


@pytest.mark.parametrize("way", ["vrt", "two deep", "three deep"])
def test_the_same_bytes_however_it_is_done(tmp_path: Path, units: Path, run: Run, way: str) -> None:
    """With one worker and two, from the ledger, and in another folder; mended, the rest is computed."""
    results = []
    for number, workers in enumerate((1, 2)):
        folder = tmp_path / f"f{number}"
        folder.mkdir()
        given = raster(folder / "r", way)
        harm(folder / "r" / "east.tif", "missing")
        out = folder / "out.gpkg"
        command = ("attributes", units, "--dem", given, "--fields", "ELE", "--workers", workers, "-o", out)
        assert run(*command)[0] == 2
        results.append(out.read_bytes())
        assert run(*command, "--force")[0] == 2
        results.append(out.read_bytes())
    assert len(set(results)) == 1
    tile(folder / "r", "east")
    assert run(*command, "--force")[0] == 0
    assert gpd.read_file(out)["ELE_MEAN"].tolist() == [4000.0, 5000.0]


def test_a_tile_changed_behind_vrts_is_noticed(tmp_path: Path, units: Path, run: Run) -> None:
    given = raster(tmp_path / "r", "two deep")
    out = tmp_path / "out.gpkg"
    command = ("attributes", units, "--dem", given, "--fields", "ELE", "-o", out, "--force")
    assert run(*command)[0] == 0
    path = tmp_path / "r" / "east.tif"
    write(path, np.full((1, SIDE, SIDE), 5100, np.int16), from_origin(WEST + 4000, NORTH, PIXEL, PIXEL), CRS)
    assert run(*command)[0] == 0
    assert gpd.read_file(out)["ELE_MEAN"].tolist() == [4000.0, 5100.0]


def test_numbers_said_to_be_void(tmp_path: Path, units: Path, run: Run) -> None:
    """In the key of the ledger too."""
    given = raster(tmp_path / "r", "folder")
    out = tmp_path / "out.gpkg"
    command = ("attributes", units, "--dem", given, "--fields", "ELE", "-o", out, "--force")
    assert run(*command)[0] == 0
    assert run(*command, "--nodata", "5000")[0] == 0
    values = gpd.read_file(out)["ELE_MEAN"].to_numpy(dtype=float)
    assert values[0] == 4000.0
    assert np.isnan(values[1])
