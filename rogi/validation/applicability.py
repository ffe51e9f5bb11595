"""Where a rule can run, why it cannot, and whether there was anything for it to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rogi.inventory.model import Layer
from rogi.rules.context import Context, Mask
from rogi.rules.rule import Family, Need, RuleInfo
from rogi.schema.load import concepts
from rogi.schema.model import Role
from rogi.text import counted
from rogi.validation.report import Status

NAMED = 3  # concepts named in a reason; of more, one less and how many others


@dataclass(frozen=True, slots=True)
class Targets:
    """Layers on which a rule's needs are met.

    Attributes
    ----------
    roles
        Where it can run.
    missing
        Why it cannot run elsewhere though by the schema it should: the rule is *not run* there.
    absent
        Why it has no meaning elsewhere: the rule is *not applicable* there.
    """

    roles: tuple[Role, ...]
    missing: str
    absent: str


def targets(info: RuleInfo, context: Context) -> Targets:
    """Where a rule can run."""
    met: list[Role] = []
    missing: dict[str, list[Role]] = {}
    absent: dict[str, list[Role]] = {}
    for need in info.needs:
        layer = context.inventory.layer(need.role)
        if layer is None:
            absent.setdefault("", []).append(need.role)
        elif not len(layer) and info.family is not Family.SCH:
            missing.setdefault("have no features", []).append(need.role)
        elif lacking := _lacking(need, layer):
            schema_layer = context.inventory.schema.layer(need.role)
            known = schema_layer is not None and any(schema_layer.field(c) for c in lacking)
            reasons = missing if known else absent
            reasons.setdefault(f"have no column for {_concepts(lacking)}", []).append(need.role)
        elif info.needs_crs and context.crs(need.role) is None:
            reason = "have no CRS" + (" of the Earth" if layer.crs else "")
            missing.setdefault(reason, []).append(need.role)
        else:
            met.append(need.role)
    if info.together and len(met) < len(info.needs):
        met = []
    return Targets(tuple(dict.fromkeys(met)), _sentence(missing), _sentence(absent))


def unseen(info: RuleInfo, roles: Sequence[Role], context: Context) -> tuple[str, Status | None]:
    """What a rule that found nothing could not look at.

    A feature can be looked at if it has a value of each concept the rule needs and, where the rule is
    about places, a place on the Earth. A rule none of whose features can be looked at has not passed.

    Parameters
    ----------
    info
        The rule; those without needs look at the inventory as a whole.
    roles
        Layers it ran on.

    Returns
    -------
    str
        What it did not look at, empty if it looked at everything.
    Status or None
        Where that is everything: not applicable if the columns are simply not filled (and need not be),
        else not run.
    """
    if info.family is Family.SCH or not info.needs:
        return "", None
    reasons: dict[str, list[Role]] = {}
    blind: list[Status] = []
    for need in info.needs:
        if need.role not in roles:
            continue
        placed, without_place = _places(info, need.role, context)
        if not placed.any():
            blind.append(Status.NOT_RUN)
            reasons.setdefault(without_place, []).append(need.role)
        elif reason := _without_values(info, need, placed, context) if info.needs_values else None:
            blind.append(reason[1])
            reasons.setdefault(reason[0], []).append(need.role)
        elif info.needs_crs and not placed.all():
            count = int((~placed).sum())
            reasons.setdefault(f"{without_place} in {count:,} of {len(placed):,} rows", []).append(need.role)
    text = _sentence(reasons)
    if not blind or (len(blind) < len(roles) and not info.together):
        return text, None
    return text, Status.NOT_RUN if Status.NOT_RUN in blind else Status.NOT_APPLICABLE


def invalid_left_out(info: RuleInfo, roles: Sequence[Role], context: Context) -> str:
    """How many invalid geometries a rule that needs valid ones did not look at; empty if none."""
    if not info.needs_valid:
        return ""
    counts = {role: int((context.usable(role) & ~context.valid(role)).sum()) for role in roles}
    parts = [
        counted(count, f"invalid {role.value.replace('_', ' ')}", f"invalid {role.title}")
        for role, count in counts.items()
        if count
    ]
    return f"{' and '.join(parts)} left out, see GEO003" if parts else ""


def _places(info: RuleInfo, role: Role, context: Context) -> tuple[Mask, str]:
    if info.needs_crs:
        return context.placed(role), "have no place on the Earth"
    if info.family is Family.GEO:
        return context.usable(role), "have no usable geometry"
    return np.ones(len(context.layer(role)), dtype=bool), ""


def _without_values(info: RuleInfo, need: Need, placed: Mask, context: Context) -> tuple[str, Status] | None:
    """Why no feature has all values, and what that makes of the rule; None if one has."""
    readable = info.family is Family.PID
    filled = {c: context.filled(need.role, c, readable=readable) for c in need.concepts}
    if need.any_of:
        masks = [context.filled(need.role, c) for c in need.any_of if context.has(need.role, c)]
        filled[""] = np.logical_or.reduce(masks)
    if np.logical_and.reduce([placed, *filled.values()]).any():
        return None
    empty = [c for c, mask in filled.items() if not mask.any()]
    names = [name for c in empty for name in ((c,) if c else need.any_of)]
    if not names:
        return f"have no row with {_concepts(need.concepts, 'and')}", Status.NOT_APPLICABLE
    unreadable = any(_not_null(need.role, c, context) for c in names)
    what = "no readable" if unreadable else "no"
    return f"have {what} value of {_concepts(names)}", (
        Status.NOT_RUN if unreadable else Status.NOT_APPLICABLE
    )


def _not_null(role: Role, concept: str, context: Context) -> bool:
    """Whether there is anything in the column, or there should be."""
    layer = context.layer(role)
    field = layer.schema.field(concept) if layer.schema else None
    if field is not None and not field.nullable:
        return True
    return concept in layer.columns and not context.distinct(role, layer.columns[concept]).null.all()


def _lacking(need: Need, layer: Layer) -> tuple[str, ...]:
    lacking = tuple(concept for concept in need.concepts if not layer.has(concept))
    if lacking or not need.any_of or any(layer.has(concept) for concept in need.any_of):
        return lacking
    return need.any_of


def _concepts(names: Sequence[str], last: str = "or") -> str:
    """Titles of concepts: ``primary ID or outline type``, ``area, latitude or 17 others``."""
    known = concepts()
    titles = [known[name].title if name in known else name.replace("_", " ") for name in names]
    titles = [title[:1].lower() + title[1:] for title in titles]
    if len(titles) > NAMED:
        titles = [*titles[: NAMED - 1], f"{len(titles) - NAMED + 1} others"]
    return _listed(titles, last)


def _sentence(reasons: dict[str, list[Role]]) -> str:
    """``primary markers and outlines have no CRS; no moving areas``."""
    parts = []
    for reason, roles in reasons.items():
        titles = [role.title for role in dict.fromkeys(roles)]
        parts.append(f"{_listed(titles, 'and')} {reason}" if reason else f"no {_listed(titles, 'or')}")
    return "; ".join(parts)


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))
