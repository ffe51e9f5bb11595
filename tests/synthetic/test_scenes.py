"""Synthetic scenes: the same for a seed, in any window; truth, look-alikes and changes as told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from typer.testing import CliRunner

from rogi.cli.synthetic import app
from rogi.errors import OptionError, OutputError
from rogi.geometry import transform_geometries
from rogi.inventory.read import read_inventory
from rogi.schema.model import Role
from rogi.synthetic.imagery import ADVANCE, EPSG, SEASONS, Light, Scene, SceneSettings, _shadow
from rogi.synthetic.landforms import NEIGHBOURS, Kind, Slopes, _flow
from rogi.synthetic.noise import noise
from rogi.synthetic.scene_files import write_scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    """600 x 900 pixels with 30 units and 20 look-alikes."""
    return Scene(SceneSettings(600, 900, seed=4, units=30, negatives=20))


@pytest.fixture(scope="module")
def pictures(scene: Scene) -> list[np.ndarray]:
    """Both seasons."""
    return [scene.render(season, 0, 0, 600, 900)[0] for season in (1, 2)]


def mask(scene: Scene, season: int, *kinds: Kind) -> np.ndarray:
    """Pixels of the landforms of some kinds."""
    polygons = [x.polygon for x in scene.landforms(season) if x.kind in kinds]
    return rasterize(polygons, (600, 900), transform=scene.transform).astype(bool)


def test_noise_is_the_same_in_any_window_and_has_no_grain() -> None:
    """Values from 0 to 1 around 0.5; derivatives along the axes and the diagonals vary alike."""
    x, y = np.arange(400) * 7.3, np.arange(300) * 7.3
    whole = noise(x, y, 80.0, 5)
    np.testing.assert_array_equal(noise(x[37:90], y[11:200], 80.0, 5), whole[11:200, 37:90])
    assert whole.min() >= 0 and whole.max() <= 1 and whole.mean() == pytest.approx(0.5, abs=0.02)
    assert not np.array_equal(whole, noise(x, y, 80.0, 6))
    steps = [np.diff(whole, axis=0).std(), np.diff(whole, axis=1).std()]
    diagonal = (whole[1:, 1:] - whole[:-1, :-1]).std() / np.sqrt(2)
    assert max(*steps, diagonal) / min(*steps, diagonal) < 1.1


def test_a_window_is_the_part_of_the_picture(scene: Scene, pictures: list[np.ndarray]) -> None:
    """Pages rendered by themselves fit: units, water, snow and grain to the value; shadows reach from beyond
    the halo of a page in few pixels."""
    part, heights = scene.render(1, 200, 300, 150, 210)
    same = (part == pictures[0][:, 200:350, 300:510]).all(axis=0)
    assert same.mean() > 0.999
    np.testing.assert_array_equal(heights, scene.render(1, 100, 100, 300, 500)[1][100:250, 200:410])


def test_the_same_seed_gives_the_same_picture_and_another_another_place(scene: Scene) -> None:
    again = Scene(scene.settings)
    one, other = (s.render(2, 50, 60, 70, 80)[0] for s in (scene, again))
    np.testing.assert_array_equal(one, other)
    boxes = [shapely.box(*Scene(SceneSettings(800, 800, seed=seed)).bounds) for seed in range(100)]
    assert shapely.union_all(boxes).area == pytest.approx(100 * 8000.0**2)


def test_units_and_look_alikes_lie_apart_unless_they_are_a_system(scene: Scene) -> None:
    found = scene.landforms(1) + [x for x in scene.landforms(2) if scene.fates().get(x.number) == "new"]
    polygons = np.array([x.polygon for x in found], dtype=object)
    assert shapely.is_valid(polygons).all() and (shapely.area(polygons) > 1e4).all()
    assert shapely.box(*scene.bounds).contains(polygons).all()
    one, other = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=NEIGHBOURS - 1e-6)
    pairs = [(found[i], found[j]) for i, j in zip(one, other, strict=True) if i < j]
    assert pairs
    for a, b in pairs:
        assert a.kind is b.kind is Kind.ROCK_GLACIER and a.system == b.system >= 0
        assert shapely.area(shapely.intersection(a.polygon, b.polygon)) < 1.0
        assert shapely.intersection(a.polygon.boundary, b.polygon.boundary).length > 50.0


def test_bodies_flow_downhill(scene: Scene) -> None:
    """The ground they lie on is higher at the root than at the front; on a plane they follow its fall."""
    for unit in scene.landforms(1):
        if unit.kind is Kind.ROCK_GLACIER:
            ends = [scene._ground(p[:1], p[1:])[0][0, 0] for p in (unit.line[0], unit.line[-1])]
            assert ends[0] > ends[1]
    y, x = np.mgrid[0:50, 0:50] * 50.0
    plane = Slopes(4000.0 + 0.2 * y - 0.1 * x, 0.0, 2450.0, 50.0)  # rises to the south, falls to the east
    line = _flow(plane, np.array([[500.0, 500.0]]), 20)[0]
    direction = (line[-1] - line[0]) / np.hypot(*(line[-1] - line[0]))
    np.testing.assert_allclose(direction, np.array([0.1, 0.2]) / np.hypot(0.1, 0.2), atol=1e-9)


def test_a_wall_throws_a_shadow_of_the_length_of_the_suns_height() -> None:
    """100 m of wall in the south, sun there at 45 degrees: 100 m of shadow to its north."""
    ground = np.zeros((60, 20))
    ground[50:] = 100.0
    shadow = _shadow(ground, Light(180.0, 45.0, 0.0, 0.0, 1.0), 10.0)
    assert (shadow[41:50] == 1).all() and (shadow[:39] == 0).all() and (shadow[50:] == 0).all()
    south_east = _shadow(ground, Light(135.0, 45.0, 0.0, 0.0, 1.0), 10.0)
    # The way through the shadow is 100 m; northwards it is 100 m x cos 45°.
    assert (south_east[44:50, :8] == 1).all() and (south_east[:42] == 0).all()


def test_colour_does_not_tell_units_from_what_they_lie_in(scene: Scene, pictures: list[np.ndarray]) -> None:
    """No interval of brightness, nor any set of colours learned on the very picture, finds half of them well:
    at best an IoU of 0.2, where texture tells all."""
    picture = pictures[0]
    known = picture.any(axis=0)
    truth = mask(scene, 1, Kind.ROCK_GLACIER)[known]
    bins = (picture[:, known] // 16).astype(int)
    number = (bins[0] * 16 + bins[1]) * 16 + bins[2]
    hit, seen = np.bincount(number, truth, 4096), np.bincount(number, minlength=4096)
    order = np.argsort(-hit / np.maximum(seen, 1))
    found, called = np.cumsum(hit[order]), np.cumsum(seen[order])
    assert (found / (called + truth.sum() - found)).max() < 0.2
    means = [np.median(picture[:, mask(scene, 1, *kinds) & known]) for kinds in (
        (Kind.ROCK_GLACIER,), (Kind.DEBRIS_COVERED_GLACIER, Kind.ROCK_AVALANCHE, Kind.MORAINE))]  # fmt: skip
    assert abs(means[0] - means[1]) < 15


def test_ridges_lie_across_the_flow(scene: Scene) -> None:
    """The surface of units varies more along the line of flow than across it; of avalanches alike."""
    from rogi.synthetic.landforms import relief

    ratios: dict[Kind, list[float]] = {Kind.ROCK_GLACIER: [], Kind.ROCK_AVALANCHE: []}
    for form in scene.landforms(1):
        if form.kind not in ratios:
            continue
        middle = form.line[len(form.line) // 3 : -len(form.line) // 4]
        tangent = np.gradient(middle, axis=0)
        tangent /= np.hypot(*tangent.T)[:, None]
        differences = []
        for way in (tangent, np.column_stack([-tangent[:, 1], tangent[:, 0]])):
            heights = [
                [
                    relief(form, p[:1], p[1:], np.full((1, 1), 80.0))[0][0, 0]
                    for p in (spot - 12 * d, spot + 12 * d)
                ]
                for spot, d in zip(middle[::3], way[::3], strict=True)
            ]
            differences.append(np.diff(heights, axis=1).std())
        ratios[form.kind].append(differences[0] / differences[1])
    assert np.median(ratios[Kind.ROCK_GLACIER]) > 2.0
    assert np.median(ratios[Kind.ROCK_AVALANCHE]) < 1.6


def test_seasons_differ_in_light_snow_and_void_but_not_in_ground(
    scene: Scene, pictures: list[np.ndarray]
) -> None:
    known = [picture.any(axis=0) for picture in pictures]
    assert all(0.85 < valid.mean() < 0.98 for valid in known)
    assert (known[0] != known[1]).any()
    both = known[0] & known[1]
    white = [(picture.min(axis=0) > 215)[both].mean() for picture in pictures]
    assert SEASONS[1].snowline > SEASONS[2].snowline and white[1] > white[0] > 0
    one, two = (scene.render(season, 100, 100, 200, 200)[1] for season in (1, 2))
    same = (one == two).mean()
    assert 0.9 < same <= 1


def test_what_changed_is_told(scene: Scene) -> None:
    fates = scene.fates()
    one, two = ({x.number: x for x in scene.landforms(s) if x.kind is Kind.ROCK_GLACIER} for s in (1, 2))
    assert set(fates.values()) == {"unchanged", "advanced", "new", "gone"}
    for number, fate in fates.items():
        assert (number in one) == (fate != "new") and (number in two) == (fate != "gone")
        if fate == "unchanged":
            assert one[number].polygon == two[number].polygon
        if fate == "advanced":
            before, after = one[number].polygon, two[number].polygon
            assert after.area > before.area and shapely.intersection(before, after).area > 0.95 * before.area
            assert ADVANCE[0] <= two[number].shift <= ADVANCE[1]


def test_files_of_a_scene(tmp_path: Path) -> None:
    """The command writes pictures and truth that fit each other, the same bytes each time."""
    arguments = [
        "imagery",
        "--size",
        "300",
        "440",
        "--seed",
        "9",
        "--units",
        "12",
        "--seasons",
        "2",
        "--repeat",
        "2",
    ]
    for name in ("one", "two"):
        result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["changes.csv", "dem.tif", "mosaic.vrt", "negatives.gpkg", "season1.tif", "season2.tif",
                     "truth1.gpkg", "truth2.gpkg"]  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    scene = Scene(SceneSettings(300, 440, seed=9, units=12))
    with rasterio.open(tmp_path / "one" / "season1.tif") as picture:
        assert (picture.count, picture.dtypes[0], picture.nodata) == (3, "uint8", 0)
        np.testing.assert_array_equal(picture.read(), scene.render(1, 0, 0, 300, 441)[0][:, :300, :440])
        first = picture.read()
    with rasterio.open(tmp_path / "one" / "mosaic.vrt") as mosaic:
        assert mosaic.shape == (600, 880)
        np.testing.assert_array_equal(mosaic.read()[:, 300:, 440:], first)
    with rasterio.open(tmp_path / "one" / "dem.tif") as dem:
        assert dem.res == (30.0, 30.0) and dem.shape == (100, 147)
        heights = (
            scene.render(1, 0, 0, 300, 441)[1].reshape(100, 3, 147, 3).mean(axis=(1, 3), dtype=np.float64)
        )
        np.testing.assert_allclose(dem.read(1), heights, rtol=1e-6)
    truths = [read_inventory(tmp_path / "one" / f"truth{season}.gpkg") for season in (1, 2)]
    for season, inventory in enumerate(truths, start=1):
        assert inventory.schema.id == "tprogi/1.0"
        outlines = inventory.layer(Role.OUTLINE)
        assert outlines is not None and len(outlines) == len(inventory.layer(Role.MARKER))
        expected = [x.polygon for x in scene.landforms(season) if x.kind is Kind.ROCK_GLACIER]
        placed = transform_geometries(outlines.geometry, outlines.crs, EPSG)
        assert (shapely.area(shapely.symmetric_difference(placed, np.array(expected))) < 5.0).all()
    changes = pd.read_csv(tmp_path / "one" / "changes.csv").set_index("id")["fate"]
    ids = [set(inventory.layer(Role.OUTLINE).values("primary_id")) for inventory in truths]
    assert ids[0] - ids[1] == set(changes.index[changes == "gone"])
    assert ids[1] - ids[0] == set(changes.index[changes == "new"])


def test_truth_keeps_the_rules_but_for_columns_that_rasters_fill(scene: Scene, tmp_path: Path) -> None:
    from rogi.synthetic.scene_files import truth
    from rogi.validation.engine import validate

    report = validate(truth(scene, 1))
    assert set(report.findings["code"]) <= {"SCH008"}


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="at least 64 x 64"):
        SceneSettings(10, 500)
    with pytest.raises(OptionError, match="2 to 60 m"):
        SceneSettings(500, 500, pixel=0.5)
    with pytest.raises(OptionError, match="seasons 1 and 2"):
        Scene(SceneSettings(64, 64)).render(3, 0, 0, 10, 10)
    (tmp_path / "season1.tif").write_bytes(b"")
    result = CliRunner().invoke(app, ["imagery", "--size", "64", "64", "-o", str(tmp_path)])
    assert isinstance(result.exception, OutputError)


def test_a_scene_without_wedges_or_units(tmp_path: Path) -> None:
    scene = Scene(SceneSettings(70, 80, seed=1, units=0, negatives=0, wedges=False))
    made = write_scene(scene, tmp_path)
    assert made.units == (0,)
    with rasterio.open(made.pictures[0]) as picture:
        assert picture.read().min() >= 1
