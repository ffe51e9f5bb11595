"""Folders and archives as downloaded: the elevations are taken, what lies beside them is not and is told."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from rogi.errors import InputError
from rogi.raster.elevation.folders import search

TIFF = b"II*\0\x08\0\0\0"
HGT = bytes(2 * 9)

COPERNICUS = [
    "Copernicus_DSM_COG_10_N30_00_E090_00_DEM/Copernicus_DSM_COG_10_N30_00_E090_00_DEM.tif",
    *(f"Copernicus_DSM_COG_10_N30_00_E090_00_DEM/AUXFILES/Copernicus_DSM_COG_10_N30_00_E090_00_{part}.tif"
      for part in ("EDM", "FLM", "HEM", "WBM")),
]  # fmt: skip
DOWNLOADS = {
    "NASADEM": ["n30e090.hgt", "n30e090.num", "n30e090.swb"],
    "SRTM": ["N30E090.SRTMGL1.hgt", "N30E090.SRTMGL1N.num", "N30E090.SRTMSWBD.raw"],
    "CGIAR": ["srtm_54_06.tif", "srtm_54_06.hdr", "srtm_54_06.tfw", "readme.txt"],
    "Copernicus": COPERNICUS,
    "Copernicus beside": [Path(name).name for name in COPERNICUS],
    "Copernicus in small letters": [name.lower() for name in COPERNICUS],
    "TanDEM-X": [
        "TDM1_DEM__30_N30E090_V01_C/DEM/TDM1_DEM__30_N30E090_DEM.tif",
        *(f"TDM1_DEM__30_N30E090_V01_C/AUXFILES/TDM1_DEM__30_N30E090_{part}.tif"
          for part in ("AMP", "AM2", "COM", "COV", "HEM", "LSM", "WAM", "INT")),
        "TDM1_DEM__30_N30E090_V01_C/PREVIEW/TDM1_DEM__30_N30E090_DEM_QL.tif",
    ],
    "EDEM": [f"TDM1_EDEM_10_N30E090_{part}.tif" for part in ("EDEM_EGM", "EDEM_W84", "HEM")],
    "AW3D30": [f"N030E090/ALPSMLC30_N030E090_{part}" for part in ("DSM.tif", "MSK.tif", "QAI.txt")],
    "AW3D30 v2": ["N030E090_AVE_DSM.tif", "N030E090_MED_DSM.tif", "N030E090_AVE_STK.tif"],
    "ASTER": ["ASTGTMV003_N30E090_dem.tif", "ASTGTMV003_N30E090_num.tif"],
    "ArcticDEM": [f"34_33_2m_v4.1_{part}.tif" for part in ("dem", "count", "mad", "matchtag", "browse")],
    "GMTED": [f"30n090e_20101117_gmted_{part}075.tif" for part in ("mea", "min", "max", "std")],
}  # fmt: skip


def write(folder: Path, names: list[str]) -> None:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(TIFF + name.encode())


def zipped(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("product", DOWNLOADS)
def test_a_folder_as_downloaded(tmp_path: Path, product: str) -> None:
    names = DOWNLOADS[product]
    write(tmp_path, names)
    (tmp_path / "._junk.tif").write_bytes(TIFF)
    found = search([tmp_path])
    assert [file.path for file in found.files] == [tmp_path / names[0]]
    rasters = [name for name in names[1:] if not name.endswith((".txt", ".hdr", ".tfw"))]
    assert bool(found.notes) == bool(rasters)
    told = " ".join(found.notes)
    for name in rasters:
        assert Path(name).name in told or "AMP" in name  # one example of each kind
    assert set(found.files) <= found.searched


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tgz", "tar"])
@pytest.mark.parametrize("product", ["Copernicus", "TanDEM-X", "NASADEM", "AW3D30"])
def test_an_archive_as_downloaded(tmp_path: Path, product: str, kind: str) -> None:
    names = DOWNLOADS[product]
    path = tmp_path / f"download.{kind}"
    if kind == "zip":
        zipped(path, dict.fromkeys(names, TIFF))
    else:
        with tarfile.open(path, "w" if kind == "tar" else "w:gz") as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size = len(TIFF)
                archive.addfile(info, io.BytesIO(TIFF))
    scheme = "vsizip" if kind == "zip" else "vsitar"
    for source in (path, tmp_path):
        (file,) = search([source]).files
        assert str(file.path) == f"/{scheme}/{{{path.resolve()}}}/{names[0]}"
        assert file.file == path
        assert file.name == f"{path}/{names[0]}"


def test_a_zip_in_a_zip(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "N30E090.SRTMGL1.hgt.zip", {"N30E090.hgt": HGT}).read_bytes()
    (tmp_path / "N30E090.SRTMGL1.hgt.zip").unlink()
    outer = zipped(tmp_path / "order.zip", {"a/N30E090.SRTMGL1.hgt.zip": inner, "a/readme.txt": b"x"})
    (file,) = search([outer]).files
    assert str(file.path) == (
        f"/vsizip/{{/vsizip/{{{outer.resolve()}}}/a/N30E090.SRTMGL1.hgt.zip}}/N30E090.hgt"
    )
    assert file.name == f"{outer}/a/N30E090.SRTMGL1.hgt.zip/N30E090.hgt"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("../N30E090.tif", TIFF, "leads outside"),
        ("/N30E090.tif", TIFF, "leads outside"),
        ("N30E090.tif", b"<VRTDataset rasterXSize='1'>", "is a text"),
        ("N30E090.hgt", b'{"type": "Feature"}', "is a text"),
        ("N30E090.vrt", b"<VRTDataset/>", "contains no elevation model"),
        ("readme.txt", b"x", "contains no elevation model"),
        ("N30E090_num.zip", b"PK", "damaged"),
    ],
)
def test_archives_that_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        search([zipped(tmp_path / "a.zip", {name: content})])


def test_an_archive_that_is_damaged_or_packed_otherwise(tmp_path: Path) -> None:
    good = zipped(tmp_path / "a.zip", {"N30E090.hgt": bytes(5000)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(good[: len(good) // 2])
    with pytest.raises(InputError, match=r"a\.zip is damaged"):
        search([tmp_path])
    (tmp_path / "a.zip").unlink()
    (tmp_path / "b.tar.gz").write_bytes(good)
    with pytest.raises(InputError, match=r"b\.tar\.gz is damaged"):
        search([tmp_path / "b.tar.gz"])
    (tmp_path / "c.tar.xz").write_bytes(good)
    with pytest.raises(InputError, match="not read; unpack it"):
        search([tmp_path / "c.tar.xz"])


def test_links_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("N30E090.tif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(InputError, match="contains no elevation model"):
        search([path])


@pytest.mark.parametrize(
    "name", ["Copernicus_DSM_COG_10_N30_00_E090_00_WBM.tif", "n30e090.swb", "N30E090.num"]
)
def test_a_mask_given_by_itself_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, [name])
    with pytest.raises(InputError, match="is no elevation model: by its name it is the"):
        search([tmp_path / name])


def test_nothing_to_take(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no elevation model"):
        search([tmp_path / "absent.tif"])
    with pytest.raises(InputError, match="No elevation model was given"):
        search([])
    write(tmp_path, ["ASTGTMV003_N30E090_num.tif"])
    with pytest.raises(InputError, match=r"contains no elevation model.*besides .*_num\.tif"):
        search([tmp_path])


def test_the_lesser_elevation_is_taken_where_it_is_alone(tmp_path: Path) -> None:
    write(tmp_path, ["TDM1_EDEM_10_N30E090_EDEM_W84.tif"])
    assert len(search([tmp_path]).files) == 1
    write(tmp_path / "other", ["TDM1_EDEM_10_N31E090_EDEM_EGM.tif"])
    assert len(search([tmp_path]).files) == 2


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, ["a.tif", "b.tif"])
    found = search([tmp_path / "b.tif", tmp_path, tmp_path / "b.tif"])
    assert [file.path.name for file in found.files] == ["a.tif", "b.tif"]
    assert found.notes == ()
