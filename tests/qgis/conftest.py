"""One session of QGIS for all tests that need it."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from plugin_files import NO_QGIS, PLUGINS_OF_QGIS, ROOT, SYSTEM_PYTHON, run_rogi, write_command


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who has installed rogi into a folder with a space, and of nobody else."""
    folder = tmp_path_factory.mktemp("home of Åsa")
    write_command(folder / ".local" / "bin")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "ROGI_CACHE": os.environ.get("ROGI_CACHE", str(folder / "cache")),
    }


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory with defects; two versions of another, an elevation model, a decided update."""
    folder = tmp_path_factory.mktemp("data of Åsa")
    defects = "GEO015,ATT001,GEO001"
    run_rogi("synthetic", "inventory", "--count", 12, "--seed", 1, "--defects", defects, "--per-rule", 1,
             "-o", folder / "inventory.gpkg")  # fmt: skip
    run_rogi(
        "synthetic", "imagery", "--size", 320, 320, "--seed", 11, "--seasons", 2, "-o", folder / "ground"
    )
    ground = folder / "ground"
    import geopandas

    for name, truth in (("old", "truth1"), ("new", "truth2")):
        outlines = geopandas.read_file(ground / f"{truth}.gpkg", layer="TPRoGI_Extended_Footprint")
        outlines.to_file(folder / f"{name}.geojson", driver="GeoJSON")
    run_rogi("update", "plan", "--inventory", ground / "truth1.gpkg", "--candidates", folder / "new.geojson",
             "--mappers", "anna", "-o", folder / "work")  # fmt: skip
    run_rogi("synthetic", "decisions", folder / "work", "--truth", ground / "truth2.gpkg")
    return folder


@pytest.fixture(scope="session")
def answers(home: dict[str, str], files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each step of ``session.py`` found, all in one process of QGIS."""
    probe = "import qgis.core, processing.core.Processing, qgis.PyQt.QtWidgets"
    environment = {**home, "PYTHONPATH": f"{ROOT / 'qgis'}:{PLUGINS_OF_QGIS}"}
    if (
        not SYSTEM_PYTHON.is_file()
        or subprocess.run(
            [str(SYSTEM_PYTHON), "-c", probe], capture_output=True, env=environment, check=False
        ).returncode
    ):
        pytest.skip(NO_QGIS)
    out = tmp_path_factory.mktemp("results of Åsa")
    before = digests(files)
    answer = out / "answer.json"
    run = subprocess.run(
        [str(SYSTEM_PYTHON), str(Path(__file__).with_name("session.py")), str(files), str(out), str(answer)],
        capture_output=True, text=True, env=environment, timeout=900, check=False,
    )  # fmt: skip
    assert answer.is_file(), run.stderr[-3000:]
    found = json.loads(answer.read_text(encoding="utf-8"))
    after = digests(files)
    return {**found, "out": out, "changed": [name for name in before if after.get(name) != before[name]]}


def digests(folder: Path) -> dict[str, str]:
    """Name of each file -> SHA-256; of a GeoPackage of its rows, as QGIS changes the mode of one it opens."""
    found = {}
    for path in (p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".gpkg-wal", ".gpkg-shm")):
        content = path.read_bytes()
        if path.suffix == ".gpkg":
            with closing(sqlite3.connect(path)) as connection:
                tables = [name for (name,) in connection.execute("SELECT table_name FROM gpkg_contents")]
                rows = [list(connection.execute(f'SELECT * FROM "{name}"')) for name in sorted(tables)]
            content = repr(rows).encode()
        found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found
