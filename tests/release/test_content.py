"""The content gate: what moved, was emptied or is in another unit is refused, reason by reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.release.description import Thresholds
from rogi.release.gate.content import Summary, content_refusals, foreign_units
from rogi.release.gate.identity import keyed
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory
from rogi.validation.engine import validate
from rogi.validation.report import Report

Edit = Callable[[Any], Any]


@pytest.fixture(scope="module")
def before() -> Inventory:
    return synthetic_inventory(60, 5)


@pytest.fixture(scope="module")
def report(before: Inventory) -> Report:
    return validate(before)


def edited(inventory: Inventory, edit: Edit, role: Role = Role.OUTLINE) -> Inventory:
    """An inventory with one layer's table changed."""
    frames = {
        layer.role: edit(layer.frame.copy()) if layer.role is role else layer.frame
        for layer in inventory.layers
    }
    return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path=inventory.path)


def column(name: str, change: Callable[[Any], Any]) -> Edit:
    return lambda frame: frame.assign(**{name: change(frame[name])})


def codes(before: Inventory, report: Report, after: Inventory, **limits: float) -> list[str]:
    found = content_refusals(
        report, after, Thresholds(**limits), previous=before, foreign=tuple(foreign_units(after))
    )
    assert all(r.liftable and f"--accept {r.code}=" in r.remedy for r in found)
    return [refusal.code for refusal in found]


def test_the_same_data_pass(before: Inventory, report: Report) -> None:
    """Also with the rows in another order: units are paired by ID."""
    assert codes(before, report, before) == []
    assert codes(before, report, edited(before, lambda frame: frame.iloc[::-1].reset_index(drop=True))) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (column("ELE_MEAN", lambda v: v + 300), ["shift:ELE_MEAN"]),
        (column("ELE_MIN", lambda v: v - 300), ["shift:ELE_MIN"]),
        (column("MAAT", lambda v: v + 273.15), ["unit:MAAT", "shift:MAAT"]),
        (column("ELE_MAX", lambda v: v / 0.3048), ["unit:ELE_MAX", "shift:ELE_MAX"]),
        (column("SLO_MEAN", np.radians), ["unit:SLO_MEAN", "shift:SLO_MEAN"]),
        (column("ASPECT", np.radians), ["unit:ASPECT", "shift:ASPECT"]),
        (column("ASPECT", lambda v: (v + 180) % 360), ["shift:ASPECT"]),
        (column("AREA", lambda v: v * 1e6), ["ATT014", "shift:AREA"]),
        (column("AREA", lambda v: v * 100), ["ATT014", "shift:AREA"]),
        (column("PISR", lambda v: v * np.nan), ["emptied:PISR"]),
        (column("MAPPER", lambda v: None), ["emptied:MAPPER"]),
        (column("MAPPER", lambda v: " "), ["emptied:MAPPER"]),
        (column("AP", lambda v: v.where(np.arange(len(v)) % 10 > 0)), ["emptied:AP"]),
        (column("ELE_MEAN", lambda v: v.to_numpy()[::-1]), ["shift:ELE_MEAN"]),
    ],
)
def test_what_moved_is_refused(before: Inventory, report: Report, edit: Edit, expected: list[str]) -> None:
    """Another datum, unit, turned aspects, emptied columns, and values that went to other units."""
    assert sorted(codes(before, report, edited(before, edit))) == sorted(expected)


@pytest.mark.parametrize(
    "edit",
    [
        column("ELE_MEAN", lambda v: v + 2.5),  # another elevation model
        column("ASPECT", lambda v: (v + 2.0) % 360),  # through north
        column("AP", lambda v: v.where(np.arange(len(v)) != 3)),  # one value of sixty
        column("REVIEWER", lambda v: "Reviewer Z"),
    ],
)
def test_what_a_revision_changes_passes(before: Inventory, report: Report, edit: Edit) -> None:
    """Values derived again, one lost value, other people."""
    assert codes(before, report, edited(before, edit)) == []


@pytest.mark.parametrize("name", ["ELE_MEAN", "ELE_MIN", "ELE_MAX", "SLO_MEAN", "MAAT"])
def test_values_of_other_units_are_told_as_that(before: Inventory, report: Report, name: str) -> None:
    """Shuffled by five seeds: the mean is as it was, and the text says so and nothing of noise."""
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(60)
        after = edited(before, column(name, lambda v, order=order: v.to_numpy()[order]))
        (told,) = content_refusals(
            report, after, Thresholds(), previous=before, foreign=tuple(foreign_units(after))
        )
        assert told.code == f"shift:{name}" and "as if values went to other units" in told.reason
        assert not re.search(r"e-\d\d|by \+0 ", told.reason), told.reason


