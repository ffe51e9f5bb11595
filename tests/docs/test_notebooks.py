"""The notebooks of the docs run from the first cell to the last, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbclient
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))


def test_notebooks_are_scripts_without_outputs() -> None:
    assert NOTEBOOKS
    assert {path.suffix for path in FOLDER.iterdir() if path.is_file()} == {".py"}


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    client = nbclient.NotebookClient(
        jupytext.read(path),
        kernel_name="python3",
        timeout=None,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    done = client.execute()
    shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown), "no figure"
    assert not [output["text"] for output in shown if output.get("name") == "stderr"]
