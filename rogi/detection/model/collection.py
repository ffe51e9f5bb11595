"""Which model bundles there are, and whether they are whole."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rogi.detection.model.backends import select_backend
from rogi.detection.model.bundle import CARD, SUMS, WEIGHTS, Bundle
from rogi.detection.model.card import plain_card
from rogi.detection.model.stac import ITEM, LARGEST, description, item_of, parse_item
from rogi.errors import InputError, MissingExtra, RogiError


@dataclass(frozen=True)
class Inspected:
    """A bundle that was looked at.

    Attributes
    ----------
    path : Path
    bundle : Bundle, optional
        None if it is damaged.
    error : str
        What is wrong with it, or that nothing here answers as its golden example says; else empty.
    trials : tuple of str
        How each way to run it did in the self-test; empty if it was not asked for.
    """

    path: Path
    bundle: Bundle | None
    error: str = ""
    trials: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "path": str(self.path),
            "error": self.error or None,
            "digest": self.bundle.digest if self.bundle else None,
            "bytes": bundle_bytes(self.bundle) if self.bundle else None,
            "self_test": list(self.trials) or None,
            "card": plain_card(self.bundle.card) if self.bundle else None,
        }


def find_bundles(paths: Sequence[Path]) -> list[Path]:
    """Bundles at the paths, and directly in those that are folders of bundles.

    Raises
    ------
    InputError
        There is none, or nothing at all at one of the paths.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path} does not exist; name bundles (folder or zip) or folders that contain some."
            )
        if path.is_dir() and not _looks_like_one(path):
            found += sorted(item for item in path.iterdir() if _looks_like_one(item))
        else:
            found.append(path)
    if not found:
        places = ", ".join(map(str, paths))
        raise InputError(f"There is no model bundle in {places}; `rogi detect train` makes one.")
    return found


def described(places: Sequence[Path] | None) -> list[Path]:
    """Places to describe: STAC items (.json) as they are, and the bundles of the others.

    Raises
    ------
    InputError
        See `find_bundles`.
    """
    items = [path for path in places or () if path.suffix.lower() == ".json" and path.is_file()]
    others = [path for path in places or () if path not in items]
    return items + (find_bundles(others or [Path()]) if others or not items else [])


def read_description(path: Path) -> list[tuple[str, str]]:
    """What a bundle, or a STAC item with the extension MLM, says of its model.

    Raises
    ------
    InputError
        It is damaged, or no such item.
    """
    if path.suffix.lower() == ".json" and path.is_file():
        with path.open("rb") as stream:
            return description(parse_item(stream.read(LARGEST + 1), path))
    bundle = Bundle.load(path)
    if ITEM in bundle.sums:
        return description(parse_item(bundle.read(ITEM), path / ITEM))
    return description(item_of(bundle.card, WEIGHTS in bundle.sums))


def inspect(path: Path, *, self_test: bool = False) -> Inspected:
    """Open a bundle, check all of it, and try the ways to run it.

    Parameters
    ----------
    path : Path
    self_test : bool
        Run the golden example on every backend there is.

    Raises
    ------
    MissingExtra
        A self-test is asked for, and nothing that could run the network is installed.
    """
    try:
        bundle = Bundle.load(path)
    except InputError as error:
        return Inspected(path, None, str(error))
    if not self_test:
        return Inspected(path, bundle)

    try:
        chosen = select_backend(bundle)
    except MissingExtra:
        raise
    except RogiError as error:
        return Inspected(path, bundle, str(error))
    return Inspected(path, bundle, trials=tuple(str(trial) for trial in chosen.trials))


def bundle_bytes(bundle: Bundle) -> int:
    """Size of a bundle on disk."""
    if bundle.path.is_dir():
        return sum((bundle.path / name).stat().st_size for name in (*bundle.sums, SUMS))
    return bundle.path.stat().st_size


def _looks_like_one(path: Path) -> bool:
    """A folder with a card or sums, or a zip that names them."""
    if path.is_dir():
        return (path / CARD).is_file() or (path / SUMS).is_file()
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False

    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.rpartition("/")[2] == SUMS for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
