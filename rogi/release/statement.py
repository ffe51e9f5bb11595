"""``release.yaml`` as text: of a release, and of a new one in which what is to be filled in is marked."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import yaml

from rogi.release.description import PREDECESSOR, Person, Release, Thresholds, Version
from rogi.release.marks import mark
from rogi.schema.documents import data_root

WIDTH: Final = 110
README_PARTS: Final = ("keywords", "period", "provenance", "limits")  # optional, but a reader misses them
ANEW: Final = (
    "version",
    "previous",
    "doi",
    "date",
    "files",
    "accepted",
    "retired",
)  # of each version its own


def release_text(release: Release) -> str:
    """``release.yaml`` of a release, as it goes into the package; the same release gives the same text."""
    return yaml.safe_dump(as_dict(release), sort_keys=False, allow_unicode=True, width=WIDTH)


def as_dict(release: Release) -> dict[str, Any]:
    """What ``release.yaml`` states, without what is empty."""

    def person(p: Person) -> dict[str, Any]:
        return _kept(
            family_name=p.family_name,
            given_name=p.given_name,
            orcid=p.orcid,
            affiliations=[_kept(name=a.name, ror=a.ror) for a in p.affiliations],
            role=p.role,
        )

    limits = release.thresholds
    return _kept(
        format=1,
        inventory=release.inventory,
        version=release.version,
        date=release.date.isoformat(),
        title=release.title,
        description=release.description,
        schema=release.schema,
        doi=release.doi,
        concept_doi=release.concept_doi,
        previous=release.previous,
        publisher=release.publisher,
        language=release.language,
        keywords=list(release.keywords),
        communities=list(release.communities),
        period=None
        if release.period is None
        else {"start": release.period[0].isoformat(), "end": release.period[1].isoformat()},
        licence={"id": release.licence.id, "title": release.licence.title, "url": release.licence.url},
        creators=[person(p) for p in release.creators],
        contributors=[person(p) for p in release.contributors],
        funding=[
            _kept(funder=f.funder, ror=f.ror, award=f.award, title=f.title, url=f.url)
            for f in release.funding
        ],
        related=[
            _kept(
                relation=r.relation,
                identifier=r.identifier,
                scheme=r.scheme,
                type=r.type,
                citation=r.citation,
            )
            for r in release.related
        ],
        files=[_kept(name=f.name, sha256=f.sha256, size=f.size) for f in release.files],
        provenance=[{"attributes": a, "source": s} for a, s in release.provenance],
        limits=list(release.limits),
        retired=[_kept(id=t.id, reason=t.reason, replaced_by=list(t.replaced_by)) for t in release.retired],
        thresholds=asdict(limits),
        accepted=dict(release.accepted),
    )


def _kept(**items: Any) -> dict[str, Any]:
    """What is there: empty lists, texts and None are left out."""
    return {key: value for key, value in items.items() if value not in (None, "", [], (), {})}


# ---- a new one


def new_text(
    version: Version, *, previous: Release | None = None, name: str | None = None, schema: str | None = None
) -> str:
    """``release.yaml`` of a new release: every key with what it means, and marks where a value is missing.

    Parameters
    ----------
    version
        Its version.
    previous
        The release before: what stays is taken over, what each version has for itself is not.
    name
        Short name of the inventory.
    schema
        Id of its schema.
    """
    properties = json.loads(
        (data_root() / "schemas" / "meta" / "release.schema.json").read_text(encoding="utf-8")
    )
    taken = _taken(previous) if previous is not None else {}
    taken |= {"format": 1, "version": str(version)}
    if previous is not None:
        taken["previous"] = previous.version
    taken |= _kept(inventory=name, schema=schema)
    head = (
        "Replace every mark <FILL IN: ...>; `rogi release build` names those that are left. An optional key "
        "can be removed; one after a # is not used until the # is removed."
    )
    if previous is not None:
        head += (
            f" Taken over from {previous.name} is what has no mark: look whether description, period, "
            "provenance and limits still hold."
        )
    blocks = [_comment(head)]
    for key, stated in properties["properties"].items():
        if stated.get("readOnly") or (key == "previous" and previous is None):
            continue
        about = _comment(stated["description"])
        example = stated.get("examples", [None])[0]
        if key in taken:
            blocks.append(about + _block(key, taken[key]))
        elif "default" in stated:
            blocks.append(about + _block(key, stated["default"]))
        elif key in properties["required"] or key in README_PARTS:
            optional = "" if key in properties["required"] else "Optional. "
            blocks.append(_comment(optional + stated["description"]) + _block(key, _marked(example)))
        else:
            unused = "".join(f"# {line}\n" for line in _block(key, example).splitlines())
            blocks.append(about + unused)
    return "\n".join(blocks)


def new_changelog(version: Version, *, previous: Release | None = None, name: str | None = None) -> str:
    """``CHANGELOG.md`` of a new release; the tables are added when it is built."""
    name = name or (previous.inventory if previous is not None else "")
    what = f"what changed since {previous.version}, in words" if previous is not None else "what it contains"
    return f"# {f'{name} {version}'.strip()}\n\n{mark(what)}\n"


def _taken(previous: Release) -> dict[str, Any]:
    """What a new version has of the one before."""
    made = {key: value for key, value in as_dict(previous).items() if key not in ANEW}
    if previous.thresholds == Thresholds():
        del made["thresholds"]
    related = [r for r in made.pop("related", ()) if r["relation"] != PREDECESSOR]
    return made | _kept(related=related)


def _marked(example: Any) -> Any:
    """An example with a mark in the place of each text."""
    if isinstance(example, Mapping):
        return {key: _marked(value) for key, value in example.items()}
    if isinstance(example, list):
        return [_marked(value) for value in example]
    return mark(f"such as {example}")


def _block(key: str, value: Any) -> str:
    return yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=WIDTH * 3)


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH - 2))
