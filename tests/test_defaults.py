"""Every tolerance, threshold and default has the value that the documentation states."""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import rogi
from rogi.cli import app
from rogi.detection.candidates.extraction import make_candidates
from rogi.schema.parameters import load_parameters
from rogi.terrain import RadiationParameters

DOCS = Path(__file__).parents[1] / "docs"

PARAMETERS: dict[str, object] = {
    "SCH006.margin": 10,  # degrees of arc
    "SCH007.tolerance": 0.1,
    "SCH007.away": 2,
    "SCH007.near": 0.5,
    "PID005.distance": 11.1,  # m: one unit of the ID, 1e-4 degree of latitude
    "PID006.tolerance": 2,  # units of the ID
    "PID007.tolerance": 0.001,
    "PID008.distance": 50,
    "PID010.margin": 0.001,
    "GEO009.minimum_width": 10,
    "GEO010.maximum_angle": 10,
    "GEO010.minimum_length": 10,
    "GEO011.distance": 0.001,
    "GEO012.resolution": 4.77,  # m: Planet basemaps, zoom 15
    "GEO012.pixels": 2,
    "GEO013.resolution": 4.77,
    "GEO013.fraction": 0.1,
    "GEO014.minimum_area": 0.01,  # km²: Sun et al. (2024), Sect. 3.3
    "GEO014.tolerance": 0.01,
    "GEO015.minimum_area": 1,
    "GEO016.share": 0.99,
    "GEO017.grid_degrees": 0.0001,
    "GEO017.grid_metres": 10,
    "GEO018.formats": ("GeoJSON", "GeoJSONSeq"),
    "KIN003.active": ("dm/yr", "dm/yr to m/yr", "m/yr", "> m/yr"),
    "KIN003.transitional": ("cm/yr", "cm/yr to dm/yr"),
    "KIN003.relict": ("< cm/yr",),
    "ATT001.tolerance": 0.02,
    "ATT002.elevation_tolerance": 1,
    "ATT002.slope_tolerance": 0.5,
    "ATT006.minimum_values": 5,
    "ATT009.values": (
        *(-9999, -99999, -999, -99, -9999.9, -32768, -32767, 32767, 65535),
        *(999, 9999, 99999, 999999),
    ),
    "ATT010.earliest_year": 1900,
    "ATT012.threshold": 8,
    "ATT012.minimum_values": 30,
    "ATT013.tolerance": 100,
    "ATT020.elevation_middle_tolerance": 10,
    "ATT020.elevation_extreme_tolerance": 50,
    "ATT020.slope_middle_tolerance": 2,
    "ATT020.slope_extreme_tolerance": 10,
    "ATT020.aspect_tolerance": 10,
    "ATT020.radiation_tolerance": 150,
    "ATT020.temperature_tolerance": 0.5,
    "ATT020.precipitation_tolerance": 25,
    "REL003.tolerance": 10,
    "REL005.share": 0.01,
    "REL007.share": 0.5,
    "REL009.minimum_area": 100,
}


def test_parameters_of_the_rules() -> None:
    """All of them but the long list of placeholders, whose kinds are tested with the rule."""
    found = {name: parameter.value for name, parameter in load_parameters({}).items() if name[0] != "X"}
    assert len(found.pop("SCH012.placeholders")) == 31  # type: ignore[arg-type]
    assert found == PARAMETERS


