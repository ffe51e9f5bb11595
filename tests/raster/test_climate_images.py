"""Climate of GeoTIFFs: bands, files for months and years, products by name, fills, missing tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from climates import BOUNDS, MONTHLY, at, field, months, saved, series, value

from rogi.errors import InputError, OptionError
from rogi.raster.climate.steps import MONTH_DAYS
from rogi.raster.files import reading
from rogi.raster.grid import Window
from rogi.raster.header import CorruptTile

WriteRaster = Callable[..., Path]
GRID = Affine(0.5, 0, 80, 0, -0.5, 40)
MEAN = float(np.average(MONTHLY, weights=MONTH_DAYS))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    with reading():
        yield


def twelve(values: Any = MONTHLY) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, np.float32)[:, None, None], (len(values), 40, 40)).copy()


@pytest.fixture
def image(write_raster: WriteRaster) -> Callable[..., Path]:
    """Write bands (an array, or a number each) on a grid of half degrees."""

    def write(name: str, values: Any, names: tuple[str, ...] = (), scale: Any = None, **profile: Any) -> Path:
        bands = (
            values if isinstance(values, np.ndarray) and values.ndim == 3 else twelve(np.atleast_1d(values))
        )
        path = write_raster(
            name, bands.astype(profile.pop("dtype", np.float32)), GRID, "EPSG:4326", **profile
        )
        with rasterio.open(path, "r+") as file:
            for band, text in enumerate(names, start=1):
                file.set_band_description(band, text)
            if scale:
                file.scales, file.offsets = ([x] * len(bands) for x in scale)
        return path

    return write


def test_one_band(image: Callable[..., Path]) -> None:
    """Its nodata, scale and offset; its unit; and what its unit would make of a number."""
    band = np.full((1, 40, 40), 2681, np.int16)
    band[0, 17, 13] = -1
    path = image("magt.tif", band, dtype=np.int16, units="K", nodata=-1, scale=(0.1, 0.0))
    found = field(path, "temperature")
    assert found.raster.read(Window(0, 1, 0, 1))[0, 0] == pytest.approx(268.1 - 273.15)
    assert np.isnan(found.raster.read(Window(17, 18, 13, 14))[0, 0])
    assert np.isnan(found.raster.read(Window(-1, 0, 0, 1))[0, 0])
    assert (found.variable, found.period, found.files) == ("band 1", None, (path,))
    assert found.raster.block_shape[1] == 40


@pytest.mark.parametrize(
    ("unit", "expected"), [("mm", 78), ("mm/month", 78), ("mm/day", MEAN * 365.2425), ("0.1 mm", 7.8)]
)
def test_twelve_bands(image: Callable[..., Path], unit: str, expected: float) -> None:
    path = image("prec.tif", MONTHLY, units=unit)
    assert value(path, "precipitation") == pytest.approx(expected)
    assert value(path, "precipitation", variable="3", unit="mm") == pytest.approx(3)
    assert (
        field(path, "precipitation").notes[0]
        == "The twelve bands of prec.tif are taken for the months of a mean year."
    )
    with pytest.raises(OptionError, match=r"prec.tif does not say of which years it is.*--ap-period"):
        value(path, "precipitation", period=(1991, 2020))


def test_twelve_bands_in_metres_are_asked_about(image: Callable[..., Path]) -> None:
    path = image("era.tif", MONTHLY / 1000, units="m")
    with pytest.raises(
        InputError, match=r"era.tif is in m, without saying per day or per month; say so with --ap-unit"
    ):
        value(path, "precipitation")
    assert value(path, "precipitation", unit="m/day") == pytest.approx(MEAN * 365.2425)
    assert value(path, "precipitation", unit="m/month") == pytest.approx(78)


def test_bands_described_as_months(image: Callable[..., Path]) -> None:
    """In the order of their descriptions: January is the twelfth here."""
    names = (
        "Dec",
        "Nov",
        "October",
        "September 1990",
        "aug",
        "jul",
        "jun",
        "may",
        "apr",
        "mar",
        "feb",
        "jan",
    )
    path = image("t.tif", MONTHLY[::-1] - 5, names=names, units="degC")
    assert value(path, "temperature") == pytest.approx(MEAN - 5)


YEARS = range(2001, 2013)


@pytest.mark.parametrize(
    ("names", "numbers", "expected", "period"),
    [
        ([str(y) for y in YEARS], np.full(12, 500.0), 500, (2001, 2012)),
        ([f"ap_{y}" for y in YEARS], np.arange(500.0, 512), 505.5, (2001, 2012)),
        (["sum 2001", "sum 2003", "sum 2002"], np.array([1.0, 2, 6]), 3, (2001, 2003)),
        ([f"2001-{m:02d}-01" for m in range(1, 13)], MONTHLY, 78, (2001, 2001)),
        ([f"p{y}{m:02d}" for y in (2001, 2002) for m in range(1, 13)], np.full(24, 30.0), 360, (2001, 2002)),
        ([f"Month {m}" for m in range(1, 13)], MONTHLY, 78, None),
    ],
)
def test_bands_say_when_they_are_from(
    image: Callable[..., Path], names: list[str], numbers: np.ndarray, expected: float, period: Any
) -> None:
    """Bands of years are no months, of which the sum would be taken."""
    path = image("p.tif", numbers, names=tuple(names), units="mm")
    assert value(path, "precipitation") == pytest.approx(expected)
    assert field(path, "precipitation").period == period


def test_bands_in_the_order_of_their_text(image: Callable[..., Path]) -> None:
    """t_1, t_10, t_11 ...: each with the days of its month."""
    order = sorted(range(1, 13), key=str)
    path = image("t.tif", np.array(order, float), names=tuple(f"t_{m}" for m in order), units="degC")
    assert value(path, "temperature") == pytest.approx(MEAN)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([f"map_{y}" for y in YEARS], 6.5),  # 1 to 12 mm in a year each
        ([f"prec_{m}" for m in sorted(range(1, 13), key=str)], 78),
        (["stack"] * 12, 78),
    ],
)
def test_a_vrt_of_files_says_when_they_are_from(
    image: Callable[..., Path], tmp_path: Path, names: list[str], expected: float
) -> None:
    """As `gdalbuildvrt -separate` writes it, without descriptions; the last of one file of twelve bands."""
    one = len(set(names)) == 1
    if one:
        image("stack.tif", MONTHLY)
    for number, name in enumerate(() if one else names, start=1):
        image(f"{name}.tif", [float(number)])
    bands = "".join(
        f'<VRTRasterBand dataType="Float32" band="{k}"><UnitType>mm</UnitType><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{name}.tif</SourceFilename>'
        f"<SourceBand>{k if one else 1}</SourceBand></SimpleSource></VRTRasterBand>"
        for k, name in enumerate(names, start=1)
    )
    path = tmp_path / "all.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="40"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>80,0.5,0,40,0,-0.5</GeoTransform>{bands}</VRTDataset>"
    )
    assert value(path, "precipitation") == pytest.approx(expected)


@pytest.mark.parametrize("name", ["wc2.1_10m_bio_{}.tif", "CHELSA_bio{}_1981-2010_V.2.1.tif"])
@pytest.mark.parametrize("count", [12, 19])
def test_bioclimatic_variables_are_no_months(
    image: Callable[..., Path], tmp_path: Path, name: str, count: int
) -> None:
    for k in range(1, count + 1):
        image(f"d/{name.format(k)}", [float(k)], units="degC")
    with pytest.raises(
        OptionError, match=f"The {count} files .*bioclimatic .*--maat-variable.* bio_1, annual"
    ):
        value(tmp_path / "d", "temperature")
    chosen = name[name.index("bio") :].split("{}")[0] + "1"
    assert value(tmp_path / "d", "temperature", variable=chosen) == pytest.approx(1)


def test_bands_of_bioclimatic_variables_are_no_months(image: Callable[..., Path]) -> None:
    path = image("bio.tif", MONTHLY, names=tuple(f"bio{k}" for k in range(1, 13)), units="mm")
    with pytest.raises(
        OptionError, match=r"The 12 bands .*bioclimatic .*--ap-variable .*bio_12, annual prec"
    ):
        value(path, "precipitation")
    assert value(path, "precipitation", variable="bio12") == pytest.approx(12)


@pytest.mark.parametrize(
    ("name", "kind"), [("wc2.1_30s_tmin_{:02d}.tif", "minima"), ("tasmax_{}.tif", "maxima")]
)
def test_minima_and_maxima_are_told(image: Callable[..., Path], tmp_path: Path, name: str, kind: str) -> None:
    for m in range(1, 13):
        image(f"d/{name.format(m)}", [m], units="degC")
    found = field(tmp_path / "d", "temperature").notes
    assert any(note.endswith(f"contains {kind} by its name, not mean temperatures.") for note in found)


@pytest.mark.parametrize(
    ("name", "month"),
    [
        ("wc2.1_30s_tavg_07.tif", "07"),
        ("CHELSA_tas_12_1981-2010_V.2.1.tif", "12"),
        ("CHELSA_tas_01_2003_V.2.1.tif", "01"),
        ("3B-MO.MS.MRG.3IMERG.20010301-S000000-E235959.03.V07B.tif", "03"),
    ],
)
@pytest.mark.parametrize("of_folder", [True, False])
def test_one_month_is_no_year(
    image: Callable[..., Path], tmp_path: Path, name: str, month: str, of_folder: bool
) -> None:
    path = image(f"d/{name}", [1.0], units="degC")
    with pytest.raises(InputError, match=f"is of month {month} alone by its name; give the folder"):
        value(path.parent if of_folder else path, "temperature")


def test_anomalies_are_no_temperatures(image: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tas_anom_2001.tif contains anomalies by its name"):
        value(image("tas_anom_2001.tif", [0.4], units="degC"), "temperature")
    path = saved(series("mm", MONTHLY, long_name="precipitation anomaly"), tmp_path / "p.nc")
    with pytest.raises(InputError, match=r"Variable v of .*p.nc contains anomalies by its name"):
        value(path, "precipitation")


def test_several_bands_need_a_name(image: Callable[..., Path]) -> None:
    path = image("bio.tif", [-5.0, 400.0, 3.0], names=("bio01", "bio12", ""), units="degC")
    with pytest.raises(
        OptionError, match=r"bio.tif has 3 bands \(bio01, bio12\); choose one.*--maat-variable"
    ):
        value(path, "temperature")
    assert value(path, "temperature", variable="BIO01") == pytest.approx(-5)
    assert value(path, "precipitation", variable="2", unit="mm") == pytest.approx(400)
    with pytest.raises(OptionError, match="no band described as 'bio02', but 3 bands"):
        value(path, "temperature", variable="bio02")
    with pytest.raises(InputError, match="has 3 bands, so there is no band 4"):
        value(path, "temperature", variable="4")


def test_units_of_files(image: Callable[..., Path]) -> None:
    bare = image("bare.tif", [-5.0])
    with pytest.raises(InputError, match=r"bare.tif has no unit; name it with --maat-unit, one of K"):
        value(bare, "temperature")
    assert value(bare, "temperature", unit="degrees Celsius") == pytest.approx(-5)
    obu = image("UiO_PEX_MAGTM_5.0_20181127_2000_2016_NH.tif", [-1.5])
    assert value(obu, "temperature") == pytest.approx(-1.5)
    tagged = image("tagged.tif", [268.15], tags={"units": "K"})
    assert value(tagged, "temperature") == pytest.approx(-5, abs=1e-4)


PRODUCTS = [
    ("wc2.1_30s_tavg_{m:02d}.tif", "temperature", 1.0, None, MEAN, None),
    ("wc2.1_2.5m_prec_{m:02d}.tif", "precipitation", 1.0, None, 78, None),
    ("CHELSA_tas_{m:02d}_1981-2010_V.2.1.tif", "temperature", 1.0, (0.1, -273.15), MEAN, (1981, 2010)),
    ("CHELSA_tas_{m:02d}_1981-2010_V.2.1.tif", "temperature", 1.0, (0.1, 0.0), MEAN, (1981, 2010)),
    ("CHELSA_tas_{m:02d}_1981-2010_V.2.1.tif", "temperature", 1.0, None, MEAN, (1981, 2010)),
    ("CHELSA_pr_{m:02d}_1981-2010_V.2.1.tif", "precipitation", 10.0, (0.1, 0.0), 78, (1981, 2010)),
    ("CHELSA_temp10_{m:02d}_1979-2013_V1.2_land.tif", "temperature", 10.0, None, MEAN, (1979, 2013)),
]


@pytest.mark.parametrize(("name", "quantity", "times", "scale", "expected", "years"), PRODUCTS)
def test_twelve_files_of_products(
    image: Callable[..., Path],
    tmp_path: Path,
    name: str,
    quantity: str,
    times: float,
    scale: Any,
    expected: float,
    years: Any,
) -> None:
    """As downloaded, without a unit; CHELSA's numbers are tenths of a kelvin, its tags there or lost."""
    chelsa = "CHELSA_tas" in name
    for m in range(1, 13):
        number = 10 * (m + 273.15) if chelsa else times * m
        image(f"d/{name.format(m=m)}", [number], dtype=np.float64, scale=scale)
    found = field(tmp_path / "d", quantity)
    assert at(found, 87, 31) == pytest.approx(expected, abs=1e-3)
    assert found.period == years
    assert len(found.files) == 12
    assert any("for the months of a mean year, by their names" in note for note in found.notes)


