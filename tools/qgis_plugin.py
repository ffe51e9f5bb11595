"""The QGIS plugin as a zip that QGIS installs: ``python tools/qgis_plugin.py dist``.

The zip has the folder ``rogi/`` and the licence. The same sources give the same bytes. With ``--choices`` the
values of options (schemas, dialects, rules) are written anew into ``qgis/rogi/choices.json``.
"""

from __future__ import annotations

import argparse
import configparser
import json
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "qgis" / "rogi"
CHOICES = SOURCE / "choices.json"
SUFFIXES = (".py", ".json", ".svg", ".txt")
TIME = (1980, 1, 1, 0, 0, 0)


def choices() -> dict[str, object]:
    """Values of options, as rogi knows them."""
    from rogi.attributes.configuration import Engine
    from rogi.cli.review import Allocation, Stratify
    from rogi.rules.fixes import FixLevel
    from rogi.rules.registry import rules
    from rogi.schema.load import dialect_names, schema_ids
    from rogi.validation.settings import Profile

    return {
        "schemas": sorted(schema_ids()),
        "dialects": sorted(dialect_names()),
        "profiles": [p.value for p in Profile],
        "fixes": [level.value for level in FixLevel],
        "strata": [s.value for s in Stratify],
        "allocations": [a.value for a in Allocation],
        "engines": [e.value for e in Engine],
        "rules": [f"{rule.info.code} {rule.info.name}" for rule in rules().values()],
        "titles": {code: rule.title for code, rule in rules().items()},
    }


def files() -> dict[str, bytes]:
    """Name in the zip -> content."""
    found = {
        f"rogi/{path.relative_to(SOURCE).as_posix()}": path.read_bytes()
        for path in SOURCE.rglob("*")
        if path.suffix in SUFFIXES and "__pycache__" not in path.parts
    }
    return {**found, "rogi/LICENSE": (ROOT / "LICENSE").read_bytes()}


def build(folder: Path, email: str = "") -> Path:
    """Write the zip; its name has the version."""
    content = files()
    metadata = content["rogi/metadata.txt"].decode()
    if email:
        metadata = metadata.replace("\nemail=\n", f"\nemail={email}\n")
        content["rogi/metadata.txt"] = metadata.encode()
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(metadata)
    path = folder / f"rogi-qgis-{parser['general']['version']}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content[name], compresslevel=9)
    return path


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist", help="where the zip goes")
    parser.add_argument("--choices", action="store_true", help="write choices.json anew and no zip")
    parser.add_argument("--email", default="", help="address of the maintainer, which plugins.qgis.org wants")
    arguments = parser.parse_args()
    if arguments.choices:
        CHOICES.write_text(json.dumps(choices(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        sys.stdout.write(f"{build(arguments.folder, arguments.email)}\n")


if __name__ == "__main__":
    main()
