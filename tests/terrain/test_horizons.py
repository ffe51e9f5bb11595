"""Horizons: closed forms (wall, cone, curvature), symmetry, a naive march, and independence of the window."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from terrain_oracles import bilinear, fractal

from rogi.errors import OptionError
from rogi.terrain import horizon
from rogi.terrain.grid import EARTH_RADIUS, Grid
from rogi.terrain.rays import PAD, highest_around, ray_steps

CELL = 30.0


def planar(shape: tuple[int, int]) -> Grid:
    return Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), shape)


def test_a_wall_stands_at_its_height_over_distance() -> None:
    """A wall 600 m high to the north: tan h = 600 cos(azimuth) / distance, level elsewhere."""
    z = np.full((201, 801), 1000.0, dtype=np.float32)
    z[:21] = 1600.0
    found = horizon(z, planar(z.shape), n_sectors=36, radius=12_000.0, curvature=False)[:, :, 400]
    for k in range(36):
        north = np.cos(np.radians(10.0 * k))
        for row in (21, 40, 100, 180):
            distance = (row - 20) * CELL
            if north > 0.71:
                assert found[k, row] == pytest.approx(np.degrees(np.arctan(600 * north / distance)), abs=2e-4)
            elif north > 0.49:  # sampled where the ray crosses columns: within a row of the edge
                tangent = np.tan(np.radians(float(found[k, row])))
                assert 600 * north / (distance + CELL) <= tangent * 1.00001
                assert tangent <= 600 * north / distance * 1.00001
            elif north <= 1e-9:
                assert found[k, row] == 0.0


def test_a_cone_is_seen_at_its_tip() -> None:
    """From level ground around a cone, the horizon toward the tip is that of the tip; from its flank too."""
    n = 301
    y, x = np.mgrid[n // 2 : -n // 2 : -1, -(n // 2) : n // 2 + 1] * CELL
    z = np.maximum(1000.0 - 0.5 * np.hypot(x, y), 0.0).astype(np.float32)
    found = horizon(z, planar(z.shape), n_sectors=8, radius=20_000.0, curvature=False)
    m = n // 2
    for k, (dr, dc) in enumerate([(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]):
        for steps in (20, 90, 140):  # looking along azimuth 45 k from the opposite side of the tip
            distance = steps * CELL * np.hypot(dr, dc)
            rise = 1000.0 - max(1000.0 - 0.5 * distance, 0.0)
            expected = np.degrees(np.arctan(rise / distance))
            assert found[k, m + dr * steps, m + dc * steps] == pytest.approx(expected, abs=1e-3)
    assert np.all(found[:, m, m] == 0.0)


def test_the_earth_is_round() -> None:
    """A far tower sinks by s² / 2R: 1000 m at 24 km stand 45 m lower; without curvature they do not."""
    z = np.zeros((9, 900), dtype=np.float32)
    z[:, 850] = 1000.0
    east = 90  # of 360 sectors
    for curvature, drop in ((False, 0.0), (True, 24_000.0**2 / 2 / EARTH_RADIUS)):
        found = horizon(
            z, planar(z.shape), n_sectors=360, curvature=curvature, mask=np.arange(900)[None] == [[50]] * 9
        )
        assert found[east, 4, 50] == pytest.approx(np.degrees(np.arctan((1000 - drop) / 24_000)), abs=1e-4)


def test_the_radius_is_exact() -> None:
    """Terrain at the radius hides the sky, terrain one pixel beyond does not."""
    z = np.zeros((9, 200), dtype=np.float32)
    z[:, 150] = 500.0
    found = horizon(z, planar(z.shape), n_sectors=4, radius=50 * CELL, curvature=False)
    assert found[1, 4, 100] == pytest.approx(np.degrees(np.arctan(500 / (50 * CELL))), abs=1e-4)
    assert found[1, 4, 99] == 0.0


@pytest.mark.parametrize("seed", [3, 4])
def test_no_sample_is_missed(seed: int) -> None:
    """Equal, to the bit, to the maximum over all samples of the ray, taken one by one."""
    z = fractal(256, 500.0, seed)
    z[np.random.default_rng(seed).random(z.shape) < 0.001] = np.nan
    z[100:110, 30:60] = np.nan
    grid = planar(z.shape)
    n, radius = 24, 3000.0
    found = horizon(z, grid, n_sectors=n, radius=radius)
    count = 112
    offsets, weights = np.zeros((count, 4), np.int32), np.zeros(count, np.float32)
    inverse, drop = np.zeros(count, np.float32), np.zeros(count, np.float32)
    jacobian = np.array([CELL, 0.0, 0.0, -CELL, 0.0])
    rng = np.random.default_rng(0)
    for k in range(n):
        azimuth = 2 * np.pi * k / n
        steps = ray_steps(
            jacobian, np.sin(azimuth), np.cos(azimuth), radius, 0.5 / EARTH_RADIUS, False,
            offsets, weights, inverse, drop,
        )  # fmt: skip
        for r, c in rng.integers(0, 256, (60, 2)):
            if np.isnan(z[r, c]):
                assert np.isnan(found[k, r, c])
                continue
            best = np.float32(0.0)
            for i in range(steps):
                r0, c0, r1, c1 = offsets[i] + np.array([r, c, r, c])
                if min(r0, c0, r1, c1) < 0 or max(r0, c0, r1, c1) >= 256:
                    continue
                w = weights[i]
                rise = (np.float32(1) - w) * (z[r0, c0] - z[r, c]) + w * (z[r1, c1] - z[r, c])
                t = (rise - drop[i]) * inverse[i]
                best = t if t > best else best
            assert found[k, r, c] == np.float32(np.degrees(np.arctan(np.float64(best))))


def test_a_fine_march_finds_the_same_horizon() -> None:
    """A march of bilinear terrain at a fifth of a pixel finds the same, but for the bend of its patches."""
    z = fractal(300, 700.0, 5)
    found = horizon(z, planar(z.shape), n_sectors=16, radius=4000.0)
    z64 = z.astype(np.float64)
    rng = np.random.default_rng(1)
    differences = []
    for r, c in rng.integers(140, 160, (40, 2)):
        for k in range(16):
            s = np.arange(CELL, 4000.0, CELL / 5)
            y, x = r - s * np.cos(k * np.pi / 8) / CELL, c + s * np.sin(k * np.pi / 8) / CELL
            height = np.array([bilinear(z64, *p) for p in zip(y, x, strict=True)])
            tangent = ((height - z64[r, c] - s * s / 2 / EARTH_RADIUS) / s).max()
            differences.append(found[k, r, c] - np.degrees(np.arctan(max(tangent, 0.0))))
    assert np.sqrt(np.mean(np.square(differences))) < 0.15
    assert abs(np.median(differences)) < 0.01


def test_turning_the_terrain_turns_the_horizons() -> None:
    """Rotating the DEM by 90 degrees moves every horizon by a quarter of the sectors, to the bit."""
    z = fractal(160, 600.0, 6)
    found = horizon(z, planar(z.shape), n_sectors=16, radius=3000.0)
    turned = horizon(np.rot90(z, -1).copy(), planar(z.shape), n_sectors=16, radius=3000.0)
    np.testing.assert_allclose(
        np.rot90(np.roll(found, 4, axis=0), -1, axes=(1, 2)), turned, atol=2e-5, equal_nan=True
    )


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32645", None])
def test_a_tile_with_its_halo_equals_the_whole(crs: str | None) -> None:
    """Pixels whose search radius lies inside the window have the bytes of the whole raster."""
    transform = (1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, 61.0)
    if crs != "EPSG:4326":
        transform = (CELL, 0.0, 4e5, 0.0, -CELL, 3.4e6)
    z = fractal(330, 600.0, 7)
    z[200:203, 100:140] = np.nan
    grid = Grid(transform, z.shape, crs)
    radius = 900.0
    whole = horizon(z, grid, n_sectors=12, radius=radius)
    halo = 32 if crs != "EPSG:4326" else 64
    for r, c, h, w in ((0, 0, 120, 150), (37, 90, 200, 171), (150, 171, 180, 159)):
        part = horizon(z[r : r + h, c : c + w], grid.window(r, c, (h, w)), n_sectors=12, radius=radius)
        top, left = (halo if r else 0), (halo if c else 0)
        bottom, right = h - (halo if r + h < 330 else 0), w - (halo if c + w < 330 else 0)
        np.testing.assert_array_equal(
            part[:, top:bottom, left:right], whole[:, r + top : r + bottom, c + left : c + right]
        )
    given = horizon(z, grid, azimuths=[90.0, 240.0], radius=radius)
    np.testing.assert_array_equal(given, whole[[3, 8]])
    mask = np.random.default_rng(2).random(z.shape) < 0.01
    masked = horizon(z, grid, n_sectors=12, radius=radius, mask=mask)
    np.testing.assert_array_equal(masked[:, mask], whole[:, mask])
    assert np.all(np.isnan(masked[:, ~mask]))


@pytest.mark.parametrize("latitude", [-72.0, -33.0, 0.0, 47.0, 80.0])
def test_rays_on_geographic_grids_follow_geodesics(latitude: float) -> None:
    """Samples lie where pyproj's geodesics lead: within 3 m at 25 km, 60 m beyond 60°."""
    grid = Grid((1 / 3600, 0.0, 10.0, 0.0, -1 / 3600, latitude), (1, 1), "EPSG:4326")
    nodes = grid.metric().nodes[0, 0]
    geod = pyproj.Geod(ellps="WGS84")
    size = 8000
    offsets, weights = np.zeros((size, 4), np.int32), np.zeros(size, np.float32)
    inverse, drop = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for azimuth in (0.0, 30.0, 77.0, 135.0, 200.0, 270.0, 350.0):
        a = np.radians(azimuth)
        count = ray_steps(nodes, np.sin(a), np.cos(a), 25_000.0, 0.0, True, offsets, weights, inverse, drop)
        last = count - 1
        row = (1 - weights[last]) * offsets[last, 0] + weights[last] * offsets[last, 2]
        col = (1 - weights[last]) * offsets[last, 1] + weights[last] * offsets[last, 3]
        lon, lat, _ = geod.fwd(10 + 0.5 / 3600, latitude - 0.5 / 3600, azimuth, 1 / inverse[last])
        there = geod.inv(lon, lat, 10 + (col + 0.5) / 3600, latitude - (row + 0.5) / 3600)[2]
        assert 24_800.0 < 1 / inverse[last] <= 25_001.0
        assert there < (3.0 if abs(latitude) < 60 else 60.0)


