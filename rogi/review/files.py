"""The files of a review: one GeoPackage per reviewer, the design, a KML; and reading them back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi import targets
from rogi.areas import area_m2
from rogi.errors import InputError, OptionError
from rogi.files import replacing, write_bytes, write_text
from rogi.geometry import Ints, to_lonlat
from rogi.inventory import vector
from rogi.inventory.coordinates import coordinates
from rogi.inventory.values.known import known_texts
from rogi.inventory.writing.geopackage import add_field_domains, add_schema_styles, set_last_change
from rogi.review.sampling import Sample, Stratum, size_classes
from rogi.review.verdicts import VERDICTS, Returned, ReviewScore, collect
from rogi.schema.load import load_schema
from rogi.schema.model import Role
from rogi.text import as_json

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

FORMAT = 1
LAYER = "review"
DESIGN = "sample.json"
MAX_DESIGN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The design of a review as its folder holds it: what was drawn, from what, and how.

    ``table`` has columns ``sample``, ``ID``, ``longitude``, ``latitude`` and ``stratum`` (its name), one row
    per sampled unit in order of ``sample``.
    """

    table: pd.DataFrame
    strata: tuple[Stratum, ...]
    reviewers: tuple[str, ...]
    settings: Mapping[str, Any]

    @property
    def stratum(self) -> Ints:
        """(n,) stratum of each sampled unit, into ``strata``."""
        number = {s.name: k for k, s in enumerate(self.strata)}
        return np.array([number[name] for name in self.table["stratum"]], dtype=np.int64)


def units(inventory: Inventory) -> gpd.GeoDataFrame:
    """The units of an inventory as points, EPSG:4326, with columns ``ID`` and ``position``.

    Primary markers where there are any, else points inside the outlines. Units without an ID get the
    number of their row.

    Raises
    ------
    InputError
        If there is no layer with units, or no usable point.
    """
    layer = inventory.layer(Role.MARKER) or inventory.layer(Role.OUTLINE)
    if layer is None or not len(layer):
        raise InputError(
            f"{inventory.path or 'The inventory'} has neither markers nor outlines to draw from."
        )
    crs, geometry = layer.known_crs, layer.geometry
    position = np.flatnonzero(coordinates(layer).sound)
    points = shapely.point_on_surface(to_lonlat(geometry[position], crs))
    labels = np.array([f"row {r}" for r in layer.rows], dtype=object)
    for concept in ("working_id", "primary_id"):
        if layer.has(concept):
            values = layer.values(concept)
            text = values.astype("str").str.strip()
            there = (values.notna() & (text != "")).to_numpy(dtype=bool)
            labels[there] = text.to_numpy(dtype=object)[there]
    return gpd.GeoDataFrame({"ID": labels[position], "position": position}, geometry=points, crs="EPSG:4326")


def strata(inventory: Inventory, population: gpd.GeoDataFrame, by: str) -> NDArray[np.object_] | None:
    """Names of the strata of the units: None for ``none``, else by ``subregion`` or ``size``.

    Raises
    ------
    InputError
        If the inventory has no subregions, or no outlines to take sizes from.
    """

    if by == "none":
        return None
    position = population["position"].to_numpy()
    layer = inventory.layer(Role.MARKER) or inventory.layer(Role.OUTLINE)
    assert layer is not None
    if by == "subregion":
        source = next((x for x in (layer, inventory.layer(Role.OUTLINE)) if x and x.has("subregion")), None)
        if source is None:
            raise InputError(
                f"{inventory.path} has no column for the subregion; stratify by size, or not at all."
            )
        found = known_texts(source, "subregion")
        names = np.array(["unknown" if name is None else name for name in found], dtype=object)
        if source is layer:
            return np.asarray(names[position], dtype=object)
        by_id = dict(zip(source.raw("primary_id").astype("str").str.strip(), names, strict=True))
        return np.array([by_id.get(unit, "unknown") for unit in population["ID"]], dtype=object)
    outline = inventory.layer(Role.OUTLINE)
    if outline is None or outline.crs is None:
        raise InputError(
            f"{inventory.path} has no outlines to take sizes from; stratify by subregion, or not at all."
        )
    geometry = outline.geometry
    usable = coordinates(outline).sound
    area = np.full(len(outline), np.nan)
    area[usable] = area_m2(geometry[usable], outline.crs) / 1e6
    if outline is layer:
        return size_classes(area[position])
    sizes = dict(zip(outline.raw("primary_id").astype("str").str.strip(), area, strict=True))
    return size_classes(np.array([sizes.get(unit, np.nan) for unit in population["ID"]]))


