"""Settings of a validation, and where they come from: ``rogi.toml`` or ``[tool.rogi]``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from rogi.errors import OptionError
from rogi.raster.climate.options import ClimateOptions
from rogi.rules.rule import Severity
from rogi.schema.attributes import attributes
from rogi.schema.documents import read_toml
from rogi.suggestions import did_you_mean
from rogi.validation.waivers import Baseline, Waiver, parse_waivers

E = TypeVar("E", bound=StrEnum)

MAX_SETTINGS_BYTES = 4 * 1024 * 1024
CLIMATE = ("maat", "magt", "ap")
ATTRIBUTES = (
    "dem", "dem_crs", "nodata", "regions", "region_field", "fields", "only_missing", "buffer", "engine",
    "minimum_valid_share", "extreme_share", "slope_method",
)  # fmt: skip
"""Settings of ``[attributes]`` beside its tables: :data:`CLIMATE`, ``radiation``, and one for each source."""


class Profile(StrEnum):
    """How strictly severities are set.

    ``normal`` takes them as the rules give them. ``strict`` raises warnings to errors where the rule is
    established. ``lenient`` lowers warnings to information where the rule rests on memory of the
    guidelines only.
    """

    LENIENT = "lenient"
    NORMAL = "normal"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of one validation.

    Attributes
    ----------
    select, ignore
        Codes, names or prefixes of rules to run (empty: all) and not to run.
    severity
        Code, name or prefix -> severity that replaces the profile's; the longest selector wins.
    parameters
        ``"GEO014.minimum_area"`` -> value that replaces the schema's.
    today
        The date on which "in the future" begins and waivers expire; None: the system's.
    attributes
        The file that these settings are of, where it has a table ``[attributes]`` too (see
        `rogi.attributes.configuration.read_settings`); None elsewhere.
    """

    profile: Profile = Profile.NORMAL
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    fail_on: Severity | None = Severity.ERROR
    today: dt.date | None = None
    waivers: tuple[Waiver, ...] = ()
    baseline: Baseline | None = None
    schema: str | None = None
    dialect: str | None = None
    layers: tuple[str, ...] = ()
    attributes: Path | None = None


def find_settings_file(folder: Path) -> Path | None:
    """``rogi.toml``, or a ``pyproject.toml`` with ``[tool.rogi]``, in a folder or the nearest above it.

    The search ends at the first folder that holds ``.git``.
    """
    for place in (folder, *folder.parents):
        if (place / "rogi.toml").is_file():
            return place / "rogi.toml"
        project = place / "pyproject.toml"
        if project.is_file() and rogi_table(project):
            return project
        if (place / ".git").exists():
            return None
    return None


def load_settings(path: Path) -> Settings:
    """Settings of a file.

    Raises
    ------
    InputError
        If it cannot be read as TOML.
    OptionError
        If a key or value is not known.
    """
    table = rogi_table(path)
    found = settings_from(table, where=str(path), folder=path.parent)
    return replace(found, attributes=path) if "attributes" in table else found


def rogi_table(path: Path) -> Mapping[str, Any]:
    """The content of a settings file, or what ``[tool.rogi]`` of a ``pyproject.toml`` holds.

    Raises
    ------
    InputError
        If it cannot be read as TOML.
    """
    table = read_toml(path, MAX_SETTINGS_BYTES)
    if path.name != "pyproject.toml":
        return table
    tool = table.get("tool")
    own = tool.get("rogi") if isinstance(tool, Mapping) else None
    return own if isinstance(own, Mapping) else {}


def settings_from(table: Mapping[str, Any], where: str = "settings", folder: Path = Path()) -> Settings:
    """Settings of a table as ``rogi.toml`` has it."""
    known = {f.name for f in fields(Settings)} - {"today"} | {"waiver_file"}
    found: dict[str, Any] = {}
    waivers: list[Waiver] = []
    for key, value in table.items():
        if key not in known:
            hint = did_you_mean(key, sorted(known)) or "."
            raise OptionError(
                f"{where}: there is no setting {key!r}{hint} Known: {', '.join(sorted(known))}."
            )
        match key:
            case "select" | "ignore" | "layers":
                found[key] = _strings(value, key, where)
            case "profile":
                found[key] = choice(Profile, value, key, where)
            case "fail_on":
                found[key] = None if value == "never" else choice(Severity, value, key, where)
            case "severity":
                if not isinstance(value, Mapping):
                    raise OptionError(f"{where}: {key!r} is a table of rule = severity, found {value!r}.")
                found[key] = {k: choice(Severity, v, f"{key}.{k}", where) for k, v in value.items()}
            case "parameters":
                if not isinstance(value, Mapping):
                    raise OptionError(f"{where}: {key!r} is a table of 'CODE.name' = value, found {value!r}.")
                found[key] = _flatten(value)
            case "attributes":
                if not isinstance(value, Mapping):
                    raise OptionError(f"{where}: {key!r} is a table, [attributes], found {value!r}.")
                check_attribute_names(value, where)
            case "waivers":
                waivers += parse_waivers(value, where)
            case "waiver_file":
                waiver_path = folder / str(value)
                content = read_toml(waiver_path, MAX_SETTINGS_BYTES)
                waivers += parse_waivers(content.get("waivers", []), str(waiver_path))
            case "baseline":
                found[key] = Baseline.read(folder / str(value))
            case _:
                if not isinstance(value, str):
                    raise OptionError(f"{where}: {key!r} is text, found {value!r}.")
                found[key] = value
    return replace(Settings(), **found, waivers=tuple(waivers))


def attribute_groups() -> list[str]:
    """Tables of ``[attributes]``: groups of attributes whose inputs are named."""
    return sorted({a.group for a in attributes().values()} - {"geometry", "region", "relief"})


def check_attribute_names(table: Mapping[str, Any], where: str) -> None:
    """Refuse a setting of ``[attributes]`` that does not exist, whatever command reads the file.

    What the values mean is for `rogi.attributes.configuration.read_settings`.

    Raises
    ------
    OptionError
        With the nearest name.
    """
    names = (*ATTRIBUTES, *CLIMATE, *(group for group in attribute_groups() if group not in CLIMATE))
    checks = [("[attributes]", table, names)]
    options = ("files", *(f.name for f in fields(ClimateOptions)))
    checks += [(f"[attributes.{c}]", table[c], options) for c in CLIMATE if isinstance(table.get(c), Mapping)]
    if isinstance(radiation := table.get("radiation"), Mapping):
        from rogi.terrain import RadiationParameters  # it brings numba

        checks.append(("[attributes.radiation]", radiation, tuple(RadiationParameters().to_dict())))
    for title, given, known in checks:
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known) or f"; known are {', '.join(known)}."
                raise OptionError(f"{title} of {where} has no setting {name!r}{hint}")


def choice(options: type[E], value: object, key: str, where: str) -> E:
    """A member of a closed set, or an error that lists it."""
    try:
        return options(str(value).lower())
    except ValueError:
        allowed = [option.value for option in options]
        hint = did_you_mean(str(value), allowed) or "."
        raise OptionError(f"{where}: {key!r} is one of {', '.join(allowed)}; found {value!r}{hint}") from None


def _strings(value: object, key: str, where: str) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise OptionError(f"{where}: {key!r} is a list of text, found {value!r}.")
    return tuple(items)


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat
