"""Images named by STAC Items and ItemCollections, where their assets are local files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rogi.errors import InputError
from rogi.raster.bands import choose_bands
from rogi.raster.guard import address, network_allowed
from rogi.raster.header import CorruptTile, read_header
from rogi.raster.imagery.cloud_masks import CloudMask, open_mask, parse_mask
from rogi.raster.imagery.image_dates import iso_date
from rogi.raster.sources import SUFFIXES, Found, one_grid
from rogi.raster.spectral_names import COLOURS, meaning

if TYPE_CHECKING:
    from rogi.raster.bands import BandChoice
    from rogi.raster.header import Header

MAX_BYTES = 1 << 26
"""Of a STAC file; an item takes a few kB."""

OFFSET_APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
"""Properties by which a catalogue says that the offset of Sentinel-2 it states is in the numbers already
(Element 84, Earth Search documentation)."""

BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline")
SENTINEL_OFFSET = -1000.0
"""What turns numbers of Sentinel-2 since processing baseline 04.00 into those of before, where the item does
not state it (ESA, Sentinel-2 Products Specification Document, BOA_ADD_OFFSET)."""

VISUAL = ("visual", "data")
"""Keys and roles of the asset that holds the picture, in the order in which they are looked for."""


def stac_tiles(path: Path, bands: BandChoice | None, masks: Sequence[str] = ()) -> Found:
    """Tiles of the items of a STAC file, in the order of their ids.

    Of an item the asset ``visual`` is taken, else the one with the role ``visual``, the same for ``data``,
    else one asset for each of red, green and blue (``eo:bands`` of STAC 1.0 or ``bands`` of STAC 1.1, by
    common name), else the only raster. Bands chosen by name may be keys of assets; masks are.

    Raises
    ------
    InputError
        No STAC, or an item without such an asset, or one that is not a local file.
    """
    found = Found()
    for item in sorted(_items(path), key=lambda item: str(item.get("id", ""))):
        try:
            chosen = [
                choose_bands(_described(read_header(_local(path, item, asset)), asset, item), choice)
                for asset, choice in _assets(path, item, bands)
            ]
        except CorruptTile as error:
            found.damaged.append(error)
            continue
        tile = one_grid([bands for bands, _, _ in chosen], f"item {item.get('id')!r} in {path}")
        names = tuple(name for _, names, _ in chosen for name in names)
        own = tuple(_mask(path, item, spec) for spec in masks)
        found.tiles.append((replace(tile, masks=own, **_properties(item)), names))
        found.notes += [note for _, _, note in chosen if note]
    return found


def _items(path: Path) -> list[Mapping[str, Any]]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size} bytes; a STAC file has at most {MAX_BYTES}. Split it.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as STAC: {error}.") from error
    kind = content.get("type") if isinstance(content, dict) else None
    items = (
        content.get("features") if kind == "FeatureCollection" else [content] if kind == "Feature" else None
    )
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("assets"), dict) for item in items
    ):
        raise InputError(
            f"{path} is neither a STAC Item nor an ItemCollection with assets; give one of these, "
            "or the images."
        )
    if not items:
        raise InputError(f"The STAC ItemCollection {path} contains no items.")
    return items


def _assets(
    path: Path, item: Mapping[str, Any], bands: BandChoice | None
) -> list[tuple[Mapping[str, Any], BandChoice | None]]:
    """Assets of an item and the bands to take from each."""
    assets = {str(k): v for k, v in item["assets"].items() if isinstance(v, dict) and "href" in v}
    if bands is not None:
        named = [str(b).partition("=") for b in bands]
        picked = [_named_asset(assets, source or name) for name, _, source in named]
        if all(asset is not None for asset in picked):
            names = [name if sign else meaning(name) or name.casefold() for name, sign, _ in named]
            return [(a, [f"{name}=1"]) for a, name in zip(picked, names, strict=True) if a is not None]
    for wanted in VISUAL:
        matching = [k for k, asset in assets.items() if k == wanted] or [
            k for k, asset in assets.items() if wanted in (asset.get("roles") or ()) and _is_raster(asset)
        ]
        if len(matching) == 1:
            return [(assets[matching[0]], bands)]
    colours = [_named_asset(assets, colour) for colour in COLOURS]
    if bands is None and all(asset is not None for asset in colours):
        return [(a, [f"{colour}=1"]) for a, colour in zip(colours, COLOURS, strict=True) if a is not None]
    rasters = [asset for asset in assets.values() if _is_raster(asset)]
    if len(rasters) == 1:
        return [(rasters[0], bands)]
    raise InputError(
        f"Item {item.get('id')!r} in {path} does not say which of its assets ({', '.join(assets)}) is the "
        "picture; name those of the channels with --bands, for example --bands red=B04,green=B03,blue=B02."
    )


def _named_asset(assets: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """The asset of one band by its key, else by the name of its band, else the first of that colour."""
    name = name.strip()
    if name in assets:
        return assets[name]
    singles = [(asset, bands[0]) for asset in assets.values() if len(bands := _bands(asset)) == 1]
    for asset, band in singles:
        if name.casefold() == str(band.get("name", "")).casefold():
            return asset
    colour = meaning(name)
    return next((asset for asset, band in singles if colour and _colour(band) == colour), None)


def _bands(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an asset says of its bands, in STAC 1.0 and 1.1."""
    parts = [asset.get(key) for key in ("bands", "eo:bands", "raster:bands")]
    tables = [part for part in parts if isinstance(part, list) and all(isinstance(b, dict) for b in part)]
    count = max(map(len, tables), default=0)
    merged: list[Mapping[str, Any]] = []
    for number in range(count):
        band = {key: value for key, value in asset.items() if key.startswith("raster:")}
        for table in tables:
            if len(table) == count:
                band |= table[number]
        merged.append(band)
    return merged


