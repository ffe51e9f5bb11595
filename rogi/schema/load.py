"""Schemas, dialects, vocabularies and parameters, read from their YAML files.

Packaged files are trusted (tests check them against ``schemas/meta``); a file of the user is checked
against its JSON Schema when it is loaded. YAML is read safely, with the booleans of YAML 1.2 (``No`` is
text), without dates, anchors or repeated keys, up to a megabyte.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import yaml

from rogi.errors import InputError, OptionError
from rogi.schema.model import (
    Candidate,
    Concept,
    Dialect,
    DialectLayer,
    Evidence,
    Field,
    FieldType,
    LayerSchema,
    Match,
    Parameter,
    Role,
    Schema,
    Term,
    ValueMap,
    Vocabulary,
)

if TYPE_CHECKING:
    import jsonschema

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

MAXIMUM_BYTES: Final = 1_000_000  # a schema has a few thousand lines at most; a larger file is not one
MAXIMUM_DEPTH: Final = 32

_CONCEPT_OVERRIDES: Final = frozenset(f.name for f in fields(Concept)) - {"name", "type"}


# ---- where the files are


@cache
def data_root() -> Path:
    """Folder that holds ``schemas/`` and ``releases/``: in the wheel ``rogi/_data``, else the repository."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent


def _folder(name: str) -> Path:
    return data_root() / "schemas" / name


# ---- YAML


class _Loader(_BaseLoader):
    """Safe loader without YAML 1.1's surprises; a repeated key is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        if len(mapping) != len(node.value):
            seen: set[object] = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if key in seen:
                    line = key_node.start_mark.line + 1
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} is repeated, line {line}"
                    )
                seen.add(key)
        return mapping


_DROPPED_TAGS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag not in _DROPPED_TAGS]
    for first, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read_yaml(path: Path, *, kind: str | None = None) -> Any:
    """Content of a YAML file.

    Parameters
    ----------
    path
        The file.
    kind
        ``schema``, ``dialect``, ``vocabulary``, ``concepts`` or ``rules`` for a file of the user's, which is
        then checked against ``schemas/meta/<kind>.schema.json``; None for a packaged file.

    Raises
    ------
    InputError
        If the file is missing, too large, not YAML, has anchors or repeated keys, or does not fit its kind.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    if len(data) > MAXIMUM_BYTES:
        raise InputError(
            f"{path} is larger than {MAXIMUM_BYTES} bytes; a schema or dialect is a small YAML file."
        )
    try:
        text = data.decode("utf-8-sig")
        if kind is not None:
            _refuse_anchors(text, path)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe loader
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    if kind is not None:
        _validate(content, kind, path)
    return content


