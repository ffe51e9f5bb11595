"""Extensions: the example package beside rogi is used; broken ones are named and stop nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import rogi

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "rogi-example"


def install(folder: Path, name: str, version: str, points: dict[str, dict[str, str]]) -> Path:
    """What an installer leaves of a package: its metadata and its entry points."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, entries in points.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package, installed into a folder of its own as its pyproject says."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(EXAMPLE / "rogi_example", folder / "rogi_example")
    return install(folder, project["name"], project["version"], project["entry-points"])


def run(site: Path | None, *arguments: object, code: str = "") -> subprocess.CompletedProcess[str]:
    """The command, or some code, with a folder of packages beside rogi."""
    paths = [str(ROOT), *([str(site)] if site is not None else [])]
    program = ["-c", code or "from rogi.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *program], capture_output=True, text=True, env=environment, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two outlines as the dialect of the example names them, a road, and an RGIK inventory."""
    folder = tmp_path_factory.mktemp("survey")
    table = {"EX_NO": ["a", "b"], "EX_ACTIV": ["moving", "at rest"], "EX_ELEV": [4800.0, 4900.0]}
    shapes = [shapely.box(90.0, 30.0, 90.01, 30.01), shapely.box(92.0, 30.0, 92.01, 30.01)]
    gpd.GeoDataFrame(table, geometry=shapes, crs=4326).to_file(folder / "survey.gpkg", layer="example_survey")
    road = shapely.LineString([(90.005, 30.105), (90.005, 30.2)])
    gpd.GeoDataFrame(geometry=[road], crs=4326).to_file(folder / "roads.gpkg")
    rogi.synthetic_inventory(2).write(folder / "units.gpkg")
    return folder


def test_rules_are_listed_with_their_origin(example: Path) -> None:
    """`rogi rules` says where a rule comes from; its page too; rogi's own have the codes they had."""
    listed = json.loads(run(example, "rules", "--format", "json").stdout)
    origins = {entry["code"]: entry["origin"] for entry in listed}
    assert origins["XEX001"] == "rogi-example 0.1"
    assert {origin for code, origin in origins.items() if code != "XEX001"} == {"rogi"}
    assert "from rogi-example 0.1" in run(example, "rules", "--select", "X").stdout
    page = run(example, "rule", "XEX001").stdout
    assert page.startswith("# XEX001 comment-missing") and "- From: rogi-example 0.1" in page


def test_good_and_bad_example_of_the_rule(example: Path) -> None:
    """As of rogi's own rules: nothing found in the good one, just the named rows in the bad one."""
    code = (
        "from rogi.rules.registry import rules; from rogi.validation.engine import validate;"
        "from rogi.validation.settings import Settings; r = rules()['XEX001']; "
        "s = Settings(select=('XEX001',));"
        "g = validate(r.good(), s); b = r.bad(); f = validate(b.inventory, s).findings;"
        "print(g.outcomes[-1].status.value, len(g.findings), f['layer'].tolist(), f['row'].tolist())"
    )
    found = run(example, code=code)
    assert found.stdout.split("\n")[0] == "passed 0 ['marker'] [2]", found.stderr


def test_dialect_schema_and_report(example: Path, survey: Path) -> None:
    """The dialect is detected, its schema is the layer's, and the report names the package."""
    done = run(example, "validate", survey / "survey.gpkg", "--format", "json", "--fail-on", "never")
    report = json.loads(done.stdout)
    assert report["inventory"]["dialect"] == "example-survey", done.stderr
    assert report["inventory"]["schema"] == "example-survey/1.0"
    assert "with extensions: rogi-example 0.1" in report["inventory"]["notes"]
    assert "with extensions: rogi-example 0.1" in run(example, "validate", survey / "survey.gpkg").stdout
    assert "example-survey/1.0" in run(example, "schema", "list").stdout
    without = json.loads(
        run(None, "validate", survey / "survey.gpkg", "--format", "json", "--fail-on", "never").stdout
    )
    assert not any("extensions" in note for note in without["inventory"]["notes"])


def test_attribute(example: Path, survey: Path) -> None:
    """Its option, its column, its reason and its provenance."""
    out = survey / "filled.gpkg"
    done = run(
        example, "attributes", survey / "survey.gpkg", "--roads", survey / "roads.gpkg",
        "--roads-limit", "50", "--fields", "road_distance", "-o", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = gpd.read_file(out)
    assert found["EX_ROAD"].tolist() == pytest.approx([11.09, float("nan")], abs=0.01, nan_ok=True)
    assert found["ATTR_NOTE"][1] == "ROAD: no road within 50 km"
    provenance = json.loads((survey / "filled.gpkg.provenance.json").read_text(encoding="utf-8"))
    assert provenance["fields"][0]["parameters"] == {"limit_km": 50.0, "task": "roads"}
    assert run(None, "attributes", survey / "survey.gpkg", "--roads", "x", "-o", out).returncode == 2


@pytest.mark.parametrize("more", [(), ("--to-format", "names")])
def test_output_format(example: Path, survey: Path, more: tuple[str, ...]) -> None:
    """By its suffix or its name; never over an input; unknown without the package."""
    target = survey / f"list{len(more)}.names"
    done = run(example, "convert", survey / "units.gpkg", target, *more)
    assert done.returncode == 0, done.stderr
    lines = target.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 and lines[2].startswith("outline RGU")
    refused = run(None, "convert", survey / "units.gpkg", survey / "other.names", *more)
    assert refused.returncode == 2 and not (survey / "other.names").exists()


RELEASE = """
import sys, zipfile
from pathlib import Path
from rogi.release.build import build
from rogi.release.description import read_release
from rogi.synthetic.releases import two_versions, write_release_folders
root = Path(sys.argv[1])
versions = two_versions(24, 3)
built = build(read_release(write_release_folders(versions, root / "r")[0]), versions.first, root / "out")
for name in zipfile.ZipFile(built.zip).namelist():
    text = zipfile.ZipFile(built.zip).read(name).decode("utf-8", "replace")
    print(name, "XEX001" in text, "rogi-example 0.1" in text)
"""


@pytest.mark.slow
def test_release_names_what_was_active(example: Path, tmp_path: Path) -> None:
    """The rules of other packages run in the gate; README and conformance of the release name the package."""
    done = run(example, str(tmp_path), code=RELEASE)
    lines = [line.rsplit(" ", 2) for line in done.stdout.splitlines()]
    found = {name.rpartition("/")[2]: (rule == "True", package == "True") for name, rule, package in lines}
    assert found["README.md"][1], (done.stderr, found)
    assert any(rule for rule, _ in found.values())


def test_help_does_not_look_for_extensions(example: Path) -> None:
    """`rogi --help` scans nothing and imports none of it."""
    code = (
        "import sys; sys.argv = ['rogi', '--help']\n"
        "from rogi.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'importlib.metadata' not in sys.modules and 'rogi_example' not in sys.modules"
    )
    done = run(example, code=code)
    assert done.returncode == 0, done.stderr


def test_one_scan_and_only_what_is_needed(example: Path, survey: Path) -> None:
    """Reading an inventory imports no rule, format or attribute of another package."""
    code = (
        "import importlib.metadata as m, sys; real = m.entry_points; seen = []\n"
        "m.entry_points = lambda *a, **k: (seen.append(1), real(*a, **k))[1]\n"
        f"import rogi; rogi.read_inventory({str(survey / 'survey.gpkg')!r})\n"
        "print(len(seen), sorted(n for n in sys.modules if n.startswith('rogi_example')))"
    )
    assert run(example, code=code).stdout.strip() == "1 ['rogi_example']"


BROKEN = {
    "missing": ("rogi.rules", "no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "raises": ("rogi.rules", "broken_raises", "RuntimeError: on import"),
    "exits": ("rogi.rules", "broken_exits", "SystemExit: 3"),
    "code": ("rogi.rules", "broken_code", "its code GEO001 should be X, two letters and three digits"),
    "norule": ("rogi.rules", "json", "AttributeError: module 'json' has no attribute 'RULE'"),
    "nofile": ("rogi.dialects", "json", "there is no file nofile.yaml beside json"),
    "nomodule": ("rogi.schemas", "nowhere.at.all", "ModuleNotFoundError: No module named 'nowhere'"),
    "tprogi": ("rogi.dialects", "json", "the name is taken"),
    "text": ("rogi.formats", "json:dumps", "json:dumps is no rogi.inventory.writing.foreign.OutputFormat"),
    "source": ("rogi.attributes", "broken_source:SOURCE", "there is no file concepts.yaml beside"),
}  # fmt: skip


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in which everything is wrong."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "broken_raises.py").write_text("raise RuntimeError('on import')\n")
    (folder / "broken_exits.py").write_text("raise SystemExit(3)\n")
    (folder / "broken_source.py").write_text("SOURCE = 1\n")
    (folder / "broken_code.py").write_text(
        "from rogi.rules.structure.sch002_layer_empty import *\nfrom dataclasses import replace\n"
        "RULE = replace(RULE, code='GEO001', name='of-others')\n"
    )
    points: dict[str, dict[str, str]] = {}
    for name, (group, value, _) in BROKEN.items():
        points.setdefault(group, {})[name] = value
    return install(folder, "rogi-broken", "9", points)


def test_broken_extensions_are_named_and_stop_nothing(broken: Path, survey: Path) -> None:
    """Each in one sentence on stderr; the command does its work."""
    done = run(broken, "validate", survey / "units.gpkg", "--fail-on", "never", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["complete"]
    wrote = run(broken, "convert", survey / "units.gpkg", survey / "x.unknown")
    told = done.stderr + wrote.stderr
    for name, (group, _, why) in BROKEN.items():
        kind = group.removeprefix("rogi.")
        assert f"warning: {name!r} of rogi-broken 9 ({kind}) is not used: {why}" in told, (name, told)
    assert "Traceback" not in told


def test_codes_of_two_packages_collide(example: Path, tmp_path: Path) -> None:
    """The second rule of one code is left out and named; the first works."""
    shutil.copytree(example, tmp_path / "site")
    (tmp_path / "site" / "twin.py").write_text("from rogi_example.rules.xex001_comment_missing import *\n")
    install(tmp_path / "site", "rogi-twin", "1", {"rogi.rules": {"twin": "twin"}})
    done = run(tmp_path / "site", "rules", "--select", "X")
    assert done.stdout.count("XEX001") == 1 and "from rogi-example 0.1" in done.stdout
    assert (
        "'twin' of rogi-twin 1 (rules) is not used: the code XEX001 or the name comment-missing"
        in done.stderr
    )
