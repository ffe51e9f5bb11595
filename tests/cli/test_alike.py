"""What is the same in every command: options, names of values, hints, addresses, completion."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from command_tree import COMMANDS, line
from typer.testing import CliRunner

from rogi.cli import app, main
from rogi.cli.guard import outputs
from rogi.errors import OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role

ROOT = typer.main.get_command(app)
WORDS = [pytest.param(words, id=" ".join(words)) for words in COMMANDS]


def command(words):
    found = ROOT
    for word in words:
        found = found.get_command(None, word)
    return found


def options(words):
    return {name: p for p in command(words).params for name in p.opts if p.param_type_name == "option"}


@pytest.mark.parametrize("words", WORDS)
def test_common_options(words):
    """-q, -v, --log and, where a command writes a result, -o: one option, one meaning, one text."""
    found = options(words)
    assert [found[o].name for o in ("-q", "--quiet", "-v", "--verbose", "--log")] == [
        "quiet", "quiet", "verbose", "verbose", "log",
    ]  # fmt: skip
    model = options(("rules",))
    for name in ("--quiet", "--verbose", "--log"):
        assert (found[name].help, found[name].metavar) == (model[name].help, model[name].metavar)
    short = {name: p.opts for name, p in found.items() if len(name) == 2}
    assert {name: max(opts, key=len) for name, opts in short.items()}.items() <= {
        "-q": "--quiet", "-v": "--verbose", "-o": "--output", "-i": "--inventory",
    }.items()  # fmt: skip
    assert ("--output" in found) == ("-o" in found)
    if "--format" in found:
        assert "text" in found["--format"].help and "json" in found["--format"].help


@pytest.mark.parametrize("words", WORDS)
def test_values_have_names_without_types(words):
    """In help an option is followed by what its value is: FILE, KM2; no type of Python or of the parser."""
    text = CliRunner().invoke(app, [*words, "--help"], prog_name="rogi", terminal_width=200).output
    named = re.findall(r"^  (?:-\w, )?--[\w-]+(?: / --[\w-]+)?( \S+)?(?:  |$)", text, re.MULTILINE)
    assert len(named) > 3
    head = "\n".join(
        re.findall(r"^(?:Usage: .*|  (?:-\w, )?--\S+(?: / --\S+)?(?: \S+)*|  [A-Z]\S*)", text, re.MULTILINE)
    )
    assert not re.search(r"<|list\[|\bTEXT\b|\bPATH\b|\bINTEGER\b|\bFLOAT\b|\brange\b|\[\w+\.\w+\]", head), (
        head
    )
    for parameter in command(words).params:
        if not getattr(parameter, "is_flag", False) and parameter.name not in ("help",):
            closed = "|" in parameter.metavar and parameter.metavar.replace("|", "").isascii()
            assert closed or re.search("[A-Z]", parameter.metavar), parameter.name


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("vaildate", "rogi has no command 'vaildate'; did you mean validate?"),
        ("val", "did you mean validate"),
        ("attr", "did you mean attributes"),
        ("Stats", "did you mean stats?"),
        ("schema lst", "rogi schema has no command 'lst'; did you mean list?"),
        ("release biuld", "rogi release has no command 'biuld'; did you mean build?"),
        ("predict", "did you mean detect predict?"),
        ("xyzzy", "rogi has no command 'xyzzy'. `rogi --help` lists"),
        ("validate --ouptut r.html", "rogi validate has no option --ouptut; did you mean --output?"),
        ("validate --prof strict", "did you mean --profile"),
        ("stats --outptu x", "did you mean --output?"),
        ("detect predict --treshold 1", "detect predict has no option --treshold; did you mean --threshold"),
        ("rules -x", "rogi rules has no option -x."),
        ("rule GEO3", "did you mean GEO003"),
        ("rule GOE003", "did you mean GEO003"),
        ("rule geometry-invlaid", "did you mean geometry-invalid"),
        ("rules --format jsno", "did you mean json?"),
        ("schema show tprgoi", "did you mean tprogi?"),
        ("schema show tpro/1.0", "did you mean tprogi/1.0?"),
    ],
)  # fmt: skip
def test_did_you_mean(typed, said, run):
    code, _, told = run(*typed.split())
    assert (code, said in told, told.count("\n")) == (2, True, 1), told


def test_every_address_is_refused_in_the_same_words(files, tmp_path, monkeypatch):
    """Of every parameter of every command that is a file: without --remote no address is opened."""
    monkeypatch.chdir(tmp_path)
    tried = 0
    for words, callback in COMMANDS.items():
        found = command(words)
        remote = any(p.name == "remote" for p in found.params)
        for parameter in found.params:
            if not re.search("FILE|FOLDER|INVENTORY|RASTER|IMAGERY", parameter.metavar or ""):
                continue
            address = ("https://example.org/a.gpkg", "s3://bucket/a.tif")[tried % 2]
            value = f"elevation={address}" if "=" in parameter.metavar else address
            value = f"outline={address}" if parameter.name == "layer" else value
            end = (
                "results are written to files of this machine"
                if parameter.name in outputs(callback)
                else "add --remote to read it, or download the file"
                if remote and re.search("INVENTORY|RASTER|IMAGERY", parameter.metavar)
                else "download the file and give its path"
            )
            arguments = line(callback, {parameter.name: value}, files)
            with pytest.raises(OptionError, match=f"^{re.escape(address)} is an address; {end}\\.$"):
                found.main(args=arguments, prog_name="rogi", standalone_mode=False)
            tried += 1
    assert tried > 150
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]


def test_an_empty_name_is_no_folder(files, tmp_path, monkeypatch):
    """Of every parameter that is a file, as of a shell variable that is not set: not the folder here."""
    monkeypatch.chdir(tmp_path)
    tried = 0
    for words, callback in COMMANDS.items():
        found = command(words)
        for parameter in found.params:
            if not re.search("FILE|FOLDER|INVENTORY|RASTER|IMAGERY", parameter.metavar or ""):
                continue
            arguments = line(callback, {parameter.name: ""}, files)
            with pytest.raises(OptionError, match=r" is empty; give a name \(a variable"):
                found.main(args=arguments, prog_name="rogi", standalone_mode=False)
            tried += 1
    assert tried > 150
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files"]


def test_remote_is_an_option_where_inventories_or_rasters_are_read():
    for words, callback in COMMANDS.items():
        parameters = command(words).params
        read = [p for p in parameters if p.name not in outputs(callback)]
        takes = any(re.search("INVENTORY|RASTER", p.metavar or "") for p in read)
        assert any(p.name == "remote" for p in parameters) == takes, words


def test_with_remote_other_files_are_no_addresses(run, files):
    address = "https://example.org/waivers.toml"
    code, _, told = run("validate", files / "in.gpkg", "--waivers", address, "--remote")
    assert (code, "download the file and give its path" in told) == (2, True)


def test_convert_takes_its_output_from_either_place(run, files):
    code, _, told = run("convert", files / "in.gpkg")
    assert (code, "say where with -o FILE" in told) == (2, True)
    for arguments in ((files / "in.gpkg", files / "in.gpkg"), (files / "in.gpkg", "-o", files / "in.gpkg")):
        code, _, told = run("convert", *arguments)
        assert (code, "is an input" in told) == (2, True)


def test_quiet_and_verbose_contradict_each_other(run):
    assert run("rules", "-q", "-v") == (
        2,
        "",
        "error: --quiet and --verbose contradict each other; give one of them.\n",
    )


def test_verbose_and_log(run, tmp_path):
    """The log has each message with its time; a second run is appended; secrets are not in it."""
    code, _, told = run("rules", "-v", "--log", "run.log", "--select", "GEO001")
    assert code == 0 and "command: rogi rules" in told and "rogi rules -v --log run.log" in told
    code, *_ = run("rules", "--log", "run.log", "--select", "GEO999")
    assert code == 2
    code, *_ = run("rules", "--log", "run.log", "--select", "postgresql://u:topsecret@h/d")
    log = Path("run.log").read_text()
    assert log.startswith("# log of rogi")
    assert log.count("command: rogi rules") == 3 and "There is no rule 'GEO999'" in log
    assert "topsecret" not in log
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z \w+ ", row) for row in log.splitlines()[1:])


def test_a_log_replaces_no_other_file(run, tmp_path):
    Path(tmp_path, "data.gpkg").write_bytes(b"SQLite format 3\0")
    code, _, told = run("rules", "--log", "data.gpkg")
    assert (code, "exists and is no log of rogi" in told) == (2, True)
    assert Path("data.gpkg").read_bytes() == b"SQLite format 3\0"
    code, _, told = run("rules", "--log", "nowhere/run.log")
    assert (code, "--log nowhere/run.log cannot be written" in told) == (2, True)


def test_quiet_leaves_out_notes_and_keeps_errors(run, tmp_path):
    assert "Wrote blank.gpkg" in run("schema", "template", "-o", "blank.gpkg")[2]
    assert run("schema", "template", "-o", "blank.gpkg", "-q") == (0, "", "")
    code, _, told = run("rule", "GEO999", "-q")
    assert (code, told.startswith("error:")) == (2, True)


def completed(words, monkeypatch, capsys):
    """What bash is given to complete the last of some words."""
    monkeypatch.setenv("_ROGI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setattr(sys, "argv", ["rogi"])
    with pytest.raises(SystemExit):
        main()
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("words", "some", "most"),
    [
        (["rogi", "va"], {"validate"}, 1),
        (["rogi", "release", ""], {"build", "check", "diff", "init"}, 6),
        (["rogi", "schema", "e"], {"export", "editors"}, 2),
        (["rogi", "validate", "--sel"], {"--select"}, 1),
        (["rogi", "validate", "--select", "GEO00"], {"GEO001", "GEO009"}, 9),
        (["rogi", "validate", "--ignore", "geo00"], {"geo001"}, 9),
        (["rogi", "rule", "geometry-"], {"geometry-invalid"}, 20),
        (["rogi", "validate", "--severity", "GEO001=w"], {"GEO001=warning"}, 1),
        (["rogi", "validate", "--profile", ""], {"lenient", "normal", "strict"}, 3),
        (["rogi", "validate", "--fail-on", "e"], {"error"}, 1),
        (["rogi", "validate", "--format", ""], {"text", "sarif", "gpkg"}, 9),
        (["rogi", "validate", "--parameter", "GEO014"], {"GEO014.minimum_area="}, 9),
        (["rogi", "convert", "--to-schema", "r"], {"rgik/1.0"}, 3),
        (["rogi", "convert", "--to-format", "f"], {"flatgeobuf"}, 1),
        (["rogi", "convert", "--dialect", "tp"], {"tprogi"}, 3),
        (["rogi", "validate", "--layer", "out"], {"outline="}, 1),
        (["rogi", "attributes", "--fields", "ELE_M"], {"ELE_MEAN", "ELE_MAX"}, 4),
        (["rogi", "release", "diff", "--fail-on", ""], {"any", "units", "never"}, 3),
        (["rogi", "schema", "export", "tp"], {"tprogi/1.0"}, 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_completion(words, some, most, monkeypatch, capsys):
    found = completed(words, monkeypatch, capsys)
    assert some <= set(found) and len(found) <= most, found
    assert all(name.startswith(words[-1]) for name in found)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_bash_completes_after_installing(tmp_path):
    """The command installs what bash then runs."""
    rogi = Path(sys.executable).parent / "rogi"
    script = f"""
        export PATH={rogi.parent}:$PATH
        rogi --install-completion > /dev/null || exit 1
        source ~/.bash_completions/rogi.sh
        COMP_WORDS=(rogi validate --profile st); COMP_CWORD=3
        _rogi_completion rogi
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert done.stdout.split() == ["strict"], done.stderr


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("synthetic inventory --count 0 -o y", "--count N should be greater than or equal to 1, found 0."),
        ("synthetic inventory --count=many -o y", "--count N should be a valid integer, found many."),
        (
            "synthetic imagery --size 768 -o x",
            "--size ROWS COLUMNS takes 2 values, found 768, for example --size 1536 1536.",
        ),
        (
            "synthetic imagery --size 768",
            "--size ROWS COLUMNS takes 2 values, found 768, for example --size 1536 1536.",
        ),
        ("synthetic terrain --box 1 2", "--box W S E N takes 4 values, found 1 2."),
        ("synthetic terrain --box --like a", "--box W S E N takes 4 values."),
        ("synthetic terrain --box -1 -2 -o y", "--box W S E N takes 4 values, found -1 -2."),
        ("synthetic terrain --box 1 2 east 3 -o y", "--box W S E N takes 4 values, found 1 2 east 3."),
        ("synthetic inventory", "rogi synthetic inventory needs -o, --output FILE."),
        ("rule", "rogi rule needs RULE."),
        ("rules --quiet=3", "--quiet does not take a value."),
        (
            "id make --at middle",
            "--at auto|centroid|inside: 'middle' is not one of 'auto', 'centroid', 'inside'.",
        ),
        ("doctor now", "rogi doctor takes no now."),
        ("--versoin", "rogi has no option --versoin; did you mean --version?"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_the_value(typed, said, run):
    words = typed.split()
    count = next((n for n in range(len(words), 0, -1) if tuple(words[:n]) in COMMANDS), 0)
    command = " ".join(["rogi", *words[:count]])
    assert run(*words) == (2, "", f"error: {said} `{command} --help` lists its options.\n")


@pytest.fixture(scope="module")
def unplaced(tmp_path_factory):
    """Outlines without a coordinate reference system."""
    folder = tmp_path_factory.mktemp("unplaced")
    write_inventory(examples.with_crs(examples.tprogi(3), Role.OUTLINE, None), folder / "both.gpkg")
    outlines = read_inventory(folder / "both.gpkg").outlines
    from_frames({Role.OUTLINE: outlines}).write(folder / "in.gpkg")
    return folder / "in.gpkg"


@pytest.mark.parametrize(
    "words",
    [
        "attributes {} --fields AREA -o out.gpkg",
        "attributes {} --fields ID -o out.gpkg",
        "convert {} -o out.gpkg --to-crs EPSG:3857",
        "convert {} -o out.kml",
        "compare {} {}",
        "id make {}",
        "release build 1.0 -i {} -o out",
        "review sample {} -o out",
        "stats {}",
        "update plan --inventory {} --candidates {} -o out",
    ],
)
def test_what_has_no_crs_is_named(run, unplaced, words):
    code, _, errors = run(*words.format(unplaced, unplaced).split())
    assert code == 2
    assert errors.splitlines()[-1] == (
        f"error: The outlines of {unplaced} have no coordinate reference system; "
        "set it in the file or name it with --crs, for example --crs EPSG:4326."
    )
    assert "--crs" in {o for p in command(_words_of(words)).params for o in p.opts}


def _words_of(line):
    """The words of a command at the beginning of a line."""
    return next(w.values[0] for w in WORDS if line.split()[: len(w.values[0])] == list(w.values[0]))
