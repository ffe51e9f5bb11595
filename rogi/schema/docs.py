"""Schemas, vocabularies, dialects and concepts as Markdown, for the docs and ``rogi schema export``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rogi.schema.load import (
    concepts,
    dialects,
    load_schema,
    load_vocabulary,
    schema_ids,
    vocabulary_names,
)
from rogi.schema.model import Concept, Dialect, DialectLayer, Field, LayerSchema, Schema, ValueMap, Vocabulary


def pages() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of every generated page of the docs."""
    yield "schemas/index.md", index_page()
    for id in schema_ids():
        yield f"schemas/{id.replace('/', '-')}.md", schema_page(load_schema(id), links=True)
    yield "schemas/concepts.md", concepts_page()
    yield "schemas/dialects.md", dialects_page()
    yield "schemas/vocabularies.md", vocabularies_page()


def index_page() -> str:
    """The list of schemas, dialects and vocabularies."""
    schemas = [load_schema(id) for id in schema_ids()]
    return _join(
        "# Schemas",
        "A schema says which layers and columns an inventory has. A column carries a "
        "[concept](concepts.md): a type, a unit, limits and a source. A [dialect](dialects.md) says "
        "how an inventory names its columns and spells its values; a [vocabulary](vocabularies.md) lists the "
        "values of a column. [Evidence](../evidence.md) says how well each fact is established.",
        table(
            ("Schema", "Title", "Layers"),
            [
                (
                    f"[{s.id}]({s.id.replace('/', '-')}.md)",
                    _text(s.title),
                    ", ".join(f"`{layer.name}`" for layer in s.layers),
                )
                for s in schemas
            ],
        ),
        table(
            ("Dialect", "Title", "Mapped to", "Evidence"),
            [(f"[{d.name}](dialects.md#{d.name})", _text(d.title), d.schema, d.evidence) for d in dialects()],
        ),
    )


def schema_page(schema: Schema, *, links: bool = False) -> str:
    """A schema with a table of fields per layer.

    Parameters
    ----------
    schema
        What to describe.
    links
        Whether vocabularies link to the docs page of vocabularies; else their values are listed below.
    """
    parts = [f"# {schema.id}", f"{_text(schema.title)}. {_text(schema.description)}"]
    parts.append(f"Coordinates: {schema.crs}. Source: {_text(schema.source)}.")
    for layer in schema.layers:
        parts.append(f"## {layer.name}")
        need = "needed" if layer.required else "optional"
        key = layer.field(layer.key) if layer.key else None
        identified = f" Units are identified by `{key.name}`." if key is not None else ""
        parts.append(
            f"{_text(layer.title)} ({need}, {' or '.join(layer.geometry)}). "
            f"{_text(layer.description)}{identified}"
        )
        parts.append(fields_table(layer, links=links))
    used = dict.fromkeys(f.concept.vocabulary for layer in schema.layers for f in layer.fields)
    names = [name for name in used if name is not None]
    if names and not links:
        parts.append("## Vocabularies")
        parts.extend(_vocabulary_section(load_vocabulary(name), level=3) for name in names)
    return _join(*parts)


def fields_table(layer: LayerSchema, *, links: bool = False) -> str:
    """The fields of a layer in writing order."""
    return table(
        ("Field", "Meaning", "Type", "Unit", "Needed", "Limits", "Source", "Evidence"),
        [
            (
                f"`{f.name}`",
                f"{_text(f.concept.title)}. {_text(f.concept.description)}",
                f.concept.type.value,
                f.concept.unit or "",
                needed(f),
                limits(f, links=links),
                _text(f.concept.source),
                f.concept.evidence.value,
            )
            for f in layer.fields
        ],
    )


def needed(field: Field) -> str:
    """Whether the column, and a value in it, must be there, in words."""
    words = []
    if field.required:
        words.append(
            "column" if field.required_evidence.established else f"column ({field.required_evidence})"
        )
    if not field.nullable:
        words.append("value")
    if field.unique:
        words.append("unique")
    return ", ".join(words)


def limits(field: Field, *, links: bool = False) -> str:
    """The constraints of a field in words."""
    concept = field.concept
    words = []
    if concept.minimum is not None and concept.maximum is not None:
        words.append(f"{concept.minimum:g} to {concept.maximum:g}")
    elif concept.minimum is not None:
        words.append(f"at least {concept.minimum:g}")
    elif concept.maximum is not None:
        words.append(f"at most {concept.maximum:g}")
    if concept.length is not None:
        words.append(f"at most {concept.length} characters")
    if concept.vocabulary is not None:
        name = concept.vocabulary
        words.append(f"[{name}](vocabularies.md#{name})" if links else f"vocabulary `{name}`")
    if concept.pattern is not None:
        words.append(f"pattern `{concept.pattern}`".replace("|", "\\|"))
    return "; ".join(words)


