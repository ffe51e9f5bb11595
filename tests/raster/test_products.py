"""Files of known products are told apart by name: the elevations, and what lies beside them."""

from __future__ import annotations

import pytest

from rogi.raster.elevation.products import ELEVATION, PRODUCTS, identify, named_role

ELEVATIONS = {
    "N30E090.hgt": ("SRTM", "EGM96"),
    "n30e090.hgt": ("SRTM", "EGM96"),
    "N30E090.SRTMGL1.hgt": ("SRTM", "EGM96"),
    "N30E090.SRTMGL3.hgt": ("SRTM", "EGM96"),
    "n30_e090_1arc_v3.tif": ("SRTM", "EGM96"),
    "n30_e090_3arc_v2.dt1": ("SRTM", "EGM96"),
    "srtm_54_06.tif": ("CGIAR-CSI SRTM", "EGM96"),
    "srtm_54_06.asc": ("CGIAR-CSI SRTM", "EGM96"),
    "Copernicus_DSM_COG_10_N30_00_E090_00_DEM.tif": ("Copernicus DEM", "EGM2008"),
    "Copernicus_DSM_30_S30_00_W070_00_DEM.dt1": ("Copernicus DEM", "EGM2008"),
    "Copernicus_DSM_10_N30_00_E090_00_DEM_clip_utm.tif": ("Copernicus DEM", "EGM2008"),
    "TDM1_DEM__30_N30E090_DEM.tif": ("TanDEM-X DEM", "ellipsoid of WGS84 (G1150)"),
    "TDM1_DEM__04_N30E090_V01_C_DEM.tif": ("TanDEM-X DEM", "ellipsoid of WGS84 (G1150)"),
    "TDM1_EDEM_10_N30E090_EDEM_EGM.tif": ("TanDEM-X EDEM", "EGM2008"),
    "TDM1_EDEM_10_N30E090_EDEM_W84.tif": ("TanDEM-X EDEM", "ellipsoid of WGS84 (G1150)"),
    "ALPSMLC30_N030E090_DSM.tif": ("AW3D30", "EGM96"),
    "N030E090_AVE_DSM.tif": ("AW3D30", "EGM96"),
    "ASTGTMV003_N30E090_dem.tif": ("ASTER GDEM", "EGM96"),
    "ASTGTM2_N30E090_dem.tif": ("ASTER GDEM", "EGM96"),
    "N30E090_FABDEM_V1-2.tif": ("FABDEM", "EGM2008"),
    "34_33_2_2_2m_v4.1_dem.tif": ("ArcticDEM or REMA", "ellipsoid of WGS84"),
    "51_31_10m_v2.0_dem.tif": ("ArcticDEM or REMA", "ellipsoid of WGS84"),
    "WV02_20150615_10300100443C2D00_1030010043373000_seg1_2m_v1.0_dem.tif": (
        "ArcticDEM or REMA", "ellipsoid of WGS84"
    ),
    "HMA_DEM8m_MOS_20170716_tile-677.tif": ("HMA 8 m DEM", "ellipsoid of WGS84"),
    "AP_12345_FBS_F0600_RT1.dem.tif": ("ALOS PALSAR RTC", "ellipsoid of WGS84"),
    "n30e090_dem.tif": ("MERIT DEM or HydroSHEDS", "EGM96"),
    "hyd_as_dem_15s.tif": ("MERIT DEM or HydroSHEDS", "EGM96"),
    "n30e090_elv.tif": ("MERIT Hydro", "EGM96"),
    "30n090e_20101117_gmted_mea075.tif": ("GMTED2010", "EGM96"),
    "gebco_2023_n31.0_s30.0_w90.0_e91.0.tif": ("GEBCO", "mean sea level"),
    "ETOPO_2022_v1_15s_N30E090_surface.tif": ("ETOPO 2022", "EGM2008"),
    "USGS_13_n40w106.tif": ("USGS 3DEP", "NAVD88"),
}  # fmt: skip

