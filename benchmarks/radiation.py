"""What the declination, the clear sky and each other choice change in the radiation of a year.

The declinations are compared with the suns of NREL's algorithm (pvlib, no refraction, 2001 to 2004, every 20
minutes) under Kumar's sky at 4,500 m; the skies on level ground at 33° N. With a folder of real data, each
choice on two SRTM tiles of 90 m.

    python benchmarks/radiation.py [FOLDER]      (or $ROGI_REAL_DATA), with zhadang/ and oetztal/ inside
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import measure
import numpy as np
import pandas as pd
import rasterio
from pvlib import solarposition

from rogi import terrain
from rogi.terrain import sun
from rogi.terrain.suntable import suns

TILES = {"Zhadang": "zhadang/srtm3_n30_e090.tif", "Ötztal": "oetztal/srtm_oetztal.tif"}
HEIGHT = 4500.0
PLANES = {"level": (0.0, 0.0), "30° north": (30.0, 0.0), "30° south": (30.0, 180.0)}
CHOICES: dict[str, dict[str, object]] = {
    "Cooper's declination": {"declination": "cooper"},
    "no terrain shading": {"shading": False},
    "no pressure correction": {"pressure": False},
    "Ineichen, Linke turbidity of pvlib's table": {"atmosphere": "ineichen"},
    "Ineichen, Linke turbidity 3": {"atmosphere": "ineichen", "linke_turbidity": 3.0},
    "simplified Solis": {"atmosphere": "simplified-solis"},
    "simplified Solis, aod700 0.05, water 0.3 cm": {
        "atmosphere": "simplified-solis",
        "aod700": 0.05,
        "precipitable_water": 0.3,
    },
    "sky-view factor from horizons": {"sky": "horizon"},
    "steps of 60 min": {"time_step": 60.0},
    "Zevenbergen-Thorne": {"slope_method": "zevenbergen-thorne"},
    "36 sectors": {"n_sectors": 36},
    "no curvature": {"curvature": False},
}

Suns = tuple[np.ndarray, np.ndarray, np.ndarray]


def true_suns(latitude: float, true_distance: bool) -> Suns:
    """Vectors, irradiance outside the air (kW m-2) and hours of a mean year."""
    times = pd.date_range("2001-01-01 00:10", "2004-12-31 23:50", freq="20min", tz="UTC")
    found = solarposition.get_solarposition(times, latitude, 0.0, method="nrel_numpy", pressure=0)
    up = (found["elevation"] > 0.0).to_numpy()
    elevation, azimuth = (np.radians(found[name].to_numpy()[up]) for name in ("elevation", "azimuth"))
    flat = np.cos(elevation)
    vector = np.stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)], axis=1)
    irradiance = sun.extraterrestrial_irradiance(times.day_of_year.to_numpy()[up])
    if true_distance:
        distance = solarposition.nrel_earthsun_distance(times).to_numpy()[up]
        irradiance = sun.SOLAR_CONSTANT / distance**2
    return vector, irradiance, np.full(up.sum(), 365.0 / 365.25 / 4.0 / 3.0)


def kumar(positions: Suns, angle: float, facing: float) -> float:
    """Radiation of the suns on a plane at `HEIGHT`, kWh m-2."""
    vector, irradiance, hours = positions
    t, f = np.radians(angle), np.radians(facing)
    normal = np.array([np.sin(t) * np.sin(f), np.sin(t) * np.cos(f), np.cos(t)])
    beam = sun.beam_transmittance(sun.air_mass(vector[:, 2]) * sun.relative_pressure(HEIGHT))
    energy, sine, view = irradiance * hours, vector[:, 2], np.cos(t / 2) ** 2
    scattered = sun.diffuse_transmittance(beam) * view + 0.2 * sun.reflectance_transmittance(beam) * (
        1 - view
    )
    return float(np.sum(energy * (beam * np.maximum(vector @ normal, 0.0) + sine * scattered)))


def declinations() -> None:
    rows: list[tuple[object, ...]] = [("latitude", "declination", *PLANES, "level, true distance")]
    for latitude in (-66, -47, -33, -15, 0, 15, 27, 33, 39, 47, 66):
        true, everything = true_suns(latitude, False), true_suns(latitude, True)
        for formula in sun.Declination:
            chosen = terrain.RadiationParameters(declination=formula)
            own: Suns = suns(latitude, chosen)[:3]
            errors = [100 * (kumar(own, *p) / kumar(true, *p) - 1) for p in PLANES.values()]
            errors.append(100 * (kumar(own, 0.0, 0.0) / kumar(everything, 0.0, 0.0) - 1))
            rows.append((latitude, formula.value, *(f"{error:+.2f} %" for error in errors)))
    measure.table(rows)


def skies() -> None:
    """Direct + diffuse of level ground, and Kumar's total against each."""
    names = ("Kumar", "Ineichen, Linke turbidity 1.7", "Ineichen, Linke turbidity 3", "simplified Solis",
             "simplified Solis, aod700 0.05, water 0.3 cm")  # fmt: skip
    choices = [{}, {"atmosphere": "ineichen", "linke_turbidity": 1.7}, *list(CHOICES.values())[4:7]]
    rows: list[tuple[object, ...]] = [("elevation, m", *names)]
    for height in (0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0):
        cells, own = [], 0.0
        for values in choices:
            grid = terrain.Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (3, 3), latitude=33.0)
            chosen = terrain.RadiationParameters.from_dict({"shading": False, **values})
            found = terrain.solar_radiation(np.full((3, 3), height), grid, parameters=chosen)
            direct, diffuse = float(found.direct[1, 1]), float(found.diffuse[1, 1])
            own = own or direct + diffuse
            gap = 100 * (own / (direct + diffuse) - 1)
            cells.append(f"{direct:.0f} + {diffuse:.0f}" + (f" ({gap:+.1f} %)" if values else ""))
        rows.append((f"{height:.0f}", *cells))
    measure.table(rows)


def choices(folder: Path) -> None:
    rows: list[tuple[object, ...]] = [("tile", "choice", "mean", "least", "most")]
    for name, path in TILES.items():
        with rasterio.open(folder / path) as source:
            z, grid = source.read(1, masked=True), terrain.Grid.from_raster(source)
        # Every second pixel of the middle half.
        mask = np.zeros(z.shape, dtype=bool)
        mask[z.shape[0] // 4 : -z.shape[0] // 4 : 2, z.shape[1] // 4 : -z.shape[1] // 4 : 2] = True
        total = terrain.potential_incoming_solar_radiation(z, grid, mask=mask)[mask].astype(np.float64)
        rows.append((name, "defaults, kWh m-2 a-1", f"{np.nanmean(total):.0f}", "", ""))
        for choice, values in CHOICES.items():
            parameters = terrain.RadiationParameters.from_dict(values)
            found = terrain.potential_incoming_solar_radiation(z, grid, mask=mask, parameters=parameters)[
                mask
            ]
            change = 100 * (found / total - 1)
            mean = 100 * (np.nanmean(found) / np.nanmean(total) - 1)
            extremes = np.nanmin(change), np.nanmax(change)
            rows.append((name, choice, f"{mean:+.2f} %", *(f"{value:+.1f} %" for value in extremes)))
    measure.table(rows)


def main() -> None:
    print("Annual radiation by the declination, against the true sun:")
    declinations()
    print("\nLevel ground at 33° N, direct + diffuse, kWh m-2 a-1 (Kumar's total against it):")
    skies()
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ROGI_REAL_DATA")
    if folder:
        print("\nWhat each choice changes:")
        choices(Path(folder))


if __name__ == "__main__":
    main()