def test_the_shift_that_is_cited_is_the_one_that_decides(before: Inventory, report: Report) -> None:
    """40 of 60 units 100 m higher, 20 units 200 m lower: the mean stays, the median moves by 100 m."""
    step = np.where(np.arange(60) < 40, 100.0, -200.0)
    after = edited(before, column("ELE_MIN", lambda v: v + step))
    (told,) = content_refusals(
        report, after, Thresholds(layer=10), previous=before, foreign=tuple(foreign_units(after))
    )
    assert "by +100 m in the median" in told.reason
    after = edited(before, column("ELE_MIN", lambda v: v + np.where(np.arange(60) < 20, 900.0, 0.0)))
    (told,) = content_refusals(
        report, after, Thresholds(layer=10), previous=before, foreign=tuple(foreign_units(after))
    )
    assert "changed in 20 of 60 units, by +300 m in the mean" in told.reason
    after = edited(before, column("ASPECT", lambda v: (v + 180) % 360))
    (told,) = content_refusals(
        report, after, Thresholds(), previous=before, foreign=tuple(foreign_units(after))
    )
    assert "other units" not in told.reason


@pytest.fixture(scope="module")
def rgik() -> Inventory:
    return synthetic_inventory(24, 5, "rgik/1.0")


def rgik_codes(before: Inventory, change: Callable[[dict[Role, Any]], Any]) -> list[str]:
    frames = {layer.role: layer.frame.copy() for layer in before.layers}
    change(frames)
    after = from_frames(frames, schema="rgik/1.0", dialect=before.dialect.name, path=before.path)
    found = content_refusals(
        validate(before), after, Thresholds(), previous=before, foreign=tuple(foreign_units(after))
    )
    return sorted(refusal.code for refusal in found)


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (Role.MARKER, "Acti.Cl."),
        (Role.MOVING_AREA, "Vel.Class"),
        (Role.OUTLINE, "RelFr"),
    ],
)
def test_classes_of_other_units_are_refused(rgik: Inventory, role: Role, name: str) -> None:
    """A text or class has no mean: each is as frequent as before, but at other units."""

    def shuffle(frames: dict[Role, Any]) -> None:
        order = np.random.default_rng(1).permutation(len(frames[role]))
        frames[role][name] = frames[role][name].to_numpy()[order]

    def revise(frames: dict[Role, Any]) -> None:
        column = frames[role][name]
        frames[role][name] = column.where(np.arange(len(column)) % 8 > 0, column.iloc[0])

    assert rgik_codes(rgik, shuffle) == [f"shift:{name}"]
    assert rgik_codes(rgik, revise) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda f: f.pop(Role.MOVING_AREA), ["layer:moving_area"]),
        (lambda f: f.update({Role.MOVING_AREA: f[Role.MOVING_AREA].iloc[:20]}), ["layer:moving_area"]),
        (lambda f: f.update({Role.MOVING_AREA: f[Role.MOVING_AREA].iloc[:23]}), []),
        (
            lambda f: f.update(
                {
                    Role.OUTLINE: f[Role.OUTLINE][f[Role.OUTLINE]["Out.Type"] != "Restricted"].reset_index(
                        drop=True
                    )
                }
            ),
            ["layer:outline:restricted"],
        ),
    ],
)
def test_a_layer_does_not_vanish_silently(
    rgik: Inventory, edit: Callable[[dict[Role, Any]], Any], expected: list[str]
) -> None:
    """An optional layer, a sixth of it, outlines of one type; one of 24 is within the limit."""
    assert rgik_codes(rgik, edit) == expected


def test_types_that_one_version_lacks_are_not_compared(rgik: Inventory) -> None:
    """The column of types is gone, which is told as that; the outlines are all there."""

    def drop(frames: dict[Role, Any]) -> None:
        frames[Role.OUTLINE] = frames[Role.OUTLINE].drop(columns=["Out.Type"])

    assert not [code for code in rgik_codes(rgik, drop) if code.startswith("layer:")]


def test_thresholds_are_stated(before: Inventory, report: Report) -> None:
    """A release may state wider or narrower ones."""
    raised = edited(before, column("ELE_MEAN", lambda v: v + 300))
    assert codes(before, report, raised, shift=10.0, layer=10.0) == []
    assert codes(before, report, edited(before, column("ELE_MEAN", lambda v: v + 2.5)), shift=0.0001) == [
        "shift:ELE_MEAN"
    ]


def test_new_units_do_not_hide_lost_values(before: Inventory, report: Report) -> None:
    """Half of the old values gone, as many new units with values: the share stays, the loss is told."""
    import pandas as pd

    def edit(frame: Any) -> Any:
        added = frame.assign(ID=[f"RGU10{i:04d}N0900000E" for i in range(len(frame))])
        frame = frame.assign(PISR=frame["PISR"].where(np.arange(len(frame)) % 2 > 0))
        moved = added.set_geometry(added.geometry.translate(0, -8))
        return pd.concat([frame, moved], ignore_index=True)

    after = edited(before, edit)
    found = content_refusals(report, after, Thresholds(values=0.4), previous=before)
    assert [r.code for r in found] == ["emptied:PISR"]


