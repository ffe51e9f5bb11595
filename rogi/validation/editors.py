"""JSON Schemas for editors: of ``rogi.toml``, of waivers, and of the YAML files that users write.

Editors complete and check a file as it is typed: TOML by ``#:schema FILE`` in its first line, YAML by
``# yaml-language-server: $schema=FILE``. That of the settings is made from the settings themselves.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from rogi.files import make_folder, write_text
from rogi.raster.climate.options import ClimateOptions
from rogi.rules.registry import rules
from rogi.rules.rule import Severity
from rogi.schema.documents import data_root
from rogi.schema.load import dialect_names, schema_ids
from rogi.schema.parameters import load_parameters
from rogi.text import as_json
from rogi.validation.settings import ATTRIBUTES, CLIMATE, Profile, attribute_groups

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""Of the schemas made here: editors of TOML know no later one."""

KINDS: Final = ("dialect", "evaluation", "model", "reference", "release", "schema", "vocabulary")
"""YAML files that users write, each with a JSON Schema in ``schemas/meta``."""

_TEXT: Final = {"type": "string"}


def editor_schemas() -> dict[str, Mapping[str, Any]]:
    """File name -> JSON Schema.

    Examples
    --------
    >>> sorted(editor_schemas())[:3]
    ['dialect.schema.json', 'evaluation.schema.json', 'model.schema.json']
    """
    made: dict[str, Mapping[str, Any]] = {
        "rogi.schema.json": settings_schema(),
        "waivers.schema.json": waivers_schema(),
    }
    for kind in KINDS:
        path = data_root() / "schemas" / "meta" / f"{kind}.schema.json"
        made[f"{kind}.schema.json"] = json.loads(path.read_text(encoding="utf-8"))
    return made


def write_editor_schemas(folder: Path, kinds: Collection[str] = (), *, replace: bool = True) -> list[Path]:
    """Write them into a folder, which is made if need be.

    Parameters
    ----------
    folder : Path
    kinds : collection of str, optional
        Only these; by default all.
    replace : bool
        Whether files that are there are written anew.

    Returns
    -------
    list of Path
        What was written.
    """
    make_folder(folder)
    written = []
    for name, content in editor_schemas().items():
        path = folder / name
        wanted = not kinds or name.removesuffix(".schema.json") in kinds
        if wanted and (replace or not path.exists()):
            write_text(path, as_json(content, 2) + "\n")
            written.append(path)
    return written


def waivers_schema() -> dict[str, Any]:
    """JSON Schema of a file of waivers."""
    return _root("Waivers of rogi", {"waivers": _waivers()})


def settings_schema() -> dict[str, Any]:
    """JSON Schema of ``rogi.toml`` and of ``[tool.rogi]``."""
    level = _one_of(s.value for s in Severity)
    properties: dict[str, Any] = {
        "profile": _one_of(p.value for p in Profile) | {"description": "How strictly severities are set."},
        "select": _list(_rule(), "Only these rules: codes, names or prefixes."),
        "ignore": _list(_rule(), "Not these rules."),
        "severity": {
            "type": "object",
            "description": "Code, name or prefix of rules and their severity; the longest match wins.",
            "propertyNames": _rule(),
            "additionalProperties": level,
        },
        "parameters": _parameters(),
        "fail_on": _one_of((*(s.value for s in Severity), "never"))
        | {"description": "Least severity for exit code 1."},
        "waivers": _waivers(),
        "waiver_file": _TEXT | {"description": "File with [[waivers]], relative to this one."},
        "baseline": _TEXT | {"description": "File of known findings, relative to this one."},
        "schema": _open(schema_ids(), "Schema to check against; by default that of the dialect."),
        "dialect": _open(dialect_names(), "How columns are named; detected by default."),
        "layers": _list(_TEXT, "ROLE=FILE[:LAYER], where layers are not found by themselves."),
        "attributes": _attributes(),
    }
    return _root("Settings of rogi", properties)


def _attributes() -> dict[str, Any]:
    files = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
    climate: dict[str, Any] = {f.name: {} for f in fields(ClimateOptions)}
    source = {"anyOf": [files, {"type": "object", "properties": {"files": files, **climate}}]}
    properties: dict[str, Any] = {name: {} for name in ATTRIBUTES}
    properties |= {"dem": files, "regions": _TEXT, "only_missing": {"type": "boolean"}}
    properties |= dict.fromkeys(CLIMATE, source) | {"radiation": {"type": "object"}}
    properties |= {group: {} for group in attribute_groups() if group not in properties}
    return {
        "type": "object",
        "description": "Rasters of `rogi attributes` and `rogi validate --check-attributes`.",
        "properties": properties,
        "additionalProperties": False,
    }


def _parameters() -> dict[str, Any]:
    """Both ``"GEO014.minimum_area" = 0.02`` and ``[parameters.GEO014]``."""
    flat: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, parameter in load_parameters().items():
        code, _, short = name.partition(".")
        kind = _kind(parameter.value) | {"default": parameter.value}
        flat[name] = kind
        nested.setdefault(code, {})[short] = kind
    tables = {
        code: {"type": "object", "properties": table, "additionalProperties": False}
        for code, table in nested.items()
    }
    return {
        "type": "object",
        "description": "CODE.name of a rule's parameter and its value; `rogi rule CODE` lists them.",
        "properties": flat | tables,
        "additionalProperties": False,
    }


def _kind(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, list | tuple):
        return {"type": "array"}
    return {"type": "object"} if isinstance(value, Mapping) else dict(_TEXT)


def _rule() -> dict[str, Any]:
    """A code or a name, which editors complete, or a prefix of codes."""
    table = rules()
    known = [*table, *(rule.info.name for rule in table.values())]
    return {"anyOf": [{"enum": known}, {"type": "string", "pattern": "^[A-Za-z]+[0-9]{0,3}$"}]}


def _waivers() -> dict[str, Any]:
    item = {
        "type": "object",
        "required": ["reason", "author"],
        "anyOf": [{"required": ["fingerprint"]}, {"required": ["rule", "id"]}],
        "properties": {
            "rule": _rule() | {"description": "Code or name of the rule."},
            "id": _TEXT | {"description": "Primary ID of the unit whose findings of the rule are meant."},
            "fingerprint": _TEXT | {"description": "Of one single finding, from a report."},
            "reason": _TEXT | {"minLength": 1, "description": "Why the finding is meant."},
            "author": _TEXT | {"minLength": 1, "description": "Who decided."},
            "expires": {"description": "Day from which the finding counts again, e.g. 2027-12-31."},
        },
        "additionalProperties": False,
    }
    return {"type": "array", "items": item, "description": "Findings that are meant and do not count."}


def _root(title: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": {"$schema": _TEXT, **properties},
        "additionalProperties": False,
    }


def _one_of(values: Any) -> dict[str, Any]:
    return {"enum": list(values)}


def _open(values: Any, about: str) -> dict[str, Any]:
    """A known name, which editors complete, or the path of a file."""
    return {"anyOf": [{"enum": list(values)}, _TEXT], "description": about}


def _list(item: Mapping[str, Any], about: str) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}], "description": about}
