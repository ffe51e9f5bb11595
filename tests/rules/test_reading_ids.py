"""Primary IDs whose digits can be read in several ways, read alike by rules, fixes and `rogi id`."""

import numpy as np
import pytest

from rogi.inventory.ids.primary_id import parse, resolve
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.ids.repair import repair
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.fixes import FixLevel, fix
from rogi.schema.model import Role
from rogi.validation.engine import validate as run
from rogi.validation.settings import Settings


def rewritten(text: dict[int, str], n: int = 6) -> Inventory:
    inventory = examples.tprogi(n)
    for role in (Role.MARKER, Role.OUTLINE):
        inventory = examples.with_values(inventory, role, "ID", text)
    return inventory


def codes(inventory: Inventory, *select: str) -> set[str]:
    return set(run(inventory, Settings(select=select)).findings["code"])


def three(canonical: str) -> str:
    """An ID with three decimals: 384455 is 38.446, 1092526 is 109.253."""
    lat, lon = round(int(canonical[3:9]) / 10), round(int(canonical[10:17]) / 10)
    return f"{canonical[:3]}{lat:05d}{canonical[9]}{lon:06d}{canonical[17]}"


def ids(inventory: Inventory, role: Role = Role.MARKER) -> list[str]:
    layer = inventory.layer(role)
    assert layer is not None
    return layer.frame["ID"].tolist()


@pytest.mark.parametrize(
    ("text", "lat", "lon", "decimals"),
    [
        ("RGU38446N109253W", 38.446, -109.253, 3),
        ("RGU3845N10925W", 38.45, -109.25, 2),
        ("RGU3844551N10925264W", 38.44551, -109.25264, 5),
    ],
)
def test_other_numbers_of_decimals(text: str, lat: float, lon: float, decimals: int) -> None:
    found = resolve(parse([text]), [lon], [lat])
    assert found.form[0] is IdForm.DECIMALS
    assert found.latitude[0] == pytest.approx(round(lat, 4), abs=1e-9)
    assert found.longitude[0] == pytest.approx(round(lon, 4), abs=1e-9)
    assert not found.ambiguous[0]
    assert found.precision[0] == max(10 ** (4 - decimals), 1)


def test_the_position_chooses_between_lost_zeros_and_three_decimals() -> None:
    """38129N072149E is 72.149 east beside the Pamir, and 7.2149 east in the Alps of the 38th parallel."""
    text = ["RGU38129N072149E"]
    assert resolve(parse(text), [72.1488], [38.1291]).longitude[0] == pytest.approx(72.149)
    assert resolve(parse(text), [7.2149], [38.129]).longitude[0] == pytest.approx(7.2149)
    assert resolve(parse(text), [20.0], [10.0]).ambiguous[0]
    assert resolve(parse(text), [np.nan], [np.nan]).ambiguous[0]


def test_many_of_one_kind_are_no_guess() -> None:
    texts = [f"RGU381{k}0N07214{k}E" for k in range(6)]
    assert not parse(texts).ambiguous.any()
    assert parse([*texts, "RGU46181N76723E"]).ambiguous[:6].all()


def test_three_decimals_are_no_other_place_and_the_position_repairs_them() -> None:
    good = ids(examples.tprogi(6))
    broken = rewritten({k: three(text) for k, text in enumerate(good)})
    assert codes(broken, "PID") == {"PID002"}
    mended, report = fix(broken, FixLevel.SAFE)
    assert ids(mended) == good
    assert ids(mended, Role.OUTLINE) == good
    assert set(report.counts()) == {"canonical ID"}


def test_no_distance_from_a_guess() -> None:
    """An ID that lost digits and is nowhere near in any reading: no kilometres are given."""
    broken = rewritten({1: "RGU1234N4567E"})
    findings = run(broken, Settings(select=("PID",))).findings
    assert not findings["message"].str.contains(" km away| km outside").any()
    assert findings.loc[findings["code"] == "PID006", "message"].str.contains("no reading").all()


def test_repair_uses_the_position_for_lost_digits() -> None:
    fixed = repair(["RGU38129N072149E"], [72.14876], [38.12908])
    assert fixed.text[0] == "RGU381291N0721488E"


def test_a_circle_of_three_exchanged_ids_is_found() -> None:
    good = ids(examples.tprogi(6))
    inventory = examples.with_values(
        examples.tprogi(6), Role.OUTLINE, "ID", {0: good[1], 1: good[2], 2: good[0]}
    )
    findings = run(inventory, Settings(select=("PID011",))).findings
    assert findings["row"].tolist() == [1, 2, 3]
    assert findings["message"].str.contains("circle of 3").all()
    assert (findings["severity"] == "error").all()


def test_one_id_of_another_unit_is_no_exchange() -> None:
    good = ids(examples.tprogi(6))
    inventory = examples.with_values(examples.tprogi(6), Role.OUTLINE, "ID", {0: good[1]})
    assert run(inventory, Settings(select=("PID011",))).findings.empty
