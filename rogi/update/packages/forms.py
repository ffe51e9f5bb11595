"""The edit form of the layer ``tasks`` in QGIS: drop-downs, defaults, checks and tabs.

A decision that is not legal for its row is told at once, in the words of
:data:`rogi.update.vocabulary.CONSTRAINTS`: the form cannot be closed with OK. What gets past the form (the
attribute table, a script) is refused by the file or the database itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from rogi.schema.qml import NULL_VALUE, Check, Default, FormField, Widget, add_fields
from rogi.update.vocabulary import (
    CANDIDATES,
    CONSTRAINTS,
    CONTEXT,
    CURRENT,
    PLANNED,
    TASK_COLUMNS,
    TASKS,
    Column,
    Decision,
)

KEY: Final = "fid"
"""Primary key of every layer of a package and of a store."""

MAPPER_VARIABLE: Final = "rogi_mapper"
"""Variable of the project with the mapper's name."""

DECISION_LABELS: Final[Mapping[Decision, str]] = {
    Decision.REMAIN: "remain – the unit stays as it is",
    Decision.REMOVE: "remove – no rock glacier",
    Decision.REFINE: "refine – the outline drawn here is better",
    Decision.RETRIEVE: "retrieve – a new unit (candidates only)",
    Decision.SPLIT: "split – this row is a part of the unit",
    Decision.MERGE: "merge – goes into another unit",
    Decision.UNSURE: "unsure – somebody else should look",
}
"""The drop-down of decisions."""

USUAL_REASONS: Final = (
    "debris-covered glacier",
    "moraine",
    "landslide or scree",
    "protalus rampart",
    "shadow or snow",
    "front advanced",
    "outline was too large",
    "outline was too small",
    "missed before",
    "two units with fronts of their own",
    "one unit with one front",
    "other, see the comment",
)
"""The drop-down of reasons; packages and stores take any text."""

NEIGHBOUR_KM: Final = 2.0  # units this near are offered to be merged into; shared outlines touch or nearly do
_KM_PER_DEGREE: Final = 111.2

_DECIDED: Final = "coalesce(trim(\"decision\"),'') <> ''"
_REVIEWED: Final = "coalesce(trim(\"reviewer\"),'') <> ''"
_BY_FIELD: Final = {
    "decision": ("decision-known", "decision-for-unit", "decision-for-candidate"),
    "reason": ("reason-given",),
    "mapper": ("mapper-given",),
    "merge_into": ("merge-target",),
}
"""The constraints a field is marked with when they do not hold. The date's type is checked by QGIS."""


@dataclass(frozen=True, slots=True)
class FormSetting:
    """Where the form is shown.

    Parameters
    ----------
    mapper
        Name filled in as ``mapper``; the project's variable goes before it.
    current
        Id of the layer ``current`` in the project, from which neighbours are offered; empty outside one.
    geographic
        Whether coordinates are degrees.
    extra
        Fields after those of the model, as a store has them.
    relations
        Ids of relations whose rows the form shows: comments on the row.
    """

    mapper: str
    current: str = ""
    geographic: bool = True
    extra: Sequence[FormField] = ()
    relations: Sequence[str] = ()


def add_task_form(root: ET.Element, setting: FormSetting) -> None:
    """Add fields, tabs and what may be edited to a style or a layer of a project."""
    fields = task_fields(setting)
    add_fields(root, fields)
    ET.SubElement(root, "editorlayout").text = "tablayout"
    _add_tabs(root, setting)
    editable = ET.SubElement(root, "editable")
    locked = {KEY, *PLANNED, *(f.name for f in setting.extra)}
    for field in fields:
        ET.SubElement(editable, "field", name=field.name, editable=str(int(field.name not in locked)))
    _add_policies(root, fields)


def task_fields(setting: FormSetting) -> list[FormField]:
    """The fields of ``tasks`` with their widgets, defaults and checks, in the order of the table."""
    return [
        FormField(KEY, "", Widget("Hidden")),
        *(
            FormField(c.name, c.title, _widget(c, setting), _default(c.name, setting.mapper), _check(c))
            for c in TASK_COLUMNS
        ),
        *setting.extra,
    ]


