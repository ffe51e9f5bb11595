"""What a run may replace: nothing it read, and of what is there only its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from rogi import targets
from rogi.errors import OptionError, OutputError, RogiError
from rogi.files import replacing, write_text


@pytest.fixture(autouse=True)
def _own_memory(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ROGI_CACHE", str(tmp_path_factory.mktemp("memory")))


def write(path, text="new", command="rogi stats", force=False, inputs=()):
    with targets.running(command, inputs, force=force):
        write_text(path, text)


def test_a_file_of_others_is_replaced_with_force_only(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    with pytest.raises(
        OutputError, match=r"exists; give another name, or --force .*`rogi stats` did not write it"
    ):
        write(path)
    assert path.read_text() == "mine"
    write(path, force=True)
    assert path.read_text() == "new"


def test_files_of_others_are_spared_unless_force_is_said(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    with targets.running("rogi stats") as run, pytest.raises(OutputError, match="--force to replace it"):
        write_text(path, "new")
    assert not run.force
    assert not targets.Run("rogi stats").force
    assert path.read_text() == "mine"
    with (
        targets.running("rogi stats"),
        pytest.raises(OutputError, match=r"^--output .*a\.txt exists; give another"),
    ):
        targets.check(path, "--output")


def test_an_input_under_another_name_is_named_by_both(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("data")
    os.link(path, tmp_path / "other.txt")
    for target, said in (
        ("in.txt", "in.txt is an input; inputs"),
        ("other.txt", f"is an input ({path}); inputs"),
    ):
        with targets.running("rogi stats", [path]), pytest.raises(OptionError) as refused:
            targets.refuse_input(tmp_path / target)
        assert said in str(refused.value)


def test_outputs_in_a_folder_that_is_read_are_not_read(tmp_path):
    """The file, and what lies below a folder that is to be written; not the folder that is read itself."""
    (tmp_path / "out").mkdir()
    for name in ("data.txt", "result.txt", "out/part.txt"):
        (tmp_path / name).touch()
    assert not targets.is_output(tmp_path / "result.txt")
    with targets.running("rogi stats", [tmp_path]) as run:
        assert not targets.is_output(tmp_path / "result.txt")
        run.outputs |= {os.path.realpath(tmp_path / name) for name in ("result.txt", "out")}
        found = [n for n in ("data.txt", "result.txt", "out/part.txt") if targets.is_output(tmp_path / n)]
        assert found == ["result.txt", "out/part.txt"]
    with targets.running("rogi stats", [tmp_path]) as run:
        run.outputs.add(os.path.realpath(tmp_path))
        assert not targets.is_output(tmp_path / "data.txt")


def test_what_was_written_is_remembered_once(tmp_path):
    for _ in range(3):
        write(tmp_path / "a.txt", "one")
    write(tmp_path / "b.txt", "two")
    [memory] = (targets.cache_folder() / "written").iterdir()
    sums = [hashlib.sha256(text).hexdigest() for text in (b"one", b"two")]
    assert memory.read_text().splitlines() == sums


@pytest.mark.parametrize("force", [False, True])
def test_a_link_to_a_file_of_others_is_as_that_file(tmp_path, force):
    path, link = tmp_path / "real.txt", tmp_path / "link.txt"
    path.write_text("mine")
    link.symlink_to(path)
    if force:
        write(link, force=True)
    else:
        with pytest.raises(OutputError, match=r"link\.txt exists; give another name"):
            write(link)
    assert link.is_symlink()
    assert path.read_text() == ("new" if force else "mine")


def test_a_link_in_a_folder_that_is_read_is_judged_by_where_it_leads(tmp_path):
    """In or out of the folder is said of the file, not of the name."""
    (tmp_path / "in").mkdir()
    outside = tmp_path / "out.txt"
    write(outside, "one")
    (tmp_path / "in" / "link.txt").symlink_to(outside)
    write(tmp_path / "in" / "link.txt", "two", inputs=[tmp_path / "in"])
    assert outside.read_text() == "two"
    (tmp_path / "in" / "data.txt").write_text("data")
    (tmp_path / "way.txt").symlink_to(tmp_path / "in" / "data.txt")
    with pytest.raises(OptionError, match=f"way.txt is an input, in {tmp_path / 'in'}"):
        write(tmp_path / "way.txt", inputs=[tmp_path / "in"], force=True)


def test_what_the_command_wrote_it_replaces(tmp_path):
    path = tmp_path / "a.txt"
    write(path, "one")
    write(path, "two")
    assert path.read_text() == "two"
    with pytest.raises(OutputError):
        write(path, command="rogi compare")
    path.write_text("two, and what I added")
    with pytest.raises(OutputError):
        write(path)
    path.write_text("one")  # as it was before the last run: nothing of anybody's is lost
    write(path, "three")
    assert path.read_text() == "three"


def test_large_files_are_known_to_their_last_byte(tmp_path):
    """Read in pieces of a megabyte: a change behind the first is a change."""
    text = "x" * (2**20 + 3)
    write(tmp_path / "a.txt", text)
    write(tmp_path / "a.txt", text)
    (tmp_path / "a.txt").write_text(text[:-1] + "y")
    with pytest.raises(OutputError, match="--force"):
        write(tmp_path / "a.txt", text)


def test_a_run_writes_its_own_file_again(tmp_path):
    with targets.running("rogi stats"):
        write_text(tmp_path / "a.txt", "one")
        (tmp_path / "a.txt").write_text("touched")
        write_text(tmp_path / "a.txt", "two")
    assert (tmp_path / "a.txt").read_text() == "two"


def test_outside_a_run_nothing_is_asked(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    write_text(tmp_path / "a.txt", "new")
    targets.check(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert not targets.recognised(tmp_path / "a.txt", "rogi stats")


def test_what_a_run_read_is_forgotten_with_it(tmp_path):
    """A run within another is judged by itself; afterwards the outer one is again what counts."""
    for name in ("outer.txt", "inner.txt"):
        (tmp_path / name).write_text("data")
    with targets.running("rogi stats", [tmp_path / "outer.txt"]):
        with targets.running("rogi compare", [tmp_path / "inner.txt"]):
            targets.refuse_input(tmp_path / "outer.txt")
            with pytest.raises(OptionError):
                targets.refuse_input(tmp_path / "inner.txt")
        targets.refuse_input(tmp_path / "inner.txt")
        with pytest.raises(OptionError):
            targets.refuse_input(tmp_path / "outer.txt")
    with pytest.raises(ValueError), targets.running("rogi stats", [tmp_path / "outer.txt"]):
        raise ValueError
    write_text(tmp_path / "outer.txt", "new")
    assert targets.is_output(tmp_path / "outer.txt") is False


def links(tmp_path, path):
    """The ways to name one file."""
    (tmp_path / "soft").symlink_to(path)
    os.link(path, tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    (tmp_path / "way").symlink_to(tmp_path, target_is_directory=True)
    return [
        path,
        tmp_path / "soft",
        tmp_path / "hard",
        tmp_path / "folder" / ".." / path.name,
        tmp_path / "way" / path.name,
    ]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("way", range(5))
def test_an_input_is_never_replaced(tmp_path, force, way):
    path = tmp_path / "in.gpkg"
    write(path, "data")  # not even where the command wrote it itself
    target = links(tmp_path, path)[way]
    with pytest.raises(OptionError, match="is an input"):
        write(target, inputs=[path], force=force)
    with pytest.raises(OptionError, match="is an input"), targets.running("rogi stats", force=force):
        targets.note_read(path)
        write_text(target, "x")
    assert path.read_text() == "data"
    assert target.read_text() == "data"


@pytest.mark.parametrize("name", ["in.dbf", "in.shx", "in.prj", "in.CPG", "in.shp.xml", "in.shp.aux.xml"])
def test_the_files_beside_an_input_are_inputs(tmp_path, name):
    (tmp_path / "in.shp").touch()
    (tmp_path / name).write_text("data")
    with pytest.raises(OptionError, match="is an input"):
        write(tmp_path / name, inputs=[tmp_path / "in.shp"], force=True)
    write(tmp_path / "in.csv", inputs=[tmp_path / "in.shp"])
    write(tmp_path / name, inputs=[tmp_path / "in.csv"], force=True)  # of a table these are other files


def test_the_log_of_a_database_is_an_input(tmp_path):
    for name in ("in.gpkg", "in.gpkg-wal"):
        (tmp_path / name).write_text("x")
    with (
        pytest.raises(OptionError, match="is an input"),
        targets.running("rogi stats", [tmp_path / "in.gpkg"]),
    ):
        targets.refuse_input(tmp_path / "in.gpkg-wal")


def test_files_of_a_folder_that_is_read_are_inputs_unless_the_command_wrote_them(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("data")
    for force in (False, True):
        with pytest.raises(OptionError, match=f"is an input, in {tmp_path}"):
            write(tmp_path / "deep" / "a.txt", inputs=[tmp_path], force=force)
    write(tmp_path / "report.txt", "one", inputs=[tmp_path])
    write(tmp_path / "report.txt", "two", inputs=[tmp_path])
    assert (tmp_path / "report.txt").read_text() == "two"
    with targets.running("rogi stats", [tmp_path]), pytest.raises(OptionError, match="name another folder"):
        targets.refuse_input(tmp_path / "deep" / "..")
    with targets.running("rogi stats", [tmp_path]):
        targets.refuse_input(tmp_path / "deep")  # a folder for new files below it


def test_what_is_not_there_is_no_input(tmp_path):
    write(
        tmp_path / "new.txt", inputs=[tmp_path / "new.txt", tmp_path / "none", Path("x" * 5000), Path("a\0b")]
    )
    assert (tmp_path / "new.txt").read_text() == "new"


def test_a_file_rogi_keeps_for_itself_is_replaced_without_question(tmp_path):
    path = tmp_path / "state"
    path.write_text("old")
    with targets.running("rogi detect train", [path]):
        write_text(path, "new", state=True)
    assert path.read_text() == "new"
    assert not targets.recognised(path, "rogi detect train")


def test_a_failure_is_not_remembered(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(ValueError), targets.running("rogi stats"), replacing(path) as temporary:
        temporary.write_text("half")
        raise ValueError
    path.write_text("half")
    with pytest.raises(RogiError):
        write(path)


def test_without_a_cache_everything_there_is_of_others(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROGI_CACHE", str(tmp_path / "file"))
    write(tmp_path / "a.txt")
    with pytest.raises(OutputError, match="--force"):
        write(tmp_path / "a.txt")


def test_the_memory_has_a_bound(tmp_path, monkeypatch):
    """Beyond twice the number the last ones are kept; until then each is added at the end."""
    assert targets.REMEMBERED == 5000
    monkeypatch.setattr(targets, "REMEMBERED", 3)
    sums = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(10)]
    for number in range(10):
        write(tmp_path / f"{number}.txt", str(number))
        write(tmp_path / f"{number}.txt", str(number))  # known: no line more
        [memory] = (targets.cache_folder() / "written").iterdir()
        kept = memory.read_text().split()
        assert kept == sums[: number + 1] if number < 7 else kept == sums[4 : number + 1]
    assert memory.name == "rogi-stats"
    write(tmp_path / "9.txt")
    with pytest.raises(OutputError):
        write(tmp_path / "0.txt")


def test_the_folder_of_the_cache(monkeypatch):
    monkeypatch.setenv("ROGI_CACHE", "/somewhere")
    assert targets.cache_folder() == Path("/somewhere")
    monkeypatch.delenv("ROGI_CACHE")
    assert targets.cache_folder().name == "rogi"