def test_chelsa_sums_without_their_scale(image: Callable[..., Path]) -> None:
    path = image("CHELSA_bio12_1981-2010_V.2.1.tif", [4000.0])
    with pytest.raises(
        InputError, match=r"neither a unit nor CHELSA's scale.*--ap-unit, for example '0.1 mm'"
    ):
        value(path, "precipitation")
    assert value(path, "precipitation", unit="0.1 mm") == pytest.approx(400)


def test_files_of_several_variables(image: Callable[..., Path], tmp_path: Path) -> None:
    for m in range(1, 13):
        image(f"d/wc2.1_10m_tavg_{m:02d}.tif", [m])
        image(f"d/wc2.1_10m_tavgmax_{m:02d}.tif", [m + 9])
        image(f"d/wc2.1_10m_prec_{m:02d}.tif", [10 * m])
    with pytest.raises(
        OptionError, match=r"36 files are of 3 kinds \(wc2.1_10m_prec_01.tif, .*--maat-variable"
    ):
        value(tmp_path / "d", "temperature")
    assert value(tmp_path / "d", "temperature", variable="tavg") == pytest.approx(MEAN)
    assert value(tmp_path / "d", "precipitation", variable="prec") == pytest.approx(780)
    with pytest.raises(
        OptionError, match=r"None of the 36 files, such as wc2.1_10m_prec_01.tif, has 'tmean' in its name"
    ):
        value(tmp_path / "d", "temperature", variable="tmean")


