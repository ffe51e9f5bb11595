"""What every command keeps to when it writes: the options that name outputs, and what is asked of them."""

from __future__ import annotations

import os
import re
import shlex
import typing
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from rogi import targets
from rogi.cli import common, streams
from rogi.cli.common import Writes
from rogi.distribution import optional
from rogi.errors import OptionError
from rogi.suggestions import did_you_mean
from rogi.update.store.masking import is_address, masked

F = TypeVar("F", bound=Callable[..., Any])


STORE = "store"
"""The parameter that takes the address of a database."""

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Of what typer parses options with; it has no public name for it."""

_ends: list[typer.Exit] = []
"""The end of the last command, which holds what it read: freeing 600,000 geometries takes 0.3 s."""

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

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What follows the name in the line of usage."""
        arguments = [p for p in self.params if p.param_type_name == "argument"]
        return ["[OPTIONS]", *map(common.usage, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments and options under their headings, each with the name of its value and not its type."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                named = getattr(parameter, "rich_help_panel", None)
                title = "Arguments" if parameter.param_type_name == "argument" else named or "Options"
                row = common.shown(parameter), record[1] or getattr(parameter, "help", None) or ""
                sections.setdefault(title, []).append(row)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse as click does; what is wrong is one sentence with the value, and what helps."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except UsageError as error:
            raise _misuse(ctx, self, given, error) from None
        common.refuse_empty(self.params, ctx.params, given)
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run it, within :func:`rogi.targets.running`."""
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
            common.check_addresses(self.params, ctx.params, marks)
            log = next(_paths(ctx.params["log"]), None)
            streams.begin(command, quiet=ctx.params["quiet"], verbose=ctx.params["verbose"], log=log)
            for name, value in ctx.params.items():
                if name != STORE:
                    _refuse_addresses(value, self._option(name))
            ctx.params = common.downloaded(self.params, ctx.params)
            with optional(command):
                try:
                    return super().invoke(ctx)
                except typer.Exit as end:
                    _ends[:] = [end]
                    raise

    def _option(self, name: str) -> str:
        """How a parameter is written; an argument is not."""
        return next((o for p in self.params if p.name == name for o in p.opts if o[:1] == "-"), "")


def _misuse(ctx: Any, called: Any, given: list[str], error: Any) -> OptionError:
    """What is wrong with the words given to a command or group."""
    command = full_name(ctx)
    parameter, said = getattr(error, "param", None), error.message.removeprefix("Value error, ")
    if several := _SEVERAL.match(said):
        parameter = next(p for p in called.get_params(ctx) if several[1] in p.opts)
    if type(error).__name__ == "NoSuchOption":
        known = [o for p in called.get_params(ctx) for o in (*p.opts, *p.secondary_opts) if o[:2] == "--"]
        name = error.option_name
        text = f"{command} has no option {name}{did_you_mean(name, known) or '.'}"
    elif parameter is None:
        for pattern, words in _SAID:
            said = re.sub(pattern, words.replace("COMMAND", command), said)
        text = said
    elif type(error).__name__ == "MissingParameter":
        text = f"{command} needs {common.shown(parameter)}."
    else:
        named, values = common.shown(parameter), _given(given, parameter)
        found = f", found {shlex.join(values)}" if values else ""
        rule = said.removeprefix("Input ").partition(", unable")[0].rstrip(".")
        if parameter.nargs > 1:
            usual = parameter.default if isinstance(parameter.default, tuple) else ()
            example = f", for example {' '.join(map(str, (parameter.opts[0], *usual)))}" if usual else ""
            text = f"{named} takes {parameter.nargs} values{found}{example}."
        else:
            text = f"{named}: {rule}." if rule == said.rstrip(".") else f"{named} {rule}{found}."
    return OptionError(f"{text} `{command} --help` lists its options.")


_SEVERAL: Final = re.compile(r"Option '(\S+)' requires \d+ arguments")
_SAID: Final = (
    (r"^Option '(\S+)' requires an argument", r"\1 needs a value"),
    (r"^Option '(\S+)' does not", r"\1 does not"),
    (r"^Got unexpected extra argument\S* \((.*)\)$", r"COMMAND takes no \1."),
)
"""What click says, and how that is said here."""


def _given(words: list[str], parameter: Any) -> list[str]:
    """The words that were taken for the value of an option."""
    for place, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name in parameter.opts:
            values = [value] if sign else words[place + 1 : place + 1 + parameter.nargs]
            if len(values) > 1:  # do not list the next option among them
                values = list(takewhile(lambda word: not re.match("--?[A-Za-z]", word), values))
            return values
    return []


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


class Group(TyperGroup):
    """A group of commands; an error about an unknown one suggests similar ones."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """As of a command."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                raise
            raise _misuse(ctx, self, given, error) from None

    def names(self) -> list[str]:
        """What can be called: commands, and those of groups as `schema list`."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called.

        Raises
        ------
        OptionError
            An unknown command.
        """
        name, above = args[0], full_name(ctx)
        if name[:1] != "-" and self.get_command(ctx, name) is None:
            hint = did_you_mean(name, self.names()) or "."
            raise OptionError(f"{above} has no command {name!r}{hint} `{above} --help` lists its commands.")
        return super().resolve_command(ctx, args)


class App(typer.Typer):
    """A group of commands that are all guarded, with help in plain text."""

    def __init__(self, *, cls: type[Group] = Group, add_completion: bool = False, **settings: Any) -> None:
        super().__init__(
            cls=cls,
            add_completion=add_completion,
            no_args_is_help=True,
            rich_markup_mode=None,  # drawing boxes takes longer to import than all the rest
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Callable[[F], F]:
        """As :meth:`typer.Typer.command`."""
        register = super().command(name, cls=GuardedCommand, **settings)

        def add(function: F) -> F:
            register(common.with_common(function))
            return function

        return add


def outputs(callback: Any) -> dict[str, Writes]:
    """Parameters of a command that name what it writes."""
    hints = typing.get_type_hints(callback, include_extras=True)
    return {
        name: mark
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Writes)
    }


def _paths(value: object) -> Iterator[Path]:
    if isinstance(value, Path | str):  # older versions of typer make paths of texts only when they call
        yield Path(value)
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
