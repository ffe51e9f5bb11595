"""Vertical references and units are read; heights above the ellipsoid become metres above sea level."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from pyproj import network

from rogi.errors import InputError
from rogi.raster import heights
from rogi.raster.grid import Window
from rogi.raster.heights import Above, heights_of, horizontal, undulation, unit_factor

US_FOOT = 1200 / 3937
WKT1_ELLIPSOID = (
    'COMPD_CS["UTM 45N + ellipsoid",PROJCS["WGS 84 / UTM zone 45N",GEOGCS["WGS 84",DATUM["WGS_1984",'
    'SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
    'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",87],'
    'PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
    'UNIT["metre",1]],VERT_CS["Ellipsoid",VERT_DATUM["Ellipsoid",2002],UNIT["metre",1],AXIS["Up",UP]]]'
)


@pytest.mark.parametrize(
    ("crs", "surface", "name", "factor"),
    [
        ("EPSG:4326", Above.UNKNOWN, "", 1.0),
        ("EPSG:4326+3855", Above.SEA_LEVEL, "EGM2008 height", 1.0),
        ("EPSG:32645+5773", Above.SEA_LEVEL, "EGM96 height", 1.0),
        ("EPSG:6318+6360", Above.SEA_LEVEL, "NAVD88 height (ftUS)", US_FOOT),
        ("EPSG:6318+8228", Above.SEA_LEVEL, "NAVD88 height (ft)", 0.3048),
        ("EPSG:4326+5715", Above.SEA_LEVEL, "MSL depth", -1.0),
        ("EPSG:4979", Above.ELLIPSOID, "WGS 84 ellipsoid", 1.0),
        ("EPSG:4937", Above.ELLIPSOID, "GRS 1980 ellipsoid", 1.0),
        (pyproj.CRS(32645).to_3d(), Above.ELLIPSOID, "WGS 84 ellipsoid", 1.0),
        (WKT1_ELLIPSOID, Above.ELLIPSOID, "WGS 84 ellipsoid", 1.0),
    ],
)
def test_vertical_reference(crs: Any, surface: Above, name: str, factor: float) -> None:
    found = heights_of(crs)
    assert (found.surface, found.name) == (surface, name)
    assert found.factor == pytest.approx(factor, rel=1e-12)
    assert found.source == ("file" if name else "")
    flat = horizontal(crs)
    assert len(flat.axis_info) == 2
    assert not flat.is_compound
    assert flat.is_geographic == pyproj.CRS(crs).is_geographic


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("", None), ("unknown", None), ("m", 1.0), ("Metres", 1.0), ("m a.s.l.", 1.0),
        ("metres (EGM96)", 1.0),
        ("meters above mean sea level", 1.0), ("ft", 0.3048), ("Feet", 0.3048), ("[ft_i]", 0.3048),
        ("international foot", 0.3048), ("US survey foot", US_FOOT), ("us-ft", US_FOOT), ("ftUS", US_FOOT),
        ("Foot_US", US_FOOT), ("dm", 0.1), ("cm", 0.01), ("millimetres", 0.001), ("km", 1000.0),
    ],
)  # fmt: skip
def test_units(unit: str, factor: float | None) -> None:
    assert unit_factor(unit) == factor
    assert heights_of(4326, unit).factor == (1.0 if factor is None else factor)


@pytest.mark.parametrize("unit", ["K", "degrees", "%", "m/s"])
def test_a_unit_that_is_no_length_is_refused(unit: str) -> None:
    with pytest.raises(InputError, match="is no length"):
        heights_of(4326, unit)


def test_the_unit_of_the_band_goes_before_that_of_the_axis() -> None:
    found = heights_of("EPSG:6318+6360", "m")
    assert found.factor == 1.0
    assert "band's unit is used" in found.notes[0]
    assert heights_of("EPSG:6318+6360", "US survey foot").notes == (
        "its unit is 0.3048006 m; converted to metres",
    )
    assert heights_of(4326, "m").notes == heights_of(4326).notes == ()
    assert heights_of("EPSG:4326+5715", "ft").factor == -0.3048
    assert any("depths (MSL depth)" in note for note in heights_of("EPSG:4326+5715").notes)


def test_a_product_is_asked_only_where_the_file_says_nothing() -> None:
    assert heights_of(4326, product="EGM96").describe() == "EGM96 (known of the product)"
    assert heights_of(4326, product="ellipsoid of WGS84").surface is Above.ELLIPSOID
    assert heights_of("EPSG:4326+3855", product="ellipsoid of WGS84").surface is Above.SEA_LEVEL
    assert heights_of(4326).describe() == "not stated"
    assert heights_of(4979).describe() == "WGS 84 ellipsoid"


@pytest.fixture
def geoid(tmp_path: Path) -> Iterator[None]:
    """A geoid of the test's own where PROJ looks for EGM2008: N = 0.1 longitude + 0.2 latitude."""
    before = pyproj.datadir.get_data_dir()
    latitude, longitude = np.arange(90, -90.1, -2.5), np.arange(-180, 180, 2.5)
    values = (0.1 * longitude[None, :] + 0.2 * latitude[:, None]).astype(np.float32)
    with rasterio.open(
        tmp_path / "egm08_25.gtx", "w", driver="GTX", width=len(longitude), height=len(latitude), count=1,
        dtype="float32", transform=Affine(2.5, 0, -181.25, 0, -2.5, 91.25),
    ) as file:  # fmt: skip
        file.write(values[None])
    pyproj.datadir.append_data_dir(str(tmp_path))
    heights._transformer.cache_clear()
    yield
    pyproj.datadir.set_data_dir(before)
    heights._transformer.cache_clear()


