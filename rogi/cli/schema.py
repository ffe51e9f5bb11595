"""``rogi schema list|show|export|template``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import App, Force
from rogi.cli.options import format_option
from rogi.cli.streams import note, print_markdown
from rogi.files import write_text
from rogi.report.format import Format, chosen
from rogi.schema.docs import schema_page
from rogi.schema.export import Language, summary
from rogi.schema.export import export as export_schema
from rogi.schema.load import dialects, load_schema, load_vocabulary, schema_ids, vocabulary_names
from rogi.text import as_json

app = App(
    help="List, show and export schemas; make a blank GeoPackage for mapping.",
)

FORMATS = (Format.TEXT, Format.JSON)
_SchemaArgument = Annotated[
    str, typer.Argument(metavar="SCHEMA", help="Id or name (tprogi/1.0, rgik), or a YAML file of your own.")
]


@app.command("list")
def list_schemas(
    format: Annotated[str | None, format_option(FORMATS)] = None,
) -> None:
    """List schemas, dialects and vocabularies.

    Example: `rogi schema list`
    """
    kind = chosen(format, None, FORMATS)
    schemas = {id: load_schema(id) for id in schema_ids()}
    vocabularies = [load_vocabulary(name) for name in vocabulary_names()]
    known = sorted(dialects(), key=lambda d: d.name)
    if kind is Format.JSON:
        content = {
            "schemas": summary(schemas),
            "dialects": [
                {"name": d.name, "title": d.title, "schema": d.schema, "evidence": d.evidence.value}
                for d in known
            ],
            "vocabularies": [
                {
                    "name": v.name,
                    "version": v.version,
                    "closed": v.closed,
                    "evidence": v.evidence.value,
                    "values": list(v.values),
                }
                for v in vocabularies
            ],
        }
        sys.stdout.write(as_json(content, 2))
        return
    rows = [
        ("Schemas", [(s.id, s.title) for s in schemas.values()]),
        ("Dialects", [(d.name, f"{d.title} -> {d.schema}") for d in known]),
        (
            "Vocabularies",
            [(v.name, f"{v.title} ({'closed' if v.closed else 'open'}, {v.evidence})") for v in vocabularies],
        ),
    ]
    for number, (title, entries) in enumerate(rows):
        width = max(len(name) for name, _ in entries)
        sys.stdout.write(("\n" if number else "") + f"{title}\n")
        for name, about in entries:
            sys.stdout.write(f"  {name:<{width}}  {about}\n")


@app.command()
def show(schema: _SchemaArgument) -> None:
    """Show the layers and fields of a schema with units, limits and sources.

    Example: `rogi schema show tprogi`
    """
    print_markdown(schema_page(load_schema(schema)))


@app.command()
def export(
    schema: _SchemaArgument,
    to: Annotated[Language, typer.Option("--to", help="Language of the export.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default standard output."), WRITES
    ] = None,
    force: Force = False,
) -> None:
    """Write a schema as JSON Schema, Data Package (Table Schema) or Markdown.

    Example: `rogi schema export tprogi --to datapackage -o datapackage.json`
    """
    text = export_schema(load_schema(schema), to)
    if output is None:
        sys.stdout.write(text)
        return

    write_text(output, text)


@app.command()
def editors(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files."), WRITES] = Path(
        ".rogi"
    ),
    force: Force = False,
) -> None:
    """Write JSON Schemas, by which editors complete and check rogi.toml, release.yaml and other files.

    Example: `rogi schema editors -o .rogi`
    """
    from rogi.validation.editors import write_editor_schemas

    sys.stdout.write("".join(f"{path}\n" for path in write_editor_schemas(output)))


@app.command()
def template(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="GeoPackage to write, e.g. blank.gpkg."), WRITES
    ],
    schema: Annotated[str, typer.Option(help="Id, name or YAML file of a schema.")] = "rgik/1.0",
    force: Force = False,
) -> None:
    """Write a blank GeoPackage for mapping, with drop-downs and checks in QGIS.

    Example: `rogi schema template -o blank.gpkg --schema rgik/1.0`
    """
    from rogi.inventory.writing.template import write_template

    chosen = load_schema(schema)
    write_template(output, chosen)
    layers = ", ".join(layer.name for layer in chosen.layers)
    note(f"Wrote {output}: layers {layers} by {chosen.id}.")
