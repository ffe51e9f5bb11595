"""Filling the attribute table from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from rogi.api.attributes import Paths, _files, frame, with_climate
from rogi.api.display import frames_html
from rogi.api.inventories import Source, as_inventory, path_or_table
from rogi.attributes.configuration import AttributeSettings, read_settings
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.output import write_derived
from rogi.inventory.model import Inventory
from rogi.ledger import Ledger
from rogi.public import public


@dataclass(frozen=True, eq=False)
class Filled:
    """What :func:`rogi.fill_attributes` gives.

    Attributes
    ----------
    inventory : Inventory
        With its attributes in the columns it has, or new ones, and why a value is null (``ATTR_NOTE``).
    values : DataFrame
        The attributes by concept, in the concept's unit, not rounded; on the index of the table.
    provenance : DataFrame
        One row for each group of columns: columns, inputs (names and SHA-256), parameters.
    warnings, failures : tuple of str
        What is odd; files that are missing or damaged, whose units have null values.
    """

    inventory: Inventory
    values: pd.DataFrame
    provenance: pd.DataFrame
    warnings: tuple[str, ...]
    failures: tuple[str, ...]
    settings: AttributeSettings = field(repr=False)
    derived: Derived = field(repr=False)

    @public
    def write(self, path: str | PathLike[str]) -> tuple[Path, ...]:
        """Write the inventory, ``<path>.provenance.json`` and ``<path>.attributes.toml``.

        Raises
        ------
        OutputError
            Something cannot be written; the inventory is then whole or not there.
        """
        with Ledger() as ledger:
            return write_derived(self.derived, Path(path), self.settings, ledger)

    def __repr__(self) -> str:
        columns = ", ".join(self.values.columns)
        return f"<Filled {self.inventory.path or 'in memory'}: {len(self.values)} units; {columns}>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), values=self.values, provenance=self.provenance)


@public
def fill_attributes(
    source: Source,
    settings: AttributeSettings | str | PathLike[str] | None = None,
    *,
    dem: Paths | None = None,
    maat: Paths | Mapping[str, Any] | None = None,
    magt: Paths | Mapping[str, Any] | None = None,
    ap: Paths | Mapping[str, Any] | None = None,
    regions: str | PathLike[str] | gpd.GeoDataFrame | None = None,
    region_field: str | None = None,
    fields: Sequence[str] | str = (),
    only_missing: bool = False,
    buffer: float | None = None,
    workers: int = 1,
    ledger: str | PathLike[str] | None = None,
    remote: bool = False,
    **inputs: Paths | Mapping[str, Any] | None,
) -> Filled:
    """Fill the attribute table of an inventory, as `rogi attributes` does.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        Outlines in any CRS, or markers with `buffer`; not changed.
    settings : AttributeSettings or path, optional
        TOML with ``[attributes]``; what is given here beside it comes first.
    dem : path or sequence of paths, optional
        Elevation model in metres, for elevation (m), slope and aspect (degrees), radiation (kWh m⁻²).
    maat, magt, ap : path, sequence of paths or mapping, optional
        Climate fields, as of :func:`climate` (°C, °C, mm).
    regions : path or GeoDataFrame, optional
        Polygons of mountain regions in any CRS, for the subregion.
    region_field : str, optional
        Column of their names.
    fields : str or sequence of str
        Only these: columns (``ELE_MEAN``), groups (``relief``, ``ELE``), concepts. Default: all possible.
    only_missing : bool
        Whether values that are there stay.
    buffer : float, optional
        Metres around the primary markers, for inventories without outlines.
    workers : int
        Processes of this machine.
    ledger : path, optional
        File that keeps finished units, so that the same call goes on where it was stopped.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).
    **inputs : path, sequence of paths or mapping, optional
        Other sources of attributes by name: ``glaciers``, outlines of glaciers, for the distance to the
        nearest (m); ``pzi``, a raster of the permafrost zonation index, for its mean and the share of
        permafrost zone. With choices: ``glaciers={"files": "rgi.gpkg", "radius": 20.0}``, kilometres.

    Returns
    -------
    Filled
        ``inventory``, ``values``, ``provenance``, ``warnings``, ``write(path)``.

    Raises
    ------
    InputError
        No outlines, no CRS, or inputs that cannot be read or do not reach any unit.
    OptionError
        Unknown fields or inputs, or fields whose input was not given.

    Examples
    --------
    >>> import rogi
    >>> filled = rogi.fill_attributes(rogi.synthetic_inventory(3), fields="AREA")
    >>> filled
    <Filled synthetic 3: 3 units; area>
    """
    chosen = settings if isinstance(settings, AttributeSettings) else None
    if chosen is None:
        chosen = AttributeSettings() if settings is None else read_settings(Path(settings))  # type: ignore[arg-type]
    changes: dict[str, Any] = {
        "dem": _files(dem) if dem is not None else (),
        "region_field": region_field,
        "fields": (fields,) if isinstance(fields, str) else tuple(fields),
        "only_missing": only_missing,
        "buffer": buffer,
    }
    chosen = replace(chosen, **{k: v for k, v in changes.items() if v is not None and v not in ((), False)})
    if regions is not None:
        chosen = replace(chosen, regions=path_or_table(regions))
    chosen = with_climate(chosen, maat=maat, magt=magt, ap=ap)
    for name, value in inputs.items():
        if isinstance(value, Mapping):
            choices = {key: choice for key, choice in value.items() if key != "files"}
            chosen = chosen.with_input(name, _files(value.get("files", ())), choices)
        elif value is not None:
            chosen = chosen.with_input(name, _files(value), {})
    with Ledger(None if ledger is None else Path(ledger)) as book:
        derived = derive_attributes(as_inventory(source), chosen, Runner(book, workers))
    records = [record.to_dict() for record in derived.provenance]
    return Filled(
        derived.inventory,
        frame(derived),
        pd.DataFrame(records, columns=["group", "columns", "layer", "inputs", "parameters", "rogi"]),
        derived.warnings,
        derived.failures,
        chosen,
        derived,
    )
