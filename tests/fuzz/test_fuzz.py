"""A short part of the fuzzing (`make fuzz` runs it all), and what its own tools must do."""

from __future__ import annotations

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import shapely

from tests.fuzz import exact, harness
from tests.fuzz.geometries import disagreements
from tests.fuzz.kills import LONG, kill
from tests.fuzz.mutants import BORDERS, mutants


def test_a_few_mutants_and_hostile_files(tmp_path: Path) -> None:
    """Each quick target, and some of the hostile files: refused, or no harm."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--short",
        "--mutants",
        "1",
        "--geometries",
        "0",
        "--kills",
        "0",
        "--jobs",
        "1",
        "--failures",
        str(tmp_path / "failures"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    accounts = [path.read_text() for path in tmp_path.rglob("failure.json")]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr[-3000:], *accounts])


@pytest.mark.parametrize("name", ["convert", "validate --fix"])
def test_killed_commands_leave_old_or_whole_files(name: str) -> None:
    """Two kills of each; `make fuzz` does twenty of all long commands."""
    (long,) = (command for command in LONG if command.name == name)
    assert kill(long, 1, 2) == []


def test_three_checkers_of_geometry_agree() -> None:
    """rogi's rules, GEOS and exact arithmetic say the same of 300 random geometries; all verdicts occur."""
    differences, kinds = disagreements(2, 300)
    assert differences == []
    assert {"Valid Geometry", "Self-intersection", "Ring Self-intersection", "Invalid Coordinate"} <= set(
        kinds
    )


@pytest.mark.parametrize(
    ("wkt", "valid"),
    [
        ("POLYGON((0 0,4 0,4 4,0 4,0 0))", True),
        ("POLYGON((0 0,4 0,4 0,4 4,0 4,0 0))", True),  # a vertex twice
        ("POLYGON((0 0,4 4,4 0,0 4,0 0))", False),  # a figure eight
        ("POLYGON((0 0,4 0,4 4,2 0,0 4,0 0))", False),  # touches itself
        ("POLYGON((0 0,4 0,8 0,4 0,4 4,0 0))", False),  # a spike
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))", True),
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(0 0,2 1,1 2,0 0))", True),  # a hole that touches
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(0 1,0 2,1 2,0 1))", False),  # a hole along the shell
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(5 5,6 5,6 6,5 5))", False),  # a hole outside
        ("POLYGON((0 0,8 0,8 8,0 8,0 0),(1 1,7 1,7 7,1 7,1 1),(2 2,3 2,3 3,2 2))", False),  # a hole in a hole
        ("POLYGON((0 0,4 0,4 4,0 4,0 0),(2 0,3 2,2 4,1 2,2 0))", False),  # cut in two
        ("POLYGON((0 0,8 0,8 8,0 8,0 0),(0 4,2 2,4 4,2 6,0 4),(4 4,6 2,8 4,6 6,4 4))", False),  # by two holes
        ("POLYGON((0 0,0 0,4 4,0 0))", False),
        ("MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((2 2,4 2,4 4,2 4,2 2)))", True),  # at a corner
        ("MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((2 0,4 0,4 2,2 2,2 0)))", False),  # along a side
        ("MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0)),((1 1,2 1,2 2,1 2,1 1)))", False),  # one in the other
        ("MULTIPOLYGON(((1 1,2 1,2 2,1 2,1 1)),((0 0,4 0,4 4,0 4,0 0)))", False),
        (
            "MULTIPOLYGON(((0 0,9 0,9 9,0 9,0 0),(1 1,8 1,8 8,1 8,1 1)),((2 2,3 2,3 3,2 2)))",
            True,
        ),  # in its hole
        ("MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0)),((0 0,4 0,4 4,0 4,0 0)))", False),
        ("MULTIPOLYGON(((0 0,4 0,4 4,0 4,0 0)),((3 1,6 1,6 2,3 2,3 1)))", False),
    ],
)
def test_exact_arithmetic_by_hand(wkt: str, valid: bool) -> None:
    """The independent checker on the cases of the standard's figures."""
    shape = shapely.from_wkt(wkt)
    parts = shape.geoms if hasattr(shape, "geoms") else [shape]
    drawn = [[exact.ring(list(r.coords)) for r in (part.exterior, *part.interiors)] for part in parts]
    assert exact.valid(drawn) is valid


@pytest.mark.parametrize("kind", [*BORDERS, "binary"])
def test_mutants_are_many_and_repeat_themselves(kind: str) -> None:
    """The same seed gives the same mutants; none is the file itself; cuts say so."""
    data = b'PK\x03\x04 {"a": [1, "b"]}\nline two, 3.5\n' * 20
    first, second = (mutants(data, kind, random.Random(3)) for _ in range(2))
    made = [next(first) for _ in range(60)]
    assert made == [next(second) for _ in range(60)]
    assert len({m.data for m in made}) > 40
    assert all(m.data != data for m in made)
    assert all(data.startswith(m.data) and len(m.data) < len(data) for m in made if m.cut)
    assert any(m.cut for m in made)


def _root(folder: Path) -> Path:
    for name in ("in", "out"):
        (folder / name).mkdir()
    return folder


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("raise SystemExit(0)", None),
        ("raise SystemExit(7)", "exit code 7"),
        ("raise ValueError('x')", "Traceback"),
        ("sys.stdout.write('a\\x1bb')", "U+001B"),
        ("sys.stderr.write('a\\u202eb')", "U+202E"),
        ("sys.stdout.write('x\\n::error::y')", "CI systems obey"),
        ("raise SystemExit(2)", "without a message"),
        ("open('in/x', 'w')", "changed outside the output: in/x"),
        ("open('tmp/x', 'w')", "changed outside the output: tmp/x"),
        ("open('out/.x', 'w')", "left out/.x"),
        ("bytearray(3 << 30)", "Traceback"),
        ("os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
    ],
)
def test_the_harness_sees_what_must_not_be(
    body: str, fault: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of fault, by a command that commits it."""
    import os

    from rogi import cli

    monkeypatch.setattr(cli, "main", lambda: exec(body, {"sys": sys, "os": os}))
    faults = harness.run([], _root(tmp_path)).faults
    assert bool(faults) == (fault is not None), faults
    assert fault is None or fault in " ".join(faults)


def test_the_harness_ends_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop is ended by its CPU time."""
    from rogi import cli

    def forever() -> None:
        while True:
            pass

    monkeypatch.setattr(cli, "main", forever)
    monkeypatch.setattr(harness, "MOST_SECONDS", 1.0)
    assert "of CPU" in " ".join(harness.run([], _root(tmp_path)).faults)


def test_a_sound_sample_passes(tmp_path: Path) -> None:
    """A zip that unpacks elsewhere is seen as one: what is written beside the sandbox's output is a fault."""
    root = _root(tmp_path)
    with zipfile.ZipFile(root / "in" / "i.zip", "w") as archive:
        archive.writestr("../harm.geojson", "{}")
    outcome = harness.run(["validate", "in/i.zip", "--no-config"], root)
    assert (outcome.code, outcome.faults) == (2, ())
