"""Validation of anything that is an inventory."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi.api.inventories import Source, as_inventory, as_texts
from rogi.distribution import optional
from rogi.public import in_python, public
from rogi.validation.engine import validate as run
from rogi.validation.settings import Settings, load_settings, settings_from

if TYPE_CHECKING:
    from rogi.validation.report import Report


@public
def validate(
    source: Source,
    settings: Settings | str | PathLike[str] | None = None,
    *,
    profile: str | None = None,
    select: Sequence[str] | str = (),
    ignore: Sequence[str] | str = (),
    severity: Mapping[str, str] | None = None,
    parameters: Mapping[str, object] | None = None,
    date: dt.date | None = None,
    baseline: str | PathLike[str] | None = None,
    schema: str | None = None,
    dialect: str | None = None,
    dem: Any = None,
    maat: Any = None,
    magt: Any = None,
    ap: Any = None,
    remote: bool = False,
) -> Report:
    """Check an inventory against the RGIK rules, as `rogi validate` does.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        In any CRS; a missing one is a finding. It is not changed.
    settings : Settings or path, optional
        ``rogi.toml`` or the like; what is given here beside it comes first. No file is looked for.
    profile : {"lenient", "normal", "strict"}, optional
        How strictly severities are set.
    select, ignore : str or sequence of str
        Codes, names or prefixes of rules to run (default: all) and not to run: ``"GEO"``, ``"PID004"``.
    severity : mapping, optional
        Rule -> error, warning or info.
    parameters : mapping, optional
        ``{"GEO014.minimum_area": 0.02}``.
    date : datetime.date, optional
        The day taken as today.
    baseline : path, optional
        Only findings that are not in this file count.
    schema, dialect : str, optional
        As in :func:`rogi.read_inventory`.
    dem, maat, magt, ap : path or sequence of paths, optional
        Rasters to derive attributes from anew and compare them (ATT020).
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    Report
        ``findings`` (GeoDataFrame; ``row`` counts from 1, so that ``table.iloc[row - 1]`` is the unit),
        ``outcomes``, ``counts``, ``explore()``, ``write(path)``.

    Raises
    ------
    InputError
        The source or a raster cannot be read.
    OptionError
        A rule, parameter, schema or value is unknown.

    References
    ----------
    RGIK (2023), Guidelines for inventorying rock glaciers; each rule names its source (`rogi rule CODE`).

    Examples
    --------
    >>> import rogi
    >>> outlines = rogi.synthetic_inventory(3).outlines
    >>> outlines.loc[2, "ID"] = outlines.loc[0, "ID"]
    >>> report = rogi.validate(outlines, select="PID004")
    >>> report.findings[["code", "severity", "row"]].values.tolist()
    [['PID004', 'error', 1], ['PID004', 'error', 3]]
    """
    chosen = settings if isinstance(settings, Settings) else None
    if chosen is None:
        chosen = Settings() if settings is None else load_settings(Path(settings))  # type: ignore[arg-type]
    inventory = as_inventory(source, schema=schema or chosen.schema, dialect=dialect or chosen.dialect)
    table: dict[str, Any] = {
        "profile": profile,
        "select": _several(select),
        "ignore": [*chosen.ignore, *_several(ignore)],
        "severity": {**{k: v.value for k, v in chosen.severity.items()}, **(severity or {})},
        "parameters": {**chosen.parameters, **(parameters or {})},
        "baseline": None if baseline is None else str(baseline),
    }
    given = {name: value for name, value in table.items() if value}
    own = settings_from(given, where="validate")
    chosen = replace(chosen, **{name: getattr(own, name) for name in given}, today=date or chosen.today)
    rasters = {"dem": dem, "maat": maat, "magt": magt, "ap": ap}
    if any(value is not None for value in rasters.values()):
        with optional("rogi.validate with rasters"):
            from rogi.attributes.configuration import AttributeSettings
            from rogi.attributes.recheck import with_recomputed

        files = {name: as_texts(value) for name, value in rasters.items()}
        choices = AttributeSettings(dem=files["dem"])
        for name in ("maat", "magt", "ap"):
            choices = choices.with_climate(name, files[name], {})
        inventory, said, failures = with_recomputed(inventory, choices)
        for text in (*said, *failures):
            warnings.warn(in_python(text), stacklevel=2)
    return run(inventory, chosen)


def _several(given: Sequence[str] | str) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
