"""Potential solar radiation: closed forms, symmetries, an exact march of every sun, window independence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from terrain_oracles import fractal, marched_direct

from rogi.errors import OptionError
from rogi.terrain import RadiationParameters, horizon, potential_incoming_solar_radiation, required_halo
from rogi.terrain import solar_radiation as components
from rogi.terrain import sun as formulas
from rogi.terrain.gradient import SlopeMethod, aspect, slope
from rogi.terrain.grid import EARTH_RADIUS, Grid
from rogi.terrain.parameters import Sky
from rogi.terrain.sun import Declination
from rogi.terrain.suntable import suns

CELL = 30.0


def planar(shape: tuple[int, int], latitude: float = 33.0) -> Grid:
    return Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), shape, latitude=latitude)


def plane(angle: float, facing: float, height: float = 4500.0, size: int = 7) -> np.ndarray:
    """Plane through `height` at its middle pixel."""
    y, x = np.mgrid[size // 2 : -(size // 2) - 1 : -1, -(size // 2) : size // 2 + 1] * CELL
    t, f = np.tan(np.radians(angle)), np.radians(facing)
    return height - t * (np.sin(f) * x + np.cos(f) * y)


def every_sun(
    latitude: float, angle: float, facing: float, height: float, chosen: RadiationParameters
) -> tuple:
    """Direct, diffuse and reflected radiation of an unshaded plane, sun by sun."""
    s = suns(latitude, chosen)
    t, f = np.radians(angle), np.radians(facing)
    normal = np.array([np.sin(t) * np.sin(f), np.sin(t) * np.cos(f), np.cos(t)])
    pressure = formulas.relative_pressure(height) if chosen.pressure else 1.0
    beam = formulas.beam_transmittance(formulas.air_mass(s.vector[:, 2]) * pressure)
    energy = s.irradiance * s.hours
    level = energy * s.vector[:, 2]
    return (
        np.sum(energy * beam * np.maximum(s.vector @ normal, 0.0)),
        np.sum(level * formulas.diffuse_transmittance(beam)) * np.cos(t / 2) ** 2,
        np.sum(level * formulas.reflectance_transmittance(beam)) * np.sin(t / 2) ** 2 * chosen.albedo,
    )


@pytest.mark.parametrize("latitude", [-78.1, -33.3, 0.07, 33.1, 66.4, 80.2])
@pytest.mark.parametrize(("angle", "facing"), [(0, 0), (20, 180), (35, 0), (40, 90), (50, 225)])
def test_planes_equal_the_sum_over_all_suns(latitude: float, angle: float, facing: float) -> None:
    """The table reproduces every sun of the year: direct within 0.1 % of level ground, the rest 0.01 %."""
    chosen = RadiationParameters(shading=False)
    z = plane(angle, facing)
    found = components(z, planar(z.shape, latitude), parameters=chosen)
    direct, diffuse, reflected = every_sun(latitude, angle, facing, 4500.0, chosen)
    level = every_sun(latitude, 0.0, 0.0, 4500.0, chosen)[0]
    assert found.direct[3, 3] == pytest.approx(direct, abs=1e-3 * level)
    assert found.diffuse[3, 3] == pytest.approx(diffuse, rel=1e-4)
    assert found.reflected[3, 3] == pytest.approx(reflected, rel=1e-4, abs=1e-4)
    assert found.total[3, 3] == pytest.approx(direct + diffuse + reflected, abs=1.2e-3 * level)


@pytest.mark.parametrize("field", ["pressure", "albedo", "declination", "days", "slope_method"])
def test_each_choice_changes_what_it_says(field: str) -> None:
    """Parameters reach the result, each compared with the sum over all suns."""
    chosen = {
        "pressure": RadiationParameters(shading=False, pressure=False),
        "albedo": RadiationParameters(shading=False, albedo=0.6),
        "declination": RadiationParameters(shading=False, declination=Declination.COOPER),
        "days": RadiationParameters(shading=False, first_day=150, last_day=240),
        "slope_method": RadiationParameters(shading=False, slope_method=SlopeMethod.ZEVENBERGEN_THORNE),
    }[field]
    z = plane(30.0, 140.0)
    found = potential_incoming_solar_radiation(z, planar(z.shape), parameters=chosen)
    assert found[3, 3] == pytest.approx(sum(every_sun(33.0, 30.0, 140.0, 4500.0, chosen)), rel=2e-4)


def test_a_slope_facing_the_equator_equals_level_ground_nearer_to_it() -> None:
    """Direct radiation at equinox: slope β at latitude L is level ground at L - β, in both hemispheres."""
    for latitude, facing in ((40.0, 180.0), (-40.0, 0.0)):
        day = RadiationParameters(shading=False, first_day=81, last_day=81, declination=Declination.COOPER)
        slope_ground = components(plane(25.0, facing), planar((7, 7), latitude), parameters=day)
        level = components(
            plane(0.0, 0.0), planar((7, 7), latitude - np.sign(latitude) * 25.0), parameters=day
        )
        # On day 81 the declination is 0: the sun rises due east on both. Air mass differs, so compare the
        # incidence alone, with transmittance out of the way: both planes see the same suns.
        a, b = suns(latitude, day), suns(latitude - np.sign(latitude) * 25.0, day)
        tilt = np.radians(25.0)
        normal = np.array([0.0, -np.sign(latitude) * np.sin(tilt), np.cos(tilt)])
        np.testing.assert_allclose(a.vector @ normal, b.vector[:, 2], atol=1e-12)
        beam_a = formulas.beam_transmittance(
            formulas.air_mass(a.vector[:, 2]) * formulas.relative_pressure(4500)
        )
        beam_b = formulas.beam_transmittance(
            formulas.air_mass(b.vector[:, 2]) * formulas.relative_pressure(4500)
        )
        expected = np.sum(beam_a * b.vector[:, 2]) / np.sum(beam_b * b.vector[:, 2])
        assert slope_ground.direct[3, 3] / level.direct[3, 3] == pytest.approx(expected, rel=5e-4)


def test_east_and_west_are_alike() -> None:
    """Mirroring the terrain east-west mirrors the radiation: morning and afternoon suns are the same."""
    z = fractal(96, 400.0, 1)
    chosen = RadiationParameters(n_sectors=32, search_radius=1500.0)
    found = potential_incoming_solar_radiation(z, planar(z.shape), parameters=chosen)
    mirrored = potential_incoming_solar_radiation(z[:, ::-1].copy(), planar(z.shape), parameters=chosen)
    np.testing.assert_allclose(mirrored[:, ::-1], found, rtol=2e-6, equal_nan=True)


def test_hemispheres_are_alike() -> None:
    """Over the equator: the mirrored terrain in the mirrored half year (opposite declinations) is equal."""
    z = fractal(64, 300.0, 2)
    north = RadiationParameters(
        n_sectors=32,
        search_radius=900.0,
        solar_constant=1.0,
        first_day=100,
        last_day=100,
        declination="cooper",
    )
    # Cooper: the declination of day 100 (8.0 degrees) is that of day 62 or so, negated; found by search.
    cooper = formulas.declination(np.arange(1, 366), Declination.COOPER)
    opposite = int(np.argmin(np.abs(cooper + cooper[99]))) + 1
    south = RadiationParameters(
        n_sectors=32, search_radius=900.0, first_day=opposite, last_day=opposite, declination="cooper",
        solar_constant=float(
            formulas.extraterrestrial_irradiance(100) / formulas.extraterrestrial_irradiance(opposite)
        ),
    )  # fmt: skip
    a = potential_incoming_solar_radiation(z, planar(z.shape, 33.0), parameters=north)
    b = potential_incoming_solar_radiation(z[::-1].copy(), planar(z.shape, -33.0), parameters=south)
    assert abs(cooper[opposite - 1] + cooper[99]) < 0.25
    np.testing.assert_allclose(b[::-1], a, rtol=0.02, equal_nan=True)
    assert np.nanmean(b) == pytest.approx(np.nanmean(a), rel=0.005)


def test_polar_night_is_dark_and_polar_day_is_round() -> None:
    """No radiation in polar night; in polar day the four walls of a house get almost the same."""
    night = RadiationParameters(first_day=355, last_day=355, shading=False)
    assert (
        np.nanmax(potential_incoming_solar_radiation(plane(10, 180), planar((7, 7), 80.0), parameters=night))
        == 0
    )
    day = RadiationParameters(first_day=172, last_day=172, shading=False)
    walls = [
        components(plane(60, facing), planar((7, 7), 89.9), parameters=day).direct[3, 3]
        for facing in (0, 90, 180, 270)
    ]
    assert np.ptp(walls) < 0.01 * np.mean(walls)


@pytest.mark.parametrize(("angle", "facing"), [(0, 0), (25, 77), (45, 200)])
def test_sky_view_of_a_plane(angle: float, facing: float) -> None:
    """The sky-view factor of an infinite plane is cos²(S/2), from its horizons as from its slope."""
    z = plane(angle, facing, size=41)
    for sky, tolerance in ((Sky.SLOPE, 1e-6), (Sky.HORIZON, 1e-4)):
        found = components(z, planar(z.shape), parameters=RadiationParameters(sky=sky, n_sectors=64))
        assert found.sky_view[20, 20] == pytest.approx(np.cos(np.radians(angle / 2)) ** 2, abs=tolerance)


def test_sky_view_in_a_basin() -> None:
    """On level ground in a round basin whose rim stands at α all around, the sky-view factor is cos² α."""
    n, rim = 521, 250
    y, x = np.mgrid[n // 2 : -n // 2 : -1, -(n // 2) : n // 2 + 1]
    height = np.tan(np.radians(20.0)) * rim * CELL
    z = height * np.clip((np.hypot(x, y) - rim + 10) / 10, 0.0, 1.0)
    mask = np.zeros(z.shape, dtype=bool)
    mask[n // 2, n // 2] = True
    chosen = RadiationParameters(sky=Sky.HORIZON, n_sectors=36, curvature=False)
    found = components(z, planar(z.shape), mask=mask, parameters=chosen)
    # The rim is met within one pixel, so the horizon is lower by up to 0.4 % of its tangent.
    assert found.sky_view[n // 2, n // 2] == pytest.approx(np.cos(np.radians(20.0)) ** 2, abs=1e-3)


@pytest.mark.parametrize(("latitude", "sectors", "limit"), [(33.0, 64, 0.003), (-47.0, 36, 0.003)])
def test_an_exact_march_of_every_sun(latitude: float, sectors: int, limit: float) -> None:
    """Against a march along the beam of each sun of every fifth day: RMSE of the total below 0.3 %."""
    z = fractal(400, 600.0, 8)
    grid = planar(z.shape, latitude)
    rng = np.random.default_rng(3)
    pixels = rng.integers(100, 300, (60, 2))
    r, c = pixels.T
    s = np.radians(slope(z, grid).astype(np.float64))[r, c]
    f = np.radians(aspect(z, grid).astype(np.float64))[r, c]
    normals = np.stack([np.sin(s) * np.sin(f), np.sin(s) * np.cos(f), np.cos(s)], axis=1)
    chosen = RadiationParameters(n_sectors=sectors, search_radius=6000.0, time_step=10.0)
    year = [
        suns(latitude, RadiationParameters(first_day=d, last_day=d, time_step=10.0)) for d in range(3, 366, 5)
    ]
    vectors = np.concatenate([day.vector for day in year])
    weight = np.concatenate([day.irradiance * day.hours * 5.0 for day in year])
    pressure = formulas.relative_pressure(z[r, c].astype(np.float64))
    beam = formulas.beam_transmittance(formulas.air_mass(vectors[:, 2])[None] * pressure[:, None])
    marched = marched_direct(
        z.astype(np.float64), CELL, pixels, normals, vectors, weight * beam, 6000.0, 15.0, 0.5 / EARTH_RADIUS
    )
    unshaded = (weight * beam * np.maximum(normals @ vectors.T, 0.0)).sum(axis=1)
    mask = np.zeros(z.shape, dtype=bool)
    mask[r, c] = True
    found = components(z, grid, mask=mask, parameters=chosen)
    rest = (found.diffuse + found.reflected)[r, c].astype(np.float64)
    error = (found.direct[r, c] + rest) / (marched + rest) - 1.0
    assert np.max(1.0 - marched / unshaded) > 0.05  # the terrain matters
    assert np.sqrt(np.mean(error**2)) < limit
    assert abs(np.mean(error)) < limit / 2


def test_shading_only_takes_away() -> None:
    """Terrain never adds direct radiation, and hidden suns are those below the horizon."""
    z = fractal(160, 500.0, 9)
    grid = planar(z.shape)
    shaded = components(z, grid, parameters=RadiationParameters(search_radius=2000.0))
    free = components(z, grid, parameters=RadiationParameters(shading=False))
    # Suns of a sector just behind the pixel's own plane count slightly negative: below 1e-3 of the total.
    assert np.nanmin((free.direct - shaded.direct) / free.total) > -1e-3
    assert np.nanmax(free.direct - shaded.direct) > 20.0
    open_sky = np.max(horizon(z, grid, radius=2000.0), axis=0) < 0.2
    assert open_sky[1:-1, 1:-1].any()
    np.testing.assert_allclose(shaded.direct[open_sky], free.direct[open_sky], rtol=1e-3)
    np.testing.assert_array_equal(shaded.diffuse, free.diffuse)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32645"])
def test_a_tile_with_its_halo_equals_the_whole(crs: str) -> None:
    """Whatever the window, mask and threads: the same bytes, given `required_halo`."""
    transform = (1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, 33.03)
    if crs != "EPSG:4326":
        transform = (CELL, 0.0, 4e5, 0.0, -CELL, 3.4e6)
    z = fractal(300, 500.0, 10)
    z[120:123, 100:140] = np.nan
    grid = Grid(transform, z.shape, crs)
    chosen = RadiationParameters(n_sectors=16, search_radius=1000.0, sky=Sky.HORIZON)
    whole = potential_incoming_solar_radiation(z, grid, parameters=chosen)
    assert np.isnan(whole).sum() == 4 * 299 + 5 * 42
    rows, cols = required_halo(grid, chosen)
    assert 33 < rows < 40
    assert 33 < cols < 45
    for r, c, h, w in ((60, 90, 40, 77), (150, 45, 101, 130), (50, 50, 1, 1)):
        top, left = r - rows, c - cols
        window = grid.window(top, left, (h + 2 * rows, w + 2 * cols))
        part = z[top : top + window.shape[0], left : left + window.shape[1]]
        mask = np.zeros(window.shape, dtype=bool)
        mask[rows : rows + h, cols : cols + w] = True
        found = potential_incoming_solar_radiation(part, window, mask=mask, parameters=chosen, threads=2)
        np.testing.assert_array_equal(found[rows : rows + h, cols : cols + w], whole[r : r + h, c : c + w])
        assert np.all(np.isnan(found[~mask]))


def test_latitude_counts_per_row() -> None:
    """Level ground on a tall geographic grid follows the latitude of each row, without steps."""
    grid = Grid((0.01, 0.0, 90.0, 0.0, -0.01, 39.0), (1200, 3), "EPSG:4326")
    z = np.full(grid.shape, 4700.0, dtype=np.float32)
    chosen = RadiationParameters(shading=False, n_sectors=16)
    found = potential_incoming_solar_radiation(z, grid, parameters=chosen)[1:-1, 1]
    assert np.all(np.diff(found) > 0)
    assert np.diff(found).max() < 2 * np.diff(found).mean()
    for row in (1, 333, 1190):
        latitude = 39.0 - 0.01 * (row + 0.5)
        assert found[row - 1] == pytest.approx(sum(every_sun(latitude, 0, 0, 4700.0, chosen)), rel=2e-5)


def test_elevation_counts_per_pixel() -> None:
    """Between the elevations of the table the pressure correction is right to 5e-5; beyond it, clamped."""
    chosen = RadiationParameters(shading=False, n_sectors=16)
    for height in (-430.0, 125.0, 2610.0, 4700.0, 8848.0):
        found = components(plane(0, 0, height), planar((7, 7)), parameters=chosen)
        direct, diffuse, _ = every_sun(33.0, 0.0, 0.0, height, chosen)
        assert found.direct[3, 3] == pytest.approx(direct, rel=5e-5)
        assert found.diffuse[3, 3] == pytest.approx(diffuse, abs=5e-5 * direct)
    low = potential_incoming_solar_radiation(plane(0, 0, -900.0), planar((7, 7)), parameters=chosen)
    assert low[3, 3] == pytest.approx(sum(every_sun(33.0, 0, 0, -500.0, chosen)), rel=5e-5)


def test_projected_and_geographic_grids_agree() -> None:
    """The same slope on the ground gets the same radiation in UTM, in degrees and on a plane."""
    chosen = RadiationParameters(shading=False)
    x, y = 292_000.0, 3_655_000.0  # near 33.0 N, 84.8 E: 2.2 degrees from the zone's centre
    utm = Grid((30.0, 0.0, x, 0.0, -30.0, y), (7, 7), "EPSG:32645")
    latitude = utm.latitudes()[3, 3]
    degrees = Grid((1 / 3600, 0.0, 84.8, 0.0, -1 / 3600, latitude + 3.5 / 3600), (7, 7), "EPSG:4326")
    values = []
    for grid in (utm, degrees, planar((7, 7), latitude)):
        a, b, c, d = (grid._interpolated(k)[3, 3, 0] for k in range(4))
        rows, cols = np.indices((7, 7)) - 3
        t, f = np.tan(np.radians(35.0)), np.radians(60.0)
        z = 4500.0 - t * (np.sin(f) * (a * cols + b * rows) + np.cos(f) * (c * cols + d * rows))
        values.append(potential_incoming_solar_radiation(z, grid, parameters=chosen)[3, 3])
    assert np.ptp(values) < 2e-5 * values[0]
    assert abs(utm.convergence()[3, 3]) > 1.0


def test_parameters_round_trip_and_are_checked() -> None:
    """Parameters survive JSON; values outside their range and unknown names are named."""
    chosen = RadiationParameters(sky=Sky.HORIZON, albedo=0.3, time_step=5.0)
    assert RadiationParameters.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    with pytest.raises(OptionError, match="Unknown radiation parameters albdo"):
        RadiationParameters.from_dict({"albdo": 0.3})
    for bad in ({"albedo": 1.5}, {"time_step": 0.0}, {"n_sectors": 2}, {"sky": "blue"}, {"last_day": 366}):
        with pytest.raises(OptionError, match=next(iter(bad))):
            RadiationParameters.from_dict(bad)


def test_a_plane_without_latitude_is_refused() -> None:
    """A planar grid must say where it is; an empty mask needs nothing."""
    z = plane(10, 0)
    grid = Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), z.shape)
    with pytest.raises(OptionError, match="latitude"):
        potential_incoming_solar_radiation(z, grid)
    nothing = potential_incoming_solar_radiation(z, grid, mask=np.zeros(z.shape, dtype=bool))
    assert np.all(np.isnan(nothing))


def test_halo_without_shading_is_one_pixel() -> None:
    """Without terrain shading only the neighbours count; with it, the radius in the row's own metres."""
    grid = Grid((1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, 61.0), (3600, 3600), "EPSG:4326")
    assert required_halo(grid, RadiationParameters(shading=False)) == (1, 1)
    rows, cols = required_halo(grid)
    assert 25_000 / 31.0 < rows < 25_000 / 30.0
    assert 25_000 / 15.05 < cols < 25_000 / 14.5
