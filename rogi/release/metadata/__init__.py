"""What a release says of itself, in the standards of those who read it.

Each module writes one standard from the same :class:`~rogi.release.description.Release` and
:class:`~rogi.release.contents.Contents`; the same ones give the same text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rogi.files import write_text
from rogi.inventory.writing.metadata import JSON_URI, read_column_metadata
from rogi.release.contents import Contents, files_of
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release
from rogi.release.statement import release_text
from rogi.text import as_json

README: Final = "README.md"
CITATION: Final = "CITATION.cff"
DATACITE: Final = "datacite.json"
INVENIO: Final = "invenio.json"
DATAPACKAGE: Final = "datapackage.json"
COLLECTION: Final = "stac/collection.json"
ITEM: Final = "stac/item.json"
CRATE: Final = "ro-crate-metadata.json"
SUMS: Final = "SHA256SUMS"
# Written from release and data alone, the later ones with the checksums of the former.
FILES: Final = (RELEASE_FILE, README, CITATION, DATACITE, INVENIO, DATAPACKAGE, COLLECTION, ITEM, CRATE, SUMS)


def write_metadata(folder: Path, release: Release, contents: Contents) -> None:
    """Write every metadata file of a package, and last the checksums of all its files.

    Parameters
    ----------
    folder
        The package, with its data, reports and facts.
    release, contents
        What it is, and what is in it.
    """
    from rogi.release.metadata import citation, datacite, datapackage, invenio, readme, rocrate, stac

    (folder / "stac").mkdir(exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    data = files_of(folder)
    texts = {
        RELEASE_FILE: release_text(release),
        README: readme.text(release, contents, data),
        CITATION: citation.text(release),
        DATACITE: as_json(datacite.record(release, contents), 2),
        INVENIO: as_json(invenio.record(release, contents), 2),
        DATAPACKAGE: as_json(datapackage.descriptor(release, contents, data), 2),
        COLLECTION: as_json(stac.collection(release, contents), 2),
        ITEM: as_json(stac.item(release, contents, data), 2),
    }
    for name, content in texts.items():
        write_text(folder / name, content)
    provenance = read_column_metadata(folder / f"{release.name}.gpkg", JSON_URI)
    known = {file.path: file.sha256 for file in data}
    crate = rocrate.crate(release, contents, files_of(folder, known=known), provenance)
    write_text(folder / CRATE, as_json(crate, 2))
    write_text(folder / SUMS, checksums(folder, known))


def checksums(folder: Path, known: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of ``SHA256SUMS``, as ``sha256sum -c`` reads it; ``known`` as in `files_of`."""
    files = files_of(folder, without=(SUMS,), known=known)
    return "".join(f"{file.sha256}  {file.path}\n" for file in files)
