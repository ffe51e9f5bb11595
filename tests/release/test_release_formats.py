"""Each file of a package is what its standard asks: read by the standard's own schema or reader."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
import zipfile
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import jsonschema
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import yaml

from rogi.inventory.read import read_inventory
from rogi.release.data import schema_of
from rogi.release.description import Related, read_release
from rogi.release.metadata import readme
from rogi.schema.load import load_schema
from rogi.schema.model import Role

STANDARDS = Path(__file__).parent / "standards"


@pytest.fixture(scope="module")
def folder(releases) -> Path:  # type: ignore[no-untyped-def]
    return releases.second.folder


def standard_profile(name: str) -> jsonschema.Draft7Validator:
    """A JSON Schema of Data Package 2.0, as dplib-py ships it."""
    schema = load(Path(str(files("dplib"))) / "profiles" / "2.0" / f"{name}.json")
    return jsonschema.Draft7Validator(schema)


def load(path: Path):  # type: ignore[no-untyped-def]
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_citation_file_is_valid(folder: Path) -> None:
    """CITATION.cff against the schema of the Citation File Format 1.2.0."""
    content = yaml.safe_load((folder / "CITATION.cff").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(load(STANDARDS / "cff-1.2.0.json")).validate(content)
    assert content["version"] == "1.1"


def test_the_datacite_record_is_valid(folder: Path) -> None:
    """datacite.json against the JSON schema of 4.5 in datacite; 4.6 added terms and took none away."""
    import datacite.schema45

    datacite.schema45.validate(load(folder / "datacite.json"))


def test_the_data_package_is_valid_and_describes_the_tables(folder: Path) -> None:
    """datapackage.json against dplib's model of Data Package 2; columns, sizes and hashes are the files'."""
    content = load(folder / "datapackage.json")
    standard_profile("datapackage").validate(content)
    for resource in content["resources"]:
        standard_profile("dataresource").validate(resource)
        if "schema" in resource:
            standard_profile("tableschema").validate(resource["schema"])
    for resource in content["resources"]:
        path = folder / resource["path"]
        if resource["format"] != "parquet":  # of which frictionless counts no bytes
            assert resource["bytes"] == path.stat().st_size
        assert resource["hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        if resource["format"] == "csv":
            with path.open(encoding="utf-8", newline="") as stream:
                header = next(csv.reader(stream))
            assert [field["name"] for field in resource["schema"]["fields"]] == header


def validate_stac(name: str, content: object) -> None:
    """Against the STAC 1.1.0 schemas in pystac."""
    from pystac.validation.local_validator import get_local_schema_cache
    from referencing import Registry, Resource

    schemas = get_local_schema_cache()
    registry: Registry = Registry().with_resources(
        (uri, Resource.from_contents(schema)) for uri, schema in schemas.items()
    )
    uri = f"https://schemas.stacspec.org/v1.1.0/{name}-spec/json-schema/{name}.json"
    jsonschema.Draft7Validator({"$ref": uri}, registry=registry).validate(content)


def test_stac_invents_no_period(releases) -> None:  # type: ignore[no-untyped-def]
    """Where a release states no period, the extent is open and the Item has the date of the release."""
    from rogi.release.metadata import stac

    release = replace(releases.second.release, period=None)
    collection = stac.collection(release, releases.second.contents)
    item = stac.item(release, releases.second.contents, ())
    validate_stac("collection", collection)
    validate_stac("item", item)
    assert collection["extent"]["temporal"]["interval"] == [[None, None]]
    assert item["properties"]["datetime"] == f"{release.date.isoformat()}T00:00:00Z"
    assert "start_datetime" not in item["properties"]


def test_stac_is_valid_and_readable(folder: Path) -> None:
    """Collection and Item are valid and read by pystac; columns by the table extension."""
    import pystac
    from pystac.extensions.table import TableExtension

    for name in ("collection", "item"):
        validate_stac(name, load(folder / "stac" / f"{name}.json"))
    collection = pystac.Collection.from_file(str(folder / "stac" / "collection.json"))
    (item,) = collection.get_items()
    table = TableExtension.ext(item)
    columns = [column.name for column in table.columns]
    assert columns[0] == "ID" and columns[-1] == "geometry"
    for asset in item.assets.values():
        path = Path(asset.get_absolute_href() or "")
        assert path.stat().st_size == asset.extra_fields["file:size"]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert asset.extra_fields["file:checksum"] == "1220" + digest
        if path.suffix == ".csv":  # attributes alone
            with path.open(encoding="utf-8", newline="") as stream:
                header = next(csv.reader(stream))
            assert [column["name"] for column in asset.extra_fields["table:columns"]] == header


def test_the_crate_is_readable_and_complete(folder: Path) -> None:
    """The RO-Crate library reads the crate and finds every file it lists."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(str(folder))
    assert crate.name == "A synthetic rock glacier inventory"
    listed = {entity.id for entity in crate.data_entities}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert listed == there - {"SHA256SUMS", "ro-crate-metadata.json"}


