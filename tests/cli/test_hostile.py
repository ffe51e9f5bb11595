"""An inventory whose every text is hostile, through every command and format: nothing of it is obeyed."""

from __future__ import annotations

import re
import unicodedata

import geopandas as gpd
import pyogrio
import pytest
import shapely

EVIL = "\x1b[31mred\x9b2J\x07 \u202etxt ##vso[task.complete]x ##[error]x"
LINE = "::error::pwned"
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script> [a](http://evil) @all | x |"
CRS = (
    'PROJCRS["::error::pwned \x1b[31m##vso[x]",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",'
    'ELLIPSOID["WGS 84",6378137,298.257223563]]],CONVERSION["x",METHOD["Transverse Mercator"],'
    'PARAMETER["Latitude of natural origin",0],PARAMETER["Longitude of natural origin",93],'
    'PARAMETER["Scale factor at natural origin",0.9996],PARAMETER["False easting",500000],'
    'PARAMETER["False northing",0]],CS[Cartesian,2],AXIS["easting",east],AXIS["northing",north],'
    'LENGTHUNIT["metre",1]]'
)


def frame(shift=0.0):
    """Three outlines with hostile texts; one of them crosses itself."""
    boxes = [
        shapely.box(5e5 + 900 * i + shift, 3.4e6, 5e5 + 900 * i + 600 + shift, 3.4005e6) for i in range(2)
    ]
    bow = shapely.Polygon([(5e5, 3.41e6), (5.005e5, 3.4105e6), (5.005e5, 3.41e6), (5e5, 3.4105e6)])
    texts = [f"{LINE} {EVIL}", f"=cmd|' /C calc'!A0 {MARKUP}", f"{MARKUP}\r\n{LINE}"]
    return gpd.GeoDataFrame(
        {
            "ID": texts,
            f"{LINE} {EVIL} {MARKUP}": texts,
            "SUBREGION": texts,
            "AREA": [0.3, 0.3, 9.0],
            "ACTIVITY": texts,
        },
        geometry=[*boxes, bow],
        crs=CRS,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("x") / f"my!proj {LINE.replace(':', ';')}\x1b[31m ##vso[x]"
    place.mkdir()
    work = tmp_path_factory.mktemp("plain")
    for name, shift in (("a", 0.0), ("b", 50.0)):
        made = work / f"{name}.gpkg"
        pyogrio.write_dataframe(
            frame(shift), made, layer=f"outlines {LINE}\x1b[31m ##vso[x] {MARKUP}", driver="GPKG"
        )
        made.rename(place / f"::error::{name}\x1b[31m\u202e##[x]<b>.gpkg")
    return place


@pytest.fixture
def files(folder):
    return sorted(folder.glob("*.gpkg"))


def obeyed(text):
    """What of a text would be obeyed: by a terminal, a reader's eye, a CI system."""
    found = [ascii(c) for c in text if unicodedata.category(c) == "Cc" and c != "\n"]
    found += [
        ascii(c)
        for c in text
        if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI")
    ]
    found += re.findall(r"##\[|##vso\[", text)
    found += re.findall(r"(?m)^\s*::error::pwned", text)
    return sorted(set(found))


CALLS = [
    *[
        ("validate", "A", "--format", f)
        for f in ("text", "json", "jsonl", "markdown", "junit", "sarif", "github", "html")
    ],
    ("validate", "A", "B", "--layer", "outline=A"),
    *[("stats", "A", "--format", f) for f in ("text", "markdown", "json")],
    *[("convert", "A", "out.gpkg", "--force", "--format", f) for f in ("text", "json", "csv")],
    ("convert", "A", "out.csv", "--to-schema", "tprogi", "--force"),
    *[("id", "parse", "A", "--format", f) for f in ("text", "json", "csv")],
    *[("id", "repair", "A", "--format", f) for f in ("text", "json")],
    ("id", "parse", f"{LINE} {EVIL}", MARKUP),
    *[("compare", "A", "B", "--format", f) for f in ("text", "json", "markdown", "html")],
    ("compare", "A", "B", "--by", "subregion"),
    *[("release", "diff", "A", "B", "--format", f) for f in ("text", "markdown", "json", "csv")],
    ("attributes", "A", "-o", "filled.gpkg", "--fields", "AREA,ELE"),
    ("review", "sample", "A", "-o", "review", "--n", "1"),
    ("validate", "A", "--fix", "safe", "--fixed", "fixed.gpkg", "--force"),
    ("release", "check", "A"),
    ("rules", "--select", f"{LINE}\n{LINE} {EVIL}"),
    ("rule", f"{LINE}\n{LINE} {EVIL}"),
    ("validate", f"none\n{LINE} {EVIL}.gpkg"),
    ("stats", "A", "--crs", f"x\n{LINE} {EVIL}"),
    ("stats", "A", "--dialect", f"x\n{LINE} {EVIL}"),
    ("compare", "A", "B", "--region", f"x\n{LINE} {EVIL}"),
    ("schema", "show", f"x\n{LINE} {EVIL}"),
    ("update", "status", f"x\n{LINE} {EVIL}"),
    ("release", "build", f"x\n{LINE} {EVIL}", "-i", "A", "-o", "dist"),
    ("nothing" + EVIL,),
    ("stats", "A", f"--none{EVIL}"),
    ("stats", "A", "--format", f"x\n{LINE} {EVIL}"),
]


@pytest.mark.parametrize("words", CALLS, ids=lambda w: ascii(" ".join(w))[:60])
def test_nothing_is_obeyed(words, run, files):
    named = {"A": str(files[0]), "B": str(files[1]), "outline=A": f"outline={files[0]}"}
    code, out, err = run(*[named.get(word, word) for word in words])
    assert code in (0, 1, 2)
    assert "broke down" not in err and "Traceback" not in err
    assert obeyed(err) == [], err
    if "csv" not in words or words[0] == "convert":  # else data, which hold the values as they are
        assert obeyed(out) == [], out[:3000]
    assert not re.search(r"(?m)^(error|warning|note):?\s*$", err)
    if "html" in words or "markdown" in words:
        assert not re.search(r"<(img|script>alert)", out), out[:3000]


def test_reports_in_files_are_the_same(run, files, tmp_path):
    names = ["r.html", "r.json", "r.jsonl", "r.md", "r.xml", "r.sarif", "r.txt", "r.gpkg"]
    code, _, err = run("validate", files[0], *[w for n in names for w in ("--output", tmp_path / n)])
    assert code == 1, err
    for name in names[:-1]:
        assert obeyed((tmp_path / name).read_text()) == [], name
    for layer, _ in pyogrio.list_layers(tmp_path / "r.gpkg"):
        table = pyogrio.read_dataframe(tmp_path / "r.gpkg", layer=layer, read_geometry=False)
        for name, column in table.items():
            assert obeyed("\n".join(map(str, [name, *column]))) == [], (layer, name)
