"""QGIS projects for a store: the same layers and forms as for a work package, from a database."""

from __future__ import annotations

from rogi.schema.qml import Default, FormField, Widget
from rogi.update.forms import string
from rogi.update.project import LAYERS, ProjectSource
from rogi.update.store_make import Store


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
    if "service" in p:
        head = [f"service={_quoted(p['service'])}"]
    else:
        head = [f"dbname={_quoted(p.get('dbname', ''))}"]
        head += [f"{key}={p[key]}" for key in ("host", "port") if key in p]
    if authcfg:
        head.append(f"authcfg={authcfg}")
    if "sslmode" in p:
        head.append(f"sslmode={p['sslmode']}")
    head += ["key='fid'", "estimatedmetadata=true", f"srid={store.srid}", "type=MultiPolygon"]
    locations = {}
    for layer in LAYERS:
        table = f'table="{store.address.schema}"."{layer}" (geom)'
        only = "" if package is None else ' sql="package" = ' + "'" + package.replace("'", "''") + "'"
        locations[layer] = " ".join([*head, table]) + only
    return ProjectSource("postgres", locations, _store_fields(package))


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