OTHERS = {
    "n30e090.num": "count of scenes", "n30e090.swb": "water mask", "N30E090.SRTMGL1N.num": "count of scenes",
    "N30E090.SRTMSWBD.raw": "water mask", "N30E090.raw": "water mask", "NASADEM_SC_n30e090.slope": "slope",
    "n30e090.s": "part of the elevation",
    "Copernicus_DSM_COG_10_N30_00_E090_00_WBM.tif": "water mask",
    "Copernicus_DSM_COG_10_N30_00_E090_00_EDM.tif": "mask of edits",
    "Copernicus_DSM_COG_10_N30_00_E090_00_FLM.tif": "mask of fills",
    "copernicus_dsm_cog_10_n30_00_e090_00_hem.tif": "height error",
    "Copernicus_DSM_COG_10_N30_00_E090_00_WBM_clip.tif": "water mask",
    "Copernicus_DSM_10_N30_00_E090_00_DEM_ABS_QL.tif": "preview",
    "Copernicus_DSM_10_N30_00_E090_00_DEM_slope.tif": "slope",
    "PREVIEW/TDM1_DEM__30_N30E090_DEM.tif": "preview",
    "TDM1_DEM__30_N30E090_HEM.tif": "height error", "TDM1_DEM__30_N30E090_WAM.tif": "water mask",
    "TDM1_DEM__30_N30E090_AMP.tif": "radar image", "TDM1_DEM__30_N30E090_AM2.tif": "radar image",
    "TDM1_DEM__30_N30E090_COV.tif": "count of scenes", "TDM1_DEM__30_N30E090_COM.tif": "mask of consistency",
    "TDM1_DEM__30_N30E090_LSM.tif": "mask of layover and shadow",
    "ALPSMLC30_N030E090_MSK.tif": "mask", "ALPSMLC30_N030E090_STK.tif": "count of scenes",
    "N030E090_AVE_MSK.tif": "mask", "ASTGTMV003_N30E090_num.tif": "count of scenes",
    "ASTWBDV001_N30E090_att.tif": "water mask", "34_33_2_2_2m_v4.1_count.tif": "count of scenes",
    "34_33_2_2_2m_v4.1_mad.tif": "deviation between scenes",
    "34_33_2_2_2m_v4.1_matchtag.tif": "mask of matches",
    "34_33_2_2_2m_v4.1_browse.tif": "shaded relief", "n30e090_upa.tif": "upstream area",
    "n30e090_acc_3s.tif": "flow accumulation", "30n090e_20101117_gmted_std075.tif": "standard deviation",
    "gebco_2023_tid_n31.0_s30.0_w90.0_e91.0.tif": "types of sources",
}  # fmt: skip

UNKNOWN = ["dem.tif", "dem_filled.tif", "DEM_30m.tif", "slope.tif", "as_dem.tif", "lidar_2020.tif", "mea.tif",
           "Copernicus_DSM_10_N30_00_E090_00_XYZ.tif", "n30e090.tif", "hgt", ""]  # fmt: skip


@pytest.mark.parametrize(("name", "known"), ELEVATIONS.items())
def test_elevations(name: str, known: tuple[str, str]) -> None:
    for spelling in (
        name,
        name.lower(),
        name.upper(),
        name.replace(".", " (1).") if name.count(".") == 1 else name,
    ):
        content = identify(spelling)
        assert content is not None, spelling
        assert (content.role, content.product, content.heights) == (ELEVATION, *known)


@pytest.mark.parametrize(("name", "role"), OTHERS.items())
def test_what_lies_beside(name: str, role: str) -> None:
    content = identify(name)
    assert content is not None
    assert content.role == role


@pytest.mark.parametrize("name", UNKNOWN)
def test_names_of_no_product(name: str) -> None:
    assert identify(name) is None


def test_layers_of_one_ground_share_a_tile_and_the_better_elevation_ranks_first() -> None:
    names = [
        "TDM1_EDEM_10_N30E090_EDEM_EGM.tif",
        "TDM1_EDEM_10_N30E090_EDEM_W84.tif",
        "TDM1_EDEM_10_N30E090_HEM.tif",
    ]
    found = [identify(name) for name in names]
    assert len({content.tile for content in found if content}) == 1
    assert [content.rank for content in found if content] == [0, 1, 0]
    ranks = [
        identify(f"30n090e_20101117_gmted_{part}075.tif")
        for part in ("mea", "med", "dsc", "bln", "min", "max")
    ]
    assert [content.rank for content in ranks if content] == list(range(6))
    other = identify("TDM1_EDEM_10_N30E091_EDEM_W84.tif")
    assert other is not None
    assert other.tile != found[0].tile  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("stem", "role"),
    [
        ("dem_hillshade", "shaded relief"), ("HS_dem", "shaded relief"), ("slope", "slope"),
        ("DEM-Aspect", "aspect"), ("canopy_height", "height of trees"),
        ("ESA_WorldCover_10m", "land cover"), ("orthophoto_2019", "image"),
        ("quicklook", "preview"), ("dem_error", "height error"), ("geoid", "geoid"), ("dem", None),
        ("dem_filled", None), ("elevation_slopes_creek_mask", "mask"), ("tile_07", None), ("relief", None),
    ],
)  # fmt: skip
def test_names_that_say_what_they_are(stem: str, role: str | None) -> None:
    assert named_role(stem) == role


def test_every_product_states_its_source() -> None:
    assert all(product.source and product.heights for product in PRODUCTS)
    assert {content.product for name in (*ELEVATIONS, *OTHERS) if (content := identify(name))} == {
        product.name for product in PRODUCTS
    }
