"""Where cells lie: grid mappings against pyproj and rioxarray, axes either way, curved grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rioxarray
import shapely
import xarray as xr
from climates import BOUNDS, at, field, saved, series, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rogi.attributes.zonal.zonal import zonal_statistics
from rogi.errors import InputError

PLACE = (91.3, 31.2)
AROUND = (91.1, 31.0, 91.5, 31.4)

SPHERE = {"earth_radius": 6371229.0}
MAPPINGS: dict[str, dict[str, Any]] = {
    "lambert": {
        "grid_mapping_name": "lambert_conformal_conic",
        "standard_parallel": [30.0, 40.0],
        "latitude_of_projection_origin": 32.0,
        "longitude_of_central_meridian": 90.0,
    },
    "lambert on a sphere": {
        "grid_mapping_name": "lambert_conformal_conic",
        "standard_parallel": 35.0,
        "latitude_of_projection_origin": 35.0,
        "longitude_of_central_meridian": 90.0,
        **SPHERE,
    },
    "polar": {
        "grid_mapping_name": "polar_stereographic",
        "straight_vertical_longitude_from_pole": 80.0,
        "latitude_of_projection_origin": 90.0,
        "standard_parallel": 60.0,
    },
    "equal area": {
        "grid_mapping_name": "albers_conical_equal_area",
        "standard_parallel": [25.0, 47.0],
        "latitude_of_projection_origin": 0.0,
        "longitude_of_central_meridian": 105.0,
    },
    "azimuthal": {
        "grid_mapping_name": "lambert_azimuthal_equal_area",
        "latitude_of_projection_origin": 30.0,
        "longitude_of_projection_origin": 90.0,
    },
    "mercator": {
        "grid_mapping_name": "transverse_mercator",
        "scale_factor_at_central_meridian": 0.9996,
        "longitude_of_central_meridian": 93.0,
        "latitude_of_projection_origin": 0.0,
        "false_easting": 500000.0,
        "false_northing": 0.0,
    },
    "wkt": {"crs_wkt": pyproj.CRS(32645).to_wkt()},
    "spatial_ref": {"spatial_ref": pyproj.CRS(32646).to_wkt("WKT1_GDAL"), "GeoTransform": "1 2 3 4 5 6"},
    "rotated pole": {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 39.25,
        "grid_north_pole_longitude": -162.0,
    },
    "rotated pole of East Asia": {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": 77.61,
        "grid_north_pole_longitude": -64.78,
        **SPHERE,
    },
}


def crs_of(mapping: dict[str, Any]) -> pyproj.CRS:
    wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    return pyproj.CRS(wkt) if wkt else pyproj.CRS.from_cf(mapping)


def projected(
    mapping: dict[str, Any], unit: str = "m", cell: float = 10_000.0, name: str = "crs"
) -> xr.Dataset:
    """°C = longitude / 100 + latitude of each cell's centre, by PROJ; rows from the south."""
    crs = crs_of(mapping)
    there = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    x0, y0 = there.transform(*PLACE)
    step = cell / 100_000.0 if crs.is_geographic else cell
    x, y = x0 + step * (np.arange(31) - 14.6), y0 + step * (np.arange(29) - 13.7)
    lon, lat = there.transform(*np.meshgrid(x, y), direction="INVERSE")
    scale = {"m": 1.0, "km": 1e-3, "degrees": 1.0}[unit]
    names = ("rlon", "rlat") if crs.is_geographic else ("x", "y")
    standard = (
        ("grid_longitude", "grid_latitude")
        if crs.is_geographic
        else tuple(f"projection_{axis}_coordinate" for axis in "xy")
    )
    data = xr.Dataset(
        {"tas": (names[::-1], lat + lon / 100, {"units": "degC", "grid_mapping": name})},
        {
            n: (n, v * scale, {"units": unit, "standard_name": s})
            for n, v, s in zip(names, (x, y), standard, strict=True)
        },
    )
    data[name] = ((), 0, mapping)
    return data


