"""Two small releases built once: a synthetic inventory, and what known edits made of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rogi.release.build import Built, build
from rogi.release.description import read_release
from rogi.release.previous import read_previous
from rogi.synthetic.releases import Versions, two_versions, write_release_folders

UNITS = 40


@dataclass(frozen=True)
class Releases:
    """Both versions, their folders of ``release.yaml``, and the packages."""

    versions: Versions
    folders: tuple[Path, Path]
    first: Built
    second: Built


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """Built below a temporary folder; tests that change them work on a copy."""
    root = tmp_path_factory.mktemp("releases")
    versions = two_versions(UNITS, 3)
    folders = write_release_folders(versions, root / "releases")
    first = build(read_release(folders[0]), versions.first, root / "out")
    second = build(read_release(folders[1]), versions.second, root / "out", previous=read_previous(first.zip))
    return Releases(versions, folders, first, second)