def test_a_month_is_missing(image: Callable[..., Path], tmp_path: Path) -> None:
    for m in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12):
        image(f"d/wc2.1_10m_tavg_{m:02d}.tif", [m])
    with pytest.raises(
        InputError, match=r"has 11 files such as wc2.1_10m_tavg_01.tif .* mean year; month 04 is missing"
    ):
        value(tmp_path / "d", "temperature")
    image("d/wc2.1_10m_tavg_04.tif", [np.nan])
    with pytest.raises(
        InputError, match=r"tavg_04.tif \(band 1\) has no values around the units for 4, though"
    ):
        value(tmp_path / "d", "temperature")


@pytest.mark.parametrize(
    ("names", "expected", "period"),
    [
        ([f"tas_{y}_{m:02d}.tif" for y in (2001, 2002) for m in range(1, 13)], 12.5, (2001, 2002)),
        ([f"CHELSA_tas_{m:02d}_{y}_V.9.tif" for y in (2001, 2002) for m in range(1, 13)], 12.5, (2001, 2002)),
        ([f"tas_{y}{m:02d}.tif" for y in (2001, 2002) for m in range(1, 13)], 12.5, (2001, 2002)),
        ([f"tas.{y}{m:02d}15.tif" for y in (2001, 2002) for m in range(1, 13)], 12.5, (2001, 2002)),
        (
            [
                f"tas_{m}_2001.tif"
                for m in (
                    "Jan",
                    "feb",
                    "MAR",
                    "April",
                    "May",
                    "jun",
                    "jul",
                    "aug",
                    "sept",
                    "oct",
                    "nov",
                    "december",
                )
            ],
            6.5,
            (2001, 2001),
        ),
        ([f"tas_{y}.tif" for y in range(2001, 2025)], 12.5, (2001, 2024)),
        (
            [
                f"3B-MO.{y}{m:02d}01-S000000-E235959.{m:02d}.V07B.tif"
                for y in (2001, 2002)
                for m in range(1, 13)
            ],
            12.5,
            (2001, 2002),
        ),
        (
            [f"tas_{y}{m:02d}01-{y}{m:02d}28.tif" for y in (2001, 2002) for m in range(1, 13)],
            12.5,
            (2001, 2002),
        ),
    ],
)
def test_series_of_files(
    image: Callable[..., Path], tmp_path: Path, names: list[str], expected: float, period: tuple[int, int]
) -> None:
    """Numbered in the order of time from 1; a month or a year each."""
    for number, name in enumerate(names, start=1):
        image(f"d/{name}", [number], units="degC")
    found = field(tmp_path / "d", "temperature")
    assert found.period == period
    assert at(found, 87, 31) == pytest.approx(expected, abs=0.2)
    one = field(tmp_path / "d", "temperature", period=(2001, 2001))
    assert at(one, 87, 31) == pytest.approx(
        1.0 if len(names) == 24 and "tas_2024.tif" in names else 6.5, abs=0.2
    )