def expected(place: tuple[float, float] = PLACE) -> float:
    return place[1] + place[0] / 100


@pytest.mark.parametrize("kind", MAPPINGS)
def test_grid_mappings(tmp_path: Path, kind: str) -> None:
    """Cells of 10 km lie within half a cell of where PROJ has them, also in km and from the north."""
    mapping = MAPPINGS[kind]
    angular = "rotated" in kind
    for unit in ("degrees",) if angular else ("m", "km"):
        data = projected(mapping, unit)
        for order in (1, -1):
            y = "rlat" if angular else "y"
            path = saved(data.isel({y: slice(None, None, order)}), tmp_path / f"{unit}{order}.nc")
            found = field(path, "temperature", AROUND)
            for place in (PLACE, (91.15, 31.35)):
                assert at(found, *place) == pytest.approx(expected(place), abs=0.06), unit
            if not angular:
                continue
            assert not found.raster.crs.is_projected
    # the value of the cell itself
    crs = crs_of(mapping)
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(*PLACE)
    nearest = data.tas.sel(
        {
            data.tas.dims[1]: x / (1e3 if not angular else 1),
            data.tas.dims[0]: y / (1e3 if not angular else 1),
        },
        method="nearest",
    )
    assert at(found, *PLACE, radius=0.001) == pytest.approx(float(nearest), abs=1e-6)


def test_rioxarray_writes_and_reads_the_same(tmp_path: Path) -> None:
    """What rioxarray writes is read; what it reads of the same file has the same grid."""
    data = series("degC", None).isel(time=0, drop=True)
    data["v"] = data.v + data.lat + data.lon / 100
    there = (
        data.v.rio.write_crs(4326)
        .rio.set_spatial_dims("lon", "lat")
        .rio.reproject("EPSG:32646", resolution=5e4)
    )
    path = tmp_path / "r.nc"
    there.rename("v").assign_attrs(units="degC").to_netcdf(path)
    found = field(path, "temperature", AROUND)
    other = rioxarray.open_rasterio(path)
    assert found.raster.crs == pyproj.CRS(other.rio.crs.to_wkt())
    assert found.raster.transform.a == pytest.approx(other.rio.transform().a)
    x, y = pyproj.Transformer.from_crs(4326, 32646, always_xy=True).transform(*PLACE)
    assert at(found, *PLACE) == pytest.approx(float(other.sel(x=x, y=y, method="nearest").squeeze()))


def test_coordinates_that_gdal_left_out(tmp_path: Path) -> None:
    """GDAL's GeoTransform in place of coordinates."""
    data = projected(MAPPINGS["wkt"]).isel(y=slice(None, None, -1))
    x, y = data.x.values, data.y.values
    data["crs"].attrs["GeoTransform"] = f"{x[0] - 5000} 10000 0 {y[0] + 5000} 0 -10000"
    found = field(saved(data.drop_vars(["x", "y"]), tmp_path / "g.nc"), "temperature", AROUND)
    assert at(found, *PLACE) == pytest.approx(expected(), abs=0.06)


def test_geostationary_angles(tmp_path: Path) -> None:
    """Scanning angles are metres of the projection after the height is taken out."""
    mapping = {
        "grid_mapping_name": "geostationary",
        "perspective_point_height": 35785831.0,
        "longitude_of_projection_origin": 82.0,
        "latitude_of_projection_origin": 0.0,
        "sweep_angle_axis": "y",
        "semi_major_axis": 6378137.0,
        "semi_minor_axis": 6356752.3,
    }
    data = projected(mapping)
    for axis in "xy":
        data[axis] = (
            axis,
            data[axis].values / 35785831.0,
            {"units": "radian", "standard_name": f"projection_{axis}_angular_coordinate"},
        )
    found = field(saved(data, tmp_path / "g.nc"), "temperature", AROUND)
    assert at(found, *PLACE) == pytest.approx(expected(), abs=0.1)


