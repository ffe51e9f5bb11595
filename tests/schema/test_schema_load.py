"""Loading of schema files: the packaged ones are sound, those of users are checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jsonschema
import pytest
import yaml

from rogi.errors import InputError, OptionError
from rogi.schema import load, parameters
from rogi.schema.documents import read_toml
from rogi.schema.model import Evidence, Match, Role, normalise
from rogi.schema.parameters import load_parameters

SCHEMAS = load.data_root() / "schemas"
PACKAGED = [
    ("concepts", [SCHEMAS / "concepts.yaml"]),
    ("rules", [SCHEMAS / "rules.yaml"]),
    ("schema", [SCHEMAS / f"{id}.yaml" for id in load.schema_ids()]),
    ("dialect", sorted(SCHEMAS.glob("dialects/*.yaml"))),
    ("vocabulary", sorted(SCHEMAS.glob("vocabularies/*.yaml"))),
]


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, paths in PACKAGED for path in paths], ids=lambda v: str(v)[-30:]
)
def test_packaged_file_fits_its_json_schema(kind: str, path: Path) -> None:
    """Every YAML file of the package is valid, and its meta-schema is a JSON Schema itself."""
    meta = json.loads((SCHEMAS / "meta" / f"{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(meta)
    content = load.read_yaml(path)
    errors = [
        f"{e.json_path}: {e.message}" for e in jsonschema.Draft202012Validator(meta).iter_errors(content)
    ]
    assert errors == []


def test_every_yaml_file_is_loaded() -> None:
    """No file is left over that nothing reads."""
    known = {path for _, paths in PACKAGED for path in paths}
    assert {p for p in SCHEMAS.rglob("*.yaml") if "references" not in p.parts} == known


def test_names_of_files_are_names_inside() -> None:
    """A file is found by the name it states."""
    for id in load.schema_ids():
        assert load.load_schema(id).id == id
    for name in load.dialect_names():
        assert load.load_dialect(name).name == name
    for name in load.vocabulary_names():
        assert load.load_vocabulary(name).name == name


def test_references_between_files_hold() -> None:
    """Vocabularies, schemas and terms that one file names exist in another."""
    vocabularies = set(load.vocabulary_names())
    for concept in load.concepts().values():
        assert concept.vocabulary is None or concept.vocabulary in vocabularies
        assert concept.minimum is None or concept.maximum is None or concept.minimum < concept.maximum
    for dialect in load.dialects():
        schema = load.load_schema(dialect.schema)
        for layer in dialect.layers:
            assert schema.layer(layer.role) is not None
            for concept_name, values in layer.values.items():
                field = schema.layer(layer.role).field(concept_name)  # type: ignore[union-attr]
                vocabulary = load.load_vocabulary(field.concept.vocabulary) if field else None
                for value in values.values():
                    assert vocabulary is None or value.to is None or value.to in vocabulary.values


def test_one_column_means_one_thing_in_a_dialect() -> None:
    """Within a layer of a dialect no column name stands for two concepts."""
    for dialect in load.dialects():
        for layer in dialect.layers:
            names = [normalise(name) for columns in layer.columns.values() for name in dict.fromkeys(columns)]
            spelt = [
                normalise(n)
                for columns in layer.columns.values()
                for n in {normalise(c): c for c in columns}.values()
            ]
            assert len(set(spelt)) == len(spelt), (dialect.name, layer.role, names)


def test_template_and_published_names_are_one() -> None:
    """The published RGIK names are the template's without dots, so both map to the same schema fields."""
    template, published = load.load_dialect("rgik-template"), load.load_dialect("rgik-published")
    schema = load.load_schema("rgik")
    for role in (Role.MARKER, Role.OUTLINE):
        layer = schema.layer(role)
        assert layer is not None
        for field in layer.fields:
            for dialect in (template, published):
                columns = dialect.layer(role).columns.get(field.concept.name, ())  # type: ignore[union-attr]
                assert all(normalise(c) == field.alias for c in columns)


def test_closed_vocabularies_are_established() -> None:
    """A list that is only remembered is never closed."""
    for name in load.vocabulary_names():
        vocabulary = load.load_vocabulary(name)
        assert not vocabulary.closed or all(term.evidence.established for term in vocabulary.terms)


