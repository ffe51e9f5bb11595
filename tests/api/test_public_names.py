"""What `rogi` itself offers: the listed names, loaded when they are used."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import rogi

STUB = Path(rogi.__file__).with_suffix(".pyi")


def test_dir_holds_the_public_names_only() -> None:
    listed = {
        alias.asname
        for node in ast.parse(STUB.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(dir(rogi)) == listed == set(rogi.__all__)


@pytest.mark.parametrize("name", rogi.__all__)
def test_each_name_is_there_and_documented(name: str) -> None:
    found = getattr(rogi, name)
    assert found.__doc__
    if callable(found) and not isinstance(found, type):
        for section in ("Parameters\n", "Returns\n", "Raises\n", "Examples\n"):
            assert section in found.__doc__, section


def test_no_function_has_the_name_of_a_package() -> None:
    folder = Path(rogi.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert not (set(rogi.__all__) - {"errors"}) & modules


def test_import_loads_nothing_heavy() -> None:
    code = "import sys, rogi; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "pandas", "geopandas", "shapely", "rasterio", "typer"} & set(loaded.split())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        rogi.no_such_name  # noqa: B018


def test_the_page_for_notebooks_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "python.md"
    said: list[str] = []
    parser = doctest.DocTestParser()
    test = parser.get_doctest(page.read_text(encoding="utf-8"), {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
    assert runner.tries > 20


@pytest.mark.parametrize("name", rogi.__all__)
def test_each_name_has_a_place_in_the_docs(name: str) -> None:
    pages = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    assert f"   rogi.{name}\n" in pages