CONSTANTS: dict[str, list[tuple[str, object, str]]] = {
    "methods/agreement.md": [
        ("comparison.matching.graph.SLIVER_AREA_M2", 1.0, "at least 1 m² and at least 1 % of"),
        ("comparison.matching.graph.SLIVER_FRACTION", 0.01, "at least 1 m² and at least 1 %"),
        ("comparison.matching.graph.TIE", 1e-09, "differs by less than 1e-9 are equally good"),
        ("comparison.matching.graph.MARKER_DISTANCE_M", 50.0, "two markers up to 50 m apart"),
        ("comparison.agreement.boundaries.BOUNDARY_STEP_M", 10.0, "at most 10 m apart"),
        ("comparison.agreement.rates.CONFIDENCE", 0.95, "without continuity correction, 95 %"),
        ("comparison.agreement.rates.REPLICATES", 1000, "of 1000 bootstrap draws"),
        ("comparison.agreement.objects.LEAST_GROUPS", 10, "fewer than 10 groups"),
        ("comparison.agreement.objects.LARGEST_SHARE", 0.8, "more than 80 % of the area"),
        ("comparison.agreement.objects.PANOPTIC_IOU", 0.5, "at $t = 0.5$"),
        (
            "comparison.agreement.objects.SIZE_CLASSES_KM2",
            (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, float("inf")),
            "limits 0.01, 0.03, 0.1, 0.3 and 1 km²",
        ),
        ("comparison.agreement.areas.NOISE_M", 0.001, "the boundary times 1 mm"),
        ("comparison.agreement.attributes.DIGITS", 1e-09, "in the ninth significant digit"),
        ("comparison.operators.LANDFORM_IOU", 0.5, "linked with an IoU of 0.5 or more"),
        ("longitudes.CROSSING_SPAN", 1.0, "1° of longitude are not taken for such a jump"),
    ],
    "commands/compare.md": [
        ("comparison.agreement.objects.IOU_THRESHOLDS", (0.1, 0.25, 0.5, 0.75), "0.1, 0.25, 0.5, 0.75"),
    ],
    "commands/stats.md": [
        ("statistics.grids.CELL_M", 50_000.0, "km, default 50 as in the paper"),
        ("statistics.figures.overview.CROWDED", 3.0, "more than 3 units share the place of a dot"),
        ("statistics.figures.overview.ZONES", (0.9, 0.5, 0.1), "zones from 10, 50 and 90 %"),
        ("statistics.figures.charts.LEAST", 10, "Roses of fewer than 10 units are not drawn"),
    ],
    "commands/review.md": [
        (
            "review.sampling.SIZE_LIMITS_KM2",
            (0.05, 0.14, 0.3),
            "below 0.05, 0.05 to 0.14, 0.14 to 0.3, and 0.3 km² and more",
        ),
    ],
    "methods/attributes.md": [
        ("attributes.zonal.coverage.NEGLIGIBLE_SHARE", 1e-09, "Shares below 10⁻⁹"),
        ("attributes.zonal.statistics.MIN_VALID_SHARE", 0.5, "`minimum_valid_share` (0.5)"),
        ("attributes.zonal.statistics.EXTREME_SHARE", 0.5, "(`extreme_share` = 0.5)"),
        ("attributes.zonal.statistics.MIN_RESULTANT_LENGTH", 1e-06, "10^{-6}$ there is no mean"),
        ("attributes.zonal.groups.LARGE_UNIT_CELLS", 2**24, "more than 2²⁴ pixels"),
        (
            "raster.climate.steps.MONTH_DAYS",
            (31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31),
            "February 28.2425 days",
        ),
    ],
    "rasters.md": [
        ("raster.elevation.agreement.TOLERANCE", 1.0, "differ by more than 1 m anywhere"),
        ("raster.elevation.agreement.BIAS", 2.0, "medians within 2 m"),
        ("raster.elevation.agreement.STRAYING", 0.1, "90 % of them, to 1 m"),
        ("raster.elevation.agreement.BORDER", 0.05, "up to 5 % of a tile"),
        ("raster.elevation.agreement.WHOLE", 2**24, "Up to 2²⁴ shared pixels"),
    ],
    "methods/update-matching.md": [
        ("update.planning.classes.UNCHANGED_IOU", 0.8, "unchanged if IoU ≥ 0.8"),
        ("update.planning.priority.MEAN_AREA_M2", 137_060.0, "137,060 m²"),
        ("update.planning.priority.UNKNOWN", 0.5, "What is not known counts 0.5"),
        ("update.planning.priority.DOUBTFUL", 0.5, "Tasks with a doubt of at least 0.5"),
        ("update.planning.partition.NEAR_M", 100.0, "outlines within 100 m"),
        ("update.planning.partition.LARGEST_GROUP", 0.25, "more than a quarter of"),
        ("update.planning.surroundings.CONTEXT_M", 500.0, "lie within 500 m"),
    ],
    "commands/update-plan.md": [
        ("update.planning.plan.TASKS_PER_AREA", 200, "groups about 200 tasks"),
        ("update.packages.second_look_kml.MOST", 2000, "at most 2,000"),
    ],
    "commands/update-apply.md": [
        ("update.deciding.legality.MERGE_GAP_M", 100.0, "within 100 m of each other"),
        ("update.deciding.shapes.LARGEST_KM2", 100.0, "at most 100 km² and"),
        ("update.deciding.shapes.LONGEST_KM", 100.0, "is at most 100 km long"),
    ],
    "methods/detection-prediction.md": [
        ("detection.model.card.PATCH", 480, "480 x 480 pixels"),
        ("detection.model.card.STRIDE", 320, "the model's stride (320)"),
        ("detection.windows.OR_STRIDE", 160, "windows at a stride of 160"),
        ("detection.windows.STEPS", 4064, "$1/4064$"),
        ("detection.windows.WEIGHT", 127, "integers from 1 to 127"),
        ("detection.windows.BLOCK_PIXELS", 2560, "8 x 8 windows (2560 pixels)"),
        ("detection.model.backends.TOLERANCE", 0.001, "no more than 0.001"),
        ("detection.model.backends.NEGLIGIBLE", 0.0001, "more than 0.0001"),
        ("detection.model.backends.NOISE", 0.0003, "at most 0.03 %"),
        ("detection.model.backends.MEAN", 0.02, "at most 0.02 on average"),
        ("detection.model.backends.CLEAR_FLIPPED", 0.005, "no more than 0.5 % of the labels"),
    ],
    "methods/detection-candidates.md": [
        ("detection.candidates.polygons.LEVELS", 254, "0 to 254 for 0 to 1"),
        ("detection.candidates.extraction.MINIMUM_AREA_M2", 10_000.0, "0.01 km²"),
        ("detection.candidates.separation.NECK", 0.7, "at most 0.7 times"),
        ("detection.candidates.separation.GAP", 0.3, "(0.3: gaps in the boundary)"),
        ("detection.candidates.smoothing.SMOOTH_AREA_CHANGE", 0.05, "change by more than 5 %"),
    ],
    "commands/detect-evaluate.md": [
        ("detection.evaluation.boundary_iou.BAND_M", 30.0, "default 30 m"),
    ],
    "methods/detection-evaluation.md": [
        ("detection.evaluation.scores.BLOCKS", 30, "at least 30 blocks"),
        ("detection.evaluation.curves.FOLDS", 5, "in five folds"),
        ("detection.evaluation.pixel_scores.BLOCK", 512, "512 x 512 pixels"),
    ],
    "commands/detect-train.md": [
        ("detection.model.network.ENCODER_FIT", 0.9, "At least 90 % of the encoder"),
        ("detection.training.settings.CHECKPOINT_SECONDS", 120.0, "seconds (120)"),
    ],
    "methods/detection-imagery.md": [
        ("detection.imagery.channels.SAME_RESOLUTION", 0.005, "within 0.5 %"),
        ("detection.patches.extraction.SQUARE_PIXEL", 0.1, "more than 10 % off the square"),
        ("detection.imagery.values.CELL", 4096, "every 4096 x 4096 pixels"),
        ("detection.imagery.values.PLACES", (3, 12), "(9 windows of 64 x 64; 144 where"),
        ("detection.imagery.values.SIDE", 64, "windows of 64 x 64"),
        ("detection.imagery.values.ENOUGH", 256, "fewer than 256 valid pixels"),
        ("detection.imagery.values.UNIFORM", 8, "fewer than 8 steps"),
        ("detection.imagery.values.DIM", 6.0, "less than 1/6 of the training's"),
        ("detection.imagery.values.BRIGHT", 3.0, "more than 3 times the training's 99.9 %"),
        ("detection.imagery.values.ALIKE", 4.0, "within a factor of 4"),
        ("detection.imagery.values.OFFSET", {"1": 1000.0, "scaled": 0.1}, "offset of 1000 (0.1 of"),
        ("detection.imagery.values.OFFSET_SHARE", 0.4, "within 40 %"),
        ("detection.imagery.values.OFFSET_RANGE", 0.25, "alike within 25 %"),
        ("detection.imagery.values.DARKER", 0.5, "more than half of that one's distance"),
        ("raster.imagery.image_edges.NEAR", 15, "pixels within 15 of it"),
        ("raster.imagery.cloud_masks.SCL_CLASSES", (0, 1, 3, 8, 9, 10, 11), "0 no data, 1 saturated"),
        (
            "raster.imagery.cloud_masks.UDM2_BANDS",
            (2, 3, 5, 6, 8),
            "bands 2 snow, 3 cloud shadow, 5 heavy haze",
        ),
        ("raster.stac.SENTINEL_OFFSET", -1000.0, "it is -1000"),
    ],
    "commands/detect-patches.md": [
        ("detection.patches.split.DRAWINGS", 64, "Of 64 seeded drawings"),
        (
            "detection.patches.split.BLOCK_SIDES",
            (3.0, 4.0, 6.0, 8.0, 12.0),
            "blocks of 3, 4, 6, 8 and 12 patches",
        ),
        ("detection.patches.split.ENOUGH_BLOCKS", 6, "fewer than six blocks"),
    ],
}
"""Page of the documentation: module and name, value, and what the page says."""


