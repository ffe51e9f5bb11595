"""The difference of two versions: every known edit is told, and nothing else; noise is no change."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity

from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.release.differences import report
from rogi.release.differences.difference import Difference, Kind, Tolerances, difference
from rogi.release.differences.lineage import crosswalk_text, draft_tombstones, successors
from rogi.report.format import Format, format_of
from rogi.report.writers import as_string
from rogi.schema.model import Role

SIDE = 0.004  # degrees, about 0.14 km² at 35° N


def square(lon: float, lat: float, width: float = SIDE, height: float = SIDE) -> shapely.Polygon:
    return shapely.box(lon, lat, lon + width, lat + height)


def inventory(shapes: list[shapely.Polygon], ids: list[str] | None = None, **columns: object) -> Inventory:
    points = shapely.centroid(np.array(shapes, dtype=object))
    names = ids or make(shapely.get_x(points), shapely.get_y(points)).tolist()
    frame = gpd.GeoDataFrame({"ID": names, **columns}, geometry=shapes, crs="EPSG:4326")
    return from_frames({Role.OUTLINE: frame}, schema="tprogi/1.0", dialect="tprogi", path="made")


def kinds(found: Difference) -> dict[str, int]:
    return {kind.value: n for kind, n in found.counts.items() if n}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_known_edits_are_told_and_nothing_else(seed: int) -> None:
    """Two of each kind of a seeded edit; every unit has the kind it was given."""
    from rogi.synthetic.releases import two_versions

    versions = two_versions(60, seed)
    found = difference(versions.first, versions.second)
    assert kinds(found) == {
        **{k.value: 2 for k in Kind if k not in (Kind.UNCHANGED, Kind.REGROUPED)},
        "unchanged": 46,
    }
    table = found.units
    for id_, fate in versions.fates.items():
        rows = table[(table["id_old"] == id_) | (table["id_new"] == id_)]
        assert set(rows["kind"]) == {fate}, id_
    assert found.vanished == {stone.id for stone in versions.retired}
    assert not found.moved and not found.schema_changed
    refined = table[table["kind"] == "refined"]["iou"]
    np.testing.assert_allclose(refined, 0.97**2, rtol=2e-3)
    replaced = {stone.id: stone.replaced_by for stone in versions.retired if stone.replaced_by}
    told = {i: new for i, (_, new) in successors(found).items() if new}
    assert told == replaced


def test_a_version_and_itself_do_not_differ(releases) -> None:  # type: ignore[no-untyped-def]
    """Rows in another order, and through a Shapefile, GeoPackage or CSV: no change."""
    first = releases.versions.first
    shuffled = replace(
        first,
        layers=tuple(
            replace(x, frame=x.frame.sample(frac=1, random_state=2).reset_index(drop=True))
            for x in first.layers
        ),
    )
    assert not difference(first, shuffled).changed
    assert not difference(first, first).changed


@pytest.mark.parametrize("format", ["shapefile", "gpkg", "geoparquet"])
def test_writing_and_reading_is_no_change(releases, tmp_path: Path, format: str) -> None:  # type: ignore[no-untyped-def]
    """Floating-point noise of a format is no change, in values or outlines."""
    path = tmp_path / ("copy.gpkg" if format == "gpkg" else "copy")
    write_inventory(releases.versions.first, path, format=format)
    found = difference(releases.versions.first, read_inventory(path))
    assert not found.changed, found.units[found.units["kind"] != "unchanged"]


def test_noise_and_tolerances() -> None:
    """A relative 1e-9 is noise; a metre is a change, unless a tolerance says it is none."""
    shapes = [square(80 + 0.02 * k, 35) for k in range(3)]
    old = inventory(shapes, ELE_MEAN=[4700.0, 4800.0, 4900.0])
    assert not difference(old, inventory(shapes, ELE_MEAN=[4700.0 * (1 + 1e-9), 4800.0, 4900.0])).changed
    new = inventory(shapes, ELE_MEAN=[4701.0, 4800.0, np.nan])
    found = difference(old, new)
    assert kinds(found) == {"attributes": 2, "unchanged": 1}
    assert found.values[["field", "old", "new"]].values.tolist() == [
        ["elevation_mean", "4700.0", "4701.0"],
        ["elevation_mean", "4900.0", ""],
    ]
    found = difference(old, new, tolerances=Tolerances(values={"elevation_mean": 1.0}))
    assert kinds(found) == {"attributes": 1, "unchanged": 2}


def test_split_and_merge_have_areas_by_hand() -> None:
    """A square cut in two halves and two halves made one: IoU 1/2 for each part."""
    whole, left, right = square(80, 35), square(80, 35, SIDE / 2), square(80 + SIDE / 2, 35, SIDE / 2)
    found = difference(inventory([whole]), inventory([left, right]))
    assert kinds(found) == {"split": 1}
    np.testing.assert_allclose(found.units["iou"], 0.5, atol=1e-6)
    back = difference(inventory([left, right]), inventory([whole]))
    assert kinds(back) == {"merged": 1}
    assert back.count_old == 2 and back.count_new == 1


def test_two_redrawn_as_two_others_are_regrouped() -> None:
    """Two strips side by side, redrawn as two across: four parts, one case."""
    across = [square(80, 35, SIDE, SIDE / 2), square(80, 35 + SIDE / 2, SIDE, SIDE / 2)]
    along = [square(80, 35, SIDE / 2), square(80 + SIDE / 2, 35, SIDE / 2)]
    found = difference(inventory(across), inventory(along))
    assert kinds(found) == {"regrouped": 1}


def test_neighbours_that_overlap_a_little_are_not_parts() -> None:
    """Outlines refined so that neighbours overlap by a tenth stay what they were."""
    left, right = square(80, 35), square(80 + SIDE, 35)
    ids = inventory([left, right]).layers[0].frame["ID"].tolist()
    new = inventory([shapely.box(80, 35, 80 + 1.1 * SIDE, 35 + SIDE), right], ids)
    assert kinds(difference(inventory([left, right]), new)) == {"refined": 1, "unchanged": 1}


def test_a_unit_inside_an_unchanged_one_is_added() -> None:
    """An outline that did not change has no parts: what is drawn in it is new."""
    whole, inner = square(80, 35), square(80.001, 35.001, 0.001, 0.001)
    assert kinds(difference(inventory([whole]), inventory([whole, inner]))) == {"added": 1, "unchanged": 1}


def test_an_id_at_another_place_has_moved() -> None:
    """The same ID one degree away: one unit is gone, another came, and the ID moved."""
    old, new = (
        inventory([square(80, 35)], ["RGU350020N0800020E"]),
        inventory([square(81, 35)], ["RGU350020N0800020E"]),
    )
    found = difference(old, new)
    assert found.moved == ("RGU350020N0800020E",)
    assert kinds(found) == {"added": 1, "removed": 1}


def test_columns_that_come_and_go() -> None:
    """A column gone or of another type is another meaning; a new one is not."""
    shape = [square(80, 35)]
    old = inventory(shape, ELE_MEAN=[4700.0], shade=["x"])
    found = difference(old, inventory(shape, ELE_MEAN=["high"], note=["y"]))
    assert (found.fields_added, found.fields_removed, found.fields_retyped) == (
        ("note",),
        ("shade",),
        ("elevation_mean",),
    )
    assert found.schema_changed
    only_new = difference(old, inventory(shape, ELE_MEAN=[4700.0], shade=["x"], note=["y"]))
    assert only_new.changed and not only_new.schema_changed


def test_markers_alone_are_compared_by_place() -> None:
    """Without outlines: moved by some metres is refined, by kilometres another unit."""

    def markers(points: list[tuple[float, float]], ids: list[str]) -> Inventory:
        frame = gpd.GeoDataFrame({"ID": ids}, geometry=[shapely.Point(p) for p in points], crs="EPSG:4326")
        return from_frames({Role.MARKER: frame}, schema="tprogi/1.0", dialect="tprogi", path="made")

    old = markers([(80, 35), (81, 35), (82, 35)], ["A", "B", "C"])
    new = markers([(80, 35.0001), (81, 35), (82, 36)], ["A", "B", "C"])
    found = difference(old, new)
    assert kinds(found) == {"added": 1, "removed": 1, "refined": 1, "unchanged": 1}
    np.testing.assert_allclose(found.units.query("kind == 'refined'")["distance_m"], 11.09, atol=0.01)
    assert found.moved == ("C",)


def test_values_that_only_markers_have_are_compared() -> None:
    """In an RGIK inventory the activity is told by the marker: a changed one is a change of the unit."""
    from rogi.synthetic.inventory import synthetic_inventory

    old = synthetic_inventory(10, 1, "rgik/1.0")
    layers = []
    for layer in old.layers:
        frame = layer.frame
        if layer.role is Role.MARKER:
            classes = frame["Acti.Cl."].to_numpy(dtype=object).copy()
            classes[3] = "Uncertain"
            frame = (
                frame.assign(**{"Acti.Cl.": classes}).sample(frac=1, random_state=1).reset_index(drop=True)
            )
        layers.append(replace(layer, frame=frame))
    assert not difference(old, old).changed
    found = difference(old, replace(old, layers=tuple(layers)))
    assert kinds(found) == {"attributes": 1, "unchanged": 9}
    assert found.values[["field", "new"]].values.tolist() == [["activity", "Uncertain"]]
    assert any("moving areas" in note for note in found.notes)


def test_odd_versions_do_not_break_it() -> None:
    """Repeated IDs, null geometry, a bow tie and an empty version are told in notes."""
    bow = shapely.Polygon([(80.1, 35), (80.11, 35.01), (80.11, 35), (80.1, 35.01)])
    shapes = [square(80, 35), square(80.05, 35), bow, None]
    old = inventory(shapes[:3], ["A", "A", "B"])
    frame = gpd.GeoDataFrame({"ID": ["A", "A", "B", "C"]}, geometry=shapes, crs="EPSG:4326")
    new = from_frames({Role.OUTLINE: frame}, schema="tprogi/1.0", dialect="tprogi", path="made")
    found = difference(old, new)
    assert any("for several units" in note for note in found.notes)
    assert any("without usable geometry" in note for note in found.notes)
    assert any("repaired" in note for note in found.notes)
    assert found.counts[Kind.ADDED] == found.counts[Kind.REMOVED] == 0


def test_subregions_add_up(releases) -> None:  # type: ignore[no-untyped-def]
    """Units and areas per subregion sum to those of the whole."""
    found = difference(releases.versions.first, releases.versions.second)
    table = found.subregions()
    assert table["units_old"].sum() == found.count_old and table["units_new"].sum() == found.count_new
    np.testing.assert_allclose(table["area_old_km2"].sum(), found.area_old_km2)
    np.testing.assert_allclose(table["area_new_km2"].sum(), found.area_new_km2)


def test_every_format_is_written(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Text, Markdown, JSON, CSV, GeoPackage with both outlines, HTML; the same each time."""
    found = difference(releases.versions.first, releases.versions.second)
    for name in ("d.txt", "d.md", "d.json", "d.csv", "d.gpkg", "d.html"):
        report.write(found, format_of(tmp_path / name, report.FORMATS), tmp_path / name)
        first = (tmp_path / name).read_bytes()
        report.write(found, format_of(tmp_path / name, report.FORMATS), tmp_path / name)
        assert (tmp_path / name).read_bytes() == first, name
    names = re.findall(r' id="([^"]+)"', (tmp_path / "d.html").read_text(encoding="utf-8"))
    assert len(names) == len(set(names)) and "units-table" in names
    content = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert content["counts"]["split"] == 2 and len(content["changes"]) > 10
    old, new = (gpd.read_file(tmp_path / "d.gpkg", layer=layer) for layer in ("old", "new"))
    assert set(old["kind"]) >= {"removed", "refined"} and "added" not in set(old["kind"])
    assert "added" in set(new["kind"]) and "removed" not in set(new["kind"])
    assert "### Removed" in (tmp_path / "d.md").read_text(encoding="utf-8")
    assert crosswalk_text(found).startswith("kind,group,id_old,id_new")
    assert draft_tombstones(found).splitlines()[0] == "id,reason,replaced_by"


