"""What a release is: version, people, licence, identifiers and tombstones, as ``release.yaml`` states."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.release.identifiers import orcid_is_sound, ror_is_sound
from rogi.release.marks import refuse_marks
from rogi.schema.documents import data_root, read_yaml

FILE: Final = "release.yaml"
FOLDER: Final = "releases"
MAX_RETIRED_BYTES: Final = 64 * 2**20
PREDECESSOR: Final = "IsNewVersionOf"  # DataCite's relation to the version before


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """``major.minor`` or ``major.minor.patch``; 1.1 and 1.1.0 are the same."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """A version from text.

        Raises
        ------
        OptionError
            If it is none.
        """
        parts = text.strip().removeprefix("v").split(".")
        if len(parts) not in (2, 3) or not all(p.isascii() and p.isdigit() and len(p) < 7 for p in parts):
            raise OptionError(
                f"{text!r} is not a version; versions are major.minor or major.minor.patch, e.g. 1.1."
            )
        return cls(*(int(p) for p in parts))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}" + (f".{self.patch}" if self.patch else "")


@dataclass(frozen=True, slots=True)
class Affiliation:
    """An institution; ``ror`` is the identifier without its address."""

    name: str
    ror: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A creator or contributor; ``orcid`` is the identifier without its address."""

    family_name: str
    given_name: str = ""
    orcid: str | None = None
    affiliations: tuple[Affiliation, ...] = ()
    role: str = ""

    @property
    def name(self) -> str:
        """``Family, Given``."""
        return f"{self.family_name}, {self.given_name}" if self.given_name else self.family_name


@dataclass(frozen=True, slots=True)
class Licence:
    """``id`` is that of SPDX."""

    id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Award:
    """Who paid."""

    funder: str
    ror: str | None = None
    award: str | None = None
    title: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Another work; ``relation`` in the terms of DataCite."""

    relation: str
    identifier: str
    scheme: str
    type: str | None = None
    citation: str = ""

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://doi.org/{self.identifier}" if self.scheme == "doi" else self.identifier


@dataclass(frozen=True, slots=True)
class File:
    """A published file."""

    name: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An ID that is gone, why, and what stands in its place."""

    id: str
    reason: str
    replaced_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Largest change since the previous version that needs no reason.

    No published values; the choice of this project: an inventory changes by some per cent between versions,
    a single subregion by more, a lost layer by far more; heights of another model move by a few metres.

    Attributes
    ----------
    count, area, subregion
        Share of the units, of the total area, and of both in a subregion.
    values
        Share of the values of a field that may be lost.
    shift
        Mean or median change of a field in the units of both versions, as a share of its spread before.
    layer
        The same for the typical change of a unit, and for the whole field where few units keep their ID.
    distance
        Metres from a unit that is gone to one that replaces it.
    """

    count: float = 0.05
    area: float = 0.05
    subregion: float = 0.20
    values: float = 0.05
    shift: float = 0.10
    layer: float = 0.25
    distance: float = 1000.0


@dataclass(frozen=True, slots=True)
class Release:
    """One version of an inventory, as ``release.yaml`` states it."""

    inventory: str
    version: str
    date: dt.date
    title: str
    description: str
    schema: str
    licence: Licence
    creators: tuple[Person, ...]
    doi: str | None = None
    concept_doi: str | None = None
    previous: str | None = None
    publisher: str = "Zenodo"
    language: str = "eng"
    keywords: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    period: tuple[dt.date, dt.date] | None = None
    contributors: tuple[Person, ...] = ()
    funding: tuple[Award, ...] = ()
    related: tuple[Related, ...] = ()
    files: tuple[File, ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    limits: tuple[str, ...] = ()
    retired: tuple[Tombstone, ...] = ()
    thresholds: Thresholds = Thresholds()
    accepted: tuple[tuple[str, str], ...] = ()  # code of the gate, reason
    folder: Path | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Stem of the package's files, e.g. ``TPRoGI_v1.1``."""
        return f"{self.inventory}_v{self.version}"

    @property
    def citation(self) -> str:
        """How to cite it, in one line."""
        people = [
            f"{p.family_name}, {_initials(p.given_name)}" if p.given_name else p.family_name
            for p in self.creators
        ]
        who = people[0] if len(people) == 1 else ", ".join(people[:-1]) + " and " + people[-1]
        where = f", https://doi.org/{self.doi}" if self.doi else ""
        title = f"{self.title} (version {self.version}) [data set]"
        return f"{who} ({self.date.year}): {title}, {self.publisher}{where}"

    def with_doi(self, doi: str) -> Release:
        """The same release under a DOI."""
        return replace(self, doi=doi)


def _initials(given: str) -> str:
    return " ".join(f"{part[0]}." for part in given.replace("-", " ").split())


# ---- reading


def find_release(name: str, folder: Path | None = None) -> Path:
    """The folder of a release.

    Parameters
    ----------
    name
        A version, or the path of a folder or of its ``release.yaml``.
    folder
        Folder of the releases; by default ``releases/`` here, then that of rogi.

    Raises
    ------
    InputError
        If there is none; the message lists those there are.
    """
    path = Path(name)
    if path.name == FILE and path.is_file():
        return path.parent
    if (path / FILE).is_file():
        return path
    version = Version.parse(name)
    places = [folder] if folder is not None else [Path(FOLDER), data_root() / FOLDER]
    known: list[str] = []
    for place in places:
        for candidate in sorted(place.glob(f"*/{FILE}")):
            try:
                found = Version.parse(candidate.parent.name)
            except OptionError:
                continue
            if found == version:
                return candidate.parent
            known.append(candidate.parent.name)
    where = " or ".join(str(place) for place in places)
    listed = f"; there are {', '.join(sorted(set(known)))}" if known else ""
    raise InputError(
        f"There is no release {version} in {where}{listed}. A release is a folder releases/{version} with a "
        f"{FILE}; name its folder with --releases."
    )


