"""Images named by STAC Items and ItemCollections, where their assets are local files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rogi.errors import InputError
from rogi.raster.bands import choose_bands
from rogi.raster.guard import address, network_allowed
from rogi.raster.header import COLOURS, CorruptTile, read_header
from rogi.raster.mosaic import Tile
from rogi.raster.sources import SUFFIXES, Found

if TYPE_CHECKING:
    from rogi.raster.bands import BandChoice
    from rogi.raster.header import Header

MAX_BYTES = 1 << 26
"""Of a STAC file; an item takes a few kB."""

VISUAL = ("visual", "data")
"""Keys and roles of the asset that holds the picture, in the order in which they are looked for."""


def stac_tiles(path: Path, bands: BandChoice | None) -> Found:
    """Tiles of the items of a STAC file, in the order of their ids.

    Of an item the asset ``visual`` is taken, else the one with the role ``visual``, the same for ``data``,
    else one asset for each of red, green and blue (``eo:bands`` of STAC 1.0 or ``bands`` of STAC 1.1, by
    common name), else the only raster. Bands chosen by name may be keys of assets.

    Raises
    ------
    InputError
        No STAC, or an item without such an asset, or one that is not a local file.
    """
    found = Found()
    items = sorted(_items(path), key=lambda item: str(item.get("id", "")))
    for item in items:
        try:
            headers: list[tuple[Header, BandChoice | None]] = [
                (read_header(file), choice) for file, choice in _assets(path, item, bands)
            ]
        except CorruptTile as error:
            found.damaged.append(error)
            continue
        chosen = [choose_bands(header, choice) for header, choice in headers]
        first = headers[0][0]
        if any(header.grid != first.grid for header, _ in headers):
            raise InputError(
                f"The bands of item {item.get('id')!r} in {path} lie on different grids; bring them "
                "to one first."
            )
        dtypes = {
            header.dtypes[i - 1]
            for (header, _), (b, _, _) in zip(headers, chosen, strict=True)
            for i in b.indexes
        }
        if len(dtypes) > 1:
            raise InputError(
                f"The bands of item {item.get('id')!r} in {path} are of several types "
                f"({', '.join(sorted(dtypes))}); bring them to one first."
            )
        tile = Tile(tuple(b for b, _, _ in chosen))
        found.tiles.append((tile, tuple(name for _, names, _ in chosen for name in names)))
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
        raise InputError(f"The STAC ItemCollection {path} holds no items.")
    return items


def _assets(
    path: Path, item: Mapping[str, Any], bands: BandChoice | None
) -> list[tuple[Path, BandChoice | None]]:
    """Files of an item and the bands to take from each."""
    assets = {str(k): v for k, v in item["assets"].items() if isinstance(v, dict) and "href" in v}
    if bands is not None:
        named = [str(b).partition("=") for b in bands]
        keys = [source or name for name, _, source in named]
        if all(key in assets for key in keys):
            return [
                (_local(path, item, assets[key]), [f"{name}=1"])
                for key, (name, _, _) in zip(keys, named, strict=True)
            ]
    for wanted in VISUAL:
        matching = [k for k, asset in assets.items() if k == wanted] or [
            k for k, asset in assets.items() if wanted in (asset.get("roles") or ()) and _is_raster(asset)
        ]
        if len(matching) == 1:
            return [(_local(path, item, assets[matching[0]]), bands)]
    colours = {_common_name(asset): asset for asset in assets.values()}
    if bands is None and set(COLOURS) <= set(colours):
        return [(_local(path, item, colours[colour]), [f"{colour}=1"]) for colour in COLOURS]
    rasters = [asset for asset in assets.values() if _is_raster(asset)]
    if len(rasters) == 1:
        return [(_local(path, item, rasters[0]), bands)]
    raise InputError(
        f"Item {item.get('id')!r} in {path} does not say which of its assets ({', '.join(assets)}) is the "
        "picture; name those of the channels with --bands, for example --bands red=B04,green=B03,blue=B02."
    )


def _common_name(asset: Mapping[str, Any]) -> str:
    """Common name of the only band of an asset, or nothing."""
    described = asset.get("eo:bands") or asset.get("bands")
    if not isinstance(described, list) or len(described) != 1 or not isinstance(described[0], dict):
        return ""
    band = described[0]
    return str(band.get("eo:common_name") or band.get("common_name") or "").casefold()


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
