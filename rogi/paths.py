"""Paths that drivers take for nothing but a path, and names of files that were downloaded."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rogi import targets
from rogi.errors import OutputError

# Drivers read some characters as syntax: `!` leads into archives, `?` and `#` begin options and fragments,
# `;` parameters, `%` an escape, `:` a prefix. Nothing outside these names is handed to one.
_PLAIN = re.compile(r"[\w.,+=@~ ()-]+")
_NOT_PLAIN = re.compile(r"[^\w.,+=@~ ()-]")
_ROOTS = ("/tmp", "/var/tmp")  # noqa: S108
_LONG = 100
"""Bytes of a name up to which drivers have room for their own endings (``-journal``, ``.tmp``)."""


_addresses: dict[str, str] = {}
"""Downloaded files of this process, and the addresses that they were asked for by."""

_SECRET = re.compile(r"(?i)([?&;][^=&;]*(?:auth|cred|key|pass|secret|sig|token|pwd)[^=&;]*=)[^&;#]*")


def name_file(path: Path, address: str) -> None:
    """Call a file by the address that it was asked for by (:func:`asked_for`); its secrets are left out.

    Examples
    --------
    >>> name_file(Path("/cache/17/a.gpkg"), "https://ann:pw@example.org/a.gpkg?v=2&X-Amz-Signature=8f")
    >>> asked_for("/cache/17/a.gpkg is no inventory")
    'https://example.org/a.gpkg?v=2&X-Amz-Signature=*** is no inventory'
    """
    _addresses[str(path)] = _SECRET.sub(r"\1***", re.sub(r"(?<=://)[^/]*@", "", address))


def asked_for(text: str) -> str:
    """A path or a message with the addresses of downloaded files in place of their paths."""
    for path, address in _addresses.items():
        text = text.replace(path, address)
    return text


def is_plain(path: Path) -> bool:
    """Whether every driver takes a path for a path: no part of it has characters that are syntax to some.

    Examples
    --------
    >>> is_plain(Path("inventory 2.gpkg")), is_plain(Path("my!proj/inventory.gpkg"))
    (True, False)
    """
    return all(_is_plain_name(part) for part in Path(path).parts if part != Path(path).anchor)


def _is_plain_name(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and not name.startswith(("-", "~")) and len(name.encode()) <= _LONG


def plain_name(name: str) -> str:
    """A name of a file for drivers: the name itself, else what is plain of it, with its suffix.

    Examples
    --------
    >>> plain_name("inventory.gpkg"), plain_name("what?;100%!.gpkg")
    ('inventory.gpkg', 'what__100__.gpkg')
    """
    if _is_plain_name(name):
        return name
    plain = _NOT_PLAIN.sub("_", name).lstrip("-~")
    suffix = Path(plain).suffix
    stem = plain.removesuffix(suffix).encode()[: _LONG - len(suffix.encode())].decode(errors="ignore")
    return f"{stem or '_'}{suffix}"


@contextmanager
def plain_folder(folder: Path) -> Iterator[Path]:
    """A folder by an absolute path that is plain: its own, or that of a link to it in a temporary folder."""
    folder = Path(folder).absolute()
    if is_plain(folder):
        yield folder
        return
    with _plain_temporary() as place:
        link = place / "folder"
        link.symlink_to(folder, target_is_directory=True)
        yield link


@contextmanager
def _plain_temporary() -> Iterator[Path]:
    roots = [Path(name).absolute() for name in (tempfile.gettempdir(), *_ROOTS)]
    root = next((r for r in roots if is_plain(r) and r.is_dir()), None)
    if root is None:
        raise OutputError(f"The temporary folder {roots[0]} has no plain name; set TMPDIR to one that has.")
    with tempfile.TemporaryDirectory(prefix="rogi-", dir=root) as place:
        yield Path(place)


@contextmanager
def plain_path(path: Path | str) -> Iterator[Path]:
    """A file or folder to read, by an absolute path that every driver takes for a path.

    It is noted as read (:func:`rogi.targets.note_read`). Where its own path is not plain, it is a link in a
    temporary folder, beside links to the files that drivers look for beside it, as the parts of a Shapefile.

    Examples
    --------
    >>> with plain_path("my!proj/a;b.gpkg") as path:
    ...     is_plain(path)
    True
    """
    path = Path(path)
    targets.note_read(path)
    whole = path.absolute()
    if is_plain(whole):
        yield whole
        return
    with _plain_temporary() as place:
        yield link_into(place, whole)


def link_into(folder: Path, path: Path) -> Path:
    """Link a file into a folder under a plain name, and the files that belong to it; the path of its link."""
    stem = Path(plain_name(path.name)).stem
    link = folder / f"{stem}{path.suffix}"
    with contextlib.suppress(OSError):
        for part in path.parent.iterdir():
            ending = part.name[len(path.stem) :]
            if part.name.casefold().startswith(f"{path.stem}.".casefold()) and is_plain(Path(ending)):
                (folder / f"{stem}{ending}").symlink_to(part.absolute(), target_is_directory=part.is_dir())
    if not link.is_symlink():
        link.symlink_to(path.absolute(), target_is_directory=path.is_dir())
    return link
