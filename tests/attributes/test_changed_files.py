"""A changed file computes the units anew that its pixels reach, and no others, in whatever the file lies."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from rasters import write

from rogi.attributes.configuration import AttributeSettings
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.derived import Derived
from rogi.inventory.build import from_frames
from rogi.ledger import Ledger
from rogi.raster import voids
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters

ARC = 1 / 1200
WEST, NORTH = 90.0, 31.0
SIDE = 40
"""Pixels of a tile; of each tile one unit has the middle."""

Place = tuple[int, int]
PLACES: list[Place] = [(row, column) for row in range(2) for column in range(3)]
ACROSS = len(PLACES)
"""The unit across the first two tiles."""

LAYOUTS = ("folder", "vrt", "two deep", "three deep", "overlap", "zip", "zips", "bands")


def ground(rows: int, columns: int, top: float, left: float, more: float = 0.0) -> np.ndarray:
    """A function of the place, in pixels, so that tiles fit together and may overlap."""
    row, column = np.mgrid[0:rows, 0:columns] + np.array([top, left])[:, None, None]
    return (4000 + 3 * row + 60 * np.sin(column / 9) + more).astype(np.float32)


class World:
    """Tiles of which an elevation model is made in one of several ways, and units on them."""

    def __init__(self, folder: Path, layout: str) -> None:
        self.folder, self.layout = folder, layout
        self.margin = 3 if layout == "overlap" else 0
        self.tiles = folder / "tiles"
        self.tiles.mkdir()
        self.ledger = Ledger()
        self.band = ""
        self.side = ARC

    def write(self, places: Iterable[Place] = PLACES, more: float = 0.0, band: int = 1) -> None:
        """Write tiles, `more` metres higher."""
        size = SIDE + 2 * self.margin
        for row, column in places:
            top, left = row * SIDE - self.margin, column * SIDE - self.margin
            transform = Affine(ARC, 0, WEST + left * ARC, 0, -ARC, NORTH - top * ARC)
            values = ground(size, size, top, left, more)[None]
            write(self.tiles / f"b{band}r{row}c{column}.tif", values, transform, "EPSG:4326", nodata=-9999)

    def model(self, places: list[Place] = PLACES) -> Path:
        """The elevation model of some tiles."""
        if self.layout == "folder":
            return self.tiles
        if self.layout == "zips":
            return self._zipped([[path] for path in sorted(self.tiles.iterdir())])
        if self.layout == "zip":
            return self._zipped([sorted(self.tiles.iterdir())])
        deep = {"two deep": 1, "three deep": 2}.get(self.layout, 0)
        if not deep:
            return self.vrt("all.vrt", [(f"tiles/b{{band}}r{r}c{c}.tif", (r, c), (1, 1)) for r, c in places])
        rows = []
        for row in sorted({r for r, _ in places}):
            own = [(f"tiles/b1r{row}c{c}.tif", (row, c), (1, 1)) for r, c in places if r == row]
            self.vrt(f"row{row}.vrt", own)
            first = min(c for r, c in places if r == row)
            rows.append((f"row{row}.vrt", (row, first), (1, len(own))))
        whole = self.vrt("all.vrt", rows)
        corner, last = (f(c for _, c in places) for f in (min, max))
        top, bottom = (f(r for r, _ in places) for f in (min, max))
        if deep == 1:
            return whole
        return self.vrt("out.vrt", [("all.vrt", (top, corner), (bottom - top + 1, last - corner + 1))])

    def vrt(self, name: str, sources: list[tuple[str, Place, Place]]) -> Path:
        """Sources where they belong: name, row and column of the first tile, and tiles down and across."""
        top, left = (min(place[axis] for _, place, _ in sources) for axis in (0, 1))
        high, wide = (max(place[k] + size[k] for _, place, size in sources) for k in (0, 1))
        bands = ""
        for band in (1, 2) if self.layout == "bands" else (1,):
            bands += f'<VRTRasterBand dataType="Float32" band="{band}"><NoDataValue>-9999</NoDataValue>'
            for file, (row, column), (down, across) in sources:
                height, width = down * SIDE + 2 * self.margin, across * SIDE + 2 * self.margin
                x, y = (column - left) * SIDE - self.margin, (row - top) * SIDE - self.margin
                bands += (
                    f'<SimpleSource><SourceFilename relativeToVRT="1">{file.format(band=band)}'
                    f'</SourceFilename><SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" xSize="{width}" '
                    f'ySize="{height}"/><DstRect xOff="{x}" yOff="{y}" xSize="{width}" ySize="{height}"/>'
                    "</SimpleSource>"
                )
            bands += "</VRTRasterBand>"
        (self.folder / name).write_text(
            f'<VRTDataset rasterXSize="{(wide - left) * SIDE}" rasterYSize="{(high - top) * SIDE}">'
            f"<SRS>EPSG:4326</SRS><GeoTransform>{WEST + left * SIDE * ARC!r}, {self.side!r}, 0, "
            f"{NORTH - top * SIDE * ARC!r}, 0, {-self.side!r}</GeoTransform>{bands}</VRTDataset>"
        )
        return self.folder / name

    def _zipped(self, groups: list[list[Path]]) -> Path:
        (self.folder / "zips").mkdir(exist_ok=True)
        for number, group in enumerate(groups):
            with zipfile.ZipFile(self.folder / f"zips/{number}.zip", "w") as archive:
                for path in group:
                    archive.write(path, f"a/{path.name}")
        return self.folder / "zips"

    def run(self, model: Path, ledger: Ledger | None = None) -> Derived:
        middles = [((r + 0.5) * SIDE, (c + 0.5) * SIDE) for r, c in PLACES] + [(SIDE / 2, float(SIDE))]
        shapes = [shapely.Point(WEST + x * ARC, NORTH - y * ARC).buffer(3 * ARC) for y, x in middles]
        frame = gpd.GeoDataFrame({"ID": [None] * len(shapes)}, geometry=shapes, crs=4326)
        # Rays reach 9 pixels; tiles begin 17 pixels from the units in their middles, 14 where they overlap.
        radiation = RadiationParameters(search_radius=700.0, n_sectors=4, time_step=60)
        settings = AttributeSettings(dem=(f"{model}{self.band}",), radiation=radiation)
        inventory = from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")
        return derive_attributes(inventory, settings, Runner(ledger or self.ledger))

    def computed(self, model: Path) -> int:
        """How many units are computed anew; their values are those without a ledger."""
        found = self.run(model)
        with Ledger() as empty:
            pd.testing.assert_frame_equal(table(found), table(self.run(model, empty)))
        assert (found.units - found.reused) % 2 == 0  # relief and radiation
        return (found.units - found.reused) // 2


def table(derived: Derived) -> pd.DataFrame:
    layer = derived.inventory.layer(Role.OUTLINE)
    assert layer is not None
    return pd.DataFrame(layer.frame.drop(columns="geometry"))


@pytest.fixture(params=LAYOUTS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made = World(tmp_path, request.param)
    made.write()
    if made.layout == "bands":
        made.write(band=2, more=500)
        made.band = ":2"
    return made


def test_a_changed_tile_computes_its_units_only(world: World) -> None:
    band = 2 if world.band else 1
    assert world.computed(world.model()) == len(PLACES) + 1
    assert world.computed(world.model()) == 0
    for path in world.tiles.iterdir():
        os.utime(path, (10**9, 10**9))
    assert world.computed(world.model()) == 0
    world.write([(1, 2)], more=7, band=band)
    assert world.computed(world.model()) == 1
    world.write([(0, 1)], more=7, band=band)
    assert world.computed(world.model()) == 2  # its own and that across
    if world.band:
        world.write([(0, 1)], more=7, band=1)
        assert world.computed(world.model()) == 0


@pytest.mark.parametrize("world", ["folder", "vrt", "two deep", "three deep"], indirect=True)
def test_tiles_come_and_go(world: World) -> None:
    """Also those in the north and west, which move the corner of the model."""
    gone: list[Path] = []
    for place in ((0, 0), (1, 0)):
        path = world.tiles / f"b1r{place[0]}c{place[1]}.tif"
        gone.append(path.rename(world.folder / path.name))
    places = [place for place in PLACES if place[1] > 0]
    assert world.computed(world.model(places)) == len(PLACES) + 1
    for path in gone:
        path.rename(world.tiles / path.name)
    assert world.computed(world.model()) == 3  # two that had no ground, and that across
    (world.tiles / "b1r1c2.tif").unlink()
    assert world.computed(world.model([place for place in PLACES if place != (1, 2)])) == 1


def test_what_a_vrt_says_of_a_tile_counts(tmp_path: Path) -> None:
    """Where it lies, its order, its numbers; not its name, nor what is said of tiles elsewhere."""
    world = World(tmp_path, "vrt")
    world.write()
    everything = world.model().read_text()
    assert world.computed(world.model()) == len(PLACES) + 1
    path = world.tiles / "b1r0c0.tif"
    path.rename(world.tiles / "other.tif")
    model = world.folder / "all.vrt"
    text = everything.replace(path.name, "other.tif")
    model.write_text(text)
    assert world.computed(model) == 0
    first, *others = text.split("<SimpleSource>")
    model.write_text(first + "".join(f"<SimpleSource>{s}" for s in (*others[:-1][::-1], others[-1])))
    assert world.computed(model) == 1  # across the two whose order changed
    model.write_text(text.replace('xOff="80" yOff="40"', 'xOff="80" yOff="41"'))
    assert world.computed(model) == 1
    model.write_text(text.replace("<NoDataValue>-9999", "<NoDataValue>-9998"))
    assert world.computed(model) == len(PLACES) + 1
    model.write_text(text.replace(repr(ARC), repr(float(np.nextafter(ARC, 1)))))
    assert world.computed(model) == 0
    model.write_text(text.replace(repr(WEST), repr(WEST + ARC / 4)))
    assert world.computed(model) == len(PLACES) + 1


def test_where_a_vrt_in_a_vrt_is_cut_counts(tmp_path: Path) -> None:
    world = World(tmp_path, "two deep")
    world.write()
    model = world.model()
    assert world.computed(model) == len(PLACES) + 1
    first, second = model.read_text().split("</SimpleSource>", 1)
    for wide, units in ((100, 1), (101, 1), (118, 0)):  # the last unit has columns 97 to 103
        model.write_text(first.replace('xSize="120"', f'xSize="{wide}"') + "</SimpleSource>" + second)
        assert world.computed(model) == units


def test_a_vrt_that_is_calculated_counts_as_a_whole(tmp_path: Path) -> None:
    world = World(tmp_path, "vrt")
    world.write()
    text = world.model().read_text().replace('band="1"', 'band="1" subClass="VRTDerivedRasterBand"')
    model = tmp_path / "all.vrt"
    model.write_text(text.replace("<NoDataValue>", "<PixelFunctionType>max</PixelFunctionType><NoDataValue>"))
    assert world.computed(model) == len(PLACES) + 1
    world.write([(1, 2)], more=7)
    assert world.computed(model) == len(PLACES) + 1


def test_another_band_is_another_input(tmp_path: Path) -> None:
    world = World(tmp_path, "file")
    both = np.stack([ground(80, 120, 0, 0), ground(80, 120, 0, 0, 500)])
    path = write(tmp_path / "two.tif", both, Affine(ARC, 0, WEST, 0, -ARC, NORTH), "EPSG:4326", nodata=-9999)
    for band in (":1", ":2"):
        world.band = band
        assert world.computed(path) == len(PLACES) + 1


def test_the_shore_of_zeros_counts_however_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros are sea or fill by what lies around all of them, behind a VRT in another tile."""
    monkeypatch.setattr(voids, "BLOCK", 16)
    world = World(tmp_path, "vrt")
    shore = np.full((2 * SIDE, 3 * SIDE), 120.0, np.float32)
    shore[20, 10:115] = 0
    for row, column in PLACES:
        part = shore[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        transform = Affine(ARC, 0, WEST + column * SIDE * ARC, 0, -ARC, NORTH - row * SIDE * ARC)
        write(world.tiles / f"b1r{row}c{column}.tif", part[None], transform, "EPSG:4326", nodata=-9999)
    assert world.computed(world.model()) == len(PLACES) + 1
    assert table(world.run(world.model()))["ELE_MIN"].min() == 120  # fill
    part[:] = 120.0
    flat = shore[:SIDE, 2 * SIDE :].copy()
    flat[20, 35] = 10.0  # a beach at the end, 15 pixels from the unit of that tile
    transform = Affine(ARC, 0, WEST + 2 * SIDE * ARC, 0, -ARC, NORTH)
    write(world.tiles / "b1r0c2.tif", flat[None], transform, "EPSG:4326", nodata=-9999)
    assert world.computed(world.model()) >= 4  # all that have zeros
    assert table(world.run(world.model()))["ELE_MIN"].iloc[[0, 1, 2, ACROSS]].eq(0).all()