def string(value: str) -> str:
    """Text as a literal of a QGIS expression."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _widget(column: Column, setting: FormSetting) -> Widget:
    if column.name == "decision":
        labels = [{label: decision.value} for decision, label in DECISION_LABELS.items()]
        return Widget("ValueMap", {"map": [{"<NULL>": NULL_VALUE}, *labels]})
    if column.name == "merge_into" and setting.current:
        return _neighbours(setting)
    if column.name == "reason":
        # A drop-down of QGIS takes no other text; what is in a row already stays.
        return Widget("ValueMap", {"map": [{"<NULL>": NULL_VALUE}, *({r: r} for r in USUAL_REASONS)]})
    if column.type == "boolean":
        return Widget("CheckBox")
    if column.type == "date":
        return Widget(
            "DateTime",
            {
                "allow_null": True,
                "calendar_popup": True,
                "display_format": "yyyy-MM-dd",
                "field_format": "yyyy-MM-dd",
                "field_iso_format": False,
            },
        )
    return Widget("TextEdit", {"IsMultiline": column.name == "comment", "UseHtml": False})


def _neighbours(setting: FormSetting) -> Widget:
    """The units around, by their IDs."""
    reach = NEIGHBOUR_KM / _KM_PER_DEGREE if setting.geographic else NEIGHBOUR_KM * 1000
    return Widget(
        "ValueRelation",
        {
            "Layer": setting.current,
            "LayerName": CURRENT,
            "Key": "unit",
            "Value": "unit",
            "AllowNull": True,
            "AllowMulti": False,
            "OrderByValue": True,
            "UseCompleter": False,
            "NofColumns": 1,
            "FilterExpression": "\"unit\" <> coalesce(current_value('unit'),'')"
            f" AND intersects_bbox($geometry, buffer(@current_geometry, {reach:.6g}))",
        },
    )


def _default(name: str, mapper: str) -> Default:
    if name == "mapper":
        known = f"coalesce(nullif(trim(\"mapper\"),''), nullif(@{MAPPER_VARIABLE},''), {string(mapper)})"
        return Default(f'if({_DECIDED}, {known}, "mapper")', on_update=True)
    if name == "date":
        # The day of the decision, not of the review.
        return Default(
            f'CASE WHEN NOT ({_DECIDED}) THEN NULL WHEN {_REVIEWED} AND "date" IS NOT NULL THEN "date"'
            " ELSE to_date(now()) END",
            on_update=True,
        )
    return Default()


def _check(column: Column) -> Check:
    rules = [c for c in CONSTRAINTS if c.name in _BY_FIELD.get(column.name, ())]
    says = "; ".join(rule.message for rule in rules) or column.description
    expression = " AND ".join(f"coalesce({rule.holds.format(row='')}, true)" for rule in rules)
    return Check(expression, says, hard=bool(rules))


# ---- tabs

_HEAD: Final = ("unit", "class", "candidate", "proposal")
_DECIDING: Final = ("decision",)
_WHY: Final = ("reason", "front_50m", "comment")
_WHO: Final = ("mapper", "date", "reviewer")
_HAS_CANDIDATE: Final = (
    'coalesce("use_candidate",false) OR'  # a tick that has to go is shown too
    " coalesce(trim(\"candidate\"),'') <> '' AND coalesce(\"decision\",'') IN ('refine','retrieve','split')"
)
_MERGES: Final = "coalesce(\"decision\",'') = 'merge' OR coalesce(trim(\"merge_into\"),'') <> ''"


def _add_tabs(root: ET.Element, setting: FormSetting) -> None:
    more = [f.name for f in setting.extra if f.widget.kind != "Hidden"]
    form = ET.SubElement(root, "attributeEditorForm")
    decision = _container(form, "Decision")
    _add_names(_container(decision, "Task", group=True, columns=2), _HEAD)
    _add_names(decision, _DECIDING)
    _add_names(_container(decision, "Candidate", group=True, when=_HAS_CANDIDATE), ("use_candidate",))
    _add_names(_container(decision, "Merge", group=True, when=_MERGES), ("merge_into",))
    _add_names(decision, _WHY)
    _add_names(_container(form, "Who and when"), [*_WHO, *more])
    for relation in setting.relations:
        ET.SubElement(
            _container(form, "Comments"),
            "attributeEditorRelation",
            name=relation,
            relation=relation,
            label="Comments",
            showLabel="0",
            relationWidgetTypeId="relation_editor",
            nmRelationId="",
            forceSuppressFormPopup="0",
        )
    shown = {*_HEAD, *_DECIDING, *_WHY, *_WHO, "use_candidate", "merge_into"}
    _add_names(_container(form, "Plan"), [c.name for c in TASK_COLUMNS if c.name not in shown])


def _container(
    parent: ET.Element, name: str, *, group: bool = False, columns: int = 1, when: str = ""
) -> ET.Element:
    return ET.SubElement(
        parent,
        "attributeEditorContainer",
        name=name,
        groupBox=str(int(group)),
        type="GroupBox" if group else "Tab",
        columnCount=str(columns),
        showLabel="1",
        visibilityExpression=when,
        visibilityExpressionEnabled=str(int(bool(when))),
    )


def _add_names(parent: ET.Element, names: Sequence[str]) -> None:
    index = {c.name: i for i, c in enumerate(TASK_COLUMNS, start=1)}
    for name in names:
        attributes = {"name": name, "showLabel": "1"}
        if name in index:
            attributes["index"] = str(index[name])
        ET.SubElement(parent, "attributeEditorField", attributes)


def _add_policies(root: ET.Element, fields: Sequence[FormField]) -> None:
    """The parts of a split row keep its plan (QGIS 3.30), a duplicated row is a new one (QGIS 3.38)."""
    split = ET.SubElement(root, "splitPolicies")
    duplicate = ET.SubElement(root, "duplicatePolicies")
    unset = {*PLANNED, "decision", "use_candidate", "merge_into", "reason", "date"}
    for field in fields:
        if field.name == KEY:
            continue
        ET.SubElement(split, "policy", field=field.name, policy="Duplicate")
        policy = "UnsetField" if field.name in unset else "Duplicate"
        ET.SubElement(duplicate, "policy", field=field.name, policy=policy)


LAYER_TITLES: Final[Mapping[str, str]] = {
    TASKS: "Tasks",
    CURRENT: "Current outlines",
    CANDIDATES: "Candidates",
    CONTEXT: "Neighbours",
}
"""Names of the layers in a project."""
