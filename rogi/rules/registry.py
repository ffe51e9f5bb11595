"""All rules, found by walking the family folders, and those of other packages; codes and names are unique."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from rogi.errors import OptionError
from rogi.extensions import Extension, loaded
from rogi.rules.rule import Rule, RuleInfo
from rogi.suggestions import did_you_mean

FOREIGN_CODE = re.compile(r"X[A-Z]{2}\d{3}")
"""Codes of rules of other packages."""

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
    for rule in _foreign({rule.info.name for rule in found.values()}):
        found[rule.info.code] = rule
    return MappingProxyType(found)


def _foreign(names: set[str]) -> list[Rule]:
    """Rules of other packages (entry points ``rogi.rules``), in order of their codes."""
    codes: set[str] = set()

    def check(extension: Extension, module: Any) -> None:
        info = module.RULE
        if not isinstance(info, RuleInfo):
            raise ValueError("its RULE is no RuleInfo")
        if not FOREIGN_CODE.fullmatch(info.code):
            raise ValueError(
                f"its code {info.code} should be X, two letters and three digits, none of rogi's own"
            )
        if info.code in codes or info.name in names:
            raise ValueError(f"the code {info.code} or the name {info.name} is taken")
        for part in (module.check, module.good, module.bad):
            if not callable(part):
                raise ValueError("check, good and bad should be functions")
        codes.add(info.code)
        names.add(info.name)

    made = [
        Rule(module.RULE, module.__doc__ or "", module.check, module.good, module.bad, extension.origin)
        for extension, module in loaded("rogi.rules", check).values()
    ]
    return sorted(made, key=lambda rule: rule.info.code)


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
    hint = did_you_mean(name, [*table, *by_name]) or "."
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
