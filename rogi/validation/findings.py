"""The table of findings: from the rows of rules to records with identity and place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.geometry import to_lonlat
from rogi.inventory.model import Layer
from rogi.inventory.values.columns import as_text, is_placeholder, readable
from rogi.rules.context import Context
from rogi.rules.rule import Rows, Severity
from rogi.schema.model import Role
from rogi.validation.report import COLUMNS, State

Objects = NDArray[np.object_]
Ints = NDArray[np.int64]

FINGERPRINT_DIGITS = 20


class FindingsTable:
    """Gathers rows of rules; :meth:`to_frame` gives the table of a report."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parts: list[dict[str, object]] = []
        self._labels: dict[Role, Objects] = {}
        self._identities: dict[Role, Objects] = {}

    def add(self, code: str, severity: Severity, batches: Sequence[Rows]) -> int:
        """Take the rows of one rule; returns how many findings they make."""
        parts = [self._part(code, severity, rows) for rows in batches]
        self._parts += parts
        return sum(len(rows.rows) for rows in batches)

    def _part(self, code: str, severity: Severity, rows: Rows) -> dict[str, object]:
        k = len(rows.rows)
        place = np.asarray(rows.rows, dtype=np.int64)
        messages = [rows.message] * k if isinstance(rows.message, str) else list(rows.message)
        values = [None] * k if rows.value is None else list(rows.value)
        if len(messages) != k or len(values) != k:
            raise ValueError(f"{code}: {k} rows, {len(messages)} messages, {len(values)} values")
        other_role = rows.other_role or rows.role
        labels, files, numbers, identities = self._identify(rows.role, place)
        if rows.other is None:
            other_labels = other_files = np.full(k, "", dtype=object)
            other_numbers = np.zeros(k, dtype=np.int64)
            pair = identities
        else:
            other_labels, other_files, other_numbers, other_identities = self._identify(
                other_role, rows.other
            )
            # Which of two features of one layer comes first depends on row order: the pair must not.
            pair = np.array(
                [
                    "\x1f".join(sorted((a, b)) if other_role is rows.role else (a, b))
                    for a, b in zip(identities, other_identities, strict=True)
                ],
                dtype=object,
            )
        geometry = self._geometry(rows, place)
        bounds = shapely.bounds(geometry) if k else np.empty((0, 4))
        layer_name = rows.role.value if rows.role else ""
        field = rows.field or ""
        return {
            "code": np.full(k, code, dtype=object),
            "severity": np.full(k, (rows.severity or severity).value, dtype=object),
            "layer": np.full(k, layer_name, dtype=object),
            "file": files,
            "row": numbers,
            "feature_id": labels,
            "field": np.full(k, field, dtype=object),
            "value": np.array([_as_text(v) for v in values], dtype=object),
            "message": np.array(messages, dtype=object),
            "other_layer": np.full(
                k, other_role.value if rows.other is not None and other_role else "", dtype=object
            ),
            "other_file": other_files,
            "other_row": other_numbers,
            "other_id": other_labels,
            "minx": bounds[:, 0],
            "miny": bounds[:, 1],
            "maxx": bounds[:, 2],
            "maxy": bounds[:, 3],
            "fingerprint": np.array(
                [f"{code}\x1f{layer_name}\x1f{field}\x1f{p}" for p in pair], dtype=object
            ),
            "geometry": geometry,
        }

    def _identify(self, role: Role | None, positions: Ints) -> tuple[Objects, Objects, Ints, Objects]:
        """Labels for people, files, row numbers from 1 (0: the layer itself), identities for fingerprints."""
        k = len(positions)
        labels = np.full(k, "", dtype=object)
        files = np.full(k, "", dtype=object)
        numbers = np.zeros(k, dtype=np.int64)
        identities = np.full(k, "", dtype=object)
        feature = np.asarray(positions, dtype=np.int64) >= 0
        if role is None or not feature.any():
            return labels, files, numbers, identities
        layer = self._context.layer(role)
        at = np.asarray(positions, dtype=np.int64)[feature]
        if role not in self._labels:
            self._labels[role], self._identities[role] = _feature_names(self._context, layer)
        labels[feature] = self._labels[role][at]
        if len(layer.sources) > 1:
            files[feature] = layer.files[at]
        numbers[feature] = layer.rows[at]
        identities[feature] = self._identity(role, at)
        return labels, files, numbers, identities

    def _identity(self, role: Role, at: Ints) -> Objects:
        """Identity that survives reordering: a unique ID, else the geometry, else the row."""
        table = self._identities[role]
        unknown = np.unique(at[np.array([table[i] is None for i in at], dtype=bool)])
        if len(unknown):
            geometry = self._context.geometry(role)[unknown]
            labels = self._labels[role][unknown]
            layer = self._context.layer(role)
            places = zip(layer.files[unknown], layer.rows[unknown], strict=True)
            rows = [f"{file} row {row}".strip() for file, row in places]
            has_id = self._has_id(role)[unknown]
            for i, shape, label, row, named in zip(unknown, geometry, labels, rows, has_id, strict=True):
                if shape is None or shape.is_empty:
                    mark = label if named else row
                else:
                    digest = hashlib.sha256(shapely.to_wkb(shape, byte_order=1)).hexdigest()[:16]
                    mark = f"{label if named else ''}@{digest}"
                table[i] = mark
        return table[at]

    def _has_id(self, role: Role) -> NDArray[np.bool_]:
        return np.array([not _is_generated(label) for label in self._labels[role]], dtype=bool)

    def _geometry(self, rows: Rows, place: Ints) -> Objects:
        """Places in WGS84: those the rule gave, else the features' own."""
        out = np.full(len(place), None, dtype=object)
        if rows.role is None or self._context.crs(rows.role) is None:
            return out
        if rows.geometry is None:
            feature = place >= 0
            out[feature] = self._context.lonlat(rows.role)[place[feature]]
            return out

        given = np.asarray(rows.geometry, dtype=object)
        finite = ~shapely.is_missing(given) & np.isfinite(shapely.bounds(given)).all(axis=1)
        out[finite] = to_lonlat(given[finite], self._context.crs(rows.role))
        return out

    def to_frame(self) -> gpd.GeoDataFrame:
        """All findings, sorted by code, layer, file, row, field and message; EPSG:4326."""
        if not self._parts:
            empty: dict[str, object] = {c: pd.Series(dtype="str") for c in COLUMNS}
            for c in ("row", "other_row"):
                empty[c] = pd.Series(dtype="int64")
            for c in ("minx", "miny", "maxx", "maxy"):
                empty[c] = pd.Series(dtype="float64")
            empty["geometry"] = pd.Series(dtype="object")
            return gpd.GeoDataFrame(empty, columns=list(COLUMNS), geometry="geometry", crs="EPSG:4326")
        columns = {
            name: np.concatenate([np.asarray(part[name]) for part in self._parts]) for name in self._parts[0]
        }
        geometry = columns.pop("geometry")
        frame = pd.DataFrame(columns)
        frame["geometry"] = pd.Series(list(geometry), dtype="object")
        order = ["code", "layer", "file", "row", "other_file", "other_row", "field", "message"]
        frame = frame.sort_values(order, kind="stable", ignore_index=True)
        frame["fingerprint"] = _fingerprints(frame["fingerprint"].to_numpy(dtype=object))
        frame["state"] = State.OPEN.value
        frame["reason"] = ""
        return gpd.GeoDataFrame(frame[list(COLUMNS)], geometry="geometry", crs="EPSG:4326")


