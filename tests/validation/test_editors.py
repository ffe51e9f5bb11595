"""JSON Schemas for editors say of a file what rogi says of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from rogi.errors import OptionError
from rogi.schema.documents import data_root
from rogi.validation.editors import (
    KINDS,
    editor_schemas,
    settings_schema,
    waivers_schema,
    write_editor_schemas,
)
from rogi.validation.settings import settings_from
from rogi.validation.waivers import parse_waivers

DOCS = Path(__file__).parents[2] / "docs"
WAIVER = {"rule": "GEO015", "id": "RGU1", "reason": "so", "author": "A"}


def test_the_example_of_the_docs_is_valid():
    text = re.search(r"```toml\n(.*?)```", (DOCS / "settings.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    table = tomllib.loads(text)
    table["waivers"][0]["expires"] = "2027-12-31"  # JSON has no dates
    jsonschema.validate(table, settings_schema(), jsonschema.Draft7Validator)


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"profile": "strict", "fail_on": "never"},
        {"fail-on": "never"},
        {"waiver-file": "waivers.toml"},
        {"select": "GEO", "ignore": ["ATT012", "geometry-invalid", "PID00"]},
        {"severity": {"GEO008": "warning", "GEO": "info"}},
        {"parameters": {"GEO014.minimum_area": 0.02}},
        {"parameters": {"GEO014": {"minimum_area": 0.02}}},
        {"schema": "tprogi/1.0", "dialect": "tprogi", "layers": ["outline=a.gpkg"]},
        {"attributes": {"dem": ["a.tif"], "maat": {"files": "m.nc"}, "glaciers": "g.gpkg"}},
        {"waivers": [WAIVER, {"fingerprint": "ab", "reason": "so", "author": "A"}]},
        {"profile": "harsh"},
        {"profil": "strict"},
        {"select": [1]},
        {"severity": {"GEO008": "loud"}},
        {"severity": ["GEO008"]},
        {"fail_on": "sometimes"},
        {"attributes": {"dme": "a.tif"}},
        {"attributes": []},
        {"waivers": [{"rule": "GEO015", "reason": "so", "author": "A"}]},
        {"waivers": [{**WAIVER, "reason": ""}]},
        {"waivers": [{**WAIVER, "why": "so"}]},
        {"waivers": {}},
        {"dialect": 1},
    ],
    ids=str,
)
def test_editors_and_rogi_agree(table):
    valid = not list(jsonschema.Draft7Validator(settings_schema()).iter_errors(table))
    try:
        settings_from(table)
        read = True
    except OptionError:
        read = False
    assert valid is read


def test_waivers_of_a_file_of_their_own():
    validator = jsonschema.Draft7Validator(waivers_schema())
    assert validator.is_valid({"waivers": [WAIVER]}) and parse_waivers([WAIVER], "x")
    assert validator.is_valid({})
    assert not validator.is_valid({"waiver": [WAIVER]})


@pytest.mark.parametrize("name", sorted(editor_schemas()))
def test_each_is_a_schema(name):
    content = editor_schemas()[name]
    validator = jsonschema.validators.validator_for(content)
    assert validator is not jsonschema.Draft4Validator
    validator.check_schema(content)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("dialect", "schemas/dialects/*.yaml"), ("vocabulary", "schemas/vocabularies/*.yaml"),
        ("schema", "schemas/tprogi/*.yaml"), ("reference", "schemas/references/*.yaml"),
        ("release", "releases/*/release.yaml"),
    ],
)  # fmt: skip
def test_packaged_files_are_valid(kind, pattern):
    content = editor_schemas()[f"{kind}.schema.json"]
    files = sorted(data_root().glob(pattern))
    assert files
    for path in files:
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), content)


def test_they_are_written(tmp_path):
    assert len(write_editor_schemas(tmp_path / "all")) == len(KINDS) + 2
    assert [p.name for p in write_editor_schemas(tmp_path / "one", ["rogi"])] == ["rogi.schema.json"]
    (tmp_path / "one" / "rogi.schema.json").write_text("mine")
    assert write_editor_schemas(tmp_path / "one", ["rogi"], replace=False) == []
    assert (tmp_path / "one" / "rogi.schema.json").read_text() == "mine"