def test_the_ceiling_covers_the_terrain_around_every_cell() -> None:
    """The coarse maxima are those of the pixels of the surrounding cells; voids do not count."""
    z = np.random.default_rng(0).normal(size=(37, 51)).astype(np.float32)
    z[5, 6] = np.nan
    found = highest_around(z)
    assert found.shape == (10 + 2 * PAD, 13 + 2 * PAD)
    for i in range(-PAD, 10 + PAD):
        for j in range(-PAD, 13 + PAD):
            part = z[max(0, 4 * (i - PAD)) : 4 * (i + PAD + 1), max(0, 4 * (j - PAD)) : 4 * (j + PAD + 1)]
            expected = np.nanmax(part) if part.size and 4 * (i + PAD + 1) > 0 < j + PAD + 1 else -np.inf
            assert found[i + PAD, j + PAD] == expected


def test_options_are_checked() -> None:
    """No sectors, no radius, a mask of another shape and a grid at the pole say what is allowed."""
    z = np.zeros((5, 5), dtype=np.float32)
    with pytest.raises(OptionError, match="at least one sector"):
        horizon(z, planar(z.shape), n_sectors=0)
    with pytest.raises(OptionError, match="positive radius"):
        horizon(z, planar(z.shape), radius=0.0)
    with pytest.raises(OptionError, match="mask"):
        horizon(z, planar(z.shape), mask=np.ones((4, 5), dtype=bool))
    with pytest.raises(OptionError, match="polar projection"):
        horizon(z, Grid((0.01, 0.0, 0.0, 0.0, -0.01, 90.0), (5, 5), "EPSG:4326"))
    nothing = horizon(z, planar(z.shape), n_sectors=4, mask=np.zeros((5, 5), dtype=bool))
    assert np.all(np.isnan(nothing))
