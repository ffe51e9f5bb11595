"""What every command keeps to when it writes: the options that name outputs, and what is asked of them."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from rogi import targets
from rogi.distribution import optional
from rogi.errors import OptionError
from rogi.masking import is_address, masked

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Writes:
    """Marks a parameter that names what is written: ``Annotated[Path, typer.Option(…), WRITES]``.

    Attributes
    ----------
    own
        Whether the command itself says what it may replace, as where it goes on with work begun earlier.
    """

    own: bool = False


STORE = "store"
"""The parameter that takes the address of a database."""

WRITES = Writes()
KEEPS = Writes(own=True)
Force = Annotated[
    bool, typer.Option("--force", help="Replace files that another program wrote or that were changed since.")
]


class GuardedCommand(TyperCommand):
    """A command that refuses, before any work, to write over what it reads or what others wrote.

    The address of a database is taken by ``--store`` only; elsewhere it would be a path.
    """

    def get_short_help_str(self, limit: int = 0) -> str:
        """Its line in the help of a group, never cut."""
        return super().get_short_help_str(1000)

    def invoke(self, ctx: Any) -> Any:
        """Run it, within :func:`rogi.targets.running`."""
        for name, value in ctx.params.items():
            if name != STORE:
                _refuse_addresses(value, self._option(name))
        marks = outputs(self.callback)
        command = full_name(ctx)
        given = (value for name, value in ctx.params.items() if name not in marks)
        with targets.running(command, paths_in(given), force=bool(ctx.params.get("force"))) as run:
            named = run.outputs
            for name, mark in marks.items():
                for path in _paths(ctx.params.get(name)):
                    if os.path.realpath(path) in named:
                        raise OptionError(f"{path} is named for two outputs; give each a file of its own.")
                    named.add(os.path.realpath(path))
                    (targets.refuse_input if mark.own else targets.check)(path, self._option(name))
            with optional(command):
                return super().invoke(ctx)

    def _option(self, name: str) -> str:
        """How a parameter is written; an argument is not."""
        return next((o for p in self.params if p.name == name for o in p.opts if o[:1] == "-"), "")


def full_name(ctx: Any, *more: str) -> str:
    """A command as it is typed, whatever started the program; without a context, at the top."""
    above = ctx.command_path.split(" ")[1:] if ctx is not None else ()
    return " ".join(["rogi", *above, *more])


def _refuse_addresses(value: object, option: str) -> None:
    if isinstance(value, list | tuple):
        for item in value:
            _refuse_addresses(item, option)
    elif isinstance(value, str | Path) and is_address(str(value)):
        raise OptionError(
            f"{option or 'The argument'} takes no address of a database, found {masked(str(value))}; a store "
            "is named with --store of `rogi update`."
        )


class App(typer.Typer):
    """A group of commands that are all guarded, with help in plain text."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            no_args_is_help=True,
            add_completion=False,
            rich_markup_mode=None,  # drawing boxes takes longer to import than all the rest
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """As :meth:`typer.Typer.command`."""
        return super().command(name, cls=GuardedCommand, **settings)


def outputs(callback: Any) -> dict[str, Writes]:
    """Parameters of a command that name what it writes."""
    function = inspect.unwrap(callback)
    hints = typing.get_type_hints(function, include_extras=True)
    return {
        name: mark
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Writes)
    }


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _paths(item)


def paths_in(values: Iterable[object]) -> Iterator[Path]:
    """Files and folders among the values of options: paths, ``FILE:LAYER``, ``ROLE=FILE:LAYER``.

    A text that is no path, such as the name of a region, may happen to be that of a file, which is then taken
    for an input too: it is only spared.
    """
    for value in values:
        if isinstance(value, list | tuple):
            yield from paths_in(value)
        elif isinstance(value, Path) or (isinstance(value, str) and not isinstance(value, Enum)):
            text = str(value)
            for start in (text, text.partition("=")[2]):
                while start:
                    with_it = Path(start)
                    if _exists(with_it):
                        yield with_it
                        break
                    start = start.rpartition(":")[0]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a text too long for a name, or with a zero byte
        return False
