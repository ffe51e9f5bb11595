"""Reviews: a random sample of units, and the score of what reviewers return."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rogi.api.display import frames_html
from rogi.api.inventories import Source, as_inventory, as_paths, check_crs
from rogi.errors import OptionError
from rogi.public import public
from rogi.report.writers import as_text
from rogi.review import files as review_files
from rogi.review.report import document
from rogi.review.sampling import PUBLISHED_SHARE, draw
from rogi.review.sampling import Sample as Drawn
from rogi.review.verdicts import VERDICTS, Returned, ReviewScore
from rogi.review.verdicts import score as score_review
from rogi.schema.model import Role

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.inventory.model import Inventory


@dataclass(frozen=True, eq=False)
class Sample:
    """What :func:`rogi.draw_sample` gives.

    Attributes
    ----------
    units : GeoDataFrame
        The units drawn as points, EPSG:4326, on the index of the table: sample (number from 1), ID, stratum.
    strata : DataFrame
        name, units, drawn.
    """

    units: gpd.GeoDataFrame
    strata: pd.DataFrame
    population: gpd.GeoDataFrame = field(repr=False)
    drawn: Drawn = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    outlines: gpd.GeoDataFrame | None = field(repr=False)

    @public
    def write(
        self, folder: str | PathLike[str], reviewers: Sequence[str] = ("A", "B"), *, kml: bool = True
    ) -> list[Path]:
        """Write one GeoPackage for each reviewer, the sample and its design into a new folder.

        Raises
        ------
        OptionError
            The folder is not empty, or names of reviewers repeat.
        """
        return review_files.write_sample(
            Path(folder), self.population, self.drawn, reviewers, self.settings, self.outlines, kml
        )

    def __repr__(self) -> str:
        return f"<Sample: {len(self.units)} of {len(self.population)} units, {len(self.strata)} strata>"

    def _repr_html_(self) -> str:
        return frames_html(repr(self), units=self.units, strata=self.strata)


@public
def draw_sample(
    source: Source,
    *,
    n: int | None = None,
    fraction: float | None = None,
    stratify: str = "none",
    allocation: str = "proportional",
    seed: int = 0,
) -> Sample:
    """Draw units at random for a review, as `rogi review sample` does.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        Markers in any CRS, else outlines.
    n, fraction : int or float, optional
        How many units, or which share; by default 5 %.
    stratify : {"none", "subregion", "size"}
        What strata are made of; sizes are classes of area, km².
    allocation : {"proportional", "equal"}
        How the sample is divided between strata.
    seed : int
        Same units and seed, same sample, whatever their order.

    Returns
    -------
    Sample
        ``units``, ``strata`` (frames), ``write(folder, reviewers)``.

    Raises
    ------
    InputError
        The source cannot be read, has no CRS, no units, or no subregions.
    OptionError
        A size or choice is impossible.

    References
    ----------
    Sun et al. (2024), Sect. 4.5; Cochran (1977), Sampling techniques, ch. 5.

    Examples
    --------
    >>> import rogi
    >>> rogi.draw_sample(rogi.synthetic_inventory(50, seed=1), n=5)
    <Sample: 5 of 50 units, 1 strata>
    """
    for given, choices, what in (
        (stratify, ("none", "subregion", "size"), "Strata are"),
        (allocation, ("proportional", "equal"), "The allocation is"),
    ):
        if given not in choices:
            raise OptionError(f"{what} {' or '.join(choices)}, found {given!r}.")
    inventory = as_inventory(source)
    check_crs(inventory, Role.MARKER, Role.OUTLINE)
    population = review_files.units(inventory)
    keys = [f"{u}|{p.x:.7f}|{p.y:.7f}" for u, p in zip(population["ID"], population.geometry, strict=True)]
    drawn = draw(
        keys,
        n=n,
        fraction=PUBLISHED_SHARE if n is None and fraction is None else fraction,
        strata=review_files.strata(inventory, population, stratify),
        allocation=allocation,
        seed=seed,
    )
    settings = {
        "inventory": Path(inventory.path).name,
        "units": len(population),
        "units_sha256": hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest(),
        "stratify": stratify,
        "allocation": allocation,
        "seed": seed,
    }
    layer = inventory.layer(Role.MARKER) or inventory.layer(Role.OUTLINE)
    assert layer is not None
    chosen = population.iloc[drawn.positions]
    units = chosen[["ID", "geometry"]].set_axis(layer.index_of_rows[chosen["position"]], axis=0)
    units.insert(0, "sample", range(1, len(units) + 1))
    units.insert(2, "stratum", [drawn.strata[k].name for k in drawn.stratum])
    return Sample(
        units,
        pd.DataFrame([(s.name, s.units, s.drawn) for s in drawn.strata], columns=["name", "units", "drawn"]),
        population,
        drawn,
        settings,
        review_files.outlines_of(inventory, population, drawn),
    )


@dataclass(frozen=True, eq=False)
class Score:
    """What :func:`rogi.score_reviews` gives.

    Attributes
    ----------
    result : ReviewScore
    design : Design
    returned : list of Returned
    """

    result: ReviewScore
    design: review_files.Design
    returned: list[Returned]

    @property
    def reviewers(self) -> pd.DataFrame:
        """One row for each reviewer: counts of verdicts, missing, and shares with intervals (0 to 1)."""
        rows = []
        for one in self.result.reviewers:
            shares = {
                f"{name}{end}": getattr(getattr(one, name), attribute)
                for name in ("correct", "correct_of_judged", "false")
                for end, attribute in (("", "value"), ("_low", "low"), ("_high", "high"))
            }
            counts = {verdict.value: number for verdict, number in one.counts.items()}
            rows.append({"reviewer": one.reviewer, **counts, "missing": one.missing, **shares})
        return pd.DataFrame(rows)

    @property
    def pairs(self) -> pd.DataFrame:
        """One row for each pair of reviewers: kappa with its interval, equal (share), count."""
        rows = [
            (p.first, p.second, p.kappa.value, p.kappa.low, p.kappa.high, p.kappa.observed, p.kappa.count)
            for p in self.result.pairs
        ]
        names = ["first", "second", "kappa", "kappa_low", "kappa_high", "equal", "count"]
        return pd.DataFrame(rows, columns=names)

    @property
    def disagreements(self) -> pd.DataFrame:
        """Sampled units whose verdicts differ, with the verdict of each reviewer."""
        at = self.result.disagreements
        table = self.design.table.iloc[at].reset_index(drop=True)
        for one in self.returned:
            table[one.reviewer] = [VERDICTS[k].value if k >= 0 else None for k in one.code[at]]
        return table

    @property
    def problems(self) -> pd.DataFrame:
        """What is wrong with returned rows: reviewer, sample, ID, trouble, found."""
        rows = [(p.reviewer, p.sample, p.id, p.trouble.value, p.found) for p in self.result.problems]
        return pd.DataFrame(rows, columns=["reviewer", "sample", "ID", "trouble", "found"])

    def apply_to(self, source: Source) -> tuple[Inventory, int]:
        """The inventory with the verdicts in its additional information, and how many units have one.

        Raises
        ------
        InputError
            No layer has the sampled IDs and a column for additional information.
        """
        return review_files.write_back(as_inventory(source), self.design, self.returned, self.result)

    def __str__(self) -> str:
        return as_text(document(self.result, self.design, self.returned))

    def __repr__(self) -> str:
        names = ", ".join(one.reviewer for one in self.result.reviewers)
        return f"<Score of {self.result.sampled} units by {names}: {len(self.disagreements)} disagreements>"

    def _repr_html_(self) -> str:
        return frames_html(
            repr(self), reviewers=self.reviewers, pairs=self.pairs, disagreements=self.disagreements
        )


@public
def score_reviews(
    files: str | PathLike[str] | Sequence[str | PathLike[str]], *, sample: str | PathLike[str] | None = None
) -> Score:
    """Score what reviewers return, as `rogi review score` does.

    Parameters
    ----------
    files : path or sequence of paths
        The files reviewers returned (.gpkg or .csv).
    sample : path, optional
        Folder of the review; by default that of the first file.

    Returns
    -------
    Score
        ``reviewers``, ``pairs``, ``disagreements``, ``problems`` (frames), ``apply_to(inventory)``.

    Raises
    ------
    InputError
        A file or the design of the review cannot be read.
    OptionError
        No file was given, or two are of one reviewer.

    References
    ----------
    Sun et al. (2024), Table 4; Cohen (1960) for kappa; Cochran (1977), ch. 5, for shares of strata.

    Examples
    --------
    >>> import rogi
    >>> sample = rogi.draw_sample(rogi.synthetic_inventory(50, seed=1), n=5)
    >>> paths = sample.write("review", ["Li", "Rossi"])
    >>> score = rogi.score_reviews(["review/review_li.gpkg", "review/review_rossi.gpkg"])
    >>> len(score.problems)
    10
    """
    paths = as_paths(files)
    if not paths:
        raise OptionError("There is nothing to score; give the files that reviewers returned.")
    design = review_files.read_design(Path(sample) if sample is not None else paths[0].parent)
    returned = [review_files.read_returned(path, design) for path in paths]
    names = [one.reviewer for one in returned]
    if len(set(names)) != len(names):
        raise OptionError(f"Two files are of the same reviewer ({', '.join(names)}); give each file once.")
    return Score(score_review(design.stratum, design.strata, returned), design, returned)