def concepts_page() -> str:
    """All concepts."""
    return _join(
        "# Concepts",
        "What a column can mean. Rules and methods refer to concepts, so that they work for every dialect.",
        table(
            ("Concept", "Meaning", "Type", "Unit", "Limits", "Source", "Evidence"),
            [
                (
                    f"`{c.name}`",
                    f"{_text(c.title)}. {_text(c.description)}",
                    c.type.value,
                    c.unit or "",
                    limits(Field(c.name, c), links=True),
                    _text(c.source),
                    c.evidence.value,
                )
                for c in concepts().values()
            ],
        ),
    )


def vocabularies_page() -> str:
    """All vocabularies."""
    return _join(
        "# Vocabularies",
        "A closed vocabulary is established: another value is wrong. An open one may be incomplete or spelt "
        "otherwise in the guidelines: check another value. "
        "[Evidence](../evidence.md) says how the terms are known.",
        *(_vocabulary_section(load_vocabulary(name), level=2) for name in vocabulary_names()),
    )


def _vocabulary_section(vocabulary: Vocabulary, level: int) -> str:
    coded = any(term.code is not None for term in vocabulary.terms)
    header = ("Value", *(("Code",) if coded else ()), "Meaning", "Evidence")
    rows = [
        (
            f"`{term.value}`",
            *((("" if term.code is None else str(term.code)),) if coded else ()),
            _text(term.description),
            term.evidence.value,
        )
        for term in vocabulary.terms
    ]
    state = "closed" if vocabulary.closed else "open"
    return _join(
        f"{'#' * level} {vocabulary.name}",
        f"{_text(vocabulary.title)}, version {vocabulary.version}, {state}. "
        f"Source: {_text(vocabulary.source)} ({vocabulary.evidence}).",
        table(header, rows),
    ).rstrip("\n")


def dialects_page() -> str:
    """All dialects with their columns and value mappings."""
    return _join(
        "# Dialects",
        "Names of columns are compared with case and punctuation removed, values with case and outer blanks "
        "removed. A mapping of a value is *exact*, *narrower* (the original says more) or *ambiguous* (the "
        "original could also mean another term); `rogi convert` counts what is lost.",
        *(_dialect_section(dialect) for dialect in sorted(dialects(), key=lambda d: d.name)),
    )


def _dialect_section(dialect: Dialect) -> str:
    parts = [
        f"## {dialect.name}",
        f"{_text(dialect.title)}, mapped to {dialect.schema}. {_text(dialect.description)} "
        f"Source: {_text(dialect.source)} ({dialect.evidence}).",
    ]
    for layer in dialect.layers:
        parts.append(f"**{layer.role.title.capitalize()}** — layers {_codes(layer.names)}")
        parts.append(table(("Concept", "Columns", "Notes"), _dialect_rows(layer)))
    return _join(*parts).rstrip("\n")


def _dialect_rows(layer: DialectLayer) -> Iterable[tuple[str, ...]]:
    names = dict.fromkeys([*layer.columns, *layer.constants, *(c.concept for c in layer.candidates)])
    for concept in names:
        notes = []
        if concept in layer.units:
            notes.append(f"in {layer.units[concept]}")
        if concept in layer.constants:
            notes.append(f"always {layer.constants[concept]}")
        notes.extend(
            f"else {_codes(candidate.columns)}, where most values look like it"
            for candidate in layer.candidates
            if candidate.concept == concept
        )
        notes.extend(
            _text(f"{value} → {_target(target)}") for value, target in layer.values.get(concept, {}).items()
        )
        yield f"`{concept}`", _codes(layer.columns.get(concept, ())), "; ".join(notes)


def _target(target: ValueMap) -> str:
    to = "nothing" if target.to is None else target.to
    about = ", ".join(
        part for part in ("" if target.match == "exact" else target.match.value, target.note) if part
    )
    return f"{to} ({about})" if about else to


def describe(concept: Concept) -> str:
    """Title, unit, description and source of a concept in one line, for file metadata."""
    unit = f" [{concept.unit}]" if concept.unit else ""
    return f"{concept.title}{unit}. {concept.description} Source: {concept.source} ({concept.evidence})."


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown already."""
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    lines.extend("| " + " | ".join(cell for cell in row) + " |" for row in rows)
    return "\n".join(lines)


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(text: str) -> str:
    """Plain text as Markdown that shows it as it is, also within a table."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "\\|*_[]`":
        text = text.replace(mark, f"\\{mark}")
    return text


def _join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
