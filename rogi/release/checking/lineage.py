"""Whether crosswalk and lineage of a package agree with its data, each other and ``release.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release, Version
from rogi.release.differences.lineage import CROSSWALK, LINEAGE, read_lineage
from rogi.release.differences.values import Kind
from rogi.statistics.unit_table import UnitTable


def lineage_faults(folder: Path, release: Release, units: UnitTable) -> tuple[int, int, list[str]]:
    """Units in the crosswalk, IDs that are gone, and what is wrong with them."""
    table = pd.read_csv(folder / CROSSWALK, dtype="str", keep_default_na=False)
    ids = units.text("primary_id")
    present = {str(i) for i in ids if i is not None} if ids is not None else set()
    listed = {i for i in table["id_new"].tolist() if i}
    faults = [f"{i} is in the data but not in the crosswalk" for i in sorted(present - listed)]
    faults += [f"{i} is in the crosswalk but not in the data" for i in sorted(listed - present)]
    retired = {row.id: row for row in read_lineage(folder)}
    faults += [f"{i} is retired but in the data" for i in sorted(set(retired) & present)]
    gone = {i for i in table["id_old"].tolist() if i} - listed
    faults += [f"{i} is gone without a line in the lineage" for i in sorted(gone - set(retired))]
    faults += _successors(folder, release, table, present)
    return len(listed), len(retired), faults


def _successors(folder: Path, release: Release, table: pd.DataFrame, present: set[str]) -> Iterator[str]:
    """Successors and predecessors that are not there, and lineage that the crosswalk contradicts."""
    rows = read_lineage(folder)
    own = Version.parse(release.version)
    retired_in = {row.id: Version.parse(row.version) for row in rows}
    now: dict[str, set[str]] = {}
    redrawn = set(table.loc[table["kind"] == Kind.REGROUPED, "id_old"])
    for old, new in zip(table["id_old"], table["id_new"], strict=True):
        now.setdefault(old, set()).update({new} - {""})
    for row in rows:
        version = retired_in[row.id]
        # what replaced a unit in an earlier version may be gone since, with a later line of its own
        absent = [i for i in row.replaced_by if i not in present and retired_in.get(i, version) <= version]
        if absent:
            yield f"{row.id} is replaced by {', '.join(absent)}, which is not there"
        if version > own:
            yield f"{row.id} is retired by {row.version}, which is after this version"
        if version != own:
            continue
        if row.id not in now:
            yield f"{row.id} is retired by {row.version} but was not in the version before (crosswalk)"
            continue
        said, there = set(row.replaced_by), now[row.id]
        if said and there and said != there and not (row.id in redrawn and said <= there):
            yield (
                f"{row.id} is replaced by {', '.join(row.replaced_by)}, in the crosswalk by "
                f"{', '.join(sorted(now[row.id]))}"
            )
    lines = {row.id: set(row.replaced_by) for row in rows}
    for stone in release.retired:
        if stone.id not in lines:
            yield f"{stone.id} is retired in {RELEASE_FILE} but not in {LINEAGE}"
        elif stone.replaced_by and set(stone.replaced_by) != lines[stone.id]:
            yield f"{stone.id} has another replaced_by in {RELEASE_FILE} than in {LINEAGE}"
