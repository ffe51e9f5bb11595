"""Settings of a run of `rogi attributes`: read from TOML, stored with the result."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi.attributes.registry import Given, given, sources
from rogi.attributes.relief import ZonalOptions
from rogi.attributes.zonal.groups import Engine
from rogi.attributes.zonal.statistics import EXTREME_SHARE, MIN_VALID_SHARE
from rogi.errors import InputError, OptionError
from rogi.raster.climate.options import ClimateOptions
from rogi.raster.guard import address
from rogi.terrain import RadiationParameters, SlopeMethod
from rogi.validation.settings import ATTRIBUTES, CLIMATE, check_attribute_names, rogi_table

if TYPE_CHECKING:
    import geopandas as gpd

OWN = frozenset({*ATTRIBUTES, *CLIMATE, "radiation"})
"""Settings that are no sources of `rogi.attributes.registry`."""


@dataclass(frozen=True)
class ClimateSource:
    """Files of a climate field and how to read them."""

    files: tuple[str, ...]
    options: ClimateOptions = field(default_factory=ClimateOptions)


@dataclass(frozen=True)
class AttributeSettings:
    """What to derive, from what, and how.

    Attributes
    ----------
    dem : tuple of str
        Files or folders of the elevation model.
    dem_crs : str, optional
        For files that name none.
    nodata : tuple of float
        Numbers of the elevation model that are void, beside those that its files name.
    maat, magt, ap : ClimateSource, optional
        Air temperature, ground temperature, precipitation.
    regions : str or GeoDataFrame, optional
        Polygons with names.
    region_field : str, optional
        Column of the names; by default the only text column.
    fields : tuple of str
        Concepts, column names, or groups; empty: all that the given inputs allow.
    only_missing : bool
        Whether values that are there stay.
    buffer : float, optional
        Metres around the markers, for inventories without outlines.
    zonal : ZonalOptions
    slope_method : SlopeMethod
    radiation : RadiationParameters
    inputs : tuple of Given
        Other sources of attributes (see `rogi.attributes.registry`), in the order of their names.
    """

    dem: tuple[str, ...] = ()
    dem_crs: str | None = None
    nodata: tuple[float, ...] = ()
    maat: ClimateSource | None = None
    magt: ClimateSource | None = None
    ap: ClimateSource | None = None
    regions: str | gpd.GeoDataFrame | None = None
    region_field: str | None = None
    fields: tuple[str, ...] = ()
    only_missing: bool = False
    buffer: float | None = None
    zonal: ZonalOptions = field(default_factory=ZonalOptions)
    slope_method: SlopeMethod = SlopeMethod.HORN
    radiation: RadiationParameters = field(default_factory=RadiationParameters)
    inputs: tuple[Given, ...] = ()

    def with_input(self, name: str, files: tuple[str, ...], choices: Mapping[str, Any]) -> AttributeSettings:
        """The settings with other files or choices (those that are not None) for a source."""
        old = next((g for g in self.inputs if g.name == name), None)
        made = {key: value for key, value in choices.items() if value is not None}
        if old is None and not files:
            if made:
                raise OptionError(
                    f"--{name}-{next(iter(made))} was given without --{name}; name the data too."
                )
            return self
        if old is not None:
            files, made = files or old.files, {**old.choices, **made}
        others = [g for g in self.inputs if g.name != name]
        inputs = sorted([*others, given(name, files, made)], key=lambda g: g.name)
        return replace(self, inputs=tuple(inputs))

    def with_climate(
        self, name: str, files: tuple[str, ...], changes: Mapping[str, Any]
    ) -> AttributeSettings:
        """The settings with other files or choices (those that are not None) for a climate field."""
        old: ClimateSource | None = getattr(self, name)
        chosen = {key: value for key, value in changes.items() if value is not None}
        if old is None and not files:
            if chosen:
                raise OptionError(
                    f"--{name}-{next(iter(chosen))} was given without --{name}; name the data too."
                )
            return self
        options = replace(old.options if old is not None else ClimateOptions(), **chosen)
        source = ClimateSource(files or (old.files if old is not None else ()), options)
        changed: dict[str, Any] = {name: source}
        return replace(self, **changed)


def read_settings(path: Path) -> AttributeSettings:
    """Settings from the table ``[attributes]`` of a TOML file, or ``[tool.rogi.attributes]`` of a
    ``pyproject.toml``.

    Paths in it are relative to its folder.

    Raises
    ------
    InputError
        It cannot be read.
    OptionError
        An unknown name or a wrong value.
    """
    table = rogi_table(path).get("attributes")
    if not isinstance(table, dict):
        raise InputError(f"{path} has no table [attributes].")
    return _settings(table, path)


def _settings(table: Mapping[str, Any], path: Path) -> AttributeSettings:
    plain = ("dem_crs", "region_field", "only_missing", "buffer")
    check_attribute_names(table, str(path))
    for name, kind, what in (
        ("dem_crs", str, "text"),
        ("region_field", str, "text"),
        ("only_missing", bool, "true or false"),
        ("buffer", (int, float), "a number of metres"),
    ):
        if name in table and (
            not isinstance(table[name], kind) or isinstance(table[name], bool) != (kind is bool)
        ):
            raise OptionError(f"{name} in [attributes] of {path} is {what}, found {table[name]!r}.")
    values: dict[str, Any] = {name: table[name] for name in plain if name in table}
    values["dem"] = _paths(table.get("dem", ()), path)
    void = table.get("nodata", ())
    values["nodata"] = tuple(map(float, void if isinstance(void, list | tuple) else [void]))
    given = table.get("fields", ())
    values["fields"] = tuple(map(str, [given] if isinstance(given, str) else given))
    if "regions" in table:
        values["regions"] = _paths(table["regions"], path)[0]
    for name in CLIMATE:
        if name in table:
            values[name] = _climate(table[name], name, path)
    try:
        values["zonal"] = ZonalOptions(
            Engine(table.get("engine", Engine.COVERAGE)),
            float(table.get("minimum_valid_share", MIN_VALID_SHARE)),
            float(table.get("extreme_share", EXTREME_SHARE)),
        )
        values["slope_method"] = SlopeMethod(table.get("slope_method", SlopeMethod.HORN))
    except (ValueError, TypeError) as error:
        raise OptionError(f"A value in [attributes] of {path} is wrong: {error}.") from error
    radiation = table.get("radiation", {})
    if not isinstance(radiation, dict):
        raise OptionError(f"[attributes.radiation] of {path} should be a table of parameters.")
    values["radiation"] = RadiationParameters.from_dict(radiation)
    values["inputs"] = tuple(_input(table[name], name, path) for name in sorted(set(table) - OWN))
    return AttributeSettings(**values)


def _input(value: Any, name: str, path: Path) -> Given:
    table = dict(value) if isinstance(value, dict) else {"files": value}
    files = _paths(table.pop("files", ()), path)
    return given(name, files, table, f"[attributes.{name}] of {path}")


def _climate(value: Any, name: str, path: Path) -> ClimateSource:
    table = value if isinstance(value, dict) else {"files": value}
    names = [f.name for f in fields(ClimateOptions)]
    if "files" not in table:
        raise OptionError(f"[attributes.{name}] of {path} names no files.")
    options = {key: table[key] for key in names if key in table}
    if "period" in options:
        try:
            first, last = (int(year) for year in options["period"])
        except (TypeError, ValueError):
            raise OptionError(
                f"period in [attributes.{name}] of {path} is two years, e.g. [1991, 2020]."
            ) from None
        options["period"] = (first, last)
    return ClimateSource(_paths(table["files"], path), ClimateOptions(**options))


def _paths(value: Any, path: Path) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else list(value)
    return tuple(str(item) if address(item) else str(path.parent / str(item)) for item in items)


def settings_toml(settings: AttributeSettings, folder: Path) -> str:
    """The settings as TOML that `read_settings` reads from a file in `folder`: paths are relative to it."""
    lines = ["# Settings of `rogi attributes`; use again with --config.", "[attributes]"]

    def put(name: str, value: Any) -> None:
        if value is not None:
            lines.append(f"{name} = {_toml(value)}")

    put("dem", [_relative(p, folder) for p in settings.dem])
    put("dem_crs", settings.dem_crs)
    put("nodata", list(settings.nodata) or None)
    put("regions", _relative(settings.regions, folder) if isinstance(settings.regions, str) else None)
    put("region_field", settings.region_field)
    put("fields", list(settings.fields))
    put("only_missing", settings.only_missing)
    put("buffer", settings.buffer)
    put("engine", settings.zonal.engine.value)
    put("minimum_valid_share", settings.zonal.minimum_valid_share)
    put("extreme_share", settings.zonal.extreme_share)
    put("slope_method", settings.slope_method.value)
    for name in CLIMATE:
        source: ClimateSource | None = getattr(settings, name)
        if source is not None:
            lines += ["", f"[attributes.{name}]"]
            put("files", [_relative(p, folder) for p in source.files])
            for option in fields(ClimateOptions):
                put(option.name, getattr(source.options, option.name))
    for item in settings.inputs:
        lines += ["", f"[attributes.{item.name}]"]
        put("files", [_relative(p, folder) for p in item.files])
        for choice in sources()[item.name].choices:
            put(choice.name, item.choice(choice.name))
    lines += ["", "[attributes.radiation]"]
    for name, value in settings.radiation.to_dict().items():
        put(name, value)
    return "\n".join(lines) + "\n"


def _relative(path: str, folder: Path) -> str:
    if address(path):
        return path
    try:
        return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()
    except ValueError:  # of Windows: on another drive
        return str(Path(path).resolve())


def _toml(value: Any) -> str:
    """A TOML value; JSON's strings, numbers, booleans and lists are TOML's too."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
