"""What is not worth a finding: empty heights, halves at the antimeridian, imagery nobody named."""

import shapely

from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Report
from rogi.validation.settings import Settings


def run(inventory: object, *select: str, **settings: object) -> Report:
    return validate(inventory, Settings(select=select, **settings))  # type: ignore[arg-type]


def test_heights_that_are_all_zero_are_not_reported() -> None:
    flat = shapely.force_3d(examples.geometry_of(examples.tprogi(), Role.OUTLINE, 0), 0.0)
    high = shapely.force_3d(examples.geometry_of(examples.tprogi(), Role.OUTLINE, 1), 4700.0)
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: flat, 1: high})
    assert run(inventory, "GEO006").findings["row"].tolist() == [2]


def test_a_unit_cut_at_the_antimeridian_is_one() -> None:
    """RFC 7946, section 3.1.9; two pieces that do not meet there are two."""
    whole = [shapely.box(179.997, 66, 180, 66.003), shapely.box(-180, 66, -179.997, 66.003)]
    apart = [shapely.box(179.997, 68, 180, 68.003), shapely.box(-180, 67, -179.997, 67.003)]
    shapes = {0: shapely.MultiPolygon(whole), 1: shapely.MultiPolygon(apart)}
    inventory = examples.with_geometry(examples.tprogi(4), Role.OUTLINE, shapes)
    assert run(inventory, "GEO007", "GEO015", "SCH006").findings["row"].tolist() == [2]


def test_the_pixel_of_tprogi_is_not_assumed_for_others() -> None:
    crude = examples.blob(8.0, 46.5, vertices=5)
    inventory = examples.with_geometry(examples.rgik(3, origin=(8.0, 46.5)), Role.OUTLINE, {0: crude})
    report = run(inventory, "GEO012")
    assert report.findings.empty
    assert any("GEO012.resolution" in outcome.reason for outcome in report.outcomes)
    assert len(run(inventory, "GEO012", parameters={"GEO012.resolution": 4.77}).findings) == 1


def test_a_heading_names_each_severity() -> None:
    """A malformed ID is an error, a placeholder a warning: the heading of PID001 says how many of each."""
    import io

    from rogi.report.format import Format
    from rogi.report.validation import render

    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "PrimaryID", {1: "unknown", 3: "RGX1"})
    stream = io.StringIO()
    render(run(inventory, "PID001"), Format.TEXT, stream)
    assert "2 findings (1 error, 1 warning)" in stream.getvalue()
