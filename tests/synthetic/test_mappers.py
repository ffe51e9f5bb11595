"""Scripted mappers: what they say they did is what an update and the difference of two versions find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.release.differences.difference import difference
from rogi.rules.vertices import measure
from rogi.schema.model import Role
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.mappers import CRACK_M, M_PER_DEGREE, TOUCHING, Scripted, _joined, decide_all
from rogi.synthetic.scene_files import truth
from rogi.update.applying.new_version import Applied, apply
from rogi.update.deciding.edits import read_edits
from rogi.update.deciding.examination import examine
from rogi.update.planning.plan import Request, make_plan
from rogi.update.work_folder import write_plan

CONFLICTS = 2


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scripted, Applied]:
    """Two seasons of a scene, whose second truth stands for the candidates, updated by two mappers."""
    folder = tmp_path_factory.mktemp("mappers")
    scene = Scene(SceneSettings(1000, 1000, seed=5, units=40, negatives=0))
    for season in (1, 2):
        write_inventory(truth(scene, season), folder / f"truth{season}.gpkg")
    outlines = read_inventory(folder / "truth2.gpkg").layer(Role.OUTLINE)
    assert outlines is not None
    outlines.frame[["geometry"]].to_file(folder / "candidates.gpkg")
    request = Request((folder / "truth1.gpkg",), str(folder / "candidates.gpkg"), mappers=("anna", "ben"))
    write_plan(make_plan(request), folder / "work")
    done = decide_all(folder / "work", read_inventory(folder / "truth2.gpkg"), unsure=1, conflicts=CONFLICTS)
    base = read_inventory(folder / "truth1.gpkg")
    layer = base.layer(Role.OUTLINE)
    assert layer is not None
    looked = examine(read_edits([folder / "work"], crs=layer.crs), base)
    return folder, done, apply(looked, "1.1")


def test_merged_outlines_have_no_cracks() -> None:
    """Neighbours that touch but for rounding become one outline without spikes, and of their common area."""
    scene = Scene(SceneSettings(1000, 1000, seed=1, units=40, negatives=0))
    layer = truth(scene, 1).layer(Role.OUTLINE)
    assert layer is not None
    shapes, crack = layer.geometry, CRACK_M / M_PER_DEGREE
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=TOUCHING)
    pairs = [(shapes[i], shapes[j]) for i, j in zip(left, right, strict=True) if i < j]
    joined = np.array([_joined(one, other, crack) for one, other in pairs], dtype=object)
    plain = np.array([shapely.union(one, other) for one, other in pairs], dtype=object)
    assert len(pairs) > 3
    assert len(_spikes(plain)) and not len(_spikes(joined))
    assert (shapely.get_type_id(joined) == shapely.GeometryType.POLYGON).all()
    assert shapely.area(joined) == pytest.approx(shapely.area(plain), rel=1e-4)
    assert shapely.hausdorff_distance(shapely.convex_hull(joined), shapely.convex_hull(plain)).max() < crack


def _spikes(shapes: np.ndarray) -> np.ndarray:
    """Angles of spikes, degrees, as rule GEO010 finds them."""
    usable = np.ones(len(shapes), dtype=bool)
    limits = {"spike_angle": 10.0, "spike_length": 10.0, "repeat_distance": 0.1, "grid": 1e-9}
    return measure(shapes, usable, "EPSG:4326", **limits).spikes.measure


def test_the_difference_counts_what_was_decided(updated: tuple[Path, Scripted, Applied]) -> None:
    """Each decision of a kind is one case of the difference of the two versions."""
    folder, done, made = updated
    kinds = {
        "retrieve": "added",
        "remove": "removed",
        "refine": "refined",
        "split": "split",
        "merge": "merged",
    }
    found = difference(read_inventory(folder / "truth1.gpkg"), made.inventory, names=("1.0", "1.1")).counts
    assert {k: done.decided.get(k, 0) for k in kinds} == {k: found[kind] for k, kind in kinds.items()}
    assert done.decided["split"] == done.decided["merge"] == 1
    assert min(done.decided[k] for k in ("retrieve", "remove", "refine")) > 0


def test_a_work_folder_without_a_plan_is_refused(
    updated: tuple[Path, Scripted, Applied], tmp_path: Path
) -> None:
    """There is nothing to decide on."""
    with pytest.raises(InputError):
        decide_all(tmp_path, read_inventory(updated[0] / "truth2.gpkg"))