def test_a_name_in_the_data_is_text_in_the_page() -> None:
    """Markup in an ID stays text in HTML and Markdown."""
    found = difference(
        inventory([square(80, 35)], ["<script>alert(1)</script>"]), inventory([square(81, 35)], ["*b*|`c`"])
    )
    page, text = (as_string(report.document(found), f) for f in (Format.HTML, Format.MARKDOWN))
    assert "<script>alert" not in page
    assert "&#60;script&#62;" in text and "\\*b\\*" in text


def test_codes_of_missing_values_and_units_are_no_changes() -> None:
    """-32768 in one version and nothing in the other, and hectares for km²: the values are the same."""
    shapes = [square(75.0 + 0.02 * k, 38.0) for k in range(6)]
    km2 = np.array([0.155, 0.155, 0.155, 0.155, 0.155, 0.155])
    old = inventory(shapes, AREA=km2, ELE_MIN=[-32768.0, 4100.0, 4200.0, 4300.0, 4400.0, 4500.0])
    new = inventory(shapes, AREA=km2 * 100, ELE_MIN=[np.nan, 4100.0, 4200.0, 4300.0, 4400.0, 4501.0])
    found = difference(old, new)
    assert found.values.to_dict("records") == [
        {"id": found.values["id"][0], "field": "elevation_minimum", "old": "4500.0", "new": "4501.0"}
    ]
    assert kinds(found) == {"attributes": 1, "unchanged": 5}
    assert set(found.notes) == {
        "made: ELE_MIN: 1 code for missing values (-32768) left out",
        "made: AREA: values in ha were converted to km²",
    }


