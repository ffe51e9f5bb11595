"""What other packages add to rogi, by entry points: found by one scan, loaded when asked for.

A package that is broken is named in a sentence, left out, and stops nothing. How to write one: see
CONTRIBUTING and ``examples/rogi-example``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

GROUPS = ("rogi.rules", "rogi.dialects", "rogi.schemas", "rogi.attributes", "rogi.formats")
"""Groups of entry points that are looked for."""

_problems: dict[Extension, str] = {}


@dataclass(frozen=True, slots=True, order=True)
class Extension:
    """One thing that another package adds.

    Attributes
    ----------
    group : str
        One of `GROUPS`.
    name : str
        Of the entry point.
    value : str
        ``package.module`` or ``package.module:object``.
    package, version : str
        Of the distribution.
    """

    group: str
    name: str
    value: str
    package: str
    version: str

    @property
    def origin(self) -> str:
        """Package and version, for messages and reports."""
        return f"{self.package} {self.version}".strip()

    @property
    def module(self) -> str:
        """Name of the module."""
        return self.value.partition(":")[0].strip()

    def load(self) -> Any:
        """The module or object that is named; None, and a problem noted, where that cannot be had."""
        module, _, attribute = self.value.partition(":")
        try:
            found: Any = import_module(module.strip())
            for part in filter(None, attribute.strip().split(".")):
                found = getattr(found, part)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - of a foreign module
            self.refuse(f"{type(error).__name__}: {error}")
            return None
        return found

    def folder(self) -> Path | None:
        """The folder of its module, without importing the module; None, and a problem noted, if not found."""
        try:
            spec = find_spec(self.module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - packages around it are imported
            self.refuse(f"{type(error).__name__}: {error}")
            return None
        if spec is None or spec.origin is None:
            self.refuse(f"there is no module {self.module}, or it has no __init__.py")
            return None
        return Path(spec.origin).parent

    def refuse(self, why: str) -> None:
        """Note why it is not used."""
        kind = self.group.removeprefix("rogi.")
        reason = " ".join(why.split()).rstrip(".")
        _problems[self] = f"{self.name!r} of {self.origin} ({kind}) is not used: {reason}."


@cache
def extensions() -> tuple[Extension, ...]:
    """All that is installed, in order of groups, names and packages; the only scan of what is installed."""
    from importlib import metadata  # 20 ms that `rogi --help` need not wait for

    points = metadata.entry_points()
    found = {
        Extension(
            group,
            point.name,
            point.value,
            point.dist.name if point.dist is not None else "",
            point.dist.version if point.dist is not None else "",
        )
        for group in GROUPS
        for point in points.select(group=group)
    }
    return tuple(sorted(found, key=lambda e: (GROUPS.index(e.group), e)))


def of_group(group: str) -> tuple[Extension, ...]:
    """Extensions of a group."""
    return tuple(extension for extension in extensions() if extension.group == group)


def loaded(group: str, check: Callable[[Extension, Any], None]) -> dict[str, tuple[Extension, Any]]:
    """Objects of a group by name, of those that can be loaded and that a check lets pass.

    Parameters
    ----------
    group : str
    check : callable
        Raises ValueError, with a reason, for what does not fit.
    """
    found: dict[str, tuple[Extension, Any]] = {}
    for extension in of_group(group):
        thing = extension.load()
        if thing is None:
            continue
        try:
            if extension.name in found:
                raise ValueError(f"{found[extension.name][0].origin} adds one of that name")
            check(extension, thing)
        except Exception as error:  # noqa: BLE001 - of a foreign object
            extension.refuse(
                str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            )
            continue
        found[extension.name] = extension, thing
    return found


def files(group: str, pattern: str, taken: tuple[str, ...] = ()) -> dict[str, tuple[Extension, Path]]:
    """Data files of a group by name: ``pattern`` in the folder of each extension's module.

    Parameters
    ----------
    group : str
    pattern : str
        With ``{name}`` for the name of the entry point.
    taken : tuple of str
        Names that rogi has itself.
    """
    found: dict[str, tuple[Extension, Path]] = {}
    for extension in of_group(group):
        if extension.name in taken or extension.name in found:
            extension.refuse("the name is taken")
            continue
        folder = extension.folder()
        if folder is None:
            continue
        path = folder / pattern.format(name=extension.name)
        if not path.is_file():
            extension.refuse(f"there is no file {path.name} beside {extension.module}")
            continue
        found[extension.name] = extension, path
    return found


def active() -> tuple[str, ...]:
    """Packages, with their versions, that add something to rogi; without those of which all is broken."""
    return tuple(sorted({extension.origin for extension in extensions() if extension not in _problems}))


def problems() -> tuple[str, ...]:
    """What was found broken so far, a sentence each."""
    return tuple(_problems.values())