def test_names_that_do_not_say_when(image: Callable[..., Path], tmp_path: Path) -> None:
    for y in (2001, 2002):
        image(f"a/CHELSA_tas_01_{y}_V.9.tif", [1.0], units="degC")
        image(f"b/run{y - 1970}.tif", [1.0], units="degC")
        image(f"c/bands_{y}.tif", [1.0, 2.0], units="degC")
    with pytest.raises(InputError, match=r"2 files \(CHELSA_tas_01_2001_V.9.tif ...\) are all of month 01"):
        value(tmp_path / "a", "temperature")
    with pytest.raises(InputError, match=r"2 files \(run31.tif, run32.tif ...\) do not say"):
        value(tmp_path / "b", "temperature")
    with pytest.raises(
        OptionError, match=r"bands_2001.tif has 2 bands; give it alone, or choose a band of all files"
    ):
        value(tmp_path / "c", "temperature")
    assert value(tmp_path / "c", "temperature", variable="2") == pytest.approx(2)


def test_files_and_bands_of_several_units(image: Callable[..., Path], tmp_path: Path) -> None:
    for year, (unit, number) in {2001: ("mm", 500.0), 2002: ("m", 0.5)}.items():
        image(f"d/p_{year}.tif", [number], units=unit)
    with pytest.raises(InputError, match=r"p_2002.tif \(band 1\) has the unit 'm' but .*p_2001.tif .* 'mm'"):
        value(tmp_path / "d", "precipitation")
    path = image("t.tif", MONTHLY, units="degC")
    with rasterio.open(path, "r+") as file:
        file.units = ("degC",) * 11 + ("K",)
    with pytest.raises(InputError, match=r"t.tif \(band 12\) has the unit 'K' but .* \(band 1\) has 'degC'"):
        value(path, "temperature")
    assert value(path, "temperature", unit="degC") == pytest.approx(MEAN)


