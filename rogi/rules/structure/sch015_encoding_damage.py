"""Text or a column name is damaged by a wrong encoding.

## What it checks
Text columns (also those rogi does not know) and column names, for

* the replacement character `�`, which stands where a byte could not be read;
* UTF-8 read as Latin-1 or Windows-1252 (`NyainqÃªntanglha` for `Nyainqêntanglha`);
* Chinese text in GBK read as Latin-1 (four or more accented letters in a row);
* control characters.

Accented letters, Chinese, Tibetan or Cyrillic text as such are fine.

## Why
Names no longer match: a subregion with a damaged name is a subregion of its own. Replacement characters
cannot be undone, the original file is needed.

## Example
    value 'NyainqÃªntanglha' is UTF-8 that was read as Latin-1 or Windows-1252; 'Nyainqêntanglha' is meant

## How to fix
Read the original again with the right encoding and save it as UTF-8, or as a GeoPackage, which is always
UTF-8. A shapefile needs a `.cpg` file that says `UTF-8` (or `GBK`) beside its `.dbf`.

## Reference
The Unicode Standard, section 3.9 and 23.8 (replacement character); WHATWG Encoding Standard (windows-1252).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import column_of, distinct, is_textual, not_plain, quoted
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH015", "encoding-damage", Severity.WARNING, Evidence.VERIFIED, EVERY_LAYER)

# Windows-1252 where it differs from Latin-1: the characters that bytes 0x80-0x9F become.
_CP1252 = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_HIGH_RUN = re.compile(f"[\u0080-\u00ff{_CP1252}]{{2,}}")
_GBK_RUN = re.compile("[\u00a1-\u00fe]{4,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        frame = context.layer(role).frame
        geometry = frame.geometry.name
        for column in dict.fromkeys(frame.columns):
            if isinstance(column, str) and (damage := damage_of(column)):
                yield Rows.of_layer(role, f"column name {quoted(column)} {damage}", field=column)
            if column == geometry or not is_textual(column_of(context.layer(role), column)):
                continue
            odd = not_plain(column_of(context.layer(role), column))
            if not len(odd):
                continue
            found = distinct(column_of(context.layer(role), column).iloc[odd])
            damages = [damage_of(text) for text in found.text]
            at = found.rows([d is not None for d in damages])
            if not len(at):
                continue
            messages = [f"value {quoted(t)} {d}" for t, d in zip(found.text, damages, strict=True)]
            yield Rows(
                role,
                odd[at],
                found.at(at, messages),
                field=str(column),
                value=found.at(at, found.text),
            )


def damage_of(text: str) -> str | None:
    """What is wrong with a text, as the end of a sentence, or None.

    Examples
    --------
    >>> damage_of("NyainqÃªntanglha")
    "is UTF-8 that was read as Latin-1 or Windows-1252; 'Nyainqêntanglha' is meant"
    >>> damage_of("Nyainqêntanglha"), damage_of("天山")
    (None, None)
    """
    if text.isascii():
        return "contains a control character" if not text.isprintable() and _CONTROL.search(text) else None
    if "\ufffd" in text:
        return "contains the replacement character U+FFFD: the original text is lost"
    repaired = _HIGH_RUN.sub(_from_utf8, text)
    if repaired != text:
        return f"is UTF-8 that was read as Latin-1 or Windows-1252; {quoted(repaired)} is meant"
    if _SURROGATE.search(text):
        return "holds bytes that are no text in the encoding of the file"
    if (run := _GBK_RUN.search(text)) and (chinese := _from_gbk(run.group())):
        return f"looks like Chinese in GBK that was read as Latin-1; {quoted(chinese)} is meant?"
    if _CONTROL.search(text):
        return "contains a control character"
    return None


def _from_utf8(run: re.Match[str]) -> str:
    text = run.group()
    data = b"".join(c.encode("cp1252", "ignore") or c.encode("latin-1", "ignore") for c in text)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return text


def _from_gbk(text: str) -> str | None:
    """The common Chinese characters (GB 2312) the run spells, or None."""
    try:
        return text.encode("latin-1").decode("gb2312")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return None


def good() -> Inventory:
    return with_values(
        tprogi(), Role.OUTLINE, "ADDI_INF", {0: "唐古拉山 – Dangla, 30° slope", 1: "Señal Ñuñoa"}
    )


def bad() -> Bad:
    inventory = with_values(
        tprogi(), Role.OUTLINE, "SUBREGION", {0: "NyainqÃªntanglha", 2: "Nyainq\ufffdntanglha"}
    )
    return Bad(inventory, {Role.OUTLINE: (0, 2)})