@pytest.mark.parametrize("page", CONSTANTS)
def test_constants_are_those_of_the_documentation(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for name, value, words in CONSTANTS[page]:
        module, _, constant = name.rpartition(".")
        assert getattr(importlib.import_module(f"rogi.{module}"), constant) == value, name
        assert words in text, name


# Defaults of options that are numbers, or choices by which a result differs.
OPTIONS: dict[str, dict[str, Any]] = {
    "detect evaluate": {"--band": 30.0, "--replicates": 1000},
    "detect patches": {"--context": 1500.0, "--size": 480, "--split": "blocked", "--train-share": 0.7,
                       "--border": 2, "--minimum-valid": 0.05, "--hard": 1.0, "--prefer": "order"},
    "detect predict": {"--merge": "cosine", "--minimum-area": 10_000.0, "--backend": "auto",
                       "--device": "auto", "--precision": "auto", "--turns": 1, "--prefer": "order"},
    "detect train": {"--epochs": 100, "--batch": 8, "--loss": "bce+dice", "--optimiser": "adamw",
                     "--lr": 0.001, "--schedule": "cosine", "--weight-decay": 1e-4, "--warm-up": 0.05,
                     "--patience": 20, "--light": 0.2, "--precision": "auto", "--device": "auto",
                     "--checkpoint": 120.0, "--model-version": "1"},
    "id make": {"--prefix": "RGU", "--at": "auto"},
    "id repair": {"--prefix": "RGU", "--at": "auto", "--tolerance": 2.0, "--by-position": True},
    "init": {"--profile": "normal", "--release": "1.0", "--host": "both"},
    "release diff": {"--fail-on": "any"},
    "review sample": {"--stratify": "none", "--allocation": "proportional", "--reviewers": "A,B",
                      "--kml": True},
    "schema template": {"--schema": "rgik/1.0"},
    "update history": {"--limit": 50, "--store": ""},
    "update status": {"--limit": 20},
    "update undo": {"--store": ""},
    "attributes": {"--workers": 1},
}  # fmt: skip
FREE = ("--format", "--licence", "--citation", "--description")
"""Options that change no result, or have nothing by default."""


@cache
def commands() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def collect(group: Any, words: tuple[str, ...]) -> None:
        for name in group.commands:
            command = group.get_command(None, name)
            if hasattr(command, "commands"):
                collect(command, (*words, name))
            else:
                found[" ".join((*words, name))] = command

    collect(typer.main.get_command(app), ())
    return found


def defaults(command: Any) -> dict[str, Any]:
    """Option -> default, of those that have one; choices by their value."""
    known = {}
    for parameter in command.params:
        value = getattr(parameter.default, "value", parameter.default)
        if parameter.opts[0].startswith("--"):
            known |= dict.fromkeys(parameter.opts, value)
    return known


def test_defaults_of_the_commands() -> None:
    found = {
        name: {
            option: value
            for option, value in defaults(command).items()
            if option not in FREE
            and isinstance(value, str | int | float)
            and value is not False
            and value != 0
        }
        for name, command in commands().items()
        if not name.startswith("synthetic")
    }
    for name, expected in OPTIONS.items():
        for option, value in expected.items():
            if value == "":
                assert defaults(commands()[name])[option] == ""
            else:
                assert found[name].pop(option) == value, (name, option)
    assert {name: rest for name, rest in found.items() if any(v != "" for v in rest.values())} == {}


def test_nothing_is_replaced_by_default() -> None:
    """--force, and what else gives up something, is off unless it is named."""
    for name, command in commands().items():
        known = defaults(command)
        for option in ("--force", "--strict", "--fix", "--yes"):
            assert not known.get(option), (name, option)
    assert sum("--force" in defaults(command) for command in commands().values()) > 15


TABLE_ROW = re.compile(r"^\| (`--[^|]*) \| ([^|]*) \|", re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "name", "count"), [("compare", "compare", 1), ("detect-train", "detect train", 15)]
)
def test_tables_of_options_state_the_defaults(page: str, name: str, count: int) -> None:
    """Where a page has a column of defaults, what the command itself sets is the same."""
    known, checked = defaults(commands()[name]), 0
    for options, stated in TABLE_ROW.findall((DOCS / "commands" / f"{page}.md").read_text(encoding="utf-8")):
        names, values = re.findall(r"`(--[\w-]+)`", options), [v.strip(" `") for v in stated.split(", ")]
        if len(names) != len(values) or ";" in stated:
            continue
        for option, value in zip(names, values, strict=True):
            default = known[option]
            if default is not None and not isinstance(default, list | tuple | bool):
                assert str(default) == value or float(default) == float(value), (option, value)
                checked += 1
    assert checked == count


