"""Reviews from drawing to scoring: samples, the published Table 4, every fault of a returned file."""

from __future__ import annotations

import json
import sqlite3

import numpy as np
import pandas as pd
import pyogrio
import pytest

from rogi.errors import InputError, OptionError
from rogi.report.format import Format
from rogi.report.writers import as_string
from rogi.review import files
from rogi.review.report import document
from rogi.review.sampling import SIZE_LIMITS_KM2, Stratum, draw, size_classes
from rogi.review.verdicts import VERDICTS, Returned, Trouble, Verdict, collect, score
from rogi.rules import examples
from rogi.schema.model import Role

# ---- drawing


def test_a_sample_is_the_same_for_any_row_order_and_differs_by_seed():
    keys = np.array([f"unit {i:05d}" for i in range(1000)])
    shuffled = np.random.default_rng(1).permutation(1000)
    first, second = draw(keys, n=50, seed=7), draw(keys[shuffled], n=50, seed=7)
    assert list(keys[first.positions]) == list(keys[shuffled][second.positions])
    assert set(keys[first.positions]) != set(keys[draw(keys, n=50, seed=8).positions])


def test_five_percent_of_tprogi_is_about_2110_units():
    """The paper drew 2110 of 44,273, "about 5 %"; 5 % rounded up is 2214."""
    keys = [str(i) for i in range(44_273)]
    sample = draw(keys, fraction=0.05)
    assert len(sample.positions) == len(set(sample.positions)) == 2214


def test_every_unit_is_drawn_equally_often():
    keys = [f"{i:02d}" for i in range(20)]
    hits = np.zeros(20)
    for seed in range(500):
        hits[draw(keys, n=5, seed=seed).positions] += 1
    expected = 500 * 5 / 20
    # Chi-square with 19 degrees of freedom is below 43.8 in 999 of 1000 cases.
    assert ((hits - expected) ** 2 / (expected * (1 - 5 / 20))).sum() * 19 / 20 < 43.8


def test_strata_are_filled_as_allocated():
    strata = np.repeat(["a", "b", "c"], [900, 90, 10])
    sample = draw([str(i) for i in range(1000)], n=100, strata=strata)
    assert sample.strata == (Stratum("a", 900, 89), Stratum("b", 90, 9), Stratum("c", 10, 2))
    drawn = np.asarray(strata)[sample.positions]
    assert [s.name for s in sample.strata] == ["a", "b", "c"]
    assert list(drawn) == [sample.strata[k].name for k in sample.stratum]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the two"),
        ({"n": 1, "fraction": 0.1}, "one of the two"),
        ({"n": 11}, "at most 10"),
        ({"n": 0}, "at least 1"),
        ({"fraction": 1.5}, "at most 1"),
    ],
)
def test_impossible_sizes(options, message):
    with pytest.raises(OptionError, match=message):
        draw([str(i) for i in range(10)], **options)


def test_repeated_keys_are_refused():
    with pytest.raises(OptionError, match="same identity"):
        draw(["a", "a"], n=1)


def test_size_classes():
    found = size_classes(np.array([0.01, 0.05, 0.2, 0.3, 4.6, np.nan]))
    assert list(found) == [
        "1: < 0.05 km²",
        "2: 0.05-0.14 km²",
        "3: 0.14-0.3 km²",
        "4: >= 0.3 km²",
        "4: >= 0.3 km²",
        "unknown",
    ]
    assert len(SIZE_LIMITS_KM2) == 3


# ---- scoring


def verdicts_of(counts):
    return np.repeat(np.arange(4), counts)


def returned(name, codes):
    return Returned(name, np.asarray(codes), np.full(len(codes), None, dtype=object), ())


def test_table_4_of_the_paper():
    """2110 markers: 1836, 17, 42, 215 and 1844, 127, 44, 95; about 87 % yes, 1 % and 6 % no."""
    one = returned("reviewer 1", verdicts_of([1836, 17, 42, 215]))
    two = returned("reviewer 2", verdicts_of([1844, 127, 44, 95]))
    result = score(np.zeros(2110, dtype=int), [Stratum("all", 44_273, 2110)], [one, two])
    for line, no in zip(result.reviewers, (0.01, 0.06), strict=True):
        assert line.total == 2110
        assert line.missing == 0
        assert line.correct.value == pytest.approx(0.87, abs=0.005)
        assert line.false.value == pytest.approx(no, abs=0.003)
        assert line.correct.low < line.correct.value < line.correct.high
    assert result.reviewers[0].correct_of_judged.value == pytest.approx(1836 / 1853)
    assert int(result.pairs[0].confusion.sum()) == 2110


