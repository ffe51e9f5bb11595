"""What a folder of a release still has from the release it was copied from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

from rogi.errors import InputError, OptionError
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release, Version, read_release
from rogi.release.gate.refusal import Refusal, liftable
from rogi.release.marks import CHANGELOG

GENERATED: Final = "\n## Changes from "  # where the tables begin that a build adds to a changelog


def future_date(release: Release, today: dt.date | None = None) -> list[Refusal]:
    """A date of release that is still to come; it is the day on which rules judge the data.

    Parameters
    ----------
    release
        Its date.
    today
        By default the day here.
    """
    today = today or dt.date.today()
    if release.date <= today:
        return []
    return [
        liftable(
            "date",
            f"The date of release is {release.date.isoformat()}, today is {today.isoformat()}: rules would "
            "take dates in the data that are still to come for past ones.",
            f"Set date in {RELEASE_FILE} to the day of publication, and build the release then.",
        )
    ]


def leftovers(release: Release, before: Release | None, changelog_before: str = "") -> list[Refusal]:
    """DOI, date, files and changelog that are those of another release.

    Parameters
    ----------
    release
        What is to be built; its ``folder`` has the changelog, and those of other releases beside it.
    before
        The version before, if it is a package.
    changelog_before
        Changelog of its package.
    """
    others = {other.version: other for other in _beside(release)}
    texts = {version: _text(other.folder) for version, other in others.items()}
    if before is not None:
        others.setdefault(before.version, before)
        texts[f"{before.version} (package)"] = changelog_before
        others[f"{before.version} (package)"] = before
    out = []
    dois = {o.doi: f"version {o.version}" for o in others.values() if o.doi}
    dois |= {o.concept_doi: "all versions" for o in (*others.values(), release) if o.concept_doi}
    if release.doi in dois:
        out.append(
            Refusal(
                "left-doi",
                f"The DOI {release.doi} is that of {dois[release.doi]}.",
                f"Remove doi from {RELEASE_FILE}; `rogi release publish` reserves a new one.",
            )
        )
    own = Version.parse(release.version)
    earlier = [o for o in others.values() if Version.parse(o.version) < own]
    last = max(earlier, key=lambda o: (o.date, Version.parse(o.version)), default=None)
    if last is not None and release.date <= last.date:
        out.append(
            Refusal(
                "left-date",
                f"The date {release.date.isoformat()} is not after {last.date.isoformat()}, that of version "
                f"{last.version}.",
                f"Set date in {RELEASE_FILE} to the day of this release.",
            )
        )
    if release.files and any(o.files == release.files for o in others.values()):
        out.append(
            Refusal(
                "left-files",
                "The files are those of a version before.",
                f"Remove files from {RELEASE_FILE}; they are known after publication.",
            )
        )
    out += _changelog(release, texts)
    return out


def _changelog(release: Release, texts: dict[str, str]) -> list[Refusal]:
    own = _written(_text(release.folder))
    if not own:
        return []
    same = [version for version, text in texts.items() if _body(own) and _body(own) == _body(_written(text))]
    if same:
        return [
            Refusal(
                "left-changelog",
                f"{CHANGELOG} says what that of version {same[0]} says.",
                "Write what changed in this version, or remove the file: the tables are added anyway.",
            )
        ]
    heading = own.partition("\n")[0]
    named = {word for word in heading.replace("(", " ").replace(")", " ").split() if _is_version(word)}
    if heading.startswith("#") and named and not any(_same(word, release.version) for word in named):
        return [
            Refusal(
                "left-changelog",
                f"The heading of {CHANGELOG} names {', '.join(sorted(named))}, this is {release.version}.",
                "Correct it.",
            )
        ]
    return []


def _beside(release: Release) -> list[Release]:
    """Releases of the same inventory in folders beside this one."""
    if release.folder is None:
        return []
    own = release.folder.resolve()
    out = []
    for path in sorted(own.parent.glob(f"*/{RELEASE_FILE}")):
        if path.parent == own or not _is_version(path.parent.name):
            continue
        try:
            other = read_release(path)
        except InputError:  # one that is being prepared
            continue
        if other.inventory == release.inventory and not _same(other.version, release.version):
            out.append(other)
    return out


def _text(folder: Path | None) -> str:
    path = folder / CHANGELOG if folder is not None else None
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""


def _written(text: str) -> str:
    """What a person wrote of a changelog."""
    return f"\n{text}".partition(GENERATED)[0].strip()


def _body(text: str) -> str:
    """A changelog without its headings, which name the version, and with blanks that do not count."""
    return " ".join(" ".join(line for line in text.splitlines() if not line.startswith("#")).split())


def _is_version(word: str) -> bool:
    try:
        Version.parse(word)
    except OptionError:
        return False
    return True


def _same(one: str, other: str) -> bool:
    return Version.parse(one) == Version.parse(other)
