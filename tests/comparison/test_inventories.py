"""Two inventories from frames to results: classes, groups, regions, crosswalk, changes, repairs."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.areas import area_m2
from rogi.comparison.compare import Parameters
from rogi.comparison.crosswalk import COLUMNS, changes, crosswalk, objects
from rogi.comparison.inventories import InventoryComparison, compare_inventories, within_region
from rogi.comparison.matching.sides import Certainty, Side, side_of
from rogi.comparison.metrics import METRICS, OF_CANDIDATES, Metric, metrics
from rogi.comparison.outcome import Outcome
from rogi.comparison.output_layers import write_changes, write_crosswalk
from rogi.comparison.report.page import page
from rogi.comparison.report.tables import notes
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.regions import Regions
from rogi.schema.model import Role

QUICK = Parameters(replicates=20)
STEP = 0.001  # degrees: 96.5 m x 110.9 m at 30° N


def box(x: float, y: float, width: float = 4, height: float = 4) -> shapely.Polygon:
    """A box in thousandths of a degree from 97° E, 30° N."""
    return shapely.box(97 + x * STEP, 30 + y * STEP, 97 + (x + width) * STEP, 30 + (y + height) * STEP)


def frame(shapes: list, crs: object = 4326, **columns: list) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def side(shapes: list, crs: object = 4326, markers: gpd.GeoDataFrame | None = None, **columns: list) -> Side:
    role = (
        Role.OUTLINE if any(g is not None and g.geom_type.endswith("olygon") for g in shapes) else Role.MARKER
    )
    frames = {role: frame(shapes, crs, **columns)}
    if markers is not None:
        frames[Role.MARKER] = markers
    return side_of(from_frames(frames))


def ids(*names: str) -> list[str]:
    return [f"RGU30{n}N0970000E" for n in names]


A = side(
    [box(0, 0), box(10, 0), box(20, 0), box(30, 0)],
    PrimaryID=ids("0001", "0002", "0003", "0004"),
    SUBREGION=["Nyainqêntanglha", "Nyainqêntanglha", "Hengduan Shan", "Hengduan Shan"],
    ASPECT=[350.0, 10.0, 90.0, 90.0],
    **{"Acti.Cl.": ["Active", "Relict", "Relict", "Active"]},
)
B = side(
    [box(40, 0), box(20, 0, 2.2), box(22.2, 0, 1.8), box(1, 0), box(10, 0)],
    PrimaryID=ids("0009", "0008", "0007", "0006", "0002"),
    SUBREGION=["NYAINQENTANGLHA", "Hengduan Shan", "Hengduan Shan", "Nyainqentanglha", "Nyainqentanglha"],
    ASPECT=[0.0, 90.0, 90.0, 10.0, 10.0],
    **{"Acti.Cl.": ["Active", "Relict", "Relict", "Active", "Active"]},
)


@pytest.fixture(scope="module")
def result() -> InventoryComparison:
    return compare_inventories(A, B, QUICK, by="subregion")


def test_numbers_by_hand(result: InventoryComparison) -> None:
    """A: 4 boxes of 16 cells; B overlaps 12, 16 and 8.8 + 7.2 of them, and has 16 elsewhere."""
    got = metrics(result)
    assert set(got) == set(METRICS)
    assert (got["count_a"], got["count_b"], got["pairs"]) == (4, 5, 4)
    assert (got["clusters_1_1"], got["clusters_1_n"], got["only_a"], got["only_b"]) == (2, 1, 1, 1)
    assert got["precision"] == pytest.approx(44 / 64, rel=1e-6)
    assert got["recall"] == pytest.approx(44 / 64, rel=1e-6)
    assert got["found_a"] == 0.75 and got["found_b"] == 0.8
    # assigned: 12/20, 1 and 8.8/16: PQ = 2.15 / (3 + (1 + 2) / 2)
    assert got["panoptic_quality"] == pytest.approx(2.15 / 4.5, rel=1e-6)


@pytest.mark.parametrize(("name", "table"), [("compare", METRICS), ("detect-evaluate", OF_CANDIDATES)])
def test_the_page_lists_all_metrics(name: str, table: dict[str, Metric]) -> None:
    """With their direction, which decides between --fail-under and --fail-over."""
    page = (Path(__file__).parents[2] / f"docs/commands/{name}.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {m.better.value} | {m.meaning} |" for name, m in table.items()]
    assert [row for row in rows if row not in page] == []


def test_groups_ignore_diacritics_and_case(result: InventoryComparison) -> None:
    groups = {g.name: g for g in result.sections[0].comparison.groups}
    assert set(groups) == {"Nyainqêntanglha", "Hengduan Shan"}
    one = groups["Nyainqêntanglha"]
    assert (one.count_a, one.count_b) == (2, 3)
    assert one.area is not None and one.area.recall.value == pytest.approx(28 / 32, rel=1e-6)


def test_attributes_of_the_assigned_pairs(result: InventoryComparison) -> None:
    found = {x.concept.name: x.result for x in result.sections[0].attributes}
    aspect = found["aspect"]
    assert (aspect.count, aspect.circular) == (3, True)
    assert aspect.mean == pytest.approx(20 / 3)  # 350° -> 10° is 20°
    activity = found["activity"]
    assert activity.classes == ("Active", "Relict") and activity.table.tolist() == [[1, 0], [1, 1]]
    assert "latitude" not in found and "primary_id" not in found


def test_crosswalk(result: InventoryComparison) -> None:
    table = crosswalk(result)
    assert tuple(table.columns) == tuple(COLUMNS)
    assert table["type"].tolist() == ["1:1", "1:1", "1:n", "1:n", "only A", "only B"]
    assert table["cluster"].tolist() == [1, 2, 3, 3, 4, 5]
    assert table["id_a"].fillna("").tolist() == [*ids("0001", "0002", "0003", "0003", "0004"), ""]
    assert table["id_b"].fillna("").tolist() == [*ids("0006", "0002", "0007", "0008"), "", ids("0009")[0]]
    assert table["row_a"].tolist()[:5] == [1, 2, 3, 3, 4] and table["row_a"].isna().tolist()[5]
    assert table["row_b"].tolist()[:4] == [4, 5, 3, 2]
    assert table["iou"].tolist()[:4] == pytest.approx([0.6, 1, 0.45, 0.55], rel=1e-6)
    assert table["assigned"].sum() == 3 and table["linked"].sum() == 4
    assert table["boundary_hausdorff_m"][1] == pytest.approx(0, abs=1e-6)
    assert table["boundary_hausdorff_m"][0] == pytest.approx(96.5, abs=0.2)
    assert table["overlap_m2"].sum() == pytest.approx(44 * area_m2([box(0, 0, 1, 1)], 4326)[0], rel=1e-4)


def test_gains_and_losses_fill_the_differences(result: InventoryComparison) -> None:
    layers = changes(result)
    area = result.sections[0].comparison.area
    assert area is not None
    assert layers["gains"]["area_m2"].sum() == pytest.approx(area.false_positive, rel=1e-5)
    assert layers["losses"]["area_m2"].sum() == pytest.approx(area.false_negative, rel=1e-5)
    assert layers["losses"]["id"].tolist() == ids("0001", "0004")
    assert layers["losses"]["fraction"].tolist() == pytest.approx([0.25, 1], rel=1e-4)
    drawn = objects(result)
    assert drawn["a"]["partner"].fillna("").tolist() == [*ids("0006", "0002", "0008"), ""]
    assert len(drawn["b"]) == 5 and drawn["b"].crs == "EPSG:4326"


def test_files(result: InventoryComparison, tmp_path: Path) -> None:
    """Parquet, CSV and GeoPackage hold the same table, and the same bytes when written again."""
    paths = [tmp_path / f"links.{s}" for s in ("parquet", "csv", "gpkg")]
    write_crosswalk(result, paths)
    read = [pd.read_parquet(paths[0]), pd.read_csv(paths[1]), gpd.read_file(paths[2], layer="crosswalk")]
    for table in read:
        np.testing.assert_allclose(table["iou"].to_numpy(float)[:4], [0.6, 1, 0.45, 0.55], rtol=1e-6)
        assert table["id_b"].fillna("").tolist() == crosswalk(result)["id_b"].fillna("").tolist()
    first = [p.read_bytes() for p in paths]
    write_changes(result, tmp_path / "changes.gpkg")
    again = (tmp_path / "changes.gpkg").read_bytes()
    write_crosswalk(result, paths)
    write_changes(result, tmp_path / "changes.gpkg")
    assert [p.read_bytes() for p in paths] == first
    assert (tmp_path / "changes.gpkg").read_bytes() == again
    names = set(gpd.list_layers(tmp_path / "changes.gpkg")["name"])
    assert names == {"gains", "losses", "a", "b", "crosswalk"}


def test_row_order_does_not_matter(result: InventoryComparison) -> None:
    order = [3, 0, 4, 2, 1]
    layer = B.layer.frame.iloc[order].reset_index(drop=True)
    shuffled = compare_inventories(A, side_of(from_frames({Role.OUTLINE: layer})), QUICK, by="subregion")
    assert metrics(shuffled) == metrics(result)
    drop = ["row_a", "row_b"]
    pd.testing.assert_frame_equal(
        crosswalk(shuffled).drop(columns=drop), crosswalk(result).drop(columns=drop)
    )


def test_like_with_like() -> None:
    """Extended against extended, restricted against restricted; trailing spaces and case do not matter."""
    a = side([box(0, 0), box(0.5, 0.5, 3, 3)], **{"Out.Type": ["Extended", "Restricted "]})
    b = side([box(0, 0, 4, 3), box(0.5, 0.5, 3, 2)], **{"Out.Type": ["extended", "RESTRICTED"]})
    got = compare_inventories(a, b, QUICK)
    assert [s.title for s in got.sections] == ["extended outlines", "restricted outlines"]
    assert [len(s.comparison.graph.a) for s in got.sections] == [1, 1]
    assert metrics(got)["recall"] == pytest.approx(0.75, rel=1e-5)
    assert metrics(got)["restricted outlines.recall"] == pytest.approx(2 / 3, rel=1e-5)
    unstated = side([box(0, 0, 4, 3)])
    taken = compare_inventories(a, unstated, QUICK)
    assert [len(s.rows_b) for s in taken.sections] == [1, 0]
    assert any("taken as extended" in n for n in taken.notes)


def test_uncertain_landforms_are_a_class_of_their_own() -> None:
    """Codes 0, 1, 2 are uncertain, rock glacier, no rock glacier; an outline asks its marker."""
    shapes = [box(0, 0), box(10, 0), box(20, 0)]
    names = ids("0001", "0002", "0003")
    markers = frame([g.centroid for g in shapes], PrimaryID=names, Landform=[1, 0, 2])
    a = side(shapes, markers=markers, PrimaryID=names)
    assert a.not_rock_glaciers == 1
    assert a.certainty.tolist() == [Certainty.ROCK_GLACIER, Certainty.UNCERTAIN]
    b = side(shapes[:2], Landform=[1, 1])
    got = compare_inventories(a, b, QUICK)
    assert [s.title for s in got.sections] == ["outlines", "outlines, uncertain"]
    main, uncertain = got.sections
    assert main.comparison.graph.type_counts()["only B"] == 1 and main.elsewhere_b == 1
    assert uncertain.elsewhere_a == 1 and len(uncertain.rows_b) == 0


def test_regions() -> None:
    west = Regions(("West",), np.array([box(-1, -1, 16, 8)]))
    kept, name = within_region([A, B], "west", west)
    assert [len(s) for s in kept] == [2, 2] and kept[0].outside == 2 and name == "West"
    by_name, _ = within_region([A, B], "nyainqentanglha", None)
    assert [len(s) for s in by_name] == [2, 3]
    with pytest.raises(InputError, match="contains no unit"):
        within_region([A, B], "", Regions(("Far",), np.array([shapely.box(0, 0, 1, 1)])))
    with pytest.raises(InputError, match=r"Subregions there are: .*Hengduan Shan"):
        within_region([A, B], "Karakoram", None)
    with pytest.raises(OptionError, match="no region 'East'"):
        within_region([A, B], "East", west)
    grouped = compare_inventories(A, B, QUICK, by=west)
    assert [g.name for g in grouped.sections[0].comparison.groups] == ["", "West"]
    with pytest.raises(OptionError, match="no column 'basin'"):
        compare_inventories(A, B, QUICK, by="basin")


def test_another_crs_and_broken_outlines() -> None:
    """UTM is taken to degrees and said; a bow tie is repaired for the comparison, counted and listed."""
    bowtie = shapely.Polygon([(97.05, 30), (97.054, 30.004), (97.054, 30), (97.05, 30.004)])
    shapes = [box(0, 0), bowtie, None, shapely.Polygon()]
    utm = frame(shapes, rg_id=["a", "b", "c", "d"]).to_crs(32647)
    got = side_of(from_frames({Role.OUTLINE: utm}))
    assert "UTM zone 47N" in got.reprojected
    assert (got.read, len(got), got.without_geometry, got.repaired) == (4, 2, 2, ("b",))
    compared = compare_inventories(side([box(0, 0)]), got, QUICK)
    assert metrics(compared)["recall"] == pytest.approx(1, rel=1e-6)
    assert not utm.geometry[1].is_valid  # the input is as it was


def test_repeated_ids_are_counted_and_kept() -> None:
    got = side([box(0, 0), box(10, 0), box(20, 0)], PrimaryID=[*ids("0001", "0001"), None])
    assert got.repeated == (ids("0001")[0],)
    assert got.ids.tolist() == ["row 3", *ids("0001", "0001")]
    pairs = crosswalk(compare_inventories(got, got, QUICK))
    assert pairs["type"].tolist() == ["1:1"] * 3


def test_what_is_wrong_with_a_side_is_said() -> None:
    """Ids that are missing or repeated, and outlines that enclose nothing, are named in the notes."""
    flat = shapely.Polygon([(97.1, 30), (97.1, 30), (97.1, 30)])
    got = side([box(0, 0), box(10, 0), box(20, 0), flat], PrimaryID=[*ids("0001", "0001"), None, "flat"])
    assert (got.without_id, got.without_area) == (("row 3",), ("flat",))
    said = notes(Outcome(inventories=compare_inventories(got, A, QUICK)))
    first = ids("0001")[0]
    assert f"1 id of A in more than one row: {first}" in said
    assert "1 object of A without an id in PrimaryID, named after their rows: row 3" in said
    assert "1 outline of A without any area, which can match nothing: flat" in said
    nameless = side([box(0, 0), box(10, 0)])
    assert nameless.without_id == ()  # no column of ids at all: the table of sides says so
    blank = side([box(0, 0), box(10, 0)], PrimaryID=[None, None], WorkingID=["w1", None])
    assert (blank.id_column, blank.ids.tolist()) == ("WorkingID", ["row 2", "w1"])


def test_markers_with_outlines_and_with_markers() -> None:
    points = [box(0, 0).centroid, box(10, 0).centroid, shapely.Point(98, 31)]
    markers = side(points, PrimaryID=ids("0001", "0002", "0003"))
    section = compare_inventories(A, markers, QUICK).sections[0]
    counts = section.comparison
    assert section.title == "landforms"
    assert (counts.found_a.count, counts.found_b.count, counts.area) == (2, 2, None)
    assert counts.method == "marker in outline"
    near = side([shapely.Point(p.x + 0.0002, p.y) for p in points])
    both = compare_inventories(markers, near, QUICK).sections[0].comparison
    assert both.graph.type_counts()["1:1"] == 3
    assert both.graph.distance == pytest.approx([19.3, 19.3, 19.1], abs=0.1)
    assert changes(compare_inventories(markers, near, QUICK))["gains"].empty


def test_empty_sides() -> None:
    empty = side_of(from_frames({Role.OUTLINE: frame([], PrimaryID=[])}))
    got = compare_inventories(A, empty, QUICK)
    assert metrics(got)["recall"] == 0 and np.isnan(metrics(got)["precision"])
    assert crosswalk(got)["type"].tolist() == ["only A"] * 4
    nothing = compare_inventories(empty, empty, QUICK)
    assert nothing.sections == () and crosswalk(nothing).empty and metrics(nothing) == {}


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="no coordinate reference system"):
        side([box(0, 0)], crs=None)
    inventory = from_frames({Role.OUTLINE: frame([box(0, 0)])})
    with pytest.raises(InputError, match="has no primary markers"):
        side_of(inventory, Role.MARKER)
    with pytest.raises(OptionError, match="no column 'key'"):
        side_of(inventory, id_field="key")


def differences(a: Side, b: Side) -> list[float]:
    """Largest difference of each numeric attribute over the assigned pairs."""
    out = []
    for section in compare_inventories(a, b, QUICK).sections:
        assert section.comparison.assigned.sum() == len(section.rows_a)
        out += [x.result.mean_absolute for x in section.attributes]
    return out


HEIGHTS = [3000.0, 3400.0, 3800.0, 4200.0, 5000.0]
TWINS = [box(0, 0), box(0, 0), box(0, 0), box(2, 0), box(20, 0)]  # three alike, one over them, one apart


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [2, 1, 0, 4, 3], [1, 2, 0, 3, 4], [4, 3, 2, 1, 0]])
@pytest.mark.parametrize(
    "names",
    [
        ids("0001", "0002", "0003", "0004", "0005"),  # each its own
        ids("0001", "0001", "0001", "0002", "0003"),  # one three times
        [None] * 5,  # no IDs at all
        [ids("0001")[0], None, None, None, ids("0002")[0]],
    ],
)
def test_a_file_differs_from_itself_by_nothing_in_any_order(names: list, order: list[int]) -> None:
    def shuffled(rows: list[int]) -> Side:
        return side(
            [TWINS[k] for k in rows], PrimaryID=[names[k] for k in rows], ELE_MEAN=[HEIGHTS[k] for k in rows]
        )

    assert differences(shuffled([0, 1, 2, 3, 4]), shuffled(order)) == [0.0]


def test_one_id_decides_between_two_outlines_that_fit_as_well() -> None:
    """A unit of A was copied in B: the copy under its own ID is its partner, wherever it stands."""
    a = side([box(0, 0)], PrimaryID=ids("0002"), ELE_MEAN=[3000.0])
    for names in (ids("0001", "0002"), ids("0002", "0001"), ids("0002", "0003")):
        heights = [3000.0 if name in ids("0002") else 9000.0 for name in names]
        b = side([box(0, 0), box(0, 0)], PrimaryID=names, ELE_MEAN=heights)
        [x] = compare_inventories(a, b, QUICK).sections[0].attributes
        assert (x.result.count, x.result.mean) == (1, 0.0)


def test_markers_at_one_place_go_together_by_id() -> None:
    points = [shapely.Point(97, 30), shapely.Point(97, 30), shapely.Point(97.0003, 30)]
    a = side(points, PrimaryID=ids("0001", "0002", "0003"), ELE_MEAN=[1.0, 2.0, 3.0])
    b = side(points, PrimaryID=ids("0002", "0001", "0003"), ELE_MEAN=[2.0, 1.0, 3.0])
    assert differences(a, b) == [0.0]
    outlines = side([box(0, 0), box(1, 0)], PrimaryID=ids("0001", "0002"), ELE_MEAN=[1.0, 2.0])
    inside = [shapely.Point(97.002, 30.001), shapely.Point(97.003, 30.001)]
    for names in (ids("0001", "0002"), ids("0002", "0001")):  # both lie in both outlines
        heights = [1.0 if name in ids("0001") else 2.0 for name in names]
        markers = side(inside, PrimaryID=names, ELE_MEAN=heights)
        assert differences(outlines, markers) == [0.0]


def test_the_map_of_a_comparison_says_what_changed(
    result: InventoryComparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All changes are counted; those of objects drawn as points, or overlapping such ones, are not drawn."""

    def layers() -> dict[str, dict]:
        text = page(Outcome(inventories=result)).sections[1].content
        data = text.partition('id="comparison-map">')[2].partition("</script>")[0]
        return {layer["title"]: layer for layer in json.loads(data)["layers"]}

    def shares(of: dict[str, dict]) -> list[list[int]]:
        return [of[title]["cut"]["share"] for title in ("Losses: in A only", "Gains: in B only")]

    found = layers()
    # a quarter of 0001 and all of 0004; a quarter of 0006 and all of 0009
    assert shares(found) == [[1, 0, 0, 2], [0, 1, 0, 0, 2]]
    assert [layer["cut"] and layer["cut"]["by"] for layer in found.values()] == [3, 2, None, None]
    monkeypatch.setattr(
        "rogi.comparison.report.page.with_points",
        lambda shapes, _: np.array([shapely.centroid(shapes[0]), *shapes[1:]], dtype=object),
    )
    found = layers()  # 0001 of A and 0002 of B are points
    assert shares(found) == [[0, 0, 0, 2], [0, 0, 0, 0, 2]]
    assert [found[title]["count"] for title in list(found)[:2]] == [2, 2]
