"""Elevation products that people download: what their files are called, and what each holds.

Names are looked at, never pixels; files under other names are judged by `rogi.raster.elevation.folders`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath

import numpy as np

ELEVATION = "elevation"

MASK = "mask"
WATER = "water mask"
COUNT = "count of scenes"
ERROR = "height error"
EDITS = "mask of edits"
PREVIEW = "preview"
SHADE = "shaded relief"
RADAR = "radar image"

CELL = r"[ns]\d\d[ew]\d{3}"
RASTER = r"\.(?:tif|tiff|dt[012]|img|bil|vrt|asc)"


@dataclass(frozen=True)
class Product:
    """An elevation product.

    A file's name, in lower case, is `stem`, one of the parts, and `ending`.

    Attributes
    ----------
    name : str
    stem, ending : str
        Regular expressions.
    elevation : tuple of str
        Parts that are elevations, the preferred one first: of two of them for the same ground it is taken.
    others : mapping of str to str
        Further parts and what they hold.
    heights : str
        Vertical reference of the elevations.
    source : str
        Where the names and the vertical reference are stated.
    vertical : mapping of str to str
        Vertical reference of parts that have another.
    """

    name: str
    stem: str
    elevation: tuple[str, ...]
    others: Mapping[str, str]
    heights: str
    source: str
    ending: str = RASTER
    vertical: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of a whole name, with the group ``part``."""
        parts = sorted({*self.elevation, *self.others}, key=len, reverse=True)
        return re.compile(f"(?:{self.stem})(?P<part>{'|'.join(map(re.escape, parts))})(?:{self.ending})")


@dataclass(frozen=True)
class Content:
    """What a file of a known product holds.

    Attributes
    ----------
    product : str
    role : str
        `ELEVATION`, or what else.
    heights : str
        Vertical reference of the product; "ellipsoid ..." where it is one above the ellipsoid.
    tile : str
        The name without its part: the same for all layers of the same ground.
    rank : int
        0 for the preferred elevation of a tile.
    bare : bool
        Whether the name names no part, though the product has several.
    """

    product: str
    role: str
    heights: str
    tile: str
    rank: int = 0
    bare: bool = False


_LAYERS = {
    "_hem": ERROR, "_edm": EDITS, "_flm": "mask of fills", "_wbm": WATER, "_wam": WATER, "_acm": "accuracy",
    "_src": "sources", "_amp": RADAR, "_am2": RADAR, "_cov": COUNT, "_com": "mask of consistency",
    "_lsm": "mask of layover and shadow", "_int": "mask of interpolation", "_lcm": "land cover",
}  # fmt: skip
_SETSM = {
    "_matchtag": "mask of matches", "_count": COUNT, "_mad": "deviation between scenes", "_mindate": "dates",
    "_maxdate": "dates", "_datamask": MASK, "_bitmask": MASK, "_browse": SHADE, "_ortho": "orthophoto",
    "_dem_10m_shade": SHADE, "_dem_40m_shade": SHADE, "_dem_10m_shade_masked": SHADE, "_dem_shade": SHADE,
}  # fmt: skip
_FLOW = {
    "_dir": "flow direction", "_acc": "flow accumulation", "_upa": "upstream area", "_upg": "upstream pixels",
    "_wth": "river width", "_hnd": "height above the drainage", "_msk": MASK, "_sto": "stream order",
}  # fmt: skip
_SRTM_GUIDE = "SRTM Collection User Guide (LP DAAC 2015), sect. 2"

