"""How the layers of an update look in QGIS: symbols by class, decision and confidence; labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from rogi.schema.qml import SymbolLayer, add_expressions, add_symbol, document
from rogi.update.packages.forms import FormSetting, add_task_form
from rogi.update.vocabulary import CANDIDATES, CONTEXT, CURRENT, TASKS, Decision, TaskClass

QGIS_VERSION: Final = "3.22.0"
"""Oldest version the styles and projects are written for; newer ones read them."""

# Colours after Okabe and Ito (2008), told apart with colour-deficient sight.
CLASS_COLOURS: Final[Mapping[str, str]] = {
    TaskClass.UNCHANGED: "150,150,150",
    TaskClass.CHANGED: "230,159,0",
    TaskClass.NOT_DETECTED: "0,114,178",
    TaskClass.NEW: "0,158,115",
    TaskClass.SPLIT: "204,121,167",
    TaskClass.MERGED: "86,180,233",
    TaskClass.COMPLEX: "240,228,66",
    TaskClass.ON_GLACIER: "213,94,0",
}
OPEN: Final = "open"
DECISION_COLOURS: Final[Mapping[str, str]] = {
    OPEN: "255,255,255",
    Decision.REMAIN: "150,150,150",
    Decision.REMOVE: "213,94,0",
    Decision.REFINE: "230,159,0",
    Decision.RETRIEVE: "0,158,115",
    Decision.SPLIT: "204,121,167",
    Decision.MERGE: "86,180,233",
    Decision.UNSURE: "240,228,66",
}
# Viridis at 0.1, 0.4, 0.65, 0.85, 1.0, by upper bound.
CONFIDENCE_COLOURS: Final = (
    (0.5, "72,36,117"),
    (0.7, "42,120,142"),
    (0.8, "53,183,121"),
    (0.9, "149,216,64"),
    (1.0, "253,231,37"),
)
_OTHER: Final = "90,90,90"
_DECISION: Final = f"coalesce(nullif(trim(\"decision\"),''),'{OPEN}')"
_LABEL_SCALE: Final = 100_000  # denominator from which labels are drawn
_LABELLED_PRIORITIES: Final = 50  # from the first to this one, labels give way to one another

BY_CLASS, BY_DECISION = "By class", "By decision"
"""Names of the two styles of ``tasks`` in a project."""


def package_styles(mapper: str, *, geographic: bool = True) -> dict[str, str]:
    """Styles of a package's layers, for those who open it without the project.

    Parameters
    ----------
    mapper
        Filled in as ``mapper``.
    geographic
        Whether coordinates are degrees.

    Returns
    -------
    dict
        Layer -> QML document.
    """
    styles = {}
    for layer in (TASKS, CURRENT, CANDIDATES, CONTEXT):
        root = new_style()
        add_style(root, layer, FormSetting(mapper, geographic=geographic))
        ET.SubElement(root, "layerGeometryType").text = "2"
        styles[layer] = document(root)
    return styles


def new_style() -> ET.Element:
    """The root of a style."""
    return ET.Element(
        "qgis", version=QGIS_VERSION, styleCategories="Symbology|Labeling|Fields|Forms", labelsEnabled="0"
    )


def add_style(root: ET.Element, layer: str, setting: FormSetting, *, style: str = BY_CLASS) -> None:
    """Add the symbols of a layer, and for ``tasks`` its labels and form, to a style or a project's layer."""
    if layer == TASKS:
        root.set("labelsEnabled", "1")
        if style == BY_CLASS:
            _add_categories(root, '"class"', CLASS_COLOURS, open_filled=True)
        else:
            _add_categories(root, _DECISION, DECISION_COLOURS, open_filled=False)
        _add_labels(root)
        add_task_form(root, setting)
    elif style == BY_DECISION:
        _add_categories(root, _DECISION, DECISION_COLOURS, open_filled=False)
    elif layer == CURRENT:
        _add_single(root, [_outline("255,255,255,200", 1.0), _outline("0,60,110,255", 0.5)])
    elif layer == CANDIDATES:
        _add_confidence(root)
    else:
        _add_single(root, [_outline("130,130,130,255", 0.4, fill="160,160,160,50")])


