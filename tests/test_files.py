"""Atomic writing: whole or nothing, also when the writer fails."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rogi import files, paths
from rogi.errors import OutputError
from rogi.files import (
    locked,
    make_folder,
    remove_leftovers,
    replacing,
    replacing_folder,
    same_text,
    workplace,
    write_text,
)
from rogi.paths import is_plain, plain_path


def test_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "one")
    write_text(path, "two\n")
    assert path.read_bytes() == b"two\n"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="broken"), replacing(path) as temporary:
        temporary.write_text("half")
        (temporary.parent / "a.txt-journal").write_text("side file")
        raise ValueError("broken")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_clear_message(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OutputError, match=r"a\.txt could not be written: No space left"), replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_and_the_file_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    """A rename would put a file in the place of the pipe; so it would of /dev/null, for root."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OutputError, match="is not a regular file"):
            write_text(path, "x")
    assert pipe.is_fifo()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_folders(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(OutputError, match=r"cannot be made: .*; name another\."):
            make_folder(path)


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / "none" / "a.txt"])
def test_targets_that_cannot_be(tmp_path, make):
    with pytest.raises(OutputError):
        write_text(make(tmp_path), "x")


NAMES = [
    *(
        "new!inv.txt",
        "a;b.txt",
        "a|b.txt",
        "what?.txt",
        "a#b.txt",
        "100%.txt",
        "100%20.txt",
        'it\'s "so".txt',
    ),
    *("two\nlines.txt", "tab\tbed.txt", "-o.txt", "--help.txt", "~home.txt", "x" * 196 + ".txt", "a:b.txt"),
    *("Gletscher ü.txt", "岩石冰川.txt", "zip:a.txt", "a\\b.txt", "<b>.txt", "$HOME `id`.txt", "a&b=c.txt"),
    *("{x}[1].txt", "PG:a.txt", " space .txt", "a.b.c.txt", "!.txt", "岩" * 80 + ".txt"),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_data(tmp_path, name):
    """The writer gets a plain path with the same suffix; the file gets its name, nothing is left beside."""
    for folder in (tmp_path, tmp_path / "my!proj; 100%"):
        folder.mkdir(exist_ok=True)
        with replacing(folder / name) as temporary:
            assert is_plain(temporary), temporary
            assert temporary.suffix == ".txt"
            temporary.write_text(name)
        assert (folder / name).read_text() == name
        assert [p.name for p in folder.iterdir() if not p.is_dir()] == [name]
        assert not list(folder.glob(".rogi*"))


def test_a_name_that_is_no_text_is_refused_before_anything_happens(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    with pytest.raises(OutputError, match="is no text in UTF-8") as refused:
        write_text(path, "x")
    str(refused.value).encode()
    assert list(tmp_path.iterdir()) == []


def test_text_that_has_no_utf8_is_escaped(tmp_path):
    write_text(tmp_path / "a.txt", "a\udcffb")
    assert (tmp_path / "a.txt").read_bytes() == b"a\\udcffb"


def test_an_error_names_the_target_and_not_the_temporary_path(tmp_path):
    with pytest.raises(OutputError) as refused, replacing(tmp_path / "a.txt") as temporary:
        raise OutputError(f"{temporary} cannot hold this.")
    assert str(refused.value) == f"{tmp_path / 'a.txt'} cannot hold this."


KILLED = """
import os, sys
from pathlib import Path
from rogi import files
folder = Path(sys.argv[1])
if sys.argv[2] == "file":
    with files.replacing(folder / "a.txt") as temporary:
        temporary.write_text("half")
        os._exit(9)
real, moves = Path.replace, []
def killed(self, target):
    moves.append(self)
    if len(moves) == int(sys.argv[3]):
        os._exit(9)
    return real(self, target)
Path.replace = killed
with files.replacing_folder(folder / "out", force=True) as fresh:
    (fresh / "new").touch()
"""


def killed(folder, *arguments):
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), *arguments], check=False)
    assert done.returncode == 9