def test_a_stratified_share_weights_by_the_strata():
    """Hand-worked: 100 units all right of 2 seen, 300 units half right of 2 seen: (100 + 150) / 400."""
    result = score(
        np.array([0, 0, 1, 1]),
        [Stratum("a", 100, 2), Stratum("b", 300, 2)],
        [returned("A", [0, 0, 0, 1])],
    )
    assert result.reviewers[0].correct.value == pytest.approx(250 / 400)


def test_alpha_of_three_reviewers():
    """One of four units is judged 2 to 1: Do = 2/12, De = 1 - (7·6 + 5·4) / (12·11) = 70/132."""
    codes = {"A": [0, 0, 1, 1], "B": [0, 0, 1, 0], "C": [0, 0, 1, 1]}
    three = [returned(name, code) for name, code in codes.items()]
    result = score(np.zeros(4, dtype=int), [Stratum("all", 10, 4)], three)
    assert result.alpha.value == pytest.approx(1 - (2 / 12) / (70 / 132))
    assert (result.alpha.units, result.alpha.values) == (4, 12)


def test_a_stratum_without_verdicts_leaves_the_share_undefined():
    result = score(np.array([0, 1]), [Stratum("a", 10, 1), Stratum("b", 10, 1)], [returned("A", [0, -1])])
    assert np.isnan(result.reviewers[0].correct.value)
    assert result.reviewers[0].missing == 1


SAMPLE = pd.DataFrame({"sample": range(1, 7), "ID": [f"RGU{i}" for i in range(1, 7)]})


def test_every_fault_of_a_returned_file_is_named_and_nothing_is_dropped():
    rows = [
        (2, "RGU2", "Yes"),
        (1, "RGU1", " yes "),  # spelling
        (3, "RGU3", "perhaps"),  # unknown
        (4, "RGU4", None),  # missing
        (5, "RGU5", "No"),
        (5, "RGU5", "No"),  # repeated
        (2, "RGU2", "No"),  # contradiction
        (9, "RGU9", "Yes"),  # added
    ]
    found = collect("A", SAMPLE, pd.DataFrame(rows, columns=["sample", "ID", "verdict"]))
    assert list(found.code) == [0, -1, -1, -1, 1, -1]
    assert {(p.trouble, p.sample) for p in found.problems} == {
        (Trouble.SPELLING, 1),
        (Trouble.UNKNOWN_VERDICT, 3),
        (Trouble.MISSING_VERDICT, 4),
        (Trouble.REPEATED, 5),
        (Trouble.CONTRADICTION, 2),
        (Trouble.ADDED, 9),
        (Trouble.DELETED, 6),
    }


def test_a_file_in_another_order_gives_the_same():
    rows = [(i, f"RGU{i}", v) for i, v in enumerate(["Yes", "No", "Uncertain", "Undefined", "Yes", "No"], 1)]
    columns = ["sample", "ID", "verdict"]
    straight = collect("A", SAMPLE, pd.DataFrame(rows, columns=columns))
    turned = collect("A", SAMPLE, pd.DataFrame(rows[::-1], columns=columns))
    assert list(straight.code) == list(turned.code) == [0, 1, 2, 3, 0, 1]
    assert not straight.problems


# ---- files


@pytest.fixture
def review(tmp_path):
    inventory = examples.tprogi(40)
    population = files.units(inventory)
    keys = [f"{u}" for u in population["ID"]]
    sample = draw(keys, n=10, seed=1, strata=files.strata(inventory, population, "size"))
    folder = tmp_path / "review"
    files.write_sample(
        folder,
        population,
        sample,
        ["Li", "Rossi"],
        {"seed": 1},
        outlines=files.outlines_of(inventory, population, sample),
    )
    return inventory, folder


def fill(path, verdicts):
    """Fill in verdicts as QGIS does; the spatial index's triggers need its functions."""
    with sqlite3.connect(path) as connection:
        connection.create_function("ST_IsEmpty", 1, lambda g: 0)
        connection.create_function("ST_MinX", 1, lambda g: 0.0)
        for name in ("ST_MaxX", "ST_MinY", "ST_MaxY"):
            connection.create_function(name, 1, lambda g: 0.0)
        for number, verdict in enumerate(verdicts, 1):
            connection.execute("UPDATE review SET verdict = ? WHERE sample = ?", (verdict, number))


def test_files_have_drop_downs_and_are_blind(review):
    _, folder = review
    assert sorted(p.name for p in folder.iterdir()) == [
        "review_li.gpkg",
        "review_rossi.gpkg",
        "sample.csv",
        "sample.json",
        "sample.kml",
    ]
    with sqlite3.connect(folder / "review_li.gpkg") as connection:
        values = connection.execute(
            "SELECT value FROM gpkg_data_column_constraints WHERE constraint_name = 'review_decision'"
        ).fetchall()
        style = connection.execute(
            "SELECT styleQML FROM layer_styles WHERE f_table_name = 'review'"
        ).fetchone()[0]
    assert {v for (v,) in values} == {v.value for v in VERDICTS}
    assert "ValueMap" in style
    frame = pyogrio.read_dataframe(folder / "review_li.gpkg", layer="review")
    assert frame["verdict"].isna().all()
    assert set(frame["reviewer"]) == {"Li"}
    assert len(pyogrio.read_dataframe(folder / "review_li.gpkg", layer="outlines")) == 10


