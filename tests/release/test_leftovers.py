"""What a copied folder of a release still has from the one before."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rogi.release.description import File, Release, read_release
from rogi.release.gate.leftovers import leftovers
from rogi.release.statement import release_text

DOI = "10.5072/zenodo.7"


@pytest.fixture
def folders(releases, tmp_path: Path) -> tuple[Path, Path]:  # type: ignore[no-untyped-def]
    """1.0 as it was released, and 1.1 as it was prepared."""
    made = tmp_path / "releases"
    shutil.copytree(releases.folders[0].parent, made)
    first = replace(read_release(made / "1.0"), doi=DOI, files=(File("a.zip", "0" * 64, 3),))
    (made / "1.0" / "release.yaml").write_text(release_text(first), encoding="utf-8")
    return made / "1.0", made / "1.1"


def codes(release: Release, before: Release | None = None, changelog: str = "") -> list[str]:
    return [refusal.code for refusal in leftovers(release, before, changelog)]


def test_a_prepared_folder_passes(folders: tuple[Path, Path]) -> None:
    """Another date, another text, no DOI."""
    assert codes(read_release(folders[1])) == []


def test_a_copy_with_another_version_alone_is_refused(folders: tuple[Path, Path]) -> None:
    """Everything that was not changed is named."""
    first, second = folders
    shutil.copy(first / "CHANGELOG.md", second)
    copied = replace(read_release(first), version="1.1", folder=second)
    assert codes(copied) == ["left-doi", "left-date", "left-files", "left-changelog"]
    assert codes(replace(copied, doi="10.5072/zenodo.8", date=dt.date(2026, 6, 15), files=())) == [
        "left-changelog"
    ]


def test_the_package_before_is_enough(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The folder lies alone; the package before is compared, without the tables in its changelog."""
    first = read_release(folders[0])
    lone = tmp_path / "elsewhere" / "1.1"
    shutil.copytree(folders[1], lone)
    (lone / "CHANGELOG.md").write_text("# Synthetic 1.1\n\nFirst   release.\n", encoding="utf-8")
    copied = replace(first, version="1.1", folder=lone)
    said = "# Synthetic 1.0 (2026-01-15)\n\nFirst release.\n\n## Changes from A to B\n\n* 3 added\n"
    assert codes(copied, first, said) == ["left-doi", "left-date", "left-files", "left-changelog"]


def test_the_doi_of_all_versions_is_none_of_a_version(folders: tuple[Path, Path]) -> None:
    """The concept DOI stays the same, so it cannot be that of this version."""
    release = replace(read_release(folders[1]), concept_doi="10.5072/zenodo.1", doi="10.5072/zenodo.1")
    assert codes(release) == ["left-doi"]


def test_a_heading_of_another_version_is_refused(folders: tuple[Path, Path]) -> None:
    """The text is new, its heading is not."""
    (folders[1] / "CHANGELOG.md").write_text("# Synthetic 1.0 (2026-01-15)\n\nNew.\n", encoding="utf-8")
    assert codes(read_release(folders[1])) == ["left-changelog"]


def test_later_versions_do_not_count(folders: tuple[Path, Path]) -> None:
    """1.0.1 after 1.1 was prepared: its date is that of its own."""
    first = replace(read_release(folders[0]), version="1.0.1", doi=None, files=(), date=dt.date(2026, 2, 1))
    assert codes(replace(first, folder=folders[0].parent / "1.0.1")) == []
