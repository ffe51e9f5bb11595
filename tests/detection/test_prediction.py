"""Prediction from the command line: what it gives, and that nothing but the inputs decides on its bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from bundles import answer, tiny_bundle
from scipy import ndimage

from rogi.detection.evaluation.pixel_scores import probability_raster
from rogi.detection.imagery.channels import Imagery
from rogi.detection.model.bundle import Bundle
from rogi.detection.model.engines import Plan
from rogi.detection.model.ensemble import Models
from rogi.detection.prediction import plan_choice
from rogi.detection.prediction.run import _resampled
from rogi.detection.windows import STEPS, Blend, Lattice, Merge
from rogi.errors import InputError, OptionError

PATCH, STRIDE, BLOCK = 96, 64, 192
CRS = "EPSG:32646"
SIZE = 5.0
WEST, NORTH = 500_015.0, 3_399_980.0
ROWS, COLUMNS, TILE = 400, 500, 250
FAST = ("--backend", "onnxruntime", "--block", BLOCK)
UNIT, GROUND = 190, 60
"""Brightness of a unit and of the ground: above and below what the tiny network calls a half."""

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny", patch=PATCH, stride=STRIDE)


def place(row: float = 0, column: float = 0, size: float = SIZE) -> Affine:
    return Affine(size, 0, WEST + column * SIZE, 0, -size, NORTH - row * SIZE)


def write_image(path: Path, values: np.ndarray, transform: Affine | None = None, **more: object) -> Path:
    profile = {
        "driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2],
        "dtype": values.dtype, "crs": CRS, "transform": transform or place(), "compress": "deflate",
    }  # fmt: skip
    with rasterio.open(path, "w", **(profile | more)) as file:
        file.write(values)
    return path


def scene() -> np.ndarray:
    """Ground with three bright units, (3, rows, columns) uint8, none of it 0."""
    rng = np.random.default_rng(4)
    image = GROUND + rng.integers(-20, 20, (ROWS, COLUMNS))
    for row, column, height, width in ((40, 60, 70, 50), (180, 200, 90, 120), (310, 410, 50, 60)):
        image[row : row + height, column : column + width] += UNIT - GROUND
    return np.repeat(image[None], 3, axis=0).astype(np.uint8)


UNIT_PIXELS, BORDER_PIXELS = [50 * 60, 70 * 50, 90 * 120], [220, 240, 420]


def pixels_of_units(above: np.ndarray) -> list[int]:
    """Pixels of each group of pixels that touch along their sides, of 0.01 km² and more."""
    counts = np.bincount(ndimage.label(above)[0].ravel())[1:]
    return sorted(int(n) for n in counts if n * SIZE**2 >= 10_000)


def tiles(folder: Path, values: np.ndarray) -> Path:
    """The scene in tiles, two by two."""
    folder.mkdir()
    for row in range(0, ROWS, TILE):
        for column in range(0, COLUMNS, TILE):
            part = values[:, row : row + TILE, column : column + TILE]
            write_image(folder / f"r{row}c{column}.tif", part, place(row, column), nodata=0)
    return folder


def probability_of(image: np.ndarray) -> np.ndarray:
    """What the tiny network gives where its view ends nowhere."""
    mean = np.array([100, 110, 120], np.float32)[:, None, None]
    return answer(((image - mean) / 50)[None])[0, 0]


def levels(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(1)


def blocks_kept(errors: str) -> tuple[int, int]:
    """Blocks in all, and those that were there."""
    line = next(line for line in errors.splitlines() if "windows predicted" in line)
    total, _, rest = line.partition(" block")
    return int(total), int(rest.split()[1]) if " of them as " in rest else 0


# ---- what it gives


def test_probability_and_candidates(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Against the closed form of the network on the whole image: within rounding, and the units come out."""
    image = scene()
    source = tiles(tmp_path / "tiles", image)
    out, prob, spread = (tmp_path / name for name in ("out.gpkg", "prob.tif", "spread.tif"))
    code, stdout, errors = main(
        source, "--model", bundle.path, "-o", out, "--probability", prob, "--spread", spread,
        "--date", "2021-08-15", *FAST,
    )  # fmt: skip
    assert code == 0, errors
    assert stdout.split() == [str(out), str(prob), str(spread)]
    with pytest.raises(InputError, match="spread of windows, not probabilities"):
        probability_raster(spread)
    probability_raster(prob)
    found = levels(prob)
    inner = (slice(2, -2), slice(2, -2))  # the network sees two pixels
    expected = 254 * probability_of(image)
    # At the ends of windows it sees the mean in place of the ground; cosine weights leave little of that.
    assert np.abs(found - expected)[inner].mean() < 0.6
    assert np.quantile(np.abs(found - expected)[inner], 0.99) <= 2
    with rasterio.open(prob) as file:
        assert (file.nodata, file.crs, file.transform) == (255, CRS, place())
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.descriptions == ("rock glacier",)
        assert file.scales == pytest.approx((1 / 254,))
    frame = pyogrio.read_dataframe(out, layer="candidates")
    # Polygons have the pixels of the raster, and these are the network's but for some at the ends of windows.
    areas = sorted(shapely.area(frame.geometry) / SIZE**2)
    np.testing.assert_allclose(areas, pixels_of_units((found >= 127) & (found != 255)), rtol=1e-9)
    np.testing.assert_allclose(areas, pixels_of_units(expected >= 126.5), rtol=2e-3)
    # The blur of the network moves their edges out, by less than a pixel.
    grown = np.subtract(areas, UNIT_PIXELS) / BORDER_PIXELS
    assert grown.min() > 0.5 and grown.max() < 0.8
    assert set(frame["model"]) == {bundle.label}
    assert set(frame["image_date"].astype(str)) == {"2021-08-15"}
    assert (frame["confidence"] > 0.9).all()
    covered = pyogrio.read_dataframe(out, layer="coverage")
    assert shapely.area(covered.geometry).sum() == ROWS * COLUMNS * SIZE**2
    with sqlite3.connect(out) as base:
        (text,) = base.execute("SELECT metadata FROM gpkg_metadata").fetchone()
    said = json.loads(text)["candidates"]
    assert said["bundle"]["sha256"] == bundle.digest
    assert said["prediction"]["backend"] == "onnxruntime"
    assert [file["name"] for file in said["images"]["files"]] == [f.name for f in sorted(source.iterdir())]