def test_facts_of_the_schemas() -> None:
    """Layers, keys and names that are known from the sources."""
    tprogi = load.load_schema("tprogi")
    assert [layer.name for layer in tprogi.layers] == ["TPRoGI_Extended_Footprint", "TPRoGI_Primary_Marker"]
    outline = tprogi.layer(Role.OUTLINE)
    assert outline is not None
    names = [field.name for field in outline.fields]
    assert len(names) == 23
    assert all(len(name) <= 10 for name in names)  # Shapefile
    rgik = load.load_schema("rgik/1.0")
    assert [layer.name for layer in rgik.layers] == ["PM", "GO", "MA", "AOI"]
    assert rgik.layer(Role.OUTLINE).field("outline_type").name == "Out.Type"  # type: ignore[union-attr]
    assert load.load_vocabulary("activity").values == (
        "Active",
        "Active uncertain",
        "Transitional",
        "Relict uncertain",
        "Relict",
        "Uncertain",
    )
    assert [t.code for t in load.load_vocabulary("landform").terms] == [0, 1, 2]


def test_yaml_booleans_stay_text() -> None:
    """``No`` and ``Yes`` are terms, not booleans."""
    assert "No" in load.load_vocabulary("destabilisation").values
    assert load.load_dialect("rogi-ch").layer(Role.MARKER).values["destabilisation"]["yes"].match is (  # type: ignore[union-attr]
        Match.AMBIGUOUS
    )


def test_loading_is_cached() -> None:
    """The same object comes back."""
    assert load.load_schema("tprogi") is load.load_schema("tprogi/1.0")
    assert load.load_dialect("generic") is load.load_dialect("generic")
    assert load_parameters() is load_parameters()


