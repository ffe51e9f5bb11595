"""Options several commands share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rogi.cli.completion import of
from rogi.errors import InputError, OptionError
from rogi.raster.guard import is_there
from rogi.suggestions import did_you_mean

if TYPE_CHECKING:
    from rogi.report.format import Format
    from rogi.rules.rule import Severity


Backdrop = Annotated[
    list[Path] | None,
    typer.Option(
        "--dem",
        help="Elevation model: a hillshade behind the maps of the HTML page. File or folder; repeatable.",
    ),
]
"""Option of commands whose page has a map."""


def check_backdrop(dem: Sequence[Path] | None, outputs: Sequence[tuple[Format, Path | None]]) -> None:
    """Refuse, before the work begins, an elevation model that no page would show, or that is not there."""
    if dem and not any(kind.value == "html" for kind, _ in outputs):
        raise OptionError("--dem is drawn behind the map of an HTML page; add -o report.html.")
    for path in dem or ():
        if not is_there(path):
            raise InputError(f"--dem {path} does not exist; give a file, a VRT or a folder of tiles.")


def format_option(allowed: Sequence[Format], *, output: bool = False, repeated: bool = False) -> Any:
    """The option ``--format`` of a command that writes these formats, the first of them by default.

    ``output``: it has ``--output``, whose suffix decides too; ``repeated``: which can be given several times.
    """
    default = f"by the suffix of --output, else {allowed[0]}" if output else f"{allowed[0]}"
    end = "one for each --output, or one for the terminal" if repeated else f"default: {default}"
    names = tuple(format.value for format in allowed)
    return typer.Option("--format", help=f"{', '.join(names)}; {end}.", autocompletion=of(names))


def pairs(items: Sequence[str] | None, option: str, example: str) -> dict[str, str]:
    """``NAME=VALUE`` options as a table.

    Raises
    ------
    OptionError
        If one has no ``=``.
    """
    table: dict[str, str] = {}
    for item in items or ():
        name, sign, value = item.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise OptionError(f"{option} takes NAME=VALUE such as {example}, found {item!r}.")
        table[name.strip()] = value.strip()
    return table


def comma_separated(items: Sequence[str] | None) -> tuple[str, ...]:
    """Repeated options that may also hold commas, as one list."""
    return tuple(part.strip() for item in items or () for part in item.split(",") if part.strip())


def threshold(text: str) -> Severity | None:
    """``error``, ``warning``, ``info``, or ``never`` (None)."""
    from rogi.rules.rule import Severity

    if text.lower() == "never":
        return None
    try:
        return Severity(text.lower())
    except ValueError:
        hint = did_you_mean(text, ("error", "warning", "info", "never")) or "."
        raise OptionError(f"--fail-on is error, warning, info or never, found {text!r}{hint}") from None


def date(text: str | None) -> dt.date | None:
    """A date such as 2026-01-31."""
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise OptionError(f"--date is a date such as 2026-01-31, found {text!r}.") from None


def parameter_values(table: Mapping[str, str]) -> dict[str, object]:
    """Numbers where the text is one, else the text."""

    def parsed(text: str) -> object:
        for convert in (int, float):
            try:
                return convert(text)
            except ValueError:
                continue
        return text

    return {name: parsed(value) for name, value in table.items()}
