"""Conversion of units and codings, both ways, and the account of what is lost; numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rogi.inventory.convert import Conversion, convert
from rogi.inventory.loss import LossKind
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.load import load_schema
from rogi.schema.model import Role, Schema

N = 8


def put(name: str, values: object) -> Inventory:
    return examples.with_column(examples.tprogi(N), Role.OUTLINE, name, values)


def stored(done: Conversion, name: str) -> np.ndarray:
    layer = done.inventory.layer(Role.OUTLINE)
    assert layer is not None
    return layer.frame[name].to_numpy()


def lost(done: Conversion, kind: LossKind) -> list[tuple[str, int]]:
    return [(loss.column, loss.count) for loss in done.losses if loss.kind is kind]


def schema_in(unit: str, concept: str) -> Schema:
    """TPRoGI with one field in another unit."""
    schema = load_schema("tprogi")
    layers = []
    for layer in schema.layers:
        fields = tuple(
            replace(f, concept=replace(f.concept, unit=unit)) if f.concept.name == concept else f
            for f in layer.fields
        )
        layers.append(replace(layer, fields=fields))
    return replace(schema, layers=tuple(layers))


RADIANS = [np.pi / 2, np.pi, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0]
SIGNED = [-90.0, 45.0, -1.5, 10.0, 20.0, -30.0, 179.0, 0.0]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("MAAT", 270.15, -3.0),
        ("ELE_MEAN", 15000.0, 4572.0),
        ("ASPECT", RADIANS, [90.0, 180.0, *np.degrees([0.25, 0.5, 1, 2, 3, 6])]),
        ("ASPECT", SIGNED, [270.0, 45.0, 358.5, 10.0, 20.0, 330.0, 179.0, 0.0]),
    ],
)
def test_units_become_those_of_the_schema(name: str, values: object, expected: object) -> None:
    done = convert(put(name, values))
    assert stored(done, name) == pytest.approx(np.broadcast_to(np.asarray(expected), N))
    assert any(name in note for note in done.notes)
    assert not lost(done, LossKind.VALUE_LEFT_OUT)


@pytest.mark.parametrize(("factor", "unit"), [(100.0, "ha"), (1e6, "m²"), (247.10538146716533, "acre")])
def test_areas_become_square_kilometres(factor: float, unit: str) -> None:
    own = examples.tprogi(N).layer(Role.OUTLINE)
    assert own is not None
    areas = own.frame["AREA"].to_numpy()
    done = convert(put("AREA", areas * factor))
    assert stored(done, "AREA") == pytest.approx(areas)
    assert any(unit in note for note in done.notes)


def test_the_way_back() -> None:
    """km² into a schema in m², °C in kelvin, degrees in percent, directions in classes counted from east."""
    inventory = put("MAAT", -3.0)
    areas = inventory.layer(Role.OUTLINE).frame["AREA"].to_numpy()  # type: ignore[union-attr]
    assert stored(convert(inventory, schema_in("m²", "area")), "AREA") == pytest.approx(areas * 1e6)
    assert stored(convert(inventory, schema_in("K", "air_temperature")), "MAAT") == pytest.approx(
        np.full(N, 270.15)
    )
    assert stored(convert(put("SLO_MEAN", 45.0), schema_in("%", "slope_mean")), "SLO_MEAN") == pytest.approx(
        100.0
    )
    aspects = put("ASPECT", [0.0, 44.0, 90.0, 135.0, 181.0, 225.5, 271.0, 350.0])
    done = convert(aspects, schema_in("class-8-from-E", "aspect"))
    assert stored(done, "ASPECT").tolist() == [7, 8, 1, 2, 3, 4, 5, 7]
    assert lost(done, LossKind.VALUE_NARROWER) == [("ASPECT", N)]


def test_compass_points_become_directions_and_flat_is_a_counted_loss() -> None:
    done = convert(put("ASPECT", ["N", "NE", "ssw", "West", "flat", "NW", "E", "S"]))
    assert stored(done, "ASPECT")[:4].tolist() == [0.0, 45.0, 202.5, 270.0]
    assert np.isnan(stored(done, "ASPECT")[4])
    assert lost(done, LossKind.VALUE_AMBIGUOUS) == [("ASPECT", 7)]
    assert lost(done, LossKind.VALUE_LEFT_OUT) == [("ASPECT", 1)]


def test_classes_of_unknown_start_are_kept_and_counted() -> None:
    done = convert(put("ASPECT", [1, 2, 3, 4, 5, 6, 7, 8]))
    assert stored(done, "ASPECT").tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert lost(done, LossKind.TYPE_CHANGED) == [("ASPECT", N)]


def test_codes_are_not_converted_but_left_out_and_counted() -> None:
    """-9999 in a column of kelvin is null in °C, not -10272; 400 K is impossible."""
    values = [-9999.0, 400.0, *[270.15] * 10]
    done = convert(examples.with_column(examples.tprogi(12), Role.OUTLINE, "MAAT", values))
    assert np.isnan(stored(done, "MAAT")[:2]).all()
    assert stored(done, "MAAT")[2:] == pytest.approx(np.full(10, -3.0))
    assert lost(done, LossKind.VALUE_LEFT_OUT) == [("MAAT", 1), ("MAAT", 1)]


def test_codes_in_a_column_that_needs_no_conversion_stay_and_are_noted() -> None:
    done = convert(put("ELE_MIN", [-32768.0, *[4500.0] * 7]))
    assert stored(done, "ELE_MIN")[0] == -32768.0
    assert any("ELE_MIN" in note and "-32768" in note for note in done.notes)


def test_areas_of_a_plane_are_a_counted_loss() -> None:
    import shapely

    layer = examples.tprogi(N).layer(Role.OUTLINE)
    assert layer is not None
    done = convert(put("AREA", shapely.area(layer.geometry)))
    assert np.isnan(stored(done, "AREA")).all()
    assert lost(done, LossKind.VALUE_LEFT_OUT) == [("AREA", N)]