def test_loading_imports_nothing_heavy() -> None:
    """All packaged files load without pandas, pandera, jsonschema or geopandas."""
    code = (
        "import sys; from rogi.schema import load, parameters; load.dialects(); parameters.load_parameters();"
        "[load.load_schema(i) for i in load.schema_ids()];"
        "print([m for m in ('pandas','pandera','jsonschema','geopandas','shapely') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- names that do not exist


@pytest.mark.parametrize(
    ("function", "name", "hint"),
    [
        (load.load_schema, "tprogy", "tprogi"),
        (load.load_schema, "tprogi/9.9", "tprogi/1.0"),
        (load.load_dialect, "rogi-sw", "rogi-ch"),
        (load.load_vocabulary, "activiti", "activity"),
    ],
)
def test_unknown_name_is_told(function, name: str, hint: str) -> None:  # type: ignore[no-untyped-def]
    """The message names the bad value and what there is."""
    with pytest.raises(OptionError, match=hint) as error:
        function(name)
    assert repr(name) in str(error.value)


# ---- users' files

SCHEMA = """
name: mine
version: "2.0"
title: Mine
description: A test.
source: nobody
crs: EPSG:32632
concepts:
  thickness: {title: Thickness, type: number, unit: m, minimum: 0, description: Ice., source: us, evidence: V}
layers:
  - role: outline
    name: units
    title: Units
    description: Outlines.
    geometry: [Polygon]
    required: true
    key: working_id
    fields:
      - {name: nr, concept: working_id, required: true, nullable: false, unique: true}
      - {name: thick, concept: thickness, maximum: 300}
      - {name: act, concept: activity}
"""


def test_schema_of_the_user(tmp_path: Path) -> None:
    """A file with a concept of its own and an override is a schema like any other."""
    path = tmp_path / "mine.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    schema = load.load_schema(str(path))
    layer = schema.layers[0]
    thick = layer.field("thickness")
    assert (schema.id, schema.crs) == ("mine/2.0", "EPSG:32632")
    assert thick is not None
    assert (thick.concept.minimum, thick.concept.maximum, thick.concept.unit) == (0, 300, "m")
    assert layer.field("activity").concept == load.concepts()["activity"]  # type: ignore[union-attr]
    path.write_text(SCHEMA.replace("maximum: 300", "maximum: 400"), encoding="utf-8")
    assert load.load_schema(str(path)).layers[0].fields[1].concept.maximum == 400


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("crs: EPSG:32632", "crs: wgs84", "crs"),
        ("concept: activity}", "concept: aktivity}", "did you mean activity"),
        ("name: act,", "name: nr.,", "more than once"),
        ("key: working_id", "key: primary_id", "key 'primary_id'"),
        ("role: outline", "role: polygon", "role"),
        ("title: Mine", "titel: Mine", "titel"),
        ("title: Mine", "title: &a Mine", "anchor"),
        ("title: Mine", "title: Mine\ntitle: Yours", "repeated"),
        ("title: Mine", "title: [Mine", "not valid YAML"),
        ("title: Mine", "title: !!python/object/apply:os.system [ls]", "not valid YAML"),
        ("title: Mine", "title: " + "[" * 40 + "]" * 40, "nested"),
        ("concept: activity}", "concept: working_id}", "more than once"),
        ("crs:", "crz:", "crz"),
    ],
)
def test_bad_schema_of_the_user(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Each fault is one sentence that names the file and the fault."""
    path = tmp_path / "mine.yaml"
    path.write_text(SCHEMA.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=says) as error:
        load.load_schema(str(path))
    assert "mine.yaml" in str(error.value)


def test_file_that_is_no_yaml(tmp_path: Path) -> None:
    """Missing, huge, binary, empty, and a list instead of a table."""
    path = tmp_path / "bad.yaml"
    with pytest.raises(InputError, match="Cannot read"):
        load.load_schema(str(path))
    for content in (b"\xff\xfe\x00\x81", b"- 1\n", b"", b"a: 1\n" * 300_000, b"\x00"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.yaml"):
            load.load_schema(str(path))
        with pytest.raises(InputError, match=r"bad\.yaml"):
            load.load_dialect(str(path))


def test_dialect_of_the_user(tmp_path: Path) -> None:
    """A dialect file is read, a concept that does not exist is refused."""
    path = tmp_path / "austria.yml"
    text = """
name: austria
title: Austria
description: A test.
schema: rgik/1.0
source: us
evidence: V
layers:
  - role: outline
    names: ["*"]
    columns: {working_id: NR, activity: [AKT, ACT]}
    values:
      activity: {intact: {to: Active, match: ambiguous, note: or transitional}, fossil: Relict, x: null}
    units: {area: ha}
"""
    path.write_text(text, encoding="utf-8")
    layer = load.load_dialect(str(path)).layers[0]
    assert layer.columns == {"working_id": ("NR",), "activity": ("AKT", "ACT")}
    values = layer.values["activity"]
    assert (values["intact"].match, values["fossil"].to, values["x"].to) == (Match.AMBIGUOUS, "Relict", None)
    path.write_text(text.replace("working_id: NR", "workin_id: NR"), encoding="utf-8")
    with pytest.raises(InputError, match="did you mean working_id"):
        load.load_dialect(str(path))


@pytest.mark.parametrize(
    ("units", "read"),
    [
        ("{area: hectares}", "ha"),
        ("{aspect: class-8-from-E}", "class-8-from-E"),
        ("{slope_mean: '%'}", "%"),
        ("{area: furlong}", "area cannot be in the unit 'furlong'; use km², ha"),
        ("{area: K}", "area cannot be in the unit 'K'; use km², ha"),
        ("{area: cardinal}", "area cannot be in the unit 'cardinal'; use km², ha"),
        (
            "{aspect: class-8-from-W}",
            "cannot be in the unit 'class-8-from-W'; use degree, .* class-8-from-E",
        ),
        ("{activity: ha}", "activity cannot be in the unit 'ha'; it has no unit"),
    ],
)
def test_units_of_a_dialect(tmp_path: Path, units: str, read: str) -> None:
    """A unit has any usual spelling; one that is not known, or measures something else, is refused."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ntitle: Mine\ndescription: A test.\nschema: tprogi/1.0\nsource: us\nevidence: V\n"
        "layers:\n"
        f"  - {{role: outline, names: ['*'], columns: {{primary_id: NR}}, units: {units}}}\n",
        encoding="utf-8",
    )
    if "cannot" in read:
        with pytest.raises(InputError, match=read):
            load.load_dialect(str(path))
    else:
        assert list(load.load_dialect(str(path)).layers[0].units.values()) == [read]


def test_examples_of_the_docs(tmp_path: Path) -> None:
    """The schema and the dialect shown on the command's page load as they are."""
    page = Path(__file__).parents[2] / "docs" / "commands" / "schema.md"
    blocks = [part.split("```")[0] for part in page.read_text(encoding="utf-8").split("```yaml\n")[1:]]
    for block, function in zip(blocks, (load.load_schema, load.load_dialect), strict=True):
        path = tmp_path / "example.yaml"
        path.write_text(block, encoding="utf-8")
        assert function(str(path)).name in block


# ---- parameters


def test_parameters_have_their_source() -> None:
    """Every threshold has a name with its rule's code, a source and a label of evidence."""
    for name, parameter in load_parameters().items():
        assert parameter.name == name
        assert parameter.source and parameter.description
        assert isinstance(parameter.evidence, Evidence)