def _refuse_anchors(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_BaseLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{path} uses a YAML anchor or alias; write the content out instead.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAXIMUM_DEPTH:
            raise InputError(f"{path} is nested more than {MAXIMUM_DEPTH} levels deep.")


def _validate(content: object, kind: str, path: Path) -> None:
    import json

    import jsonschema

    meta = json.loads(_folder("meta").joinpath(f"{kind}.schema.json").read_text(encoding="utf-8"))
    errors = list(jsonschema.Draft202012Validator(meta).iter_errors(content))
    if errors:
        errors.sort(key=lambda e: (len(e.absolute_path), e.json_path, e.message))
        said = [_fault(error) for error in errors[:_FAULTS_SHOWN]]
        more = f" (and {len(errors) - len(said)} more)" if len(errors) > len(said) else ""
        raise InputError(f"{path} is not a valid {kind} file: {'; '.join(said)}{more}.")


_FAULTS_SHOWN: Final = 3  # of the faults of a file, for a message that can be read


def _fault(error: jsonschema.ValidationError) -> str:
    import jsonschema

    error = jsonschema.exceptions.best_match([error]) or error  # the part of an "any of" that matters
    place = error.json_path.removeprefix("$").lstrip(".")
    message = error.message if len(error.message) <= 200 else f"{error.message[:200]}…"
    return f"at {place}: {message}" if place else message


# ---- concepts


@cache
def concepts() -> Mapping[str, Concept]:
    """All packaged concepts by name."""
    raw = read_yaml(_folder("") / "concepts.yaml")
    return MappingProxyType({name: _concept(name, entry) for name, entry in raw.items()})


def _concept(name: str, entry: Mapping[str, Any]) -> Concept:
    return Concept(
        name=name, **{**entry, "type": FieldType(entry["type"]), "evidence": Evidence(entry["evidence"])}
    )


def _known(name: str, table: Mapping[str, Concept], path: object) -> Concept:
    try:
        return table[name]
    except KeyError:
        raise InputError(
            f"{path} uses the concept {name!r}, which does not exist{_close(name, table)}."
        ) from None


def _close(name: str, table: Iterator[str] | Mapping[str, object] | tuple[str, ...]) -> str:
    close = get_close_matches(name, list(table), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


# ---- schemas


@cache
def schema_ids() -> tuple[str, ...]:
    """``name/version`` of the packaged schemas, by name, then from old to new."""
    found = [
        (path.parent.name, _version_key(path.stem), path.stem)
        for path in data_root().joinpath("schemas").glob("*/*.yaml")
        if path.parent.name not in ("dialects", "vocabularies", "meta")
    ]
    return tuple(f"{name}/{version}" for name, _, version in sorted(found))


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
        hint = _close(id, known)
        raise OptionError(
            f"There is no schema {id!r}{hint or '.'} Known schemas are {', '.join(known)}; "
            "a schema of your own is given by the path of its YAML file."
        )
    return _packaged_schema(matching[-1])


@cache
def _packaged_schema(id: str) -> Schema:
    path = data_root().joinpath("schemas", f"{id}.yaml")
    return _schema(read_yaml(path), path)


@lru_cache(maxsize=32)
def _user_schema(path: Path, _modified: int, _size: int) -> Schema:
    return _schema(read_yaml(path, kind="schema"), path)


def _schema(raw: Mapping[str, Any], path: Path) -> Schema:
    table = {**concepts(), **{k: _concept(k, v) for k, v in raw.get("concepts", {}).items()}}
    layers = []
    for entry in raw["layers"]:
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
        hint = _close(name, vocabulary_names()) or "."
        raise OptionError(f"There is no vocabulary {name!r}{hint} Known are {', '.join(vocabulary_names())}.")
    raw = read_yaml(path)
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
    """Names of the packaged dialects."""
    return tuple(sorted(path.stem for path in _folder("dialects").glob("*.yaml")))


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
        hint = _close(name_or_path, dialect_names()) or "."
        raise OptionError(
            f"There is no dialect {name_or_path!r}{hint} Known dialects are {', '.join(dialect_names())}; "
            "a dialect of your own is given by the path of its YAML file."
        )
    return _packaged_dialect(name_or_path)


@cache
def _packaged_dialect(name: str) -> Dialect:
    path = _folder("dialects") / f"{name}.yaml"
    return _dialect(read_yaml(path), path)


@lru_cache(maxsize=32)
def _user_dialect(path: Path, _modified: int, _size: int) -> Dialect:
    return _dialect(read_yaml(path, kind="dialect"), path)


def _dialect(raw: Mapping[str, Any], path: Path) -> Dialect:
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
            concept: {str(value): _value_map(target) for value, target in table.items()}
            for concept, table in entry.get("values", {}).items()
        },
        units=dict(entry.get("units", {})),
        constants=dict(entry.get("constants", {})),
        signature=tuple(entry.get("signature", ())),
        ignored=tuple(entry.get("ignored", ())),
        candidates=candidates,
    )


def _value_map(target: str | Mapping[str, str] | None) -> ValueMap:
    if target is None or isinstance(target, str):
        return ValueMap(target)
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


# ---- parameters


@cache
def _packaged_parameters() -> Mapping[str, Parameter]:
    raw = read_yaml(_folder("") / "rules.yaml") or {}
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
            hint = _close(name, packaged) or "."
            raise OptionError(
                f"There is no rule parameter {name!r}{hint} `rogi rule CODE` shows a rule's parameters."
            )
        default = packaged[name]
        table[name] = replace(
            default,
            value=_same_kind(name, value, default.value),
            source="set by the user",
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