def test_names_of_the_mapping(tmp_path: Path) -> None:
    """CF's extended form; one that no field names; one that is lost; one that PROJ does not know."""
    data = projected(MAPPINGS["lambert"])
    data["tas"].attrs["grid_mapping"] = "crs: x y"
    assert at(field(saved(data, tmp_path / "a.nc"), "temperature", AROUND), *PLACE) == pytest.approx(
        expected(), abs=0.06
    )
    del data["tas"].attrs["grid_mapping"]
    assert at(field(saved(data, tmp_path / "b.nc"), "temperature", AROUND), *PLACE) == pytest.approx(
        expected(), abs=0.06
    )
    bare = saved(data.drop_vars("crs"), tmp_path / "c.nc")
    with pytest.raises(
        InputError, match=r"c.nc does not say what its coordinates x and y are.*with --maat-crs"
    ):
        field(bare, "temperature", AROUND)
    wkt = crs_of(MAPPINGS["lambert"]).to_wkt()
    assert at(field(bare, "temperature", AROUND, crs=wkt), *PLACE) == pytest.approx(expected(), abs=0.06)
    data["tas"].attrs["grid_mapping"] = "lost"
    with pytest.raises(InputError, match=r"Variable tas of .*d.nc names the grid mapping 'lost'.*--maat-crs"):
        field(saved(data, tmp_path / "d.nc"), "temperature", AROUND)
    data["tas"].attrs["grid_mapping"] = "crs"
    data["crs"].attrs = {"grid_mapping_name": "dymaxion"}
    with pytest.raises(InputError, match=r"grid mapping 'dymaxion' of .*e.nc is not.*--maat-crs"):
        field(saved(data, tmp_path / "e.nc"), "temperature", AROUND)
    named = data.drop_vars("crs").assign_attrs(crs=wkt)
    del named["tas"].attrs["grid_mapping"]
    assert at(field(saved(named, tmp_path / "f.nc"), "temperature", AROUND), *PLACE) == pytest.approx(
        expected(), abs=0.06
    )


def test_axes_in_another_unit(tmp_path: Path) -> None:
    data = projected(MAPPINGS["lambert"])
    data["x"].attrs["units"] = "feet"
    with pytest.raises(InputError, match=r"coordinate x of .* has the unit 'feet'.*counts in metre"):
        field(saved(data, tmp_path / "a.nc"), "temperature", AROUND)
    data["x"].attrs["units"] = data["y"].attrs["units"] = ""
    assert at(field(saved(data, tmp_path / "b.nc"), "temperature", AROUND), *PLACE) == pytest.approx(
        expected(), abs=0.06
    )


def test_a_rotated_grid_without_its_pole(tmp_path: Path) -> None:
    """Its degrees are never taken for longitudes and latitudes; those of its cells are used."""
    data = projected(MAPPINGS["rotated pole"], "degrees").drop_vars("crs")
    del data["tas"].attrs["grid_mapping"]
    with pytest.raises(InputError, match="does not say what its coordinates rlon and rlat are"):
        field(saved(data, tmp_path / "a.nc"), "temperature", AROUND)
    crs = crs_of(MAPPINGS["rotated pole"])
    lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(
        *np.meshgrid(data.rlon, data.rlat)
    )
    data = data.assign_coords(lon=(("rlat", "rlon"), lon), lat=(("rlat", "rlon"), lat))
    assert at(field(saved(data, tmp_path / "b.nc"), "temperature", AROUND), *PLACE) == pytest.approx(
        expected(), abs=0.06
    )


