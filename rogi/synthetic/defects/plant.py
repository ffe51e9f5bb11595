"""Planting defects of chosen rules, each on units of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from rogi.errors import OptionError
from rogi.rules.registry import expand, rules
from rogi.synthetic.defects import attributes, geometry, identity, relations, structure
from rogi.synthetic.defects.draft import Draft
from rogi.synthetic.defects.planter import Planter

if TYPE_CHECKING:
    import pandas as pd

    from rogi.inventory.model import Inventory

ALL = "all"
PLANTERS = (
    *structure.PLANTERS,
    *identity.PLANTERS,
    *geometry.PLANTERS,
    *attributes.PLANTERS,
    *relations.PLANTERS,
)

NEVER: Mapping[str, str] = {
    "SCH001": "without a layer most other rules are not run",
    "SCH002": "with an empty layer most other rules are not run",
    "SCH004": "without a CRS most other rules are not run",
    "SCH019": "the packaged schemas have no pattern but that of the primary ID (PID001, PID002)",
    "SCH020": "the dialects of synthetic inventories map no value with loss",
    "GEO018": "only formats that ask for an orientation of rings (GeoJSON) are checked",
}
NO_COLUMN = "{schema} inventories have no column or layer that the rule looks at"


def plant(
    inventory: Inventory, *, seed: int, select: Iterable[str] = (ALL,), per_rule: int = 3
) -> tuple[Inventory, pd.DataFrame]:
    """Plant defects in a clean synthetic inventory.

    Each defect spoils a unit of its own (or two, where it takes two), so that a finding on any other unit
    is a false one. Defects of a layer as a whole (an extra column, another unit of the areas) are planted
    once, such that the rules on units still see what they saw before.

    Parameters
    ----------
    inventory
        As made by :func:`rogi.synthetic.inventory.synthetic_inventory`; it is not changed.
    seed
        Which units are spoiled; same inventory and seed, same result.
    select
        Codes, names or prefixes of rules; ``all`` for every rule. Rules of which no defect can be planted
        are left out (see :func:`not_planted`).
    per_rule
        Defects planted for each rule, at least 1.

    Returns
    -------
    inventory
        With defects; it can be written and read again with the same findings.
    key
        One row for every finding to be expected, sorted: ``code``, ``layer``, ``row`` (from 1; 0 for the
        layer as a whole), ``id`` (primary ID), ``other_row`` (of a second feature the defect is about),
        ``planted_for`` (the rule whose defect it is: some defects are found by other rules too) and
        ``what``.

    Raises
    ------
    OptionError
        If a rule does not exist, none of those selected can be planted, or the inventory has too few
        units.
    """
    if per_rule < 1:
        raise OptionError(f"At least 1 defect is planted for each rule, not {per_rule}.")
    chosen = tuple(select)
    name = inventory.schema.name
    planters = [p for p in PLANTERS if p.code in _codes(chosen) and name in p.schemas]
    if not planters:
        reasons = "; ".join(
            f"{code}: {why}" for code, why in not_planted(inventory.schema.id, chosen).items()
        )
        raise OptionError(f"None of the rules selected can be planted in {inventory.schema.id}: {reasons}.")
    draft = Draft(inventory)
    _refuse_small(draft, planters, per_rule)
    order = np.random.default_rng((seed, len(PLANTERS))).permutation(draft.count)
    free = np.ones(draft.count, dtype=bool)
    for planter in sorted(planters, key=lambda p: p.where is None):  # first those that are particular
        draft.code = planter.code
        if planter.units == 0:
            planter.plant(draft, (), 0)
            continue
        fit = free if planter.where is None else free & planter.where(draft)
        units = order[fit[order]][: planter.units * per_rule]
        if len(units) < planter.units * per_rule:
            raise OptionError(
                f"{planter.code} takes {planter.units * per_rule} units {planter.place}, the inventory has "
                f"{len(units)} of {draft.count} that are free; make one with more units, or plant fewer "
                "defects for each rule."
            )
        free[units] = False
        for number, group in enumerate(np.split(units, per_rule)):
            planter.plant(draft, tuple(sorted(int(unit) for unit in group)), number)
    return draft.finish()


def not_planted(schema: str, select: Iterable[str] = (ALL,)) -> Mapping[str, str]:
    """Selected rules of which no defect can be planted, and why.

    Parameters
    ----------
    schema
        Id of the schema of the inventory, such as ``tprogi/1.0``.
    select
        As for :func:`plant`.

    Raises
    ------
    OptionError
        If a rule does not exist.
    """
    name = schema.partition("/")[0]
    plantable = {p.code for p in PLANTERS if name in p.schemas}
    missing = sorted(_codes(tuple(select)) - plantable)
    return {code: NEVER.get(code, NO_COLUMN.format(schema=schema)) for code in missing}


def _codes(select: tuple[str, ...]) -> frozenset[str]:
    if ALL in {item.strip().casefold() for item in select}:
        return frozenset(rules())
    return expand(select)


def _refuse_small(draft: Draft, planters: list[Planter], per_rule: int) -> None:
    needed = sum(planter.units for planter in planters) * per_rule
    if needed > draft.count:
        raise OptionError(
            f"{per_rule} defects for each of {len(planters)} rules take {needed} units, the inventory has "
            f"{draft.count}; make one of at least {needed} units, or plant fewer defects or rules."
        )
    for planter in planters:
        if planter.least > draft.count:
            raise OptionError(
                f"{planter.code} looks at inventories of at least {planter.least} units, this one has "
                f"{draft.count}; make one with more units, or leave the rule out."
            )
