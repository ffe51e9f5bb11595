"""The formats of all reports: their names for ``--format``, and the suffixes of file names."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from rogi.errors import OptionError
from rogi.suggestions import did_you_mean


class Format(StrEnum):
    """Formats of reports; which of them a command writes, it says itself."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    CSV = "csv"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GPKG = "gpkg"
    HTML = "html"
    CARD = "card"
    PNG = "png"
    SVG = "svg"
    PDF = "pdf"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of file names in lower case, the usual one first; of some formats there are none."""
        return _SUFFIXES.get(self, (f".{self.value}",))


_SUFFIXES: Final = {
    Format.TEXT: (".txt",),
    Format.JSONL: (".jsonl", ".ndjson"),
    Format.MARKDOWN: (".md",),
    Format.JUNIT: (".junit.xml", ".xml"),
    Format.SARIF: (".sarif", ".sarif.json"),
    Format.GITHUB: (),
    Format.CARD: (),
    Format.HTML: (".html", ".htm"),
}

DOCUMENT: Final = (Format.TEXT, Format.MARKDOWN, Format.JSON, Format.HTML)
"""What every :class:`~rogi.report.document.Document` is written as."""


def format_named(name: str, allowed: Sequence[Format], option: str = "--format") -> Format:
    """The format of a name, given by an option.

    Raises
    ------
    OptionError
        If it is not one of those allowed.
    """
    for format in allowed:
        if format.value == name.lower():
            return format
    known = [f.value for f in allowed]
    raise OptionError(
        f"{option} is one of {', '.join(known)}; found {name!r}{did_you_mean(name, known) or '.'}"
    )


def format_of(path: Path, allowed: Sequence[Format], hint: str = "") -> Format:
    """The format by the suffix of a file name.

    Parameters
    ----------
    hint
        What else could be meant, for the message: a sentence.

    Raises
    ------
    OptionError
        If it is the suffix of none of those allowed.

    Examples
    --------
    >>> format_of(Path("report.sarif.json"), (Format.JSON, Format.SARIF)).value
    'sarif'
    """
    found = _by_suffix(path, allowed)
    if found is None:
        known = ", ".join(s for f in allowed for s in f.suffixes)
        raise OptionError(
            f"{path}: unknown file extension; use one of {known}, or give --format.{hint and f' {hint}'}"
        )
    return found


def chosen(name: str | None, path: Path | None, allowed: Sequence[Format], hint: str = "") -> Format:
    """The format of one report: as named, else by the suffix of its file, else the first of those allowed.

    Raises
    ------
    OptionError
        If the name or the suffix is unknown, or they contradict each other.
    """
    named = format_named(name, allowed) if name is not None else None
    if path is None:
        if named is Format.GPKG:
            raise OptionError("A GeoPackage is a file: name one, for example `--output findings.gpkg`.")
        return named or allowed[0]
    if named is None:
        return format_of(path, allowed, hint)
    told = _by_suffix(path, tuple(Format))
    # a plain suffix fits whatever is written in it: JUnit is .xml, SARIF often .json
    loose = {".txt"} | ({".json"} if named in (Format.SARIF, Format.JSONL) else set())
    if told not in (None, named) and path.suffix.lower() not in loose:
        raise OptionError(f"--output {path} contradicts --format {named.value}; make them agree.")
    return named


def all_chosen(
    names: Sequence[str], paths: Sequence[Path], allowed: Sequence[Format], hint: str = ""
) -> list[tuple[Format, Path | None]]:
    """Formats and places of one result: a format for each file, or one for the terminal beside files.

    Raises
    ------
    OptionError
        If a name or suffix is unknown, they contradict each other, or their numbers differ.
    """
    for name in names:
        format_named(name, allowed)
    if paths and len(names) == len(paths):
        return [(chosen(n, p, allowed, hint), p) for n, p in zip(names, paths, strict=True)]
    if len(names) > 1 and not paths:
        raise OptionError(f"{len(names)} formats need {len(names)} --output files; the terminal takes one.")
    if len(names) > 1:
        raise OptionError(
            f"{len(names)} formats do not fit {len(paths)} outputs; give one --format for each."
        )
    terminal = chosen(names[0] if names else None, None, allowed)
    return [(terminal, None), *((format_of(path, allowed, hint), path) for path in paths)]


def _by_suffix(path: Path, allowed: Sequence[Format]) -> Format | None:
    name = path.name.lower()
    fits = [(len(s), f) for f in allowed for s in f.suffixes if name.endswith(s)]
    return max(fits)[1] if fits else None
