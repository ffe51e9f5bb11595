"""Who saved a row, as the team's store knows it, beside who the row says decided.

A mapper's name in a row is text that anybody may write. The store knows the user who logged in, when, and the
number of the change in its history; packages know none of it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from rogi.update.columns import GEOMETRY
from rogi.update.mapper_names import NOBODY
from rogi.update.problems import Rule

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.update.planning.stored_plan import Planned

SAVED: Final = ("edited_by", "edited_at", "reviewed_by", "reviewed_at", "history")
"""Columns of the rows: text, times in UTC as ISO 8601; None where nobody saved the row, or in packages."""
DECIDED: Final = (
    "task", "unit", "candidate", "decision", "use_candidate", "merge_into", "reason", "front_50m", "mapper",
    "reviewer", "date", "comment",
)  # fmt: skip
"""Columns that the digest of decisions is made of, with the outline."""

SHOWN: Final = 5
"""Rows named in a note."""
ROWS_AT_A_TIME: Final = 10_000
"""Outlines that are encoded for the digest together."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a store says of its rows as a whole.

    Attributes
    ----------
    store
        Its address, without a password; empty for packages.
    moment
        Time of the last change, UTC, ISO 8601; empty where nothing was changed.
    history
        Number of the last change.
    names
        User of the database -> the mappers whose packages are the user's own.
    """

    store: str = ""
    moment: str = ""
    history: str = ""
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)


def with_saved(rows: gpd.GeoDataFrame, written: pd.DataFrame | None) -> gpd.GeoDataFrame:
    """Rows with the columns of :data:`SAVED`.

    Parameters
    ----------
    rows
        (n,) with ``row``, the feature id.
    written
        By feature id: the columns of :data:`SAVED`, times with time zone; None for packages.
    """
    out = rows.copy()
    for name in SAVED:
        values: Any = np.full(len(rows), None, dtype=object)
        if written is not None and len(written):
            column = written[name].reindex(rows["row"])
            if pd.api.types.is_datetime64_any_dtype(column.dtype):
                column = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
            elif name == "history":
                column = column.astype("Int64").astype("string")
            values = column.to_numpy(dtype=object, copy=True)
            values[column.isna().to_numpy(dtype=bool)] = None
        out[name] = pd.Series(values, index=out.index, dtype=object)
    return out


def other_hands(rows: gpd.GeoDataFrame, saved: Saved) -> Iterator[tuple[int, Rule, str]]:
    """Decided rows whose mapper or reviewer is not who saved them: position, rule and what differs.

    A reviewer may correct a decision under their own name: then the user is the reviewer of the row.
    """
    columns = ("decision", "mapper", "reviewer", "edited_by", "reviewed_by")
    values = zip(*(rows[name].to_numpy(dtype=object) for name in columns), strict=True)
    for i, (decision, mapper, reviewer, edited, reviewed) in enumerate(values):
        if decision is None:
            continue
        if edited is not None and not _known_as(edited, saved) & {_plain(mapper), _plain(reviewer)}:
            said = f"the mapper {mapper}" if mapper else "no mapper"
            yield i, Rule.OTHER_HAND, f"{said}, but {edited} saved the decision"
        signed = reviewer is not None and reviewed is not None
        if signed and _plain(reviewer) not in _known_as(reviewed, saved):
            yield i, Rule.OTHER_HAND, f"the reviewer {reviewer}, but {reviewed} wrote that"


def people_notes(rows: gpd.GeoDataFrame, planned: Planned, saved: Saved) -> Iterator[str]:
    """What is odd, and may be right, about who decided: a foreign mapper in a package, a review of one's own.

    Rows that were moved from another package keep the mapper of that one. Who decides in a store is known,
    see `other_hands`.
    """
    own = {package.name: package.mapper for package in planned.packages}
    moves = [move for move in planned.raw.get("moved") or () if isinstance(move, dict)]
    moved = {_plain(own.get(str(move.get("from")))) for move in moves}
    foreign: dict[str, dict[str, list[int]]] = {}
    alone: dict[str, dict[str, list[int]]] = {}
    columns = ("decision", "mapper", "reviewer", "package", "file", "row")
    values = zip(*(rows[name].to_numpy(dtype=object) for name in columns), strict=True)
    for decision, mapper, reviewer, package, file, row in values:
        if decision is None or mapper is None:
            continue
        mine = own.get(package)
        if not saved.store and mine not in (None, NOBODY) and _plain(mapper) not in {_plain(mine), *moved}:
            foreign.setdefault(file, {}).setdefault(mapper, []).append(int(row))
        if reviewer is not None and _plain(reviewer) == _plain(mapper):
            alone.setdefault(file, {}).setdefault(mapper, []).append(int(row))
    for file, names in sorted(foreign.items()):
        yield f"{file} has decisions of another mapper than its package: {_listed(names)}"
    for file, names in sorted(alone.items()):
        yield f"{file} has decisions whose reviewer is their mapper: {_listed(names)}"


def _listed(names: Mapping[str, list[int]]) -> str:
    """``carla (rows 3, 5, 6 and 12 more)``."""
    parts = []
    for name, found in sorted(names.items()):
        shown = ", ".join(map(str, sorted(found)[:SHOWN]))
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        parts.append(f"{name} ({'row' if len(found) == 1 else 'rows'} {shown}{more})")
    return ", ".join(parts)


def _known_as(user: str, saved: Saved) -> set[str]:
    return {_plain(user), *map(_plain, saved.names.get(user, ()))}


def _plain(name: str | None) -> str:
    return unicodedata.normalize("NFKC", name or "\0").strip().casefold()


def decisions_sha256(rows: gpd.GeoDataFrame) -> str:
    """Digest of what was decided, the same for packages and a store, whatever files and the order of rows."""
    geometry = np.asarray(rows[GEOMETRY].array, dtype=object)
    columns = [rows[name].to_numpy(dtype=object) for name in DECIDED]
    lines = []
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        shapes = shapely.normalize(geometry[start : start + ROWS_AT_A_TIME])
        for k, shape in enumerate(shapely.to_wkb(shapes, byte_order=1), start):
            texts = "\x1f".join("" if column[k] is None else str(column[k]) for column in columns)
            lines.append(hashlib.sha256(texts.encode() + b"\x1e" + (shape or b"")).hexdigest())
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
