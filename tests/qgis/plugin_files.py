"""The plugin's modules that need no QGIS, the command rogi as a program, and a command in this process."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "qgis" / "rogi"
SYSTEM_PYTHON = Path("/usr/bin/python3")
PLUGINS_OF_QGIS = Path("/usr/share/qgis/python/plugins")
NO_QGIS = (
    "no QGIS here for Debian's Python: apt-get install -y --no-install-recommends python3-qgis qgis-providers"
)


def plugin_module(name: str) -> ModuleType:
    """A module of the plugin under another name: its package is called rogi too."""
    if "rogi_qgis" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "rogi_qgis", PLUGIN / "__init__.py", submodule_search_locations=[str(PLUGIN)]
        )
        assert spec is not None and spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules["rogi_qgis"] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"rogi_qgis.{name}")


def write_command(folder: Path) -> Path:
    """The command rogi of this checkout, as an installed one is: a program in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rogi"
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import rogi_toolkit; rogi_toolkit.main()"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n')
    path.chmod(0o755)
    return path


def run_rogi(*arguments: object) -> int:
    """A command of rogi in this process; its exit code."""
    from rogi.cli import main

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        main()
    return int(ended.value.code or 0)