def test_a_small_change_is_seen_and_a_large_one_is_written_out() -> None:
    """Values that would look the same on the page are there as they are; 12,345 is no power of ten."""
    shapes = [square(75.0, 38.0)]
    for old, new, shown in (
        (1.2345678, 1.2345682, ("1.2345678", "1.2345682")),
        (10.0, 12355.0, ("+12,345 (+12,345 to +12,345)", "12,355")),
    ):
        sides = inventory(shapes, AP=[old]), inventory(shapes, AP=[new])
        found = difference(*sides, tolerances=Tolerances(values={"precipitation": 0.0}))
        page = as_string(report.document(found), Format.HTML)
        assert all(text in page for text in shown)


def test_a_corrected_impossible_value_is_a_change() -> None:
    shapes = [square(75.0 + 0.02 * k, 38.0) for k in range(3)]
    old, new = inventory(shapes, MAAT=[270.5, -2.0, -3.0]), inventory(shapes, MAAT=[-2.6, -2.0, -3.0])
    assert difference(old, new).values[["old", "new"]].to_numpy().tolist() == [["270.5", "-2.6"]]


def test_units_without_a_place_are_named() -> None:
    shapes = [square(75.0 + 0.02 * k, 38.0) for k in range(3)]
    ids = ["RGU380020N0750020E", "RGU380020N0750220E", "RGU380020N0750420E"]
    away = shapely.Polygon([(75.0, 38.0), (75.004, 38.0), (75.004, 3800.4)])
    found = difference(inventory(shapes, ids), inventory([away, *shapes[1:]], ids))
    assert found.notes == (
        "made: 1 outline with impossible coordinates (SCH006) left out: RGU380020N0750020E",
    )


