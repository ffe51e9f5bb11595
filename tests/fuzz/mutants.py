"""Damage made by code: cuts at the borders of structures, flips, zeros, wrong lengths, edited text."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Mutant(NamedTuple):
    """A changed file.

    Attributes
    ----------
    what : str
        Kind of the change, and where.
    data : bytes
    cut : bool
        Whether bytes are missing at the end, which most formats let a reader notice.
    """

    what: str
    data: bytes
    cut: bool = False


#: Byte patterns at which a structure begins, for cuts and lengths, by format.
BORDERS: dict[str, re.Pattern[bytes]] = {
    "zip": re.compile(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06"),
    "parquet": re.compile(rb"PAR1|ARROW|geo"),
    "hdf5": re.compile(rb"\x89HDF|TREE|SNOD|HEAP|FRHP|OHDR|OCHK|BTHD|FADB"),
    "sqlite": re.compile(rb"CREATE TABLE|GP\x00|\x0d\x00\x00|\x05\x00\x00"),
    "tiff": re.compile(rb"II\*\x00|\x00\x01\x03\x00|\x01\x01\x03\x00|\x11\x01\x04\x00|\xaf\x87"),
    "fgb": re.compile(rb"fgb"),
    "shapefile": re.compile(rb"\x00\x00\x27\x0a|\x05\x00\x00\x00"),
    "text": re.compile(rb"[\n<>{}\[\],:;=\"]"),
}

#: Values that a length, a count or an offset is given.
LENGTHS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)

#: Texts put in the place of a value or a key.
HOSTILE_TEXTS = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "a\rb",
    "a\x00b",
    "a\nb",
    "a\u202eb",
    "a\u2066b",
    "a\x85b",
    "a\x9bb",
    "\n::error file=x::y",
    "\n##vso[task.complete]",
    "</script><script>alert(1)</script>",
    "|a|b|",
    "[a](javascript:b)",
    "=1+1",
    "../../etc/passwd",
    "/vsicurl/http://127.0.0.1:9/x",
    "nan",
    "1e999",
    "-1e-999",
    "9" * 400,
    "0x10",
    "é" * 3000,
    "\ud800",
    "\ufeff",
    "'; DROP TABLE x; --",
    "%s%n",
    "${HOME}",
    "~",
    "NULL",
    "",
)


def encoded(text: str) -> bytes:
    """UTF-8, half surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def _borders(data: bytes, kind: str) -> list[int]:
    found = [match.start() for match in BORDERS[kind].finditer(data)] if kind in BORDERS else []
    if kind == "sqlite" and len(data) > 18:
        page = struct.unpack(">H", data[16:18])[0] or 512
        found += list(range(page, len(data), page))
    return sorted({0, *found, len(data)})


def _cut(data: bytes, kind: str, rng: random.Random) -> Mutant:
    borders = _borders(data, kind)
    at = rng.choice(borders) if rng.random() < 0.6 else rng.randrange(len(data))
    at = max(0, min(len(data) - 1, at + rng.choice((-1, 0, 0, 0, 1))))
    return Mutant(f"cut at {at} of {len(data)}", data[:at], True)


def _flip(data: bytes, kind: str, rng: random.Random) -> Mutant:
    out = bytearray(data)
    places = [_near(data, kind, rng) for _ in range(rng.choice((1, 1, 2, 8)))]
    for at in places:
        out[at] ^= rng.choice((1 << rng.randrange(8), 0xFF))
    return Mutant(f"flip at {', '.join(map(str, places))}", bytes(out))


def _zero(data: bytes, kind: str, rng: random.Random) -> Mutant:
    at, size = _near(data, kind, rng), rng.choice((1, 4, 16, 64, 512, 4096))
    end = min(len(data), at + size)
    return Mutant(f"zeros at {at} to {end}", data[:at] + bytes(end - at) + data[end:])


def _length(data: bytes, kind: str, rng: random.Random) -> Mutant:
    """A number of 2, 4 or 8 bytes replaced by an extreme one, or by itself in the other byte order."""
    width = rng.choice((2, 4, 4, 8))
    at = max(0, min(len(data) - width, _near(data, kind, rng) + rng.randrange(0, 48)))
    old = data[at : at + width]
    number = rng.choice((*LENGTHS, len(data), len(data) * 2))
    order = rng.choice(("<", ">"))
    new = (
        old[::-1]
        if rng.random() < 0.2
        else (number % (1 << 8 * width)).to_bytes(width, "little" if order == "<" else "big")
    )
    return Mutant(f"number at {at}: {old.hex()} to {new.hex()}", data[:at] + new + data[at + width :])


