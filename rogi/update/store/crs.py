"""Coordinate reference systems in PostGIS: the number under which a database knows one."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, Any, Final

from pyproj.exceptions import CRSError

from rogi.errors import InputError

if TYPE_CHECKING:
    import psycopg
    import pyproj

OWN_SRIDS: Final = (910_000, 998_999)
"""Where systems without a code are put; PostGIS leaves numbers up to 998999 to users (spatial_ref_sys)."""


def srid_of(connection: psycopg.Connection[Any], postgis: str, crs: pyproj.CRS) -> int:
    """Number of a system in ``spatial_ref_sys``; one without a code is added there.

    Parameters
    ----------
    connection
        In a transaction.
    postgis
        Schema PostGIS lives in.
    crs
        The system.

    Raises
    ------
    InputError
        If the database does not know it and may not be told.
    """
    import psycopg
    from psycopg import sql

    table = sql.Identifier(postgis, "spatial_ref_sys")
    authority = crs.to_authority(min_confidence=100)
    if authority is not None and authority[1].isdigit():
        row = connection.execute(
            sql.SQL("SELECT srid FROM {} WHERE auth_name = %s AND auth_srid = %s").format(table),
            (authority[0], int(authority[1])),
        ).fetchone()
        if row is not None:
            return int(row[0])
    text = _wkt(crs)
    row = connection.execute(
        sql.SQL("SELECT srid FROM {} WHERE srtext = %s ORDER BY srid").format(table), (text,)
    ).fetchone()
    if row is not None:
        return int(row[0])
    try:
        with connection.transaction():
            return _add(connection, table, text, crs)
    except psycopg.errors.InsufficientPrivilege:
        raise InputError(
            f"The database does not know the coordinate reference system {crs.name}, and its user may not "
            "add it; ask who maintains the database for GRANT INSERT ON spatial_ref_sys, or plan with an "
            "inventory in a system with an EPSG code."
        ) from None


def _add(connection: psycopg.Connection[Any], table: Any, text: str, crs: pyproj.CRS) -> int:
    from psycopg import sql

    low, high = OWN_SRIDS
    rows = connection.execute(
        sql.SQL("SELECT srid FROM {} WHERE srid BETWEEN %s AND %s").format(table), (low, high)
    )
    taken = {int(srid) for (srid,) in rows}
    srid = low + int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % (high - low)
    while srid in taken:
        srid = srid + 1 if srid < high else low
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (srid, auth_name, auth_srid, srtext, proj4text) VALUES (%s, 'rogi', %s, %s, %s)"
        ).format(table),
        (srid, srid, text, _proj4(crs)),
    )
    return srid


def _wkt(crs: pyproj.CRS) -> str:
    """As PostGIS and QGIS read it: WKT 1, of at most 2048 characters."""
    try:
        text: str | None = crs.to_wkt("WKT1_GDAL")
    except CRSError:
        text = None
    if not text or len(text) > 2048:
        raise InputError(
            f"The coordinate reference system {crs.name} cannot be told to PostGIS; plan with an inventory "
            "in a system with an EPSG code."
        )
    return text


def _proj4(crs: pyproj.CRS) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that text of this kind loses details is known
        return crs.to_proj4()
