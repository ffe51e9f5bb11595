"""What is the same in every command: common options, names of values in help, completion, addresses.

Nothing of it is said in the commands: :class:`rogi.cli.guard.App` adds it to each by the names and types of
its parameters.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final

import typer
from typer.models import ParameterInfo

from rogi.cli.completion import COMPLETED
from rogi.cli.progress import Progress
from rogi.errors import OptionError
from rogi.raster.guard import allow_network
from rogi.update.store.masking import masked


@dataclass(frozen=True, slots=True)
class Writes:
    """Marks a parameter that names what is written: ``Annotated[Path, typer.Option(…), WRITES]``.

    Attributes
    ----------
    own
        Whether the command itself says what it may replace, as where it goes on with work begun earlier.
    """

    own: bool = False


WRITES = Writes()
KEEPS = Writes(own=True)

COMMON: Final[dict[str, Any]] = {
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no notes; warnings and errors stay.")
    ],
    "verbose": Annotated[
        bool, typer.Option("--verbose", "-v", help="Each step with its time, and what libraries log.")
    ],
    "log": Annotated[
        Path | None,
        typer.Option("--log", help="Also append all messages, with the time, to this file."),
        KEEPS,
    ],
}
"""Options of every command, in the order in which help lists them."""


def _allow_network(allowed: bool) -> bool:
    allow_network(allowed)
    return allowed


REMOTE: Final = Annotated[
    bool,
    typer.Option(
        "--remote",
        callback=_allow_network,
        help="Inventories and rasters may be addresses (https://, s3://), or VRTs of such; else no network "
        "is asked.",
    ),
]
"""Option of every command that reads inventories or rasters."""

METAVARS: Final[dict[str, str]] = {
    **dict.fromkeys(("layer",), "ROLE=FILE[:LAYER]"),
    **dict.fromkeys(("schema", "to_schema"), "SCHEMA"),
    **dict.fromkeys(("format", "to_format", "figure_format", "to"), "FORMAT"),
    **dict.fromkeys(("crs", "to_crs", "dem_crs", "maat_crs", "magt_crs", "ap_crs"), "CRS"),
    **dict.fromkeys(("select", "ignore"), "RULE"),
    **dict.fromkeys(("paths", "inventory", "sources", "units"), "INVENTORY"),
    **dict.fromkeys(("dem", "maat", "magt", "ap", "grid_like", "probability", "imagery"), "RASTER"),
    **dict.fromkeys(("maat_unit", "magt_unit", "ap_unit"), "UNIT"),
    **dict.fromkeys(("maat_period", "magt_period", "ap_period"), "YEAR-YEAR"),
    **dict.fromkeys(("region_field", "area_field", "column", "id", "confidence"), "COLUMN"),
    **dict.fromkeys(("buffer", "marker_distance", "resolution", "context", "band", "pixel"), "METRES"),
    **dict.fromkeys(("minimum_area", "fill_holes"), "M2"),
    "cell": "KM",
    **dict.fromkeys(("size", "stride", "border", "crop", "smooth"), "PIXELS"),
    **dict.fromkeys(("fraction", "minimum_valid", "minimum_valid_share", "train_share", "sliver"), "SHARE"),
    **dict.fromkeys(("area", "region", "subregions"), "FILE[:NAME]"),
    **dict.fromkeys(("candidates", "glaciers", "negatives"), "FILE[:LAYER]"),
    **dict.fromkeys(("bands",), "BANDS"),
    **dict.fromkeys(("channel",), "NAME=RASTER"),
    **dict.fromkeys(("releases", "cache", "work", "folder"), "FOLDER"),
    **dict.fromkeys(("version", "release"), "VERSION"),
    **dict.fromkeys(("reviewers", "mappers"), "NAME,NAME"),
    "background": "SHARE",
    "by": "FILE|COLUMN",
    "checkpoint": "SECONDS",
    "cluster": "tcp://HOST:PORT",
    "code": "RULE",
    "date": "YYYY-MM-DD",
    "defects": "RULE,RULE",
    "dialect": "DIALECT",
    "encoding": "ENCODING",
    "fail_on": "LEVEL",
    **dict.fromkeys(("fail_over", "fail_under"), "METRIC=NUMBER"),
    "fields": "FIELD",
    "fix": "safe|unsafe",
    "ignore_where": "COLUMN=VALUE",
    "like": "FILE",
    "parameter": "CODE.NAME=VALUE",
    "profile": "PROFILE",
    "radiation": "NAME=VALUE",
    "server": "URL",
    "severity": "RULE=LEVEL",
    "store": "postgresql://HOST/NAME",
    "stretch": "LOW,HIGH",
    "tolerance": "VALUE",
    "unit": "ID",
}
"""Name of a parameter -> how its value is named in help, where its type does not say enough."""

_BY_TYPE: Final = {Path: "FILE", int: "N", float: "NUMBER", str: "NAME"}
_PLACE: Final = re.compile("FILE|FOLDER|INVENTORY|RASTER|IMAGERY")
_REMOTE: Final = re.compile("INVENTORY|RASTER|IMAGERY")
_FOLDER: Final = re.compile(r"(New )?[Ff]older\b(?!, or)")


def with_common(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the common options, and with its values named in help and completed by the shell."""
    own = inspect.signature(function, eval_str=True)
    parameters = [
        p.replace(annotation=_described(p), kind=p.KEYWORD_ONLY)
        for p in own.parameters.values()
        if p.name not in COMMON
    ]
    common = [("quiet", False, COMMON), ("verbose", False, COMMON), ("log", None, COMMON)]
    if any(map(_may_be_remote, parameters)):
        common.insert(0, ("remote", False, {"remote": REMOTE}))
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=of[name])
        for name, default, of in common
    ]
    unknown = [p.name for p in added if p.name not in own.parameters]

    @wraps(function)
    def call(**values: Any) -> Any:
        return function(**{name: value for name, value in values.items() if name not in unknown})

    parameters += [p.replace(annotation=_described(p)) for p in added]
    call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def _may_be_remote(parameter: inspect.Parameter) -> bool:
    """Whether a parameter takes addresses, given ``--remote``: rasters to read, and inventories."""
    marks = typing.get_args(parameter.annotation)[1:]
    names = (m.metavar or "" for m in marks if isinstance(m, ParameterInfo))
    return WRITES not in marks and KEEPS not in marks and any(map(_REMOTE.search, names))


