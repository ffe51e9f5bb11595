"""Releases: build one if all checks pass, verify a copy, and say what changed between two versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rogi.api.display import frames_html
from rogi.api.inventories import Source, as_inventory, is_path, losses_frame
from rogi.errors import OptionError
from rogi.public import public
from rogi.release.build import Built
from rogi.release.build import build as build_package
from rogi.release.checking.check import Checks as Checked
from rogi.release.checking.report import document as check_document
from rogi.release.differences import report as differences
from rogi.release.differences.difference import Difference as Found
from rogi.release.differences.difference import Tolerances, difference
from rogi.release.differences.lineage import draft_tombstones
from rogi.release.named import check_named, release_named
from rogi.release.previous import Previous, read_previous
from rogi.report.format import format_of
from rogi.report.writers import as_text
from rogi.validation.settings import Settings, load_settings

File: TypeAlias = "str | PathLike[str]"


@dataclass(frozen=True, eq=False)
class Release:
    """What :func:`rogi.build_release` gives.

    Attributes
    ----------
    folder, zip : Path
        The package, twice.
    losses : DataFrame
        What mapping to the schema, or a format, lost.
    difference : Difference or None
        To the version before.
    """

    folder: Path
    zip: Path
    losses: pd.DataFrame
    difference: Difference | None
    built: Built = field(repr=False)

    def __repr__(self) -> str:
        return f"<Release {self.built.release.name}: {self.zip}>"

    def _repr_html_(self) -> str:
        changes = None if self.difference is None else self.difference.units
        return frames_html(repr(self), losses=self.losses, changes=changes)


@public
def build_release(
    version: str,
    inventory: Source,
    output: File,
    *,
    previous: File | None = None,
    releases: File | None = None,
    accept: Mapping[str, str] | None = None,
    settings: Settings | File | None = None,
    force: bool = False,
) -> Release:
    """Build a release package if all checks pass, as `rogi release build`.

    Parameters
    ----------
    version : str
        A version with a ``release.yaml``, or its path.
    inventory : path, GeoDataFrame or Inventory
        The data; not changed.
    output : path
        Folder for the package (a folder and a zip).
    previous : path, optional
        The version before: its package, or any copy.
    releases : path, optional
        Folder of the releases; by default ``releases/`` here, then rogi's.
    accept : mapping of str to str, optional
        Code of a refusal -> why it is meant.
    settings : Settings or path, optional
        Of which the waivers count.
    force : bool
        Replace a package that is there.

    Returns
    -------
    Release
        ``folder``, ``zip``, ``losses``, ``difference``.

    Raises
    ------
    rogi.release.gate.gate.GateError
        The gate refuses; its ``refusals`` say why, and nothing is written. A `rogi.errors.RogiError`.
    InputError
        Something cannot be read.
    OutputError
        The package is there, or cannot be written.

    Examples
    --------
    >>> import rogi
    >>> rogi.build_release("1.1", "work.gpkg", "dist", previous="TPRoGI_v1.0.zip")  # doctest: +SKIP
    """
    release = release_named(version, None if releases is None else Path(releases))
    before = read_previous(Path(previous)) if previous is not None else None
    chosen = settings if isinstance(settings, Settings) else Settings()
    if settings is not None and not isinstance(settings, Settings):
        chosen = load_settings(Path(settings))
    made = build_package(
        release,
        as_inventory(inventory),
        Path(output),
        previous=before,
        accept=dict(accept or {}),
        waivers=chosen.waivers,
        force=force,
    )
    found = None if made.difference is None else Difference(made.difference)
    return Release(made.folder, made.zip, losses_frame(made.losses), found, made)


@dataclass(frozen=True, eq=False)
class Difference:
    """What :func:`rogi.diff` gives.

    Attributes
    ----------
    found : rogi.release.differences.difference.Difference
        Everything, for reports.
    """

    found: Found

    @property
    def units(self) -> gpd.GeoDataFrame:
        """One row for each link of an old and a new unit, and for each unit without, EPSG:4326.

        kind (added, removed, refined, split, merged, renamed, …), id_old, id_new, areas (km²), iou, fields.
        The outline is the new one, else the old one.
        """
        shapes = np.where(
            shapely.is_missing(self.found.new_geometry), self.found.old_geometry, self.found.new_geometry
        )
        return gpd.GeoDataFrame(self.found.units.reset_index(drop=True), geometry=shapes, crs="EPSG:4326")

    @property
    def values(self) -> pd.DataFrame:
        """One row for each changed value: id, field, old, new."""
        return self.found.values.copy()

    @property
    def counts(self) -> pd.Series:
        """Cases of each kind."""
        return pd.Series({kind.value: n for kind, n in self.found.counts.items()}, name="cases")

    @property
    def subregions(self) -> pd.DataFrame:
        """Units, areas (km²) and cases of each kind, per subregion."""
        return self.found.subregions()

    @property
    def fields(self) -> pd.DataFrame:
        """Which columns changed, in how many units, and by how much."""
        return self.found.fields()

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        return self.found.changed

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be decided on the way, or could not be compared."""
        return self.found.notes

    def tombstones(self) -> str:
        """A draft of the retired IDs, as CSV for release.yaml."""
        return draft_tombstones(self.found)

    @public
    def write(self, path: File) -> Path:
        """Write it: .md, .html, .json, .csv, .gpkg or .txt."""
        target = Path(path)
        differences.write(self.found, format_of(target, differences.FORMATS), target)
        return target

    def __str__(self) -> str:
        return as_text(differences.document(self.found))

    def __repr__(self) -> str:
        cases = ", ".join(f"{n} {kind}" for kind, n in self.counts.items() if n)
        return f"<Difference of {self.found.new} to {self.found.old}: {cases or 'no units'}>"

    def _repr_html_(self) -> str:
        counts = self.counts.rename_axis("kind").reset_index()
        return frames_html(repr(self), counts=counts, values=self.values)