def test_the_geoparquet_is_of_version_1_1(folder: Path, releases) -> None:  # type: ignore[no-untyped-def]
    """Metadata of GeoParquet 1.1 with boxes, and the same outlines as the GeoPackage."""
    path = folder / "geoparquet" / "Synthetic_Extended_Footprint.parquet"
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    assert "covering" in geo["columns"]["geometry"]
    read = gpd.read_parquet(path)
    packed = gpd.read_file(folder / "Synthetic_v1.1.gpkg", layer="Synthetic_Extended_Footprint")
    same = packed.set_index("ID").loc[read["ID"]]
    assert (read.geometry.to_numpy() == same.geometry.to_numpy()).all()
    assert read.geometry.hilbert_distance().is_monotonic_increasing
    assert pq.ParquetFile(path).metadata.num_row_groups == 1


def test_row_groups_are_small_and_close_together(tmp_path: Path) -> None:
    """A grid of 150 x 150 points in three groups of up to 10,000 rows, each of a small part of the ground."""
    from rogi.inventory.build import from_frames
    from rogi.release.data import ROW_GROUP, _write_parquet

    x, y = (v.ravel() for v in np.meshgrid(np.arange(150) / 10, np.arange(150) / 10))
    order = np.random.default_rng(1).permutation(len(x))
    frame = gpd.GeoDataFrame({"ID": order}, geometry=gpd.points_from_xy(x[order], y[order]), crs="EPSG:4326")
    layer = from_frames({Role.MARKER: frame}, schema="tprogi/1.0", dialect="tprogi", path="x").layers[0]
    _write_parquet(layer, tmp_path / "x.parquet")
    file = pq.ParquetFile(tmp_path / "x.parquet")
    sizes = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
    assert sizes == [ROW_GROUP, ROW_GROUP, 2500]
    last = gpd.GeoSeries.from_wkb(file.read_row_group(2).column("geometry").to_pandas())
    west, south, east, north = last.total_bounds
    assert (east - west) * (north - south) < 0.3 * 14.9**2


def test_layers_are_named_after_the_inventory(folder: Path, releases) -> None:  # type: ignore[no-untyped-def]
    """Of the schema tprogi, whose layers have its name in theirs; those of rgik have none."""
    release = read_release(releases.folders[1])
    assert release.inventory == "Synthetic" and release.schema == "tprogi/1.0"
    names = ["Synthetic_Extended_Footprint", "Synthetic_Primary_Marker"]
    stored = pyogrio.list_layers(folder / f"{release.name}.gpkg")
    assert sorted(name for name, kind in stored if kind is not None) == names
    for kind in ("geoparquet", "shapefile", "csv"):
        assert sorted({p.stem for p in (folder / kind).iterdir()}) == names
    texts = [
        p.read_text() for p in (folder / "README.md", folder / "datapackage.json", *folder.glob("stac/*"))
    ]
    assert all("TPRoGI_" not in text for text in texts)
    own = [x.name for x in schema_of(replace(release, schema="rgik/1.0")).layers]
    assert own == [x.name for x in load_schema("rgik/1.0").layers]