def test_returned_files_are_scored_and_written_back(review, tmp_path):
    inventory, folder = review
    fill(folder / "review_li.gpkg", ["Yes"] * 9 + ["No"])
    fill(folder / "review_rossi.gpkg", ["Yes"] * 8 + ["No", "No"])
    design = files.read_design(folder)
    both = [files.read_returned(folder / f"review_{n}.gpkg", design) for n in ("li", "rossi")]
    assert [r.reviewer for r in both] == ["Li", "Rossi"]
    result = score(design.stratum, design.strata, both)
    assert result.reviewers[0].counts[Verdict.NO] == 1
    assert list(result.disagreements) == [8]
    made = document(result, design, both)
    assert "| Li | 9 | 1 | 0 | 0 | 0 | 10 |" in as_string(made, Format.MARKDOWN)
    assert json.loads(as_string(made, Format.JSON))["disagreements"][0]["sample"] == 9
    changed, count = files.write_back(inventory, design, both, result)
    assert count == 10
    column = changed.layer(Role.OUTLINE).frame["ADDI_INF"]
    assert column.notna().sum() == 10
    assert set(column.dropna()) == {
        "Review: Li Yes, Rossi Yes",
        "Review: Li Yes, Rossi No",
        "Review: Li No, Rossi No",
    }
    again, _ = files.write_back(changed, design, both, result)
    assert again.layer(Role.OUTLINE).frame["ADDI_INF"].equals(column)


def test_totals_that_do_not_add_up_are_said(review):
    _, folder = review
    fill(folder / "review_li.gpkg", ["Yes"] * 9)
    design = files.read_design(folder)
    one = [files.read_returned(folder / "review_li.gpkg", design)]
    made = document(score(design.stratum, design.strata, one), design, one)
    for format in (Format.TEXT, Format.MARKDOWN, Format.HTML):
        assert "add up to 9, not to the 10 units" in as_string(made, format)


def test_the_same_sample_gives_the_same_bytes(tmp_path):
    inventory = examples.tprogi(20)
    population = files.units(inventory)
    sample = draw(list(population["ID"]), n=5)
    for name in ("a", "b"):
        files.write_sample(tmp_path / name, population, sample, ["A"], {})
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("reviewers", [[], ["A", "a"], ["!"]])
def test_reviewers_need_names_of_their_own(tmp_path, reviewers):
    population = files.units(examples.tprogi(5))
    with pytest.raises(OptionError, match="name of their own"):
        files.write_sample(tmp_path / "r", population, draw(list(population["ID"]), n=2), reviewers, {})


def test_verdicts_are_never_written_over(review):
    inventory, folder = review
    population = files.units(inventory)
    with pytest.raises(OptionError, match="not an empty folder"):
        files.write_sample(folder, population, draw(list(population["ID"]), n=2), ["A"], {})


def test_unreadable_files_say_so(review, tmp_path):
    _, folder = review
    design = files.read_design(folder)
    (tmp_path / "x.gpkg").write_bytes(b"nothing")
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    for name, message in (
        ("x.gpkg", "cannot be read"),
        ("x.csv", "no column 'sample'"),
        ("y.gpkg", "y.gpkg"),
    ):
        with pytest.raises(InputError, match=message):
            files.read_returned(tmp_path / name, design)
    (tmp_path / "sample.json").write_text('{"format": 1}')
    with pytest.raises(InputError, match="not the design"):
        files.read_design(tmp_path)
    with pytest.raises(InputError, match="rogi review sample"):
        files.read_design(tmp_path / "none")


def test_csv_files_as_spreadsheets_save_them(review, tmp_path):
    """Commas or semicolons, with a byte order mark or without; another encoding is said."""
    _, folder = review
    design = files.read_design(folder)
    table = design.table[["sample", "ID"]].assign(verdict="Yes", reviewer="Müller")
    path = tmp_path / "returned.csv"
    for sep, encoding in ((",", "utf-8"), (";", "utf-8"), (";", "utf-8-sig"), (",", "utf-8-sig")):
        table.to_csv(path, index=False, sep=sep, encoding=encoding)
        got = files.read_returned(path, design)
        assert (got.reviewer, got.problems) == ("Müller", ())
        assert (got.code == 0).all()
    table.to_csv(path, index=False, encoding="latin-1")
    with pytest.raises(InputError, match="CSV UTF-8"):
        files.read_returned(path, design)