def test_a_moved_marker_is_refined_and_noise_is_none(releases) -> None:  # type: ignore[no-untyped-def]
    """A marker 0.2 m off makes a unit refined; 0.05 m, and 0.016 m² less area, are no change."""
    old = releases.versions.first
    marker, outline = (old.layer(role) for role in (Role.MARKER, Role.OUTLINE))
    moved, table = marker.frame.copy(), outline.frame.copy()
    at = moved.geometry.to_numpy().copy()
    for row, metres in ((3, 0.2), (5, 0.05)):
        at[row] = shapely.Point(at[row].x, at[row].y + metres / 110_600)
    moved = moved.set_geometry(gpd.GeoSeries(at, moved.index, crs=moved.crs))
    table["AREA"] = table["AREA"] - 1.6e-8
    new = replace(
        old, layers=tuple(replace(x, frame=moved if x.role is Role.MARKER else table) for x in old.layers)
    )
    found = difference(old, new)
    assert {k.value: n for k, n in found.counts.items() if n} == {"refined": 1, "unchanged": len(table) - 1}
    (row,) = found.units[found.units["kind"] == "refined"].to_dict("records")
    assert (row["id_new"], row["fields"]) == (moved["ID"].iloc[3], "marker")
    assert len(found.values) == 0
    assert difference(old, new, tolerances=Tolerances(outline_m2=0.0)).counts[Kind.ATTRIBUTES] > 0


def test_noise_of_areas_is_none_in_figures() -> None:
    """An outline with more vertices on its sides: an area that differs by rounding is written as 0."""
    box = square(80, 35)
    found = difference(*(inventory([g], ["A"]) for g in (box, shapely.segmentize(box, 0.0001))))
    (change,) = found.units["area_change_km2"]
    assert change == 0.0 and "-0" not in as_string(report.document(found), Format.TEXT)
    assert ",0,1," in crosswalk_text(found).splitlines()[1]


def test_cases_of_several_units_are_numbered() -> None:
    """A split, a merge and a regrouping: each has a number of its own from 1, all others 0."""
    old = inventory(
        [square(80, 35), square(81, 35), square(81 + SIDE, 35), square(82, 35), square(83, 35)],
        ["A", "B", "C", "D", "E"],
    )
    half = SIDE / 2
    new = inventory(
        [square(80, 35, half), square(80 + half, 35, half), square(81, 35, 2 * SIDE), square(82, 35)],
        ["A", "A2", "B", "D"],
    )
    found = difference(old, new)
    rows = {(r.id_old, r.id_new): (r.kind, r.group) for r in found.units.itertuples()}
    assert {k for k, _ in rows.values()} == {"split", "merged", "unchanged", "removed"}
    groups = {kind: {g for k, g in rows.values() if k == kind} for kind in ("split", "merged")}
    assert sorted(g for numbers in groups.values() for g in numbers) == [1, 2]
    assert rows["D", "D"] == ("unchanged", 0) and rows["E", None] == ("removed", 0)


def test_an_id_of_several_units_is_compared_by_place() -> None:
    """Two units under one ID in the old version: noted, and both found by where they are."""
    shapes = [square(80, 35), square(81, 35), square(82, 35)]
    found = difference(inventory(shapes, ["A", "A", "B"]), inventory(shapes, ["A", "C", "B"]))
    assert kinds(found) == {"renamed": 1, "unchanged": 2}
    assert [note for note in found.notes if "stands for" in note] == [
        "1 ID of made stands for several units, which were matched by place"
    ]
    assert found.moved == ()
