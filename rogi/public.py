"""What all public functions share: errors in the words of Python, and the switch for rasters of networks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from functools import wraps
from typing import ParamSpec, TypeVar

from rogi import targets
from rogi.errors import RogiError
from rogi.raster.guard import network, network_allowed

P = ParamSpec("P")
R = TypeVar("R")

WORDS = re.compile(
    r"""`rogi\ [^`]*`                                     # a command, which is left as it is
    |(?<![\w-])--(?P<option>[a-z][a-z-]*[a-z])           # an option
    (?:[ =](?P<word>(?:'[^']*'|"[^"]*"|[^\s;'"`)])+))?   # and the word after it, which may be its value
    """,
    re.VERBOSE,
)
VALUE = re.compile(r"[A-Z][A-Z_]*|.*[:,=/\d].*")
"""What is a value after an option, not the next word of the sentence: METRES, EPSG:4326, red=4,green=3."""

PLAIN = re.compile(r"[A-Z_]+(,[A-Z_]+)*|-?[\d.]+(,-?[\d.]+)*")
CHOICES = ("backend", "device", "language", "precision", "prefer", "role", "split", "symbols")
SENTENCE = ("and", "is", "needs", "or", "out", "takes", "that", "to", "which", "with")
FLAGS = ("everywhere", "force", "remote", "resample", "resume", "strict", "trust_values")
MAPPINGS = ("accept", "channels", "fail_over", "fail_under")
NAMES = {"channel": "channels", "layer": "layers", "lr": "learning_rate"}
"""Arguments that have another name than their option."""

READING = ("crs", "dialect", "encoding", "layers", "schema", "table")
"""What `rogi.read_inventory` takes, whatever the function is for."""


def in_python(text: str, arguments: Collection[str] = ()) -> str:
    """A message of a command in the words of Python: arguments in place of options.

    Parameters
    ----------
    text : str
        Names options such as ``--crs EPSG:4326``. Commands in backticks stay.
    arguments : collection of str
        Of the function that was called. What it does not take is an argument of `rogi.read_inventory`, where
        that has it.

    Examples
    --------
    >>> in_python("Name it with --crs, for example --crs EPSG:4326.", ["crs"])
    "Name it with crs=, for example crs='EPSG:4326'."
    >>> in_python("Name it with --crs.")
    'Name it with rogi.read_inventory(path, crs=...).'
    >>> in_python("x exists; give another name, or --force to replace it.")
    'x exists; give another name, or force=True to replace it.'
    """

    def replaced(found: re.Match[str]) -> str:
        if found["option"] is None:
            return found[0]
        name = NAMES.get(found["option"], found["option"].replace("-", "_"))
        after = found[0][2 + len(found["option"]) :]
        if name in FLAGS:
            return f"{name}=True{after}"
        word = (found["word"] or "").rstrip(".,:")
        value = ""
        if VALUE.fullmatch(word) or (name in CHOICES and word and word not in SENTENCE):
            value, after = _value(name, word), after[1 + len(word) :]
        if name in READING and name not in arguments:
            return f"rogi.read_inventory(path, {name}={value or '...'}){after}"
        subject = not value and word in ("is", "takes", "out")
        return name + ("" if subject else "=") + value + after

    return WORDS.sub(replaced, text)


def _value(name: str, word: str) -> str:
    """A value of the command line as Python writes it."""
    if name in MAPPINGS and "=" in word:
        key, _, value = word.rpartition("=")
        return repr({_bare(key): float(value) if name.startswith("fail_") else _bare(value)})
    if name == "layers":
        return repr([word])
    if PLAIN.fullmatch(word):
        return f"({word.replace(',', ', ')})" if "," in word else word
    return repr(_bare(word))


def _bare(word: str) -> str:
    return word.strip("'\"")


def public(function: Callable[P, R]) -> Callable[P, R]:
    """A public function: its errors name arguments, where those of the command name options.

    The argument ``remote`` is seen to here: during the call, rasters may be read from addresses.
    """
    arguments = inspect.signature(function).parameters

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with network(bool(kwargs.get("remote")) or network_allowed()):
                return function(*args, **kwargs)
        except RogiError as error:
            if not targets.in_command():
                error.args = tuple(in_python(str(text), arguments) for text in error.args)
            raise

    return called
