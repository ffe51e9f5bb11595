"""QGIS styles with edit forms (QML) from a layer's schema.

A form has a drop-down for each vocabulary, limits, aliases, constraints and default values. Constraints
are soft: QGIS shows them and lets a mapper save unfinished work; ``rogi validate`` judges.
Format: QML as QGIS 3.16 and later write and read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from rogi.schema.docs import describe
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Concept, Field, FieldType, LayerSchema, Role
from rogi.schema.qml import (
    NULL_VALUE,
    Check,
    Default,
    FormField,
    SymbolLayer,
    Widget,
    add_fields,
    add_symbol,
    document,
    quoted,
)

__all__ = ["NULL_VALUE", "QGIS_VERSION", "layer_qml"]

QGIS_VERSION: Final = "3.28.0"  # the oldest long-term release whose symbol options are written here

# Colours of terms, by concept; the others are grey. Dark on light and told apart without red against green.
_COLOURS: Final[Mapping[str, Mapping[str, str]]] = {
    "activity": {
        "Active": "204,76,2",
        "Active uncertain": "254,153,41",
        "Transitional": "254,217,142",
        "Relict uncertain": "166,189,219",
        "Relict": "43,140,190",
    },
    "outline_type": {"Extended": "0,90,140", "Restricted": "200,80,0"},
    "velocity_class": {
        "< 1 cm/yr": "255,255,204",
        "1-3 cm/yr": "254,217,118",
        "3-10 cm/yr": "253,141,60",
        "10-30 cm/yr": "240,59,32",
        "30-100 cm/yr": "189,0,38",
        "> 100 cm/yr": "84,0,60",
    },
}
_GREY: Final = "120,120,120"
_CLASSIFIED_BY: Final = {
    Role.MARKER: "activity",
    Role.OUTLINE: "outline_type",
    Role.MOVING_AREA: "velocity_class",
}


def layer_qml(layer: LayerSchema, crs: str = "EPSG:4326", columns: Sequence[str] | None = None) -> str:
    """QML of a layer: symbols, edit widgets, aliases, defaults and constraints.

    Parameters
    ----------
    layer
        The layer's schema.
    crs
        What its coordinates are in; the default of a primary ID is made from WGS84.
    columns
        The columns the table has; fields that are not among them are left out. Default: all.

    Returns
    -------
    str
        An XML document.
    """
    fields = [f for f in layer.fields if columns is None or f.name in columns]
    root = ET.Element(
        "qgis", version=QGIS_VERSION, styleCategories="Symbology|Fields|Forms", labelsEnabled="0"
    )
    _add_renderer(root, layer, fields)
    add_fields(root, [_form_field(field, layer, fields, crs) for field in fields])
    ET.SubElement(root, "editorlayout").text = "generatedlayout"
    ET.SubElement(root, "mapTip").text = ""
    ET.SubElement(root, "layerGeometryType").text = "0" if layer.role is Role.MARKER else "2"
    return document(root)


# ---- widgets


def _form_field(field: Field, layer: LayerSchema, fields: Sequence[Field], crs: str) -> FormField:
    expression, says = _constraint(field)
    return FormField(
        field.name,
        _alias(field.concept),
        _widget(field),
        _default(field, layer, fields, crs),
        Check(expression, says, not_null=not field.nullable, unique=field.unique),
    )


def _alias(concept: Concept) -> str:
    return f"{concept.title} [{concept.unit}]" if concept.unit else concept.title


def _widget(field: Field) -> Widget:
    concept = field.concept
    if concept.vocabulary is not None:
        entries: list[Mapping[str, object]] = [{"<NULL>": NULL_VALUE}] if field.nullable else []
        for term in load_vocabulary(concept.vocabulary).terms:
            if concept.type is not FieldType.INTEGER:
                entries.append({term.value: term.value})
            elif term.code is not None:
                entries.append({f"{term.code} {term.value}": str(term.code)})
        return Widget("ValueMap", {"map": entries})
    if concept.type in (FieldType.INTEGER, FieldType.NUMBER):
        whole = concept.type is FieldType.INTEGER
        if concept.minimum is None or concept.maximum is None:
            return Widget("TextEdit", {"IsMultiline": False, "UseHtml": False})
        return Widget(
            "Range",
            {
                "AllowNull": True,
                "Min": int(concept.minimum) if whole else concept.minimum,
                "Max": int(concept.maximum) if whole else concept.maximum,
                "Precision": 0 if whole else 4,
                "Step": 1 if whole else 0.1,
                "Style": "SpinBox",
            },
        )
    if concept.type is FieldType.BOOLEAN:
        return Widget("CheckBox", {})
    if concept.type is FieldType.DATE:
        return Widget(
            "DateTime", {"allow_null": True, "calendar_popup": True, "display_format": "yyyy-MM-dd"}
        )
    return Widget("TextEdit", {"IsMultiline": concept.name in _LONG_TEXTS, "UseHtml": False})


_LONG_TEXTS: Final = ("comment", "additional_information")


# ---- defaults and constraints: QGIS expressions


def _default(field: Field, layer: LayerSchema, fields: Sequence[Field], crs: str) -> Default:
    name = field.concept.name
    if layer.role is Role.MARKER and name in ("primary_id", "latitude", "longitude"):
        point = "$geometry" if crs == "EPSG:4326" else f"transform($geometry,'{crs}','EPSG:4326')"
        if name == "latitude":
            return Default(f"round(y({point}),6)", on_update=True)
        if name == "longitude":
            return Default(f"round(x({point}),6)", on_update=True)
        return Default(
            f"'RGU' || lpad(to_string(round(abs(y({point}))*10000)),6,'0')"
            f" || if(y({point})<0,'S','N')"
            f" || lpad(to_string(round(abs(x({point}))*10000)),7,'0')"
            f" || if(x({point})<0,'W','E')"
        )
    if name == "reliability_index":
        parts = [
            f.name
            for part in ("front", "left", "right", "upslope")
            for f in fields
            if f.concept.name == f"reliability_{part}"
        ]
        if len(parts) == 4:
            return Default(" + ".join(map(quoted, parts)), on_update=True)
    if name == "map_date":
        return Default("format_date(now(),'yyyy-MM-dd')")
    if name == "mapper":
        return Default("@user_full_name")
    return Default()


def _constraint(field: Field) -> tuple[str, str]:
    """A QGIS expression that is true for good values, and words for it."""
    concept = field.concept
    column = quoted(field.name)
    if concept.pattern is not None:
        pattern = concept.pattern.replace("\\", "\\\\").replace("'", "''")
        return f"{column} IS NULL OR regexp_match({column},'{pattern}') > 0", describe(concept)
    bounds = []
    if concept.minimum is not None:
        bounds.append(f"{column} >= {concept.minimum:g}")
    if concept.maximum is not None:
        bounds.append(f"{column} <= {concept.maximum:g}")
    if concept.length is not None:
        bounds.append(f"length({column}) <= {concept.length}")
    if not bounds:
        return "", describe(concept)
    return f"{column} IS NULL OR ({' AND '.join(bounds)})", describe(concept)


# ---- symbols


def _add_renderer(root: ET.Element, layer: LayerSchema, fields: Sequence[Field]) -> None:
    concept = _CLASSIFIED_BY.get(layer.role, "")
    field = next((f for f in fields if f.concept.name == concept and f.concept.vocabulary), None)
    if field is None or field.concept.vocabulary is None:
        renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", enableorderby="0")
        _add_symbol(ET.SubElement(renderer, "symbols"), "0", layer.role, "0,90,140")
        return
    terms = load_vocabulary(field.concept.vocabulary).terms
    colours = _COLOURS.get(concept, {})
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=quoted(field.name), enableorderby="0"
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, term in enumerate(terms):
        ET.SubElement(
            categories,
            "category",
            symbol=str(number),
            value=term.value,
            label=term.value,
            render="true",
            type="string",
        )
        _add_symbol(
            symbols,
            str(number),
            layer.role,
            colours.get(term.value, _GREY),
            dashed=term.value == "Restricted",
        )
    rest = str(len(terms))
    ET.SubElement(categories, "category", symbol=rest, value="", label="other", render="true", type="string")
    _add_symbol(symbols, rest, layer.role, _GREY)


def _add_symbol(parent: ET.Element, name: str, role: Role, colour: str, *, dashed: bool = False) -> None:
    marker = role is Role.MARKER
    if marker:
        kind, options = (
            "SimpleMarker",
            {
                "name": "circle",
                "color": f"{colour},255",
                "outline_color": "40,40,40,255",
                "outline_width": "0.2",
                "size": "2.4",
                "size_unit": "MM",
            },
        )
    else:
        opaque = role is Role.MOVING_AREA
        kind, options = (
            "SimpleFill",
            {
                "color": f"{colour},{150 if opaque else 40}",
                "outline_color": f"{colour},255",
                "outline_style": "dash" if dashed or role is Role.AREA_OF_INTEREST else "solid",
                "outline_width": "0.2" if opaque else "0.5",
                "outline_width_unit": "MM",
                "style": "no" if role is Role.AREA_OF_INTEREST else "solid",
            },
        )
    add_symbol(parent, name, "marker" if marker else "fill", [SymbolLayer(kind, options)])