@pytest.mark.parametrize(("factor", "expected"), [(1.0, []), (1 / 0.3048, ["shift:ELE_MEAN"])])
def test_new_units_are_compared_with_those_before(
    before: Inventory, report: Report, factor: float, expected: list[str]
) -> None:
    """Five new units at other heights pass; five in feet do not, though no unit of both versions changed."""
    import pandas as pd

    def edit(frame: Any) -> Any:
        added = frame.iloc[:5].assign(ID=[f"RGU10000{i}N0900000E" for i in range(5)])
        added = added.assign(ELE_MEAN=(added["ELE_MEAN"] + 150) * factor)
        return pd.concat([frame, added.set_geometry(added.geometry.translate(0, -8))], ignore_index=True)

    found = content_refusals(report, edited(before, edit), Thresholds(), previous=before)
    assert [r.code for r in found] == expected


def test_without_ids_a_field_is_compared_as_a_whole(before: Inventory, report: Report) -> None:
    """All IDs are new: nothing can be paired, +300 m is seen all the same, and the same data pass."""

    def renamed(frame: Any) -> Any:
        return frame.assign(ID=[f"RGU10{i:04d}N0900000E" for i in range(len(frame))])

    same = edited(before, renamed)
    assert content_refusals(report, same, Thresholds(), previous=before) == []
    raised = edited(same, column("ELE_MEAN", lambda v: v + 300))
    assert [r.code for r in content_refusals(report, raised, Thresholds(), previous=before)] == [
        "shift:ELE_MEAN"
    ]


def test_one_outline_under_two_ids_is_refused(before: Inventory, report: Report) -> None:
    """Also if a vertex was moved or the ring starts elsewhere."""

    def edit(frame: Any) -> Any:
        shapes = np.asarray(frame.geometry.array, dtype=object).copy()
        shapes[7] = shapely.transform(shapes[3], lambda xy: xy + 1e-6)
        return frame.set_geometry(shapes, crs=frame.crs)

    after = edited(before, edit)
    (refusal,) = [r for r in content_refusals(report, after, Thresholds()) if r.code == "duplicates"]
    first, second = sorted(before.layer(Role.OUTLINE).frame["ID"].iloc[[3, 7]])  # type: ignore[union-attr]
    assert first in refusal.reason and second in refusal.reason


def test_new_findings_are_refused_rule_by_rule(before: Inventory, report: Report) -> None:
    """A warning the version before did not have, by its code; those of units drawn anew are explained."""

    def edit(frame: Any) -> Any:
        shapes = np.asarray(frame.geometry.array, dtype=object).copy()
        west, south, _, _ = shapes[4].bounds
        shapes[4] = shapely.MultiPolygon(
            [shapes[4], shapely.box(west - 0.004, south, west - 0.001, south + 0.003)]
        )
        return frame.set_geometry(shapes, crs=frame.crs)

    after = edited(before, edit)
    name = str(before.layer(Role.OUTLINE).frame["ID"].iloc[4])  # type: ignore[union-attr]
    now = validate(after)
    found = {r.code: r for r in content_refusals(now, after, Thresholds(), before=lambda _: report)}
    assert "GEO007" in found and name in found["GEO007"].reason
    assert content_refusals(now, after, Thresholds(), before=lambda _: now) == []
    assert (
        content_refusals(now, after, Thresholds(), before=lambda _: report, explained=frozenset([name])) == []
    )


def test_a_summary_by_hand() -> None:
    """1, 2, 6 and a null: mean 3, median 2, population standard deviation sqrt(14/3)."""
    made = Summary.of(np.array([1.0, 2.0, 6.0, np.nan]), "m")
    assert (made.count, made.nulls, made.mean, made.median) == (3, 1, 3.0, 2.0)
    assert made.spread == pytest.approx((14 / 3) ** 0.5)
    assert Summary.of(np.array([np.nan]), None).count == 0


@pytest.mark.parametrize("role", [Role.OUTLINE, Role.MARKER])
@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        (lambda t: f"{t} ", "has a blank at its end"),
        (lambda t: f" {t}", "has a blank at its start"),
        (lambda t: f"{t}\u00a0", "no-break space"),
        (lambda t: f"{t[:3]}\u200b{t[3:]}", r"invisible character \(U\+200B\)"),
        (lambda t: f"\ufeff{t}", r"invisible character \(U\+FEFF\)"),
        (lambda t: f"{t}\t", "blank"),
        (str.lower, "in its case or form only"),
    ],
)
def test_ids_are_keyed_in_one_way(
    before: Inventory, role: Role, flaw: Callable[[str], str], said: str
) -> None:
    """What is joined letter by letter is compared letter by letter: one bad ID in one layer is refused."""
    assert keyed(before) == []
    name = before.layer(role).frame["ID"].iloc[2]  # type: ignore[union-attr]
    after = edited(before, column("ID", lambda v: v.where(v != name, flaw(name))), role)
    (refusal,) = keyed(after)
    assert refusal.code == "ids-keyed" and not refusal.liftable
    assert re.search(said, refusal.reason)


def test_an_id_keeps_its_case(before: Inventory) -> None:
    """The same case in all layers, but another than the version before had."""
    after = before
    for role in (Role.OUTLINE, Role.MARKER):
        after = edited(after, column("ID", lambda v: v.str.lower()), role)
    names = frozenset(before.layer(Role.OUTLINE).frame["ID"])  # type: ignore[union-attr]
    (refusal,) = keyed(after, names)
    assert "in the version before" in refusal.reason