def _described(parameter: inspect.Parameter) -> Any:
    """The annotation of a parameter, its option with a name for the value and what completes it."""
    base, *marks = typing.get_args(parameter.annotation)
    for place, mark in enumerate(marks):
        if isinstance(mark, ParameterInfo):
            info = copy.copy(mark)
            info.metavar = _metavar(parameter.name, base, info)
            if info.autocompletion is None and not _is_closed(_kind(base)):
                info.autocompletion = COMPLETED.get(parameter.name)
            marks[place] = info
    return Annotated[base, *marks]


def _kind(base: Any) -> Any:
    """The type of one value."""
    kinds = typing.get_args(base) if isinstance(base, UnionType) else (base,)
    kind = next(t for t in kinds if t is not NoneType)
    return typing.get_args(kind)[0] if typing.get_origin(kind) is list else kind


def _is_closed(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _metavar(name: str, base: Any, info: ParameterInfo) -> str | None:
    if info.metavar is not None:
        return re.sub(r"^\[(.*)\]$", r"\1", info.metavar.removesuffix("...")) or None
    kind = _kind(base)
    if kind is bool:
        return None
    if _is_closed(kind):
        return "|".join(str(member.value) for member in kind)
    if kind is Path and _FOLDER.match(info.help or ""):
        return "FOLDER"
    named = METAVARS.get(name)
    if named is None or (
        kind in (int, float) and _PLACE.search(named)
    ):  # `units` may be files or their number
        return _BY_TYPE.get(kind, "VALUE")
    return named


def shown(parameter: Any) -> str:
    """How help writes a parameter: ``-o, --output FILE``."""
    name = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        return name + ("..." if parameter.nargs != 1 else "")
    names = sorted(parameter.opts, key=len)
    text = ", ".join(names) + (f" {name}" if name and not parameter.is_flag else "")
    return " / ".join((text, *parameter.secondary_opts))


def usage(parameter: Any) -> str:
    """How the line of usage writes an argument: ``[INVENTORY]...``."""
    name = parameter.metavar or parameter.name.upper()
    return (name if parameter.required else f"[{name}]") + ("..." if parameter.nargs != 1 else "")


_ADDRESS: Final = re.compile(r"(?i)(?:[\w-]+=)?(?P<address>(?:https?|ftp|s3|gs|az):/+\S+|/vsi\w+/\S+)")


def check_addresses(parameters: Iterable[Any], values: Mapping[str, object], marks: Collection[str]) -> None:
    """Refuse addresses (``https://``, ``s3://``) that a command does not read, in the same words everywhere.

    Parameters
    ----------
    parameters
        Of the command; those that name files or folders are looked at.
    values
        What was given for them.
    marks
        Names of those that are written.

    Raises
    ------
    OptionError
    """
    for parameter in parameters:
        if not _PLACE.search(parameter.metavar or ""):
            continue
        for found in _addresses(values.get(parameter.name)):
            name = f"{masked(_with_slashes(found))} is an address"
            if parameter.name in marks:
                raise OptionError(f"{name}; results are written to files of this machine.")
            if not _REMOTE.search(parameter.metavar):
                raise OptionError(f"{name}; download the file and give its path.")
            if not values["remote"]:
                raise OptionError(f"{name}; add --remote to read it, or download the file.")


def refuse_empty(parameters: Iterable[Any], values: Mapping[str, object], given: Collection[str]) -> None:
    """Refuse an empty name of a file, as of a variable of the shell that is not set: it is no folder ``.``.

    Raises
    ------
    OptionError
    """
    if not any(text == "" or text.endswith("=") for text in given) or not {".", "./"}.isdisjoint(given):
        return
    for parameter in parameters:
        value = values.get(parameter.name)
        several = value if isinstance(value, list | tuple) else [value]
        if _PLACE.search(parameter.metavar or "") and not {"", "."}.isdisjoint(map(str, several)):
            raise OptionError(
                f"{shown(parameter)} is empty; give a name (a variable that is not set is empty)."
            )


def downloaded(parameters: Iterable[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, with a file of this machine in place of each address of an inventory."""
    found = dict(values)
    for parameter in parameters:
        if "INVENTORY" in (parameter.metavar or "") and any(_addresses(values.get(parameter.name))):
            found[parameter.name] = _local(values[parameter.name])
    return found


def _local(value: Any) -> Any:
    from rogi.inventory.reading.addresses import downloaded as download

    if isinstance(value, list | tuple):
        return [_local(item) for item in value]
    address = next(_addresses(value), None)
    if address is None:
        return value
    progress = Progress(unit="MB")
    try:
        return type(value)(download(_with_slashes(address), progress))
    finally:
        progress.done()


def _with_slashes(address: str) -> str:
    """An address as it was typed: paths have one slash where it has two."""
    return re.sub(r"(?<=:)/(?=[^/])", "//", address)


def _addresses(value: object) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _addresses(item)
    elif isinstance(value, str | Path):
        match = _ADDRESS.fullmatch(str(value))
        if match is not None and not os.path.exists(match["address"]):  # noqa: PTH110 - a file is one
            yield match["address"]