def _feature_names(context: Context, layer: Layer) -> tuple[Objects, Objects]:
    """(labels for people, identities or None where the geometry must tell) of every feature."""
    n = len(layer)
    if layer.fids is not None:
        labels = np.array([f"fid {i}" for i in layer.fids], dtype=object)
    else:
        labels = np.array([f"row {i}" for i in layer.rows], dtype=object)
    identities = np.full(n, None, dtype=object)
    for concept in ("working_id", "primary_id"):
        if not layer.has(concept):
            continue
        text = context.text(layer.role, concept)
        # a placeholder is the name of nothing: with it one waiver would be for all units without ID
        present = context.filled(layer.role, concept)
        if concept == "working_id":
            present = present & ~_placeholders(context, text)
            if len(set(text[present])) == 1 < present.sum():  # ArcGIS adds a column Id of zeros
                continue
        labels[present] = text[present]
        names = text.copy()
        names[~present] = None
        if layer.role is Role.OUTLINE and layer.has("outline_type"):  # two outlines share the unit's ID
            kinds = context.outline_kind()[present]
            names[present] = [f"{t} {kind or ''}" for t, kind in zip(text[present], kinds, strict=True)]
        once = present & ~pd.Series(names).duplicated(keep=False).to_numpy(dtype=bool)
        identities[present] = None
        identities[once] = names[once]
    return labels, identities


def _placeholders(context: Context, text: Objects) -> NDArray[np.bool_]:
    none = context.placeholders()
    codes, uniques = pd.factorize(text, use_na_sentinel=True)
    table = np.array([is_placeholder(t, none) for t in uniques] + [False])
    return np.asarray(table[codes])


def _is_generated(label: object) -> bool:
    return isinstance(label, str) and label.startswith(("row ", "fid "))


def _fingerprints(keys: Objects) -> Objects:
    """Short digests of the keys; repeats of one key are numbered in the table's order."""
    seen: dict[str, int] = {}
    out = np.empty(len(keys), dtype=object)
    for i, key in enumerate(keys):
        number = seen.get(key, 0)
        seen[key] = number + 1
        text = key if not number else f"{key}\x1f#{number}"
        out[i] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:FINGERPRINT_DIGITS]
    return out


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return readable(as_text(value))
