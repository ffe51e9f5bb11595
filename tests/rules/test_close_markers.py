"""Nearest markers of PID005 against all pairs, also at the poles and across the antimeridian."""

from __future__ import annotations

import numpy as np
import pytest

from rogi.rules.primary_ids.pid005_marker_collision import EARTH_RADIUS, _nearest


@pytest.mark.parametrize("place", [(97.0, 30), (180.0, 10.0), (-180.0, -65), (0.0, 89.9999), (50.0, -89)])
@pytest.mark.parametrize("limit", [11.0, 4000.0])
def test_nearest_is_that_of_all_pairs(place: tuple[float, float], limit: float) -> None:
    rng = np.random.default_rng(3)
    spread = np.degrees(limit / EARTH_RADIUS) * 4
    latitude = place[1] + rng.uniform(-spread, spread, 60)
    latitude = np.where(np.abs(latitude) > 90, place[1], latitude)
    wide = spread / max(np.cos(np.radians(place[1])), 1e-3)
    longitude = (place[0] + rng.uniform(-wide, wide, 60) + 180) % 360 - 180
    found = _nearest(longitude, latitude, limit)
    x, y = np.radians(longitude), np.radians(latitude)
    at = EARTH_RADIUS * np.column_stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    apart = np.linalg.norm(at[:, None] - at[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    best = apart.min(axis=1)
    np.testing.assert_array_equal(found >= 0, best < limit)
    near = np.flatnonzero(found >= 0)
    assert len(near)
    np.testing.assert_allclose(apart[near, found[near]], best[near], atol=1e-6)


def test_markers_at_one_place_name_each_other() -> None:
    found = _nearest(np.array([97.0, 98.0, 97.0]), np.array([30.0, 30.0, 30.0]), 11.0)
    assert found.tolist() == [2, -1, 0]
