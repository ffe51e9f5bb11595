"""Without the extras the core commands run, and whatever needs one names it in one sentence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rogi.distribution import EXTRAS, optional
from rogi.errors import MissingExtra

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = {"pil": "pillow", "segmentation_models_pytorch": "segmentation-models-pytorch"}
PROGRAM = """
import contextlib, io, json, sys
blocked = set(sys.argv.pop(1).split(","))

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import rogi
from rogi.cli import main

done = []
for line in sys.argv[1].splitlines():
    sys.argv = ["rogi", *line.split()]
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            if line.startswith("rogi."):
                eval(line, {"rogi": rogi})
            else:
                main()
        code = 0
    except SystemExit as end:
        code = end.code
    except rogi.errors.RogiError as error:
        code = 2
        err.write(f"error: {error}")
    done.append((line, code, err.getvalue()))
print(json.dumps(done))
"""


def without_extras(lines: list[str], folder: Path) -> list[tuple[str, int, str]]:
    blocked = {*(name for modules in EXTRAS.values() for name in modules), "h5py", "keyring", "exactextract"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(blocked), "\n".join(lines)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [tuple(found) for found in json.loads(done.stdout)]


CORE = """
--help
synthetic inventory --count 60 --seed 1 -o a.gpkg
synthetic versions --count 60 -o versions
validate a.gpkg
validate a.gpkg --output a.html
validate a.gpkg --fix safe --fixed fixed.gpkg
rules
rule GEO003
convert a.gpkg p --to-format geoparquet
convert a.gpkg a.xlsx
validate p
compare a.gpkg p --output comparison.html
stats a.gpkg --grid grid.gpkg
schema list
id make 84.5 28.1
review sample a.gpkg --n 10 -o review
release init 1.0 --name Trial -i a.gpkg
release diff versions/1.0.gpkg versions/1.1.gpkg --fail-on never
release build 1.0 -i versions/1.0.gpkg --releases versions/releases -o dist
release check dist/Synthetic_v1.0.zip
rogi.validate("a.gpkg")
rogi.compare("a.gpkg", "p")
rogi.summarise("a.gpkg")
rogi.grid("a.gpkg")
rogi.diff("versions/1.0.gpkg", "versions/1.1.gpkg")
""".strip().splitlines()

EXTRA = {
    "attributes a.gpkg --dem dem.tif -o b.gpkg": "rogi attributes needs .*[attributes]",
    "validate a.gpkg --check-attributes --dem dem.tif": "rogi validate needs .*[attributes]",
    "stats a.gpkg --grid grid.tif": "--grid grid.tif needs .*[attributes]",
    "stats a.gpkg --grid-like dem.tif --grid grid.gpkg": "--grid-like needs .*[attributes]",
    "stats a.gpkg --figures figures": "--figures needs matplotlib.*[figures]",
    "synthetic terrain --box 73 37 74 38 -o dem": "rogi synthetic terrain needs .*[attributes]",
    "update plan": "rogi update plan needs .*[attributes]",
    "detect patches": "rogi detect patches needs .*[detect]",
    "detect predict": "rogi detect predict needs .*[detect]",
    "detect evaluate": "rogi detect evaluate needs .*[detect]",
    "detect train": "rogi detect train needs .*[train]",
    'rogi.elevation("a.gpkg", "dem.tif")': "rogi.elevation needs .*[attributes]",
    'rogi.fill_attributes("a.gpkg", dem="dem.tif")': "rogi.fill_attributes needs .*[attributes]",
    'rogi.grid("a.gpkg", like="dem.tif")': "The grid of a raster needs .*[attributes]",
    'rogi.validate("a.gpkg", dem="dem.tif")': "rogi.validate with rasters needs .*[attributes]",
    'rogi.predict("a.tif", "model.zip")': "rogi.predict needs .*[detect]",
    "rogi.train": "",  # asking for the name alone breaks nothing
    'rogi.train("patches")': "rogi.train needs .*[train]",
    'rogi.validate("a.gpkg").explore()': "A map of findings needs folium.*[maps]",
}


def test_core_commands_run_and_others_name_their_extra(tmp_path: Path) -> None:
    done = without_extras([*CORE, *EXTRA], tmp_path)
    assert len(done) == len(CORE) + len(EXTRA)
    for line, code, said in done:
        if pattern := EXTRA.get(line, ""):
            pattern = pattern.replace("[", r"'rogi-toolkit\[").replace("]", r"\]'")
            assert re.fullmatch(f"error: {pattern}.*\\.\n?", said), (line, said)
            assert code == 2
        else:
            assert code == 0, (line, said)


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_extra_that_is_named_brings_the_module(extra: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    brought = {re.split(r"[\[<>=]", line)[0].lower() for line in extras[extra]}
    for name in EXTRAS[extra]:
        if name != "dask":  # comes with distributed
            assert DISTRIBUTIONS.get(name.lower(), name.lower()) in brought


def test_a_module_that_no_extra_brings_is_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError), optional("This"):
        import rogi_of_nowhere  # noqa: F401
    with pytest.raises(MissingExtra, match="This needs affine"), optional("This"):
        raise ModuleNotFoundError(name="affine.gone")
