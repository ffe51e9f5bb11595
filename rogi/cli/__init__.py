"""The command line: one file per command; each parses, calls and renders.

Modules here import nothing heavy at the top, so that ``rogi --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Annotated

import typer

from rogi import __version__
from rogi.errors import RogiError

app = typer.Typer(
    name="rogi",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"rogi {__version__}")
        raise typer.Exit


@app.callback()
def rogi(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The toolkit for rock glacier inventories.

    Exit codes: 0 nothing found, 1 findings at or above the threshold, 2 the job could not be done.
    """


@cache
def _register() -> None:
    from rogi.cli import attributes, compare, convert, id, review, rules, schema, stats, synthetic, validate

    app.command("validate")(validate.validate)
    app.command("rules")(rules.rules)
    app.command("rule")(rules.rule)
    app.add_typer(schema.app, name="schema")
    app.add_typer(id.app, name="id")
    app.command("convert")(convert.convert)
    app.command("attributes")(attributes.attributes)
    app.add_typer(review.app, name="review")
    app.command("compare")(compare.compare)
    app.command("stats")(stats.stats)
    app.add_typer(synthetic.app, name="synthetic")


def main() -> None:
    """Run the command line; every error becomes one message on stderr and exit code 2."""
    _register()
    try:
        app(prog_name="rogi")
    except RogiError as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader of our output went away; not an error, and nothing can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except MemoryError:
        fail("There is not enough memory for this job.")
    except Exception as error:
        if os.environ.get("ROGI_DEBUG"):
            raise
        fail(
            f"rogi broke down: {type(error).__name__}: {error}. This is a fault in rogi; please report it. "
            "Set ROGI_DEBUG=1 to see where."
        )


def fail(message: str) -> None:
    """Say what went wrong and end with exit code 2."""
    sys.stderr.write(f"error: {message}\n")
    sys.exit(2)