def test_other_grids_and_formats(
    image: Callable[..., Path], write_raster: WriteRaster, tmp_path: Path
) -> None:
    image("d/tas_2001.tif", [1.0], units="degC")
    write_raster(
        "d/tas_2002.tif", twelve([1.0]), GRID @ Affine.translation(0.5, 0), "EPSG:4326", units="degC"
    )
    with pytest.raises(InputError, match=r"tas_2002.tif lies on another grid than .*tas_2001.tif"):
        value(tmp_path / "d", "temperature")
    saved(series("degC", None, months(2001, 12)), tmp_path / "d" / "t.nc")
    with pytest.raises(InputError, match=r"tas_2001.tif and .*t.nc are of two formats"):
        value(tmp_path / "d", "temperature")


def test_monthly_bands_of_0_to_360_degrees(write_raster: WriteRaster) -> None:
    """Units of the western hemisphere, and around Greenwich, on a grid that begins there."""
    bands = np.broadcast_to(np.arange(180.0) + 1, (12, 90, 180)).astype(np.float32)
    path = write_raster("world.tif", bands, Affine(2.0, 0, 0, 0, -2.0, 90), "EPSG:4326", units="mm")
    for bounds, inside, expected in (
        ((-71.9, -33.9, -70.1, -32.1), (-71.0, -33.0), 145),
        ((-3.9, 46.1, 3.9, 47.9), (-1.5, 47.0), 180),
        ((-3.9, 46.1, 3.9, 47.9), (0.5, 47.0), 1),
    ):
        assert at(field(path, "precipitation", bounds), *inside) == 12 * expected


