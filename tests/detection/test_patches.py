"""Patches: what is cut, how it is labelled and divided, what is written, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import yaml
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasters import CORNER, grid, picture, write, write_outlines
from typer.testing import CliRunner

from rogi.cli.detect import app
from rogi.detection.imagery.channels import Imagery
from rogi.detection.imagery.pixel_statistics import PixelStatistics
from rogi.detection.patches.cutting import PatchSettings
from rogi.detection.patches.extraction import make_patches
from rogi.detection.patches.label_rasters import burn, read_outlines, touching_borders
from rogi.detection.patches.shards import CARD, INDEX, PatchSet
from rogi.detection.patches.split import (
    DROPPED,
    TRAIN,
    VALIDATION,
    SplitMethod,
    blocked_split,
    random_split,
)
from rogi.errors import InputError, OptionError, OutputError

SMALL = PatchSettings(context_m=150.0, size=48, stride=32)
RANDOM = PatchSettings(context_m=150.0, size=48, stride=32, split=SplitMethod.RANDOM)


def square(row: float, column: float, side: float) -> shapely.Polygon:
    """A square in pixels of 10 m from the corner of the test grid."""
    x, y = CORNER[0] + 10 * column, CORNER[1] - 10 * row
    return shapely.box(x, y - 10 * side, x + 10 * side, y)


def place_of(row: float, column: float) -> tuple[float, float]:
    """Coordinates of a pixel's corner."""
    return CORNER[0] + 10 * column, CORNER[1] - 10 * row


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of 600 x 700 pixels with 40 units and 12 negatives, and a void corner."""
    folder = tmp_path_factory.mktemp("ground")
    values = picture((600, 700))
    values[:, :60, :80] = 0
    write(folder / "image.tif", values, nodata=0)
    rng = np.random.default_rng(3)
    places = np.column_stack([rng.integers(5, 575, 52), rng.integers(5, 675, 52)])
    polygons = [square(row, column, 12) for row, column in places]
    ids = [f"unit-{i}" for i in range(40)]
    write_outlines(folder / "units.gpkg", polygons[:40], working_id=ids)
    write_outlines(folder / "negatives.gpkg", polygons[40:])
    return folder


@pytest.fixture(scope="module")
def made(ground: Path, tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
    """Patches of that picture in blocks."""
    return cut(ground, tmp_path_factory.mktemp("made") / "patches", SMALL)


def cut(ground: Path, folder: Path, chosen: PatchSettings, **more: Any) -> PatchSet:
    """Cut patches from the picture."""
    made = make_patches(
        [Imagery.open(ground / "image.tif")], [read_outlines(ground / "units.gpkg")], folder,
        negatives=[read_outlines(ground / "negatives.gpkg")], settings=chosen, **more,
    )  # fmt: skip
    return made.patches


def test_patches_hold_the_pixels_the_labels_and_what_is_valid(ground: Path, made: PatchSet) -> None:
    """Each patch against the picture and a raster of all units drawn at once."""
    imagery = Imagery.open(ground / "image.tif")
    units = read_outlines(ground / "units.gpkg")
    values, valid = imagery.read(0, 0, *imagery.shape)
    numbers = burn(units.on(imagery.grid), np.arange(1, 41), (0, 0, *imagery.shape))
    for i, row in enumerate(made.index.itertuples()):
        image, label, known = made.read(i)
        part = np.s_[row.row : row.row + 48, row.col : row.col + 48]
        np.testing.assert_array_equal(image, values[(slice(None), *part)])
        np.testing.assert_array_equal(label > 0, numbers[part] > 0)
        np.testing.assert_array_equal(known, valid[part])
        shown = numbers[part][known & (numbers[part] > 0)]
        assert row.kind == ("positive" if len(shown) else "negative" if row.negative_pixels else "background")
        assert row.unit_pixels == len(shown) and row.units == len(np.unique(shown))
        assert row.valid_pixels == known.sum()
        if len(shown):
            assert row.unit == units.ids[np.bincount(shown).argmax() - 1]
    assert image.dtype == np.uint8 and label.dtype == np.uint8 and known.dtype == bool
    assert {"positive", "negative"} <= set(made.index["kind"])


def test_no_ground_is_in_both_parts_and_they_lie_a_patch_apart(made: PatchSet) -> None:
    boxes = {
        part: np.array(
            [
                [r, c, r + 48, c + 48]
                for r, c in made.index.loc[made.positions(part), ["row", "col"]].to_numpy()
            ]
        )
        for part in ("train", "validation")
    }
    one, other = boxes["train"][:, None], boxes["validation"][None]
    gap = np.maximum(one[..., :2] - other[..., 2:], other[..., :2] - one[..., 2:]).max(axis=-1)
    assert gap.min() >= 48
    assert made.card.split["shared_ground"] == 0.0
    assert made.card.counts["left_out"]["in the gap between blocks"] > 0
    share = len(made.positions("train")) / len(made)
    assert 0.5 < share < 0.9


@given(st.integers(0, 2**31), st.integers(1, 60), st.floats(0.3, 0.9))
@settings(max_examples=40)
def test_blocks_keep_any_patches_apart(seed: int, count: int, share: float) -> None:
    """For any set of footprints: a patch of one part is at least a patch away from those of the other."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 4000 * np.sqrt(count), (count, 2)).round(1)
    boxes = np.concatenate([corner, corner + 1000.0], axis=1)
    split = blocked_split(boxes, rng.random(count) < 0.7, share, seed)
    training, validation = boxes[split.part == TRAIN], boxes[split.part == VALIDATION]
    if len(training) and len(validation):
        one, other = training[:, None], validation[None]
        gap = np.maximum(one[..., :2] - other[..., 2:], other[..., :2] - one[..., 2:]).max(axis=-1)
        assert gap.min() >= 1000.0 - 1e-6
    assert set(split.part) <= {TRAIN, VALIDATION, DROPPED}


