"""What a shell completes as values of options: rules, schemas, dialects, formats and other closed lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, Final

Completer = Callable[[str], list[str] | list[tuple[str, str]]]


def of(values: Iterable[str] | str, ending: str = "") -> Completer:
    """Complete one of some values, or of those of ``module:name``, which is imported when it is asked for.

    Examples
    --------
    >>> of(("safe", "unsafe"))("s")
    ['safe']
    """

    def complete(incomplete: str) -> list[str]:
        found = _loaded(values) if isinstance(values, str) else values
        return [text for value in found if (text := f"{value}{ending}").startswith(incomplete)]

    return complete


def _loaded(home: str) -> Any:
    module, _, name = home.partition(":")
    found = getattr(import_module(module), name)
    return found if isinstance(found, type) or not callable(found) else found()


def _rules(incomplete: str) -> list[tuple[str, str]]:
    rules = _loaded("rogi.rules.registry:rules")
    if not incomplete[:1].islower():
        return [(code, rule.info.name) for code, rule in rules.items() if code.startswith(incomplete)]
    names = [(code.lower(), rule.info.name) for code, rule in rules.items()]
    names += [(rule.info.name, code) for code, rule in rules.items()]
    return [(name, about) for name, about in names if name.startswith(incomplete)]


def _rule_levels(incomplete: str) -> list[str]:
    code, sign, level = incomplete.partition("=")
    if not sign:
        return [f"{name}=" for name, _ in _rules(code)]
    return [f"{code}={name}" for name in ("error", "warning", "info") if name.startswith(level)]


COMPLETED: Final[dict[str, Completer]] = {
    **dict.fromkeys(("select", "ignore", "code"), _rules),
    **dict.fromkeys(("schema", "to_schema"), of("rogi.schema.load:schema_ids")),
    "dialect": of("rogi.schema.load:dialect_names"),
    "fail_on": of(("error", "warning", "info", "never")),
    "fields": of("rogi.attributes.fields:names"),
    "figure_format": of(("png", "svg", "pdf")),
    "fix": of(("safe", "unsafe")),
    "layer": of("rogi.schema.model:Role", "="),
    "parameter": of("rogi.schema.parameters:load_parameters", "="),
    "profile": of("rogi.validation.settings:Profile"),
    "severity": _rule_levels,
    "to_format": of("rogi.inventory.write:WriteFormat"),
}
"""Name of a parameter -> what completes it; formats are those of the command, and closed sets complete
themselves."""
