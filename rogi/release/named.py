"""Releases and copies by what a user calls them: a version, a path, something fetched before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rogi.errors import InputError, OptionError
from rogi.release.checking.check import Checks, check_copy, check_package
from rogi.release.description import Release, Version, find_release, read_release
from rogi.release.previous import is_package
from rogi.release.publishing.fetch import cached_package


def release_named(version: str, releases: Path | None = None) -> Release:
    """The release of a version, or of a path.

    Raises
    ------
    InputError
        There is none, or its ``release.yaml`` cannot be read.
    OptionError
        The ``release.yaml`` of a version says another, as after copying it.
    """
    release = read_release(find_release(version, releases))
    wanted = _version(version)
    if wanted is not None and wanted != Version.parse(release.version):
        raise OptionError(
            f"The release.yaml of release {version} says version {release.version}; set it to {version}."
        )
    return release


def check_named(
    subject: str,
    release: str | None = None,
    releases: Path | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Checks:
    """Verify a package, a version fetched before, or a copy of the data of a release.

    Parameters
    ----------
    subject
        Path of a package (folder or zip) or of a copy, or a version.
    release
        What a plain copy should be a copy of.
    releases
        Folder of the releases.
    progress
        Told what is being done.
    options
        How a plain copy is read.

    Raises
    ------
    InputError
        It is not there.
    OptionError
        Nothing says what a plain copy should be a copy of.
    """
    path = Path(subject)
    if not path.exists() and release is None:
        path = _cached(subject, releases)
        release = None if is_package(path) else subject
    if release is None and is_package(path):
        return check_package(path, progress)
    if release is None and path.exists():
        raise OptionError(
            f"{subject} has no checksums, so it is no package of `rogi release build`; say what it should be "
            "a copy of, for example --release 1.0."
        )
    stated = read_release(find_release(release or "", releases))
    return check_copy(path, stated, progress=progress, **options)


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except OptionError:  # a path: whatever it holds is meant
        return None


def _cached(subject: str, releases: Path | None) -> Path:
    """What was fetched of a version before."""
    if _version(subject) is None:
        raise InputError(f"There is no {subject}; name a folder or zip, or a version that was fetched.")
    release = read_release(find_release(subject, releases))
    found = cached_package(release)
    if found is None:
        raise InputError(f"{release.name} is not in the cache; get it with `rogi release fetch {subject}`.")
    return found
