"""The difference of two versions by subregion and by field."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rogi.release.differences.values import Kind


def by_subregion(units: pd.DataFrame) -> pd.DataFrame:
    """Units and area of both versions and cases of each kind, per subregion.

    What was before is counted in the subregion that the old version gave it.

    Parameters
    ----------
    units
        Of a :class:`~rogi.release.differences.difference.Difference`.
    """
    regions = {c: units[c].fillna("(none)") for c in ("subregion", "subregion_old", "subregion_new")}
    before = units.loc[(units["row_old"] >= 0) & ~units["row_old"].duplicated(), "area_old_km2"]
    after = units.loc[(units["row_new"] >= 0) & ~units["row_new"].duplicated(), "area_new_km2"]
    region_old, region_new = regions["subregion_old"][before.index], regions["subregion_new"][after.index]
    kinds = units.groupby([regions["subregion"], "kind"]).size().to_dict()
    rows = []
    for name in sorted({*region_old, *region_new}):
        old, new = before[region_old == name], after[region_new == name]
        row: dict[str, Any] = {
            "subregion": name,
            "units_old": len(old),
            "units_new": len(new),
            "area_old_km2": float(old.sum()),
            "area_new_km2": float(new.sum()),
        }
        rows.append(row | {kind.value: int(kinds.get((name, kind.value), 0)) for kind in Kind})
    columns = [
        "subregion",
        "units_old",
        "units_new",
        "area_old_km2",
        "area_new_km2",
        *(k.value for k in Kind),
    ]
    return pd.DataFrame(rows, columns=columns)


def by_field(values: pd.DataFrame) -> pd.DataFrame:
    """Which fields changed: units, of them filled and emptied, and mean, smallest and largest change.

    Parameters
    ----------
    values
        Of a :class:`~.difference.Difference`: columns ``field``, ``old``, ``new`` (text,
        empty where there is no value).

    Returns
    -------
    DataFrame
        One row per field, those with most changes first; changes are NaN for texts.

    Examples
    --------
    >>> import pandas as pd
    >>> values = pd.DataFrame({"field": ["z", "z", "z"], "old": ["1", "2", ""], "new": ["4", "7", "5"]})
    >>> by_field(values).to_dict("records")
    [{'field': 'z', 'units': 3, 'filled': 1, 'emptied': 0, 'mean': 4.0, 'least': 3.0, 'most': 5.0}]
    """
    rows = []
    for name, part in values.groupby("field", sort=True):
        old, new = part["old"].astype(str), part["new"].astype(str)
        both = (old != "") & (new != "")
        x, y = (pd.to_numeric(v[both], errors="coerce") for v in (old, new))
        apart = (y - x) if x.notna().all() and y.notna().all() else x.iloc[:0]
        rows.append(
            {
                "field": name,
                "units": len(part),
                "filled": int((old == "").sum()),
                "emptied": int((new == "").sum()),
                "mean": float(apart.mean()),
                "least": float(apart.min()),
                "most": float(apart.max()),
            }
        )
    columns = ["field", "units", "filled", "emptied", "mean", "least", "most"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["units", "field"], ascending=[False, True], kind="stable", ignore_index=True)
