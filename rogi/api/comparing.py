"""Comparison of inventories: with each other, with published counts, of several operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from rogi.api.display import frames_html
from rogi.api.inventories import Source, as_inventory, check_crs
from rogi.comparison import crosswalk as tables
from rogi.comparison.exercise import consensus_layer, object_layer
from rogi.comparison.matching.sides import Side, side_of
from rogi.comparison.metrics import Checked, Limits, metrics
from rogi.comparison.outcome import Outcome, Places, chosen_parameters, compare_sides, role_named
from rogi.comparison.report.report import document
from rogi.errors import InputError
from rogi.inventory.model import Layer
from rogi.public import public
from rogi.report.format import DOCUMENT, format_of
from rogi.report.writers import as_text, write
from rogi.schema.model import Role


@dataclass(frozen=True, eq=False)
class Comparison:
    """What :func:`rogi.compare` gives.

    Attributes
    ----------
    outcome : Outcome
        Everything, for reports.
    """

    outcome: Outcome

    @property
    def agreement(self) -> pd.DataFrame:
        """One row for each class and number: class, metric, value.

        Metrics are those of `rogi compare --fail-under`: counts, precision, recall, f1, iou (by area; by
        object where a side has markers), areas in km², distances in m.
        """
        rows = []
        for section in self.outcome.inventories.sections if self.outcome.inventories is not None else ():
            numbers = metrics(replace(self._pair, sections=(section,)))
            rows += [(section.title, name, float(value)) for name, value in numbers.items()]
        return pd.DataFrame(rows, columns=["class", "metric", "value"])

    @property
    def groups(self) -> pd.DataFrame:
        """Agreement of each group of `by`: class, group, count_a, count_b, found_a, found_b, f1, iou."""
        rows = [
            {
                "class": section.title,
                "group": group.name,
                "count_a": group.count_a,
                "count_b": group.count_b,
                "found_a": group.found_a.value,
                "found_b": group.found_b.value,
                "f1": None if group.area is None else group.area.f1.value,
                "iou": None if group.area is None else group.area.iou.value,
            }
            for section in (self.outcome.inventories.sections if self.outcome.inventories is not None else ())
            for group in section.comparison.groups
        ]
        names = ["class", "group", "count_a", "count_b", "found_a", "found_b", "f1", "iou"]
        return pd.DataFrame(rows, columns=names)

    @property
    def crosswalk(self) -> pd.DataFrame:
        """One row for each pair, and for each object in none; see `rogi.comparison.crosswalk.COLUMNS`.

        ``index_a`` and ``index_b`` are the labels of the tables compared, where tables were given.
        """
        table = tables.crosswalk(self._pair)
        for name, side in (("a", self._pair.a), ("b", self._pair.b)):
            if all(source.driver == "memory" for source in side.layer.sources):
                table[f"index_{name}"] = _labels(side.layer, table[f"row_{name}"])
        return table

    @property
    def clusters(self) -> gpd.GeoDataFrame:
        """All objects with their cluster: side (a or b), class, id, row, cluster, type, partner, iou, …

        EPSG:4326, areas in m²; of several operators their objects with the landform each belongs to.
        """
        if self.outcome.operators is not None:
            return object_layer(self.outcome.operators)
        layers = tables.objects(self._pair)
        parts = [layer.assign(side=name) for name, layer in layers.items() if len(layer)]
        joined = pd.concat(parts, ignore_index=True) if parts else layers["a"].assign(side="a")
        return gpd.GeoDataFrame(joined, crs=4326)

    @property
    def gains(self) -> gpd.GeoDataFrame:
        """Outlines of B outside A, EPSG:4326, with id, row, cluster, type, area_m2 and share."""
        return tables.changes(self._pair)["gains"]

    @property
    def losses(self) -> gpd.GeoDataFrame:
        """Outlines of A outside B; as `gains`."""
        return tables.changes(self._pair)["losses"]

    @property
    def consensus(self) -> gpd.GeoDataFrame:
        """Of several operators: outlines that enough of them drew, EPSG:4326.

        Raises
        ------
        InputError
            Two inventories were compared.
        """
        if self.outcome.operators is None:
            raise InputError("A consensus is of three or more inventories; two were compared.")
        return consensus_layer(self.outcome.operators)

    @property
    def references(self) -> pd.DataFrame:
        """Published counts beside those found: name, location, published, compared, found, own, how."""
        rows = [
            (c.reference.name, c.reference.location, c.reference.published, c.reference.compared, c.count,
             c.own_count, c.how)
            for c in self.outcome.references
        ]  # fmt: skip
        return pd.DataFrame(
            rows, columns=["name", "location", "published", "compared", "found", "own", "how"]
        ).astype(dict.fromkeys(("published", "compared", "found", "own"), "Int64"))

    @property
    def failed(self) -> tuple[Checked, ...]:
        """Numbers beyond a limit, or other than expected."""
        return tuple(self.outcome.failed)

    @property
    def _pair(self) -> Any:
        if self.outcome.inventories is None:
            raise InputError("This is of two inventories; others were compared here.")
        return self.outcome.inventories

    @public
    def write(self, path: str | PathLike[str]) -> Path:
        """Write the report: .txt, .md, .json or .html.

        Raises
        ------
        OptionError
            The suffix is unknown.
        """
        target = Path(path)
        write(document(self.outcome), format_of(target, DOCUMENT), target)
        return target

    def __str__(self) -> str:
        return as_text(document(self.outcome))

    def __repr__(self) -> str:
        if self.outcome.inventories is None:
            sides = self.outcome.operators.sides if self.outcome.operators is not None else ()
            return (
                f"<Comparison of {len(sides)} operators>" if sides else "<Comparison with published counts>"
            )
        pair = self.outcome.inventories
        numbers = metrics(pair)
        shown = ", ".join(f"{n} {numbers[n]:.3f}" for n in ("precision", "recall", "f1") if n in numbers)
        return f"<Comparison of {pair.b.name} with {pair.a.name}: {shown or 'nothing in common'}>"

    def _repr_html_(self) -> str:
        if self.outcome.inventories is None:
            return frames_html(repr(self), references=self.references)
        wide = self.agreement.pivot(index="metric", columns="class", values="value")
        return frames_html(repr(self), agreement=wide.reset_index(), groups=self.groups)


@public
def compare(
    *inventories: Source,
    region: Places | None = None,
    by: Places | None = None,
    region_field: str | None = None,
    reference: str | Sequence[str] = (),
    reference_file: Source | None = None,
    role: str | None = None,
    id: str | None = None,
    min_votes: int | None = None,
    iou: float | Sequence[float] = (),
    sliver: float | None = None,
    marker_distance: float | None = None,
    seed: int = 0,
    fail_under: Mapping[str, float] | None = None,
    fail_over: Mapping[str, float] | None = None,
    expect: str | PathLike[str] | None = None,
) -> Comparison:
    """Say how good an inventory is, and how it differs from another, as `rogi compare` does.

    Parameters
    ----------
    *inventories : path, GeoDataFrame or Inventory
        The reference A and B; one inventory with `reference`; or three or more operators. CRS may differ.
    region : path, GeoDataFrame or str, optional
        Only units in here: polygons, ``FILE:NAME``, or the name of a subregion.
    by : path, GeoDataFrame or str, optional
        Agreement for each group: named polygons, or a column such as ``subregion``.
    region_field : str, optional
        Column of the names of `region` and `by`.
    reference : str or sequence of str
        Published counts to set beside: names, ``all``, or YAML files.
    reference_file : path, GeoDataFrame or Inventory, optional
        The inventory of the reference itself.
    role : {"outline", "marker"}, optional
        By default outlines where there are some.
    id : str, optional
        Column of the IDs.
    min_votes : int, optional
        Votes for the consensus of operators; by default more than half.
    iou : float or sequence of float
        IoU thresholds of the agreement by object, above 0 and at most 1.
    sliver : float, optional
        Overlaps below this share of the smaller outline link nothing; default 0.01.
    marker_distance : float, optional
        Markers up to this far apart are one landform, metres; default 50.
    seed : int
        Of the bootstrap.
    fail_under, fail_over : mapping of str to float, optional
        Limits, ``{"f1": 0.6}`` and ``{"boundary_mean_m": 10}``; see ``failed``.
    expect : path, optional
        YAML file of stored numbers with tolerances.

    Returns
    -------
    Comparison
        ``agreement``, ``groups``, ``crosswalk``, ``clusters``, ``gains``, ``losses``, ``consensus``,
        ``references`` (frames), ``failed``, ``write(path)``; ``print`` shows all.

    Raises
    ------
    InputError
        An inventory cannot be read, has no CRS, or has nothing to compare.
    OptionError
        An option is out of range, or a region, column, role or reference is unknown.

    References
    ----------
    docs/methods/agreement.md names the source of each measure.

    Examples
    --------
    >>> import rogi
    >>> old = rogi.synthetic_inventory(6, seed=2).outlines
    >>> new = old.iloc[1:].translate(1e-5).to_frame("geometry")
    >>> comparison = rogi.compare(old, new)
    >>> comparison.agreement.set_index("metric")["value"][["count_a", "count_b", "only_a"]].tolist()
    [6.0, 5.0, 1.0]
    """
    given = [*([reference_file] if reference_file is not None else []), *inventories]
    outcome = compare_sides(
        lambda: [_side(source, k, role, id) for k, source in enumerate(given)],
        len(inventories),
        region=region,
        by=by,
        region_field=region_field,
        references=[reference] if isinstance(reference, str) else list(reference),
        with_own=reference_file is not None,
        min_votes=min_votes,
        parameters=chosen_parameters(iou, sliver, marker_distance, seed),
        limits=Limits(fail_under or {}, fail_over or {}),
        expect=None if expect is None else Path(expect),
    )
    return Comparison(outcome)


@public
def match(
    a: Source,
    b: Source,
    *,
    role: str | None = None,
    id: str | None = None,
    sliver: float | None = None,
    marker_distance: float | None = None,
) -> pd.DataFrame:
    """Pairs of objects of two inventories that overlap, or of markers that are near.

    Parameters
    ----------
    a, b : path, GeoDataFrame or Inventory
        CRS may differ. Like is matched with like: extended outlines with extended ones.
    role, id, sliver, marker_distance
        As of :func:`compare`.

    Returns
    -------
    DataFrame
        One row for each pair: index_a, index_b (labels of the tables; of files, positions), id_a, id_b,
        class, cluster, type, areas and overlap (m²), fraction_a, fraction_b, iou, linked (no sliver),
        assigned (in the one-to-one assignment), distances (m).

    Raises
    ------
    InputError, OptionError
        As of :func:`compare`.

    Examples
    --------
    >>> import rogi
    >>> old = rogi.synthetic_inventory(6, seed=2).outlines
    >>> new = old.iloc[[3, 1]].set_axis(["x", "y"])
    >>> pairs = rogi.match(old, new)
    >>> pairs[["index_a", "index_b", "type"]].sort_values("index_a").values.tolist()
    [[1, 'y', '1:1'], [3, 'x', '1:1']]
    """
    made = compare(a, b, role=role, id=id, sliver=sliver, marker_distance=marker_distance)
    table = tables.crosswalk(made._pair)
    table = table[table["row_a"].notna() & table["row_b"].notna()].reset_index(drop=True)
    for k, (name, side) in enumerate((("a", made._pair.a), ("b", made._pair.b))):
        table.insert(k, f"index_{name}", _labels(side.layer, table[f"row_{name}"]))
    return table.drop(columns="method")


def _labels(layer: Layer, rows: pd.Series) -> pd.Series:
    """Labels of rows counted from 1; null where there is no row. Numbers stay whole."""
    by_row = dict(zip(layer.rows.tolist(), layer.index_of_rows.tolist(), strict=True))
    found = [None if pd.isna(row) else by_row[int(row)] for row in rows]
    whole = pd.api.types.is_integer_dtype(layer.index_of_rows.dtype)
    return pd.Series(found, index=rows.index, dtype="Int64" if whole else object)


def _side(source: Source, number: int, role: str | None, id_field: str | None) -> Side:
    wanted = role_named(role)
    inventory = as_inventory(source)
    if not inventory.path:
        inventory = replace(inventory, path="ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26])
    if inventory.layers and all(part.driver == "memory" for x in inventory.layers for part in x.sources):
        check_crs(inventory, *((Role.OUTLINE, Role.MARKER) if wanted is None else (wanted,)))
    side = side_of(inventory, wanted, id_field)
    if side.impossible and not len(side):
        raise InputError(
            f"{side.name} has nothing to compare: {'; '.join(side.notes)}. Correct the coordinates "
            "(`rogi validate` lists them), or name the CRS they are in."
        )
    return side
