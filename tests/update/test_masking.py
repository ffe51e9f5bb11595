"""Passwords in messages, arguments and commands: whatever they contain, wherever they stand."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from rogi.cli.streams import tell
from rogi.update.store.masking import is_address, masked

SECRETS = [
    "kept-s3cret", "p@ss", "pa/ss", "pa:ss", "pa#ss", "pa?ss", "pa&ss", "p%40ss", "it's", 'a"b', "a b",
    "a\\b",
    "pä ß", "*.+(x)", "postgres", "s3/cr:e@t#x?y", "x1",
]  # fmt: skip


def pieces(secret: str) -> set[str]:
    """What must not be shown of it: the whole, and what a path or a layer's name would cut off it."""
    cut = {secret, secret.rpartition("/")[2], secret.partition(":")[2], secret.partition("@")[2]}
    return {piece for piece in cut if len(piece) > 2 and piece != "postgres"}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "POSTGRESQL"])
def test_an_address_as_argument(secret: str, scheme: str) -> None:
    """Written as they are or encoded, with both schemes, shown whole, as path, in quotes, cut, or encoded."""
    for written in (secret, quote(secret, safe="")):
        address = f"{scheme}://anna:{written}@db.org:5432/rogi?schema=s"
        for argument in (address, f"--store={address}", f"outline={address}"):
            shown = [
                address, str(Path(address)), repr(address), repr(str(Path(address))), f"no {address}: gone",
                f"no layer {address.rpartition(':')[2]}", f"not in {address.rpartition('/')[0]}",
                f"name {Path(address).name}", quote(address), f"password {secret} is wrong", f"{secret!r}",
            ]  # fmt: skip
            for text in shown:
                told = masked(text, arguments=["rogi", argument])
                for piece in pieces(secret) | pieces(written):
                    assert piece not in told, (text, told)
        told = masked(f"no file {address}", arguments=[address])
        assert "anna:***@db.org:5432/rogi?schema=s" in told


@pytest.mark.parametrize("secret", SECRETS)
def test_settings_as_argument(secret: str) -> None:
    """``password=`` of libpq, plain and in quotes, and of the environment."""
    quoted = "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'"
    plain = [] if set(secret) & set(" '\"\\") else [secret]
    for written in (quoted, *plain):
        for name in ("password", "PGPASSWORD", "sslpassword", "Password "):
            argument = f"host=db.org {name}={written} user=anna"
            for text in (argument, f"no file {argument}", f"{secret} is wrong"):
                told = masked(text, arguments=[argument])
                for piece in pieces(secret):
                    assert piece not in told, (text, told)
    uri = f"postgresql://db.org/rogi?user=anna&password={quote(secret, safe='')}&sslmode=require"
    told = masked(f"no file {uri}, {secret}", arguments=[uri])
    assert told.startswith("no file postgresql://db.org/rogi?user=anna&password=***")
    assert "&sslmode=require" in told


def test_without_arguments() -> None:
    """A text alone: what looks like an address or a password is masked."""
    for text, told in {
        "postgresql:/u:p@h/d": "postgresql://u:***@h/d",
        "to 'postgres://u:a@b/c@h/d'.": "to 'postgres://u:***@h/d'.",
        "postgresql://u:secret/d": "postgresql://u:***/d",
        "https://u:pw@h/x@y": "https://u:***@h/x@y",
        "PASSWORD=x y": "PASSWORD=*** y",
        "password = 'x \\' y' z": "password = *** z",
        "access_token=abc&x=1": "access_token=***&x=1",
    }.items():
        assert masked(text, arguments=[]) == told
        assert masked(told, arguments=[]) == told


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user@host:5432/database?schema=rogi_update; special characters (@ as %40)",
        "postgresql://h:5433/d", "postgresql://[::1]:5432/d", "postgresql://h1:1,h2:2/d", "postgresql:///?service=x",
        "https://host:8080/a@b", "no file a@b:c.gpkg", "password authentication failed for user \"anna\"",
        "the password in ~/.pgpass or PGPASSWORD", "s3://bucket/a:b@c", "",
    ],
)  # fmt: skip
def test_what_is_no_secret(text: str) -> None:
    """Addresses without a password and plain words stay as they are."""
    assert masked(text, arguments=["--store", "postgresql://anna@h/d", "-o", "work", "--limit=3"]) == text


def test_short_and_common_passwords() -> None:
    """A password that is part of other words is masked only where it stands alone."""
    told = masked("a database of postgresql: a", arguments=["postgresql://u:a@h"])
    assert told == "*** database of postgresql: ***"
    told = masked("postgresql://postgres@h and postgres", arguments=["postgresql://u:postgres@h"])
    assert told == "postgresql://***@h and ***"


def test_pieces_and_words() -> None:
    """What a cut leaves of a password is masked whole; from six characters on also inside a word."""
    address = "postgresql://u:ab/cd:ef@h"
    assert masked("layer cd:ef@h of u:ab", arguments=[address]) == "layer ***@h of u:***"
    assert masked("xsix-erx", arguments=["postgresql://u:six-er@h"]) == "x***x"
    assert masked("xfivesx", arguments=["postgresql://u:fives@h"]) == "xfivesx"
    assert masked("is pw, is w", arguments=["https://u:pw@h/x"]) == "is ***, is w"


def test_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets that are passed, of the environment, and of the program's own arguments."""
    monkeypatch.setattr(sys, "argv", ["rogi", "--x", "postgresql://u:of/argv@h/d"])
    monkeypatch.setenv("PGPASSWORD", "from env")
    told = masked("of argv: of/argv argv; from env; passed", secrets=["passed"])
    assert told == "*** ***: *** ***; ***; ***"


def test_lines_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line that the command line writes goes through it."""
    monkeypatch.setattr(sys, "argv", ["rogi", "postgresql://u:top/secret@h/d"])
    tell("error: no file postgresql:/u:top/secret@h/d, secret@h")
    told = capsys.readouterr().err
    assert "secret" not in told
    assert "u:***@h/d" in told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("postgresql://h/d", True), ("postgres:/h/d", True), ("outline=postgresql://h", True),
        ("POSTGRES://h", True),
        ("postgresql", False), ("a/b=postgres://h", False), ("https://h", False), ("postgres:table", False),
    ],
)  # fmt: skip
def test_addresses(text: str, found: bool) -> None:
    """What is taken for the address of a database."""
    assert is_address(text) is found
