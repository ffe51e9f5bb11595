"""Links to the documentation of other packages, for the types in rogi's docstrings.

A build must not depend on their servers, so the few names in use are listed here instead of fetched.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

# Project: its address, and where a class is documented there.
PROJECTS = {
    "python": ("https://docs.python.org/3", "library/{module}.html"),
    "pandas": ("https://pandas.pydata.org/docs", "reference/api/{name}.html"),
    "geopandas": ("https://geopandas.org/en/stable", "docs/reference/api/{name}.html"),
    "numpy": ("https://numpy.org/doc/stable", "reference/generated/{name}.html"),
}
BUILTINS = ["bool", "dict", "float", "int", "list", "str", "tuple"]
CLASSES = {
    "python": ["datetime.date", "os.PathLike", "pathlib.Path", *BUILTINS],
    "pandas": ["pandas.DataFrame", "pandas.Index", "pandas.Series"],
    "geopandas": ["geopandas.GeoDataFrame", "geopandas.GeoSeries"],
    "numpy": ["numpy.ndarray"],
}
# What numpydoc links of Python beside classes.
TERMS = (
    "bltin-boolean-values std:label -1 library/stdtypes.html#$ Boolean values\n"
    "sequence std:term -1 glossary.html#term-$ -\n"
    "iterable std:term -1 glossary.html#term-$ -\n"
    "True py:data 1 library/constants.html#$ -\n"
    "False py:data 1 library/constants.html#$ -\n"
    "None py:data 1 library/constants.html#$ -\n"
    "callable py:function 1 library/functions.html#$ -\n"
)
ROGI = ["rogi.Inventory", "rogi.Role", "rogi.Settings", "rogi.validation.report.Report"]


def write(app: Sphinx, config: Config) -> None:
    """Write the inventories where intersphinx reads them, and the short names that docstrings use."""
    folder = Path(app.doctreedir) / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    for project, (address, page) in PROJECTS.items():
        lines = []
        for name in CLASSES[project]:
            module = "stdtypes" if name in BUILTINS else name.partition(".")[0]
            lines.append(f"{name} py:class 1 {page.format(name=name, module=module)}#$ -\n")
        lines.append(TERMS if project == "python" else "")
        head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# The rest is zlib.\n"
        file = folder / f"{project}.inv"
        file.write_bytes(head.encode() + zlib.compress("".join(lines).encode()))
        config.intersphinx_mapping[project] = (address, str(file))
    known = sum(CLASSES.values(), ROGI)
    config.numpydoc_xref_aliases = {name.rpartition(".")[2]: name for name in known} | {
        "path": "pathlib.Path"
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
