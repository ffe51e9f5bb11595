"""The plugin as files: what is in the zip, its metadata, and that QGIS 3.22 to 4 can read the sources."""

from __future__ import annotations

import ast
import configparser
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from xml.etree import ElementTree as ET

import pytest
from plugin_files import PLUGIN, ROOT

from rogi import __version__

SOURCES = sorted(PLUGIN.rglob("*.py"))
REQUIRED = (
    "name", "qgisMinimumVersion", "description", "version", "author", "email", "about", "repository",
    "tracker",
)  # fmt: skip
"""Of https://docs.qgis.org, PyQGIS developer cookbook, "Plugin metadata"."""


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("qgis_plugin", ROOT / "tools" / "qgis_plugin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_zip_is_the_plugin_and_its_licence_in_one_folder(tool, tmp_path):
    first = tool.build(tmp_path / "a")
    assert first.name == f"rogi-qgis-{__version__}.zip"
    assert first.read_bytes() == tool.build(tmp_path / "b").read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        assert archive.read("rogi/LICENSE") == (ROOT / "LICENSE").read_bytes()
    sources = {f"rogi/{path.relative_to(PLUGIN).as_posix()}" for path in SOURCES}
    assert names == sources | {f"rogi/{n}" for n in ("LICENSE", "metadata.txt", "icon.svg", "choices.json")}


def test_the_address_of_the_maintainer_goes_into_the_metadata(tool, tmp_path):
    with zipfile.ZipFile(tool.build(tmp_path, email="a@example.org")) as archive:
        assert b"\nemail=a@example.org\n" in archive.read("rogi/metadata.txt")


def test_make_qgis_is_the_tool():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^qgis:.*## .*QGIS", makefile, re.M) and "tools/qgis_plugin.py" in makefile


def test_the_metadata_are_those_of_the_plugin_repository():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(PLUGIN / "metadata.txt", encoding="utf-8")
    assert parser.sections() == ["general"]
    general = parser["general"]
    assert [key for key in REQUIRED if key not in general] == []
    assert [key for key in REQUIRED if not general[key] and key != "email"] == []
    assert general["version"] == __version__ and __version__ in general["changelog"]
    assert (general["qgisMinimumVersion"], general["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert general["supportsQt6"] == general["hasProcessingProvider"] == "yes"
    assert all(general[key].startswith("https://") for key in ("homepage", "repository", "tracker"))
    assert "<" not in general["about"] + general["description"]  # no HTML, says the repository
    assert not re.search(r"\bplugin\b", general["name"], re.I)
    assert ET.parse(PLUGIN / general["icon"]).getroot().tag.endswith("svg")


def test_the_choices_are_those_of_rogi(tool):
    """Else: python tools/qgis_plugin.py --choices."""
    assert json.loads((PLUGIN / "choices.json").read_text(encoding="utf-8")) == tool.choices()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PLUGIN).as_posix())
def test_a_source_is_for_qgis_3_and_4(path):
    """Python 3.8; Qt through ``qgis.PyQt``; enums with their class, as Qt 6 wants them; nothing of rogi."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                assert not re.match(r"(PyQt\d|PySide\d|sip)\b", module), module
                assert getattr(node, "level", 0) or module.split(".")[0] != "rogi", (
                    "the toolkit is not imported"
                )
                assert not re.match(r"(numpy|pandas|shapely|geopandas|pyogrio|rasterio|osgeo)\b", module), (
                    module
                )
    assert short_enums(tree) == []
    assert not re.search(r"\.exec_\(|\bQVariant\.(?!Type\b)\w+|QRegExp|\.toTime_t\(", text)


SHORT = re.compile(
    r"(Qt|QgsProcessing|QgsProcessingParameter\w+|QgsProcessingAlgorithm|QgsWkbTypes|QgsVectorFileWriter|"
    r"QgsFeatureRequest|QgsMapLayer|QAbstractItemView|QHeaderView|QSizePolicy|QDialog|QDialogButtonBox|"
    r"QMessageBox|QFileDialog|QDockWidget|QPalette|QFrame|QMetaType|Qgis)$"
)
CONSTANTS = {
    "QgsProcessing.TEMPORARY_OUTPUT",
    "Qgis.QGIS_VERSION_INT",
    "QgsVectorFileWriter.SaveVectorOptions",
}


def short_enums(tree: ast.AST) -> list[str]:
    """``Qt.AlignLeft`` where Qt 6 has ``Qt.AlignmentFlag.AlignLeft`` only.

    A member of a class of Qt with a capital letter is the class of an enum if something is taken from it, and
    a member of one, which is short, if not.
    """
    inner = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    named = {
        id(n.value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Attribute)
    }
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and SHORT.match(node.value.id)
            and node.attr[0].isupper()
            and id(node) not in inner
            and id(node) not in named
        ):
            text = f"{node.value.id}.{node.attr}"
            found += [] if text in CONSTANTS else [text]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = f(Qt.AlignLeft)", ["Qt.AlignLeft"]),
        ("x = f(Qt.AlignmentFlag.AlignLeft)", []),
        ("QgsProcessing.TypeVectorPoint | 1", ["QgsProcessing.TypeVectorPoint"]),
        ("kinds = QgsWkbTypes.GeometryType\nf(kinds.PointGeometry)", []),
        ("dialog.exec() == QDialog.Accepted", ["QDialog.Accepted"]),
    ],
)
def test_short_enums_are_found(source, expected):
    assert short_enums(ast.parse(source)) == expected


def test_nothing_of_the_plugin_is_in_the_wheel():
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["rogi", "rogi_toolkit.py"]
    assert not any("qgis" in key for key in wheel["force-include"])


def test_ruff_checks_the_plugin():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--show-settings", str(PLUGIN / "plugin.py")],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert "unresolved_target_version = 3.8" in done.stdout, done.stderr
