"""The installed command: quick help, exit codes, settings, outputs, and errors as one message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from rogi.cli import COMMANDS, app
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role

HEAVY = {
    *("numpy", "pandas", "geopandas", "shapely", "pyogrio", "pyarrow", "pandera", "jsonschema", "yaml"),
    *("rasterio", "xarray", "numba", "scipy", "matplotlib", "torch", "dask", "distributed"),
}
ROGI = str(Path(sys.executable).parent / "rogi")


def rogi(*arguments, cwd=None, **environment):
    """Run the installed command; text of both streams and the exit code."""
    env = {
        k: v for k, v in os.environ.items() if k not in ("GITHUB_STEP_SUMMARY", "ROGI_DEBUG")
    } | environment
    return subprocess.run(
        [ROGI, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=env, check=False
    )


@pytest.fixture
def here(monkeypatch, capsys):
    """Run the command in this process, for the many cases where a new one shows nothing more."""

    def run(*arguments, cwd=None):
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        if cwd is not None:
            monkeypatch.chdir(cwd)
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, streams.out, streams.err)

    return run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A good inventory and one with two empty outlines, as GeoPackages."""
    folder = tmp_path_factory.mktemp("inventories")
    good = examples.tprogi(4)
    bad = examples.with_geometry(good, Role.OUTLINE, {1: shapely.Polygon(), 2: shapely.Polygon()})
    write_inventory(good, folder / "good.gpkg")
    write_inventory(bad, folder / "bad.gpkg")
    return folder


