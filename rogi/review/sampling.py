"""Random samples of units for review: simple or stratified, reproducible, the same for any row order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rogi.errors import OptionError
from rogi.geometry import Floats, Ints
from rogi.review.estimators import allocate

# Classes of area (km²) for stratification: the lower limit of TPRoGI, its mean, and the size below which
# 90.6 % of its units lie (Sun et al. 2024, Sect. 5.2).
SIZE_LIMITS_KM2 = (0.05, 0.14, 0.3)
PUBLISHED_SHARE = 0.05  # about 5 % of the markers (Sun et al. 2024, Sect. 4.1.2)


@dataclass(frozen=True, slots=True)
class Stratum:
    """A stratum of the population: its name, the units in it, and how many were drawn."""

    name: str
    units: int
    drawn: int


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Units drawn from a population.

    Attributes
    ----------
    positions
        (n,) positions of the drawn units in the population, in the order they are to be reviewed (random).
    stratum
        (n,) stratum of each, into ``strata``.
    strata
        One stratum for a simple random sample.
    """

    positions: Ints
    stratum: Ints
    strata: tuple[Stratum, ...]


def draw(
    key: Sequence[str] | NDArray[np.object_],
    *,
    n: int | None = None,
    fraction: float | None = None,
    strata: ArrayLike | None = None,
    allocation: str = "proportional",
    seed: int = 0,
) -> Sample:
    """Draw units without replacement.

    Parameters
    ----------
    key
        (N,) identity of each unit (ID and position); the draw depends on the set of keys and the seed, not
        on the order of rows. Keys must be unique.
    n, fraction
        How many units, or which share (rounded up); one of them.
    strata
        (N,) name of each unit's stratum; None for a simple random sample.
    allocation : {"proportional", "equal"}
        See :func:`rogi.review.estimators.allocate`.
    seed
        Same keys and seed, same sample.

    Returns
    -------
    Sample

    Raises
    ------
    OptionError
        If the size of the sample is not between 1 and N, keys repeat, or both or none of ``n`` and
        ``fraction`` are given.
    """
    keys = np.asarray(key, dtype=str)
    total = len(keys)
    if (n is None) == (fraction is None):
        raise OptionError("A sample is given by its size or by a share of the units; give one of the two.")
    if fraction is not None:
        if not 0 < fraction <= 1:
            raise OptionError(f"The share of units to draw is above 0 and at most 1, found {fraction:g}.")
        n = int(np.ceil(fraction * total - 1e-9))
    assert n is not None
    if not 1 <= n <= total:
        raise OptionError(f"{n} units cannot be drawn from {total}; draw at least 1 and at most {total}.")
    order = np.argsort(keys, kind="stable")
    if (keys[order][1:] == keys[order][:-1]).any():
        raise OptionError("Two units have the same identity, so a sample could not be traced back to them.")
    names = np.full(total, "all", dtype=object) if strata is None else np.asarray(strata, dtype=object)
    labels, member = np.unique(names[order].astype(str), return_inverse=True)
    sizes = np.bincount(member, minlength=len(labels))
    drawn = allocate(sizes, n, allocation) if len(labels) > 1 else np.array([n])
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(np.flatnonzero(member == k), size=count, replace=False) for k, count in enumerate(drawn)
    ]
    picked = rng.permutation(np.concatenate(chosen))
    return Sample(
        positions=order[picked],
        stratum=member[picked],
        strata=tuple(
            Stratum(str(name), int(size), int(count))
            for name, size, count in zip(labels, sizes, drawn, strict=True)
        ),
    )


def size_classes(area_km2: Floats, limits: Sequence[float] = SIZE_LIMITS_KM2) -> NDArray[np.object_]:
    """Names of area classes, for stratification: ``1: < 0.05 km²``, …; NaN becomes ``unknown``."""
    edges = [*limits]
    names = [f"1: < {edges[0]:g} km²"]
    names += [f"{i + 2}: {a:g}-{b:g} km²" for i, (a, b) in enumerate(pairwise(edges))]
    names.append(f"{len(edges) + 1}: >= {edges[-1]:g} km²")
    out = np.array(names, dtype=object)[np.searchsorted(edges, np.nan_to_num(area_km2), side="right")]
    out[np.isnan(area_km2)] = "unknown"
    return out
