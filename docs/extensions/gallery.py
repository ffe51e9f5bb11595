"""Pictures and sample reports, made by rogi's commands on made-up data when the site is built."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import console
import pictures
import samples
from sphinx.application import Sphinx
from sphinx.util import logging

import rogi

# Sample report: the commands that make it.
REPORTS = {
    "validation.html": ["rogi validate survey.zip --crs EPSG:32643 --no-config --output validation.html"],
    "statistics.html": [
        "rogi synthetic inventory --count 3000 --seed 1 -o inventory.gpkg",
        "rogi stats inventory.gpkg --figures figures --output statistics.html",
    ],
    "comparison.html": [
        "rogi synthetic versions --count 300 --seed 4 -o trial",
        "rogi compare trial/1.0.gpkg trial/1.1.gpkg -o comparison.html",
    ],
    "changes.html": ["rogi release diff trial/1.0.gpkg trial/1.1.gpkg -o changes.html --fail-on never"],
    "review.html": [
        "rogi synthetic inventory --count 400 --seed 3 -o reviewed.gpkg",
        "rogi review sample reviewed.gpkg --n 40 --seed 1 --reviewers Li,Rossi -o review",
        "rogi review score verdicts_li.csv verdicts_rossi.csv --sample review --output review.html",
    ],
    "evaluation.html": [
        "rogi synthetic imagery --size 768 768 --seed 11 --seasons 2 -o ground",
        "rogi detect evaluate candidates.gpkg ground/truth2.gpkg --everywhere -o evaluation.html",
    ],
    "plan.html": [
        "rogi update plan --inventory ground/truth1.gpkg --candidates candidates.gpkg --mappers anna,ben"
        " --imagery ground/season2.tif -o work",
    ],
}


def make(app: Sphinx) -> None:
    """Make what is missing or older than the code."""
    source = Path(app.srcdir)
    changed = max(
        path.stat().st_mtime
        for folder in (Path(rogi.__file__).parent, Path(__file__).parent)
        for path in folder.rglob("*.py")
    )
    images, files, reports = source / "images", source / "tutorials" / "files", source / "extra" / "samples"
    for folder, makers in ((images, pictures.PICTURES), (files, samples.FILES)):
        folder.mkdir(exist_ok=True)
        for name, maker in makers.items():
            if _older(folder / name, changed):
                maker(folder / name)
    if any(_older(reports / name, changed) for name in REPORTS):
        logging.getLogger(__name__).info("making the gallery")
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for path in files.iterdir():
                shutil.copy(path, path.name)
            for name, commands in REPORTS.items():
                for command in commands:
                    printed, code = console.run(console.Command(command).words)
                    if code > 1:
                        raise RuntimeError(f"{command} failed:\n{printed}")
                shutil.copy(Path("work", name) if name == "plan.html" else name, reports)
            for figure in Path("figures").iterdir():
                shutil.copy(figure, images)


def _older(path: Path, changed: float) -> bool:
    return not path.is_file() or path.stat().st_mtime < changed


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", make, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
