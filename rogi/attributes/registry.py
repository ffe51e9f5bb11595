"""Sources of attributes: an input that a user names, and what it gives each unit.

A source is one module of `rogi.attributes.sources`, or of a package that names it under the entry points
``rogi.attributes``. What its attributes are (title, unit, range, rounding, columns) stands in
``concepts.yaml``, where their ``group`` is the name of the source. The command, the function and the settings
take their options, arguments and names from here.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rogi.errors import OptionError
from rogi.extensions import Extension, loaded
from rogi.schema.attributes import attributes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rogi.attributes.relief import ZonalOptions
    from rogi.attributes.tasks import Task
    from rogi.raster.files import Raster

PACKAGE = "rogi.attributes.sources"


@dataclass(frozen=True)
class Choice:
    """A choice of how a source is read: an option ``--<source>-<name>``.

    Attributes
    ----------
    name, help : str
    default : float or str
        Its type is that of the value.
    value : str
        How help names the value: ``KM``; by default ``NUMBER`` or ``NAME``.
    """

    name: str
    default: float | str
    help: str
    value: str = ""


@dataclass(frozen=True)
class Given:
    """A source as a user named it.

    Attributes
    ----------
    name : str
        Of the source.
    files : tuple of str
    choices : dict of str to float or str
        Those that were made; others have their default.
    """

    name: str
    files: tuple[str, ...]
    choices: Mapping[str, float | str] = field(default_factory=dict)

    def choice(self, name: str) -> Any:
        """The value of a choice."""
        own = next(c for c in sources()[self.name].choices if c.name == name)
        return self.choices.get(name, own.default)


@dataclass(frozen=True, eq=False)
class Units:
    """The n units that are described.

    Attributes
    ----------
    lonlat : ndarray of shapely geometries, shape (n,)
        WGS84 degrees; empty where a unit has no area.
    used : ndarray of int64
        Those whose values are asked for.
    zonal : ZonalOptions
        How pixels become a number.
    digest : callable
        SHA-256 of a file.
    """

    lonlat: NDArray[np.object_]
    used: NDArray[np.int64]
    zonal: ZonalOptions
    digest: Callable[[Path], str]


@dataclass(frozen=True, eq=False)
class Values:
    """What a source gives that works by itself.

    Attributes
    ----------
    values : dict of str to ndarray of float64, shape (n,)
        By concept, in the concept's unit; NaN for units without a value.
    reasons : ndarray of str or None, shape (n,)
        Why a unit has none.
    files : tuple of Path
        What was read.
    crs : str
        Of the files.
    parameters : dict
        All choices, as plain values.
    notes : tuple of str
        What is odd.
    """

    values: Mapping[str, NDArray[np.float64]]
    reasons: NDArray[np.object_]
    files: tuple[Path, ...]
    crs: str
    parameters: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class OnRaster:
    """A task on a raster, to be done in blocks; attributes as of `Values`.

    Attributes
    ----------
    task : Task
    raster : Raster
    voids : str
        Why cells have no value, as far as known.
    """

    task: Task
    raster: Raster
    files: tuple[Path, ...]
    parameters: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    voids: str = ""


@dataclass(frozen=True)
class Source:
    """An input and how attributes come from it.

    Attributes
    ----------
    name : str
        The option ``--<name>``, the argument of `rogi.fill_attributes`, the table ``[attributes.<name>]``,
        and the group of its concepts.
    help : str
        Line of ``--help``.
    derive : callable
        From the units and what was given to `Values` or `OnRaster`.
    choices : tuple of Choice
    remedy : str
        What helps where values cannot be, as a sentence.
    value : str
        How help names what is given: ``RASTER``, ``FILE[:LAYER]``.
    """

    name: str
    help: str
    derive: Callable[[Units, Given], Values | OnRaster]
    choices: tuple[Choice, ...] = ()
    remedy: str = ""
    value: str = "FILE"


@cache
def sources() -> Mapping[str, Source]:
    """All sources by name."""
    package = import_module(PACKAGE)
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    found = [import_module(f"{PACKAGE}.{name}").SOURCE for name in names]
    own = {source.name: source for source in found}
    known = {attribute.group for attribute in attributes().values()}

    def check(extension: Extension, thing: Any) -> None:
        if not isinstance(thing, Source) or thing.name != extension.name:
            raise ValueError(f"{extension.value} is no Source of that name")
        if thing.name in own or thing.name not in known:
            raise ValueError("its name is taken, or it has no concepts")

    foreign = loaded("rogi.attributes", check)
    return MappingProxyType(own | {name: source for name, (_, source) in foreign.items()})


def given(name: str, files: tuple[str, ...], choices: Mapping[str, Any], where: str = "") -> Given:
    """A source as named by a user, checked.

    Parameters
    ----------
    name : str
    files : tuple of str
    choices : mapping
        None counts as not made.
    where : str
        What to call it in messages, default the option.

    Raises
    ------
    OptionError
        There is no such source or choice, a choice is of the wrong kind, or no file is named.
    """
    source = sources().get(name)
    if source is None:
        near = get_close_matches(name, sources(), 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sources())}."
        raise OptionError(f"There is no source of attributes {name!r}; {hint}")
    label = where or f"--{name}"
    known = {choice.name: choice for choice in source.choices}
    made: dict[str, float | str] = {}
    for key, value in choices.items():
        if value is None:
            continue
        if key not in known:
            raise OptionError(f"{label} has no choice {key!r}; there are {', '.join(['files', *known])}.")
        number = isinstance(known[key].default, float)
        if number and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise OptionError(f"{key} of {label} is a number, found {value!r}.")
        made[key] = float(value) if number else str(value)
    if not files:
        raise OptionError(f"{label} names no files; give those of its data.")
    return Given(name, files, MappingProxyType(made))
