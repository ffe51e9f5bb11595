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

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql", "postgres")
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


def is_store(text: str) -> bool:
    """Whether a text is the address of a store rather than a path."""
    return text.split("://", 1)[0] in SCHEMES and "://" in text


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
        f"The address of the store is not written as {EXAMPLE}; special characters in names are "
        "percent-encoded (@ as %40), and a password is best left to ~/.pgpass or PGPASSWORD."
    )
    if not is_store(url):
        raise wrong
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise wrong from None
    if parts.fragment:
        raise wrong
    names = [value for key, value in query if key == "schema"]
    rest = urlencode([(key, value) for key, value in query if key != "schema"], quote_via=quote)
    try:
        parameters = psycopg.conninfo.conninfo_to_dict(
            f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if rest else ''}{rest}"
        )
    except psycopg.Error:  # its message may repeat the password
        raise wrong from None
    schema = names[-1] if names else DEFAULT_SCHEMA
    if not _NAME.fullmatch(schema) or schema in _RESERVED or schema.startswith("pg_"):
        raise OptionError(
            f"The schema of a store is named with a-z, 0-9 and _, and is none of PostgreSQL's own, found "
            f"{schema!r}; for example ?schema={DEFAULT_SCHEMA}."
        )
    return StoreAddress(schema, {k: str(v) for k, v in parameters.items() if v is not None})


@contextmanager
def connected(address: StoreAddress, doing: str) -> Iterator[psycopg.Connection[Any]]:
    """One transaction on a store: all that is done in the block, or nothing.

    Parameters
    ----------
    address
        Where it is.
    doing
        What is done, for messages: "read" or "create".

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
    try:
        with connection:
            # Nothing that others may have put into public is taken for a function of PostgreSQL.
            connection.execute("SET LOCAL search_path TO pg_catalog")
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        raise InputError(
            f"The user of {address} has no right to {doing} the store: {_first_line(error, address)}; ask "
            "who maintains the database, or see the page on stores."
        ) from None
    except psycopg.Error as error:
        raise InputError(f"The store {address} failed: {_first_line(error, address)}.") from None


def _first_line(error: Exception, address: StoreAddress) -> str:
    """What the server said, on one line, without the password."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    for key in ("password", "sslpassword"):
        secret = address.parameters.get(key)
        if secret:
            text = text.replace(secret, "***")
    return text


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise missing("A store in PostgreSQL needs psycopg", "store") from None
    return psycopg
