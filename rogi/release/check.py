"""What a reader can verify of a copy: bytes, metadata, formats against each other, facts, rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi import vector
from rogi.errors import InputError, RogiError
from rogi.inventory.model import Inventory
from rogi.release.archive import opened
from rogi.release.build import REPORTS
from rogi.release.checksums import MAX_METADATA_BYTES, folder_faults
from rogi.release.contents import files_of, sha256_of
from rogi.release.data import CSV, PARQUET, SHAPEFILE, named
from rogi.release.facts import FILE as FACTS
from rogi.release.lineage import CROSSWALK, read_lineage
from rogi.release.metadata import CITATION, COLLECTION, CRATE, DATACITE, DATAPACKAGE, INVENIO, ITEM, SUMS
from rogi.release.metadata.stac import SHA256_MULTIHASH
from rogi.release.model import FILE as RELEASE_FILE
from rogi.release.model import Release, read_release

if TYPE_CHECKING:
    import pandas as pd

    from rogi.validation.report import Report

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
        items = [_checksums(folder)]
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
            from rogi.inventory.read import read_inventory

            inventory = named(read_inventory(package, schema=release.schema), package.name)
        except RogiError as error:
            detail = str(error).replace(f"{folder}/", "")
            return Checks(str(path), release.name, (*items, Item("data", False, detail)))
        progress("metadata")
        items += [_guarded("metadata", folder, lambda: _metadata(folder, release, inventory))]
        items += [_guarded("formats", folder, lambda: _formats(folder, inventory))]
        progress("validation")
        report = _validated(inventory, release)
        items += [_schema(report), _guarded("validation", folder, lambda: _validation(folder, report))]
        items += [_guarded("facts", folder, lambda: _facts(folder, inventory))]
        items += [_guarded("lineage", folder, lambda: _lineage(folder, release, inventory))]
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
    from rogi.inventory.read import read_inventory

    progress("reading the data")
    inventory = read_inventory(path, schema=release.schema, **options)
    items = [_known_files(path, release)]
    progress("validation")
    report = _validated(inventory, release)
    errors = report.counts
    total = ", ".join(f"{n:,} {severity.value}" for severity, n in errors.items())
    worst = report.exit_code() == 0
    items += [_schema(report), Item("validation", worst, f"open findings: {total}", tuple(_failing(report)))]
    if release.folder is not None and (release.folder / FACTS).is_file():
        folder = release.folder
        items.append(_guarded("facts", folder, lambda: _facts(folder, inventory)))
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


def _checksums(folder: Path) -> Item:
    number, faults = folder_faults(folder)
    return _item("checksums", faults, f"{number} files, all as published")


def _metadata(folder: Path, release: Release, inventory: Inventory) -> Item:
    """What the metadata files state, against release.yaml and the files."""
    faults = [
        *_same("CITATION.cff", _citation(folder), _expected(release)),
        *_same(DATACITE, _datacite(folder), _expected(release)),
        *_same(INVENIO, _invenio(folder), _expected(release, doi=False)),
        *_packaged(folder, release, inventory),
        *_catalogued(folder, release, inventory),
        *_crated(folder, release),
        *_embedded(folder, release),
    ]
    return _item(
        "metadata", faults, "all files say the same of version, DOI, people, rows, columns and checksums"
    )


def _expected(release: Release, doi: bool = True) -> dict[str, object]:
    made: dict[str, object] = {
        "title": release.title,
        "version": release.version,
        "creators": [p.family_name for p in release.creators],
    }
    return made | ({"DOI": release.doi} if doi else {})


def _same(name: str, found: Mapping[str, object], expected: Mapping[str, object]) -> Iterator[str]:
    for key, value in expected.items():
        if found.get(key) != value:
            yield f"{name}: the {key} is {found.get(key)!r}, in {RELEASE_FILE} {value!r}"


def _citation(folder: Path) -> dict[str, object]:
    from rogi.schema.documents import read_yaml

    content = read_yaml(folder / CITATION)
    return {
        "title": content.get("title"),
        "version": content.get("version"),
        "DOI": content.get("doi"),
        "creators": [a.get("family-names") for a in content.get("authors", ())],
    }


def _datacite(folder: Path) -> dict[str, object]:
    content = _json(folder / DATACITE)
    return {
        "title": content["titles"][0]["title"],
        "version": content.get("version"),
        "DOI": content.get("doi"),
        "creators": [c.get("familyName") for c in content["creators"]],
    }


def _invenio(folder: Path) -> dict[str, object]:
    content = _json(folder / INVENIO)["metadata"]
    return {
        "title": content["title"],
        "version": content["version"],
        "creators": [c["person_or_org"]["family_name"] for c in content["creators"]],
    }


def _packaged(folder: Path, release: Release, inventory: Inventory) -> Iterator[str]:
    content = _json(folder / DATAPACKAGE)
    yield from _same(DATAPACKAGE, content, {"title": release.title, "version": release.version})
    columns = {
        f"{CSV}/{x.name}.csv": [c for c in x.frame.columns if c != x.frame.geometry.name]
        for x in inventory.layers
    }
    listed = {resource["path"] for resource in content["resources"]}
    for name in sorted(set(columns) - listed):
        yield f"{DATAPACKAGE}: {name} is not listed"
    for resource in content["resources"]:
        path = folder.joinpath(*PurePosixPath(resource["path"]).parts)
        if ".." in resource["path"] or not path.is_file():
            yield f"{DATAPACKAGE}: {resource['path']} is not in the package"
            continue
        if resource["bytes"] != path.stat().st_size or resource["hash"] != f"sha256:{sha256_of(path)}":
            yield f"{DATAPACKAGE}: size or checksum of {resource['path']} is another"
        if resource["path"] in columns:
            names = [field["name"] for field in resource["schema"]["fields"]]
            if names != columns[resource["path"]]:
                yield f"{DATAPACKAGE}: the fields of {resource['path']} are not its columns"


def _catalogued(folder: Path, release: Release, inventory: Inventory) -> Iterator[str]:
    collection, item = _json(folder / COLLECTION), _json(folder / ITEM)
    yield from _same(COLLECTION, collection, {"title": release.title, "version": release.version})
    rows = len(inventory.layers[0])
    if item["properties"]["version"] != release.version or item["properties"]["table:row_count"] != rows:
        yield f"{ITEM}: version or number of rows is another"
    for asset in item["assets"].values():
        path = (folder / "stac" / asset["href"]).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            yield f"{ITEM}: {asset['href']} is not in the package"
        elif asset["file:size"] != path.stat().st_size or asset[
            "file:checksum"
        ] != SHA256_MULTIHASH + sha256_of(path):
            yield f"{ITEM}: size or checksum of {asset['href']} is another"


def _crated(folder: Path, release: Release) -> Iterator[str]:
    graph = {entity["@id"]: entity for entity in _json(folder / CRATE)["@graph"]}
    yield from _same(CRATE, graph["./"], {"name": release.title, "version": release.version})
    listed = {part["@id"] for part in graph["./"]["hasPart"]}
    there = {file.path: file for file in files_of(folder, without=(SUMS, CRATE))}
    for name in sorted(listed ^ set(there)):
        yield f"{CRATE}: {name} is listed or there, but not both"
    for name in sorted(listed & set(there)):
        if graph[name]["sha256"] != there[name].sha256:
            yield f"{CRATE}: the checksum of {name} is another"


def _embedded(folder: Path, release: Release) -> Iterator[str]:
    import sqlite3

    path = folder / f"{release.name}.gpkg"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        row = connection.execute("SELECT metadata FROM gpkg_metadata").fetchone()
    except (sqlite3.Error, UnicodeError) as error:
        yield f"{path.name}: its metadata cannot be read ({error})"
        return
    finally:
        connection.close()
    content = json.loads(row[0]) if row else {}
    yield from _same(f"the metadata in {path.name}", content, {"version": release.version})
    if content.get("doi") != release.doi:
        yield f"the metadata in {path.name}: another DOI ({content.get('doi')!r}) than in {RELEASE_FILE}"


def _formats(folder: Path, inventory: Inventory) -> Item:
    """Every format holds the rows and values of the GeoPackage."""
    import geopandas as gpd
    import pandas as pd
    import shapely

    faults = []
    for layer in inventory.layers:
        expected = layer.frame
        table = expected.drop(columns=expected.geometry.name)
        parquet = gpd.read_parquet(folder / PARQUET / f"{layer.name}.parquet")
        shapes = vector.read_dataframe(folder / SHAPEFILE / f"{layer.name}.shp")
        plain = pd.read_csv(
            folder / CSV / f"{layer.name}.csv", keep_default_na=False, na_values=[""], low_memory=False
        )
        for what, found in (("GeoParquet", parquet), ("Shapefile", shapes), ("CSV", plain)):
            faults += [f"{layer.name} as {what}: {fault}" for fault in _differences(table, found, what)]
            if what != "CSV" and len(found) == len(expected):
                one, other = (np.asarray(f.geometry.array, dtype=object) for f in (expected, found))
                if what == "Shapefile":  # the format turns rings and knows no single parts
                    one, other = shapely.normalize(one), shapely.normalize(other)
                    one, other = (shapely.get_parts(g) if _multi(g) else g for g in (one, other))
                if len(one) != len(other) or not shapely.equals_exact(one, other, 0.0).all():
                    faults.append(f"{layer.name} as {what}: outlines or markers differ")
    return _item("formats", faults, "GeoPackage, GeoParquet, Shapefile and CSV hold the same")


def _multi(geometry: np.ndarray[Any, Any]) -> bool:
    import shapely

    return bool((shapely.get_type_id(geometry) >= 4).any())


def _differences(table: pd.DataFrame, found: pd.DataFrame, what: str) -> Iterator[str]:
    import pandas as pd

    if len(found) != len(table):
        yield f"{len(found)} rows, in the GeoPackage {len(table)}"
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


def _validated(inventory: Inventory, release: Release) -> Report:
    from rogi.validation.engine import validate
    from rogi.validation.settings import Settings

    return validate(inventory, Settings(today=release.date))


def _schema(report: Report) -> Item:
    faults = [f for f in _failing(report) if f.startswith("SCH")]
    return _item("schema", faults, f"layers and columns are those of {report.summary.schema}")


def _failing(report: Report) -> list[str]:
    from rogi.rules.rule import Severity

    found = report.findings
    errors = found[found["severity"] == Severity.ERROR.value]
    counts = errors["code"].value_counts(sort=False)
    titles = {o.code: o.title for o in report.outcomes}
    return [f"{code}: {titles[code]} ({counts[code]})" for code in sorted(counts.index)]


def _validation(folder: Path, report: Report) -> Item:
    """The rules again, against the report in the package; waivers are not in it, findings are."""
    stated = _json(folder / REPORTS["json"])
    if stated["version"] != report.version:
        return Item(
            "validation",
            None,
            f"the report was made by rogi {stated['version']}, this is {report.version} with other rules",
        )
    before = {rule["code"]: rule["findings"] for rule in stated["conformance"]}
    now = {outcome.code: outcome.findings for outcome in report.outcomes}
    faults = [
        f"{code}: {now.get(code)} findings, in the report {before.get(code)}"
        for code in sorted(set(before) | set(now))
        if now.get(code) != before.get(code) and _comparable(stated)
    ]
    total = sum(now.values())
    return _item("validation", faults, f"the report is right: {len(now)} rules, {total:,} findings")


def _comparable(stated: Mapping[str, Any]) -> bool:
    """Whether the report was made with all rules and their own parameters."""
    settings = stated["settings"]
    changed = any(key.startswith("parameter ") for key in settings)
    return settings.get("select") == "all" and settings.get("ignore") == "none" and not changed


def _facts(folder: Path, inventory: Inventory) -> Item:
    from rogi.comparison.facts import check, read_facts
    from rogi.comparison.unit_table import unit_table

    facts = read_facts(folder / FACTS)
    faults = []
    checked = check(facts, unit_table(inventory))
    for c in checked:
        if c.holds is not True:
            stated = f"{c.fact.value:.10g} ± {c.fact.tolerance:g} {c.fact.unit}".rstrip()
            said = "cannot be checked: " + c.reason if c.found is None else f"{c.found:.10g}"
            faults.append(f"{c.fact.name}: {said}, stated {stated}")
    return _item("facts", faults, f"{len(checked)} stated facts hold ({facts.source})")


def _lineage(folder: Path, release: Release, inventory: Inventory) -> Item:
    import pandas as pd

    if not (folder / CROSSWALK).is_file():
        if release.previous is None:
            return Item("lineage", None, "a first version has none")
        return Item("lineage", False, f"{CROSSWALK} is missing, though there is a version before")
    table = pd.read_csv(folder / CROSSWALK, dtype="str", keep_default_na=False)
    from rogi.comparison.unit_table import unit_table

    ids = unit_table(inventory).text("primary_id")
    present = {str(i) for i in ids if i is not None} if ids is not None else set()
    listed = {i for i in table["id_new"].tolist() if i}
    faults = [f"{i} is in the data but not in the crosswalk" for i in sorted(present - listed)]
    faults += [f"{i} is in the crosswalk but not in the data" for i in sorted(listed - present)]
    retired = {row.id: row for row in read_lineage(folder)}
    faults += [f"{i} is retired but in the data" for i in sorted(set(retired) & present)]
    gone = {i for i in table["id_old"].tolist() if i} - listed
    faults += [f"{i} is gone without a line in the lineage" for i in sorted(gone - set(retired))]
    return _item("lineage", faults, f"{len(listed):,} units, {len(retired):,} IDs that are gone")


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
    return _item("checksums", faults, f"{len(known)} files, all as published")


# ---- small parts


def _item(name: str, faults: list[str], good: str) -> Item:
    return Item(name, False, f"{len(faults)} faults", tuple(faults)) if faults else Item(name, True, good)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_METADATA_BYTES} bytes; no such file is.")
    return path.read_text(encoding="utf-8")


def _json(path: Path) -> Any:
    return json.loads(_text(path))