def test_longitudes_and_latitudes_either_way(tmp_path: Path) -> None:
    """0 to 360 or -180 to 180, both ends of a circle, north or south first: no cut at Greenwich."""
    lat = np.arange(-89.5, 90)
    circles = (np.arange(0.5, 360), np.arange(-179.5, 180), np.arange(0.5, 361))
    for bounds in ((-71.0, -30.0, -69.6, -28.6), (-0.9, 42.0, 1.5, 42.6), (178.5, 66.0, 181.1, 66.6)):
        centre = (bounds[0] + bounds[2]) / 2
        found = set()
        for lon in circles:
            for order in (lat, lat[::-1]):
                place = ((lon + 180) % 360 - 180)[None, None, :] / 10 + order[None, :, None] / 10
                data = series(
                    "degC", np.broadcast_to(place, (12, 180, len(lon))), longitude=lon, latitude=order
                )
                found.add(round(value(saved(data, tmp_path / "t.nc"), "temperature", bounds), 6))
        cell = np.floor(centre) + 0.5
        latitude = np.floor((bounds[1] + bounds[3]) / 2) + 0.5
        assert len(found) == 1
        assert found.pop() == pytest.approx(((cell + 180) % 360 - 180) / 10 + latitude / 10)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    turn=st.sampled_from([0, 360, -360]),
    north=st.booleans(),
    transposed=st.booleans(),
    single=st.booleans(),
    name=st.sampled_from([("lon", "lat"), ("longitude", "latitude"), ("i", "j"), ("X", "Y")]),
    cell=st.sampled_from([0.1, 0.25, 0.5]),
    shift=st.floats(0, 1),
)
def test_any_regular_grid(
    tmp_path: Path,
    turn: int,
    north: bool,
    transposed: bool,
    single: bool,
    name: tuple[str, str],
    cell: float,
    shift: float,
) -> None:
    """The cell that contains a place has its value, whatever the axes look like."""
    lon, lat = 84 + cell * (np.arange(60) + shift), 29 + cell * (np.arange(50) + shift)
    lat = lat[::-1] if north else lat
    data = xr.Dataset(
        {"tas": (name[::-1], lon[None, :] / 10 + lat[:, None] / 100, {"units": "degC"})},
        {
            name[0]: (
                name[0],
                (lon + turn).astype(np.float32 if single else np.float64),
                {"units": "degrees_east"},
            ),
            name[1]: (name[1], lat.astype(np.float32 if single else np.float64), {"units": "degrees_north"}),
        },
    )
    data = data.transpose(*name) if transposed else data
    place = lon[20] + 0.2 * cell, lat[22] - 0.2 * cell
    box = (place[0] - 0.1, place[1] - 0.1, place[0] + 0.1, place[1] + 0.1)
    found = field(saved(data, tmp_path / "t.nc"), "temperature", box)
    assert at(found, *place, radius=0.1 * cell) == pytest.approx(lon[20] / 10 + lat[22] / 100)


def wrf(map_proj: int) -> tuple[xr.Dataset, pyproj.CRS]:
    attributes = {
        "MAP_PROJ": map_proj,
        "TRUELAT1": 30.0,
        "TRUELAT2": 60.0,
        "STAND_LON": 92.0,
        "MOAD_CEN_LAT": 31.0,
        "CEN_LAT": 31.0,
        "CEN_LON": 92.0,
    }
    crs = pyproj.CRS(
        {
            1: "+proj=lcc +lat_1=30 +lat_2=60 +lat_0=31 +lon_0=92 +R=6370000",
            2: "+proj=stere +lat_0=90 +lat_ts=30 +lon_0=92 +R=6370000",
            3: "+proj=merc +lat_ts=30 +lon_0=92 +R=6370000",
        }[map_proj]
    )
    there = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    x0, y0 = there.transform(*PLACE)
    x, y = x0 + 1e4 * (np.arange(31) - 15), y0 + 1e4 * (np.arange(29) - 14)
    lon, lat = there.transform(*np.meshgrid(x, y), direction="INVERSE")
    grid = ("Time", "south_north", "west_east")
    data = xr.Dataset(
        {"T2": (grid, (lat + lon / 100)[None] + 273.15, {"units": "K", "coordinates": "XLONG XLAT XTIME"})},
        {
            "XLONG": (grid, lon[None].astype(np.float32), {"units": "degree_east"}),
            "XLAT": (grid, lat[None].astype(np.float32), {"units": "degree_north"}),
        },
        attributes,
    )
    return data.isel(Time=[0] * 12), crs