def test_a_random_split_keeps_units_together_and_says_what_it_shares() -> None:
    unit = np.repeat(np.arange(100), 3)
    boxes = np.column_stack(
        [unit * 50.0, np.tile([0.0, 10, 20], 100), unit * 50.0 + 100, np.tile([100.0, 110, 120], 100)]
    )
    split = random_split(unit, boxes, 0.7, 4)
    assert (split.part.reshape(100, 3) == split.part.reshape(100, 3)[:, :1]).all()
    assert (split.part == TRAIN).mean() == pytest.approx(0.7, abs=0.01)
    one, other = (
        shapely.union_all(shapely.box(*boxes[split.part == code].T)) for code in (TRAIN, VALIDATION)
    )
    assert split.shared == pytest.approx(one.intersection(other).area / other.area)
    assert split.shared > 0.5


def test_units_and_their_context_are_covered(ground: Path, tmp_path: Path) -> None:
    """Without a gap nothing is lost: every pixel of every unit, and all but half a stride of its context."""
    patches = cut(ground, tmp_path / "patches", RANDOM)
    imagery = Imagery.open(ground / "image.tif")
    covered = np.zeros(imagery.shape, bool)
    for row, column in patches.index[["row", "col"]].to_numpy():
        covered[max(row, 0) : row + 48, max(column, 0) : column + 48] = True
    polygons = read_outlines(ground / "units.gpkg").on(imagery.grid)
    _, valid = imagery.read(0, 0, *imagery.shape)
    near = burn(shapely.buffer(polygons, 15 - 16 / 2), np.arange(1, 41), (0, 0, *imagery.shape)) > 0
    assert covered[near & valid].all()
    lattice = patches.index[(patches.index["row"] > 0) & (patches.index["row"] < 552)]["row"]
    assert (lattice % 16 == 0).all()
    assert not patches.index.duplicated(["row", "col"]).any()


def test_borders_of_touching_units_get_a_label_of_their_own() -> None:
    """Two squares side by side: two pixels on each side of the border, and nothing along the outer edge."""
    numbers = np.zeros((20, 30), np.int32)
    numbers[5:15, 5:15], numbers[5:15, 15:25] = 3, 8
    expected = np.zeros((20, 30), bool)
    expected[5:15, 13:17] = True
    np.testing.assert_array_equal(touching_borders(numbers, 2), expected)
    assert not touching_borders(numbers, 0).any()
    apart = np.zeros((20, 30), np.int32)
    apart[5:15, 5:12], apart[5:15, 16:25] = 1, 2
    assert not touching_borders(apart, 2).any()


def test_touching_units_in_a_patch(ground: Path, tmp_path: Path) -> None:
    units = [square(100, 100, 20), square(100, 120, 20), square(400, 500, 20)]
    write_outlines(tmp_path / "units.gpkg", units)
    made = make_patches(
        [Imagery.open(ground / "image.tif")], [read_outlines(tmp_path / "units.gpkg")], tmp_path / "p",
        settings=PatchSettings(context_m=50, size=48, stride=32, split=SplitMethod.RANDOM, train_share=0.6),
    )  # fmt: skip
    found = set()
    for i, row in enumerate(made.patches.index.itertuples()):
        _, label, _ = made.patches.read(i)
        found |= {(int(r) + row.row, int(c) + row.col) for r, c in np.argwhere(label == 2)}
    assert found == {(r, c) for r in range(100, 120) for c in range(118, 122)}


