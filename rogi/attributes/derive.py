"""Filling the attribute table of an inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from rogi.areas import area_m2
from rogi.attributes import fields
from rogi.attributes.blocks import Placed, Results, beyond_model, compute, files_read
from rogi.attributes.climate import climate_on_units
from rogi.attributes.configuration import AttributeSettings, ClimateSource
from rogi.attributes.derived import Derived
from rogi.attributes.fields import DECIMALS, GROUPS, QUALITY, Group
from rogi.attributes.provenance import Input, Provenance, file_input, of_columns, raster_inputs
from rogi.attributes.reasons import NO_POSITION, Nulls, families, is_null, members, suspicions
from rogi.attributes.registry import Given, OnRaster, Units, sources
from rogi.attributes.table import (
    Merged,
    filled_layer,
    joined_layer,
    lacking,
    merged,
    stored,
    without_values,
)
from rogi.attributes.tasks import Radiation, Relief, Task
from rogi.attributes.zonal.described_units import (
    astray_note,
    described_units,
    named_units,
    outside_grid,
    positions,
)
from rogi.attributes.zonal.placement import place_polygons
from rogi.attributes.zonal.seams import home_grids
from rogi.errors import InputError
from rogi.geometry import parse_crs, to_lonlat
from rogi.inventory.ids.primary_id import make
from rogi.inventory.regions import UNNAMED, Regions, assign, read_regions, regions_of, spelled
from rogi.inventory.values.columns import blank
from rogi.jobs import kept_workers
from rogi.ledger import Ledger, digest
from rogi.raster.content import content_digest
from rogi.raster.elevation.model import ElevationModel, Surface, open_elevation_model
from rogi.raster.files import reading
from rogi.schema.model import Role
from rogi.text import counted
from rogi.validation.settings import CLIMATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.inventory.model import Inventory

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how many units of how many are done."""


@dataclass(frozen=True)
class Runner:
    """How the work is done; no value depends on it."""

    ledger: Ledger
    workers: int = 1
    cluster: str | None = None
    progress: Progress | None = None
    block_units: int | None = None


def derive_attributes(
    inventory: Inventory, settings: AttributeSettings, runner: Runner | None = None
) -> Derived:
    """Derive the attributes of an inventory's units from its outlines, rasters and regions.

    Parameters
    ----------
    inventory : Inventory
        Not changed. Values are those of the outlines; the primary markers get those of the outline with their
        ID, in columns that they have. Without outlines, those of circles around the markers
        (`settings.buffer`).
    settings : AttributeSettings
    runner : Runner, optional
        By default in this process, with a ledger in memory.

    Returns
    -------
    Derived

    Raises
    ------
    InputError
        No outlines, no CRS, or inputs that cannot be read or do not reach any unit.
    OptionError
        Unknown fields, or fields whose input was not given.
    """
    if runner is None:
        with Ledger() as ledger:
            return derive_attributes(inventory, settings, Runner(ledger))
    with reading(), kept_workers():
        return _Derivation(inventory, settings, runner).run()


