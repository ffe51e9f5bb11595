"""Files at fault behind probabilities, grids and pictures: named, the rest is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasters import grid, write

from rogi.detection.evaluation.pixel_scores import pixel_scores, probability_raster
from rogi.geometry import transform_geometries
from rogi.raster.files import open_raster
from rogi.raster.grid import Window
from rogi.raster.header import CorruptTile, MissingTile
from rogi.statistics.grid_rasters import grid_of_raster
from rogi.update.packages.imagery_style import imagery_style
from rogi.update.planning.evidence import _zonal

SIDE = 64


def vrt(folder: Path, harm: str, deep: int) -> Path:
    """Two tiles side by side, the east one at fault, behind VRTs so deep."""
    for name, column in (("west", 0), ("east", SIDE)):
        values = np.full((1, SIDE, SIDE), 127, np.uint8)
        transform = grid() @ rasterio.Affine.translation(column, 0)
        write(folder / f"{name}.tif", values, transform, nodata=255)
    size = f'xOff="0" yOff="0" xSize="{SIDE}" ySize="{SIDE}"'
    inside = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="1">{name}.tif</SourceFilename>'
        "<SourceBand>1</SourceBand>"
        f'<SrcRect {size}/><DstRect xOff="{column}" yOff="0" xSize="{SIDE}" ySize="{SIDE}"/></SimpleSource>'
        for name, column in (("west", 0), ("east", SIDE))
    )
    order = ", ".join(str(v) for v in grid().to_gdal())
    for number in range(deep):
        path = folder / f"{number}.vrt"
        path.write_text(
            f'<VRTDataset rasterXSize="{2 * SIDE}" rasterYSize="{SIDE}"><SRS>EPSG:32645</SRS><GeoTransform>'
            f'{order}</GeoTransform><VRTRasterBand dataType="Byte" band="1">{inside}</VRTRasterBand>'
            "</VRTDataset>"
        )
        inside = (
            f'<SimpleSource><SourceFilename relativeToVRT="1">{number}.vrt</SourceFilename><SourceBand>1'
            "</SourceBand></SimpleSource>"
        )
    east = folder / "east.tif"
    if harm == "missing":
        east.unlink()
    else:
        east.write_bytes(b"" if harm == "empty" else east.read_bytes()[:200])
    return path


def outlines() -> np.ndarray:
    """A square in the west, one in the east."""
    boxes = [shapely.box(c + 8, 8, c + 24, 24) for c in (0, SIDE)]
    t = grid()
    placed = shapely.transform(
        np.array(boxes, dtype=object),
        lambda xy: np.column_stack([t.a * xy[:, 0] + t.c, t.e * xy[:, 1] + t.f]),
    )
    return transform_geometries(placed, "EPSG:32645", 4326)


@pytest.mark.parametrize("deep", [1, 2, 3])
@pytest.mark.parametrize("harm", ["missing", "empty", "cut"])
def test_probabilities_are_judged_where_they_can_be_read(tmp_path: Path, harm: str, deep: int) -> None:
    path = vrt(tmp_path, harm, deep)
    found = pixel_scores(path, outlines())
    assert ["east.tif" in message for message in found.damaged] == [True]
    assert found.inside.sum() == pytest.approx(found.missed, rel=0.01)
    means, shares, damaged = _zonal(path, outlines())
    assert means[0] == pytest.approx(0.5)
    assert np.isnan(means[1])
    assert shares.tolist() == pytest.approx([1.0, 0.0])
    assert [error.path.name for error in damaged] == ["east.tif"]
    with pytest.raises(CorruptTile, match=r"east\.tif"):
        imagery_style(path, tmp_path)


def test_only_what_lies_on_the_file_is_void(tmp_path: Path) -> None:
    path = vrt(tmp_path, "missing", 2)
    raster = replace(probability_raster(path), damaged={})
    values = raster.read(Window(0, SIDE, 0, 2 * SIDE))
    np.testing.assert_array_equal(values[:, :SIDE], 127)
    assert np.isnan(values[:, SIDE:]).all()
    for _ in range(3):  # GDAL says it once, and gives zeros from then on
        with pytest.raises(CorruptTile):
            open_raster(path).read(Window(0, SIDE, 0, 2 * SIDE))


def test_a_grid_of_which_a_part_is_missing_is_refused(tmp_path: Path) -> None:
    path = vrt(tmp_path, "missing", 2)
    with pytest.raises(MissingTile, match=r"east\.tif"):
        grid_of_raster(path)