def test_or_is_the_largest_of_windows(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Against a loop over windows on the same lattice with the closed form: exact but for rounding."""
    image = scene()
    source = write_image(tmp_path / "a.tif", image)
    prob = tmp_path / "p.tif"
    stride = PATCH // 3
    code, _, errors = main(
        source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", "--probability", prob, "--merge", "or",
        "--stride", stride, *FAST,
    )  # fmt: skip
    assert code == 0, errors
    mean = np.array([100, 110, 120], np.float32)[:, None, None]
    margin = 2 * PATCH
    wide = np.pad((image - mean) / 50, ((0, 0), (margin, margin), (margin, margin)))
    row0, column0 = round(-NORTH / SIZE), round(WEST / SIZE)
    expected = np.zeros(wide.shape[1:])
    half = (PATCH - stride) // 2
    for top in range(-PATCH, ROWS + PATCH):
        for left in range(-PATCH, COLUMNS + PATCH):
            if (top + row0) % stride or (left + column0) % stride:
                continue
            # windows run where ground of the image lies in their middle
            if not (-stride < top + half < ROWS and -stride < left + half < COLUMNS):
                continue
            where = np.s_[top + margin : top + margin + PATCH, left + margin : left + margin + PATCH]
            expected[where] = np.maximum(expected[where], answer(wide[:, *where][None])[0, 0])
    expected = expected[margin:-margin, margin:-margin]
    assert np.abs(levels(prob) - 254 * expected).max() <= 0.5 + 254 / STEPS / 2 + 1e-3


def test_wedge_without_data_keeps_the_unit(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """A wedge of nodata through the largest unit: it comes out, marked; the ground beside is predicted."""
    image = scene()
    wedge = np.zeros((ROWS, COLUMNS), bool)
    for row in range(ROWS):
        wedge[row, 230 : 230 + max(0, row - 150) // 10] = True
    holed = np.where(wedge, 0, image).astype(np.uint8)
    source = write_image(tmp_path / "a.tif", holed, nodata=0)
    out, prob = tmp_path / "o.gpkg", tmp_path / "p.tif"
    code, _, errors = main(source, "--model", bundle.path, "-o", out, "--probability", prob, *FAST)
    assert code == 0, errors
    found = levels(prob)
    np.testing.assert_array_equal(found == 255, wedge)
    truth = (image[0] > 125) & ~wedge
    assert ((found >= 127) & truth & ~wedge).sum() / truth.sum() > 0.98
    frame = pyogrio.read_dataframe(out, layer="candidates")
    inside = shapely.box(WEST + 200 * SIZE, NORTH - 270 * SIZE, WEST + 320 * SIZE, NORTH - 180 * SIZE)
    parts = frame[shapely.intersects(frame.geometry, inside)]
    assert len(parts) == 2
    assert (parts["invalid_halo"] > 0).all()
    assert parts["at_edge"].all()


def test_area_and_excluded_ground(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Inside the area the bytes are those of the whole; outside, and on excluded ground, there is nothing."""
    source = write_image(tmp_path / "a.tif", scene())
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    assert (
        main(source, "--model", bundle.path, "-o", tmp_path / "w.gpkg", "--probability", whole, *FAST)[0] == 0
    )
    corners = [(60, 100), (380, 130), (300, 420), (90, 400)]
    ring = shapely.Polygon([(WEST + c * SIZE, NORTH - r * SIZE) for r, c in corners])
    inner = shapely.box(WEST + 240 * SIZE, NORTH - 260 * SIZE, WEST + 300 * SIZE, NORTH - 200 * SIZE)
    for layer, shape in (("markers", ring.centroid), ("outlines", ring)):  # an inventory has points first
        gpd.GeoDataFrame({"name": ["here"]}, geometry=[shape], crs=CRS).to_file(
            tmp_path / "area.gpkg", layer=layer
        )
    gpd.GeoDataFrame(geometry=[inner], crs=CRS).to_file(tmp_path / "ice.gpkg")
    code, _, errors = main(
        source, "--model", bundle.path, "-o", tmp_path / "p.gpkg", "--probability", part,
        "--area", f"{tmp_path / 'area.gpkg'}:Here", "--exclude", tmp_path / "ice.gpkg", *FAST,
    )  # fmt: skip
    assert code == 0, errors
    row, column = np.mgrid[:ROWS, :COLUMNS] + 0.5
    points = shapely.points(WEST + column * SIZE, NORTH - row * SIZE)
    wanted = shapely.contains(ring, points) & ~shapely.contains(inner, points)
    found = levels(part)
    assert ((found != 255) != wanted).mean() < 1e-3  # pixels whose centre lies on the line, nearly
    np.testing.assert_array_equal(found[found != 255], levels(whole)[found != 255])


def test_numbers_agree_with_their_nouns(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.tif", scene()[:, 30:130, 50:130], place(30, 50))  # one unit
    arguments = (source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", "--backend", "onnxruntime")
    _, _, errors = main(*arguments, "--block", 2000, "--threads", 1)
    for said in (" on cpu, 1 thread\n", "1 block; ", "\n1 candidate, "):
        assert said in errors
    assert "1 block, 1 of them as it was; 0 windows predicted\n" in main(*arguments, "--block", 2000)[2]


def test_no_candidate_is_an_empty_file(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    source = write_image(tmp_path / "a.tif", np.minimum(scene(), 90))
    out = tmp_path / "o.gpkg"
    code, _, errors = main(source, "--model", bundle.path, "-o", out, *FAST)
    assert code == 0, errors
    assert "no candidate: nowhere is the probability 0.5 or more" in errors
    assert len(pyogrio.read_dataframe(out, layer="candidates")) == 0
    assert len(pyogrio.read_dataframe(out, layer="coverage")) == 1


def test_resampling_and_stretching(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Imagery of 10 m in floats from 0 to 1 is brought to what the model takes: the units come out."""
    coarse = scene()[:, ::2, ::2] / np.float32(255)
    source = write_image(tmp_path / "a.tif", coarse, place(size=10.0))
    out = tmp_path / "o.gpkg"
    code, _, errors = main(source, "--model", bundle.path, "-o", out, "--resample", "--stretch", "0,1", *FAST)
    assert code == 0, errors
    areas = shapely.area(pyogrio.read_dataframe(out, layer="candidates").geometry)
    # As from the imagery of 5 m, to a quarter of a pixel along the border: pixels of 10 m share its edges.
    expected = pixels_of_units(probability_of(scene()) >= 126.5 / 254)
    assert (np.abs(np.sort(areas / SIZE**2) - expected) <= np.array(BORDER_PIXELS) / 4).all()


# ---- the same bytes


def test_blocks_and_workers_change_no_byte(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Blocks of another size, two processes, another number of threads: the same files."""
    source = tiles(tmp_path / "tiles", scene())
    made = []
    for name, more in (
        ("one", ("--block", 64, "--threads", 1)),
        ("large", ("--block", 1000, "--threads", 2)),
        ("two", ("--block", BLOCK, "--workers", 2, "--threads", 1)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        code, _, errors = main(
            source, "--model", bundle.path, "-o", folder / "o.gpkg", "--probability", folder / "p.tif",
            "--spread", folder / "s.tif", "--backend", "openvino", "--precision", "fp32", *more,
        )  # fmt: skip
        assert code == 0, errors
        made.append([(folder / file).read_bytes() for file in ("o.gpkg", "p.tif", "s.tif")])
    assert made[0] == made[1] == made[2]


def test_parts_together_are_the_single_run(
    main: Main, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs of an array in any order, one begun twice: the same files, no block computed again at the end.

    The end may be on a machine where nothing runs the network, unless labels are to be compared anew.
    """
    source = tiles(tmp_path / "tiles", scene())
    made = []
    for name in ("one", "parts"):
        folder = tmp_path / name
        folder.mkdir()
        rasters = ("--probability", folder / "p.tif", "--spread", folder / "s.tif")
        how = (*FAST, "--device", "cpu", "--precision", "fp32")
        arguments = (source, "--model", bundle.path, "-o", folder / "o.gpkg", *rasters, *how)
        counts = []
        for part in ("3/3", "1/3", "1/3", "2/3") if name == "parts" else ():
            code, out, errors = main(*arguments, "--part", part)
            assert (code, out) == (0, ""), errors
            assert "without --part" in errors
            counts.append(blocks_kept(errors))
            assert list(folder.iterdir()) == [folder / "o.gpkg.rogi"]
        if counts:
            monkeypatch.setattr(plan_choice, "select_backend", no_gpu)
            code, _, errors = main(*arguments, "--threshold", 0.7)
            assert (code, "no GPU here" in errors) == (2, True), errors
        code, _, errors = main(*arguments)
        assert code == 0, errors
        if counts:
            assert [total - kept for total, kept in counts] == [4, 4, 0, 4]
            assert blocks_kept(errors) == (12, 12)
        assert sorted(path.name for path in (folder / "o.gpkg.rogi").iterdir()) == ["blocks", "ledger"]
        made.append([(folder / file).read_bytes() for file in ("o.gpkg", "p.tif", "s.tif")])
    assert made[0] == made[1]
    # a candidate lies in blocks of two parts: none of them alone has all of it
    units = gpd.read_file(tmp_path / "parts" / "o.gpkg", layer="candidates")
    edges = [NORTH - SIZE * (row - round(-NORTH / SIZE) % BLOCK) for row in range(0, ROWS + BLOCK, BLOCK)]
    assert any(low < edge < high for edge in edges for _, low, _, high in units.bounds.to_numpy())


def no_gpu(*_: object, **__: object) -> None:
    raise OptionError("There is no GPU here.")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--part", "0/3"), "--part is K/N"),
        (("--part", "4/3"), "--part is K/N"),
        (("--part", "three"), "--part is K/N"),
        (("--part", "1/3"), "--part needs --device, --precision: "),
        (("--part", "1/3", "--device", "cuda", "--precision", "bf16"), "--part needs --batch: "),
    ],
)
def test_parts_that_are_refused(
    main: Main, bundle: Bundle, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    source = write_image(tmp_path / "a.tif", scene()[:, :100, :100])
    code, _, errors = main(source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", *FAST, *more)
    assert code == 2
    assert message in errors


def test_changed_tile_redoes_what_it_touches(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Blocks apart from a changed tile stay; the result is that of a first run with the new tile."""
    image = scene()
    source = tiles(tmp_path / "tiles", image)
    arguments = (source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", *FAST)
    total, kept = blocks_kept(main(*arguments)[2])
    assert (total, kept) == (12, 0)
    assert blocks_kept(main(*arguments)[2]) == (12, 12)
    image[:, 300:340, 400:430] = 220
    shutil.rmtree(source)
    tiles(source, image)  # all files are new, one of them has other pixels
    code, _, errors = main(*arguments)
    assert code == 0, errors
    total, kept = blocks_kept(errors)
    # The tile starts at row and column 250. Blocks are 192 pixels and reach 32 over the next.
    starts_row = [r for r in range(-500, ROWS) if (r + round(-NORTH / SIZE)) % BLOCK == 0]
    starts_column = [c for c in range(-500, COLUMNS) if (c + round(WEST / SIZE)) % BLOCK == 0]
    reach = BLOCK + PATCH - STRIDE
    touched = sum(r + reach > TILE for r in starts_row) * sum(c + reach > TILE for c in starts_column)
    assert (total, total - kept) == (12, touched)
    assert touched < 12
    main(source, "--model", bundle.path, "-o", tmp_path / "new.gpkg", *FAST)
    assert (tmp_path / "o.gpkg").read_bytes() == (tmp_path / "new.gpkg").read_bytes()


def test_more_imagery_that_resamples_otherwise_has_other_keys(tmp_path: Path) -> None:
    """A further tile moves the middle of the imagery, where the reach in a model in degrees is set."""
    folder = tiles(tmp_path / "mosaic", scene())
    heights = np.random.default_rng(2).uniform(3000, 5000, (1, 300, 400)).astype(np.float32)
    dem = write_image(tmp_path / "dem.tif", heights, Affine(2e-5, 0, 93.0, 0, -2e-5, 30.735), crs="EPSG:4326")
    blend = Blend(Merge.COSINE, STRIDE, PATCH, BLOCK)

    def resampled(**channels: Path) -> list[list[float]]:
        imagery = Imagery.open(folder, channels=channels)
        return _resampled(imagery, Lattice.over(imagery.transform, imagery.shape, blend))

    before = resampled(elevation=dem)
    write_image(folder / "r999.tif", scene()[:, :50, :70], place(30_000, 0), nodata=0)
    assert len(before) == 1
    assert resampled(elevation=dem) != before
    assert resampled() == []


@pytest.mark.parametrize("stated", ["offset", "nodata"])
def test_a_catalogue_that_says_something_else_of_the_same_files(
    main: Main, bundle: Bundle, tmp_path: Path, stated: str
) -> None:
    """Two images, of which it first tags one and then the other: blocks of before are not taken."""
    for number in range(2):
        image = scene()[:, :, number * TILE : (number + 1) * TILE]
        write_image(tmp_path / f"{number}.tif", image, place(0, number * TILE))

    def catalogue(tagged: int) -> Path:
        band = {stated: -40 if stated == "offset" else UNIT}
        assets = [
            {"href": f"{number}.tif", "raster:bands": [band] * 3 if number == tagged else []}
            for number in range(2)
        ]
        items = [
            {"type": "Feature", "id": str(number), "properties": {}, "assets": {"visual": asset}}
            for number, asset in enumerate(assets)
        ]
        path = tmp_path / "items.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
        return path

    def probability(name: str, tagged: int, work: str) -> bytes:
        path = tmp_path / name
        code, _, errors = main(
            catalogue(tagged), "--model", bundle.path, "-o", tmp_path / "c.gpkg", "--probability", path,
            "--work", tmp_path / work, "--trust-values", "--force", *FAST,
        )  # fmt: skip
        assert code == 0, errors
        return path.read_bytes()

    first = probability("a.tif", 0, "work")
    second = probability("b.tif", 1, "work")
    assert first != second == probability("fresh.tif", 1, "other")


def test_a_choice_is_kept(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What computed the first blocks computes the others too, were something else faster by then."""
    from rogi.detection.model import backends
    from rogi.detection.prediction.plan_choice import choose_plan
    from rogi.ledger import Ledger

    fastest = ["onnxruntime"]
    monkeypatch.setattr(
        backends, "_seconds", lambda engine, _: 0.1 if engine.plan.backend == fastest[0] else 0.2
    )
    with Ledger(tmp_path / "ledger") as ledger:
        plan, selection = choose_plan(Models((bundle,)), ledger, threads=1, precision="fp32", device="cpu")
        assert (plan.backend, selection is not None) == ("onnxruntime", True)
        fastest[0] = "openvino"
        again, selection = choose_plan(Models((bundle,)), ledger, threads=2, precision="fp32", device="cpu")
        assert (again.backend, again.threads, selection) == ("onnxruntime", 2, None)


def test_another_threshold_changes_a_choice_only_where_it_must(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was chosen is kept at a threshold where it passes, and left where it turns labels, for good."""
    from rogi.detection.model import backends
    from rogi.detection.prediction.plan_choice import choose_plan
    from rogi.ledger import Ledger

    golden = bundle.golden()
    fastest = ["bf16"]

    class Fake:
        """Right, but for probabilities of 0.6 to 0.61, which bf16 makes smaller."""

        def __init__(self, plan: Plan, _: Bundle) -> None:
            self.plan, self.batch = plan, 1

        def run(self, images: np.ndarray) -> np.ndarray:
            found = golden.expected[: len(images)].copy()
            if self.plan.precision == "bf16":
                found[(found >= 0.6) & (found < 0.61)] = 0.59
            return found

    plans = [Plan("openvino", "cpu", precision, "1") for precision in ("bf16", "fp32")]
    monkeypatch.setattr(backends, "build_backend", Fake)
    monkeypatch.setattr(
        backends, "_plans", lambda _, precision, __: [p for p in plans if precision in ("auto", p.precision)]
    )
    monkeypatch.setattr(backends, "_seconds", lambda e, _: 0.1 if e.plan.precision == fastest[0] else 0.2)
    with Ledger(tmp_path / "ledger") as ledger:

        def chosen(threshold: float | None) -> tuple[str, bool]:
            plan, selection = choose_plan(Models((bundle,)), ledger, threads=1, threshold=threshold)
            return plan.precision, selection is not None

        assert chosen(None) == ("bf16", True)
        fastest[0] = "fp32"
        assert chosen(0.3) == ("bf16", False)
        assert chosen(0.6) == ("fp32", True)
        fastest[0] = "bf16"
        assert chosen(0.6) == ("fp32", False)
        assert chosen(None) == ("fp32", False)  # its blocks have replaced those of bf16


def command(*arguments: object) -> list[str]:
    code = "from rogi.cli import main; main()"
    return [sys.executable, "-c", code, "detect", "predict", *map(str, arguments)]


def held(ledger: Path) -> int:
    """Results in a ledger that another process writes."""
    if not ledger.exists():
        return 0
    base = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return int(base.execute("SELECT count(*) FROM results").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        base.close()


@pytest.mark.slow
def test_killed_five_times(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """SIGKILL at random counts of finished blocks, and while the last files are written: the same bytes."""
    source = tiles(tmp_path / "tiles", scene())
    files = ("o.gpkg", "p.tif")
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()

    def arguments(folder: Path) -> list[object]:
        return [source, "--model", bundle.path, "-o", folder / "o.gpkg", "--probability", folder / "p.tif",
                "--backend", "onnxruntime", "--block", 64]  # fmt: skip

    assert main(*arguments(first))[0] == 0
    work = second / "o.gpkg.rogi"
    counts = sorted(random.Random(6).sample(range(2, 60), 3))
    points: list[Callable[[], bool]] = [lambda n=n: held(work / "ledger") >= n for n in counts]  # type: ignore[misc]
    points += [(work / "probability.tif").exists, (second / "p.tif").exists]
    killed = 0
    for reached in points:
        process = subprocess.Popen(
            command(*arguments(second)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not reached():
            time.sleep(0.002)
        process.kill()
        process.wait()
        if (second / "o.gpkg").exists():  # on a busy machine it may end before it is seen to be there
            (second / "o.gpkg").unlink()
        else:
            killed += 1
    assert killed >= 3
    code, _, errors = main(*arguments(second))
    assert code == 0, errors
    assert blocks_kept(errors)[0] == blocks_kept(errors)[1]
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert sorted(path.name for path in second.iterdir()) == ["o.gpkg", "o.gpkg.rogi", "p.tif"]
    assert sorted(path.name for path in work.iterdir()) == ["blocks", "ledger"]
    assert len(list((work / "blocks").iterdir())) == blocks_kept(errors)[0]


@pytest.mark.slow
def test_cluster_that_loses_a_worker(bundle: Bundle, tmp_path: Path) -> None:
    """Two workers of a real cluster, one killed in the middle: the same rasters as without it.

    Of two models and four turns.
    """
    distributed = pytest.importorskip("distributed")
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.prediction.predicted_area import Ground
    from rogi.detection.prediction.run import predict
    from rogi.detection.windows import Blend, Merge
    from rogi.ledger import Ledger
    from rogi.raster.grid import Window

    images = Imagery.open(write_image(tmp_path / "a.tif", scene()))
    plan = Plan("onnxruntime", "cpu", "fp32")
    other = tiny_bundle(tmp_path / "other", patch=PATCH, stride=STRIDE, gain=3.0, name="other")
    models = Models((bundle, other), turns=4)
    blend = Blend(Merge.COSINE, STRIDE, PATCH, block=64, answers=models.answers)
    everywhere = Ground(None, np.zeros(0, dtype=object))
    window = Window(0, ROWS, 0, COLUMNS)
    killed: list[int] = []

    def run(name: str, **more: object) -> list[np.ndarray]:
        with Ledger() as ledger:
            done = predict(
                images,
                Intake((0, 1, 2)),
                models,
                plan,
                blend,
                everywhere,
                tmp_path / name,
                ledger,
                spread=True,
                **more,
            )  # type: ignore[arg-type]
        assert not done.damage
        return [done.store.read(window), done.store.read_spread(window)]

    alone = run("alone")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as cluster:
        workers = [worker.pid for worker in cluster.workers.values()]

        def kill_one(what: str, number: int, total: int) -> None:
            if number > 5 and not killed:
                killed.append(workers[0])
                os.kill(workers[0], signal.SIGKILL)

        together = run("together", cluster=cluster.scheduler_address, progress=kill_one)
    assert killed
    for found, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_own_result_is_replaced_and_no_other(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """A file that somebody worked on since is kept unless told otherwise."""
    source = write_image(tmp_path / "a.tif", scene())
    out = tmp_path / "o.gpkg"
    out.write_text("mine")
    arguments = (source, "--model", bundle.path, "-o", out, *FAST)
    code, _, errors = main(*arguments)
    assert (code, out.read_text()) == (2, "mine")
    assert "may have been changed since rogi wrote it" in errors
    out.unlink()
    assert main(*arguments)[0] == 0
    assert main(*arguments, "--threshold", 0.6)[0] == 0
    with sqlite3.connect(out) as base:
        base.execute("UPDATE gpkg_contents SET description = 'mine'")
    edited = out.read_bytes()
    code, _, errors = main(*arguments)
    assert (code, out.read_bytes() == edited) == (2, True)
    assert "was changed since it was written" in errors
    assert main(*arguments, "--force")[0] == 0
    assert out.read_bytes() != edited


# ---- bad input


def test_corrupt_tile_is_named_and_the_others_finish(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Its ground is not predicted and not covered, exit code 2; with the tile put right all is well."""
    source = tiles(tmp_path / "tiles", scene())
    good, prob = tmp_path / "good", tmp_path / "p.tif"
    good.mkdir()
    assert (
        main(source, "--model", bundle.path, "-o", good / "o.gpkg", "--probability", good / "p.tif", *FAST)[0]
        == 0
    )
    bad = source / "r0c250.tif"
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 3] + bytes(1000) + whole[len(whole) // 3 + 1000 :])
    out = tmp_path / "o.gpkg"
    arguments = (source, "--model", bundle.path, "-o", out, "--probability", prob, *FAST)
    for _ in range(2):  # the second time it says so again
        code, _, errors = main(*arguments)
        assert code == 2
        assert errors.count(f"error: {bad} cannot be read") == 1  # it is damaged in several places
        assert "was not predicted" in errors
    found = levels(prob)
    apart = found[:, : TILE - PATCH]
    np.testing.assert_array_equal(apart, levels(good / "p.tif")[:, : TILE - PATCH])
    assert (found[: TILE - PATCH, TILE:] == 255).mean() > 0.5
    covered = shapely.union_all(pyogrio.read_dataframe(out, layer="coverage").geometry.to_numpy())
    assert covered.area == (found != 255).sum() * SIZE**2
    assert len(pyogrio.read_dataframe(out, layer="candidates")) == 3
    bad.write_bytes(whole)
    code, _, errors = main(*arguments)
    assert code == 0, errors
    assert blocks_kept(errors)[1] > 0
    for mine, theirs in ((out, good / "o.gpkg"), (prob, good / "p.tif")):
        assert mine.read_bytes() == theirs.read_bytes()


def test_results_beside_the_tiles(main: Main, bundle: Bundle, tmp_path: Path, monkeypatch) -> None:
    """In the folder of tiles itself, and stopped while the end is made: the same command goes on."""
    folder = tiles(tmp_path / "mosaic", scene())
    arguments = (folder, "--model", bundle.path, "-o", folder / "c.gpkg", *FAST)
    with monkeypatch.context() as patch:
        patch.setattr("rogi.detection.finding.write_candidates", lambda *_: sys.exit(9))
        assert main(*arguments)[0] == 9
    code, _, errors = main(*arguments)
    assert code == 0, errors
    assert blocks_kept(errors)[1] > 0
    assert len(pyogrio.read_dataframe(folder / "c.gpkg", layer="candidates")) == 3


def test_tile_that_cannot_be_opened(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    source = tiles(tmp_path / "tiles", scene())
    (source / "r250c0.tif").write_bytes(b"no raster at all")
    code, _, errors = main(source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", *FAST)
    assert code == 2
    assert "r250c0.tif cannot be read" in errors
    assert (tmp_path / "o.gpkg").exists()


def test_vrt_with_a_missing_tile(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """The tile is named and not the VRT; all windows that do not reach it are as they were."""
    source, vrt, out = tiles(tmp_path / "tiles", scene()), tmp_path / "all.vrt", tmp_path / "o.tif"
    sources = ""
    for path in sorted(source.iterdir()):
        row, column = map(int, path.stem[1:].split("c"))
        size = f'xSize="{TILE}" ySize="{min(TILE, ROWS - row)}"'
        sources += (
            f'<SimpleSource><SourceFilename relativeToVRT="1">tiles/{path.name}</SourceFilename><SourceBand>N'
            f'</SourceBand><SrcRect xOff="0" yOff="0" {size}/>'
            f'<DstRect xOff="{column}" yOff="{row}" {size}/></SimpleSource>'
        )
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{n}"><NoDataValue>0</NoDataValue>'
        f"{sources.replace('>N<', f'>{n}<')}</VRTRasterBand>"
        for n in (1, 2, 3)
    )
    head = f'<VRTDataset rasterXSize="{COLUMNS}" rasterYSize="{ROWS}"><SRS>{CRS}</SRS>'
    where = f"<GeoTransform>{WEST},{SIZE},0,{NORTH},0,-{SIZE}</GeoTransform>"
    vrt.write_text(f"{head}{where}{bands}</VRTDataset>")
    bad = source / "r0c250.tif"
    whole = bad.read_bytes()

    def run(imagery: Path) -> tuple[int, str, np.ndarray]:
        code, _, errors = main(
            imagery, "--model", bundle.path, "-o", tmp_path / "o.gpkg", "--probability", out, *FAST
        )
        return code, errors, levels(out)

    expected = run(source)[2]
    bad.unlink()
    code, errors, found = run(vrt)
    assert code == 2
    assert f"error: {bad}, which {vrt} is made of, is missing" in errors
    assert errors.count("error: ") == 2 and "1 is missing, first" in errors
    reach = TILE - PATCH
    np.testing.assert_array_equal(found[:, :reach], expected[:, :reach])
    np.testing.assert_array_equal(found[TILE + PATCH :], expected[TILE + PATCH :])
    assert (found[:TILE, TILE:] == 255).all()
    bad.write_bytes(whole)
    code, errors, found = run(vrt)
    assert code == 0, errors
    np.testing.assert_array_equal(found, expected)


def test_voids_that_files_do_not_declare(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Ground of 255 in all bands is without data once that is said; the work folder knows both ways."""
    image = scene()
    image[:, 100:200, 100:300] = 255
    source, rasters = write_image(tmp_path / "a.tif", image), []
    for options in ((), ("--nodata", 255), ("--nodata", 255)):
        target = tmp_path / f"p{len(rasters)}.tif"
        code, _, errors = main(
            source, "--model", bundle.path, "-o", tmp_path / "o.gpkg", "--probability", target, "--force",
            *FAST, *options,
        )  # fmt: skip
        assert code == 0, errors
        rasters.append(levels(target))
        assert blocks_kept(errors)[1] == (0 if len(rasters) < 3 else blocks_kept(errors)[0])
    void = (slice(100, 200), slice(100, 300))
    assert (rasters[0] != 255).all()
    assert (rasters[1][void] == 255).all()
    rasters[1][void] = 0
    assert (rasters[1] != 255).all()


def test_inputs_of_no_use_are_said(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Outlines of another place, and a channel that the model does not take."""
    image, far = write_image(tmp_path / "a.tif", scene()), tmp_path / "far.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(i, 0, i + 1, 1) for i in range(3)], crs=4326).to_file(far)
    heights = write_image(tmp_path / "dem.tif", scene()[:1].astype(np.float32) + 4000)
    more = ("--glaciers", far, "--channel", f"elevation={heights}")
    for option in (more, ("--exclude", far)):
        errors = main(image, "--model", bundle.path, "-o", tmp_path / "o.gpkg", *FAST, *option)[2]
        assert errors.count(f"note: None of the 3 outlines of {far} lies on the imagery") == 1
        assert ("red, green, blue, so elevation of --channel is not used" in errors) == (option == more)


def test_imagery_that_does_not_fit(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """Each as one sentence that names what was found, what is wanted, and the option that helps."""
    image = scene()
    files = {
        "grey": write_image(tmp_path / "grey.tif", image[:1]),
        "many": write_image(tmp_path / "many.tif", np.repeat(image, 2, axis=0)),
        "coarse": write_image(tmp_path / "coarse.tif", image, place(size=30.0)),
        "reflectance": write_image(tmp_path / "reflectance.tif", image / np.float32(255)),
        "numbers": write_image(tmp_path / "numbers.tif", image.astype(np.uint16) * 30),
        "nowhere": write_image(tmp_path / "nowhere.tif", image, crs=None),
        "good": write_image(tmp_path / "good.tif", image),
        "degrees": write_image(
            tmp_path / "degrees.tif", image, Affine(5.45e-5, 0, 11.0, 0, -5.45e-5, 47.0), crs="EPSG:4326"
        ),
    }
    files["folder"] = tiles(tmp_path / "folder", image)
    files["vector"] = tmp_path / "outlines.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=4326).to_file(files["vector"])
    out = tmp_path / "o.gpkg"
    four = tiny_bundle(tmp_path / "four", 4, patch=PATCH, stride=STRIDE)
    elevation = tiny_bundle(tmp_path / "coarser", patch=PATCH, stride=STRIDE, resolution_m=10.0)
    for name, model, more, messages in (
        ("grey", bundle, (), ("has grey, so red, green, blue are missing", "--bands red=1,green=2,blue=3")),
        ("many", bundle, (), ("has 6 bands", "--bands")),
        ("good", bundle, ("--bands", "3,2,1,1"), ("",)),
        ("good", bundle, ("--bands", "9,2,1"), ("there is no band 9",)),
        ("good", four, (), ("channel 4 is missing", "--channel channel 4=FILE")),
        ("coarse", elevation, (), ("pixels of 10 m", "are 30.01 m on the ground", "--resample")),
        ("reflectance", bundle, (), ("float32", "uint8", "--stretch LOW,HIGH")),
        ("numbers", bundle, (), ("uint16", "--stretch LOW,HIGH")),
        ("nowhere", bundle, (), ("no coordinate reference system",)),
        ("good", bundle, ("--area", "10,40,11,41"), ("does not reach into the area",)),
        ("good", bundle, ("--area", "0,0,1,1"), ("does not reach into the area",)),  # beyond the projection
        ("vector", bundle, (), ("is a vector file", "options such as --area")),
        ("good", bundle, ("--area", "95,30,93,31"), ("west,south,east,north",)),
        ("good", bundle, ("--area", "nowhere.gpkg"), ("no such file",)),
        ("good", bundle, ("--exclude", "nowhere.gpkg"), ("cannot be read",)),
        ("good", bundle, ("--stretch", "5"), ("two numbers",)),
        ("good", bundle, ("--stretch", "9,3"), ("lower value first",)),
        ("good", bundle, ("--stride", "7"), ("from 12 to 96",)),
        ("good", bundle, ("--threshold", "1.5"), ("threshold",)),
        ("good", bundle, ("--merge", "or", "--spread", tmp_path / "s.tif"), ("the merge or",)),
        ("good", bundle, ("--probability", files["good"]), ("is an input",)),
        ("good", bundle, ("--probability", out), ("named for two outputs",)),
        ("good", bundle, ("--workers", "9", "--threads", "9"), ("cores",)),
        ("good", bundle, ("--separate", "boundary"), ("trained with boundaries",)),
        ("degrees", bundle, (), ("4.146 m by 6.059 m", "--resample")),
        ("folder", bundle, ("--probability", tmp_path / "folder" / "p.tif"), ("become a tile",)),
        (
            "good", bundle, ("--channel", f"x={files['grey']}", "--probability", files["grey"], "--force"),
            ("is an input",),
        ),
    ):  # fmt: skip
        code, _, errors = main(files[name], "--model", model.path, "-o", out, *FAST, *more)
        assert code == 2, (name, more, errors)
        for message in messages:
            assert message in errors, (name, more, errors)
        assert "Traceback" not in errors
        assert not out.exists()
        assert not out.with_name("o.gpkg.rogi").exists()
    for suffix in ("", ".doc"):
        assert (
            "names no format" in main(files["good"], "--model", bundle.path, "-o", tmp_path / f"o{suffix}")[2]
        )


def test_a_refusal_leaves_what_was_there(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """A folder that existed stays, finished blocks stay, and of new folders none does."""
    source = write_image(tmp_path / "a.tif", scene())
    out, refused = tmp_path / "o.gpkg", ("--area", "10,40,11,41")
    (tmp_path / "mine").mkdir()
    for work in (tmp_path / "mine", tmp_path / "new" / "deep"):
        assert main(source, "--model", bundle.path, "-o", out, "--work", work, *FAST, *refused)[0] == 2
    assert (tmp_path / "mine").is_dir()
    assert not (tmp_path / "new").exists()
    assert main(source, "--model", bundle.path, "-o", out, *FAST)[0] == 0
    blocks = sorted((tmp_path / "o.gpkg.rogi" / "blocks").iterdir())
    assert blocks
    assert main(source, "--model", bundle.path, "-o", out, *FAST, *refused)[0] == 2
    assert sorted((tmp_path / "o.gpkg.rogi" / "blocks").iterdir()) == blocks


def compiled_interrupt() -> BaseException:
    """What is left of a Ctrl-C in a compiled function."""
    error = SystemError("returned a result with an exception set")
    error.__cause__ = KeyboardInterrupt()
    return error


@pytest.mark.parametrize("error", [KeyboardInterrupt, compiled_interrupt, RuntimeError])
def test_a_run_that_fails_keeps_finished_blocks(
    main: Main,
    bundle: Bundle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], BaseException],
) -> None:
    """The folder is new, but there is something in it to go on with; without, it goes, unless stopped."""
    from rogi.detection.prediction import run as prediction

    source = write_image(tmp_path / "a.tif", scene())
    stream = prediction.stream_blocks

    def limited(jobs, done):  # type: ignore[no-untyped-def]
        stream(jobs[:most], done)
        raise error()

    monkeypatch.setattr(prediction, "stream_blocks", limited)
    for most in (0, 2):
        out = tmp_path / f"{most}.gpkg"
        code, _, errors = main(source, "--model", bundle.path, "-o", out, *FAST)
        work = out.with_name(f"{most}.gpkg.rogi")
        if error is RuntimeError:
            assert code == 2
            assert work.exists() == bool(most)
        else:
            assert code == 130
            assert errors.endswith(f"stopped; {most} finished blocks in {work}. The same command goes on.\n")
            assert work.exists()


def test_bundles_that_are_refused(main: Main, bundle: Bundle, tmp_path: Path) -> None:
    """A changed byte, another version of the format, no bundle."""
    source, out = write_image(tmp_path / "a.tif", scene()), tmp_path / "o.gpkg"
    changed, other = tmp_path / "changed", tmp_path / "other"
    for folder in (changed, other):
        shutil.copytree(bundle.path, folder)
    data = bytearray((changed / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (changed / "model.onnx").write_bytes(data)
    card = (other / "model.yaml").read_bytes()
    (other / "model.yaml").write_bytes(card.replace(b"format: 1", b"format: 9"))
    import hashlib

    sums = (other / "SHA256SUMS").read_text()
    new = hashlib.sha256((other / "model.yaml").read_bytes()).hexdigest()
    (other / "SHA256SUMS").write_text(sums.replace(hashlib.sha256(card).hexdigest(), new))
    for model, message in (
        (changed, "model.onnx is not what SHA256SUMS says"),
        (other, "format 9"),
        (tmp_path / "none", "no model bundle"),
    ):
        code, _, errors = main(source, "--model", model, "-o", out, *FAST)
        assert code == 2
        assert message in errors
        assert not out.exists()


@pytest.mark.real
def test_kaiserberg_at_two_dates(main: Main, real_data: Path, tmp_path: Path) -> None:
    """Sentinel-2 of 2017 and 2024, floats of 10 m; UTM copies with an edge of zeros and no nodata tag."""
    model = tiny_bundle(tmp_path / "tiny", patch=PATCH, stride=STRIDE, resolution_m=10.0)
    for number, source in enumerate(sorted((real_data / "kaiserberg").glob("*.tif"))):
        with rasterio.open(source) as file:
            if file.count != 4:
                continue
            image = file.read([1, 2, 3])
        low, high = np.quantile(image[:, (image > 0).any(axis=0)], [0.02, 0.98])
        out, prob = tmp_path / f"{number}.gpkg", tmp_path / f"{number}.tif"
        code, _, errors = main(
            source, "--model", model.path, "-o", out, "--probability", prob, "--resample",
            "--stretch", f"{low},{high}", *FAST,
        )  # fmt: skip
        assert code == 0, errors
        assert (levels(prob) != 255).any()
        assert len(pyogrio.read_dataframe(out, layer="coverage")) >= 1
