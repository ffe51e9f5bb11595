"""Addresses of stores, ``postgresql://user@host:port/database?schema=name``, without telling passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from rogi.distribution import missing
from rogi.errors import InputError, OptionError
from rogi.update.store.masking import SCHEMES, masked
from rogi.update.vocabulary import APPLICATION

if TYPE_CHECKING:
    import psycopg

DEFAULT_SCHEMA: Final = "rogi_update"
EXAMPLE: Final = "postgresql://user@host:5432/database?schema=rogi_update"
TIMEOUT_S: Final = 15
"""For making a connection, unless the address says ``connect_timeout``."""

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")  # unquoted identifier of PostgreSQL, 63 bytes at most
_RESERVED: Final = ("information_schema", "public", "topology", "tiger")
_SHOWN: Final = ("service", "sslmode")
"""Parameters told to others beside host, port, database and user; the rest may hold secrets or paths."""


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store is.

    Attributes
    ----------
    schema
        Schema of the database that holds the plan.
    parameters
        What libpq connects with; may hold a password, which is never shown or written.
    """

    schema: str
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def shown(self) -> str:
        """The address for messages and files: without password."""
        p = self.parameters
        user = f"{quote(p['user'], safe='')}@" if "user" in p else ""
        host = ",".join(
            f"[{h}]" if ":" in h else quote(h, safe="")
            for h in p.get("host", p.get("hostaddr", "")).split(",")
        )
        port = f":{p['port']}" if "port" in p and "," not in p["port"] else ""
        query = urlencode({k: p[k] for k in _SHOWN if k in p} | {"schema": self.schema})
        return f"postgresql://{user}{host}{port}/{quote(p.get('dbname', ''), safe='')}?{query}"

    def __str__(self) -> str:
        return self.shown


def parse_address(url: str) -> StoreAddress:
    """An address from its text.

    Parameters
    ----------
    url
        ``postgresql://[user[:password]@][host][:port]/database[?schema=name&…]``; other parameters are
        those of libpq, such as ``sslmode`` and ``service``. Passwords are better kept in ``~/.pgpass`` or
        ``PGPASSWORD``.

    Raises
    ------
    OptionError
        If it is no such address, or the schema's name is not made of a-z, 0-9 and _.
    MissingExtra
        If psycopg is not installed.
    """
    psycopg = _psycopg()
    wrong = OptionError(
        f"The address of the store is not written as {EXAMPLE}; special characters in user names and "
        "passwords are percent-encoded (@ as %40, / as %2F), and a password is best left to ~/.pgpass or "
        "PGPASSWORD."
    )
    if url.partition("://")[0] not in SCHEMES or "://" not in url:
        raise wrong
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise wrong from None
    # In an unencoded password an @ ends it, and a / the host: its rest would be taken for a name, and shown.
    account = re.split(r"[/?]", url.split("://", 1)[1], maxsplit=1)[0]
    if parts.fragment or url.count("@") > account.count("@") or account.count("@") > 1:
        raise wrong
    names = [value for key, value in query if key == "schema"]
    rest = urlencode([(key, value) for key, value in query if key != "schema"], quote_via=quote)
    try:
        parameters = psycopg.conninfo.conninfo_to_dict(
            f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if rest else ''}{rest}"
        )
    except psycopg.Error:  # its message may repeat the password
        raise wrong from None
    if not re.fullmatch(r"[0-9,]*", str(parameters.get("port") or "")):
        raise wrong
    schema = names[-1] if names else DEFAULT_SCHEMA
    if not _NAME.fullmatch(schema) or schema in _RESERVED or schema.startswith("pg_"):
        raise OptionError(
            f"The schema of a store is named with a-z, 0-9 and _, and is none of PostgreSQL's own, found "
            f"{schema!r}; for example ?schema={DEFAULT_SCHEMA}."
        )
    return StoreAddress(schema, {k: str(v) for k, v in parameters.items() if v is not None})


@contextmanager
def connected(
    address: StoreAddress, doing: str, *, one_moment: bool = False
) -> Iterator[psycopg.Connection[Any]]:
    """One transaction on a store: all that is done in the block, or nothing.

    Parameters
    ----------
    address
        Where it is.
    doing
        What is done, for messages: "read", "create".
    one_moment
        Only read, all tables as they were at one moment, whoever edits meanwhile. Otherwise each statement
        sees what others have committed by then, whatever the server's default is: what is looked at after a
        lock was waited for is as it was left.

    Raises
    ------
    InputError
        If the server or database cannot be reached, or refuses.
    """
    psycopg = _psycopg()
    parameters = {"connect_timeout": str(TIMEOUT_S), "application_name": "rogi", **address.parameters}
    try:
        connection = psycopg.connect(**parameters, client_encoding="UTF8")
    except psycopg.Error as error:
        raise InputError(
            f"The database {address} cannot be reached: {_first_line(error, address)}; check the server, the "
            "address, and the password in ~/.pgpass or PGPASSWORD."
        ) from None
    level = psycopg.IsolationLevel
    try:
        connection.isolation_level = level.REPEATABLE_READ if one_moment else level.READ_COMMITTED
        connection.read_only = one_moment
        with connection:
            for name, value in _SETTINGS.items():
                connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise InputError(
            f"The user of {address} has no right to {doing} the store: {_first_line(error, address)}; ask "
            "who maintains the database (docs/guides/team-server.md)."
        ) from None
    except (psycopg.errors.NoDataFound, psycopg.errors.IntegrityError) as error:
        raise InputError(f"The store {address} refuses: {_first_line(error, address)}.") from None
    except psycopg.Error as error:
        raise InputError(f"The store {address} failed: {_first_line(error, address)}.") from None


_SETTINGS: Final = {
    # Nothing that others may have put into public is taken for a function of PostgreSQL.
    "search_path": "pg_catalog",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "row_security": "on",
    "idle_in_transaction_session_timeout": "0",
}
"""What decides how values are read and written, so that no setting of a server, database or role does."""


def is_there(connection: psycopg.Connection[Any], address: StoreAddress) -> None:
    """Refuse a schema without a store."""
    if marked(connection, address.schema) != APPLICATION:
        raise InputError(
            f"The database of {address} has no store in the schema {address.schema}; make one with "
            "rogi update plan --store, or name its schema with ?schema=."
        )


def marked(connection: psycopg.Connection[Any], schema: str) -> str | None:
    """What a schema says of itself; None where there is no such schema."""
    row = connection.execute(
        "SELECT COALESCE(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = %s",
        (schema,),
    ).fetchone()
    return None if row is None else str(row[0])


def postgis_schema(connection: psycopg.Connection[Any], address: StoreAddress) -> str:
    """The schema PostGIS lives in."""
    row = connection.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace"
        " WHERE extname = 'postgis'"
    ).fetchone()
    if row is None:
        raise InputError(
            f"The database {address} has no PostGIS; ask who maintains it to run CREATE EXTENSION postgis "
            "there, and try again."
        )
    return str(row[0])


def _first_line(error: Any, address: StoreAddress) -> str:
    """What the server said, on one line, without the password."""
    said = error.diag.message_primary or str(error)
    text = " ".join(said.split()).rstrip(".") or type(error).__name__
    return masked(text, secrets=[address.parameters.get(key, "") for key in ("password", "sslpassword")])


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise missing("A store in PostgreSQL needs psycopg", "store") from None
    return psycopg
