"""YAML and TOML: read safely, and YAML checked where it is a user's schema.

YAML is taken with the booleans of YAML 1.2 (``No`` is text), without dates and repeated keys, up to a
megabyte; in a user's file also without anchors. A user's file is checked against its JSON Schema.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Hashable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from rogi import targets
from rogi.errors import InputError

if TYPE_CHECKING:
    import jsonschema

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]

MAXIMUM_BYTES: Final = 1_000_000  # a schema has a few thousand lines at most; a larger file is not one
MAXIMUM_DEPTH: Final = 32
_MOST_DOTS: Final = 1000  # in a line of TOML


@cache
def data_root() -> Path:
    """Folder that holds ``schemas/`` and ``releases/``: in the wheel ``rogi/_data``, else the repository."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent


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
    targets.note_read(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.") from error
    return parse_yaml(data, path, kind=kind)


def parse_yaml(data: bytes, path: Path, *, kind: str | None = None) -> Any:
    """Content of a YAML document that is in memory, such as a member of a zip; see `read_yaml`.

    `path` is only for messages.
    """
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


def refuse_unknown(entry: Mapping[str, Any], known: Collection[str], where: object) -> None:
    """Refuse a key that nothing would read.

    Raises
    ------
    InputError
    """
    for key in entry:
        if key not in known:
            raise InputError(f"{where} has the unknown key {key!r}; known: {', '.join(sorted(known))}.")


def read_toml(path: Path, maximum: int = MAXIMUM_BYTES) -> dict[str, Any]:
    """Content of a TOML file of at most so many bytes.

    Raises
    ------
    InputError
        If the file is missing, too large or not TOML.
    """
    targets.note_read(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(maximum + 1)
        if len(data) > maximum:
            raise InputError(f"{path} is larger than {maximum:,} bytes; settings are a small file.")
        if any(line.count(b".") > _MOST_DOTS for line in data.splitlines()):
            raise RecursionError  # a key of n parts takes n² of memory
        return tomllib.loads(data.decode("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name a settings file that does.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deep for settings; write it anew.") from None
    except ValueError as error:  # the syntax, the encoding, or a number of thousands of digits
        raise InputError(f"{path} is not valid TOML: {error}.") from None


def _refuse_anchors(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_BaseLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InputError(f"{path} uses a YAML anchor or alias; write the content out instead.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAXIMUM_DEPTH:
            raise InputError(f"{path} is nested more than {MAXIMUM_DEPTH} levels deep.")


def _validate(content: object, kind: str, path: Path) -> None:
    import jsonschema

    meta = json.loads(
        data_root().joinpath("schemas", "meta", f"{kind}.schema.json").read_text(encoding="utf-8")
    )
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