def test_a_unit_over_a_negative_counts_and_a_hole_does_not(ground: Path, tmp_path: Path) -> None:
    outer, inner = square(100, 100, 30), square(110, 110, 10)
    write_outlines(tmp_path / "units.gpkg", [outer.difference(inner), square(400, 500, 20)])
    write_outlines(tmp_path / "negatives.gpkg", [square(97, 97, 36)])
    made = make_patches(
        [Imagery.open(ground / "image.tif")], [read_outlines(tmp_path / "units.gpkg")], tmp_path / "p",
        negatives=[read_outlines(tmp_path / "negatives.gpkg")],
        settings=PatchSettings(context_m=0, size=64, stride=64, split=SplitMethod.RANDOM, train_share=0.5),
    )  # fmt: skip
    rows = made.patches.index[made.patches.index["row"] < 200]
    assert rows["unit_pixels"].max() == 30 * 30 - 10 * 10
    assert (rows.loc[rows["unit_pixels"] > 0, "kind"] == "positive").all()
    assert rows["negative_pixels"].max() == 36 * 36 - (30 * 30 - 10 * 10)


def test_outside_the_area_nothing_is_valid(ground: Path, tmp_path: Path) -> None:
    write_outlines(tmp_path / "area.gpkg", [square(0, 0, 300), square(350, 350, 250)])
    area = read_outlines(tmp_path / "area.gpkg")
    patches = cut(ground, tmp_path / "p", RANDOM, area=area)
    imagery = Imagery.open(ground / "image.tif")
    inside = burn(area.on(imagery.grid), np.array([1, 1]), (0, 0, *imagery.shape)) > 0
    inside &= imagery.read(0, 0, *imagery.shape)[1]
    for i, (row, column) in enumerate(patches.index[["row", "col"]].to_numpy()):
        image, _, valid = patches.read(i)
        np.testing.assert_array_equal(valid, inside[row : row + 48, column : column + 48])
        assert (image[:, ~valid] == 0).all()


def test_statistics_are_those_of_all_valid_training_pixels(made: PatchSet) -> None:
    """Exactly, in fractions of whole numbers."""
    pixels = np.concatenate(
        [image[:, valid] for image, _, valid in map(made.read, made.positions("train").tolist())], axis=1
    ).astype(np.int64)
    n = pixels.shape[1]
    assert made.card.mean == tuple(int(s) / n for s in pixels.sum(axis=1))
    np.testing.assert_allclose(made.card.std, pixels.std(axis=1), rtol=1e-12)


