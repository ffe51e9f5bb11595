"""What answers of an InvenioRDM repository are made of: anything else is refused before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_TEXT: Final = {"type": ["string", "null"]}
RECORD: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": ["string", "integer"]},
        "created": _TEXT,
        "doi": _TEXT,
        "is_published": {"type": ["boolean", "null"]},
        "metadata": {
            "type": "object",
            "properties": {"title": _TEXT, "version": _TEXT, "description": _TEXT},
        },
        "parent": {"type": "object"},
        "pids": {
            "type": "object",
            "properties": {"doi": {"type": "object", "properties": {"identifier": _TEXT}}},
        },
        "errors": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["field", "messages"],
                "properties": {"field": {"type": "string"}, "messages": {"type": "array"}},
            },
        },
    },
}
"""A record or a draft."""
PUBLISHED: Final[dict[str, Any]] = {**RECORD, "required": ["id", "metadata"]}
FILES: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["entries"],
    "properties": {
        "entries": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key"],
                "properties": {
                    "key": {"type": "string"},
                    "checksum": _TEXT,
                    "size": {"type": ["integer", "null"], "minimum": 0},
                    "status": _TEXT,
                },
            },
        }
    },
}
"""The files of a record or draft."""
HITS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["hits"],
    "properties": {
        "hits": {
            "type": "object",
            "required": ["hits", "total"],
            "properties": {
                "hits": {"type": "array", "items": RECORD},
                "total": {
                    "type": ["integer", "object"],
                    "required": ["value"],
                    "properties": {"value": {"type": "integer"}},
                },
            },
        }
    },
}
"""A page of records."""
CACHED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["record", "doi", "title", "version", "files"],
    "properties": {
        **{name: {"type": "string"} for name in ("record", "doi", "title", "version")},
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "checksum", "size"],
                "properties": {
                    "key": {"type": "string"},
                    "checksum": {"type": "string"},
                    "size": {"type": "integer", "minimum": 0},
                },
            },
        },
    },
}
"""What the cache keeps of a record."""


def fault(content: object, schema: Mapping[str, Any]) -> str | None:
    """What is wrong with an answer, in short; None where it is as it should be.

    Examples
    --------
    >>> fault({"id": 3}, RECORD), fault([], RECORD), fault({"id": 3, "parent": 5}, RECORD)
    (None, 'it is no object', 'parent is no object')
    """
    import jsonschema

    error = next(iter(sorted(jsonschema.Draft202012Validator(schema).iter_errors(content), key=str)), None)
    if error is None:
        return None
    where = ".".join(map(str, error.absolute_path)) or "it"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{where} has no {missing[0]}"
    kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    return f"{where} is no {kinds[0]}" if error.validator == "type" else f"{where} is out of range"
