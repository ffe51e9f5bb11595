"""What a reader can verify of a copy: bytes, metadata, formats against each other, facts, rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rogi.archives import opened
from rogi.errors import InputError, RogiError
from rogi.geometry import Geometries
from rogi.inventory import vector
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.memory import give_back_memory
from rogi.release.build import REPORTS, validated
from rogi.release.checking.lineage import lineage_faults
from rogi.release.checking.metadata import json_of, metadata_faults
from rogi.release.checksums import folder_faults, folder_sums
from rogi.release.contents import sha256_of, waivers_from_json
from rogi.release.data import CSV, PARQUET, SHAPEFILE, named, spatial_order
from rogi.release.description import Release, read_release
from rogi.release.differences.lineage import CROSSWALK
from rogi.release.facts import FILE as FACTS
from rogi.release.metadata import SUMS
from rogi.rules.rule import Severity
from rogi.statistics.facts import check, read_facts
from rogi.statistics.unit_table import unit_table
from rogi.text import agreeing, clause, counted
from rogi.validation.report import State
from rogi.validation.waivers import Waiver

if TYPE_CHECKING:
    from rogi.statistics.unit_table import UnitTable
    from rogi.validation.report import Report, WaiverUse

VALUE_TOLERANCE: Final = 1e-12  # dBASE keeps 15 digits
SHOWN: Final = 5
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Item:
    """One check; ``passed`` is None where it could not be made, and ``detail`` says why."""

    name: str
    passed: bool | None
    detail: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checks:
    """What was checked of a copy."""

    subject: str
    against: str
    items: tuple[Item, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not any(item.passed is False for item in self.items)


def check_package(path: Path, progress: Progress = lambda _: None) -> Checks:
    """Check a package that `rogi release build` made.

    Parameters
    ----------
    path
        Its folder or zip.
    progress
        Told what is being done.

    Raises
    ------
    InputError
        If it is no package, or the zip is damaged or dangerous.
    """
    with opened(path) as folder:
        if not (folder / SUMS).is_file():
            raise InputError(
                f"{path} has no {SUMS}, so it is no package of `rogi release build`; name what it should "
                "be a copy of with --release."
            )
        progress("checksums")
        sums = folder_sums(folder)
        items = [_checksums(folder, sums)]
        try:
            release = read_release(folder)
        except RogiError as error:
            return Checks(
                str(path), "", (*items, Item("release", False, str(error).replace(f"{folder}/", "")))
            )
        items.append(Item("release", True, f"{release.name}, {release.date.isoformat()}"))
        package = folder / f"{release.name}.gpkg"
        try:
            progress("reading the data")
            inventory = named(read_inventory(package, schema=release.schema), package.name)
        except RogiError as error:
            detail = str(error).replace(f"{folder}/", "")
            return Checks(str(path), release.name, (*items, Item("data", False, detail)))
        progress("metadata")
        units = cache(lambda: unit_table(inventory))
        items += [_guarded("metadata", folder, lambda: _metadata(folder, release, inventory, sums))]
        items += [_guarded("formats", folder, lambda: _formats(folder, inventory))]
        progress("validation")
        items += _rules(folder, inventory, release)
        items += [_guarded("facts", folder, lambda: _facts(folder, units()))]
        items += [_guarded("lineage", folder, lambda: _lineage(folder, release, units))]
        return Checks(str(path), release.name, tuple(items))


def check_copy(
    path: Path, release: Release, *, progress: Progress = lambda _: None, **options: Any
) -> Checks:
    """Check any copy of an inventory against what is known of a release.

    Parameters
    ----------
    path
        A file, folder or zip, as :func:`~rogi.inventory.read.read_inventory` takes it.
    release
        The release it should be a copy of; its facts lie beside its ``release.yaml``.
    progress
        Told what is being done.
    options
        For reading: ``layers``, ``dialect``, ``crs``, ``encoding``.

    Raises
    ------
    InputError
        If the copy cannot be read.
    """
    progress("reading the data")
    inventory = read_inventory(path, schema=release.schema, **options)
    items = [_known_files(path, release)]
    progress("validation")
    report = validated(inventory, release)
    errors = report.counts
    total = ", ".join(f"{n:,} {severity.value}" for severity, n in errors.items())
    worst = report.exit_code() == 0
    items += [_schema(report), Item("validation", worst, f"open findings: {total}", tuple(_failing(report)))]
    if release.folder is not None and (release.folder / FACTS).is_file():
        folder = release.folder
        items.append(_guarded("facts", folder, lambda: _facts(folder, unit_table(inventory))))
    else:
        items.append(Item("facts", None, f"no {FACTS} is known for {release.name}"))
    return Checks(str(path), release.name, tuple(items))


# ---- one by one


def _guarded(name: str, folder: Path, check: Callable[[], Item]) -> Item:
    """A file from a stranger may hold anything: what cannot be read fails its check."""
    try:
        return check()
    except (RogiError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        detail = str(error).replace(f"{folder}/", "")
        return Item(name, False, f"cannot be read: {type(error).__name__}: {detail}")


def _rules(folder: Path, inventory: Inventory, release: Release) -> list[Item]:
    """Schema and validation, from one run of the rules."""
    made: list[Report] = []

    def check() -> Item:
        item, report = _validation(folder, inventory, release)
        made.append(report)
        return item

    item = _guarded("validation", folder, check)
    return [_schema(made[0] if made else validated(inventory, release)), item]


def _checksums(folder: Path, sums: Mapping[str, str]) -> Item:
    number, faults = folder_faults(folder, sums)
    return _item("checksums", faults, f"{counted(number, 'file')}, all as {SUMS} states")


def _metadata(folder: Path, release: Release, inventory: Inventory, sums: Mapping[str, str]) -> Item:
    faults = metadata_faults(folder, release, inventory, sums)
    good = "all files say the same of version, DOI, people, rows, columns and checksums"
    return _item("metadata", faults, good)


AT_A_TIME: Final = 20_000
"""Shapes of a format that are turned for the comparison together."""

_FORMATS: Final[Mapping[str, Callable[[Path, str], Any]]] = {
    "GeoParquet": lambda folder, name: gpd.read_parquet(folder / PARQUET / f"{name}.parquet"),
    "Shapefile": lambda folder, name: vector.read_dataframe(folder / SHAPEFILE / f"{name}.shp"),
    "CSV": lambda folder, name: pd.read_csv(
        folder / CSV / f"{name}.csv", keep_default_na=False, na_values=[""], low_memory=False
    ),
}


def _formats(folder: Path, inventory: Inventory) -> Item:
    """Every format holds the rows and values of the GeoPackage."""
    faults = []
    for layer in inventory.layers:
        expected = layer.frame
        table = expected.drop(columns=expected.geometry.name)
        for what, read in _FORMATS.items():  # one at a time in memory
            found = read(folder, layer.name)
            if what == "GeoParquet" and len(found) == len(expected):  # in the order of the others again
                order = np.argsort(spatial_order(expected.geometry))
                found = found.iloc[order].reset_index(drop=True)
            faults += [f"{layer.name} as {what}: {fault}" for fault in _differences(table, found, what)]
            if what != "CSV" and len(found) == len(expected):
                one, other = (np.asarray(f.geometry.array, dtype=object) for f in (expected, found))
                if not (_same_turned if what == "Shapefile" else _same)(one, other):
                    faults.append(f"{layer.name} as {what}: outlines or markers differ")
                del one, other
            del found
            give_back_memory()
    return _item("formats", faults, "GeoPackage, GeoParquet, Shapefile and CSV contain the same")


def _same(one: Geometries, other: Geometries) -> bool:
    return len(one) == len(other) and bool(shapely.equals_exact(one, other, 0.0).all())


def _same_turned(one: Geometries, other: Geometries) -> bool:
    """Whether shapes are the same but for what a Shapefile changes: turns of rings, and single parts."""

    def parts(geometry: Geometries) -> Geometries:
        several = (shapely.get_type_id(geometry) >= shapely.GeometryType.MULTIPOINT).any()
        return np.asarray(shapely.get_parts(geometry)) if several else geometry

    for start in range(0, len(one), AT_A_TIME):
        a, b = (shapes[start : start + AT_A_TIME] for shapes in (one, other))
        # GDAL turns rings and keeps their first vertex; normal forms take three times as long
        if not _same(parts(a), parts(shapely.reverse(b))) and not _same(
            parts(shapely.normalize(a)), parts(shapely.normalize(b))
        ):
            return False
    return True


def _differences(table: pd.DataFrame, found: pd.DataFrame, what: str) -> Iterator[str]:
    if len(found) != len(table):
        yield f"{counted(len(found), 'row')}, in the GeoPackage {len(table)}"
        return
    for position, name in enumerate(table.columns):
        if what == "Shapefile":  # names cut to ten characters: by place
            if position >= len(found.columns):
                yield f"{name} is missing"
                continue
            other = found.iloc[:, position]
        elif name not in found.columns:
            yield f"{name} is missing"
            continue
        else:
            other = found[name]
        values = table[name]
        if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
            one = values.to_numpy(dtype=float, na_value=np.nan)
            two = pd.to_numeric(other, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
            if not np.allclose(one, two, rtol=VALUE_TOLERANCE, atol=VALUE_TOLERANCE, equal_nan=True):
                yield f"{name} has other values"
        elif pd.api.types.is_string_dtype(values.dtype) or values.dtype == object:
            one_text, two_text = (v.astype("str").where(v.notna(), "").str.strip() for v in (values, other))
            if what == "Shapefile":
                one_text, two_text = one_text.str[:60], two_text.str[:60]  # long texts are cut there
            if not (one_text.to_numpy() == two_text.to_numpy()).all():
                yield f"{name} has other values"


def _schema(report: Report) -> Item:
    faults = [f for f in _failing(report) if f.startswith("SCH")]
    return _item("schema", faults, f"layers and columns are those of {report.summary.schema}")


def _failing(report: Report) -> list[str]:
    found = report.findings
    errors = found[(found["severity"] == Severity.ERROR.value) & (found["state"] == State.OPEN.value)]
    counts = errors["code"].value_counts(sort=False)
    titles = {o.code: o.title for o in report.outcomes}
    return [f"{code}: {titles[code]} ({counts[code]})" for code in sorted(counts.index)]


def _validation(folder: Path, inventory: Inventory, release: Release) -> tuple[Item, Report]:
    """The rules again, with the waivers of the report in the package: it is right, and no error is open."""
    stated = json_of(folder / REPORTS["json"])
    uses = waivers_from_json(stated)
    report = validated(inventory, release, tuple(_waiver(use) for use in uses))
    if stated["version"] != report.version:
        detail = f"the report was made by rogi {stated['version']}, this is {report.version} with other rules"
        return Item("validation", None, detail), report
    settings, own = (
        {k: v for k, v in of.items() if k != "fail on"} for of in (stated["settings"], report.settings)
    )
    faults = [
        f"the report was made with {key} = {settings.get(key, 'none')}, a release is checked with "
        f"{own.get(key, 'none')}"
        for key in sorted(set(settings) | set(own))
        if settings.get(key) != own.get(key)
    ]
    before = {rule["code"]: (rule["findings"], rule["waived"]) for rule in stated["conformance"]}
    now = {o.code: (o.findings, o.waived) for o in report.outcomes}
    faults += [
        f"{code}: {_counts(now.get(code))}, in the report {_counts(before.get(code))}"
        for code in sorted(set(before) | set(now))
        if now.get(code) != before.get(code)
    ]
    faults += [
        f"the waiver of {use.rule or 'findings'} on {use.target} has no {what}"
        for use in uses
        if use.status == "used"
        for what, value in (("reason", use.reason), ("author", use.author), ("date of expiry", use.expires))
        if not value
    ]
    faults += [f"{fault}, not waived" for fault in _failing(report)]
    total = sum(findings for findings, _ in now.values())
    waived = sum(number for _, number in now.values())
    good = f"the report is right: {len(now)} rules, {counted(total, 'finding')}, {waived:,} waived"
    return _item("validation", faults, good), report


def _counts(found: tuple[int, int] | None) -> str:
    return "no such rule" if found is None else f"{found[0]:,} findings, {found[1]:,} waived"


def _waiver(use: WaiverUse) -> Waiver:
    """The waiver that a report tells."""
    kind, _, name = use.target.partition(" ")
    return Waiver(
        use.reason,
        use.author,
        rule=use.rule or None,
        fingerprint=name if kind == "fingerprint" else None,
        id=name if kind == "feature" else None,
        expires=use.expires,
    )


def _facts(folder: Path, units: UnitTable) -> Item:
    facts = read_facts(folder / FACTS)
    faults = []
    checked = check(facts, units)
    for c in checked:
        if c.holds is not True:
            stated = f"{c.fact.value:.10g} ± {c.fact.tolerance:g} {c.fact.value_unit}".rstrip()
            said = "cannot be checked: " + c.reason if c.found is None else f"{c.found:.10g}"
            faults.append(f"{c.fact.name}: {said}, stated {stated}")
    hold = f"{clause(len(checked), 'stated fact', 'holds', 'hold')}"
    return _item("facts", faults, f"{hold} ({facts.source})")


def _lineage(folder: Path, release: Release, table: Callable[[], UnitTable]) -> Item:
    if not (folder / CROSSWALK).is_file():
        if release.previous is None:
            return Item("lineage", None, "a first version has none")
        return Item("lineage", False, f"{CROSSWALK} is missing, though there is a version before")
    units, gone, faults = lineage_faults(folder, release, table())
    lost = f"{counted(gone, 'ID')} that {agreeing(gone, 'is', 'are')} gone"
    return _item("lineage", faults, f"{counted(units, 'unit')}, {lost}")


def _known_files(path: Path, release: Release) -> Item:
    known = [file for file in release.files if file.sha256 is not None]
    if not known:
        return Item("checksums", None, f"no checksums are known for {release.name}")
    faults = []
    with opened(path) as folder:
        there = {p.name: p for p in folder.rglob("*") if p.is_file()}
        for file in known:
            if file.name not in there:
                faults.append(f"{file.name} is missing")
            elif sha256_of(there[file.name]) != file.sha256:
                faults.append(f"{file.name} is not the file that was published: its checksum differs")
    return _item("checksums", faults, f"{counted(len(known), 'file')}, all as published")


# ---- small parts


def _item(name: str, faults: list[str], good: str) -> Item:
    return (
        Item(name, False, counted(len(faults), "fault"), tuple(faults)) if faults else Item(name, True, good)
    )