def test_help_imports_nothing_heavy():
    """What keeps `rogi --help` quick: none of the large packages is imported for it."""
    code = (
        "import sys; sys.argv = ['rogi', '--help']\n"
        "from rogi.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "validate" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "validate", "rules", "rule", "convert", "schema list", "schema template", "id make", "id parse",
        "id repair", "review sample", "review score", "stats", "synthetic inventory",
    ],
)  # fmt: skip
def test_every_command_has_help_with_an_example(command, here):
    done = here(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert "Example" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_plain_text(name):
    """Every group and command in one style: no boxes, no line cut short, -h and --help."""
    result = CliRunner().invoke(app, [*name.split(), "-h"], prog_name="rogi")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: rogi{' ' * bool(name)}{name} ")
    assert "╭" not in result.output and "..." not in result.output.partition("\nCommands:")[2]


def test_validation_imports_only_what_it_needs(files):
    """No rule needs pandera or scipy: each takes longer to import than most rules to run."""
    code = (
        "import sys\nfrom rogi.cli import main\n"
        f"sys.argv = ['rogi', 'validate', {str(files / 'good.gpkg')!r}, '-q']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pandera', 'scipy', 'matplotlib', 'rasterio', 'xarray', 'numba'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_version():
    import rogi as package

    assert rogi("--version").stdout.strip() == f"rogi {package.__version__}"


def test_exit_codes_of_validate(files):
    assert rogi("validate", files / "good.gpkg").returncode == 0
    assert rogi("validate", files / "bad.gpkg").returncode == 1
    assert rogi("validate", files / "bad.gpkg", "--fail-on", "never").returncode == 0
    assert rogi("validate", files / "none.gpkg").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--select", "GEO999"), "There is no rule 'GEO999'"),
        (("--select", "geometry-invald"), "did you mean geometry-invalid"),
        (("--parameter", "GEO014.minimum_area"), "NAME=VALUE"),
        (("--parameter", "GEO014.minimum=1"), "GEO014.minimum"),
        (("--severity", "GEO014=loud"), "error, warning, info"),
        (("--fail-on", "sometimes"), "error, warning, info or never"),
        (("--profile", "harsh"), "lenient, normal, strict"),
        (("--format", "pdf"), "--format is one of text, json"),
        (("--format", "json", "--format", "sarif"), "need 2 --output files"),
        (("--format", "github", "--output", "report.html"), "make them agree"),
        (("--output", "report.doc"), "unknown file extension"),
        (("--date", "yesterday"), "--date is a date"),
        (("--schema", "tprogi/9"), "tprogi/9"),
        (("--dialect", "nobody"), "nobody"),
        (("--fix", "safe"), "say where with --fixed"),
        (("--fix", "safe", "-o", "x.gpkg"), "say where with --fixed"),
        (("--fixed", "x.gpkg"), "add --fix"),
        (("--fix", "wild", "--fixed", "x.gpkg"), "safe or unsafe"),
        (("--fix", "sfae", "--fixed", "x.gpkg"), "did you mean safe?"),
        (("--baseline", "none.json"), "--write-baseline"),
        (("--config", "none.toml"), "does not exist"),
        (("--layer", "glacier=x.shp"), "glacier"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_one_message_and_exit_code_2(files, tmp_path, here, arguments, message):
    done = here("validate", files / "good.gpkg", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_exit_code_2(files):
    assert rogi("validate", files / "good.gpkg", "--nonsense").returncode == 2


def test_nothing_to_validate_is_exit_code_2():
    done = rogi("validate")
    assert done.returncode == 2
    assert done.stderr.startswith("error:")


def test_inputs_are_never_written_over(files):
    before = (files / "bad.gpkg").read_bytes()
    for option in (("--output",), ("--fix", "safe", "--fixed")):
        done = rogi("validate", files / "bad.gpkg", *option, files / ".." / files.name / "bad.gpkg")
        assert done.returncode == 2
        assert "is an input" in done.stderr
    assert (files / "bad.gpkg").read_bytes() == before
    assert sorted(p.name for p in files.iterdir()) == ["bad.gpkg", "good.gpkg"]


def test_several_outputs_at_once(files, tmp_path):
    names = ["r.html", "r.json", "r.jsonl", "r.md", "r.xml", "r.sarif", "r.gpkg", "r.txt"]
    outputs = [item for name in names for item in ("--output", tmp_path / name)]
    done = rogi("validate", files / "bad.gpkg", *outputs)
    assert done.returncode == 1, done.stderr
    assert "GEO002" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    assert json.loads((tmp_path / "r.json").read_text())["findings"]


def test_json_on_stdout_is_only_json(files):
    report = json.loads(rogi("validate", files / "bad.gpkg", "--format", "json").stdout)
    assert {f["code"] for f in report["findings"]} >= {"GEO002"}


def test_settings_file_baseline_and_waiver(files, tmp_path):
    known = tmp_path / "known.json"
    assert rogi("validate", files / "bad.gpkg", "--write-baseline", known, cwd=tmp_path).returncode == 1
    assert rogi("validate", files / "bad.gpkg", "--baseline", known, cwd=tmp_path).returncode == 0
    (tmp_path / "rogi.toml").write_text('select = ["GEO002"]\nbaseline = "known.json"\n')
    assert rogi("validate", files / "bad.gpkg", cwd=tmp_path).returncode == 0
    assert rogi("validate", files / "bad.gpkg", "--no-config", cwd=tmp_path).returncode == 1
    (tmp_path / "rogi.toml").write_text("selct = []\n")
    done = rogi("validate", files / "bad.gpkg", cwd=tmp_path)
    assert (done.returncode, "did you mean select" in done.stderr) == (2, True)


def test_the_job_summary_of_github_is_written(files, tmp_path):
    summary = tmp_path / "summary.md"
    done = rogi("validate", files / "bad.gpkg", "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert "::error" in done.stdout
    assert "GEO002" in summary.read_text()


def test_a_reader_that_goes_away_is_no_traceback(files):
    command = f"{ROGI} validate {files / 'bad.gpkg'} --format json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_ends_a_command_silently():
    """As programs that SIGPIPE ends: nothing is said, and the exit code is 141."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([ROGI, "rules"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_output_in_a_folder_of_inputs_is_not_read(files, tmp_path, here):
    """The second run reads what the first one read."""
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "good.gpkg").write_bytes((files / "good.gpkg").read_bytes())
    for _ in range(2):
        done = here("convert", folder, folder / "new.gpkg")
        assert done.returncode == 0, done.stderr
    assert f"{folder / 'new.gpkg'} was not read: it is the output" in done.stderr + done.stdout
    other = here("convert", folder, tmp_path / "other.gpkg")
    assert other.returncode == 2
    assert "copies of one layer" in other.stderr


def test_a_folder_of_outputs_above_the_inputs_hides_none(files, tmp_path, here):
    folder = tmp_path / "inventory"
    folder.mkdir()
    (folder / "good.gpkg").write_bytes((files / "good.gpkg").read_bytes())
    done = here("stats", folder, "--grid", tmp_path / "grid.tif", "--figures", tmp_path)
    assert done.returncode == 0, done.stderr


def test_ids_in_a_table_have_a_header(tmp_path, here):
    for name, start in (
        ("ids.csv", "row,id,longitude,latitude\n1,RGU"),
        ("ids.json", "["),
        ("ids.txt", "RGU"),
    ):
        here("id", "make", "97.24263", "28.15273", "-o", tmp_path / name)
        assert (tmp_path / name).read_text().startswith(start)


def test_numbers_are_written_as_the_output_is_named(files, tmp_path, here):
    for name, start in (("n.json", "{"), ("n.md", "#"), ("n.txt", str(files)), ("n.html", "<!DOCTYPE html>")):
        assert here("stats", files / "good.gpkg", "--output", tmp_path / name).returncode == 0
        assert (tmp_path / name).read_text().lstrip().startswith(start)
    for arguments, message in (
        (("--output", tmp_path / "n.pdf"), "unknown file extension; use one of .txt, .md, .json, .html"),
        (("--output", tmp_path / "m.json", "--format", "markdown"), "contradicts --format markdown"),
    ):
        done = here("stats", files / "good.gpkg", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
    assert not (tmp_path / "n.pdf").exists()


def test_rules_and_rule():
    listed = json.loads(rogi("rules", "--format", "json", "--select", "GEO").stdout)
    assert {r["family"] for r in listed} == {"geometry"}
    assert rogi("rule", "geo003").stdout.startswith("# GEO003 geometry-invalid")
    assert rogi("rule", "GEO999").returncode == 2


def test_review_from_drawing_to_scoring(files, tmp_path):
    folder = tmp_path / "review"
    done = rogi("review", "sample", files / "good.gpkg", "--n", 3, "-o", folder, "--reviewers", "Li")
    assert done.returncode == 0, done.stderr
    assert "3 of 4 units drawn" in done.stdout
    scored = rogi("review", "score", folder / "review_li.gpkg", "--format", "json")
    assert scored.returncode == 1  # no verdicts yet, and that is said
    assert {p["trouble"] for p in json.loads(scored.stdout)["problems"]} == {"no verdict"}


def test_stats_with_expectations(files, tmp_path):
    (tmp_path / "facts.yaml").write_text(
        "format: 1\nfacts:\n - {name: units, statistic: count, value: 4, tolerance: 0}\n"
    )
    done = rogi("stats", files / "good.gpkg", "--expect", tmp_path, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["facts"]["checked"][0]["holds"] is True
    assert rogi("stats", files / "good.gpkg", "--expect", "1.0").returncode == 1


def test_stats_of_a_file_that_states_no_crs(tmp_path):
    write_inventory(examples.with_crs(examples.tprogi(3), Role.OUTLINE, None), tmp_path / "a", format="csv")
    outlines = next(p for p in (tmp_path / "a").iterdir() if "SRID" not in p.read_text())
    assert rogi("stats", outlines).returncode == 2
    done = rogi("stats", outlines, "--crs", "EPSG:4326", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["whole"]["units"] == 3


def test_python_runs_it_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "rogi", "--version"], capture_output=True, text=True, check=True
    )
    assert (
        done.stdout == subprocess.run([ROGI, "--version"], capture_output=True, text=True, check=True).stdout
    )
