"""A PostgreSQL server with PostGIS for the tests: own data folder, free loopback port, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

PASSWORD = "kept-s3cret"
INSTALL = "apt-get install -y --no-install-recommends postgresql '^postgresql-[0-9]+-postgis-3$'"
_NUMBER = count(1)


def binaries() -> Path | None:
    """Folder of the newest server that has PostGIS, as Debian lays them out."""
    found = []
    for control in Path("/usr/share/postgresql").glob("*/extension/postgis.control"):
        folder = Path("/usr/lib/postgresql") / control.parents[1].name / "bin"
        if (folder / "postgres").is_file():
            found.append((int(folder.parent.name), folder))
    return max(found)[1] if found else None


@dataclass(frozen=True)
class Database:
    """A database with PostGIS, empty but for it."""

    host: str
    port: int
    name: str

    def url(self, user: str = "maintainer", schema: str = "", password: str = PASSWORD) -> str:
        """Address of a store in it."""
        query = f"?schema={schema}" if schema else ""
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{self.name}{query}"

    def connect(self, user: str = "maintainer") -> Any:
        """A connection that commits every statement."""
        import psycopg

        return psycopg.connect(self.url(user), autocommit=True)


@dataclass
class Server:
    """A running server; its superuser is called maintainer."""

    port: int
    log: deque[str] = field(default_factory=lambda: deque(maxlen=5000))
    host: str = "127.0.0.1"

    def database(self, postgis: bool = True, owner: str | None = None) -> Database:
        """A new database."""
        import psycopg
        from psycopg import sql

        name = f"case_{next(_NUMBER)}"
        template = "with_postgis" if postgis else "template0"
        with psycopg.connect(Database(self.host, self.port, "postgres").url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
            if owner is not None:
                connection.execute(
                    sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                        sql.Identifier(name), sql.Identifier(owner)
                    )
                )
        return Database(self.host, self.port, name)

    def drop(self, database: Database) -> None:
        """Drop a database, whoever is still connected."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(Database(self.host, self.port, "postgres").url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def role(self, name: str) -> None:
        """A role that may log in, made once."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(Database(self.host, self.port, "postgres").url(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(name), sql.Literal(PASSWORD)
                    )
                )


def _as_other(user: str | None) -> list[str]:
    """What runs a command as a user, and ends it with this process."""
    command = ["setpriv", "--pdeathsig", "INT"]
    if user is not None:
        entry = pwd.getpwnam(user)
        command += [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
    return command


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and stop it whatever happens."""
    folder = binaries()
    assert folder is not None
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    home = Path(tempfile.mkdtemp(prefix="rogi-pg-", dir="/tmp"))
    process: subprocess.Popen[str] | None = None
    try:
        (home / "password").write_text(PASSWORD)
        if user is not None:
            entry = pwd.getpwnam(user)
            for path in (home, home / "password"):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        data = home / "data"
        subprocess.run(
            [*_as_other(user), str(folder / "initdb"), "-D", str(data), "-U", "maintainer", "-E", "UTF8",
             "--locale=C.UTF-8", "-A", "scram-sha-256", "--pwfile", str(home / "password"), "--no-sync"],
            check=True, capture_output=True, cwd=home,
        )  # fmt: skip
        for _ in range(5):  # another process may take the port first
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            process = subprocess.Popen(
                [*_as_other(user), str(folder / "postgres"), "-D", str(data), "-p", str(port),
                 "-k", str(home), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
                 "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "wal_level=minimal",
                 "-c", "max_wal_senders=0",
                 "-c", "lc_messages=C"],
                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, cwd=home,
            )  # fmt: skip
            server = Server(port)
            assert process.stderr is not None
            for line in process.stderr:
                server.log.append(line)
                if "ready to accept connections" in line:
                    break
            else:
                process.wait()
                continue
            stream = process.stderr
            threading.Thread(target=lambda s=stream, log=server.log: log.extend(s), daemon=True).start()
            break
        else:
            raise RuntimeError("the server did not start: " + "".join(server.log))
        _make_template(server)
        yield server
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(3)  # at once, without a checkpoint
            process.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def _make_template(server: Server) -> None:
    import psycopg

    first = Database(server.host, server.port, "postgres")
    with psycopg.connect(first.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE with_postgis")
    with psycopg.connect(Database(server.host, server.port, "with_postgis").url()) as connection:
        connection.execute("CREATE EXTENSION postgis")
