"""How values of a column fit their vocabulary: each distinct value gets one verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto

from rogi.errors import RogiError
from rogi.inventory.model import Layer
from rogi.inventory.values.columns import Distinct, folded, is_placeholder, schema_of
from rogi.rules.context import Context
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Field, Role, Vocabulary

HINTS = 500  # distinct values of a column for which a close term is sought
CLOSE = 0.8  # of 1, the likeness (difflib) from which on a typing error is supposed

_NOT_DIGITS = re.compile(r"\D+")

# Checked by a rule of their own.
ELSEWHERE = frozenset({"additional_information"})


class Fit(Enum):
    """How a value fits."""

    KNOWN = auto()  # a term, its code, or what the dialect maps to one
    SPELLING = auto()  # a term but for case and blanks
    PLACEHOLDER = auto()  # SCH012 names it
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """A column with a vocabulary, and what is to be said of its distinct values."""

    field: Field
    column: str
    vocabulary: Vocabulary
    allowed: tuple[str, ...]  # as the file should write them: in the dialect's words where it has its own
    distinct: Distinct
    fits: tuple[Fit, ...]
    meant: tuple[str | None, ...]  # the spelling (or a close one) that is allowed


def verdicts(context: Context, role: Role) -> Iterator[Verdicts]:
    """Verdicts for every column of a layer that has a vocabulary."""
    layer = context.layer(role)
    for field in schema_of(layer).fields:
        concept = field.concept
        if concept.vocabulary is None or concept.name not in layer.columns or concept.name in ELSEWHERE:
            continue
        vocabulary = find_vocabulary(concept.vocabulary)
        if vocabulary is not None:
            yield _verdicts(context, layer, field, vocabulary)


def find_vocabulary(name: str) -> Vocabulary | None:
    """A vocabulary, or None if a user's schema names one that does not exist."""
    try:
        return load_vocabulary(name)
    except RogiError:
        return None


def _misspelt(plain: str, terms: Iterable[str]) -> str | None:
    """The term of which a text may be a misspelling.

    Another beginning or another number is another class: ``inactive`` is not ``active``, ``3-30 cm/yr``
    not ``3-10 cm/yr``.
    """
    digits = _NOT_DIGITS.sub(" ", plain).split()
    alike = [t for t in terms if t[:1] == plain[:1] and _NOT_DIGITS.sub(" ", t).split() == digits]
    close = get_close_matches(plain[:80], alike, n=1, cutoff=CLOSE)
    return close[0] if close else None


def _verdicts(context: Context, layer: Layer, field: Field, vocabulary: Vocabulary) -> Verdicts:
    column = layer.columns[field.concept.name]
    found = context.distinct(layer.role, column)
    terms = set(vocabulary.values)
    codes = {str(term.code) for term in vocabulary.terms if term.code is not None}
    own = layer.dialect.values.get(field.concept.name, {}) if layer.dialect else {}
    by_folded = {folded(v): v for v in (*vocabulary.values, *own)}
    none = context.placeholders()
    fits: list[Fit] = []
    meant: list[str | None] = []
    for text in found.text:
        plain = folded(text)
        if text in terms or text in own or plain in codes or not text:
            fits.append(Fit.KNOWN)
            meant.append(text)
        elif plain in by_folded:
            fits.append(Fit.SPELLING)
            meant.append(by_folded[plain])
        elif is_placeholder(text, none):
            fits.append(Fit.PLACEHOLDER)
            meant.append(None)
        else:
            fits.append(Fit.UNKNOWN)
            close = _misspelt(plain, by_folded) if len(fits) < HINTS else None
            meant.append(by_folded[close] if close else None)
    mapped = {m.to for m in own.values()}
    allowed = (*own, *(term for term in vocabulary.values if term not in mapped))
    return Verdicts(field, column, vocabulary, allowed, found, tuple(fits), tuple(meant))
