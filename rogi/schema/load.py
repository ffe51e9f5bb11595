"""Schemas, dialects and vocabularies, read from their YAML files.

Packaged files are trusted (tests check them against ``schemas/meta``); a file of the user is checked
against its JSON Schema when it is loaded. Everything is read once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rogi.errors import InputError, OptionError
from rogi.extensions import files
from rogi.schema.documents import data_root, read_yaml, refuse_unknown
from rogi.schema.model import (
    Attribute,
    Candidate,
    Concept,
    Dialect,
    DialectLayer,
    Evidence,
    Field,
    FieldType,
    LayerSchema,
    Match,
    Role,
    Schema,
    Term,
    ValueMap,
    Vocabulary,
)
from rogi.schema.units import declared_unit
from rogi.suggestions import did_you_mean

__all__ = [
    "concepts",
    "data_root",
    "dialect_names",
    "dialects",
    "load_dialect",
    "load_schema",
    "load_vocabulary",
    "read_yaml",
    "schema_ids",
    "vocabulary_names",
]


def _keys(kind: type) -> frozenset[str]:
    return frozenset(f.name for f in fields(kind))


_CONCEPT_KEYS: Final = _keys(Concept) - {"name"}
_CONCEPT_OVERRIDES: Final = _CONCEPT_KEYS - {"type", "attribute"}
_FIELD_KEYS: Final = _keys(Field) | _CONCEPT_OVERRIDES
_VALUE_KEYS: Final = frozenset(("to", "match", "note"))


# ---- where the files are


def _folder(name: str) -> Path:
    return data_root() / "schemas" / name


# ---- concepts


@cache
def concepts() -> Mapping[str, Concept]:
    """All packaged concepts by name."""
    packaged = _folder("") / "concepts.yaml"
    found = _concepts(read_yaml(packaged), packaged)
    for extension, path in files("rogi.attributes", "concepts.yaml").values():
        try:
            own = _concepts(read_yaml(path, kind="concepts"), path)
        except InputError as error:
            extension.refuse(str(error))
            continue
        mixed = sorted(
            name for name, c in own.items() if c.attribute is None or c.attribute.group != extension.name
        )
        if mixed or found.keys() & own.keys():
            extension.refuse(f"{path.name} should have new concepts, all of the group {extension.name}")
            continue
        found |= own
    return MappingProxyType(found)


def _concepts(raw: Mapping[str, Any], path: Path) -> dict[str, Concept]:
    return {name: _concept(name, entry, f"{path}: the concept {name!r}") for name, entry in raw.items()}


def _concept(name: str, entry: Mapping[str, Any], where: str) -> Concept:
    refuse_unknown(entry, _CONCEPT_KEYS, where)
    return Concept(
        name=name,
        **{
            **entry,
            "type": FieldType(entry["type"]),
            "evidence": Evidence(entry["evidence"]),
            "missing": tuple(entry.get("missing", ())),
            "attribute": _attribute(name, entry["attribute"], where) if "attribute" in entry else None,
        },
    )


def _attribute(name: str, entry: Mapping[str, Any], where: str) -> Attribute:
    refuse_unknown(entry, _keys(Attribute), f"{where}, its attribute")
    plain: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    plain["shown"] = frozenset(entry.get("shown", ()))
    return Attribute(**{"family": name, **plain})


def _known(name: str, table: Mapping[str, Concept], path: object) -> Concept:
    try:
        return table[name]
    except KeyError:
        raise InputError(
            f"{path} uses the concept {name!r}, which does not exist{did_you_mean(name, table)}."
        ) from None


# ---- schemas


@cache
def schema_ids() -> tuple[str, ...]:
    """``name/version`` of the packaged schemas, by name, then from old to new."""
    found = [
        (path.parent.name, _version_key(path.stem), path.stem)
        for path in data_root().joinpath("schemas").glob("*/*.yaml")
        if path.parent.name not in ("dialects", "vocabularies", "references", "meta")
    ]
    return (*(f"{name}/{version}" for name, _, version in sorted(found)), *_foreign_schemas())


@cache
def _foreign_schemas() -> Mapping[str, Path]:
    """Schemas of other packages by id: an entry point ``mine`` is the schema of ``mine.yaml``."""
    found: dict[str, Path] = {}
    taken = tuple(path.parent.name for path in data_root().joinpath("schemas").glob("*/*.yaml"))
    for name, (extension, path) in files("rogi.schemas", "{name}.yaml", taken).items():
        try:
            schema = _schema(read_yaml(path, kind="schema"), path)
        except InputError as error:
            extension.refuse(str(error))
            continue
        if schema.name != name:
            extension.refuse(f"the schema of {path.name} is named {schema.name}")
            continue
        found[schema.id] = path
    return MappingProxyType(found)


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def load_schema(id: str) -> Schema:
    """A schema by id (``tprogi/1.0``), by name (``tprogi``, the newest) or by the path of a YAML file.

    Raises
    ------
    OptionError
        If there is no such schema.
    InputError
        If the user's file is not a schema.
    """
    if _is_file(id):
        return _user_schema(*_fingerprint(id))
    known = schema_ids()
    matching = [k for k in known if k == id or k.rpartition("/")[0] == id]
    if not matching:
        hint = did_you_mean(id, known if "/" in id else dict.fromkeys(k.rpartition("/")[0] for k in known))
        raise OptionError(
            f"There is no schema {id!r}{hint or '.'} Known schemas are {', '.join(known)}; "
            "a schema of your own is given by the path of its YAML file."
        )
    return _packaged_schema(matching[-1])


@cache
def _packaged_schema(id: str) -> Schema:
    path = _foreign_schemas().get(id) or data_root().joinpath("schemas", f"{id}.yaml")
    return _schema(read_yaml(path), path)


@lru_cache(maxsize=32)
def _user_schema(path: Path, _modified: int, _size: int) -> Schema:
    return _schema(read_yaml(path, kind="schema"), path)


def _schema(raw: Mapping[str, Any], path: Path) -> Schema:
    refuse_unknown(raw, _keys(Schema) | {"concepts"}, path)
    table = {**concepts(), **_concepts(raw.get("concepts", {}), path)}
    layers = []
    for entry in raw["layers"]:
        refuse_unknown(entry, _keys(LayerSchema), f"{path}: the layer {entry['name']!r}")
        made = tuple(_field(item, table, path) for item in entry["fields"])
        _refuse_repeats([f.alias for f in made], "column name", entry["name"], path)
        _refuse_repeats([f.concept.name for f in made], "concept", entry["name"], path)
        key = entry["key"]
        if key is not None and key not in {f.concept.name for f in made}:
            raise InputError(f"{path}: the key {key!r} of layer {entry['name']!r} is none of its concepts.")
        layers.append(
            LayerSchema(
                role=Role(entry["role"]),
                name=entry["name"],
                title=entry["title"],
                description=entry["description"],
                geometry=tuple(entry["geometry"]),
                required=entry["required"],
                key=key,
                fields=made,
            )
        )
    _refuse_repeats([layer.role.value for layer in layers], "role", raw["name"], path)
    return Schema(
        name=raw["name"],
        version=raw["version"],
        title=raw["title"],
        description=raw["description"],
        source=raw["source"],
        crs=raw["crs"],
        layers=tuple(layers),
    )


def _field(item: Mapping[str, Any], table: Mapping[str, Concept], path: Path) -> Field:
    refuse_unknown(item, _FIELD_KEYS, f"{path}: the field {item['name']!r}")
    concept = _known(item["concept"], table, path)
    changes = {k: v for k, v in item.items() if k in _CONCEPT_OVERRIDES}
    if "evidence" in changes:
        changes["evidence"] = Evidence(changes["evidence"])
    if changes:
        concept = replace(concept, **changes)
    return Field(
        name=item["name"],
        concept=concept,
        required=item.get("required", False),
        nullable=item.get("nullable", True),
        unique=item.get("unique", False),
        required_evidence=Evidence(item.get("required_evidence", Evidence.VERIFIED)),
    )


def _refuse_repeats(names: list[str], what: str, where: str, path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: {where!r} has the {what} {repeated[0]!r} more than once.")


# ---- vocabularies


@cache
def load_vocabulary(name: str) -> Vocabulary:
    """A packaged vocabulary.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    path = _folder("vocabularies") / f"{name}.yaml"
    if name not in vocabulary_names():
        hint = did_you_mean(name, vocabulary_names()) or "."
        raise OptionError(f"There is no vocabulary {name!r}{hint} Known are {', '.join(vocabulary_names())}.")
    raw = read_yaml(path)
    refuse_unknown(raw, _keys(Vocabulary), path)
    for term in raw["terms"]:
        refuse_unknown(term, _keys(Term), f"{path}: the term {term['value']!r}")
    evidence = Evidence(raw["evidence"])
    terms = tuple(
        Term(**{**term, "evidence": Evidence(term.get("evidence", evidence))}) for term in raw["terms"]
    )
    return Vocabulary(
        raw["name"], raw["version"], raw["title"], terms, raw["closed"], evidence, raw["source"]
    )


