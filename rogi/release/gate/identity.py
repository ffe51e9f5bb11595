"""IDs of a release: none vanishes, moves, comes back or is keyed in two ways, and each successor exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Geod

from rogi.inventory.ids.keys import key, odd_ids, raw_ids
from rogi.inventory.model import Inventory
from rogi.release.description import Release, Tombstone
from rogi.release.differences.lineage import Retired, successors
from rogi.release.differences.values import Kind
from rogi.release.gate.refusal import Refusal, some
from rogi.text import agreeing, clause, counted

if TYPE_CHECKING:
    from rogi.release.differences.difference import Difference


def vanished(release: Release, found: Difference) -> list[Refusal]:
    """IDs that are gone without a tombstone, and IDs of units in another place."""
    out = []
    stones = {stone.id for stone in release.retired}
    # an ID that is there in another form is told as that (ids-keyed), not as a unit that is gone
    there = {key(name) for name in found.ids_new}
    missing = sorted(name for name in found.vanished - stones if key(name) not in there)
    if missing:
        out.append(
            Refusal(
                "ids-vanished",
                f"{counted(len(missing), 'ID')} of {found.old} "
                f"{agreeing(len(missing), 'is', 'are')} gone without a tombstone "
                f"({some(missing)}).",
                "List them under retired in release.yaml with a reason; "
                "`rogi release diff OLD NEW --tombstones retired.csv` writes a draft.",
            )
        )
    if found.moved:
        out.append(
            Refusal(
                "ids-moved",
                f"{clause(len(found.moved), 'ID', 'stands', 'stand')} for another "
                f"place than before ({some(found.moved)}).",
                "Give the units new IDs (`rogi id make`) and retire the old ones.",
            )
        )
    return out


def reused(release: Release, retired: Sequence[Retired], ids: frozenset[str]) -> list[Refusal]:
    """IDs that were retired, or are, but are in the data."""
    out = []
    back = sorted({row.id for row in retired} & ids)
    if back:
        out.append(
            Refusal(
                "ids-reused",
                f"{clause(len(back), 'ID', 'was', 'were')} retired by an earlier version "
                f"and {agreeing(len(back), 'is', 'are')} used again ({some(back)}).",
                "Give the units new IDs; an ID is never used twice.",
            )
        )
    present = sorted({stone.id for stone in release.retired} & ids)
    if present:
        out.append(
            Refusal(
                "ids-retired",
                f"{clause(len(present), 'ID', 'is', 'are')} retired in release.yaml but "
                f"in the inventory ({some(present)}).",
                "Take them out of one of the two.",
            )
        )
    return out


def ids_of(inventory: Inventory) -> frozenset[str]:
    """All primary IDs of an inventory, as they are keyed."""
    layers = [layer for layer in inventory.layers if layer.has("primary_id")]
    return frozenset(
        str(i) for layer in layers for i in layer.values("primary_id").dropna().unique().tolist()
    )


def explained(found: Difference) -> frozenset[str]:
    """IDs of units that came from others: split, merged, redrawn or renamed."""
    kinds = [kind.value for kind in (Kind.SPLIT, Kind.MERGED, Kind.REGROUPED, Kind.RENAMED)]
    return frozenset(found.units.loc[found.units["kind"].isin(kinds), "id_new"].dropna())


def keyed(packed: Inventory, ids_before: frozenset[str] = frozenset()) -> list[Refusal]:
    """IDs with blanks or invisible characters, or that differ from another in case or form only.

    The files of a package are joined by ID, letter by letter.
    """
    layers = [layer for layer in packed.layers if layer.has("primary_id")]
    columns = [raw_ids(layer.values("primary_id").tolist()) for layer in layers]
    wrong: dict[str, str] = {}
    for column, odd in zip(columns, odd_ids(columns), strict=True):
        wrong |= {column[row]: said for row, said in odd.items()}
    # what the version before has letter by letter needs no key
    new = {text for column in columns for text in column.tolist() if text is not None} - ids_before
    before = {key(i): i for i in sorted(ids_before)} if new else {}
    for text in new - set(wrong):
        if (was := before.get(key(text))) is not None:
            wrong[text] = f"was {was!r} in the version before"
    if not wrong:
        return []
    said = [f"{text!r} {what}" for text, what in sorted(wrong.items())]
    return [
        Refusal(
            "ids-keyed",
            f"{clause(len(wrong), 'ID', 'is', 'are')} not written as other layers, or the "
            f"version before, have {agreeing(len(wrong), 'it', 'them')}: {some(said)}.",
            "Write each ID in one way in all layers; `rogi validate --fix safe` does so for primary IDs.",
        )
    ]


def lineage_refusals(
    release: Release,
    found: Difference | None,
    retired: Sequence[Retired],
    ids: frozenset[str],
    ids_before: frozenset[str] | None = None,
) -> list[Refusal]:
    """Tombstones of IDs that never were, and successors that are not there, far away or other ones.

    Parameters
    ----------
    release
        Its tombstones and limits.
    found
        The difference to the version before.
    retired
        IDs that are gone since earlier versions.
    ids, ids_before
        IDs of this version and the one before.
    """
    stones = release.retired
    if not stones:
        return []
    if ids_before is None:
        ids_before = found.ids_old if found is not None else frozenset()
    known = {row.id for row in retired} | ids_before
    out = []
    if never := sorted(s.id for s in stones if s.id not in known):
        out.append(
            Refusal(
                "lineage-unknown",
                f"{clause(len(never), 'retired ID', 'is', 'are')} of no unit of the version "
                f"before ({some(never)}).",
                "Correct or remove them in release.yaml.",
            )
        )
    if absent := sorted({f"{i} for {s.id}" for s in stones for i in s.replaced_by if i not in ids}):
        out.append(
            Refusal(
                "lineage-absent",
                f"replaced_by names {counted(len(absent), 'unit')} that "
                f"{agreeing(len(absent), 'is', 'are')} not in this version ({some(absent)}).",
                "Name the units that stand there now, or leave replaced_by out: it is then taken from the "
                "outlines.",
            )
        )
    if found is None:
        return out
    fates = successors(found)
    other = []
    for stone in stones:
        kind, now = fates.get(stone.id, ("", ()))
        said = set(stone.replaced_by)
        if not said or not now or not said <= ids:
            continue
        # where several units became several others, an author may name those that matter
        if said != set(now) and not (kind == Kind.REGROUPED and said <= set(now)):
            other.append(f"{stone.id}: {' '.join(stone.replaced_by)}, by its outline {' '.join(now)}")
    if other:
        out.append(
            Refusal(
                "lineage-other",
                f"replaced_by of {counted(len(other), 'retired ID')} is not what the outlines tell "
                f"({some(other)}).",
                "Correct it, or leave it out: it is then taken from the outlines.",
            )
        )
    limit = release.thresholds.distance
    far = [
        f"{stone.id}: {i}, {metres:,.0f} m away"
        for stone in stones
        for i, metres in _distances(found, stone)
        if metres > limit
    ]
    if far:
        out.append(
            Refusal(
                "lineage-far",
                f"replaced_by of {counted(len(far), 'retired ID')} is more than {limit:g} m away "
                f"({some(far)}).",
                "Correct it, or leave it out: a unit far away does not replace another.",
            )
        )
    return out


def _distances(found: Difference, stone: Tombstone) -> list[tuple[str, float]]:
    """Successors of a unit, and how far each is from where the unit was, m."""
    table = found.units
    at = np.flatnonzero((table["id_old"] == stone.id).to_numpy(dtype=bool))
    out = []
    for name in stone.replaced_by:
        there = np.flatnonzero((table["id_new"] == name).to_numpy(dtype=bool))
        if not len(at) or not len(there):
            continue
        line = shapely.shortest_line(found.old_geometry[at[0]], found.new_geometry[there[0]])
        ends = shapely.get_coordinates(line)
        if len(ends) == 2:
            out.append((name, float(Geod(ellps="WGS84").inv(*ends[0], *ends[1])[2])))
    return out
