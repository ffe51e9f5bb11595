"""Parameters of rules, from ``schemas/rules.yaml``, and with the values of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from rogi.errors import OptionError
from rogi.schema.documents import data_root, read_yaml, refuse_unknown
from rogi.schema.model import Evidence, Parameter
from rogi.suggestions import did_you_mean

SET_BY_USER = "set by the user"
_KEYS = ("value", "unit", "description", "source", "evidence")


@cache
def _packaged_parameters() -> Mapping[str, Parameter]:
    path = data_root() / "schemas" / "rules.yaml"
    raw = read_yaml(path) or {}
    for code, table in raw.items():
        for name, entry in table.items():
            refuse_unknown(entry, _KEYS, f"{path}: the parameter {code}.{name}")
    return MappingProxyType(
        {
            f"{code}.{name}": Parameter(
                name=f"{code}.{name}",
                value=tuple(entry["value"]) if isinstance(entry["value"], list) else entry["value"],
                unit=entry.get("unit"),
                description=entry["description"],
                source=entry["source"],
                evidence=Evidence(entry["evidence"]),
            )
            for code, table in raw.items()
            for name, entry in table.items()
        }
    )


def load_parameters(overrides: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, Parameter]:
    """Parameters of all rules, ``"GEO014.minimum_area"`` -> parameter, with the user's values.

    Parameters
    ----------
    overrides
        Name with code -> value of the same kind as the default.

    Raises
    ------
    OptionError
        If a name is unknown or a value is of another kind.
    """
    packaged = _packaged_parameters()
    if not overrides:
        return packaged
    table = dict(packaged)
    for name, value in overrides.items():
        if name not in packaged:
            hint = did_you_mean(name, packaged) or "."
            raise OptionError(
                f"There is no rule parameter {name!r}{hint} `rogi rule CODE` shows a rule's parameters."
            )
        default = packaged[name]
        table[name] = replace(
            default,
            value=_same_kind(name, value, default.value),
            source=SET_BY_USER,
            evidence=default.evidence,
        )
    return MappingProxyType(table)


def _same_kind(
    name: str, value: object, default: float | int | str | tuple[float | int | str, ...]
) -> float | int | str | tuple[float | int | str, ...]:
    if isinstance(default, tuple):
        if isinstance(value, (list, tuple)):
            kinds = (str,) if all(isinstance(d, str) for d in default) else (int, float)
            if all(isinstance(v, kinds) and not isinstance(v, bool) for v in value):
                return tuple(value)
        wanted = "a list of texts" if default and isinstance(default[0], str) else "a list of numbers"
    elif isinstance(default, str):
        if isinstance(value, str):
            return value
        wanted = "text"
    else:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
            return value
        wanted = "a number"
    raise OptionError(f"The parameter {name} must be {wanted} such as {default!r}, not {value!r}.")