def test_what_a_killed_run_left_goes_with_the_next(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    killed(tmp_path, "file")
    assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / "a.txt").read_text() == "old"
    write_text(tmp_path / "b.txt", "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(("move", "found"), [("1", "old"), ("2", "new")])
def test_a_folder_set_aside_by_a_killed_run_is_never_lost(tmp_path, move, found):
    """Killed before the old folder is set aside it stays; after that the new one, which is whole, comes."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    killed(tmp_path, "folder", move)
    assert (tmp_path / "out").exists() is (move == "1")
    remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == [found]


def test_a_folder_that_cannot_be_put_back_is_not_removed(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    killed(tmp_path, "folder", "2")
    with monkeypatch.context() as context:
        context.setattr(Path, "replace", lambda *_: os.rename(tmp_path / "none", tmp_path))
        with pytest.raises(OutputError, match=r"cannot be moved to .*No such file"):
            remove_leftovers(tmp_path)
    remove_leftovers(tmp_path)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["new"]


SWEEP = "import sys, pathlib, rogi.files; rogi.files.remove_leftovers(pathlib.Path(sys.argv[1]))"


def test_leftovers_of_the_living_and_of_others_stay(tmp_path):
    (tmp_path / ".rogi-others").mkdir()
    (tmp_path / ".rogi-others" / "thesis.txt").touch()
    with workplace(tmp_path) as work:
        subprocess.run(
            [sys.executable, "-c", SWEEP, str(tmp_path)], check=True,
        )  # fmt: skip
        assert work.is_dir()
    assert [p.name for p in tmp_path.iterdir()] == [".rogi-others"]


def test_a_folder_takes_the_place_of_another(tmp_path):
    for name in ("one", "two"):
        with replacing_folder(tmp_path / "my!out", force=True) as fresh:
            assert is_plain(fresh)
            (fresh / name).touch()
    assert [p.name for p in (tmp_path / "my!out").iterdir()] == ["two"]
    assert [p.name for p in tmp_path.iterdir()] == ["my!out"]
    with pytest.raises(OutputError, match="--force"), replacing_folder(tmp_path / "my!out"):
        pass
    with (
        pytest.raises(OutputError, match=r"contains no mark"),
        replacing_folder(tmp_path / "my!out", True, "mark"),
    ):
        pass


def failing(monkeypatch, target, *, error):
    """Moving anything to the target fails, unless it comes from where it was set aside."""
    real = Path.replace

    def replace(self, to):
        if Path(to) == target and self.parent.name == "ready":
            raise error
        return real(self, to)

    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_replaced_is_put_back(tmp_path, monkeypatch, error):
    """The old one was set aside already: it comes back with all that is in it, and nothing lies beside it."""
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "old.txt").write_text("old")
    said = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with monkeypatch.context() as context:
        failing(context, out, error=error)
        with pytest.raises(said) as refused, replacing_folder(out, force=True) as fresh:
            (fresh / "new.txt").write_text("new")
    if said is OutputError:
        assert str(refused.value) == f"{out} could not be written: Permission denied."
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*"))] == [
        "out",
        "out/deep",
        "out/deep/old.txt",
    ]
    assert (out / "deep" / "old.txt").read_text() == "old"
    with replacing_folder(out, force=True) as fresh:
        (fresh / "new.txt").write_text("new")
    assert [p.name for p in out.iterdir()] == ["new.txt"]


def test_a_new_folder_that_cannot_be_moved_leaves_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as context:
        failing(context, tmp_path / "out", error=OSError(errno.EIO, "Input/output error"))
        with (
            pytest.raises(OutputError, match="Input/output error"),
            replacing_folder(tmp_path / "out") as fresh,
        ):
            (fresh / "new").touch()
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_a_folder_is_filled_leaves_the_old_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    for error, said in (
        (ValueError("mine"), ValueError),
        (OSError(errno.ENOSPC, "No space left"), OutputError),
    ):
        with pytest.raises(said), replacing_folder(tmp_path / "out", force=True) as fresh:
            (fresh / "new").touch()
            raise error
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*"))] == ["out", "out/old"]


def test_an_empty_folder_is_filled_without_force_and_a_full_one_is_not(tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("one", "two"):
        path = tmp_path / "new" / "deep" / name
        with replacing_folder(path) as fresh:
            (fresh / name).touch()
        assert [p.name for p in path.iterdir()] == [name]
    with replacing_folder(tmp_path / "out", mark="mark") as fresh:
        (fresh / "mark").touch()
    with pytest.raises(OutputError, match="out exists; give another name, or --force to replace it"):
        replacing_folder(tmp_path / "out").__enter__()
    with replacing_folder(tmp_path / "out", force=True, mark="mark") as fresh:
        (fresh / "second").touch()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["second"]


@pytest.mark.parametrize("kind", ["folder", "file", "nothing"])
def test_a_link_is_not_replaced_by_a_folder(tmp_path, kind):
    """Not even with force: the folder it leads to may be anybody's."""
    real, link = tmp_path / "real", tmp_path / "link"
    if kind == "folder":
        real.mkdir()
        (real / "old").touch()
    elif kind == "file":
        real.write_text("old")
    link.symlink_to(real)
    for path in (link, *([real] if kind == "file" else [])):
        with pytest.raises(OutputError, match="is not a folder; name another"):
            replacing_folder(path, force=True).__enter__()
    assert link.is_symlink()
    assert (real / "old").exists() is (kind == "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        {"link", *(["real"] if kind != "nothing" else [])}
    )


def test_a_link_to_nothing_and_a_circle_of_links(tmp_path):
    """A link to a file that is still to come is filled; one that leads nowhere is refused."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(Path("real") / "new.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "new.txt").read_text() == "new"
    (tmp_path / "lost.txt").symlink_to(tmp_path / "none" / "new.txt")
    with pytest.raises(OutputError, match="none does not exist"):
        write_text(tmp_path / "lost.txt", "new")
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    with pytest.raises(OutputError, match=r"a\.txt is a link that leads back to itself; name another"):
        write_text(tmp_path / "a.txt", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt", "link.txt", "lost.txt", "real"]
    assert all((tmp_path / name).is_symlink() for name in ("a.txt", "b.txt", "lost.txt"))


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_database_that_is_open_elsewhere_is_not_replaced(tmp_path, ending):
    """A log with content beside it is what another program saved last; an empty one is nothing."""
    path, log = tmp_path / "a.gpkg", tmp_path / f"a.gpkg{ending}"
    path.write_text("old")
    log.write_text("saved")
    with pytest.raises(
        OutputError, match=rf"a\.gpkg is open in another program, .*a\.gpkg{ending} lies beside"
    ):
        write_text(path, "new")
    assert (path.read_text(), log.read_text()) == ("old", "saved")
    log.write_text("")
    write_text(path, "new")
    assert path.read_text() == "new"


def test_a_file_is_known_by_its_text(tmp_path):
    path = tmp_path / "a.txt"
    assert not same_text(path, "")
    write_text(path, "Gletscher ü\n\udcff")
    assert same_text(path, "Gletscher ü\n\udcff")
    assert not same_text(path, "Gletscher ü\n")
    assert not same_text(tmp_path, "")


def test_without_locks_of_the_system_nothing_is_taken_for_left(tmp_path, monkeypatch):
    """As on Windows: whose folder it is cannot be known, so it stays."""
    (tmp_path / ".rogi-left").mkdir()
    (tmp_path / ".rogi-left" / "lock").touch()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    remove_leftovers(tmp_path)
    assert (tmp_path / ".rogi-left").is_dir()
    with locked(tmp_path / "job.lock", "busy"), locked(tmp_path / "job.lock", "busy"):
        assert not (tmp_path / "job.lock").exists()
    monkeypatch.undo()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_by_one(tmp_path):
    """The second is told; the file goes with the first, and then the next has it."""
    path = tmp_path / "job.lock"
    for _ in range(2):
        with locked(path, "The job runs already."):
            assert path.exists()
            with (
                pytest.raises(OutputError, match=r"^The job runs already\.$"),
                locked(path, "The job runs already."),
            ):
                pytest.fail("two have the lock")
            assert path.exists()
        assert not path.exists()
    with pytest.raises(ValueError), locked(path, ""):
        raise ValueError
    assert not path.exists()
    path.touch()  # left by a killed process
    with locked(path, ""):
        pass
    assert not path.exists()


def test_a_lock_that_was_removed_in_between_is_taken_again(tmp_path, monkeypatch):
    """What was locked is the file of the one before, which is gone: a lock on it would bind nobody."""
    path, calls = tmp_path / "job.lock", []
    real = files._lock

    def lock(handle):
        calls.append(handle)
        if len(calls) == 1:
            path.unlink()
            path.touch()
        return real(handle)

    monkeypatch.setattr(files, "_lock", lock)
    with locked(path, "busy"):
        assert len(calls) == 2
        with pytest.raises(OutputError, match="busy"), locked(path, "busy"):
            pass
    assert not path.exists()


def test_without_a_place_for_a_lock_nothing_is_locked(tmp_path):
    with locked(tmp_path / "none" / "job.lock", "busy"), locked(tmp_path / "none" / "job.lock", "busy"):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["plain", "my!proj", "tab\tbed"])
@pytest.mark.parametrize("name", ["plain", "a!b", "a;b?c", os.fsdecode(b"caf\xe9")])
def test_a_file_is_read_by_a_plain_path_with_its_parts(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    path = tmp_path / folder / f"{name}.shp"
    parts = [path, path.with_suffix(".dbf")]
    for part in parts:
        part.write_text(part.suffix)
    with plain_path(path) as plain:
        assert is_plain(plain)
        assert plain.read_text() == ".shp"
        assert plain.with_suffix(".dbf").read_text() == ".dbf"
        assert plain == path or not is_plain(path)
    assert sorted((tmp_path / folder).iterdir()) == sorted(parts)


def test_without_a_plain_temporary_folder_it_is_said(tmp_path, monkeypatch):
    (tmp_path / "a!b").mkdir()
    monkeypatch.setattr(paths, "_ROOTS", ())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a!b"))
    with pytest.raises(OutputError, match="set TMPDIR"), plain_path(tmp_path / "a!b" / "c"):
        pass


def test_a_write_that_fills_the_disk_is_refused_even_where_the_driver_says_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    with pytest.raises(OutputError, match=r"a\.txt could not be written: No space left on device\."):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_picture_that_was_cut_is_refused(tmp_path, write_raster):
    import numpy as np
    from affine import Affine

    from rogi.raster.writing import read_back

    whole = write_raster("whole.tif", np.ones((300, 300), "float32"), Affine.scale(2)).read_bytes()
    with replacing(tmp_path / "whole.tif", verify=read_back) as temporary:
        temporary.write_bytes(whole)
    for cut in (b"", whole[: len(whole) // 2]):
        with (
            pytest.raises(OutputError, match="could not be written"),
            replacing(tmp_path / "a.tif", verify=read_back) as temporary,
        ):
            temporary.write_bytes(cut)
    assert [p.name for p in tmp_path.iterdir()] == ["whole.tif"]


def test_what_a_driver_says_is_one_sentence_with_the_name_of_the_user(tmp_path):
    import sqlite3

    with pytest.raises(OutputError) as refused, replacing(tmp_path / "a!.gpkg") as temporary:
        raise sqlite3.OperationalError(f"disk I/O\nerror in {temporary}")
    name = tmp_path / "a!.gpkg"
    assert str(refused.value) == f"{name} could not be written: disk I/O error in {name}."
    with pytest.raises(KeyError), replacing(tmp_path / "a.gpkg"):
        raise KeyError("a fault of our own stays one")