def known_versions(folder: Path) -> list[Version]:
    """Versions that have a folder beside a release's."""
    versions = []
    for path in folder.glob(f"*/{FILE}"):
        try:
            versions.append(Version.parse(path.parent.name))
        except OptionError:
            continue
    return sorted(versions)


def read_release(path: Path) -> Release:
    """A release from its ``release.yaml`` or the folder that holds it.

    Raises
    ------
    InputError
        If the file is missing or not valid (the message says where), or a check digit is wrong.
    UnfinishedError
        If something is still to be filled in, here or in the changelog; the message names each place.
    """
    file = path / FILE if path.is_dir() else path
    refuse_marks(file)
    raw = read_yaml(file, kind="release")
    for key in ("creators", "contributors"):
        for person in raw.get(key, ()):
            _check_person(person, file)
    for award in raw.get("funding", ()):
        _check_ror(award.get("ror"), file)
    retired = [_tombstone(entry) for entry in raw.get("retired", ())]
    if "retired_file" in raw:
        retired += _read_retired(file.parent / raw["retired_file"])
    period = raw.get("period")
    release = Release(
        inventory=raw["inventory"],
        version=str(Version.parse(raw["version"])) if raw["version"].count(".") == 1 else raw["version"],
        date=_date(raw["date"], file),
        title=raw["title"],
        description=raw["description"].strip(),
        schema=raw["schema"],
        licence=Licence(**raw["licence"]),
        creators=tuple(_person(p) for p in raw["creators"]),
        doi=raw.get("doi"),
        concept_doi=raw.get("concept_doi"),
        previous=raw.get("previous"),
        publisher=raw.get("publisher", "Zenodo"),
        language=raw.get("language", "eng"),
        keywords=tuple(raw.get("keywords", ())),
        communities=tuple(raw.get("communities", ())),
        period=None if period is None else (_date(period["start"], file), _date(period["end"], file)),
        contributors=tuple(_person(p) for p in raw.get("contributors", ())),
        funding=tuple(Award(**entry) for entry in raw.get("funding", ())),
        related=tuple(Related(**entry) for entry in raw.get("related", ())),
        files=tuple(File(**entry) for entry in raw.get("files", ())),
        provenance=tuple((entry["attributes"], entry["source"]) for entry in raw.get("provenance", ())),
        limits=tuple(raw.get("limits", ())),
        retired=tuple(retired),
        thresholds=Thresholds(**raw.get("thresholds", {})),
        accepted=tuple(sorted(raw.get("accepted", {}).items())),
        folder=file.parent,
    )
    if release.period is not None and release.period[0] > release.period[1]:
        raise InputError(f"{file}: the period ends before it starts; exchange the dates.")
    counts = Counter(t.id for t in retired)
    repeated = [name for name, number in counts.items() if number > 1]
    if repeated:
        raise InputError(f"{file}: {repeated[0]!r} is retired twice; keep one entry.")
    return release


def _date(text: str, file: Path) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{file}: {text!r} is not a date of the calendar, such as 2026-01-31.") from None


def _person(entry: Mapping[str, Any]) -> Person:
    affiliations = tuple(Affiliation(**a) for a in entry.get("affiliations", ()))
    return Person(**{**entry, "affiliations": affiliations})


def _check_person(entry: Mapping[str, Any], file: Path) -> None:
    orcid = entry.get("orcid")
    if orcid is not None and not orcid_is_sound(orcid):
        raise InputError(
            f"{file}: the ORCID {orcid} of {entry['family_name']} has a wrong check digit; copy it from "
            "orcid.org."
        )
    for affiliation in entry.get("affiliations", ()):
        _check_ror(affiliation.get("ror"), file)


def _check_ror(ror: str | None, file: Path) -> None:
    if ror is not None and not ror_is_sound(ror):
        raise InputError(f"{file}: the ROR {ror} has wrong check digits; copy it from ror.org.")


def _tombstone(entry: Mapping[str, Any]) -> Tombstone:
    return Tombstone(entry["id"], entry["reason"], tuple(entry.get("replaced_by", ())))


def _read_retired(path: Path) -> list[Tombstone]:
    try:
        if path.stat().st_size > MAX_RETIRED_BYTES:
            raise InputError(
                f"{path} is larger than {MAX_RETIRED_BYTES} bytes; a list of retired IDs is smaller."
            )
        targets.note_read(path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if not {"id", "reason"} <= set(rows.fieldnames or ()):
        raise InputError(
            f"{path} needs the columns id and reason (and replaced_by); it has {rows.fieldnames}."
        )
    stones = []
    for number, row in enumerate(rows, start=2):
        id_, reason = (row["id"] or "").strip(), (row["reason"] or "").strip()
        if not id_ or not reason:
            lacks = f"{id_} has no reason" if id_ else "the row has no id"
            raise InputError(f"{path}, line {number}: {lacks}; say why each ID is retired.")
        stones.append(Tombstone(id_, reason, tuple((row.get("replaced_by") or "").split())))
    return stones