def outlines_of(
    inventory: Inventory, population: gpd.GeoDataFrame, sample: Sample
) -> gpd.GeoDataFrame | None:
    """Outlines of the drawn units, EPSG:4326, to show beside the points; None without outlines or IDs."""
    outline = inventory.layer(Role.OUTLINE)
    if outline is None or outline.crs is None or "primary_id" not in outline.columns:
        return None
    ids = outline.raw("primary_id").astype("str").str.strip()
    drawn = set(population["ID"].iloc[sample.positions])
    chosen = ids.isin(drawn).to_numpy(dtype=bool)
    frame = gpd.GeoDataFrame({"ID": ids[chosen]}, geometry=outline.frame.geometry[chosen], crs=outline.crs)
    return frame.to_crs("EPSG:4326").sort_values("ID", kind="stable", ignore_index=True)


def write_sample(
    folder: Path,
    population: gpd.GeoDataFrame,
    sample: Sample,
    reviewers: Sequence[str],
    settings: Mapping[str, Any],
    outlines: gpd.GeoDataFrame | None = None,
    kml: bool = True,
) -> list[Path]:
    """Write the design and one file per reviewer into a new or empty folder.

    Parameters
    ----------
    folder
        Made if it does not exist; must be empty, so that verdicts are never written over.
    population
        As :func:`units` gives it.
    sample
        Positions into ``population``.
    reviewers
        Names; each gets a file of their own, without the others' verdicts.
    settings
        What the sample was drawn from and how; kept in the design.
    outlines
        Outlines to show beside the points, EPSG:4326.
    kml
        Also write the points for Google Earth.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    OptionError
        If the folder is not empty or names of reviewers repeat.
    """
    names = [_file_name(name) for name in reviewers]
    if not names or not all(names) or len(set(names)) != len(names):
        raise OptionError(f"Each reviewer needs a name of their own, found {', '.join(reviewers) or 'none'}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OptionError(f"{folder} is not an empty folder; a review is written into a folder of its own.")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = population.iloc[sample.positions]
    labels = [sample.strata[k].name for k in sample.stratum]
    table = _table(drawn, labels)
    paths = [folder / f"review_{name}.gpkg" for name in names]
    for path, reviewer in zip(paths, reviewers, strict=True):
        _write_gpkg(path, drawn, reviewer, outlines)
    if kml:
        paths.append(folder / "sample.kml")
        write_bytes(paths[-1], _kml(drawn))
    paths.append(folder / "sample.csv")
    write_text(paths[-1], table.to_csv(index=False, lineterminator="\n"))
    design = {
        "format": FORMAT,
        "reviewers": list(reviewers),
        "settings": dict(settings),
        "strata": [{"name": s.name, "units": s.units, "drawn": s.drawn} for s in sample.strata],
        "sample": table.to_dict(orient="records"),
    }
    paths.append(folder / DESIGN)
    write_text(paths[-1], as_json(design, 1))
    return paths


def read_design(folder: Path) -> Design:
    """The design of a review.

    Raises
    ------
    InputError
        If the folder holds none, or it is damaged.
    """
    path = folder / DESIGN if folder.is_dir() else folder
    targets.note_read(path)
    try:
        if path.stat().st_size > MAX_DESIGN_BYTES:
            raise InputError(f"{path} is too large for the design of a review.")
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(
                f"{path} is of format {content['format']!r}; this version reads format {FORMAT}."
            )
        strata = tuple(Stratum(str(s["name"]), int(s["units"]), int(s["drawn"])) for s in content["strata"])
        table = pd.DataFrame(content["sample"], columns=["sample", "ID", "longitude", "latitude", "stratum"])
        table["sample"] = table["sample"].astype("int64")
        known = {s.name for s in strata}
        if table.empty or not set(table["stratum"]) <= known:
            raise KeyError("sample")
        return Design(table, strata, tuple(map(str, content["reviewers"])), content["settings"])
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist; name the folder that `rogi review sample` wrote with --sample."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the design of a review: {error!r}; draw the sample again.") from None