PRODUCTS = (
    Product(
        "NASADEM", rf"(?:nasadem_(?:hgt|sc|shhp|ssp|sim)_)?{CELL}",
        (), {".num": COUNT, ".swb": WATER, ".swbd": WATER, ".err": ERROR, ".slope": "slope",
             ".aspect": "aspect", ".plan": "curvature", ".prof": "curvature",
             ".hgts": "height above the ellipsoid, of SRTM alone", ".s": "part of the elevation",
             ".u": "part of the elevation", ".img_comb": RADAR},
        "EGM96", "NASADEM User Guide (LP DAAC 2020), sect. 3", ending="",
    ),
    Product(
        "SRTM", rf"{CELL}\.srtm", ("gl1", "gl3", "gl3s", "gl30"),
        {"gl1n": COUNT, "gl3n": COUNT, "swbd": WATER, "imgr": RADAR, "imgrm": RADAR},
        "EGM96", _SRTM_GUIDE, ending=r"(?:\.(?:hgt|num|raw|tif|img|dem))?",
    ),
    Product(
        "SRTM", CELL, (".hgt",), {".raw": WATER},
        "EGM96", f"{_SRTM_GUIDE}; NASADEM and Viewfinder Panoramas use the same names", ending="",
    ),
    Product(
        "SRTM", r"[ns]\d\d_[ew]\d{3}_[13]arc_v\d", ("",), {},
        "EGM96", "SRTM 1 Arc-Second Global (USGS EROS 2018)",
    ),
    Product(
        "CGIAR-CSI SRTM", r"srtm_\d\d_\d\d", ("",), {}, "EGM96", "Jarvis et al. (2008), srtm.csi.cgiar.org",
    ),
    Product(
        "Copernicus DEM", r"copernicus_dsm_(?:cog_)?\d\d_[ns]\d\d_\d\d_[ew]\d{3}_\d\d", ("_dem", ""), _LAYERS,
        "EGM2008", "Copernicus DEM Product Handbook 5.0 (Airbus 2022), sect. 2",
    ),
    Product(
        "TanDEM-X EDEM", rf"tdm1_edem_\d\d_{CELL}(?:_v\d\d_[a-z])?", ("_edem_egm", "_edem_w84"), _LAYERS,
        "EGM2008", "TanDEM-X 30m EDEM product description (DLR 2023)",
        vertical={"_edem_w84": "ellipsoid of WGS84 (G1150)"},
    ),
    Product(
        "TanDEM-X DEM", rf"tdm1_dem__\d\d_{CELL}(?:_v\d\d_[a-z])?", ("_dem", ""), _LAYERS,
        "ellipsoid of WGS84 (G1150)",
        "TanDEM-X DEM Products Specification, TD-GS-PS-0021 issue 3.1 (DLR 2016), sect. 3",
    ),
    Product(
        "AW3D30", r"(?:alpsmlc30_)?[ns]\d{3}[ew]\d{3}", ("_dsm", "_ave_dsm", "_med_dsm"),
        {"_msk": MASK, "_ave_msk": MASK, "_med_msk": MASK,
         "_stk": COUNT, "_ave_stk": COUNT, "_med_stk": COUNT},
        "EGM96", "ALOS World 3D-30m product description 4.1 (JAXA 2024), sect. 2",
    ),
    Product(
        "ASTER GDEM", rf"astgtm(?:v\d{{3}}|\d)?_{CELL}", ("_dem", ""), {"_num": COUNT},
        "EGM96", "ASTER GDEM Version 3 User Guide (LP DAAC 2019), sect. 2",
    ),
    Product(
        "ASTER water bodies", rf"astwbdv\d{{3}}_{CELL}",
        (), {"_att": WATER, "_dem": "elevation of water bodies"},
        "EGM96", "ASTWBD User Guide (LP DAAC 2019)",
    ),
    Product(
        "FABDEM", rf"{CELL}_fabdem_v\d-\d", ("",), {},
        "EGM2008", "Hawker et al. (2022), doi:10.1088/1748-9326/ac4d4f",
    ),
    Product(
        "ArcticDEM or REMA",
        r"\d\d_\d\d(?:_\d_\d)?_\d+m_v\d\.\d|(?:arcticdem|rema)_mosaic_\w+_v\d\.\d"
        r"|(?:setsm_)?(?:s2s\d{3}_)?(?:wv|ge|qb|ik)\d\d_\d{8}_[0-9a-f]{16}_[0-9a-f]{16}_\w+?(?:_v\d\.\d)?",
        ("_dem", "_reg_dem", "_dem_filled", "_filled_cop30_dem"), _SETSM, "ellipsoid of WGS84",
        "Data description of ArcticDEM (Polar Geospatial Center): height above the WGS84 ellipsoid",
    ),
    Product(
        "HMA 8 m DEM", r"hma_dem8m_[\w-]*", ("",), {}, "ellipsoid of WGS84",
        "HMA_DEM8m User Guide (NSIDC 2017): metres above the WGS84 ellipsoid",
    ),
    Product(
        "ALOS PALSAR RTC", r"ap_\d{5}_\w+_rt[12]", (".dem",),
        {"_hh": RADAR, "_hv": RADAR, "_vv": RADAR, "_vh": RADAR, ".inc_map": "incidence angle",
         ".ls_map": "mask of layover and shadow"},
        "ellipsoid of WGS84", "ALOS PALSAR RTC product guide (ASF 2015): SRTM with the geoid taken away",
    ),
    Product(
        "MERIT Hydro", CELL, ("_elv",), {k: _FLOW[k] for k in ("_upa", "_upg", "_wth", "_hnd")},
        "EGM96", "Yamazaki et al. (2019), doi:10.1029/2019WR024873",
    ),
    Product(
        "MERIT DEM or HydroSHEDS",
        rf"(?:hyd_)?(?:{CELL}|(?:af|ar|as|au|eu|gr|na|sa|si)(?=_\w+_\d+s\.))", ("_dem", "_con"), _FLOW,
        "EGM96",
        "Yamazaki et al. (2017), doi:10.1002/2017GL072874; Lehner et al. (2008), doi:10.1029/2008EO100001",
        ending=rf"(?:_(?:3|15|30)s)?{RASTER}",
    ),
    Product(
        "GMTED2010", r"\d\d[ns]\d{3}[ew]_\d{8}_gmted_", ("mea", "med", "dsc", "bln", "min", "max"),
        {"std": "standard deviation"},
        "EGM96", "Danielson and Gesch (2011), USGS Open-File Report 2011-1073",
        ending=rf"(?:075|150|300){RASTER}",
    ),
    Product(
        "GEBCO", r"gebco_\d{4}", ("", "_sub_ice_topo"), {"_tid": "types of sources"},
        "mean sea level", "GEBCO grid documentation", ending=rf"(?:_n.*)?{RASTER}",
    ),
    Product(
        "ETOPO 2022", r"etopo_2022_v1_\d\ds(?:_[ns]\d\d[ew]\d{3})?", ("_surface", "_bed"),
        {"_geoid": "geoid", "_sid": "types of sources"}, "EGM2008", "ETOPO 2022 User Guide (NOAA)",
    ),
    Product(
        "USGS 3DEP", r"usgs_(?:13|1|2|1m|s1m|opr)_\w+", ("",), {},
        "NAVD88", "USGS 3D Elevation Program product metadata",
    ),
)  # fmt: skip
"""Known products; the first whose pattern fits is the one."""

