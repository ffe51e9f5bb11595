"""An inventory repository: settings, workflows, release folder and README for the data of an inventory."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from rogi import __version__
from rogi.errors import InputError, OptionError
from rogi.files import make_folder, replacing, write_text
from rogi.inventory.read import read_inventory
from rogi.release.description import FOLDER, Version, known_versions
from rogi.release.folder import check_name, new_folder
from rogi.schema.load import load_schema
from rogi.text import printable
from rogi.validation.editors import write_editor_schemas
from rogi.validation.settings import Profile

TEMPLATES: Final = Path(__file__).with_name("templates")
DATA: Final = "data/inventory.gpkg"
WRITTEN: Final = (".gpkg", ".shp", ".geojson", ".parquet", ".fgb")
"""Suffixes of inventories that are looked for in its folder."""
"""Where the data are expected as long as there are none."""
EDITORS: Final = ".rogi"
"""Folder of the JSON Schemas for editors."""
EDITED: Final = ("release", "rogi", "waivers")
"""Of what users edit here."""
SCHEMA: Final = "rgik/1.0"

_FILES: Final = {
    "rogi.toml": "rogi.toml",
    "waivers.toml": "waivers.toml",
    "requirements.txt": "requirements.txt",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "gitattributes": ".gitattributes",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
}
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\"`$\\]")
_WORKFLOW: Final = "../../actions/workflows/validate.yml"
_BADGE: Final = f"[![Validate]({_WORKFLOW}/badge.svg)]({_WORKFLOW})\n\n"


class Host(StrEnum):
    """Where a repository lies, whose workflows are written."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BOTH = "both"
    NONE = "none"