def test_parameters_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A value of the same kind replaces the default; another kind or an unknown name is refused."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "rules.yaml").write_text(
        "GEO014:\n  minimum_area: {value: 0.01, unit: km², description: d, source: s, evidence: M-med}\n"
        "ATT009:\n  sentinels: {value: [-9999, -32768], description: d, source: s, evidence: D}\n"
        "  word: {value: none, description: d, source: s, evidence: D}\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(parameters, "data_root", lambda: tmp_path)
    parameters._packaged_parameters.cache_clear()
    try:
        default = load_parameters()
        assert default["GEO014.minimum_area"].value == 0.01
        assert default["ATT009.sentinels"].value == (-9999, -32768)
        mine = load_parameters({"GEO014.minimum_area": 1, "ATT009.sentinels": [0], "ATT009.word": "x"})
        assert [p.value for p in mine.values()] == [1, (0,), "x"]
        assert default["GEO014.minimum_area"].value == 0.01
        with pytest.raises(OptionError, match=r"did you mean GEO014\.minimum_area"):
            load_parameters({"GEO014.minimum": 1})
        for name, value in (
            ("GEO014.minimum_area", "small"),
            ("GEO014.minimum_area", True),
            ("GEO014.minimum_area", float("nan")),
            ("ATT009.sentinels", -9999),
            ("ATT009.sentinels", ["a"]),
            ("ATT009.word", 3),
        ):
            with pytest.raises(OptionError, match=name.replace(".", r"\.")):
                load_parameters({name: value})
    finally:
        parameters._packaged_parameters.cache_clear()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = " + b"[" * 100_000, "nested too deep"),
        (b"a." * 50_000 + b"a = 1", "nested too deep"),
        (b"a = " + b"9" * 10_000, "not valid TOML"),
        (b"a = '\xff'", "not valid TOML"),
        (b"a = ", "not valid TOML"),
        (b"#" * 2000, "larger than 1,000 bytes"),
    ],
)
def test_toml_of_strangers_is_refused_with_a_message(tmp_path: Path, content: bytes, said: str) -> None:
    """Depth, long numbers, other encodings and sizes end in one message that names the file."""
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{re.escape(str(path))}.*{said}"):
        read_toml(path, 1000 if said.startswith("larger") else 1_000_000)


@pytest.mark.parametrize(
    ("file", "place", "named"),
    [
        ("concepts.yaml", ("aspect",), "the concept 'aspect'"),
        ("concepts.yaml", ("aspect", "attribute"), "the concept 'aspect', its attribute"),
        ("vocabularies/activity.yaml", (), ""),
        ("vocabularies/activity.yaml", ("terms", 0), "the term"),
        ("tprogi/1.0.yaml", (), ""),
        ("tprogi/1.0.yaml", ("layers", 0), "the layer"),
        ("tprogi/1.0.yaml", ("layers", 0, "fields", 0), "the field 'ID'"),
        ("dialects/generic.yaml", (), ""),
        ("dialects/generic.yaml", ("layers", 0), "the layer of outlines"),
        ("dialects/generic.yaml", ("layers", 0, "candidates", 0), "the layer of outlines, a candidate"),
        ("rules.yaml", ("GEO014", "minimum_area"), "the parameter GEO014.minimum_area"),
    ],
)
def test_an_unknown_key_of_a_packaged_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, place: tuple[str | int, ...], named: str
) -> None:
    """At each level: a misspelt key would be read as not given."""
    load.concepts(), load.vocabulary_names()  # kept: only the file in question is of the test
    path = tmp_path / "schemas" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    content = load.read_yaml(SCHEMAS / file)
    entry = content
    for step in place:
        entry = entry[step]
    entry["titel"] = "x"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    for module in (load, parameters):
        monkeypatch.setattr(module, "data_root", lambda: tmp_path)
    read: dict[str, Callable[[], object]] = {
        "concepts.yaml": load.concepts.__wrapped__,
        "rules.yaml": parameters._packaged_parameters.__wrapped__,
        "vocabularies/activity.yaml": partial(load.load_vocabulary.__wrapped__, "activity"),
        "tprogi/1.0.yaml": partial(load._schema, load.read_yaml(path), path),
        "dialects/generic.yaml": partial(load._dialect, load.read_yaml(path), path),
    }
    with pytest.raises(InputError, match=f"{path.name}.*{named}.* has the unknown key 'titel'; known: "):
        read[file]()