def read_returned(path: Path, design: Design) -> Returned:
    """A reviewer's file, matched with the sample.

    The reviewer is the most frequent name in the column ``reviewer``, else the file's name.

    Raises
    ------
    InputError
        If it cannot be read or has no columns ``sample``, ``ID`` and ``verdict``.
    """
    try:
        if path.suffix.lower() == ".csv":
            frame = pd.read_csv(path, dtype=str, sep=_separator(path))
        else:
            layers = [name for name, _ in vector.list_layers(path)]
            layer = LAYER if LAYER in layers else layers[0]
            frame = vector.read_dataframe(path, layer=layer, read_geometry=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name a reviewer's file.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as CSV UTF-8, or send the .gpkg back.") from None
    except (pyogrio.errors.DataSourceError, ValueError, OSError, IndexError) as error:
        raise InputError(f"{path} cannot be read as a reviewer's file: {error}.") from None
    columns = {str(c).strip().casefold(): c for c in frame.columns}
    for name in ("sample", "id", "verdict"):
        if name not in columns:
            raise InputError(
                f"{path} has no column {name!r}; a returned file keeps the columns of the file that was sent."
            )
    frame = frame.rename(columns={columns["id"]: "ID"} | {columns[c]: c for c in columns if c != "id"})
    reviewer = path.stem.removeprefix("review_")
    if "reviewer" in frame:
        names = frame["reviewer"].dropna().astype(str).str.strip()
        names = names[names != ""]
        if len(names):
            reviewer = str(names.value_counts().sort_index().idxmax())
    return collect(reviewer, design.table, frame)


def _separator(path: Path) -> str:
    """Semicolon where the first line has more of them than commas; many spreadsheets write it so."""
    with path.open(encoding="utf-8") as stream:
        head = stream.readline(MAX_DESIGN_BYTES)
    return ";" if head.count(";") > head.count(",") else ","


def write_back(
    inventory: Inventory, design: Design, returned: Sequence[Returned], score: ReviewScore
) -> tuple[Inventory, int]:
    """The inventory with the verdicts in its additional information (ADDI_INF), and how many units have one.

    Text that is there is kept; ``Review: A Yes, B No`` is added to it after a semicolon, or replaces an
    earlier addition of this kind.

    Raises
    ------
    InputError
        If no layer has the sampled IDs and a column for additional information.
    """
    if score.sampled != len(design.table):
        raise ValueError("the score is not of this sample")
    verdict = {
        str(unit): "Review: "
        + ", ".join(f"{r.reviewer} {VERDICTS[r.code[k]].value}" for r in returned if r.code[k] >= 0)
        for k, unit in enumerate(design.table["ID"])
        if any(r.code[k] >= 0 for r in returned)
    }
    written = 0
    layers = []
    for layer in inventory.layers:
        if "additional_information" in layer.columns and layer.has("primary_id"):
            column = layer.columns["additional_information"]
            ids = layer.raw("primary_id").astype("str").str.strip()
            added = ids.map(verdict)
            hit = added.notna().to_numpy(dtype=bool)
            old = layer.frame[column].astype(object).where(layer.frame[column].notna(), "").astype(str)
            kept = old.str.replace(r"(^|; )Review: [^;]*$", "", regex=True).str.strip()
            joined = np.where(kept == "", added, kept + "; " + added.fillna(""))
            frame = layer.frame.copy()
            values = frame[column].astype(object).to_numpy(copy=True)
            values[hit] = joined[hit]
            frame[column] = pd.Series(list(values), index=frame.index, dtype="str")
            layer = replace(layer, frame=frame)
            written = max(written, int(hit.sum()))
        layers.append(layer)
    if not written:
        raise InputError(
            f"{inventory.path or 'The inventory'} has no unit of the sample with a column for additional "
            "information (ADDI_INF); add the column, or check that this is the inventory the sample is from."
        )
    return replace(inventory, layers=tuple(layers)), written


def _table(drawn: gpd.GeoDataFrame, strata: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": np.arange(1, len(drawn) + 1),
            "ID": drawn["ID"].to_numpy(dtype=object),
            "longitude": drawn.geometry.x.round(6).to_numpy(),
            "latitude": drawn.geometry.y.round(6).to_numpy(),
            "stratum": list(strata),
        }
    )


def _write_gpkg(
    path: Path, drawn: gpd.GeoDataFrame, reviewer: str, outlines: gpd.GeoDataFrame | None
) -> None:
    n = len(drawn)
    frame = gpd.GeoDataFrame(
        {
            "sample": np.arange(1, n + 1, dtype=np.int32),
            "ID": drawn["ID"].to_numpy(dtype=object),
            "verdict": pd.Series([None] * n, dtype="object"),
            "comment": pd.Series([None] * n, dtype="object"),
            "reviewer": [reviewer] * n,
            "date": pd.Series([None] * n, dtype="datetime64[ms]"),
        },
        geometry=drawn.geometry.to_numpy(),
        crs="EPSG:4326",
    )
    schema = load_schema("review/1.0")
    with replacing(path) as temporary:
        pyogrio.write_dataframe(frame, temporary, layer=LAYER, driver="GPKG", geometry_type="Point")
        if outlines is not None:
            pyogrio.write_dataframe(outlines, temporary, layer="outlines", driver="GPKG", append=True)
        add_field_domains(temporary, schema)
        add_schema_styles(temporary, schema)
        set_last_change(temporary)


def _kml(drawn: gpd.GeoDataFrame) -> bytes:
    root = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(root, "Document")
    ET.SubElement(document, "name").text = "Units to review"
    for number, (unit, point) in enumerate(zip(drawn["ID"], drawn.geometry, strict=True), start=1):
        mark = ET.SubElement(document, "Placemark")
        ET.SubElement(mark, "name").text = f"{number} {unit}"
        place = ET.SubElement(mark, "Point")
        ET.SubElement(place, "coordinates").text = f"{point.x:.6f},{point.y:.6f}"
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name.strip()).strip("_").casefold()