@pytest.mark.parametrize("map_proj", [1, 2, 3])
def test_wrf(tmp_path: Path, map_proj: int) -> None:
    """Its projection is that of its attributes; its coordinates are those of the cells, repeated in time."""
    data, crs = wrf(map_proj)
    del data["T2"].attrs["coordinates"]
    found = field(saved(data, tmp_path / "w.nc"), "temperature", AROUND)
    assert found.raster.crs == crs
    assert found.raster.transform.a == pytest.approx(1e4, rel=1e-4)
    for place in (PLACE, (91.2, 31.1)):
        assert at(found, *place) == pytest.approx(expected(place), abs=0.06)


@pytest.mark.parametrize("turned", [False, True])
def test_curved_grids(tmp_path: Path, turned: bool) -> None:
    """Cells on a spiral: means of a unit are within what the quarter cells can tell; none beyond the grid."""
    u, v = np.meshgrid(np.linspace(-1, 1, 81), np.linspace(-1, 1, 71))
    lon, lat = 91.3 + 2 * u + 0.5 * v + 0.2 * u * v, 31.2 + 1.6 * v - 0.4 * u + 0.2 * u**2
    data = xr.Dataset(
        {"tas": (("j", "i"), lat + lon / 100, {"units": "degC"})},
        {
            "nav_lon": (("j", "i"), lon - 360 * turned, {"units": "degrees_east"}),
            "nav_lat": (("j", "i"), lat, {"units": "degrees_north"}),
        },
    )
    if turned:
        data = data.transpose("i", "j")
    found = field(saved(data, tmp_path / "c.nc"), "temperature", AROUND)
    assert at(found, *PLACE, radius=0.1) == pytest.approx(expected(), abs=0.01)
    outside = field(tmp_path / "c.nc", "temperature", (93.0, 29.0, 95.0, 30.0))
    assert np.isnan(at(outside, 94.8, 29.2))
    assert at(field(tmp_path / "c.nc", "temperature", (70, 0, 71, 1)), 70.5, 0.5) != 0


def test_coordinates_on_two_axes_that_are_even(tmp_path: Path) -> None:
    """Longitudes and latitudes that repeat along the other axis make an even grid: values are exact."""
    data = series("degC", np.arange(180.0).reshape(1, 12, 15) / 10 * np.ones((12, 1, 1)))
    lon, lat = np.meshgrid(data.lon, data.lat)
    data = data.drop_vars(["lon", "lat"]).rename(lat="y", lon="x")
    data = data.assign_coords(lon2d=(("y", "x"), lon), lat2d=(("y", "x"), lat))
    assert value(saved(data, tmp_path / "a.nc"), "temperature") == pytest.approx((6 * 15 + 7) / 10)
    turned = data.transpose("time", "x", "y")
    assert value(saved(turned, tmp_path / "b.nc"), "temperature") == pytest.approx((6 * 15 + 7) / 10)


