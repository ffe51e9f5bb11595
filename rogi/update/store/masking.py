"""Passwords kept out of everything that is shown or written: those of databases in arguments and messages.

An address may stand where none belongs, be cut at a ``/`` or ``:`` by whatever took it for a path, or hold a
password with characters that should have been percent-encoded. So a text is looked through for addresses and
for ``password=``, and for the secrets of the arguments the program was called with, whole and in pieces.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

SCHEMES: Final = ("postgresql", "postgres")
"""Of addresses of stores."""

MASK: Final = "***"

_KEY: Final = r"(?:\w*(?:password|passwd)|pwd|access_token)"
# A path object makes one slash of two.
_STORE: Final = re.compile(r"\b(?P<head>postgres(?:ql)?:/+)(?P<rest>[^\s'\"]+)", re.IGNORECASE)
_OTHER: Final = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*:/+[^/\s:@]*:)[^/\s@]+(?=@)", re.IGNORECASE)
_VALUE: Final = re.compile(
    rf"(?P<head>\b{_KEY}\s*=\s*)(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s&'\"]+)", re.IGNORECASE
)
_PIECES: Final = re.compile(r"[/:@#?&=%+\s\\'\"]+")
_LONG: Final = 6
"""Secrets from this length on are masked inside words too; shorter ones would be found in other words."""


def masked(text: str, *, secrets: Iterable[str] = (), arguments: Sequence[str] | None = None) -> str:
    """Text without the passwords in it.

    Parameters
    ----------
    text : str
        A message, an argument, a command.
    secrets : iterable of str, optional
        Further passwords.
    arguments : sequence of str, optional
        Arguments whose passwords are masked wherever they stand; those of the program by default.

    Returns
    -------
    str

    Examples
    --------
    >>> masked("no file postgresql://anna:s/3@cr@db.org/rogi", arguments=[])
    'no file postgresql://anna:***@db.org/rogi'
    >>> masked("host=db.org password='a b' user=anna", arguments=[])
    'host=db.org password=*** user=anna'
    >>> masked("no layer 3@cr@db.org", arguments=["--candidates", "postgresql://anna:s/3@cr@db.org/rogi"])
    'no layer ***@db.org'
    """
    known = {*secrets, os.environ.get("PGPASSWORD", "")}
    for argument in sys.argv[1:] if arguments is None else arguments:
        known.update(_secrets_in(argument))
    forms = {form for secret in known for form in _forms(secret)}
    if forms:
        longest = sorted(forms, key=lambda form: (-len(form), form))
        text = re.sub("|".join(map(_pattern, longest)), MASK, text)
    text = _VALUE.sub(lambda found: found["head"] + MASK, _STORE.sub(_shown, text))
    return _OTHER.sub(lambda found: found["head"] + MASK, text)


def _shown(found: re.Match[str]) -> str:
    user, secret, rest = _parts(found["rest"])
    head = found["head"]
    if head.endswith(":/"):  # a path object made one slash of two
        head += "/"
    return head + (f"{user}:{MASK}{rest}" if secret else found["rest"])


def _parts(rest: str) -> tuple[str, str, str]:
    """User, password, and what follows, of an address after its slashes; the last @ ends the password."""
    account, at, host = rest.rpartition("@")
    if at:
        user, _, secret = account.partition(":")
        return user, secret, at + host
    # Without a user, what stands behind a colon is a port; else somebody forgot the rest of the address.
    user, _, secret = re.split(r"[/?]", rest, maxsplit=1)[0].partition(":")
    bad = secret and not rest.startswith("[") and not re.fullmatch(r"[\d,:]*|\d+,.*", secret)
    return (user, secret, rest[len(user) + 1 + len(secret) :]) if bad else (rest, "", "")


def _secrets_in(argument: str) -> Iterator[str]:
    """Passwords in an argument of a command."""
    for found in re.finditer(r"(?i)\bpostgres(?:ql)?:/+(.+)", argument, re.DOTALL):
        yield _parts(found[1])[1]
    for found in _OTHER.finditer(argument):
        yield found[0][len(found["head"]) :]
    for found in _VALUE.finditer(argument):
        value = found["value"]
        yield re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] in "'\"" else value


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may be shown: as it is, encoded, decoded, and the pieces it may have been cut into."""
    for form in (secret, unquote(secret), unquote_plus(secret), quote(secret, safe=""), quote(secret)):
        cuts = list(_PIECES.finditer(form))
        ends = [*(form[: cut.start()] for cut in cuts), *(form[cut.end() :] for cut in cuts)]
        for piece in (form, *ends, *_PIECES.split(form)):
            if len(piece) > 1 or piece == secret != "":
                yield piece


def is_address(text: str) -> bool:
    """Whether a text is the address of a database, or names one as in ``ROLE=ADDRESS``.

    Examples
    --------
    >>> is_address("postgresql://db.org/rogi"), is_address("outline=postgres:/db.org"), is_address("a.gpkg")
    (True, True, False)
    """
    return re.match(r"(?i)([^/]*=)?postgres(ql)?:/", text) is not None


def _pattern(form: str) -> str:
    text = re.escape(form)
    if len(form) >= _LONG and form not in "postgresql":
        return text
    return rf"(?<!\w){text}(?!\w)"
