"""Start of the command ``rogi``, outside the package ``rogi`` so that it runs whatever takes that name.

The distribution is ``rogi-toolkit``. The package index has an unrelated ``rogi``, a tool for chemical data,
with an import package of the same name. Where both are installed, one covers the files of the other; this
module looks before anything of ``rogi`` is imported, and says so.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from pathlib import Path

DISTRIBUTION = __name__.replace("_", "-")
_OURS = b'"""rogi: the toolkit for rock glacier inventories.'


def main() -> None:
    """Run the command line, or say that another package took its name (exit code 2)."""
    ended: list[int] = []
    atexit.register(_leave, ended)  # the first that is registered is the last that runs
    try:
        if (reason := taken()) is not None:
            sys.stderr.write(f"error: {reason}\n")
            sys.exit(2)
        if (note := mixed()) is not None:
            sys.stderr.write(f"warning: {note}\n")
        from rogi.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, int):
            ended.append(end.code)
        raise


def _leave(ended: list[int]) -> None:
    """End the process at once: taking modules and objects down one by one takes 0.1 s and is no use."""
    if ended:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ended[0])


def taken() -> str | None:
    """What to do where ``import rogi`` would not find this toolkit; None where it would."""
    from importlib.util import find_spec  # loaded by every interpreter that reads .pth files

    spec = find_spec("rogi")
    origin = spec.origin if spec is not None else None
    if origin is not None and Path(origin).read_bytes().startswith(_OURS):
        return None
    where = f" at {Path(origin).parent}" if origin is not None else ""
    return (
        f"Another package has taken the name rogi{where}: the `rogi` of the package index is not this "
        f"toolkit. Run `pip uninstall rogi`, then `pip install --force-reinstall {DISTRIBUTION}`."
    )


def mixed() -> str | None:
    """What to do where the other ``rogi`` is installed into the folder of this one; None where it is not.

    A listing of one folder: nothing of ``importlib.metadata`` is loaded, which takes longer than the rest.
    """
    from importlib.util import find_spec

    spec = find_spec("rogi")
    if spec is None or spec.origin is None:
        return None
    try:
        for record in Path(spec.origin).parents[1].glob("rogi-*.dist-info/RECORD"):
            if "\nrogi/__init__.py," in "\n" + record.read_text(encoding="utf-8", errors="replace"):
                name = record.parent.name.removesuffix(".dist-info")
                return (
                    f"the package `{name}` is not this toolkit but wrote its files into the same folder, "
                    f"{Path(spec.origin).parent}. Run `pip uninstall rogi`, then "
                    f"`pip install --force-reinstall {DISTRIBUTION}`."
                )
    except OSError:  # a folder that cannot be listed
        return None
    return None