def test_statistics_of_floats_in_parts() -> None:
    """Far from zero, where sums of squares would lose all digits."""
    values = 1e6 + np.random.default_rng(0).normal(0, 1e-2, (2, 40, 50))
    statistics = PixelStatistics(2, np.dtype("float64"))
    valid = np.random.default_rng(1).random((40, 50)) < 0.8
    for start in range(0, 40, 7):
        statistics.add(values[:, start : start + 7], valid[start : start + 7])
    statistics.add(values[:, :3], np.zeros((3, 50), bool))
    np.testing.assert_allclose(statistics.mean, values[:, valid].mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose(statistics.std, values[:, valid].std(axis=1), rtol=1e-6)


def test_the_same_inputs_give_the_same_bytes(ground: Path, made: PatchSet, tmp_path: Path) -> None:
    again = cut(ground, tmp_path / "again", SMALL)
    names = sorted(path.name for path in made.folder.iterdir())
    assert names == sorted(path.name for path in again.folder.iterdir())
    for name in names:
        assert (made.folder / name).read_bytes() == (again.folder / name).read_bytes(), name
    assert again.digest == made.digest and again.split_digest == made.split_digest
    other = cut(ground, tmp_path / "other", PatchSettings(context_m=150.0, size=48, stride=32, seed=5))
    assert other.split_digest != made.split_digest and other.digest != made.digest


def test_shards_are_tar_files_as_webdataset_reads_them(made: PatchSet) -> None:
    """By the standard library's reader: members of a patch follow each other, arrays load without pickles."""
    keys = []
    for item in made.card.shards:
        with tarfile.open(made.folder / item["name"]) as tar:
            members = tar.getmembers()
            assert {m.mtime for m in members} == {0} and {m.uid for m in members} == {0}
            for start in range(0, len(members), 4):
                names = [m.name for m in members[start : start + 4]]
                key = names[0].split(".")[0]
                assert names == [f"{key}.{end}" for end in ("image.npy", "label.npy", "valid.npy", "json")]
                position = int(np.flatnonzero(made.index["key"] == key)[0])
                for member, expected in zip(members[start : start + 3], made.read(position), strict=True):
                    found = np.load(io.BytesIO(tar.extractfile(member).read()), allow_pickle=False)
                    np.testing.assert_array_equal(found, expected)
                about = json.loads(tar.extractfile(members[start + 3]).read())
                assert about["split"] == made.index["split"][position]
                keys.append(key)
            assert len({made.index.set_index("key")["split"][k] for k in keys[-len(members) // 4 :]}) == 1
    assert keys == made.index["key"].tolist()
    made.verify()


def test_streams_are_mixed(made: PatchSet) -> None:
    """Training patches do not come in the order of their places."""
    rows = made.index.loc[made.positions("train"), "row"].to_numpy()
    assert abs(np.corrcoef(rows, np.arange(len(rows)))[0, 1]) < 0.3


def damaged(made: PatchSet, folder: Path) -> Path:
    """A copy to be damaged."""
    shutil.copytree(made.folder, folder)
    return folder


def test_changes_to_a_folder_are_noticed(made: PatchSet, tmp_path: Path) -> None:
    folder = damaged(made, tmp_path / "index")
    (folder / INDEX).write_text((folder / INDEX).read_text().replace("validation", "train", 1))
    with pytest.raises(InputError, match=r"index\.csv is not the one"):
        PatchSet.open(folder)
    folder = damaged(made, tmp_path / "shard")
    shard = folder / "shard-00000.tar"
    data = bytearray(shard.read_bytes())
    data[5000] ^= 1
    shard.write_bytes(data)
    with pytest.raises(InputError, match=r"shard-00000\.tar is missing or was changed"):
        PatchSet.open(folder).verify()
    shard.write_bytes(data[:3000])
    with pytest.raises(InputError, match="cut off"):
        PatchSet.open(folder).read(0)
    with pytest.raises(InputError, match=r"patches\.yaml is missing"):
        PatchSet.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "is of format 2"),
        ({"shards": [{"name": "../shard.tar", "sha256": "", "bytes": 0, "patches": 0}]}, "files elsewhere"),
        ({"size": 10**6}, "contradicts itself"),
        ({"dtype": "object"}, "contradicts itself"),
        ({"normalisation": {"mean": [1.0], "std": [1.0]}}, "contradicts itself"),
        ({"channels": None}, "not a card of patches"),
    ],
)
def test_cards_that_are_not_ours_are_refused(
    made: PatchSet, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    folder = damaged(made, tmp_path / "copy")
    card = yaml.safe_load((folder / CARD).read_text()) | change
    (folder / CARD).write_text(yaml.safe_dump(card))
    with pytest.raises(InputError, match=message):
        PatchSet.open(folder)


def test_a_pickle_in_a_shard_is_not_loaded(made: PatchSet, tmp_path: Path) -> None:
    """An array of objects under the name of an image: refused by its header, before anything is unpickled."""
    folder = damaged(made, tmp_path / "copy")
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([{"a": 1}], object), version=(1, 0), allow_pickle=True)
    info = tarfile.TarInfo(f"{made.index['key'][0]}.image.npy")
    info.size = len(stream.getvalue())
    shard = folder / "shard-00000.tar"
    data = info.tobuf(tarfile.USTAR_FORMAT) + stream.getvalue().ljust(512, b"\0")
    shard.write_bytes(data + shard.read_bytes()[len(data) :])
    with pytest.raises(InputError, match="patch expected"):
        PatchSet.open(folder).read(0)


def test_a_folder_that_is_there_is_only_replaced_when_told(ground: Path, tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    first = cut(ground, folder, RANDOM).digest
    with pytest.raises(OutputError, match="exists"):
        cut(ground, folder, SMALL)
    assert PatchSet.open(folder).digest == first
    assert cut(ground, folder, SMALL, force=True).digest != first
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        cut(ground, other, SMALL, force=True)
    assert (other / "precious.txt").read_text() == "mine"


def test_nothing_is_left_when_the_work_stops(ground: Path, tmp_path: Path) -> None:
    def stop(what: str, number: int, total: int) -> None:
        if number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut(ground, tmp_path / "patches", SMALL, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_two_images_of_one_ground_share_no_part(ground: Path, tmp_path: Path) -> None:
    """A second picture of the same place on another grid: its patches go to the part of that ground."""
    write(tmp_path / "later.tif", picture((600, 700), seed=9), grid() @ Affine.translation(0.3, 0.4))
    images = [Imagery.open(ground / "image.tif"), Imagery.open(tmp_path / "later.tif")]
    made = make_patches(images, [read_outlines(ground / "units.gpkg")], tmp_path / "p", settings=SMALL)
    index = made.patches.index
    assert set(index["source"]) == {0, 1}
    split = index.set_index(["source", "row", "col"])["split"]
    for row, column in index.loc[index["source"] == 0, ["row", "col"]].to_numpy():
        other = split.get((1, row, column))
        assert other is None or other == split[(0, row, column)]
    assert len(made.patches.card.sources) == 2


def test_resampled_bytes_are_rounded(tmp_path: Path) -> None:
    """Between pixels of 100 and of 101 lie numbers that are cut to the nearest, not to the lower one."""
    values = np.full((3, 200, 200), 100, np.uint8)
    values[:, :, ::2] = 101
    image = write(tmp_path / "a.tif", values)
    rng = np.random.default_rng(1)
    polygons = [square(row, column, 8) for row, column in rng.integers(5, 185, (30, 2))]
    units = write_outlines(tmp_path / "units.gpkg", polygons)
    made = make_patches(
        [Imagery.open(image, resolution=7.0)], [read_outlines(units)], tmp_path / "patches", settings=RANDOM
    )
    assert np.mean(made.patches.card.mean) == pytest.approx(100.5, abs=0.05)


def test_pixels_that_are_not_square_are_refused(tmp_path: Path) -> None:
    """Degrees at 47° N: 8.26 m by 12.13 m on the ground, which no model for 10 m was trained on."""
    transform = Affine(1.0906e-4, 0, 11.0, 0, -1.0906e-4, 47.0)
    image = write(tmp_path / "a.tif", picture((200, 200)), transform, "EPSG:4326")
    units = write_outlines(tmp_path / "units.gpkg", [shapely.box(11.001, 46.99, 11.003, 46.992)], "EPSG:4326")
    with pytest.raises(InputError, match=r"8.2\d* m by 12.1\d* m on the ground.*--resolution 10"):
        make_patches([Imagery.open(image)], [read_outlines(units)], tmp_path / "patches", settings=RANDOM)


def test_an_image_without_units_is_passed_over(ground: Path, tmp_path: Path) -> None:
    far = write(tmp_path / "far.tif", picture((60, 60)), grid() @ Affine.translation(9000, 9000))
    images = [Imagery.open(far), Imagery.open(ground / "image.tif")]
    made = make_patches(images, [read_outlines(ground / "units.gpkg")], tmp_path / "p", settings=SMALL)
    assert set(made.patches.index["source"]) == {1}


def test_polygons_of_many_vertices_are_drawn_as_a_whole() -> None:
    """A ring of 5000 vertices with a hole, in windows, against distances from its centre."""
    ring = (
        shapely.Point(150.3, 140.7).buffer(90, quad_segs=1250).difference(shapely.Point(150, 140).buffer(40))
    )
    column, row = np.meshgrid(np.arange(300) + 0.5, np.arange(300) + 0.5)
    outer = np.hypot(column - 150.3, row - 140.7) < 90
    expected = outer & (np.hypot(column - 150, row - 140) >= 40)
    polygons, number = np.array([ring], dtype=object), np.array([7])
    for window in ((0, 0, 300, 300), (40, 100, 64, 64), (120, 30, 90, 200), (0, 0, 20, 20)):
        part = expected[window[0] : window[0] + window[2], window[1] : window[1] + window[3]]
        assert ((burn(polygons, number, window) == 7) != part).sum() <= 2  # chords of the hole's 64 vertices
    whole = burn(polygons, number, (0, 0, 300, 300))
    np.testing.assert_array_equal(burn(polygons, number, (70, 80, 50, 60)), whole[70:120, 80:140])


def test_features_without_a_polygon_are_told(ground: Path, tmp_path: Path) -> None:
    units = write_outlines(tmp_path / "units.gpkg", [square(100, 100, 20), None, square(400, 500, 20)])
    outlines = read_outlines(units)
    assert (len(outlines), outlines.left_out, outlines.ids.tolist()) == (2, 1, ["1", "3"])
    chosen = PatchSettings(context_m=50, size=48, stride=32, split=SplitMethod.RANDOM, train_share=0.5)
    made = make_patches([Imagery.open(ground / "image.tif")], [outlines], tmp_path / "p", settings=chosen)
    assert made.notes[0].endswith("units.gpkg without a polygon, left out: 1.")


def test_outlines_in_a_table_and_in_one_of_several_layers(tmp_path: Path) -> None:
    """WKT in a CSV needs a CRS; a layer is named after a colon where there are several."""
    one, other = square(100, 100, 20), square(300, 300, 90)
    path = tmp_path / "rejected.csv"
    path.write_text(f'name,WKT\na,"{one.wkt}"\n')
    with pytest.raises(InputError, match="no CRS"):
        read_outlines(path)
    outlines = read_outlines(path, "EPSG:32645")
    assert shapely.equals(outlines.geometry, [one]).all() and outlines.ids.tolist() == ["a"]
    several = tmp_path / "several.gpkg"
    for name, polygon in (("found", one), ("searched", other)):
        gpd.GeoDataFrame({name: ["x"]}, geometry=[polygon], crs="EPSG:32645").to_file(several, layer=name)
    with pytest.raises(InputError, match="several layers"):
        read_outlines(several)
    assert shapely.equals(read_outlines(Path(f"{several}:searched")).geometry, [other]).all()


def test_images_that_do_not_go_together_are_refused(ground: Path, tmp_path: Path) -> None:
    units = [read_outlines(ground / "units.gpkg")]
    first = Imagery.open(ground / "image.tif")
    for other, message in (
        (write(tmp_path / "a.tif", picture((60, 60)), grid(20.0)), "pixels of 20 m"),
        (write(tmp_path / "b.tif", picture((60, 60)).astype(np.uint16)), "the type uint16"),
        (write(tmp_path / "c.tif", picture((60, 60), bands=1)), "the channels grey"),
    ):
        with pytest.raises(InputError, match=message):
            make_patches([first, Imagery.open(other)], units, tmp_path / "p", settings=SMALL)
    values = picture((60, 60)).astype(np.uint16)
    named = write(tmp_path / "named.tif", values, names=("blue", "green", "red"))
    pair = [Imagery.open(named), Imagery.open(write(tmp_path / "silent.tif", values))]
    with pytest.raises(InputError, match=r"silent.tif does not name its bands, and .* give --bands 3,2,1"):
        make_patches(pair, units, tmp_path / "p", settings=SMALL)


def test_labels_that_do_not_meet_the_image_are_refused(ground: Path, tmp_path: Path) -> None:
    far = write_outlines(tmp_path / "far.gpkg", [shapely.box(10, 46, 10.01, 46.01)], "EPSG:4326")
    with pytest.raises(InputError, match=r"None of the outlines of .*far\.gpkg lies on the imagery"):
        make_patches(
            [Imagery.open(ground / "image.tif")], [read_outlines(far)], tmp_path / "p", settings=SMALL
        )
    void = write_outlines(tmp_path / "void.gpkg", [square(10, 10, 20)])
    with pytest.raises(InputError, match="No pixel of any unit"):
        make_patches(
            [Imagery.open(ground / "image.tif")], [read_outlines(void)], tmp_path / "p", settings=RANDOM
        )
    one = write_outlines(tmp_path / "one.gpkg", [square(300, 300, 20)])
    with pytest.raises(InputError, match="none with a unit is left for validation"):
        make_patches(
            [Imagery.open(ground / "image.tif")], [read_outlines(one)], tmp_path / "p", settings=SMALL
        )
    assert not (tmp_path / "p").exists()


def test_a_damaged_tile_is_named_and_the_others_are_cut(ground: Path, tmp_path: Path) -> None:
    """By the command: the folder is written, the message on stderr, exit code 2."""
    imagery = tmp_path / "tiles"
    imagery.mkdir()
    values = picture((600, 700))
    options = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    write(imagery / "west.tif", values[:, :, :350], **options)
    broken = write(imagery / "east.tif", values[:, :, 350:], grid() @ Affine.translation(350, 0), **options)
    broken.write_bytes(broken.read_bytes()[:400_000])
    result = CliRunner().invoke(
        app,
        ["patches", str(imagery), "--units", str(ground / "units.gpkg"), "--context", "150", "--size", "48",
         "--split", "random", "-o", str(tmp_path / "p")],
    )  # fmt: skip
    assert result.exit_code == 2
    assert "east.tif cannot be read" in result.stderr
    patches = PatchSet.open(tmp_path / "p")
    assert patches.card.counts["left_out"]["damaged tile"] > 0
    assert len(patches) > 10


def test_the_command_and_its_summary(ground: Path, tmp_path: Path) -> None:
    dem = write(tmp_path / "dem.tif", np.add.outer(np.arange(200.0), np.arange(240.0))[None], grid(30.0))
    arguments = [
        "patches", str(ground / "image.tif"), "--units", str(ground / "units.gpkg"), "--negatives",
        str(ground / "negatives.gpkg"), "--channel", f"elevation={dem}", "--channel", f"slope={dem}",
        "--bands", "1,2", "--context", "150", "--size", "48", "-o", str(tmp_path / "p"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    patches = PatchSet.open(tmp_path / "p")
    assert patches.card.channels == ("red", "green", "elevation", "slope")
    assert patches.card.dtype == "float32" and patches.read(0)[0].dtype == np.float32
    assert f"{len(patches)} patches of 48 x 48 pixels" in result.stdout
    assert (tmp_path / "p" / "thumbnails.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert patches.card.negatives[0]["polygons"] == 12
    for option, message in (
        (["--split", "half"], "blocked or random"),
        (["--train-share", "1"], "between 0 and 1"),
        (["--channel", "dem.tif"], "NAME=VALUE"),
        (["--block", "10"], "less than two patches"),
    ):
        bad = CliRunner().invoke(app, [*arguments[:-1], str(tmp_path / "q"), *option])
        assert isinstance(bad.exception, OptionError) and message in str(bad.exception)


def test_settings_out_of_range_are_refused() -> None:
    for bad, message in (
        ({"stride": 500}, "stride is from 1"), ({"context_m": -1.0}, "length in metres"),
        ({"minimum_valid": 2.0}, "share from 0 to 1"),
    ):  # fmt: skip
        with pytest.raises(OptionError, match=message):
            PatchSettings(**bad)


@pytest.mark.real
def test_patches_of_a_real_image(real_data: Path, tmp_path: Path) -> None:
    """Landsat at Everest with the 86 outlines of RGI 6 as labels: the labels of all patches, laid on the
    picture, are the outlines."""
    folder = real_data / "everest"
    imagery = Imagery.open(folder / "LE71400412000304SGS00_RGB.tif")
    outlines = read_outlines(folder / "15_rgi60_glacier_outlines.gpkg")
    assert outlines.ids[0].startswith("RGI60-15.")
    made = make_patches([imagery], [outlines], tmp_path / "p", settings=PatchSettings(size=128, stride=86))
    patches = made.patches
    assert len(patches.positions("train")) > 40 and len(patches.positions("validation")) > 15
    expected = burn(outlines.on(imagery.grid), np.arange(1, 87), (0, 0, *imagery.shape)) > 0
    for i, (row, column) in enumerate(patches.index[["row", "col"]].to_numpy()):
        _, label, valid = patches.read(i)
        assert valid.all()
        np.testing.assert_array_equal(label > 0, expected[row : row + 128, column : column + 128])
    assert patches.card.resolution_m == pytest.approx(30.0, rel=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_percentiles_are_the_least_values_that_such_a_share_does_not_exceed(dtype: str) -> None:
    """Of 1 to 1000 in parts, worked out by hand; of integers exactly, of floats from so few all of them."""
    values = np.arange(1, 1001)
    if dtype == "uint8":
        values = values // 4
    image = values.astype(dtype).reshape(1, 20, 50)
    statistics = PixelStatistics(1, np.dtype(dtype))
    for part in range(0, 20, 5):
        statistics.add(image[:, part : part + 5], np.ones((5, 50), bool))
    expected = [1, 10, 20, 50, 250, 500, 750, 950, 980, 990, 999]
    if dtype == "uint8":
        expected = [value // 4 for value in expected]
    assert statistics.percentiles == (tuple(map(float, expected)),)
    assert statistics.mean == pytest.approx((values.mean(),)) and statistics.std == pytest.approx(
        (values.std(),)
    )


def test_ignored_ground_counts_nowhere(ground: Path, tmp_path: Path) -> None:
    """Units by an attribute, polygons, and candidates that mappers were unsure of have the label 255."""
    units = [square(100, 100, 12), square(100, 114, 12), square(400, 400, 12), square(420, 520, 12)]
    sure = ["yes", "Low", "yes", "yes"]
    write_outlines(tmp_path / "units.gpkg", units, working_id=list("abcd"), certainty=sure)
    write_outlines(
        tmp_path / "decided.gpkg",
        [square(150, 100, 10), square(150, 112, 10), square(420, 440, 10), square(200, 300, 10)],
        decision=["remove", "unsure", "remove", "retrieve"],
        confidence=[0.5, 0.9, 1.0, 0.9],
    )
    write_outlines(tmp_path / "maybe.gpkg", [square(118, 100, 6)])
    chosen = PatchSettings(context_m=150.0, size=48, stride=32, split=SplitMethod.RANDOM, hard=3.0)
    made = make_patches(
        [Imagery.open(ground / "image.tif")], [read_outlines(tmp_path / "units.gpkg")], tmp_path / "p",
        negatives=[read_outlines(tmp_path / "decided.gpkg")],
        ignored=[read_outlines(tmp_path / "maybe.gpkg")], ignore_where="CERTAINTY=low", settings=chosen,
    )  # fmt: skip
    assert any("2 outlines rejected, 1 unsure and ignored, 1 with another decision" in n for n in made.notes)
    patches = made.patches
    seen, cells = set(), np.zeros((600, 700), int)
    for i, row in enumerate(patches.index.itertuples()):
        image, label, valid = patches.read(i)
        assert row.valid_pixels == (valid & (label != 255)).sum()
        assert row.unit_pixels == (valid & ((label == 1) | (label == 2))).sum()
        where = np.s_[row.row : row.row + 48, row.col : row.col + 48]
        cells[where] = np.maximum(cells[where], label)
        assert image[:, label == 255].any() or not (label == 255).any()  # the network sees the ground
        seen |= {row.unit}
        assert row.weight in ((2.0, 3.0) if row.negative_pixels else (1.0,))
    for low, column, value in (
        (105, 118, 255),
        (120, 103, 255),
        (155, 115, 255),
        (105, 105, 1),
        (155, 105, 0),
    ):
        assert cells[low, column] == value, (low, column)
    assert "b" not in seen
    assert patches.card.settings["ignore_where"] == "CERTAINTY=low"
    with pytest.raises(InputError, match="no column 'certain'"):
        cut(ground, tmp_path / "q", RANDOM, ignore_where="certain=low")
    with pytest.raises(OptionError, match="COLUMN=VALUE"):
        cut(ground, tmp_path / "q", RANDOM, ignore_where="certainty")
    write_outlines(tmp_path / "none.gpkg", [square(150, 100, 10)], decision=["retrieve"])
    with pytest.raises(InputError, match="no row with remove"):
        make_patches(
            [Imagery.open(ground / "image.tif")], [read_outlines(ground / "units.gpkg")], tmp_path / "q",
            negatives=[read_outlines(tmp_path / "none.gpkg")], settings=RANDOM,
        )  # fmt: skip


def test_background_is_random_ground_without_outlines(ground: Path, tmp_path: Path) -> None:
    """The stated share, away from every outline, not twice in a place, the same for the same seed."""
    units = [square(300, 300, 12), square(340, 420, 12)]
    write_outlines(tmp_path / "units.gpkg", units)
    chosen = PatchSettings(context_m=150.0, size=48, stride=32, split=SplitMethod.RANDOM, background=0.75)
    tables = [
        make_patches(
            [Imagery.open(ground / "image.tif")], [read_outlines(tmp_path / "units.gpkg")],
            tmp_path / name, settings=replace(chosen, seed=seed),
        ).patches.index
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]  # fmt: skip
    assert tables[0].equals(tables[1]) and not tables[0].equals(tables[2])
    table = tables[0]
    random = table[(table["kind"] == "background") & (table["unit"] == "")]
    around = len(table) - len(random)
    assert len(random) == round(3 * around)
    assert not table.duplicated(["row", "col"]).any()
    corners = table.loc[random.index, ["row", "col"]].to_numpy()
    for row, column in ((300, 300), (340, 420)):
        apart = (np.abs(corners + 24 - np.array([row + 6, column + 6])) >= 24 + 6).any(axis=1)
        assert apart.all()
    assert {"train", "validation"} == set(random["split"])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), count=st.integers(2, 60), share=st.floats(0.2, 0.8))
def test_what_is_put_back_stays_a_patch_apart(seed: int, count: int, share: float) -> None:
    """By brute force: parts a patch apart, and no dropped patch that is apart from a whole part."""
    corner = np.random.default_rng(seed).integers(0, 40, (count, 2)) * 100.0
    boxes = np.concatenate([corner, corner + 480], axis=1)
    split = blocked_split(boxes, np.ones(count, bool), share, seed)
    gap = np.maximum(boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:]).max(-1)
    near = gap < 480
    train, validation = split.part == TRAIN, split.part == VALIDATION
    assert not near[np.ix_(train, validation)].any()
    for i in np.flatnonzero(split.part == DROPPED):
        assert near[i, train].any() and near[i, validation].any()