LIMITS = {
    SHADE: 255.0, "slope": 100.0, "aspect": 360.0, "curvature": 1000.0, MASK: 255.0, ERROR: 500.0,
    COUNT: 1000.0, PREVIEW: 255.0, "land cover": 255.0, "height of trees": 150.0, "image": 65535.0,
    "flow": np.inf, "geoid": 120.0, "change of elevation": 500.0, "thickness": 5000.0, "velocity": 10000.0,
}  # fmt: skip
"""What rasters are that lie beside elevation models, and the greatest number that each can have: where a file
whose name says so has greater ones, its name means something else (the North Slope is no slope)."""

WORDS = {
    SHADE: "hillshade shade shaded shading hs shadedrelief",
    "slope": "slope slopes slp",
    "aspect": "aspect asp",
    "curvature": "curvature curv tpi tri twi roughness ruggedness",
    MASK: "mask msk wbm edm flm wam lsm watermask landmask datamask bitmask matchtag swbd swb",
    ERROR: "hem err error errors uncertainty std stdev stddev sigma rmse mad nmad accuracy",
    COUNT: "num count counts stk nobs cov ncov",
    PREVIEW: "preview quicklook ql browse thumb thumbnail overview",
    "land cover": "landcover lulc lcm worldcover corine landuse clc",
    "height of trees": "canopy chm treeheight",
    "image": "ortho orthophoto orthomosaic orthoimage rgb rgbn ndvi amp am2 ndwi ndsi",
    "flow": "flowdir flowacc fdir facc accumulation flowdirection",
    "geoid": "geoid undulation",
    "change of elevation": "dhdt dh ddem difference",
    "thickness": "thickness",
    "velocity": "velocity vel",
}
_ROLES = {word: role for role, words in WORDS.items() for word in words.split()}

_COPY = re.compile(r"(?: ?\(\d+\)|[-_ ]copy)+$")
MAX_WORDS = 4
"""Words that users put after a product's own name: DEM_clip_utm."""


def identify(name: str | PurePath) -> Content | None:
    """What a file is, by its name.

    Parameters
    ----------
    name : str or PurePath
        Upper or lower case. Words added at the end (``_clip_utm``, `` (1)``) are no obstacle.

    Returns
    -------
    Content or None
        None where the name is that of no known product.

    Examples
    --------
    >>> identify("Copernicus_DSM_COG_10_N30_00_E090_00_WBM.tif").role
    'water mask'
    >>> identify("TDM1_DEM__30_N30E090_DEM_clip.tif").heights
    'ellipsoid of WGS84 (G1150)'
    >>> identify("dem.tif") is None
    True
    """
    path = PurePath(name)
    low = path.name.casefold()
    stem, dot, suffix = low.rpartition(".")
    stem = _COPY.sub("", stem)
    preview = any(folder.casefold() == "preview" for folder in path.parts[:-1])
    for dropped in range(MAX_WORDS + 1):
        parts = re.split(r"([_\- ])", stem)
        kept = parts[: len(parts) - 2 * dropped] if dropped else parts
        if not kept:
            return None
        found = _match(f"{''.join(kept)}{dot}{suffix}")
        if found is None or (dropped and found.bare):
            continue  # the words may name a part that is not known
        role = named_role("".join(parts[len(kept) :])) if dropped else None
        if found.role == ELEVATION and (role or preview):
            return replace(found, role=PREVIEW if preview else str(role))
        return found
    return None


def named_role(stem: str) -> str | None:
    """What a file of no known product calls itself, other than an elevation model.

    Examples
    --------
    >>> named_role("dem_hillshade"), named_role("DEM_filled")
    ('shaded relief', None)
    """
    words = re.split(r"[^a-z0-9]+", stem.casefold())
    return next((_ROLES[word] for word in reversed(words) if word in _ROLES), None)


def _match(low: str) -> Content | None:
    for product in PRODUCTS:
        match = product.pattern.fullmatch(low)
        if match is None:
            continue
        part = match["part"]
        start, end = match.span("part")
        tile = f"{product.name} {low[:start]}*{low[end:]}"
        if part not in product.elevation:
            return Content(product.name, product.others[part], "", tile)
        rank = product.elevation.index(part)
        heights = product.vertical.get(part, product.heights)
        bare = not part and len(product.elevation) > 1
        return Content(product.name, ELEVATION, heights, tile, rank, bare)
    return None