def _outline(colour: str, width: float, *, style: str = "solid", fill: str = "") -> SymbolLayer:
    """An outline, by default without fill; width in mm."""
    return SymbolLayer(
        "SimpleFill",
        {
            "color": fill or "255,255,255,0",
            "joinstyle": "round",
            "outline_color": colour,
            "outline_style": style,
            "outline_width": f"{width:g}",
            "outline_width_unit": "MM",
            "style": "solid" if fill else "no",
        },
    )


def _renderer(root: ET.Element, kind: str, **attributes: str) -> ET.Element:
    return ET.SubElement(
        root,
        "renderer-v2",
        {"type": kind, "symbollevels": "0", "forceraster": "0", "enableorderby": "0", **attributes},
    )


def _add_single(root: ET.Element, layers: Sequence[SymbolLayer]) -> None:
    add_symbol(
        ET.SubElement(_renderer(root, "singleSymbol"), "symbols"), name="0", kind="fill", layers=layers
    )


def _add_categories(
    root: ET.Element, expression: str, colours: Mapping[str, str], *, open_filled: bool
) -> None:
    """A category per value; with ``open_filled``, open rows are filled and decided ones are hatched."""
    renderer = _renderer(root, "categorizedSymbol", attr=expression)
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    entries = [*((value, str(value), colour) for value, colour in colours.items()), ("", "other", _OTHER)]
    for number, (value, label, colour) in enumerate(entries):
        ET.SubElement(
            categories,
            "category",
            symbol=str(number),
            value=value,
            label=label,
            render="true",
            type="string",
        )
        outline = _outline(f"{colour},255", 0.7, fill=f"{colour},70")
        if open_filled:
            outline = SymbolLayer(
                outline.kind,
                outline.options,
                {
                    "fillStyle": f"if({_DECISION} = '{OPEN}','solid','b_diagonal')",
                    "fillColor": f"if({_DECISION} = '{OPEN}','{colour},70','{colour},255')",
                    "outlineWidth": f"if({_DECISION} = '{OPEN}',0.7,0.4)",
                },
            )
        add_symbol(symbols, str(number), "fill", [outline])


def _add_confidence(root: ET.Element) -> None:
    """Dashed outlines by classes of confidence; what has none is grey."""
    renderer = _renderer(root, "RuleRenderer")
    rules = ET.SubElement(renderer, "rules", key="{rogi-confidence}")
    symbols = ET.SubElement(renderer, "symbols")
    low = 0.0
    entries = []
    for high, colour in CONFIDENCE_COLOURS:
        within = f'"confidence" >= {low:g} AND "confidence" {"<=" if high == 1.0 else "<"} {high:g}'
        entries.append((within, f"confidence {low:g}-{high:g}", colour))
        low = high
    entries.append(("ELSE", "no confidence given", _OTHER))
    for number, (rule, label, colour) in enumerate(entries):
        ET.SubElement(
            rules,
            "rule",
            key=f"{{rogi-confidence-{number}}}",
            symbol=str(number),
            filter=rule,
            label=label,
        )
        add_symbol(symbols, str(number), "fill", [_outline(f"{colour},255", 0.6, style="dash")])


def _add_labels(root: ET.Element) -> None:
    """Open tasks are labelled by their priority, decided ones by their decision."""
    settings = ET.SubElement(ET.SubElement(root, "labeling", type="simple"), "settings")
    style = ET.SubElement(
        settings,
        "text-style",
        fieldName=f'if({_DECISION} = \'{OPEN}\', to_string("priority"), "decision")',
        isExpression="1",
        fontSize="9",
        fontSizeUnit="Point",
        fontWeight="75",
        textColor="0,0,0,255",
    )
    ET.SubElement(
        style,
        "text-buffer",
        bufferDraw="1",
        bufferSize="0.8",
        bufferSizeUnits="MM",
        bufferColor="255,255,255,230",
    )
    ET.SubElement(settings, "placement", placement="1", centroidInside="1", priority="5")
    ET.SubElement(
        settings,
        "rendering",
        drawLabels="1",
        scaleVisibility="1",
        scaleMin="1",
        scaleMax=str(_LABEL_SCALE),
    )
    properties = ET.SubElement(settings, "dd_properties")
    add_expressions(
        properties,
        {
            "Priority": f'coalesce(scale_linear("priority",1,{_LABELLED_PRIORITIES},10,0),0)',
            "Show": f"{_DECISION} <> '{OPEN}' OR \"class\" <> '{TaskClass.UNCHANGED}'",
        },
    )