RECORDS: dict[str, dict[str, object]] = {
    "rogi.comparison.compare.Parameters": {
        "sliver_area_m2": 1.0, "sliver_fraction": 0.01, "marker_distance_m": 50.0, "boundary_step_m": 10.0,
        "panoptic_iou": 0.5, "replicates": 1000, "seed": 0, "confidence": 0.95,
        "iou_thresholds": (0.1, 0.25, 0.5, 0.75),
    },
    "rogi.detection.patches.cutting.PatchSettings": {
        "context_m": 1500.0, "size": 480, "stride": 320, "train_share": 0.7, "split": "blocked", "border": 2,
        "minimum_valid": 0.05, "seed": 0, "background": 0.0, "hard": 1.0,
    },
    "rogi.detection.training.settings.TrainingSettings": {
        "epochs": 100, "batch": 8, "loss": "bce+dice", "optimiser": "adamw", "schedule": "cosine",
        "learning_rate": 1e-3, "weight_decay": 1e-4, "warm_up": 0.05, "patience": 20, "seed": 0,
        "checkpoint_seconds": 120.0, "boundary": False,
    },
    "rogi.attributes.configuration.AttributeSettings": {"slope_method": "horn", "only_missing": False},
    "rogi.attributes.relief.ZonalOptions": {
        "engine": "coverage", "minimum_valid_share": 0.5, "extreme_share": 0.5,
    },
    "rogi.validation.settings.Settings": {"profile": "normal", "fail_on": "error"},
    "rogi.update.planning.plan.Parameters": {
        "unchanged_iou": 0.8, "sliver_fraction": 0.01, "glacier_share": 0.5, "near_m": 100.0,
        "ask_front_rule": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_settings_left_out(name: str) -> None:
    """What Python takes where nothing is named is what the commands take."""
    module, _, record = name.rpartition(".")
    found = {field.name: field.default for field in fields(getattr(importlib.import_module(module), record))}
    assert {key: found[key] for key in RECORDS[name]} == RECORDS[name]


FUNCTIONS: dict[str, dict[str, object]] = {
    "convert": {"keep_extra": True},
    "draw_sample": {"stratify": "none", "allocation": "proportional"},
    "evaluate": {"band": 30.0, "replicates": 1000},
    "fix": {"level": "safe"},
    "figures": {"cell": 50.0, "size": "180mm", "font_size": 8.0, "language": "en", "symbols": "auto"},
    "grid": {"cell": 50.0},
    "cut_patches": {"prefer": "order"},
    "predict": {
        "merge": "cosine",
        "minimum_area": 10_000.0,
        "backend": "auto",
        "precision": "auto",
        "prefer": "order",
        "trust_values": False,
    },
    "primary_id": {"prefix": "RGU", "at": "auto"},
    "repair_ids": {"by_position": True, "tolerance": 2.0, "prefix": "RGU"},
    "train": {"version": "1"},
    "zonal_statistics": {"statistics": ("mean",), "engine": "coverage"},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_left_out(name: str) -> None:
    """The functions of `rogi` have the defaults of the commands."""
    parameters = inspect.signature(getattr(rogi, name)).parameters
    assert {key: parameters[key].default for key in FUNCTIONS[name]} == FUNCTIONS[name]


def test_candidates_by_default() -> None:
    """Neither smoothed, filled nor separated; nothing below 0.01 km²."""
    found = inspect.signature(make_candidates).parameters
    expected = {
        "minimum_area_m2": 10_000.0, "fill_holes_m2": 0.0, "smooth": 0.0, "separate": None,
        "boundary_threshold": 0.5, "neck": 0.7,
    }  # fmt: skip
    assert {name: found[name].default for name in expected} == expected


def test_parameters_of_radiation() -> None:
    """The table of the page on terrain, row by row."""
    text = (DOCS / "methods" / "terrain.md").read_text(encoding="utf-8")
    expected = {
        "declination": "spencer",
        "atmosphere": "kumar",
        "linke_turbidity": (),
        "aod700": 0.1,
        "precipitable_water": 1.0,
        "first_day": 1,
        "last_day": 365,
        "time_step": 10.0,
        "n_sectors": 64,
        "search_radius": 25_000.0,
        "shading": True,
        "curvature": True,
        "pressure": True,
        "albedo": 0.2,
        "sky": "slope",
        "solar_constant": 1.367,
        "slope_method": "horn",
    }
    assert asdict(RadiationParameters()) == expected
    for name, value in expected.items():
        stated = next(line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line)
        names, values = (re.split(r",\s(?=\D|\d)", cell.strip()) for cell in stated.split("|")[1:3])
        shown = values[names.index(f"`{name}`")].strip("` ")
        if isinstance(value, bool | str):
            assert shown == str(value).lower()
        elif value == ():
            assert shown == "empty"
        else:
            assert float(shown.split()[0].replace(",", "")) == value
