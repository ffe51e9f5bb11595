"""The tree of commands, for tests that walk over it."""

from __future__ import annotations

import enum
import inspect
import typing
from pathlib import Path
from types import NoneType, UnionType

import typer

from rogi.cli import app
from rogi.cli.guard import outputs


def leaves(group, names=()):
    for name in group.commands:
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from leaves(command, (*names, name))
        else:
            yield (*names, name), command.callback


COMMANDS = dict(sorted(leaves(typer.main.get_command(app))))


def parameters(callback):
    """Name -> (types, how it is given, whether it must be)."""
    hints = typing.get_type_hints(callback, include_extras=True)
    for name, parameter in inspect.signature(callback).parameters.items():
        hint = hints[name]
        info = next(m for m in hint.__metadata__ if isinstance(m, typer.models.ParameterInfo))
        base = typing.get_args(hint)[0]
        types = [
            t
            for t in (typing.get_args(base) if isinstance(base, UnionType) else (base,))
            if t is not NoneType
        ]
        kind = types[0]
        if typing.get_origin(kind) in (list, tuple):
            kind = typing.get_args(kind)[0]
        option = None
        if isinstance(info, typer.models.OptionInfo):
            names = (info.default if isinstance(info.default, str) else "", *(info.param_decls or ()))
            declared = [d for d in names if d.startswith("--")]
            option = declared[0] if declared else f"--{name.replace('_', '-')}"
        yield name, kind, option, parameter.default is inspect.Parameter.empty, info


def given(name, kind, option, value):
    if kind is not Path and issubclass(kind, enum.Enum):
        value = next(iter(kind)).value
    elif kind in (int, float):
        value = 1
    return [option, str(value)] if option else [str(value)]


def line(callback, chosen, files):
    """A command line with all that must be there, and the chosen values in their places."""
    arguments, rest = [], []
    for name, kind, option, required, _ in parameters(callback):
        if name in chosen or required:
            part = given(
                name,
                kind,
                option,
                chosen.get(
                    name, files / f"fresh_{name}.gpkg" if name in outputs(callback) else files / "other.gpkg"
                ),
            )
            (arguments if option else rest).extend(part)
    return [*arguments, "--", *rest] if rest else arguments