@public
def diff(old: Source, new: Source, *, tolerances: Mapping[str, float] | None = None) -> Difference:
    """What changed between two versions, unit by unit, as `rogi release diff`.

    Parameters
    ----------
    old, new : path, GeoDataFrame or Inventory
        Packages, or any copies of a version; CRS may differ.
    tolerances : mapping of str to float, optional
        Field -> differences up to this are none, in the field's unit: ``{"elevation_mean": 0.5}``.

    Returns
    -------
    Difference
        ``units`` (GeoDataFrame), ``values``, ``counts``, ``subregions``, ``fields`` (frames), ``changed``,
        ``write(path)``.

    Raises
    ------
    InputError
        A version cannot be read or has no CRS.
    OptionError
        A tolerance is no number of 0 or more, or its field is unknown.

    Examples
    --------
    >>> import rogi
    >>> old = rogi.synthetic_inventory(6, seed=2).outlines
    >>> rogi.diff(old, old.iloc[1:]).counts[["unchanged", "removed"]].tolist()
    [5, 1]
    """
    for name, value in (tolerances or {}).items():
        if not 0 <= value < float("inf"):
            raise OptionError(f"The tolerance of {name} is a number of 0 or more, found {value!r}.")
    versions = [_version(source, name) for source, name in ((old, "old"), (new, "new"))]
    names = versions[0].name, versions[1].name
    if names[0] == names[1]:
        names = (f"{old}", f"{new}") if is_path(old) and is_path(new) else ("old", "new")
    found = difference(
        versions[0].inventory,
        versions[1].inventory,
        tolerances=Tolerances(values=dict(tolerances or {})),
        names=names,
    )
    return Difference(found)


def _version(source: Any, name: str) -> Previous:
    if is_path(source):
        return read_previous(Path(source))
    inventory = as_inventory(source)
    path = inventory.path or name
    return Previous(replace(inventory, path=path), path)


@dataclass(frozen=True, eq=False)
class Checks:
    """What :func:`rogi.check_release` gives.

    Attributes
    ----------
    found : rogi.release.checking.check.Checks
        Everything, for reports.
    """

    found: Checked

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return self.found.passed

    @property
    def items(self) -> pd.DataFrame:
        """One row for each check: name, passed (null: not checked), detail, faults (list)."""
        rows = [(i.name, i.passed, i.detail, list(i.faults)) for i in self.found.items]
        return pd.DataFrame(rows, columns=["name", "passed", "detail", "faults"]).astype(
            {"passed": "boolean"}
        )

    def __str__(self) -> str:
        return as_text(check_document(self.found))

    def __repr__(self) -> str:
        failed = sum(item.passed is False for item in self.found.items)
        said = f"{failed} failed" if failed else "passed"
        return f"<Checks of {self.found.subject}: {len(self.found.items)} checks, {said}>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), checks=self.items)


@public
def check_release(
    subject: File, *, release: str | None = None, releases: File | None = None, **reading: Any
) -> Checks:
    """Verify a package or a copy of a release: checksums, metadata, formats, facts, rules, lineage.

    Parameters
    ----------
    subject : path or str
        A package (folder or zip), a version fetched before, or any copy of the data.
    release : str, optional
        What a plain copy of the data should be a copy of, such as ``1.0``.
    releases : path, optional
        Folder of the releases.
    **reading
        ``layers``, ``dialect``, ``crs`` as in :func:`rogi.read_inventory`, of a plain copy.

    Returns
    -------
    Checks
        ``passed``, ``items`` (DataFrame); ``print`` shows all.

    Raises
    ------
    InputError
        It is not there, or cannot be read.
    OptionError
        Nothing says what a plain copy should be a copy of.

    Examples
    --------
    >>> import rogi
    >>> rogi.check_release("TPRoGI_v1.1.zip").passed  # doctest: +SKIP
    True
    """
    return Checks(check_named(str(subject), release, None if releases is None else Path(releases), **reading))