def _repeat(data: bytes, kind: str, rng: random.Random) -> Mutant:
    borders = _borders(data, kind)
    first = rng.choice(borders[:-1])
    last = min(len(data), first + rng.choice((1, 8, 100, 1000)))
    times = rng.choice((1, 2, 50))
    return Mutant(
        f"{first} to {last} again {times} times", data[:last] + data[first:last] * times + data[last:]
    )


def _remove(data: bytes, kind: str, rng: random.Random) -> Mutant:
    at = _near(data, kind, rng)
    end = min(len(data), at + rng.choice((1, 2, 8, 100)))
    return Mutant(f"{at} to {end} removed", data[:at] + data[end:])


def _near(data: bytes, kind: str, rng: random.Random) -> int:
    """A place near the border of a structure, mostly, for headers matter more than what they head."""
    if rng.random() < 0.5:
        return min(len(data) - 1, max(0, rng.choice(_borders(data, kind)) + rng.randrange(0, 24)))
    return rng.randrange(min(len(data), 512)) if rng.random() < 0.3 else rng.randrange(len(data))


_WORD = re.compile(rb"\"[^\"\n]*\"|'[^'\n]*'|-?\d+\.?\d*(?:[eE][-+]?\d+)?|[A-Za-z_][A-Za-z0-9_.-]*")


def _replace_word(data: bytes, kind: str, rng: random.Random) -> Mutant:
    """A word, a number or a quoted text replaced by a hostile one, quoted as it was."""
    words = list(_WORD.finditer(data))
    if not words:
        return _flip(data, kind, rng)
    word = rng.choice(words)
    text = encoded(rng.choice(HOSTILE_TEXTS))
    quote = word[0][:1] if word[0][:1] in b"\"'" else b""
    new = quote + text + quote
    return Mutant(
        f"{word[0][:30]!r} at {word.start()} to {new[:30]!r}", data[: word.start()] + new + data[word.end() :]
    )


def _swap_words(data: bytes, kind: str, rng: random.Random) -> Mutant:
    words = list(_WORD.finditer(data))
    if len(words) < 2:
        return _flip(data, kind, rng)
    a, b = sorted(rng.sample(words, 2), key=lambda word: word.start())
    out = data[: a.start()] + b[0] + data[a.end() : b.start()] + a[0] + data[b.end() :]
    return Mutant(f"{a[0][:20]!r} and {b[0][:20]!r} swapped", out)


def _drop_line(data: bytes, kind: str, rng: random.Random) -> Mutant:
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return Mutant(f"line {at + 1} removed", b"".join(lines[:at] + lines[at + 1 :]))


def _nest(data: bytes, kind: str, rng: random.Random) -> Mutant:
    """A value wrapped in thousands of brackets."""
    words = list(_WORD.finditer(data))
    if not words:
        return _flip(data, kind, rng)
    word, depth = rng.choice(words), rng.choice((50, 2000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")")))
    new = opening * depth + word[0] + closing * depth
    return Mutant(
        f"{word[0][:20]!r} in {depth} {opening.decode()}", data[: word.start()] + new + data[word.end() :]
    )


Mutation = Callable[[bytes, str, random.Random], Mutant]
BINARY: tuple[Mutation, ...] = (_cut, _cut, _flip, _flip, _zero, _length, _length, _repeat, _remove)
TEXT: tuple[Mutation, ...] = (
    _cut,
    _flip,
    _zero,
    _repeat,
    _remove,
    _replace_word,
    _replace_word,
    _replace_word,
    _swap_words,
    _drop_line,
    _nest,
)


def mutants(data: bytes, kind: str, rng: random.Random) -> Iterator[Mutant]:
    """Endless mutants of a file of a kind (a key of `BORDERS`, or another); the same for the same ``rng``."""
    chosen = TEXT if kind == "text" else BINARY
    while True:
        mutant = rng.choice(chosen)(data, kind, rng)
        if mutant.data != data:
            yield mutant