def test_the_formats_hold_the_same_values(folder: Path) -> None:
    """Shapefile, CSV, GeoParquet and GeoPackage agree in IDs, areas and elevations."""
    name = "Synthetic_Extended_Footprint"
    tables = [
        pyogrio.read_dataframe(folder / "Synthetic_v1.1.gpkg", layer=name, read_geometry=False),
        pyogrio.read_dataframe(folder / "shapefile" / f"{name}.shp", read_geometry=False),
        gpd.read_parquet(folder / "geoparquet" / f"{name}.parquet"),
    ]
    with (folder / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    tables[2] = tables[2].sort_values("ID")  # which is in spatial order
    for table in tables:
        assert table["ID"].tolist() == [row["ID"] for row in rows]
        for column in ("AREA", "ELE_MEAN"):
            values = np.array([float(row[column]) for row in rows])
            np.testing.assert_allclose(table[column].to_numpy(float), values, rtol=1e-12)
        assert all(len(c) <= 10 for c in table.columns)
    assert (folder / "shapefile" / f"{name}.cpg").read_text().strip() == "UTF-8"


def test_the_geopackage_holds_domains_and_metadata(folder: Path) -> None:
    """Field domains, the DataCite record in gpkg_metadata, and layers a reader recognises."""
    with sqlite3.connect(folder / "Synthetic_v1.1.gpkg") as connection:
        (text,) = connection.execute("SELECT metadata FROM gpkg_metadata").fetchone()
        described = connection.execute("SELECT count(*) FROM gpkg_data_columns").fetchone()[0]
        extensions = {r[0] for r in connection.execute("SELECT extension_name FROM gpkg_extensions")}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert json.loads(text)["version"] == "1.1"
    assert described >= 23
    assert {"gpkg_metadata", "gpkg_schema"} <= extensions
    inventory = read_inventory(folder / "Synthetic_v1.1.gpkg")
    assert inventory.roles == (Role.MARKER, Role.OUTLINE)


def test_the_invenio_record_has_what_publishing_needs(folder: Path) -> None:
    """Fields InvenioRDM requires, identifiers without addresses, the licence in lower case."""
    metadata = load(folder / "invenio.json")["metadata"]
    assert {"resource_type", "title", "publication_date", "creators", "publisher", "version"} <= set(metadata)
    person = metadata["creators"][0]["person_or_org"]
    assert person["identifiers"] == [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}]
    assert metadata["rights"] == [{"id": "cc-by-4.0"}]


def test_the_checksums_are_of_all_files(folder: Path) -> None:
    """SHA256SUMS names every file but itself, once, with its checksum."""
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    found = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(found) == there - {"SHA256SUMS"} and len(lines) == len(found)
    for name, digest in found.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_the_zip_holds_the_folder(releases) -> None:  # type: ignore[no-untyped-def]
    """The zip and the folder are the same files."""
    built = releases.second
    with zipfile.ZipFile(built.zip) as archive:
        assert archive.testzip() is None
        held = {n: archive.read(n) for n in archive.namelist()}
    there = {
        f"{built.folder.name}/{p.relative_to(built.folder).as_posix()}": p.read_bytes()
        for p in built.folder.rglob("*")
        if p.is_file()
    }
    assert held == there


def test_reports_name_no_folder_of_the_builder(releases) -> None:  # type: ignore[no-untyped-def]
    """Nothing in a package says where it was built."""
    built = releases.second
    place = str(built.folder.parent).encode()
    for path in built.folder.rglob("*"):
        if path.is_file():
            assert place not in path.read_bytes(), path


def test_the_readme_says_what_matters(folder: Path) -> None:
    """Fields with units and sources, limits, citation, conformance, how to check the copy."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    for words in (
        "`ELE_MIN`",
        "| number | m |",
        "Nothing in it is real.",
        "Evidence says how",
        "Carberry, J. (2026)",
        "Open findings: 0 errors",
        "sha256sum -c",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        ("", "https://doi.org/10.5072/zenodo.12"),
        ("Li (2026): A set, https://doi.org/10.5072/zenodo.12", None),
        ("Li (2026): A set, doi:10.5072/ZENODO.12.", None),
        ("Li (2026): A set, https://dx.doi.org/10.5072/zenodo.12", None),
        ("Li (2026): A set", "Li (2026): A set, https://doi.org/10.5072/zenodo.12"),
        ("As 10.5072/zenodo.123", "As 10.5072/zenodo.123, https://doi.org/10.5072/zenodo.12"),
    ],
)
def test_a_related_work_has_its_doi_once(citation: str, expected: str | None) -> None:
    """However the citation writes it; that of another record does not count."""
    work = Related("IsNewVersionOf", "10.5072/zenodo.12", "doi", "Dataset", citation)
    assert readme.work(work) == (citation if expected is None else expected)
