"""A maintainer's run: from `release init` to a published 1.1, with twelve mistakes on the way."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from typer.testing import CliRunner

from rogi.cli import app
from rogi.errors import RogiError
from rogi.inventory.ids.primary_id import make
from rogi.inventory.write import write_inventory
from rogi.release.description import read_release
from rogi.schema.model import Role

from .invenio_server import TOKEN, Server, running
from .test_init import fill

PREVIOUS = "dist/Synthetic_v1.0.zip"


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@dataclass
class Place:
    """Where a maintainer works: the working copy, the folder of 1.1, and the package of 1.0, published."""

    root: Path
    inventory: Any

    @property
    def folder(self) -> Path:
        return self.root / "releases" / "1.1"

    def data(self, change: Callable[[dict[Role, gpd.GeoDataFrame]], None] = lambda _: None) -> None:
        """Write the working copy, changed."""
        frames = {layer.role: layer.frame.copy() for layer in self.inventory.layers}
        change(frames)
        layers = tuple(replace(x, frame=frames[x.role]) for x in self.inventory.layers)
        (self.root / "work.gpkg").unlink(missing_ok=True)
        write_inventory(replace(self.inventory, layers=layers), self.root / "work.gpkg")

    def text(self, old: str, new: str, name: str = "release.yaml") -> None:
        """Change a text of the folder of 1.1."""
        path = self.folder / name
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new, 1), encoding="utf-8")


def rogi(*arguments: str) -> tuple[int, str]:
    """Exit code and all that is said; a message of an error as the command prints it."""
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, RogiError):
        return 2, str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def build() -> tuple[int, str]:
    return rogi("release", "build", "1.1", "-i", "work.gpkg", "--previous", PREVIOUS, "-o", "dist")


@pytest.fixture
def place(releases, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:  # type: ignore[no-untyped-def]
    """1.0 is published; 1.1 is begun with `init`, its marks and the reasons of retired IDs are filled in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", TOKEN)
    shutil.copytree(releases.first.folder, tmp_path / "dist" / "Synthetic_v1.0")
    shutil.copy(releases.first.zip, tmp_path / "dist")
    assert rogi("release", "publish", "dist/Synthetic_v1.0", "--server", server.address)[0] == 0
    publish = ("release", "publish", "dist/Synthetic_v1.0", "--server", server.address, "--publish", "--yes")
    assert rogi(*publish)[0] == 0
    made = Place(tmp_path, releases.versions.second)
    made.data()
    assert rogi("release", "init", "1.1", "--from", PREVIOUS)[0] == 0
    code, said = build()
    assert code == 2 and "(date)" in said and "CHANGELOG.md line 3" in said
    fill(made.folder, date="2026-06-15")
    rogi("release", "diff", PREVIOUS, "work.gpkg", "--tombstones", "releases/1.1/retired.csv")
    stones = pd.read_csv(made.folder / "retired.csv", keep_default_na=False)
    stones["reason"] = stones["reason"].where(stones["reason"] != "", "debris-covered glacier")
    stones.to_csv(made.folder / "retired.csv", index=False)
    made.text("# retired_file: retired.csv", "retired_file: retired.csv")
    made.text("# communities:\n# - permafrost", "communities:\n- permafrost\n- nobody")
    return made


