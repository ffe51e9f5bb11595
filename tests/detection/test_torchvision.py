"""A torchvision that does not fit is named with the line that mends it; in development it is borne."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
BROKEN = "raise RuntimeError('operator torchvision::nms does not exist')\n"
ASKING = """
import importlib, torch
importlib.import_module("torchvision.part")
if not hasattr(torch.ops.torchvision, "nms"):
    raise RuntimeError("operator torchvision::nms does not exist")
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    start = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(TOOLS)!r}]\n"
    # -S: not what `make setup` put beside the packages; the packages themselves are added again.
    paths = "".join(f"sys.path.append({path!r})\n" for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-S", "-c", start + paths + code], capture_output=True, text=True, check=False
    )


def package(folder: Path, text: str) -> None:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(text)
    (folder / "torchvision" / "part.py").write_text("runs = globals().get('runs', 0) + 1\n")


def test_the_package_says_how_to_install_both(tmp_path: Path) -> None:
    package(tmp_path, BROKEN)
    done = run(
        "from rogi.detection.model.network import _smp\n"
        "from rogi.errors import MissingExtra\n"
        "try:\n    _smp()\nexcept MissingExtra as error:\n    print(error)\n",
        tmp_path,
    )
    assert "torchvision that is installed was built for another PyTorch" in done.stdout, done.stderr
    assert "pip install --force-reinstall torch torchvision --index-url https://" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ASKING, "True\n"),
        ("fine = True\n", "False\n"),  # what can be imported is left alone
    ],
)
def test_missing_operators_are_declared_where_they_are_missing(
    tmp_path: Path, text: str, expected: str
) -> None:
    package(tmp_path, text)
    done = run(
        "import cpu_torchvision, torchvision, torch\nprint(hasattr(torch.ops.torchvision, 'nms'))\n", tmp_path
    )
    assert done.stdout == expected, done.stderr


def test_another_fault_of_torchvision_stays(tmp_path: Path) -> None:
    package(tmp_path, "raise RuntimeError('something else')\n")
    done = run("import cpu_torchvision, torchvision\n", tmp_path)
    assert "RuntimeError: something else" in done.stderr
