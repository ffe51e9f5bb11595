"""Groups of commands whose modules are imported when a command is called, not when the group is listed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand
from typer.main import get_command, get_group

from rogi.cli.guard import App, Group, full_name
from rogi.distribution import optional


class LazyGroup(Group):
    """A group that knows the names of its commands and where they are.

    ``homes`` maps a name to ``module:function`` or ``module:app``, and to the line that ``--help`` shows.
    """

    homes: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, help) in self.homes.items():
            self.commands[name] = TyperCommand(name=name, short_help=help)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, imported now."""
        if cmd_name not in self.homes:
            return None
        with optional(full_name(ctx, cmd_name)):
            return loaded(cmd_name, *self.homes[cmd_name])

    def names(self) -> list[str]:
        """Own commands, then those of groups below."""
        below = []
        for name, (home, _) in self.homes.items():
            if home.endswith(":app"):
                below += [f"{name} {each}" for each in getattr(loaded(name, home, ""), "commands", ())]
        return [*self.homes, *below]

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Own commands and options that begin so, without importing any command."""
        options = super().shell_complete(ctx, incomplete) if incomplete[:1] == "-" else []
        found = [(n, help) for n, (_, help) in self.homes.items() if n.startswith(incomplete)]
        return [*options, *(SimpleNamespace(value=n, help=help, type="plain") for n, help in found)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The lines of ``--help``, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in self.homes.items()])


def loaded(name: str, home: str, help: str) -> Any:
    """The command or group at ``module:attribute``."""
    module, _, attribute = home.partition(":")
    target = getattr(import_module(module), attribute)
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return group
    alone = App()
    alone.command(name, short_help=help)(target)
    return get_command(alone)


def group(homes: Mapping[str, tuple[str, str]], **settings: Any) -> App:
    """A group of commands that are imported when they are called.

    Parameters
    ----------
    homes
        Name of a command -> (``module:function`` or ``module:app``, its line in ``--help``).
    settings
        As of :class:`typer.Typer`.
    """
    kind = type("Commands", (LazyGroup,), {"homes": homes})
    made = App(cls=kind, **settings)
    made.callback()(_nothing)  # for typer, what has a callback is a group, whether or not it knows commands
    return made


def _nothing() -> None:
    pass