def _square_metres(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    frames[Role.OUTLINE]["AREA"] *= 1e6


def _emptied(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    frames[Role.OUTLINE]["MAAT"] = np.nan


def _higher(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    frames[Role.OUTLINE][["ELE_MIN", "ELE_MEAN", "ELE_MAX"]] += 300.0


def _radians(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    columns = [c for c in frames[Role.OUTLINE].columns if c.startswith("SLO_")]
    frames[Role.OUTLINE][columns] = np.radians(frames[Role.OUTLINE][columns])


def _crossing(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    frame = frames[Role.OUTLINE]
    west, south, east, north = frame.geometry.iloc[5].bounds
    bow = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    frame.loc[frame.index[5], "geometry"] = bow
    Path("rogi.toml").write_text('ignore = ["GEO003"]\n', encoding="utf-8")


def _no_break(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    frame = frames[Role.OUTLINE]
    frame.loc[frame.index[5], "ID"] += "\u00a0"


def _twice(frames: dict[Role, gpd.GeoDataFrame]) -> None:
    for role, frame in list(frames.items()):
        extra = frame.iloc[[7]].copy()
        extra["LON"] += 1e-4
        extra["ID"] = make(extra["LON"].to_numpy(float), extra["LAT"].to_numpy(float))
        if role is Role.MARKER:
            extra = extra.set_geometry(gpd.points_from_xy(extra["LON"], extra["LAT"], crs=frame.crs))
        frames[role] = pd.concat([frame, extra], ignore_index=True)


def _stone(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Place], None]:
    def plant(place: Place) -> None:
        path = place.folder / "retired.csv"
        change(pd.read_csv(path, keep_default_na=False)).to_csv(path, index=False)

    return plant


def _never(stones: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([stones, pd.DataFrame([{"id": "RGU300000N0900000E", "reason": "gone"}])]).fillna("")


def _contradicts(stones: pd.DataFrame) -> pd.DataFrame:
    rows = stones.index[stones["reason"] == "new ID for the same unit"]
    stones.loc[rows[:2], "replaced_by"] = stones.loc[rows[:2][::-1], "replaced_by"].to_numpy()
    return stones


def _old_doi(place: Place) -> None:
    doi = read_release(place.root / "dist" / "Synthetic_v1.0").doi
    place.text("publisher:", f"doi: {doi}\npublisher:")


def _old_changelog(place: Place) -> None:
    shutil.copy(place.root / "dist" / "Synthetic_v1.0" / "CHANGELOG.md", place.folder)


MISTAKES: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "square metres": (_square_metres, "ATT014", r"Convert the column to km².*--accept ATT014='REASON'"),
    "emptied column": (_emptied, "emptied:MAAT", r"Fill the column again\..*--accept emptied:MAAT='REASON'"),
    "300 m higher": (_higher, "shift:ELE_MEAN", r"by \+300 m.*correct the column.*--accept shift:ELE_MEAN="),
    "radians": (_radians, "unit:SLO_MEAN", r"Convert the column to degree.*--accept unit:SLO_MEAN='REASON'"),
    "hidden crossing": (_crossing, "findings", r"GEO003 \(1\).*waive each in rogi\.toml with a reason"),
    "no-break space": (_no_break, "ids-keyed", r"Write each ID in one way in all layers"),
    "outline twice": (_twice, "duplicates", r"Take one of each two out\..*--accept duplicates='REASON'"),
    "stone of nothing": (_stone(_never), "lineage-unknown", r"RGU300000N0900000E.*Correct or remove them"),
    "other lineage": (_stone(_contradicts), "lineage-other", r"Correct it, or leave it out"),
    "old DOI": (_old_doi, "left-doi", r"Remove doi from release\.yaml"),
    "old date": (
        lambda place: place.text("2026-06-15", "2026-01-15"), "left-date", r"Set date in release\.yaml"
    ),
    "old changelog": (_old_changelog, "left-changelog", r"Write what changed in this version"),
}  # fmt: skip
OF_DATA = (_square_metres, _emptied, _higher, _radians, _crossing, _no_break, _twice)


@pytest.mark.slow
def test_from_init_to_a_published_version(place: Place, server: Server) -> None:
    """Each mistake alone is refused with what lifts it, nothing is written; then 1.1 is published once."""
    texts = {path: path.read_bytes() for path in place.folder.iterdir()}
    for name, (plant, code, remedy) in MISTAKES.items():
        if plant in OF_DATA:
            place.data(plant)
        else:
            plant(place)
        status, said = build()
        lines = [x for x in said.splitlines() if f" {code}: " in f" {x}"]
        assert status == 1 and len(lines) == 1 and re.search(remedy, lines[0]), (name, said)
        assert not (place.root / "dist" / "Synthetic_v1.1").exists()
        for path, content in texts.items():
            path.write_bytes(content)
        (place.root / "rogi.toml").unlink(missing_ok=True)
    place.data()
    status, said = build()
    assert status == 0, said
    assert rogi("release", "check", "dist/Synthetic_v1.1.zip")[0] == 0

    # the last: a file that was changed after the build
    table = place.root / "dist" / "Synthetic_v1.1" / "csv" / "Synthetic_Primary_Marker.csv"
    before = table.read_bytes()
    table.write_bytes(before + b"\n")
    version_of = server.store.published[0].id
    upload = ("release", "publish", "dist/Synthetic_v1.1", "--server", server.address)
    status, said = rogi(*upload, "--new-version-of", version_of)
    assert status == 2 and "Synthetic_Primary_Marker.csv was changed" in said and "Build the release" in said
    table.write_bytes(before)

    for checkout in ("one", "two"):  # the workflow of the tag, run twice on fresh checkouts
        root = place.root / checkout
        shutil.copytree(place.root / "dist", root)
        upload = ("release", "publish", f"{checkout}/Synthetic_v1.1", "--server", server.address)
        assert rogi(*upload, "--new-version-of", version_of)[0] == 0
        status, said = rogi(*upload, "--publish", "--yes")
        assert status == 0, said
        if checkout == "one":
            assert "community permafrost: record" in said and "submitted" in said
            assert "community nobody" in said and "Community not found" in said
    first, second = server.store.published
    assert (first.parent, second.metadata["version"]) == (second.parent, "1.1") and not server.store.drafts
    assert second.communities == ["permafrost"]
    for checkout in ("one", "two"):
        assert read_release(place.root / checkout / "Synthetic_v1.1").doi == second.pids["doi"]["identifier"]
        assert rogi("release", "check", f"{checkout}/Synthetic_v1.1.zip")[0] == 0
