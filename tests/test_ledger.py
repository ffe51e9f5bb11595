"""The ledger holds what was recorded, whole or not at all; keys tell inputs apart; jobs fail one by one."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi.errors import InputError, OptionError, OutputError
from rogi.jobs import kept_workers, run_jobs
from rogi.ledger import Ledger, digest, file_sha256

PARTS = st.lists(st.one_of(st.text(max_size=5), st.binary(max_size=5), st.integers(), st.none()), max_size=4)


@given(PARTS, PARTS)
def test_digests_tell_parts_apart(a: list[object], b: list[object]) -> None:
    assert (digest(*a) == digest(*b)) == ([(type(x), x) for x in a] == [(type(x), x) for x in b])


def test_results_survive_closing(tmp_path: Path) -> None:
    keys = [digest(k) for k in range(1200)]
    with Ledger(tmp_path / "a.ledger") as ledger:
        ledger.record({key: [k, 0.1 + k, None] for k, key in enumerate(keys)})
    with Ledger(tmp_path / "a.ledger") as ledger:
        found = ledger.known([*keys, digest("other")])
    assert found == {key: [k, 0.1 + k, None] for k, key in enumerate(keys)}


def test_a_block_is_recorded_whole_or_not_at_all(tmp_path: Path) -> None:
    class Odd:
        pass

    with Ledger(tmp_path / "a.ledger") as ledger:
        with pytest.raises(TypeError):
            ledger.record({digest(1): 1, digest(2): Odd()})
        assert ledger.known([digest(1)]) == {}


def test_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, and long enough to be told from one" * 50)
    with pytest.raises(InputError, match="no ledger"):
        Ledger(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(InputError, match="no ledger of this version"):
        Ledger(tmp_path / "other.db")
    with pytest.raises(OutputError, match="cannot be opened"):
        Ledger(tmp_path / "no" / "folder.ledger")


def test_file_digest_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"one")
    with Ledger() as ledger:
        first = ledger.file_digest(path)
        assert (
            first == file_sha256(path) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        )
        path.write_bytes(b"two")
        os.utime(path, ns=(1, 1))
        assert ledger.file_digest(path) == file_sha256(path) != first
    with pytest.raises(InputError, match="cannot be read"):
        file_sha256(tmp_path / "none")


@pytest.mark.parametrize("rename", [True, False])
def test_a_file_replaced_with_its_size_and_time_kept_is_noticed(tmp_path: Path, rename: bool) -> None:
    """As `rsync --times` and `cp --preserve` do, by a new file or into the old one."""
    path, other = tmp_path / "f", tmp_path / "g"
    path.write_bytes(b"one")
    status = path.stat()
    with Ledger() as ledger:
        first = ledger.file_digest(path)
        target = other if rename else path
        target.write_bytes(b"two")
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        target.replace(path)
        assert path.stat().st_mtime_ns == status.st_mtime_ns
        assert ledger.file_digest(path) == file_sha256(path) != first


def test_folder_digest_knows_names(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "a").write_text("1")
    first = file_sha256(tmp_path / "z")
    (tmp_path / "z" / "a").rename(tmp_path / "z" / "b")
    assert file_sha256(tmp_path / "z") != first


def double(number: int) -> int:
    if number == 3:
        raise InputError("three is damaged.")
    return 2 * number


def die_once(path: str) -> str:
    """The first process that comes here dies; the second finds its mark."""
    mark = Path(path)
    if mark.suffix == ".deadly" and not mark.exists():
        mark.write_text("")
        os._exit(9)
    return path


def die(_: int) -> int:
    os._exit(9)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_jobs(workers: int) -> None:
    found: dict[int, int] = {}
    failures = run_jobs(double, range(12), found.__setitem__, workers=workers)
    assert found == {k: 2 * k for k in range(12) if k != 3}
    assert [(f.job, f.message) for f in failures] == [(3, "three is damaged.")]


@pytest.mark.slow
def test_dead_worker_is_replaced(tmp_path: Path) -> None:
    jobs = [str(tmp_path / f"{k}{'.deadly' if k == 2 else ''}") for k in range(6)]
    found: dict[int, str] = {}
    assert run_jobs(die_once, jobs, found.__setitem__, workers=2) == []
    assert [found[k] for k in range(6)] == jobs


@pytest.mark.slow
def test_job_that_kills_every_worker_fails() -> None:
    failures = run_jobs(die, [1, 2], lambda *_: None, workers=2)
    assert [f.job for f in failures] == [0, 1]
    assert "died" in failures[0].message


WAITING = """
import sys, threading
from pathlib import Path
from rogi.jobs import run_jobs

def wait(path):
    Path(path).touch()
    threading.Event().wait(600)

if __name__ == "__main__":
    run_jobs(wait, sys.argv[2:], print, workers=2)
elif sys.argv[1] == "starting":
    wait(sys.argv[2])
"""


def process(_: int) -> int:
    return os.getpid()


@pytest.mark.slow
def test_processes_that_are_kept_serve_the_next_jobs() -> None:
    """Until one of them dies: then there are others."""
    seen: list[dict[int, int]] = [{}, {}, {}]
    with kept_workers():
        run_jobs(process, range(8), seen[0].__setitem__, workers=2)
        run_jobs(process, range(8), seen[1].__setitem__, workers=2)
        assert len(run_jobs(die, [1, 2], lambda *_: None, workers=2)) == 2
        run_jobs(process, range(8), seen[2].__setitem__, workers=2)
    first, second, third = (set(found.values()) for found in seen)
    assert len(first | second) <= 2
    assert not third & (first | second | {os.getpid()})


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="groups of processes are of Unix")
@pytest.mark.parametrize("when", ["starting", "working"])
def test_interrupted_workers_end_in_silence(tmp_path: Path, when: str) -> None:
    """A terminal sends Ctrl-C to all processes; only the first speaks of it, and none waits for its job."""
    (tmp_path / "waiting.py").write_text(WAITING)
    marks = [tmp_path / "a", tmp_path / "b"]
    process = subprocess.Popen(
        [sys.executable, "waiting.py", when, *map(str, marks)], cwd=tmp_path, stderr=subprocess.PIPE,
        text=True, start_new_session=True, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        # Whatever the parent does with Ctrl-C: under nohup, and in the background of a shell, it ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        while not all(mark.exists() for mark in marks[: 1 if when == "starting" else 2]):
            assert process.poll() is None, process.communicate()[1]
        os.killpg(process.pid, signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert errors.count("Traceback") == 1, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_options() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        run_jobs(double, [1], lambda *_: None, workers=0)


@pytest.mark.slow
def test_no_scheduler() -> None:
    with pytest.raises(InputError, match="no Dask scheduler at tcp:"):
        run_jobs(double, [1], lambda *_: None, cluster="tcp://127.0.0.1:1")