def test_no_places(tmp_path: Path) -> None:
    bare = series("degC").drop_vars(["lat", "lon"]).rename(lat="p", lon="q")
    with pytest.raises(
        InputError, match=r"Variable v of .*a.nc has no coordinates on its axes time, p, q.*add latitude"
    ):
        value(saved(bare, tmp_path / "a.nc"), "temperature")
    half = series("degC").drop_vars("lat").rename(lat="p")
    with pytest.raises(InputError, match="has no coordinate along y on its axes"):
        value(saved(half, tmp_path / "h.nc"), "temperature")
    uneven = series("degC", longitude=np.array([80, 81, 82.5, 85, 86, 87, 90.0, *range(91, 99)]))
    with pytest.raises(
        InputError, match=r"coordinate lon of .*b.nc is not evenly spaced \(8[\d.]+ to [\d.]+, on"
    ):
        value(saved(uneven, tmp_path / "b.nc"), "temperature")
    with pytest.raises(InputError, match=r"c.nc has one cell along lat"):
        value(saved(series("degC").isel(lat=[3]), tmp_path / "c.nc"), "temperature")
    with pytest.raises(InputError, match=r"coordinate lon of .*d.nc repeats its values"):
        value(saved(series("degC", longitude=np.repeat([86.0, 87, 88], 5)), tmp_path / "d.nc"), "temperature")
    with pytest.raises(InputError, match=r"coordinate lat of .*e.nc goes beyond 90 degrees"):
        value(saved(series("degC", latitude=np.arange(25.0, 37) * 10), tmp_path / "e.nc"), "temperature")
    with pytest.raises(InputError, match=r"coordinate lat of .*f.nc has missing values"):
        value(saved(series("degC", latitude=[np.nan, *range(26, 37)]), tmp_path / "f.nc"), "temperature")


def test_a_gaussian_grid(tmp_path: Path) -> None:
    """Latitudes that are even near the units alone."""
    degrees = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(160)[0]))
    data = series("degC", np.broadcast_to(degrees[None, :, None] / 2, (12, 160, 15)), latitude=degrees)
    nearest = degrees[np.abs(degrees - 31).argmin()]
    assert value(saved(data, tmp_path / "g.nc"), "temperature") == pytest.approx(nearest / 2)


def test_units_that_the_field_does_not_reach(tmp_path: Path) -> None:
    """Of a large field few cells are read."""
    found = field(saved(series("degC"), tmp_path / "t.nc"), "temperature", (10.0, 45.0, 11.0, 46.0))
    assert found.raster.values.size == 4
    assert np.isnan(at(found, 10.5, 45.5))


def test_a_unit_over_two_cells_has_the_weighted_mean(tmp_path: Path) -> None:
    found = field(
        saved(series("degC", np.broadcast_to(np.arange(15.0), (12, 12, 15))), tmp_path / "t.nc"),
        "temperature",
    )
    unit = shapely.box(86.2, 31.0, 86.6, 31.2)  # a quarter of it lies in the cell of 87 E
    mean = zonal_statistics([unit], {"v": found.raster}, crs=4326)["v_mean"][0]
    assert mean == pytest.approx(0.75 * 6 + 0.25 * 7)


def test_further_axes(tmp_path: Path) -> None:
    one = series("degC").expand_dims("height")
    assert value(saved(one, tmp_path / "one.nc"), "temperature") == pytest.approx(6.526, abs=1e-3)
    with pytest.raises(
        InputError, match=r"further axes: height \(3 values\); select one value of each first"
    ):
        value(
            saved(series("degC").expand_dims(height=[2.0, 10.0, 50.0]), tmp_path / "three.nc"), "temperature"
        )


def test_groups_and_zarr(tmp_path: Path) -> None:
    """Zarr of either format; a file that keeps everything in one group, as IMERG does."""
    data = series("degC")
    for version in (2, 3):
        data.to_zarr(tmp_path / f"c{version}.zarr", zarr_format=version)
        assert value(tmp_path / f"c{version}.zarr", "temperature") == pytest.approx(6.526, abs=1e-3)
    data.to_netcdf(tmp_path / "grid.nc", group="Grid")
    assert value(tmp_path / "grid.nc", "temperature") == pytest.approx(6.526, abs=1e-3)


def test_bounds_cover_the_units(tmp_path: Path) -> None:
    """All cells around the units are read, with a margin."""
    found = field(saved(series("degC"), tmp_path / "t.nc"), "temperature")
    west, north = found.raster.transform @ (0, 0)
    east, south = found.raster.transform @ found.raster.shape[::-1]
    assert (west, south, east, north) == (83.5, 27.5, 90.5, 34.5)
    assert BOUNDS[0] > west
