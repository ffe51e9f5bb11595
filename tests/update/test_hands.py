"""Who decided: what a row says against who saved it, and the digest of what was decided."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

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
         "reviewed_at": pd.to_datetime([None], utc=True), "history": [41]},
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
