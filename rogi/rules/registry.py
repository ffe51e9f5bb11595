"""All rules, found by walking the family folders; codes and names are unique."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from rogi.errors import OptionError
from rogi.rules.rule import Rule

FAMILIES = ("structure", "primary_ids", "geometry", "attributes", "relations", "kinematics", "review")


@cache
def rules() -> Mapping[str, Rule]:
    """Code -> rule, in order of codes within families."""
    found: dict[str, Rule] = {}
    for family in FAMILIES:
        package = importlib.import_module(f"rogi.rules.{family}")
        for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if module_info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{package.__name__}.{module_info.name}")
            rule = Rule(module.RULE, module.__doc__ or "", module.check, module.good, module.bad)
            if rule.info.code in found:
                raise RuntimeError(f"rule code {rule.info.code} is used twice")
            found[rule.info.code] = rule
    return MappingProxyType(found)


def find_rule(name: str) -> Rule:
    """The rule of a code or name.

    Raises
    ------
    OptionError
        If there is no such rule; the message names close ones.
    """
    table = rules()
    if name.upper() in table:
        return table[name.upper()]
    by_name = {rule.info.name: rule for rule in table.values()}
    if name in by_name:
        return by_name[name]
    close = get_close_matches(name, [*table, *by_name], n=3) or get_close_matches(
        name.upper(), list(table), n=3
    )
    hint = f"; did you mean {', '.join(close)}?" if close else "."
    raise OptionError(f"There is no rule {name!r}{hint} `rogi rules` lists all rules.")


def expand(selectors: tuple[str, ...]) -> frozenset[str]:
    """Codes chosen by codes, names or prefixes (``GEO``, ``GEO01``).

    Raises
    ------
    OptionError
        If a selector matches no rule.
    """
    chosen: set[str] = set()
    for selector in selectors:
        prefix = selector.strip().upper()
        matches = {code for code in rules() if prefix and code.startswith(prefix)}
        chosen |= matches or {find_rule(selector.strip()).info.code}
    return frozenset(chosen)