def _colour(band: Mapping[str, Any]) -> str:
    common = str(band.get("eo:common_name") or band.get("common_name") or "")
    return meaning(common) or meaning(str(band.get("name") or ""))


def _described(header: Header, asset: Mapping[str, Any], item: Mapping[str, Any]) -> Header:
    """A header with the names, scale, offset and nodata value of an asset where the file states none."""
    bands: Sequence[Mapping[str, Any]] = _bands(asset)
    if len(bands) != len(header.dtypes):
        bands = [{}] * len(header.dtypes)
    properties = item.get("properties") or {}
    applied = any(properties.get(key) is True for key in OFFSET_APPLIED)
    colours = [_colour(band) for band in bands]
    own = [scale == 1 and offset == 0 for scale, offset in zip(header.scales, header.offsets, strict=True)]
    scales = [_number(band, "scale", 1.0) for band in bands]
    offsets = [0.0 if applied else _number(band, "offset", 0.0) for band in bands]
    if (
        not applied
        and not any(offsets)
        and all(own)
        and set(header.dtypes) == {"uint16"}
        and _has_offset(properties)
    ):
        offsets = [scale * SENTINEL_OFFSET for scale in scales]
    voids = [_number(band, "nodata", None) for band in bands]
    return replace(
        header,
        names=tuple(
            c if c and not d else n for c, d, n in zip(colours, header.described, header.names, strict=True)
        ),
        described=tuple(bool(c) or d for c, d in zip(colours, header.described, strict=True)),
        scales=tuple(new if none else old for new, none, old in zip(scales, own, header.scales, strict=True)),
        offsets=tuple(
            new if none else old for new, none, old in zip(offsets, own, header.offsets, strict=True)
        ),
        nodata=tuple(new if old is None else old for new, old in zip(voids, header.nodata, strict=True)),
    )


def _has_offset(properties: Mapping[str, Any]) -> bool:
    """Whether numbers of Sentinel-2 have the offset of processing baseline 04.00 and later."""
    baseline = next((str(properties[key]) for key in BASELINES if properties.get(key)), "")
    return re.fullmatch(r"0[4-9]\.\d\d|[1-9]\d\.\d\d", baseline) is not None


def _number(band: Mapping[str, Any], name: str, default: Any) -> Any:
    value = band.get(f"raster:{name}", band.get(name, default))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _mask(path: Path, item: Mapping[str, Any], spec: str) -> CloudMask:
    key, classes = parse_mask(spec)
    assets = {str(k).casefold(): a for k, a in item["assets"].items() if isinstance(a, dict) and "href" in a}
    if key.casefold() not in assets:
        raise InputError(
            f"--mask {key} is neither a file nor an asset of item {item.get('id')!r} in {path}, which has "
            f"{', '.join(assets)}."
        )
    return open_mask(_local(path, item, assets[key.casefold()]), classes, key)


def _properties(item: Mapping[str, Any]) -> dict[str, Any]:
    """Date and share of clouds of an item, for its tile."""
    properties = item.get("properties") or {}
    moment = properties.get("datetime") or properties.get("start_datetime")
    cloud = properties.get("eo:cloud_cover")
    return {
        "date": iso_date(str(moment or "")),
        "cloud": cloud / 100 if isinstance(cloud, int | float) and 0 <= cloud <= 100 else None,
    }


def _is_raster(asset: Mapping[str, Any]) -> bool:
    kind = str(asset.get("type", ""))
    return "tiff" in kind or "jp2" in kind or str(asset["href"]).lower().endswith(SUFFIXES)


def _local(path: Path, item: Mapping[str, Any], asset: Mapping[str, Any]) -> Path:
    """The local file, or the address where these are allowed, that an asset names."""
    href = str(asset["href"])
    if address(href) is not None and network_allowed():
        return Path(href)
    parts = urlsplit(href)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost") or href.startswith("/vsi"):
        raise InputError(
            f"Item {item.get('id')!r} in {path} names {href}, which is no local file; download "
            "it and give its path" + (", or add --remote." if address(href) else ".")
        )
    name = Path(unquote(parts.path) if parts.scheme == "file" else href)
    return name if name.is_absolute() else path.parent / name