class _Derivation:
    """State of one derivation."""

    def __init__(self, inventory: Inventory, settings: AttributeSettings, runner: Runner) -> None:
        self.inventory, self.settings, self.runner = inventory, settings, runner
        described = described_units(inventory, settings.buffer)
        self.layer, self.polygons = described.layer, described.polygons
        self.role = self.layer.role
        self.crs = parse_crs(self.layer.crs)
        self.lonlat = to_lonlat(self.polygons, self.crs)
        self.wanted = fields.wanted_fields(settings, self.layer.schema)
        if settings.buffer is not None:  # a circle's area is not the unit's
            self.wanted = tuple(name for name in self.wanted if name != "area")
        self.values: dict[str, NDArray[Any]] = {}
        self.quality: dict[str, NDArray[np.float64]] = {}
        self.empty = shapely.is_empty(self.lonlat)
        self.nulls = Nulls(self._named, self.empty, described.placeless)
        self.lacking: dict[str, NDArray[np.bool_]] = {}
        self.records: list[Provenance] = []
        self.warnings: list[str] = [*described.notes]
        self.failures: dict[str, tuple[str, set[int]]] = {}
        self.units = self.reused = 0
        self.impossible_ground = np.zeros(0, dtype=np.int64)
        self.last_placed: tuple[Any, NDArray[np.int64], Placed] | None = None

    def run(self) -> Derived:
        self._geometry()
        if self.settings.regions is not None and "subregion" in self.wanted:
            self._regions(self.settings.regions)
        relief = [name for name in GROUPS[Group.RELIEF] if name in self.wanted]
        if self.settings.dem and (relief or "radiation" in self.wanted):
            self._terrain(relief)
        for name in CLIMATE:
            source: ClimateSource | None = getattr(self.settings, name)
            if source is not None and Group(name).concept in self.wanted:
                self._climate(Group(name), source)
        for given in self.settings.inputs:
            self._source(given)
        self.last_placed = None
        chosen = {name: self.values[name] for name in self.wanted if name in self.values}
        filled = merged(
            self.layer,
            {name: stored(name, values, self.layer) for name, values in chosen.items()},
            self.settings.only_missing,
        )
        self.warnings += self.nulls.contradictions(filled.anew, filled.refused)
        inventory = self._inventory(filled)
        described = next(layer for layer in inventory.layers if layer.role is self.role)
        without = without_values(described)
        return Derived(
            inventory,
            tuple(p for r in self.records if (p := of_columns(r, filled.counts(), self.layer)) is not None),
            tuple(self.warnings),
            tuple(
                f"{message} ({counted(len(units), 'unit')})" if units else message
                for message, units in self.failures.values()
            ),
            self.units,
            self.reused,
            self.role,
            chosen,
            {kind: len(units) for kind, units in self.nulls.kinds.items()},
            {column: int(units.sum()) for column, units in without.items() if units.any()},
            int(np.logical_or.reduce(list(without.values())).sum()) if without else 0,
        )

    # ---- from the geometry

    def _geometry(self) -> None:
        chosen = [name for name in GROUPS[Group.GEOMETRY] if name in self.wanted]
        if not chosen:
            return
        if "area" in chosen:
            self.values["area"] = np.where(self.empty, np.nan, area_m2(self.polygons, self.crs) * 1e-6)
        longitude, latitude, astray = positions(self.inventory, self.layer, self.lonlat)
        if len(astray) and {"latitude", "longitude"} & set(chosen):
            self.warnings.append(astray_note(len(astray), self._named(astray)))
        self.values["longitude"], self.values["latitude"] = longitude, latitude
        if "primary_id" in chosen:
            present = (
                self.layer.raw("primary_id").to_numpy(dtype=object) if self.layer.has("primary_id") else None
            )
            made = make(longitude, latitude)
            self.values["primary_id"] = made if present is None else np.where(blank(present), made, present)
        for name in families(chosen):
            none = is_null(self.values[name]) & self._asked(members(name, chosen))
            self.nulls.note_without_area(name, np.flatnonzero(none), NO_POSITION)
        self.warnings += self.nulls.refuse_impossible(Group.GEOMETRY, chosen, self.values)[0]
        note = "area on the ellipsoid; position of the primary marker, of the ID, else a point inside"
        self._record(Group.GEOMETRY, chosen, (), {"method": note})

    def _regions(self, given: str | gpd.GeoDataFrame) -> None:
        regions, source = self._named_polygons(given)
        names = spelled(regions.names, fields.field_vocabulary("subregion", self.layer))
        found = assign(self.lonlat, replace(regions, names=names))
        found[found == UNNAMED] = None
        self.values["subregion"] = found
        none = is_null(found) & self._asked(["subregion"])
        self.nulls.note_all("subregion", np.flatnonzero(none & ~self.empty), "in no region with a name")
        self.nulls.note_without_area("subregion", np.flatnonzero(none & self.empty))
        self._record(
            Group.REGION, ["subregion"], (source,), {"method": "the region that holds most of the unit"}
        )

    def _named_polygons(self, given: str | gpd.GeoDataFrame) -> tuple[Regions, Input]:
        """Regions of a file or a table, and what provenance says of either."""
        field, crs = self.settings.region_field, "EPSG:4326 after reading"
        if isinstance(given, str):
            return read_regions(given, field), file_input(Path(given), self.runner.ledger, crs, "")
        regions = regions_of(given, field)
        shapes = shapely.to_wkb(regions.geometry, byte_order=1).tolist()
        sha256 = digest(*regions.names, *shapes)
        return regions, Input("table in memory", sum(map(len, shapes)), sha256, crs, "")

    # ---- from rasters

    def _terrain(self, relief: Sequence[str]) -> None:
        model = open_elevation_model(
            self.settings.dem, crs=self.settings.dem_crs, nodata=self.settings.nodata
        )
        self.warnings += model.notes
        self.failures |= {str(error.path): (str(error), set()) for error in model.damaged}
        owner = home_grids(shapely.bounds(self.lonlat), model.surfaces, self._placed)
        for group, names in ((Group.RELIEF, relief), (Group.RADIATION, ["radiation"])):
            chosen = [name for name in names if name in self.wanted]
            if not chosen:
                continue
            inputs: dict[Path, Input] = {}
            used = self._asked(chosen) & ~self.empty
            used[self.impossible_ground] = False
            task: Task | None = None
            beyond = np.zeros(len(self.polygons), dtype=bool)
            for number, surface in enumerate(model.surfaces):
                members = np.flatnonzero((owner == number) & used)
                if not len(members) and (number or len(model.surfaces) > 1):
                    continue
                task = self._terrain_task(group, surface, model.surfaces[number + 1 :])
                placed = self._on(surface, members)
                self._take(task, placed, members, group, chosen)
                inputs |= raster_inputs(files_read(task, placed), surface, self.runner.ledger)
                if isinstance(task, Radiation) and task.parameters.shading:
                    beyond[members] = beyond_model(task, placed)
            if task is not None:
                self._check(group, chosen, lambda units: self._beyond(model.surfaces, owner, units))
                self._record(
                    group,
                    chosen,
                    tuple(inputs[p] for p in sorted(inputs)),
                    task.identity() | model.describe(),
                )
                self._note_heights(group, chosen, model)
            if beyond.any():
                radius = self.settings.radiation.search_radius / 1000
                self.warnings.append(
                    f"PISR: the elevation model ends within {radius:g} km of {beyond.sum()} of "
                    f"{used.sum()} units ({self._named(np.flatnonzero(beyond))}); what lies beyond shades "
                    "nothing, so they may have too much radiation: give a model that reaches further."
                )

    def _note_heights(self, group: Group, names: Sequence[str], model: ElevationModel) -> None:
        """Note for each unit whose elevations are no metres above sea level."""
        if model.ellipsoid and group is Group.RELIEF:
            for name in families(names):
                if name.startswith("elevation"):
                    known = np.flatnonzero(~is_null(self.values[name]))
                    why = f"metres above the {model.ellipsoid}, not above sea level"
                    self.nulls.remark(name, known, why)

    def _terrain_task(self, group: Group, surface: Surface, others: tuple[Surface, ...]) -> Task:
        if group is Group.RELIEF:
            return Relief(surface, self.settings.slope_method, self.settings.zonal, others)
        return Radiation(surface, self.settings.radiation, self.settings.zonal, others)

    def _units(self, names: Sequence[str]) -> Units:
        used = np.flatnonzero(self._asked(names) & ~self.empty)
        return Units(
            self.lonlat, used, self.settings.zonal, lambda path: content_digest(path, self.runner.ledger)
        )

    def _climate(self, group: Group, source: ClimateSource) -> None:
        units = self._units([group.concept])
        self._on_raster(group, [group.concept], climate_on_units(group, source, units), units.used)

    def _source(self, given: Given) -> None:
        names = [name for name in GROUPS[given.name] if name in self.wanted]
        if not names:
            return
        source, units = sources()[given.name], self._units(names)
        found = source.derive(units, given)
        if isinstance(found, OnRaster):
            self._on_raster(given.name, names, found, units.used, source.remedy)
            return
        self.warnings += found.notes
        self.values |= {name: np.array(found.values[name], dtype=np.float64) for name in names}
        self.warnings += self.nulls.refuse_impossible(given.name, names, self.values, source.remedy)[0]
        for name in families(names):
            none = np.flatnonzero(is_null(self.values[name]) & self._asked(members(name, names)))
            self.nulls.note_reasons(name, none, found.reasons)
        inputs = (file_input(path, self.runner.ledger, found.crs, "") for path in found.files)
        self._record(given.name, names, tuple(inputs), found.parameters)

    def _on_raster(
        self, group: str, names: Sequence[str], found: OnRaster, used: NDArray[np.int64], remedy: str = ""
    ) -> None:
        """Do a task on one raster for units, and check and record what comes of it."""
        self.warnings += found.notes
        grid, everywhere = found.raster, np.zeros(len(self.polygons), dtype=np.int64)
        size = f"{abs(grid.transform.a):.10g} x {abs(grid.transform.e):.10g}"
        crs = grid.crs.to_string()
        inputs = tuple(file_input(path, self.runner.ledger, crs, size) for path in found.files)
        self._take(found.task, self._on(grid, used), used, group, names)
        self._check(group, names, lambda units: self._beyond((grid,), everywhere, units), found.voids, remedy)
        self._record(group, names, inputs, found.parameters)

    def _placed(self, grid: Any, members: NDArray[np.int64]) -> NDArray[np.object_]:
        return place_polygons(self.polygons[members], self.crs, grid.crs, grid.transform, grid.shape)

    def _on(self, grid: Any, members: NDArray[np.int64]) -> Placed:
        """Units on a grid; those of the last call are kept, as radiation has those of relief."""
        last, self.last_placed = self.last_placed, None
        if last is None or last[0] is not grid or not np.array_equal(last[1], members):
            del last  # some 200 MB of 44,000 units
            last = grid, members, Placed.on(grid, self._placed(grid, members))
        self.last_placed = last
        return last[2]

    def _take(
        self,
        task: Task,
        placed: Placed,
        members: NDArray[np.int64],
        group: str,
        names: Sequence[str],
    ) -> None:
        progress, label = self.runner.progress, fields.group_label(group)
        more: dict[str, Any] = (
            {} if self.runner.block_units is None else {"block_units": self.runner.block_units}
        )
        found: Results = compute(
            task,
            placed,
            self.runner.ledger,
            workers=self.runner.workers,
            cluster=self.runner.cluster,
            progress=None if progress is None else lambda n, total: progress(label, n, total),
            **more,
        )
        self.units += len(members)
        self.reused += found.reused
        self.warnings += found.notes
        for position, lost in found.failures.items():
            self.failures.setdefault(lost.file, (lost, set()))[1].add(int(members[position]))
            for name in families(names):
                self.nulls.note_all(name, members[[position]], lost.note)
        if found.failures:
            self.nulls.count("on files that cannot be read", members[list(found.failures)].tolist())
        for name, values in found.columns.items():
            table = self.values if name in DECIMALS else self.quality
            column = table.setdefault(name, np.full(len(self.polygons), np.nan))
            column[members] = values

    def _asked(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Units that lack one of the fields, where only missing ones are wanted; else all."""
        if not self.settings.only_missing:
            return np.ones(len(self.polygons), dtype=bool)
        for name in names:
            if name not in self.lacking:
                self.lacking[name] = lacking(self.layer, name)
        found: NDArray[np.bool_] = np.logical_or.reduce([self.lacking[name] for name in names])
        return found

    def _check(
        self,
        group: str,
        names: Sequence[str],
        outside: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
        voids: str = "",
        remedy: str = "",
    ) -> None:
        """Refuse values that cannot be, note why others are null, warn of what is odd."""
        warnings, bad = self.nulls.refuse_impossible(group, names, self.values, remedy)
        self.warnings += warnings
        if group == Group.RELIEF:
            self.impossible_ground = bad
        elif group == Group.RADIATION and len(self.impossible_ground):
            self.values["radiation"][self.impossible_ground] = np.nan
            self.nulls.note_all("radiation", self.impossible_ground, "impossible elevation")
        self.warnings += self.nulls.explain(
            names, self.values, self.quality, self._asked, outside=outside, engine=self.settings.zonal.engine
        )
        if not self.failures and self.nulls.all_outside(names, self._asked):
            raise InputError(
                f"{fields.group_label(group)}: the raster has no value for any of the "
                f"{counted(int((self._asked(names) & ~self.empty).sum()), 'unit')}"
                + (
                    f". {voids}"
                    if voids
                    else "; check that it covers them and that its coordinate reference system is right."
                )
            )
        self.warnings += suspicions(
            {name: self.values[name] for name in GROUPS[group] if name in self.values}
        )

    def _beyond(
        self, grids: Sequence[Any], owner: NDArray[np.int64], units: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which units their grid does not reach."""
        found = np.zeros(len(units), dtype=bool)
        for number, grid in enumerate(grids):
            own = np.flatnonzero(owner[units] == number)
            found[own] = outside_grid(self._placed(grid, units[own]), grid)
        return found

    def _named(self, units: NDArray[np.int64]) -> str:
        return named_units(self.layer, units)

    def _record(
        self, group: str, names: Sequence[str], inputs: tuple[Input, ...], parameters: Mapping[str, Any]
    ) -> None:
        units = dict.fromkeys(names, 0)  # counted when all is known
        self.records.append(Provenance(group, units, self.layer.name, inputs, dict(parameters)))

    # ---- into the table

    def _inventory(self, filled: Merged) -> Inventory:
        frame = self.layer.frame
        earlier = frame[QUALITY["note"]] if QUALITY["note"] in frame else [None] * len(frame)
        notes = self.nulls.texts(list(earlier), filled.derived)
        outlines = filled_layer(self.layer, filled, self.quality, notes)
        layers = []
        for layer in self.inventory.layers:
            if layer.role is self.role:
                layers.append(outlines)
            elif layer.role is Role.MARKER:
                layers.append(joined_layer(layer, outlines, list(filled.columns), self.settings.only_missing))
            else:
                layers.append(layer)
        return replace(self.inventory, layers=tuple(layers))
