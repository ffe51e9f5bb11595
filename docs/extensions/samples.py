"""Files for the tutorials, made up and offered for download."""

from __future__ import annotations

import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

import rogi
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.scene_files import truth


def survey(path: Path) -> None:
    """A shapefile as it comes with a paper: own names and units, no CRS, and some faults.

    Parameters
    ----------
    path
        The zip file to write.
    """
    units = rogi.synthetic_inventory(30, seed=5, region="Eastern Pamir").outlines.to_crs(32643)
    table = gpd.GeoDataFrame(
        {
            "RG_ID": [f"EP-{number:02}" for number in range(1, 31)],
            "Area_m2": rogi.area(units).mul(1e6).round(),
            "Activity": np.resize(["active", "Active ", "transitional", "relict", "inactive"], 30),
            "Elev_min": units["ELE_MIN"].round(),
            "Elev_max": units["ELE_MAX"].round(),
            "Slope": units["SLO_MEAN"].round(1),
            "Aspect": units["ASPECT"].round(),
            "Mapper": "C. Okafor",
        },
        geometry=units.geometry,
    )
    table.loc[3, "Area_m2"] /= 100  # typed in hectares
    table.loc[7, ["Elev_min", "Elev_max"]] = table.loc[7, ["Elev_max", "Elev_min"]].to_numpy()
    table.loc[11, "Aspect"] = 412
    table.loc[15, "RG_ID"] = "EP-02"
    table.loc[19, "Slope"] = -9999
    table.loc[22, "geometry"] = bow_tie(table.geometry[22])
    table.loc[26, "geometry"] = shapely.transform(table.geometry[25], lambda xy: xy + np.array([60.0, 20.0]))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no CRS is the point
        table.set_crs(None, allow_override=True).to_file(Path(folder) / "pamir_rg.shp", encoding="UTF-8")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(Path(folder).iterdir()):
                archive.writestr(zipfile.ZipInfo(part.name, (2026, 1, 1, 0, 0, 0)), part.read_bytes())


def bow_tie(outline: shapely.Polygon) -> shapely.Polygon:
    """An outline with two vertices exchanged, as a slip of the mouse makes it."""
    points = shapely.get_coordinates(outline)
    points[[10, 14]] = points[[14, 10]]
    return shapely.Polygon(points)


def verdicts(reviewer: str, seed: int) -> Callable[[Path], None]:
    """Verdicts of a reviewer on the sample of the tutorial, as a CSV."""

    def write(path: Path) -> None:
        inventory = rogi.synthetic_inventory(400, seed=3)
        units = rogi.draw_sample(inventory, n=40, seed=1).units
        seen = np.random.default_rng(0).choice(["Yes", "No"], len(units), p=[0.85, 0.15])
        other = np.random.default_rng(seed).choice(["", "Yes", "Uncertain"], len(units), p=[0.9, 0.05, 0.05])
        said = np.where(other == "", seen, other)
        table = units[["sample", "ID"]].assign(reviewer=reviewer, verdict=said)
        table.to_csv(path, index=False)

    return write


def candidates(path: Path) -> None:
    """Candidates as a good model finds them in the second season of the tutorial's landscape."""
    season2 = truth(Scene(SceneSettings(768, 768, seed=11)), 2)
    found = season2.outlines.geometry.to_crs(32645).simplify(15).buffer(5).iloc[:-2]
    gpd.GeoDataFrame({"confidence": np.linspace(0.9, 0.5, len(found)).round(2)}, geometry=found).to_file(path)


FILES: dict[str, Callable[[Path], None]] = {
    "survey.zip": survey,
    "verdicts_li.csv": verdicts("Li", 1),
    "verdicts_rossi.csv": verdicts("Rossi", 2),
    "candidates.gpkg": candidates,
}
