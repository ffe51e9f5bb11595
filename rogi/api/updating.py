"""Updates: a plan for mappers from candidates, and a new version from their decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pandas as pd

from rogi.api.attributes import Paths, with_climate
from rogi.api.display import frames_html
from rogi.api.inventories import as_paths, as_texts, path_or_table
from rogi.attributes.configuration import AttributeSettings
from rogi.errors import InputError, OptionError
from rogi.public import public
from rogi.report.writers import as_text
from rogi.update.applying.results import check_output, write_update
from rogi.update.new_version import NewVersion, make_version
from rogi.update.new_version import Request as Applying
from rogi.update.planning.plan import Parameters, Request, make_plan
from rogi.update.planning.plan import Plan as Planned
from rogi.update.planning.report import document, pages
from rogi.update.store.make import check_store
from rogi.update.work_folder import check_folder, write_plan

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.inventory.model import Inventory
    from rogi.update.applying.results import Written

File: TypeAlias = "str | PathLike[str]"


@dataclass(frozen=True, eq=False)
class Plan:
    """What :func:`rogi.plan_update` gives.

    Attributes
    ----------
    tasks : GeoDataFrame
        One row for each task, with the outline to start from; by package, then priority.
    packages : DataFrame
        number, name, mapper, areas of each work package.
    notes, damaged : tuple of str
        What was left out or taken for granted; files that could not be read.
    """

    tasks: gpd.GeoDataFrame
    packages: pd.DataFrame
    notes: tuple[str, ...]
    damaged: tuple[str, ...]
    made: Planned = field(repr=False)

    @public
    def write(self, folder: File, *, store: str | None = None) -> list[Path]:
        """Write the work folder: packages, QGIS projects and overview; see `rogi update plan`.

        Raises
        ------
        OutputError
            The folder holds decisions, or cannot be written.
        """
        check_folder(Path(folder), store)
        if store is not None:
            check_store(store)
        return write_plan(self.made, Path(folder), pages=pages(self.made), store=store)

    def __str__(self) -> str:
        return as_text(document(self.made))

    def __repr__(self) -> str:
        return f"<Plan: {len(self.tasks)} tasks in {len(self.packages)} packages>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), packages=self.packages, tasks=self.tasks)


@public
def plan_update(
    inventory: File | Sequence[File],
    candidates: File,
    *,
    mappers: Sequence[str] | str = (),
    glaciers: File | None = None,
    probability: File | None = None,
    imagery: File | Sequence[File] = (),
    areas_per_mapper: int | None = None,
    ask_front_rule: bool = False,
    unchanged_iou: float | None = None,
    sliver: float | None = None,
    layers: Sequence[str] = (),
    schema: str | None = None,
    dialect: str | None = None,
    crs: str | None = None,
    remote: bool = False,
) -> Plan:
    """Match candidates with an inventory and divide the review into work packages, as `rogi update plan`.

    Parameters
    ----------
    inventory : path or sequence of paths
        The current version. A plan keeps the checksum of its file, so tables in memory are written first.
    candidates : path
        Of :func:`rogi.predict`, or other outlines; ``FILE:LAYER`` where there are several.
    mappers : str or sequence of str
        Names; one work package each.
    glaciers, probability, imagery : path, optional
        Outlines of glaciers, raster of probabilities, images that the QGIS projects show.
    areas_per_mapper : int, optional
        Compact areas in a package.
    ask_front_rule : bool
        New outlines need a tick for the 50 m front rule.
    unchanged_iou : float, optional
        IoU from which an outline counts as unchanged; default 0.8.
    sliver : float, optional
        Overlaps below this share of the smaller outline link nothing.
    layers, schema, dialect, crs
        As in :func:`rogi.read_inventory`.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    Plan
        ``tasks``, ``packages`` (frames), ``notes``, ``write(folder)``.

    Raises
    ------
    InputError
        A file cannot be read, or is a table in memory.
    OptionError
        A choice is out of its range.

    References
    ----------
    docs/methods/update-matching.md

    Examples
    --------
    >>> import rogi
    >>> inventory = rogi.synthetic_inventory(5, seed=1)
    >>> written = inventory.write("v1.0.gpkg")
    >>> inventory.outlines.iloc[:3].to_file("candidates.gpkg")
    >>> rogi.plan_update("v1.0.gpkg", "candidates.gpkg", mappers=["Anna"])
    <Plan: 5 tasks in 1 packages>
    """
    if unchanged_iou is not None and not 0 < unchanged_iou <= 1:
        raise OptionError(f"unchanged_iou is above 0 and at most 1, found {unchanged_iou}.")
    if sliver is not None and not 0 <= sliver < 1:
        raise OptionError(f"The share of a sliver is from 0 to below 1, found {sliver}.")
    plain = Parameters()
    made = make_plan(
        Request(
            inventory=_files(inventory, "planned"),
            candidates=str(_files(candidates, "planned")[0]),
            glaciers=None if glaciers is None else str(glaciers),
            probability=None if probability is None else Path(probability),
            mappers=(mappers,) if isinstance(mappers, str) else tuple(mappers),
            imagery=as_paths(imagery),
            parameters=Parameters(
                unchanged_iou=plain.unchanged_iou if unchanged_iou is None else unchanged_iou,
                sliver_fraction=plain.sliver_fraction if sliver is None else sliver,
                areas_per_mapper=areas_per_mapper or plain.areas_per_mapper,
                ask_front_rule=ask_front_rule,
            ),
            layers=tuple(layers),
            schema=schema,
            dialect=dialect,
            crs=crs,
        )
    )
    packages = pd.DataFrame([asdict(one) for one in made.packages])
    return Plan(made.tasks.copy(), packages, made.notes, made.damaged, made)


@dataclass(frozen=True, eq=False)
class Update:
    """What :func:`rogi.apply_update` gives.

    Attributes
    ----------
    inventory : Inventory
        The new version.
    operations : DataFrame
        What became of each unit that was decided on: unit, operation, predecessor, successor, reason,
        mapper, areas (km²), …
    problems : DataFrame
        Rows that are not applied, and why.
    complete : bool
        Whether every task is decided and could be applied.
    notes : tuple of str
    """

    inventory: Inventory
    operations: pd.DataFrame
    problems: pd.DataFrame
    complete: bool
    notes: tuple[str, ...]
    made: NewVersion = field(repr=False)

    @public
    def write(self, path: File, *, force: bool = False) -> Written:
        """Write the new version and, beside it, the folder with where every unit went.

        Raises
        ------
        OutputError
            A file cannot be written, or was changed since it was written (see `force`).
        """
        assert self.made.applied is not None
        check_output(Path(path), force)
        return write_update(self.made.applied, Path(path), derived=self.made.derived)

    def __repr__(self) -> str:
        state = (
            "complete" if self.complete else f"{len(self.problems)} problems, open tasks stay as they were"
        )
        return f"<Update {self.inventory.path}: {len(self.operations)} operations; {state}>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), operations=self.operations, problems=self.problems)


@public
def apply_update(
    work: File | Sequence[File],
    inventory: File | Sequence[File],
    version: str,
    *,
    plan: File | None = None,
    store: str | None = None,
    strict: bool = False,
    history: File | Sequence[File] = (),
    image_source: str | None = None,
    settings: AttributeSettings | None = None,
    dem: Paths | None = None,
    maat: Paths | Mapping[str, Any] | None = None,
    magt: Paths | Mapping[str, Any] | None = None,
    ap: Paths | Mapping[str, Any] | None = None,
    regions: File | gpd.GeoDataFrame | None = None,
    layers: Sequence[str] = (),
    schema: str | None = None,
    dialect: str | None = None,
    crs: str | None = None,
    remote: bool = False,
) -> Update:
    """Apply the decisions of work packages: a new version of the inventory, as `rogi update apply`.

    Parameters
    ----------
    work : path or sequence of paths
        Work folder, or its files.
    inventory : path or sequence of paths
        The file that the plan was made of; its checksum is compared.
    version : str
        Name of the new version, such as ``1.1``.
    plan : path, optional
        plan.json, where the packages lie elsewhere.
    store : str, optional
        ``postgresql://…``: read the packages from this database; `work` may then be empty.
    strict : bool
        Refuse unless every task is decided and legal.
    history : path or sequence of paths
        Earlier updates or releases, whose retired IDs no new unit gets.
    image_source : str, optional
        What new outlines were drawn from; by default what the plan names.
    settings, dem, maat, magt, ap, regions
        What attributes of changed units are derived from, as of :func:`rogi.fill_attributes`.
    layers, schema, dialect, crs
        As in :func:`rogi.read_inventory`.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    Update
        ``inventory``, ``operations``, ``problems`` (frames), ``complete``, ``write(path)``.

    Raises
    ------
    InputError
        Something cannot be read, the inventory is another than the plan's, or (strict) not all is decided.
    OptionError
        There is nothing to apply.

    Examples
    --------
    >>> import rogi
    >>> inventory = rogi.synthetic_inventory(5, seed=1)
    >>> written = inventory.write("v1.0.gpkg")
    >>> inventory.outlines.iloc[:3].to_file("candidates.gpkg")
    >>> paths = rogi.plan_update("v1.0.gpkg", "candidates.gpkg", mappers=["Anna"]).write("work")
    >>> rogi.apply_update("work", "v1.0.gpkg", "1.1")
    <Update 1.1: 0 operations; 0 problems, open tasks stay as they were>
    """
    attributes = settings
    if attributes is None and any(x is not None for x in (dem, maat, magt, ap, regions)):
        attributes = AttributeSettings()
    if attributes is not None:
        if dem is not None:
            attributes = replace(attributes, dem=as_texts(dem))
        if regions is not None:
            attributes = replace(attributes, regions=path_or_table(regions))
        attributes = with_climate(attributes, maat=maat, magt=magt, ap=ap)
    made = make_version(
        Applying(
            as_paths(work),
            _files(inventory, "updated"),
            version,
            plan=None if plan is None else Path(plan),
            store=store,
            strict=strict,
            history=as_paths(history),
            image_source=image_source,
            attributes=attributes,
            layers=tuple(layers),
            schema=schema,
            dialect=dialect,
            crs=crs,
        )
    )
    problems = [
        (p.package, p.task, p.unit, p.row, p.rule, p.message, p.conflict) for p in made.examined.problems
    ]
    names = ["package", "task", "unit", "row", "rule", "message", "conflict"]
    if made.applied is None:
        first = f", the first: {problems[0][5]}" if problems else ""
        raise InputError(
            f"{made.examined.open_tasks} tasks are open and {len(problems)} rows have problems{first}; "
            "finish them, or leave strict out to apply what is sound."
        )
    operations = pd.DataFrame([asdict(one) for one in made.applied.operations])
    return Update(
        made.applied.inventory,
        operations,
        pd.DataFrame(problems, columns=names),
        made.examined.complete,
        (*made.edits.notes, *made.applied.notes),
        made,
    )


def _files(given: Any, what: str) -> tuple[Path, ...]:
    if not isinstance(given, str | PathLike | Sequence) or not all(
        isinstance(one, str | PathLike) for one in ([given] if isinstance(given, str | PathLike) else given)
    ):
        raise InputError(
            f"An update is {what} from files, whose checksums it keeps; write the {type(given).__name__} "
            "first, and give its path."
        )
    return as_paths(given)
