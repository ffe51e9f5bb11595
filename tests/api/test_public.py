"""Errors of functions name arguments, those of commands options; rasters of networks have a switch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pyproj
import pytest
import shapely
from affine import Affine

import rogi
from rogi import targets
from rogi.detection.prediction.predicted_area import ground_on
from rogi.errors import InputError, OptionError
from rogi.public import in_python, public
from rogi.raster.guard import network, network_allowed


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("set it or name it with --crs, for example --crs EPSG:4326.", ["crs"],
         "set it or name it with crs=, for example crs='EPSG:4326'."),
        ("give it with --crs.", [], "give it with rogi.read_inventory(path, crs=...)."),
        ("name one with --layer outline=PATH:LAYER.", [],
         "name one with rogi.read_inventory(path, layers=['outline=PATH:LAYER'])."),
        ("with --layer outline=PATH:LAYER.", ["layers"], "with layers=['outline=PATH:LAYER']."),
        ("it is an address; add --remote to read it, or download it.", ["remote"],
         "it is an address; add remote=True to read it, or download it."),
        ("give --buffer METRES to describe", ["buffer"], "give buffer=METRES to describe"),
        ("--buffer is a distance above 0, found -1.", ["buffer"], "buffer is a distance above 0, found -1."),
        ("--bands takes names such as 3,2,1, found x", ["bands"], "bands takes names such as 3,2,1, found x"),
        ("with --bands 4,3,2.", ["bands"], "with bands=(4, 3, 2)."),
        ("with --bands red=B04,green=B03.", ["bands"], "with bands='red=B04,green=B03'."),
        ("Say with --stretch LOW,HIGH which", ["stretch"], "Say with stretch=(LOW, HIGH) which"),
        ("--backend torch needs PyTorch", ["backend"], "backend='torch' needs PyTorch"),
        ("or leave --device out.", ["device"], "or leave device out."),
        ("try --precision fp32, or another", ["precision"], "try precision='fp32', or another"),
        ("Lower --lr (it was 1)", ["learning_rate"], "Lower learning_rate= (it was 1)"),
        ("why with --accept shift:AREA='REASON'.", ["accept"], "why with accept={'shift:AREA': 'REASON'}."),
        ("say why with --accept 'fact:total area'='REASON'.", ["accept"],
         "say why with accept={'fact:total area': 'REASON'}."),
        ("fill one with `rogi attributes FILE --fields ID -o NEW`", ["fields"],
         "fill one with `rogi attributes FILE --fields ID -o NEW`"),
        ("a file named a--b.gpkg and 5 - 3", [], "a file named a--b.gpkg and 5 - 3"),
    ],
)  # fmt: skip
def test_options_become_arguments(message: str, arguments: list[str], said: str) -> None:
    assert in_python(message, arguments) == said


def test_functions_say_it_in_python_and_commands_do_not(tmp_path: Path) -> None:
    @public
    def refuse(crs: str) -> None:
        """Refuse."""
        raise OptionError("Give --crs.")

    with pytest.raises(OptionError, match=r"^Give crs=\.$"):
        refuse("")
    with targets.running("rogi x"), pytest.raises(OptionError, match=r"^Give --crs\.$"):
        refuse("")


def test_a_real_message_names_the_argument(tmp_path: Path) -> None:
    outlines = rogi.synthetic_inventory(3).outlines
    with pytest.raises(InputError, match="remote=True"):
        rogi.elevation(outlines, "https://localhost:9/dem.tif")
    outlines.set_crs(None, allow_override=True).to_file(tmp_path / "a.shp")
    with pytest.raises(InputError) as refused:
        rogi.compare(tmp_path / "a.shp", outlines)
    assert "--" not in str(refused.value)
    (tmp_path / "points.csv").write_text("ID,name\na,b\n")
    with pytest.raises(InputError, match="crs=") as unplaced:
        rogi.read_inventory(tmp_path / "points.csv")
    assert "--" not in str(unplaced.value)
    assert "rogi.read_inventory(path, crs='EPSG:4326')" in str(refused.value)


def test_remote_allows_addresses_for_the_call_only() -> None:
    @public
    def allowed(remote: bool = False) -> bool:
        """Tell."""
        return network_allowed()

    assert [allowed(), allowed(remote=True), allowed()] == [False, True, False]
    with network():
        assert allowed()


READS_RASTERS = ("elevation", "slope_of", "aspect_of", "solar_radiation", "climate", "zonal_statistics",
                 "fill_attributes", "validate", "predict", "evaluate", "cut_patches", "grid", "figures",
                 "plan_update", "apply_update")  # fmt: skip


@pytest.mark.parametrize("name", READS_RASTERS)
def test_what_reads_rasters_has_the_switch(name: str) -> None:
    assert inspect.signature(getattr(rogi, name)).parameters["remote"].default is False


@pytest.mark.parametrize("name", [n for n in rogi.__all__ if inspect.isfunction(getattr(rogi, n))])
def test_each_argument_is_documented(name: str) -> None:
    function: Callable[..., object] = getattr(rogi, name)
    text = (inspect.getdoc(function) or "").partition("Parameters\n")[2].partition("\nReturns\n")[0]
    listed = {
        word.strip().lstrip("*")
        for line in text.splitlines()
        if line and not line.startswith((" ", "-"))
        for word in line.partition(" : ")[0].split(",")
    }
    assert listed == set(inspect.signature(function).parameters)


def test_the_area_of_a_prediction_may_be_a_table(tmp_path: Path) -> None:
    box = (500_100.0, 3_999_500.0, 500_400.0, 3_999_900.0)
    table = gpd.GeoDataFrame(geometry=[shapely.box(*box)], crs=32645)
    place = Affine(10, 0, 500_000, 0, -10, 4_000_000), (100, 100), pyproj.CRS(32645)
    ground = ground_on(*place, area=table.to_crs(4326))
    assert ground.area is not None
    assert shapely.total_bounds(ground.area) == pytest.approx([10, 10, 40, 50], abs=1e-4)  # columns and rows
    table.to_crs(4326).to_file(tmp_path / "area.gpkg")
    by_file = ground_on(*place, area=str(tmp_path / "area.gpkg"))
    assert by_file.area is not None and shapely.equals_exact(by_file.area, ground.area, 1e-6).all()
    with pytest.raises(InputError, match="does not reach into the polygons of the area"):
        ground_on(*place, area=table.translate(1e5).to_frame("geometry"))
    with pytest.raises(InputError, match="have no CRS"):
        ground_on(*place, area=table.set_crs(None, allow_override=True))


def test_methods_of_results_name_arguments_too(tmp_path: Path) -> None:
    """Of a file name without a known suffix they ask for `format=`, not for the option of a command."""
    square = gpd.GeoDataFrame({"AREA": [1.0]}, geometry=[shapely.box(90, 30, 90.004, 30.004)], crs=4326)
    for result in (rogi.validate(square), rogi.compare(square, square)):
        with pytest.raises(OptionError, match=r"or give format=\.$"):
            result.write(tmp_path / "result.foo")