@cache
def vocabulary_names() -> tuple[str, ...]:
    """Names of the packaged vocabularies."""
    return tuple(sorted(path.stem for path in _folder("vocabularies").glob("*.yaml")))


# ---- dialects


@cache
def dialect_names() -> tuple[str, ...]:
    """Names of the packaged dialects, and of those of other packages."""
    packaged = sorted(path.stem for path in _folder("dialects").glob("*.yaml"))
    return (*packaged, *_foreign_dialects())


@cache
def _foreign_dialects() -> Mapping[str, Dialect]:
    """Dialects of other packages: an entry point ``mine`` is the dialect of ``mine.yaml``."""
    found: dict[str, Dialect] = {}
    taken = tuple(path.stem for path in _folder("dialects").glob("*.yaml"))
    for name, (extension, path) in files("rogi.dialects", "{name}.yaml", taken).items():
        try:
            dialect = _dialect(read_yaml(path, kind="dialect"), path)
            load_schema(dialect.schema)
        except (InputError, OptionError) as error:
            extension.refuse(str(error))
            continue
        if dialect.name != name:
            extension.refuse(f"the dialect of {path.name} is named {dialect.name}")
            continue
        found[name] = dialect
    return MappingProxyType(found)


@cache
def dialects() -> tuple[Dialect, ...]:
    """All packaged dialects, those of higher priority first."""
    found = [load_dialect(name) for name in dialect_names()]
    return tuple(sorted(found, key=lambda d: (-d.priority, d.name)))