_WORKFLOWS: Final = {
    Host.GITHUB: {
        "validate.yml": ".github/workflows/validate.yml",
        "release.yml": ".github/workflows/release.yml",
    },
    Host.GITLAB: {"gitlab-ci.yml": ".gitlab-ci.yml"},
}


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, and what was there before and stays."""

    folder: Path
    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    inventory: str
    schema: str


def new_repository(
    folder: Path,
    *,
    inventory: Path | None = None,
    name: str | None = None,
    title: str | None = None,
    schema: str | None = None,
    profile: Profile = Profile.NORMAL,
    version: str = "1.0",
    host: Host = Host.BOTH,
) -> Made:
    """Write an inventory repository; files that are there are kept as they are.

    Parameters
    ----------
    folder : Path
        The repository, made if need be.
    inventory : Path, optional
        The data: their schema is taken, and they are copied to ``data/`` unless they lie in the folder. By
        default the one file of an inventory that is in ``data/``.
    name : str, optional
        Short name; files of releases are named by it. By default that of the data, else of the folder.
    title : str, optional
        Heading of the README; by default the name.
    schema : str, optional
        Schema to check against; by default that of the data, else rgik/1.0.
    profile : Profile, optional
    version : str, optional
        The first release.
    host : Host, optional
        Whose workflows are written.

    Returns
    -------
    Made

    Raises
    ------
    InputError
        The data cannot be read.
    OptionError
        An unknown schema, or a version that is none.
    OutputError
        Something cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> made = new_repository(Path(tempfile.mkdtemp()) / "dry-andes")
    >>> made.inventory, made.schema, len(made.kept)
    ('data/inventory.gpkg', 'rgik/1.0', 0)
    """
    release = str(Version.parse(version))
    named = load_schema(schema).id if schema is not None else None
    source = inventory or _there(folder)
    if source is not None:
        if source.is_dir():
            raise InputError(f"{source} is a folder; name one file, as `rogi convert` makes it.")
        named = named or read_inventory([source]).schema.id
    place = _place(source, folder)
    short = name or _short(source.stem if source is not None else folder.resolve().name)
    check_name(short)
    values = {
        "VERSION": __version__,
        "PROFILE": profile.value,
        "SCHEMA": f'schema = "{named or SCHEMA}"\n',
        "SCHEMA_ID": named or SCHEMA,
        "INVENTORY": place,
        "INVENTORY_YAML": json.dumps(place, ensure_ascii=False),
        "INVENTORY_SHELL": shlex.quote(place),
        "ENTRY": json.dumps(f"rogi validate {shlex.quote(place)} --quiet", ensure_ascii=False),
        "PATTERN": json.dumps(rf"^({re.escape(place)}|rogi\.toml|waivers\.toml)$", ensure_ascii=False),
        "NAME": short,
        "TITLE": printable(title or short),
        "RELEASE": release,
        "BADGES": _BADGE if host in (Host.GITHUB, Host.BOTH) else "",
    }
    make_folder(folder)
    written: list[Path] = []
    kept: list[Path] = []
    for template, target in _targets(host):
        path = folder / target
        if path.exists():
            kept.append(path)
            continue
        make_folder(path.parent)
        write_text(path, _filled((TEMPLATES / template).read_text(encoding="utf-8"), values))
        written.append(path)
    kept += [path for kind in EDITED if (path := folder / EDITORS / f"{kind}.schema.json").exists()]
    written += write_editor_schemas(folder / EDITORS, EDITED, replace=False)
    if known_versions(folder / FOLDER):
        kept.append(folder / FOLDER)
    else:
        made = new_folder(release, folder / FOLDER, name=short, schema=values["SCHEMA_ID"])
        written += sorted(made.iterdir())
    written += _data(source, folder / place, kept)
    return Made(folder, tuple(written), tuple(kept), place, values["SCHEMA_ID"])


def _targets(host: Host) -> Iterator[tuple[str, str]]:
    """Template and target of every text."""
    yield from _FILES.items()
    for each, files in _WORKFLOWS.items():
        if host in (each, Host.BOTH):
            yield from files.items()


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], text)


def _there(folder: Path) -> Path | None:
    """The data of a repository that was begun before: the one inventory in ``data/``."""
    found = [p for p in sorted((folder / DATA).parent.glob("*")) if p.suffix.lower() in WRITTEN]
    return found[0] if len(found) == 1 else None


def _place(source: Path | None, folder: Path) -> str:
    """Where the data lie in the repository."""
    if source is None:
        return DATA
    if source.resolve().is_relative_to(folder.resolve()):
        place = source.resolve().relative_to(folder.resolve()).as_posix()
    else:
        place = f"data/{source.name}"
    if _UNSAFE.search(place):
        raise OptionError(
            f"{place!r} has characters that workflows and shells take for more than a name; rename the file."
        )
    return place


def _short(text: str) -> str:
    """A short name from that of a file or folder."""
    found = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:60]
    if not found:
        raise OptionError(f"{text!r} gives no short name; give one with --name, such as DryAndes.")
    return found


def _data(source: Path | None, target: Path, kept: list[Path]) -> list[Path]:
    """Copy the data with the files that belong to them; without data say what goes there.

    What was there is kept, and added to ``kept``.
    """
    if source is None:
        note = target.with_name("README.md")
        if note.exists() or target.exists():
            return []
        make_folder(target.parent)
        write_text(
            note,
            f"Put the inventory here as `{target.name}`. A blank one for mapping in QGIS:\n\n```console\n"
            f"$ rogi schema template -o {DATA} --schema {SCHEMA}\n```\n",
        )
        return [note]
    pairs = [(source, target)]
    if source.suffix.lower() == ".shp":
        pairs = [
            (p, target.with_name(p.name))
            for p in sorted(source.parent.glob(f"{source.stem}.*"))
            if p.is_file()
        ]
    made = []
    for one, other in pairs:
        if other.exists():
            if not other.samefile(one):
                kept.append(other)
            continue
        make_folder(other.parent)
        with replacing(other) as temporary:
            shutil.copyfile(one, temporary)
        made.append(other)
    return made
