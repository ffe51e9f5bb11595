"""A PostgreSQL server with PostGIS, and QGIS, for the tests that need them; skipped loudly without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from postgres import INSTALL, Database, Server, binaries, running

NO_SERVER = f"no PostgreSQL with PostGIS here: {INSTALL}"
NO_QGIS = (
    "no QGIS for Debian's Python here: apt-get install -y --no-install-recommends python3-qgis qgis-providers"
)
_missing: set[str] = set()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests of a process."""
    pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi[store]'")
    if binaries() is None or shutil.which("setpriv") is None:
        _missing.add(NO_SERVER)
        pytest.skip(NO_SERVER)
    with running() as started:
        yield started


@pytest.fixture
def database(server: Server) -> Database:
    """A database of a test's own."""
    return server.database()
