"""The command line: one file per command; each parses, calls and renders.

A command's module is imported when the command is called, so that ``rogi --help`` answers at once.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
from typing import Annotated, Any

import typer

from rogi import __version__
from rogi.cli.lazy import group
from rogi.cli.streams import end, ends_cleanly, leave_stdout, make_usable, tell
from rogi.errors import INTERRUPTED, NO_READER, RogiError, is_interrupt
from rogi.extensions import problems

OBJECTS_PER_COLLECTION = 50_000
"""New objects before Python looks for cycles: geometries count as such, and are in none."""

COMMANDS = {
    "validate": ("rogi.cli.validate:validate", "Check an inventory against the RGIK rules."),
    "rules": ("rogi.cli.rules:rules", "List the rules with severity, evidence and scope."),
    "rule": ("rogi.cli.rules:rule", "Print the page of one rule."),
    "convert": ("rogi.cli.convert:convert", "Write an inventory in another format or under another schema."),
    "attributes": ("rogi.cli.attributes:attributes", "Fill the attribute table: position, relief, climate."),
    "compare": ("rogi.cli.compare:compare", "Say how good an inventory is, and how it differs from others."),
    "stats": ("rogi.cli.stats:stats", "Summary numbers of an inventory, in all and per subregion."),
    "schema": ("rogi.cli.schema:app", "List, show and export schemas; make a blank GeoPackage."),
    "id": ("rogi.cli.id:app", "Make, read and repair primary IDs such as RGU384455N1092526W."),
    "review": ("rogi.cli.review:app", "Draw a random sample of units for review, and score it."),
    "release": ("rogi.cli.release:app", "Build, compare, check, publish and fetch releases."),
    "detect": ("rogi.cli.detect:app", "Find candidates in imagery: patches, training, prediction."),
    "update": ("rogi.cli.update:app", "A new version from new imagery: plan, status, apply, log."),
    "init": ("rogi.cli.init:init", "Write an inventory repository: settings, workflows, releases."),
    "doctor": ("rogi.cli.doctor:doctor", "What is installed, what works, what is missing."),
    "synthetic": ("rogi.cli.synthetic:app", "Make seeded inventories, terrain and climate."),
}

app = group(COMMANDS, name="rogi", add_completion=True)


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


def main() -> None:
    """Run the command line; every error becomes one message on stderr and exit code 2, Ctrl-C code 130."""
    make_usable()
    gc.set_threshold(OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
    with ends_cleanly() as ended:
        code = _run()
        for problem in problems():
            tell(f"warning: {problem}")
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            leave_stdout()
            code = NO_READER
        except (OSError, ValueError) as error:
            leave_stdout()
            code = _failed(
                f"Standard output could not be written: {getattr(error, 'strerror', '') or error}."
            )
    end()
    sys.exit(ended.code(code))


def _run() -> int:
    """The exit code."""
    try:
        done = app(prog_name="rogi", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except SystemExit as end:
        if end.code == 1 and type(sys.stdout).__name__ == "PacifyFlushWrapper":  # typer, for a broken pipe
            return NO_READER
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:  # before a command began
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    except RogiError as error:
        return _failed(str(error))
    except BrokenPipeError:
        # The reader of our output went away; not an error, and nothing can be said to it.
        leave_stdout()
        return NO_READER
    except OSError as error:
        if os.environ.get("ROGI_DEBUG"):
            return _traced()
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"The job could not be done: {where}{error.strerror or error}.")
    except MemoryError:
        return _failed("There is not enough memory for this job.")
    except Exception as error:  # noqa: BLE001 - every error becomes one message
        if is_interrupt(error):
            return INTERRUPTED
        if isinstance(error, typer.Abort):  # what typer makes of an EOFError
            ended = str(error.__cause__ or error.__context__ or "") or "nobody answered a question"
            return _failed(
                f"An input ended too early: {ended.rstrip('.')}. If it is a file, copy or download it again; "
                "if it is a question, run the command on a terminal."
            )
        if hasattr(error, "format_message") and hasattr(error, "show"):  # of typer: a wrong option or value
            return _misused(error)
        if os.environ.get("ROGI_DEBUG"):
            return _traced()
        return _failed(
            f"rogi broke down: {type(error).__name__}: {error}. This is a fault in rogi; please report it. "
            "Set ROGI_DEBUG=1 to see where."
        )


def _traced() -> int:
    """Say where an error came from, as Python does but without passwords; the exit code."""
    for line in traceback.format_exc().splitlines():
        tell(line)
    return 2


def _misused(error: Any) -> int:
    """Say how a command is called; the exit code."""
    said = io.StringIO()
    error.show(file=said)
    for line in said.getvalue().splitlines():
        tell(line)
    return int(error.exit_code)


def _failed(message: str) -> int:
    """Say what went wrong; the exit code 2."""
    tell(f"error: {message}")
    return 2
