"""Imports stand at the top of a module, and what answers at once imports little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rogi

MOST = 150
"""Imports inside functions. There for what is optional or slow to import: torch, psycopg, pandas where only
primary IDs are made, what a command needs for one option. Lower it when there are fewer; never raise it."""

SLOW = {"geopandas", "matplotlib", "numba", "numpy", "pandas", "pyproj", "rasterio", "scipy", "shapely"}


def inside_functions(source: str) -> int:
    found = set()
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found |= {node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)}
    return len(found)


def test_imports_inside_functions_do_not_become_more() -> None:
    modules = sorted(Path(rogi.__file__).parent.rglob("*.py"))
    assert len(modules) > 300
    assert sum(inside_functions(path.read_text(encoding="utf-8")) for path in modules) <= MOST


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os\nclass A:\n    import sys\n", 0),
        ("def f():\n    import os\n    def g():\n        from os import path\n", 2),
        ("async def f():\n    if True:\n        import os, sys\n", 1),
    ],
)
def test_how_they_are_counted(source: str, expected: int) -> None:
    assert inside_functions(source) == expected


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        ("--help", set()),
        ("--version", set()),
        ("synthetic --help", set()),
        ("detect --help", set()),
        ("release --help", set()),
        ("schema list", set()),
        ("id parse RGU384455N1092526W", {"numpy", "pandas", "shapely", "pyproj", "geopandas"}),
    ],
)
def test_what_answers_at_once_imports_little(command: str, allowed: set[str]) -> None:
    code = (
        f"import sys\nfrom rogi.cli import main\nsys.argv = ['rogi', *{command.split()!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print(*sorted({SLOW!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.splitlines()[-1].split()) <= allowed