def load_dialect(name_or_path: str) -> Dialect:
    """A dialect by name or by the path of a YAML file.

    Raises
    ------
    OptionError
        If there is no such dialect.
    InputError
        If the user's file is not a dialect.
    """
    if _is_file(name_or_path):
        return _user_dialect(*_fingerprint(name_or_path))
    if name_or_path not in dialect_names():
        hint = did_you_mean(name_or_path, dialect_names()) or "."
        raise OptionError(
            f"There is no dialect {name_or_path!r}{hint} Known dialects are {', '.join(dialect_names())}; "
            "a dialect of your own is given by the path of its YAML file."
        )
    return _packaged_dialect(name_or_path)


@cache
def _packaged_dialect(name: str) -> Dialect:
    foreign = _foreign_dialects()
    if name in foreign:
        return foreign[name]
    path = _folder("dialects") / f"{name}.yaml"
    return _dialect(read_yaml(path), path)


@lru_cache(maxsize=32)
def _user_dialect(path: Path, _modified: int, _size: int) -> Dialect:
    return _dialect(read_yaml(path, kind="dialect"), path)


def _dialect(raw: Mapping[str, Any], path: Path) -> Dialect:
    refuse_unknown(raw, _keys(Dialect), path)
    layers = tuple(_dialect_layer(entry, path) for entry in raw["layers"])
    _refuse_repeats([layer.role.value for layer in layers], "role", raw["name"], path)
    return Dialect(
        name=raw["name"],
        title=raw["title"],
        description=raw["description"],
        schema=raw["schema"],
        source=raw["source"],
        evidence=Evidence(raw["evidence"]),
        layers=layers,
        priority=raw.get("priority", 0),
        crs=raw.get("crs", ""),
    )


def _dialect_layer(entry: Mapping[str, Any], path: Path) -> DialectLayer:
    known = concepts()
    where = f"{path}: the layer of {entry['role']}s"
    refuse_unknown(entry, _keys(DialectLayer), where)
    for c in entry.get("candidates", ()):
        refuse_unknown(c, _keys(Candidate), f"{where}, a candidate")
    candidates = tuple(
        Candidate(c["concept"], tuple(c["columns"]), c["pattern"]) for c in entry.get("candidates", ())
    )
    mentioned = [
        *entry["columns"],
        *entry.get("values", {}),
        *entry.get("units", {}),
        *entry.get("constants", {}),
        *(c.concept for c in candidates),
    ]
    for name in mentioned:
        _known(name, known, path)
    for candidate in candidates:
        try:
            re.compile(candidate.pattern)
        except re.error as error:
            raise InputError(
                f"{path}: {candidate.pattern!r} is not a regular expression: {error}."
            ) from error
    return DialectLayer(
        role=Role(entry["role"]),
        names=tuple(entry["names"]),
        columns={k: (v,) if isinstance(v, str) else tuple(v) for k, v in entry["columns"].items()},
        values={
            concept: {str(value): _value_map(target, where) for value, target in table.items()}
            for concept, table in entry.get("values", {}).items()
        },
        units={
            name: declared_unit(text, name, known[name].unit, where)
            for name, text in entry.get("units", {}).items()
        },
        constants=dict(entry.get("constants", {})),
        signature=tuple(entry.get("signature", ())),
        ignored=tuple(entry.get("ignored", ())),
        candidates=candidates,
    )


def _value_map(target: str | Mapping[str, str] | None, where: str) -> ValueMap:
    if target is None or isinstance(target, str):
        return ValueMap(target)
    refuse_unknown(target, _VALUE_KEYS, f"{where}, the value {target['to']!r}")
    return ValueMap(target["to"], Match(target.get("match", Match.EXACT)), target.get("note", ""))


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _fingerprint(name: str) -> tuple[Path, int, int]:
    path = Path(name)
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    return path, stat.st_mtime_ns, stat.st_size
