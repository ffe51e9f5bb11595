"""`rogi.plan_update` and `rogi.apply_update` write what the commands write."""

from __future__ import annotations

from pathlib import Path

import pytest
from mapping import decide, digests
from packages import Inputs, make_case, make_work
from typer.testing import CliRunner

import rogi
from rogi.cli.update import app
from rogi.errors import InputError, OptionError

CASE = make_case()


def run(*arguments: object) -> int:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code


def test_a_plan_is_that_of_the_command(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    inputs, _ = planned
    common = ("--inventory", inputs.inventory, "--candidates", inputs.candidates, "--mappers", "anna,ben")
    assert run("plan", *common, "-o", tmp_path / "command", "--quiet") == 0
    plan = rogi.plan_update(inputs.inventory, inputs.candidates, mappers=["anna", "ben"])
    plan.write(tmp_path / "function")
    assert digests(tmp_path / "command") == digests(tmp_path / "function")
    assert plan.packages["mapper"].tolist() == ["anna", "ben"]
    assert plan.tasks["package"].isin(plan.packages["number"]).all()
    assert f"{len(plan.tasks)} tasks in 2 packages" in repr(plan)
    assert "anna" in plan._repr_html_()
    with pytest.raises(OptionError, match="above 0 and at most 1"):
        rogi.plan_update(inputs.inventory, inputs.candidates, unchanged_iou=2)
    with pytest.raises(InputError, match="write the GeoDataFrame first"):
        rogi.plan_update(plan.tasks, inputs.candidates)


def test_a_new_version_is_that_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "planned").mkdir()
    inputs, work = make_work(tmp_path / "planned")
    decide(work / "anna.gpkg", f"U:{CASE.unit['r0c2']}", "remove", reason="scree")
    decide(work / "anna.gpkg", f"U:{CASE.unit['r1c2']}", "remain")
    command = tmp_path / "a" / "v1.1.gpkg"
    function = tmp_path / "b" / "v1.1.gpkg"
    command.parent.mkdir()
    function.parent.mkdir()
    assert run("apply", work, "--inventory", inputs.inventory, "-o", command, "--quiet") == 1
    made = rogi.apply_update(work, inputs.inventory, "1.1")
    assert not made.complete
    assert made.operations.set_index("unit")["operation"].to_dict() == {
        CASE.unit["r0c2"]: "remove",
        CASE.unit["r1c2"]: "remain",
    }
    outlines = made.inventory.outlines
    assert outlines is not None
    assert CASE.unit["r0c2"] not in set(outlines["ID"])
    made.write(function)
    assert command.read_bytes() == function.read_bytes()
    assert digests(command.parent / "v1.1.update") == digests(function.parent / "v1.1.update")
    assert "2 operations" in repr(made)
    assert "remove" in made._repr_html_()
    with pytest.raises(InputError, match="tasks are open"):
        rogi.apply_update(work, inputs.inventory, "1.1", strict=True)
    with pytest.raises(InputError, match="not the inventory"):
        rogi.apply_update(work, command, "1.2")
