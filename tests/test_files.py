"""Atomic writing: whole or nothing, also when the writer fails."""

from __future__ import annotations

import errno

import pytest

from rogi.errors import OutputError
from rogi.files import replacing, write_text


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


@pytest.mark.parametrize("make", [lambda p: p, lambda p: p / "none" / "a.txt"])
def test_targets_that_cannot_be(tmp_path, make):
    with pytest.raises(OutputError):
        write_text(make(tmp_path), "x")
