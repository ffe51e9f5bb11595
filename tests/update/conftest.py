"""A PostgreSQL server with PostGIS, and QGIS, for the tests that need them; skipped loudly without."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packages import Inputs, make_work
from postgres import INSTALL, Database, Server, binaries, running
from stores import fill

NO_SERVER = f"no PostgreSQL with PostGIS here: {INSTALL}"
NO_QGIS = (
    "no QGIS for Debian's Python here: apt-get install -y --no-install-recommends python3-qgis qgis-providers"
)
SYSTEM_PYTHON = Path("/usr/bin/python3")
SCHEMA = "rogi_update"
Session = Callable[..., list[Any]]
Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session", autouse=True)
def today() -> Iterator[None]:
    """The decisions of all tests are of the past, whatever the clock says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rogi.update.deciding.legality._today", lambda: dt.date(2027, 1, 31))
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests of a process."""
    pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi-toolkit[store]'")
    if binaries() is None or shutil.which("setpriv") is None:
        pytest.skip(NO_SERVER)
    with running() as started:
        yield started


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A database of a test's own."""
    made = server.database()
    yield made
    server.drop(made)


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    """A work folder for anna and ben that no test changes."""
    return make_work(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="session")
def shared(server: Server, planned: tuple[Inputs, Path]) -> Database:
    """A filled store for tests that undo what they do; anna and ben are roles."""
    for name in ("anna", "ben", "stranger"):
        server.role(name)
    database = server.database()
    fill(database.url(), planned[1])
    return database


@pytest.fixture
def filled(server: Server, database: Database, planned: tuple[Inputs, Path]) -> Database:
    """A filled store of a test's own."""
    for name in ("anna", "ben"):
        server.role(name)
    fill(database.url(), planned[1])
    return database


@pytest.fixture
def anna(shared: Database) -> Iterator[Any]:
    """A session of anna whose changes are undone."""
    import psycopg

    with psycopg.connect(shared.url("anna")) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public")
        yield connection
        connection.rollback()


@pytest.fixture
def owner(shared: Database) -> Iterator[Any]:
    """A session of the store's owner whose changes are undone."""
    import psycopg

    with psycopg.connect(shared.url()) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}, public")
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def qgis(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Runs steps of qgis_session.py on a project: ``qgis(project, ["change", 1, {…}], …, user="anna")``."""
    home = tmp_path_factory.mktemp("qgis")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "QT_QPA_PLATFORM": "offscreen",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    found = (
        SYSTEM_PYTHON.is_file()
        and not subprocess.run(
            [str(SYSTEM_PYTHON), "-c", "import qgis.core"], capture_output=True, env=environment
        ).returncode
    )
    if not found:
        pytest.skip(NO_QGIS)

    def session(project: Path | None, *steps: list[Any], **login: str) -> list[Any]:
        request, answer = home / "request.json", home / "answer.json"
        request.write_text(json.dumps({"project": str(project or ""), "steps": steps}))
        answer.unlink(missing_ok=True)
        script = Path(__file__).with_name("qgis_session.py")
        run = subprocess.run(
            [str(SYSTEM_PYTHON), str(script), str(request), str(answer)],
            capture_output=True, text=True, env=environment | login, timeout=120,
        )  # fmt: skip
        assert answer.is_file(), run.stderr
        return list(json.loads(answer.read_text()))

    return session


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command of ``rogi update``: exit code, and all that was printed."""

    def command(*arguments: str | Path) -> tuple[int, str]:
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", "update", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return int(ended.value.code or 0), streams.out + streams.err

    return command