def test_undeclared_fills_and_wrong_units(image: Callable[..., Path]) -> None:
    band = np.full((1, 40, 40), -5.0, np.float32)
    band[0, 17:19, 13:15] = -9999
    found = field(image("f.tif", band, units="degC"), "temperature")
    assert found.voids[0].startswith("f.tif contains the undeclared fill value -9999 (4 of")
    assert np.isnan(at(found, 87, 31))
    assert at(found, 85.6, 31) == pytest.approx(-5)
    with pytest.raises(InputError, match=r"k.tif has .* in the unit 'K': .* looks like degC"):
        value(image("k.tif", [-5.0], units="K"), "temperature")
    with pytest.raises(InputError, match=r"t.tif has .* in the unit 'degC': .* looks like 0.1 K"):
        value(image("t.tif", [2681.0], units="degC"), "temperature")


def test_large_images_are_looked_at_in_places(write_raster: WriteRaster) -> None:
    """Only some windows are read beforehand; what cannot be elsewhere is void when it is read."""
    band = np.full((1, 400, 400), -5.0, np.float32)
    band[0, 200, 201] = -9999
    path = write_raster("l.tif", band, Affine(0.05, 0, 80, 0, -0.05, 40), "EPSG:4326", units="degC")
    found = field(path, "temperature", (80.5, 20.5, 99.5, 39.5))
    assert found.voids == ()
    assert np.isnan(found.raster.read(Window(200, 201, 201, 202))[0, 0])
    assert found.raster.read(Window(200, 201, 200, 201))[0, 0] == -5
    with pytest.raises(InputError, match="looks like K"):
        field(
            write_raster("k.tif", band + 273, Affine(0.05, 0, 80, 0, -0.05, 40), "EPSG:4326", units="degC"),
            "temperature",
        )


def test_a_vrt_whose_file_is_missing(image: Callable[..., Path], tmp_path: Path) -> None:
    """The file is named where units lie on it; elsewhere values are read; the files behind it are told."""
    west = image("w.tif", [-5.0], units="degC")
    text = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>1</SourceBand>'
        f'<SrcRect xOff="0" yOff="0" xSize="40" ySize="40"/>'
        f'<DstRect xOff="{x}" yOff="0" xSize="40" ySize="40"/>'
        "</SimpleSource>"
        for name, x in (("w.tif", 0), ("e.tif", 40))
    )
    vrt = tmp_path / "both.vrt"
    vrt.write_text(
        '<VRTDataset rasterXSize="80" rasterYSize="40"><SRS>EPSG:4326</SRS>'
        "<GeoTransform>80, 0.5, 0, 40, 0, -0.5</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><UnitType>degC</UnitType>'
        f"{text}</VRTRasterBand></VRTDataset>"
    )
    found = field(vrt, "temperature", (86.0, 30.0, 110.0, 32.0))
    assert {vrt, west} <= set(found.files)
    assert at(found, 87, 31) == pytest.approx(-5)
    with pytest.raises(CorruptTile, match=r"e.tif, which .*both.vrt is made of, is missing"):
        at(found, 105, 31)


def test_a_crs_in_place_of_the_files(write_raster: WriteRaster) -> None:
    path = write_raster("n.tif", twelve([-5.0]), GRID, None, units="degC")
    with pytest.raises(InputError, match="has no coordinate reference system"):
        value(path, "temperature")
    assert value(path, "temperature", BOUNDS, crs="EPSG:4326") == pytest.approx(-5)
    with pytest.raises(OptionError, match=r"--maat-crs: 'EPSG:99999' is not a coordinate reference system"):
        value(path, "temperature", BOUNDS, crs="EPSG:99999")