@pytest.mark.usefixtures("geoid")
@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1 / 3600, 0, 90.0, 0, -1 / 3600, 31.0)),
        ("EPSG:4979", Affine(0.1, 0, 90.0, 0, -0.1, 31.0)),
        ("EPSG:32646", Affine(30.0, 0, 400_000.0, 0, -30.0, 3_400_000.0)),
    ],
)
def test_undulation(crs: str, transform: Affine) -> None:
    found = undulation(crs, transform, (300, 200))
    assert found is not None
    assert found.geoid == "EGM2008"
    whole = found.read(Window(-3, 120, -5, 90))
    row, column = np.mgrid[-3:120, -5:90] + 0.5
    x, y = transform @ (column, row)
    lon, lat = pyproj.Transformer.from_crs(horizontal(crs), 4326, always_xy=True).transform(x, y)
    np.testing.assert_allclose(whole, 0.1 * lon + 0.2 * lat, atol=2e-5)
    part = found.read(Window(37, 61, 11, 77))
    np.testing.assert_array_equal(part, whole[40:64, 16:82])


@pytest.mark.usefixtures("geoid")
def test_nodes_lie_about_a_kilometre_apart() -> None:
    fine = undulation("EPSG:32646", Affine(30.0, 0, 400_000.0, 0, -30.0, 3_400_000.0), (300, 200))
    coarse = undulation("EPSG:32646", Affine(5000.0, 0, 400_000.0, 0, -5000.0, 3_400_000.0), (3, 2))
    assert fine is not None
    assert coarse is not None
    assert (fine.step, coarse.step) == (33, 1)


def test_without_a_geoid_there_is_no_undulation_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """PROJ may be set to fetch grids; rogi does not let it."""
    seen = []
    group = heights.TransformerGroup

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(network.is_network_enabled())
        return group(*args, **kwargs)

    monkeypatch.setattr(heights, "TransformerGroup", spy)
    heights._transformer.cache_clear()
    network.set_network_enabled(True)
    try:
        assert undulation(4326, Affine(0.1, 0, 90, 0, -0.1, 31), (10, 10)) is None
        assert network.is_network_enabled()
    finally:
        network.set_network_enabled(False)
        heights._transformer.cache_clear()
    assert seen == [False, False]
    assert "projsync" in heights.unconverted_note("dem.tif has heights above the WGS 84 ellipsoid")
