"""Where units went: the crosswalk of a version to the last, and the IDs that are gone, over all versions."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rogi.errors import InputError
from rogi.release.description import Release, Tombstone
from rogi.release.differences.difference import Difference, Kind

FOLDER: Final = "lineage"
CROSSWALK: Final = "lineage/crosswalk.csv"
LINEAGE: Final = "lineage/lineage.csv"
MAX_BYTES: Final = 256 * 2**20

CROSSWALK_COLUMNS: Final = {
    "kind": "added, removed, split, merged, regrouped, renamed, refined, attributes or unchanged",
    "group": "number of the split, merge or regrouping; 0 for others",
    "id_old": "ID in the previous version",
    "id_new": "ID in this version",
    "subregion": "subregion",
    "area_old_km2": "area of the outline in the previous version, km²",
    "area_new_km2": "area of the outline in this version, km²",
    "area_change_km2": "their difference, km²",
    "iou": "intersection over union of the two outlines",
    "distance_m": "distance of the two markers, m, where there are no outlines",
    "fields": "what changed",
    "longitude": "degrees, of a point in the unit",
    "latitude": "degrees",
}
LINEAGE_COLUMNS: Final = ("version", "id", "fate", "replaced_by", "reason")


@dataclass(frozen=True, slots=True)
class Retired:
    """An ID that is gone since a version; ``fate`` is a :class:`~rogi.release.differences.values.Kind`."""

    version: str
    id: str
    fate: str
    replaced_by: tuple[str, ...]
    reason: str


def crosswalk_text(found: Difference) -> str:
    """The crosswalk as CSV, one row per link of an old and a new unit."""
    table = found.units[list(CROSSWALK_COLUMNS)]
    # pandas' own float_format takes ten times as long
    numbers = {
        str(name): ["" if math.isnan(v) else f"{v:.10g}" for v in values.tolist()]
        for name, values in table.select_dtypes("float").items()
    }
    return table.assign(**numbers).to_csv(index=False, lineterminator="\n")


def successors(found: Difference) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Of each ID that is gone: what became of its unit, and the IDs that stand there now."""
    gone = found.vanished
    table = found.units[found.units["id_old"].isin(gone)]
    out: dict[str, tuple[str, tuple[str, ...]]] = {}
    for kind, old, new in zip(table["kind"], table["id_old"], table["id_new"], strict=True):
        _, before = out.get(old, (kind, ()))
        out[old] = (kind, before if new is None else tuple(sorted({*before, str(new)})))
    return out


def draft_tombstones(found: Difference) -> str:
    """A list of retired IDs for a release, as CSV, the reasons filled in as far as places tell them."""
    reasons = {
        Kind.REMOVED.value: "",
        Kind.RENAMED.value: "new ID for the same unit",
        Kind.SPLIT.value: "split",
        Kind.MERGED.value: "merged",
        Kind.REGROUPED.value: "outlines redrawn as other units",
    }
    rows = [
        (id_, reasons.get(kind, ""), " ".join(new)) for id_, (kind, new) in sorted(successors(found).items())
    ]
    return _csv(("id", "reason", "replaced_by"), rows)


def retired_now(release: Release, found: Difference) -> list[Retired]:
    """IDs that are gone in this version, with the tombstones' reasons."""
    stones: dict[str, Tombstone] = {stone.id: stone for stone in release.retired}
    rows = []
    for id_, (kind, new) in sorted(successors(found).items()):
        stone = stones.get(id_)
        replaced = stone.replaced_by if stone is not None and stone.replaced_by else new
        rows.append(Retired(release.version, id_, kind, replaced, stone.reason if stone is not None else ""))
    return rows


def lineage_text(rows: Iterable[Retired]) -> str:
    """The list of IDs that are gone as CSV."""
    return _csv(LINEAGE_COLUMNS, [(r.version, r.id, r.fate, " ".join(r.replaced_by), r.reason) for r in rows])


def read_lineage(folder: Path) -> tuple[Retired, ...]:
    """The list in a package; empty if it has none.

    Raises
    ------
    InputError
        If the file is not such a list.
    """
    path = folder / LINEAGE
    if not path.is_file():
        return ()
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES} bytes, more than any list of IDs.")
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    if tuple(rows.fieldnames or ()) != LINEAGE_COLUMNS:
        raise InputError(
            f"{path} has not the columns {', '.join(LINEAGE_COLUMNS)}; take it from the release again."
        )
    return tuple(
        Retired(r["version"], r["id"], r["fate"], tuple((r["replaced_by"] or "").split()), r["reason"] or "")
        for r in rows
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
