"""Shared fixtures: where the real data lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

# The same examples on every run and machine, and no time limits.
settings.register_profile("rogi", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("rogi")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files, or skip: they are not part of the project."""
    root = Path(os.environ.get("ROGI_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "README.md").is_file():
        pytest.skip(f"real data are not at {root}; set ROGI_REAL_DATA to their folder")
    return root


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands remember of what they wrote is of this session only."""
    with pytest.MonkeyPatch.context() as context:
        context.setenv("ROGI_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def write_raster(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as a GeoTIFF: ``write_raster(name, array, transform, crs, **profile)``."""

    import rasterio

    def write(
        name: str, array: np.ndarray, transform: Any, crs: str | None = "EPSG:32645", **profile: Any
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = array if array.ndim == 3 else array[None]
        tags = profile.pop("tags", {})
        units = profile.pop("units", None)
        with rasterio.open(
            path, "w", driver="GTiff", height=bands.shape[1], width=bands.shape[2], count=bands.shape[0],
            dtype=bands.dtype, transform=transform, crs=crs, **profile,
        ) as file:  # fmt: skip
            file.write(bands)
            file.update_tags(**tags)
            if units:
                file.units = (units,) * bands.shape[0]
        return path

    return write


MISSING_PROGRAMS = ("no PostgreSQL with PostGIS here", "no QGIS here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud which programs were missed, and how to install them."""
    reasons = [str(r.longrepr[2]) for r in terminalreporter.stats.get("skipped", []) if r.longrepr]
    for program in MISSING_PROGRAMS:
        missed = [reason for reason in reasons if program in reason]
        if missed:
            what = missed[0].removeprefix("Skipped: ")
            terminalreporter.section("not tested", yellow=True)
            terminalreporter.line(f"{len(missed)} tests did not run: {what}")
