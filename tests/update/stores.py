"""Stores made of the plan in a folder, and what a server says to what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from rogi.update.store.make import PackageTables, Store, making_store
from rogi.update.vocabulary import LOCKED

LAYER_NAMES = ("tasks", *LOCKED)


def tables(work: Path, crs: str | None = None) -> list[PackageTables]:
    """The layers of the packages of a folder."""
    found = []
    for entry in json.loads((work / "plan.json").read_text())["packages"]:
        frames = {name: gpd.read_file(work / entry["file"], layer=name) for name in LAYER_NAMES}
        if crs is not None:
            frames = {name: frame.to_crs(crs) for name, frame in frames.items()}
        found.append(PackageTables(entry["name"], entry["mapper"], **frames))
    return found


def create(url: str, packages: list[PackageTables], **options: Any) -> Store:
    """A store of packages, there for all others."""
    with making_store(url, packages, **options) as store:
        return store


def fill(url: str, work: Path, packages: list[PackageTables] | None = None, **options: Any) -> Store:
    """A store of the plan in a folder."""
    texts = {name: (work / name).read_text() for name in ("plan.json", "tasks.csv")}
    made = packages if packages is not None else tables(work)
    return create(url, made, plan=texts["plan.json"], tasks=texts["tasks.csv"], **options)


def refused(connection: Any, statement: str, values: tuple[Any, ...] = ()) -> str:
    """What the server says to a statement it refuses; the transaction goes on."""
    import psycopg

    with pytest.raises(psycopg.Error) as caught, connection.transaction():
        connection.execute(statement, values)
    return str(caught.value.diag.message_primary)
