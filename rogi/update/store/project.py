"""QGIS projects for a store: the same layers and forms as for a work package, from a database."""

from __future__ import annotations

import re
from typing import Final

from rogi.schema.qml import Default, FormField, Widget
from rogi.update.packages.forms import string
from rogi.update.packages.project_layers import LAYERS, ProjectSource, SharedLayer
from rogi.update.store.make import Store
from rogi.update.store.sql import COMMENTS, DECISIONS
from rogi.update.vocabulary import TASKS

_PLAIN: Final = re.compile(r"[\w.:,-]+")


def store_source(store: Store, package: str | None = None, *, authcfg: str = "") -> ProjectSource:
    """The layers of a store for a QGIS project, without user and password.

    Parameters
    ----------
    store
        The store.
    package
        The only package to show; None shows all, for maintainers.
    authcfg
        Id of an entry in QGIS's own store of credentials.

    Returns
    -------
    ProjectSource
    """
    p = store.address.parameters
    # What the address says goes before what the service does.
    head = [f"service={_quoted(p['service'])}"] if "service" in p else []
    head.append(f"dbname={_quoted(p.get('dbname', ''))}")
    host = p.get("host") or p.get("hostaddr")
    head += [f"host={host if _PLAIN.fullmatch(host) else _quoted(host)}"] if host else []
    head += [f"port={p['port']}"] if "port" in p else []
    if authcfg:
        head.append(f"authcfg={authcfg}")
    if "sslmode" in p:
        head.append(f"sslmode={p['sslmode']}")
    schema = store.address.schema

    def location(table: str, *, key: str = "fid", outlines: bool = True) -> str:
        kind = [f"srid={store.srid}", "type=MultiPolygon"] if outlines else []
        column = " (geom)" if outlines else ""
        return " ".join(
            [*head, f"key='{key}'", "estimatedmetadata=true", *kind, f'table="{schema}"."{table}"{column}']
        )

    only = "" if package is None else ' sql="package" = ' + "'" + package.replace("'", "''") + "'"
    return ProjectSource(
        "postgres",
        {layer: location(layer) + only for layer in LAYERS},
        _store_fields(package),
        shared=(
            SharedLayer(DECISIONS, "Everybody's decisions", location(DECISIONS), outlines=True),
            SharedLayer(
                COMMENTS,
                "Comments",
                location(COMMENTS, key="id", outlines=False),
                _comment_fields(),
                written=("fid", "text"),
            ),
        ),
        relations=((TASKS, COMMENTS), (DECISIONS, COMMENTS)),
    )


def _comment_fields() -> tuple[FormField, ...]:
    plain = Widget("TextEdit", {"IsMultiline": False, "UseHtml": False})
    return (
        FormField("id", "", Widget("Hidden")),
        FormField("fid", "Row", Widget("TextEdit", {"IsMultiline": False, "UseHtml": False})),
        FormField("text", "Comment", Widget("TextEdit", {"IsMultiline": True, "UseHtml": False})),
        *(
            FormField(name, title, plain)
            for name, title in (("task", "Task"), ("package", "Package"), ("by", "By"), ("at", "At"))
        ),
    )


def _quoted(value: str) -> str:
    """A value in QGIS's address of a table."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _store_fields(package: str | None) -> tuple[FormField, ...]:
    """The fields of a store after those of a package."""
    hidden, text = Widget("Hidden"), Widget("TextEdit", {"IsMultiline": False, "UseHtml": False})
    own = Default() if package is None else Default(f'coalesce("package", {string(package)})')
    return (
        FormField("package", "Package", text, own),
        FormField("version", "", hidden),
        # What was seen when the row was changed: the database refuses to overwrite what is newer.
        FormField("seen", "", hidden, Default('"version"', on_update=True)),
        *(
            FormField(name, title, text)
            for name, title in (
                ("created_by", "Drawn by"),
                ("created_at", "Drawn at"),
                ("edited_by", "Saved by"),
                ("edited_at", "Saved at"),
                ("reviewed_by", "Reviewed by"),
                ("reviewed_at", "Reviewed at"),
            )
        ),
    )
