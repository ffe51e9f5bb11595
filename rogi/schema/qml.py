"""Pieces of QGIS's XML: values, edit forms and symbols, as QGIS 3.16 and later write and read them.

Used for styles (QML) and, with the same elements, for the layers of a project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree as ET

NULL_VALUE: Final = "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"  # what QGIS's value map takes for NULL
DOCTYPE: Final = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_NOT_NULL, _UNIQUE, _EXPRESSION = 1, 2, 4  # QgsFieldConstraints::Constraint
_HARD, _SOFT = "1", "2"  # QgsFieldConstraints::ConstraintStrength
_EXPRESSION_PROPERTY: Final = 3  # QgsProperty::ExpressionBasedProperty


@dataclass(frozen=True, slots=True)
class Widget:
    """An edit widget: its type and configuration."""

    kind: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Default:
    """An expression for a field's value in new rows, and with ``on_update`` whenever a row is changed."""

    expression: str = ""
    on_update: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """What a field must fulfil. Hard: the form cannot be closed with OK; soft: it is only shown."""

    expression: str = ""
    says: str = ""
    not_null: bool = False
    unique: bool = False
    hard: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """A field as an edit form shows it."""

    name: str
    alias: str
    widget: Widget
    default: Default = Default()
    check: Check = Check()


@dataclass(frozen=True, slots=True)
class SymbolLayer:
    """A part of a symbol: class of QGIS, properties, and expressions for some of them."""

    kind: str
    options: Mapping[str, str]
    expressions: Mapping[str, str] = field(default_factory=dict)


def quoted(name: str) -> str:
    """A column name in a QGIS or SQL expression."""
    return '"' + name.replace('"', '""') + '"'


def document(root: ET.Element) -> str:
    """The XML document of an element, indented, with QGIS's document type."""
    ET.indent(root)
    return DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def add_option(parent: ET.Element, name: str | None, value: object) -> None:
    """Add a value as QGIS writes a QVariant: maps, lists, bool, int, float, text."""
    attributes = {} if name is None else {"name": name}
    if isinstance(value, Mapping):
        element = ET.SubElement(parent, "Option", {"type": "Map", **attributes})
        for key, entry in value.items():
            add_option(element, str(key), entry)
    elif isinstance(value, list):
        element = ET.SubElement(parent, "Option", {"type": "List", **attributes})
        for entry in value:
            add_option(element, None, entry)
    else:
        kinds = {bool: "bool", int: "int", float: "double"}
        text = str(value).lower() if isinstance(value, bool) else str(value)
        ET.SubElement(
            parent, "Option", {"type": kinds.get(type(value), "QString"), "value": text, **attributes}
        )


def add_fields(root: ET.Element, fields: Sequence[FormField]) -> None:
    """Add the widgets, aliases, default values and constraints of the fields of a layer."""
    configuration = ET.SubElement(root, "fieldConfiguration")
    aliases = ET.SubElement(root, "aliases")
    defaults = ET.SubElement(root, "defaults")
    constraints = ET.SubElement(root, "constraints")
    expressions = ET.SubElement(root, "constraintExpressions")
    for number, item in enumerate(fields):
        element = ET.SubElement(configuration, "field", name=item.name, configurationFlags="NoFlag")
        edit = ET.SubElement(element, "editWidget", type=item.widget.kind)
        add_option(ET.SubElement(edit, "config"), None, item.widget.options)
        ET.SubElement(aliases, "alias", field=item.name, index=str(number), name=item.alias)
        ET.SubElement(
            defaults,
            "default",
            field=item.name,
            expression=item.default.expression,
            applyOnUpdate=str(int(item.default.on_update)),
        )
        check = item.check
        flags = _NOT_NULL * check.not_null + _UNIQUE * check.unique + _EXPRESSION * bool(check.expression)
        strength = _HARD if check.hard else _SOFT
        ET.SubElement(
            constraints,
            "constraint",
            field=item.name,
            constraints=str(flags),
            notnull_strength=strength if check.not_null else "0",
            unique_strength=strength if check.unique else "0",
            exp_strength=strength if check.expression else "0",
        )
        ET.SubElement(expressions, "constraint", field=item.name, exp=check.expression, desc=check.says)


def add_symbol(parent: ET.Element, name: str, kind: str, layers: Sequence[SymbolLayer]) -> None:
    """Add a symbol (``marker``, ``line`` or ``fill``) made of layers, the lowest first."""
    symbol = ET.SubElement(
        parent, "symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0"
    )
    for layer in layers:
        element = ET.SubElement(
            symbol, "layer", {"class": layer.kind, "enabled": "1", "locked": "0", "pass": "0"}
        )
        add_option(element, None, layer.options)
        if layer.expressions:
            add_expressions(ET.SubElement(element, "data_defined_properties"), layer.expressions)


def add_expressions(parent: ET.Element, expressions: Mapping[str, str]) -> None:
    """Add properties that are computed for each feature, property -> expression."""
    properties = {
        name: {"active": True, "expression": text, "type": _EXPRESSION_PROPERTY}
        for name, text in expressions.items()
    }
    add_option(parent, None, {"name": "", "properties": properties, "type": "collection"})
