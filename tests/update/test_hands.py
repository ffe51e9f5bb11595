"""Who decided: what a row says against who saved it, and the digest of what was decided."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from packages import make_work
from postgres import PASSWORD, Database, Server

from rogi.update.applying.lineage import read_operations
from rogi.update.columns import GEOMETRY
from rogi.update.hands import DECIDED, SAVED, Saved, decisions_sha256, other_hands, with_saved

NAMES = {"anna_login": frozenset({"Anna"})}


def rows(**values: Any) -> gpd.GeoDataFrame:
    """One row that anna decided on and saved."""
    stated: dict[str, Any] = dict.fromkeys([*DECIDED, *SAVED])
    stated |= {"decision": "remain", "mapper": "anna", "row": 1, **values}
    frame = pd.DataFrame({name: np.array([value], dtype=object) for name, value in stated.items()})
    return gpd.GeoDataFrame(
        frame, geometry=gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), crs=4326
    ).rename_geometry(GEOMETRY)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, "", id="a package knows nobody"),
        pytest.param({"edited_by": "anna"}, "", id="the mapper"),
        pytest.param({"edited_by": "ANNA"}, "", id="the mapper in capitals"),
        pytest.param({"edited_by": "anna_login"}, "", id="the role the package is assigned to"),
        pytest.param({"edited_by": "ben"}, "the mapper anna, but ben saved", id="somebody else"),
        pytest.param({"edited_by": "ben", "mapper": None}, "no mapper, but ben saved", id="no mapper"),
        pytest.param({"edited_by": "ben", "decision": None}, "", id="not decided"),
        pytest.param(
            {"edited_by": "rita", "reviewer": "rita", "reviewed_by": "rita"}, "", id="corrected in review"
        ),
        pytest.param(
            {"edited_by": "anna", "reviewer": "rita", "reviewed_by": "anna"},
            "the reviewer rita, but anna wrote that",
            id="reviewed in another's name",
        ),
        pytest.param({"edited_by": "anna", "reviewer": "rita", "reviewed_by": "rita"}, "", id="reviewed"),
    ],
)
def test_who_decided_is_who_saved(values: dict[str, Any], expected: str) -> None:
    """A decision under another name is told; a reviewer may correct under their own."""
    found = [detail for _, _, detail in other_hands(rows(**values), Saved("store", names=NAMES))]
    assert [expected in detail for detail in found] == ([True] if expected else [])


def test_what_the_store_knows_comes_by_feature_id() -> None:
    """Times in UTC as text; rows nobody saved have none."""
    both = pd.concat([rows(row=7), rows(row=8)], ignore_index=True)
    times = pd.to_datetime(["2026-08-15T10:00:00+02:00"], utc=True)
    written = pd.DataFrame(
        {"edited_by": ["anna"], "edited_at": times, "reviewed_by": [None],
         "reviewed_at": pd.DatetimeIndex(["NaT"], tz="UTC"), "history": [41]},
        index=pd.Index([8], name="fid"),
    )  # fmt: skip
    found = with_saved(both, written)
    assert found[list(SAVED)].to_numpy().tolist() == [
        [None] * 5, ["anna", "2026-08-15T08:00:00Z", None, None, "41"],
    ]  # fmt: skip


def test_digest_of_decisions() -> None:
    """Another decision or outline is another digest; order and who saved it are not."""
    one, two = rows(task="A"), rows(task="B", decision="remove")
    both = [pd.concat(pair, ignore_index=True) for pair in ((one, two), (two, one))]
    digest = decisions_sha256(both[0])
    assert decisions_sha256(both[1]) == digest
    assert decisions_sha256(both[0].assign(edited_by="anna", package="x")) == digest
    assert decisions_sha256(both[0].assign(reason="scree")) != digest
    moved = both[0].set_geometry(both[0].translate(1.0))
    assert decisions_sha256(moved) != digest


@pytest.mark.xdist_group("postgres")
def test_in_a_store(
    server: Server, database: Database, run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Status and apply tell a decision in another's name; the lineage says who saved the others, and when."""
    from stores import fill

    for name in ("anna", "ben", "anna_login", "ben_group"):
        server.role(name)
    inputs, work = make_work(tmp_path)
    fill(database.url(), work)
    unit = inputs.case.unit
    with database.connect() as lead:
        lead.execute("SELECT rogi_update.assign('anna', 'anna_login')")
        lead.execute("SELECT rogi_update.assign('anna', 'ben_group'); GRANT ben_group TO ben")

    def decide(user: str, name: str, mapper: str, role: str | None = None) -> None:
        with database.connect(user) as connection:
            if role is not None:
                connection.execute(f"SET ROLE {role}")
            connection.execute(
                "UPDATE rogi_update.tasks SET decision = 'remain', mapper = %s WHERE unit = %s",
                (mapper, unit[name]),
            )

    decide("anna", "r0c0", "anna")
    decide("anna_login", "r0c1", "anna")
    decide("anna", "r0c2", "carla")
    decide("ben", "r1c0", "anna", role="ben_group")
    decide("maintainer", "r1c1", "anna")
    url = database.url()
    code, text = run("status", "--store", url, "--limit", "-1")
    told = [line for line in text.splitlines() if "[decided-by-another]" in line]
    assert code == 1 and len(told) == 3 and PASSWORD not in text
    assert any(unit["r0c2"] in line and "names the mapper carla, but anna saved" in line for line in told)
    assert any(unit["r1c0"] in line and "names the mapper anna, but ben saved" in line for line in told)
    assert any(unit["r1c1"] in line and "but maintainer saved" in line for line in told)
    output = tmp_path / "v1.1.gpkg"
    made = [run("apply", "--store", url, "--inventory", inputs.inventory, "-o", output) for _ in range(2)]
    assert [code for code, _ in made] == [1, 1] and "(as it was)" in made[1][1]
    operations = {o.unit: o for o in read_operations(tmp_path / "v1.1.update" / "lineage.csv")}
    assert set(operations) == {unit["r0c0"], unit["r0c1"]}
    one = operations[unit["r0c1"]]
    assert (one.mapper, one.edited_by, one.history) == ("anna", "anna_login", "2")
    assert one.edited_at.endswith("Z") and len(one.edited_at) == 20
    text = (tmp_path / "v1.1.update" / "summary.json").read_text()
    decided = json.loads(text)["decided"]
    assert PASSWORD not in text and decided["store"].startswith("postgresql://maintainer@")
    assert decided["history"] == "5" and decided["moment"] >= one.edited_at and len(decided["sha256"]) == 64
