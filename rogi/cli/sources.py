"""Options of the sources of attributes, made from their records."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from rogi.attributes.registry import sources

Inputs = Mapping[str, tuple[tuple[str, ...], Mapping[str, Any]]]
"""Name of a source -> the files and choices that were given for it."""


NO_INPUTS: Inputs = MappingProxyType({})


def with_sources(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an option for each source (``--glaciers``) and its choices (``--glaciers-radius``).

    What was given for them is handed to its parameter ``inputs``.
    """
    added: dict[str, tuple[Any, str, str]] = {}
    for source in sources().values():
        added[source.name] = list[Path] | None, source.help, source.value
        for choice in source.choices:
            default = f" Default {choice.default:g}." if isinstance(choice.default, float) else ""
            kind: Any = type(choice.default) | None
            added[f"{source.name}_{choice.name}"] = kind, f"{choice.help}{default}", choice.value
    own = inspect.signature(command, eval_str=True)
    parameters = [
        p.replace(kind=p.KEYWORD_ONLY) for name, p in own.parameters.items() if name != "inputs"
    ] + [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[kind, typer.Option(help=help, metavar=value or None)],
        )
        for name, (kind, help, value) in added.items()
    ]

    @wraps(command)
    def call(**values: Any) -> None:
        given = {name: values.pop(name) for name in added}
        inputs = {
            source.name: (
                tuple(map(str, given[source.name] or ())),
                {c.name: given[f"{source.name}_{c.name}"] for c in source.choices},
            )
            for source in sources().values()
        }
        command(**values, inputs=inputs)

    call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call
