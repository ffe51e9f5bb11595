"""Bundles: what is written comes back, the same bytes each time; nothing changed or dangerous is read."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rogi.detection
from rogi.detection.model import bundle as bundle_module
from rogi.detection.model.bundle import (
    CARD,
    GOLDEN,
    ONNX,
    SUMS,
    WEIGHTS,
    Bundle,
    Golden,
    read_tensors,
    tensor_bytes,
)
from rogi.detection.model.bundle_writing import deepness_properties, write_files
from rogi.detection.model.card import Metric, Source, ThresholdCurve, TrainingRecord, read_card, write_card
from rogi.detection.model.export import onnx_runner
from rogi.errors import InputError, OutputError
from tests.detection.bundles import answer, card, tiny_bundle, tiny_onnx


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bundle as folder."""
    path = tmp_path_factory.mktemp("bundles") / "tiny"
    tiny_bundle(path, patch=64, stride=32)
    return path


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "tiny"))


def resum(folder: Path) -> None:
    """Make the sums right again, as somebody with bad intentions would."""
    names = sorted(p.name for p in folder.iterdir() if p.name != SUMS)
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / SUMS).write_text("".join(lines))


def full_card():
    """A card with every field set."""
    return replace(
        card(4, 2, patch=64, stride=48),
        encoder_depth=4,
        decoder_channels=(32, 16, 8, 8),
        output_stride=16,
        atrous_rates=(6, 12, 18),
        threshold=0.35,
        threshold_curve=ThresholdCurve((0.25, 0.5), (0.5, 0.75), (1.0, 0.5), (0.67, 0.6), (0.5, 0.43)),
        metrics=(
            Metric("iou", "validation", 0.7, 0.6, 0.8, 0.95, 12),
            Metric("f1", "train", 0.8, None, None, 0.95, 1),
        ),
        training=TrainingRecord(
            "a" * 64, "b" * 64, "blocked", 70, 30, (Source("x.tif", "c" * 64),), Source("w", "d" * 64),
            {"batch": 8, "loss": "bce+dice", "turn": True, "positive_share": None, "learning_rate": 1e-05},
        ),
        description="Zeile 1\nZeile 2: „Blockgletscher“",
    )  # fmt: skip


# What is written is read back.


def test_card_comes_back_from_yaml():
    """Every field, with Unicode, numbers as 1e-05 and line ends."""
    whole = full_card()
    assert read_card(write_card(whole).encode(), Path("model.yaml")) == whole


def test_folder_and_zip_are_the_same_bundle(made: Path, tmp_path: Path):
    """The digest is that of the content, not of the wrapping; arrays come back exactly."""
    folder, zipped = Bundle.load(made), tiny_bundle(tmp_path / "tiny.zip", patch=64, stride=32)
    assert folder.digest == zipped.digest
    assert folder.card == zipped.card
    assert folder.onnx_bytes() == zipped.onnx_bytes()
    for one, other in zip(folder.golden().__dict__.values(), zipped.golden().__dict__.values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert folder.label == f"tiny@{folder.digest[:12]}"
    assert set(folder.weights()) == {"kernel"}


def test_same_parts_same_bytes(tmp_path: Path):
    """Two writings differ in no byte, as folder and as zip."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tiny_bundle(tmp_path / name / "m.zip", patch=64, stride=32)
        tiny_bundle(tmp_path / name / "m", patch=64, stride=32)
    assert (tmp_path / "one/m.zip").read_bytes() == (tmp_path / "two/m.zip").read_bytes()
    for file in (tmp_path / "one/m").iterdir():
        assert file.read_bytes() == (tmp_path / "two/m" / file.name).read_bytes()


def test_onnxruntime_gives_the_golden_answer(made: Path):
    """The answer was computed with numpy, independently of the ONNX model."""
    golden = Bundle.load(made).golden()
    found = onnx_runner(Bundle.load(made).onnx_bytes())(golden.input)
    np.testing.assert_allclose(found, golden.expected, atol=1e-6)
    np.testing.assert_allclose(answer(golden.input), golden.expected)


def test_deepness_finds_what_it_needs():
    """By hand: a pixel of 5 m is 500 cm, windows at 320 of 480 overlap by a third, 1 ha is 400 pixels."""
    found = {name: json.loads(text) for name, text in deepness_properties(card(threshold=0.45)).items()}
    assert found == {
        "model_type": "Segmentor",
        "class_names": {"0": "background", "1": "rock glacier"},
        "resolution": 500.0,
        "tile_size": 480,
        "tiles_size": 480,
        "tiles_overlap": 33,
        "standardization_mean": [0.392157, 0.431373, 0.470588],
        "standardization_std": [0.196078] * 3,
        "seg_thresh": 0.45,
        "seg_small_segment": 400,
    }
    two = json.loads(deepness_properties(card(outputs=2))["class_names"])
    assert two == {"0": "rock glacier", "1": "boundary"}
    assert not deepness_properties(card(dtype="uint16", dtype_range=(0.0, 65535.0)))


def test_normalise_is_the_formula_and_0_where_invalid():
    """(value - mean) / std by hand; an invalid pixel is 0 whatever it holds, also NaN."""
    model = card(2)
    values = np.array([[[100.0, 150.0], [np.nan, 50.0]], [[110.0, 10.0], [7.0, 60.0]]])
    found = model.normalise(values, [[True, True], [False, True]])
    np.testing.assert_array_equal(found, [[[0, 1], [0, -1]], [[0, -2], [0, -1]]])
    assert found.dtype == np.float32


def test_zero_dimensional_and_whole_number_tensors_come_back():
    """Counters of normalisation layers are such."""
    tensors = {"b": np.array(7, np.int64), "a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    back = read_tensors(tensor_bytes(tensors), Path("w"))
    assert back["b"].shape == () and back["b"] == 7
    np.testing.assert_array_equal(back["a"], tensors["a"])


def test_replacing_needs_force_and_a_bundle(tmp_path: Path):
    """A bundle is replaced only on request, a folder of other things never."""
    tiny_bundle(tmp_path / "m", patch=64, stride=32)
    with pytest.raises(OutputError, match="--force"):
        tiny_bundle(tmp_path / "m", patch=64, stride=32)
    assert tiny_bundle(tmp_path / "m", patch=64, stride=32, force=True, gain=1.0).card.name == "tiny"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_text("a")
    with pytest.raises(OutputError, match="no bundle"):
        tiny_bundle(tmp_path / "photos", patch=64, stride=32, force=True)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]
    with pytest.raises(OutputError, match="does not exist"):
        tiny_bundle(tmp_path / "no/m", patch=64, stride=32)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "photos"]


# What is damaged is refused.


@pytest.mark.parametrize("name", [CARD, GOLDEN, ONNX, WEIGHTS])
def test_a_changed_byte_is_refused(copied: Path, name: str):
    """In any file, in its middle; the file is named."""
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(bytes(data))
    with pytest.raises(InputError, match=re.escape(name)):
        Bundle.load(copied)


def test_a_byte_changed_after_loading_is_refused(copied: Path):
    """What is read later is checked again."""
    bundle = Bundle.load(copied)
    data = bytearray((copied / ONNX).read_bytes())
    data[50] ^= 1
    (copied / ONNX).write_bytes(bytes(data))
    with pytest.raises(InputError, match="changed since"):
        bundle.onnx_bytes()


def test_every_changed_byte_of_a_zip_that_matters_is_refused(tmp_path: Path):
    """Anywhere in the zip: either refused, or the same bundle (times and the like)."""
    path = tmp_path / "m.zip"
    bundle = tiny_bundle(path, patch=32, stride=16)
    data = path.read_bytes()
    for place in np.linspace(0, len(data) - 1, 150).astype(int):
        changed = bytearray(data)
        changed[place] ^= 0x41
        path.write_bytes(bytes(changed))
        with contextlib.suppress(InputError):
            assert Bundle.load(path).digest == bundle.digest


@pytest.mark.parametrize("name", [CARD, GOLDEN, ONNX, WEIGHTS, SUMS])
def test_a_missing_file_is_named(copied: Path, name: str):
    """With and without its sum."""
    (copied / name).unlink()
    with pytest.raises(InputError, match=re.escape(name)):
        Bundle.load(copied)
    if name != SUMS:
        resum(copied)
        with pytest.raises(InputError, match=re.escape(name)):
            Bundle.load(copied)


@pytest.mark.parametrize("name", ["weights.pt", "run.py", "notes.txt"])
def test_a_file_no_bundle_has_is_refused(copied: Path, name: str):
    """Also when its sum is right."""
    (copied / name).write_text("x")
    with pytest.raises(InputError, match=re.escape(name)):
        Bundle.load(copied)
    resum(copied)
    with pytest.raises(InputError, match=re.escape(name)):
        Bundle.load(copied)


def test_what_desktops_leave_behind_does_not_matter(copied: Path):
    """Hidden files are no part of the bundle."""
    (copied / ".DS_Store").write_text("x")
    assert Bundle.load(copied).card.name == "tiny"


def test_another_format_says_so(copied: Path):
    """Before anything else about the card is judged."""
    for version in ("2", "0", "true", "'1'"):
        text = (copied / CARD).read_text()
        (copied / CARD).write_text(re.sub(r"format: .*", f"format: {version}\nunheard: of", text, count=1))
        resum(copied)
        with pytest.raises(InputError, match="format"):
            Bundle.load(copied)
        (copied / CARD).write_text(text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("patch: 64", "patch: 65", "patch"),
        ("threshold: 0.5", "threshold: 1.5", "threshold"),
        ("threshold: 0.5", "threshold: .nan", "finite"),
        ("std: 50.0", "std: 0.0", "std"),
        ("name: green", "name: red", "twice"),
        ("stride: 32", "stride: 100", "gaps"),
        ("encoder: resnet18", "encoder: 'tu-hf_hub:evil/model'", "encoder"),
        ("encoder: resnet18", "encoder: tu-hf-hub/evil", "encoder"),
        ("outputs: [rock glacier]", "outputs: [ice]", "outputs"),
        ("licence: CC0-1.0", "licence: CC0-1.0\nhook: x", "hook"),
        ("licence: CC0-1.0", "licence: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("licence: CC0-1.0", "licence: &a x\ncitation: *a", "YAML"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(copied: Path, old: str, new: str, said: str):
    """The sums are right; the content is not."""
    text = (copied / CARD).read_text()
    assert old in text
    (copied / CARD).write_text(text.replace(old, new, 1))
    resum(copied)
    with pytest.raises(InputError, match=said):
        Bundle.load(copied)


def test_onnx_with_tensors_in_other_files_is_refused(copied: Path):
    """Such a model would have the reader open any file it names."""
    import onnx

    model = onnx.load_model_from_string((copied / ONNX).read_bytes())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    (copied / ONNX).write_bytes(model.SerializeToString())
    resum(copied)
    with pytest.raises(InputError, match="other files"):
        Bundle.load(copied)


@pytest.mark.parametrize(
    "arrays",
    [
        {"input": np.zeros((1, 3, 64, 64), np.float32)},
        {"input": np.zeros((1, 2, 64, 64), np.float32), "expected": np.zeros((1, 1, 64, 64), np.float32)},
        {"input": np.zeros((1, 3, 64, 64), np.float64), "expected": np.zeros((1, 1, 64, 64), np.float32)},
        {"input": np.zeros((2, 3, 64, 64), np.float32), "expected": np.zeros((1, 1, 64, 64), np.float32)},
        {
            "input": np.full((1, 3, 64, 64), np.nan, np.float32),
            "expected": np.zeros((1, 1, 64, 64), np.float32),
        },
    ],
)
def test_a_golden_example_of_another_shape_is_refused(copied: Path, arrays: dict[str, np.ndarray]):
    """Missing, of other channels, type or number, or not finite."""
    np.savez(copied / GOLDEN, **arrays)
    resum(copied)
    with pytest.raises(InputError, match=r"golden|damaged"):
        Bundle.load(copied)


def test_a_golden_array_that_claims_to_be_huge_takes_no_memory(copied: Path):
    """The header of an array is believed only where it agrees with the card."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": (10**9, 3, 64, 64), "fortran_order": False, "descr": "<f4"}
    )
    with zipfile.ZipFile(copied / GOLDEN, "w") as archive:
        for name in ("input.npy", "expected.npy"):
            archive.writestr(name, header.getvalue())
    resum(copied)
    with pytest.raises(InputError, match="of shape"):
        Bundle.load(copied)


# Nothing in a bundle runs.


class Bomb:
    """Says so when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return (setattr, (Bomb, "exploded", True))


@pytest.mark.parametrize("name", [GOLDEN, WEIGHTS])
def test_a_pickle_in_place_of_data_is_refused_unread(
    copied: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    """Pickled arrays and pickled weights, with right sums: an error, and the pickle never ran."""
    if name == GOLDEN:
        np.savez(copied / GOLDEN, input=np.array([Bomb()], object), expected=np.array([Bomb()], object))
    else:
        (copied / WEIGHTS).write_bytes(pickle.dumps(Bomb()))
    resum(copied)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was unpickled")

    for function in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, function, refuse)
    with pytest.raises(InputError):
        Bundle.load(copied).weights()
    assert not Bomb.exploded


def test_no_module_of_detection_reads_pickles():
    """By its source: no pickle, no torch.load, no np.load, which could."""
    for path in sorted(Path(rogi.detection.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names = [f"{node.value.id}.{node.attr}"]
            else:
                continue
            forbidden = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "torch.load", "np.load"}
            assert not forbidden.intersection(names), f"{path.name} line {node.lineno}: {names}"


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:\\evil"])
def test_a_zip_that_leads_outside_is_refused(tmp_path: Path, name: str):
    """The paths of a zip are checked before anything is read."""
    path = tmp_path / "m.zip"
    tiny_bundle(path, patch=64, stride=32)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(InputError, match="outside"):
        Bundle.load(path)


def test_a_zip_with_a_file_twice_is_refused(tmp_path: Path):
    """Else the checked one and the read one could differ."""
    path = tmp_path / "m.zip"
    tiny_bundle(path, patch=64, stride=32)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("m/model.yaml", "x")
    with pytest.raises(InputError, match="twice"):
        Bundle.load(path)


def test_a_link_in_a_folder_is_not_followed(copied: Path, tmp_path: Path):
    """A bundle holds its own files."""
    (tmp_path / "elsewhere").write_bytes((copied / ONNX).read_bytes())
    (copied / ONNX).unlink()
    (copied / ONNX).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=re.escape(ONNX)):
        Bundle.load(copied)


def test_sizes_are_limited(copied: Path, monkeypatch: pytest.MonkeyPatch):
    """A text of more than the limit is not read to its end."""
    monkeypatch.setattr(bundle_module, "LARGEST_TEXT", 100)
    with pytest.raises(InputError, match=r"larger than|more than"):
        Bundle.load(copied)


@pytest.mark.parametrize("what", ["nothing", "folder", "text", "zip"])
def test_what_is_no_bundle_says_so(tmp_path: Path, what: str):
    """Each in one sentence with its name."""
    path = tmp_path / "it.zip"
    if what == "folder":
        path.mkdir()
    elif what == "text":
        path.write_text("hello")
    elif what == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "a")
    with pytest.raises(InputError, match=r"it\.zip"):
        Bundle.load(path)


def test_unknown_extra_files_are_not_written(tmp_path: Path):
    """What could not be read back is not written."""
    golden = Golden(np.zeros((1, 3, 64, 64), np.float32), np.zeros((1, 1, 64, 64), np.float32))
    with pytest.raises(OutputError, match=r"notes\.txt"):
        write_files(
            tmp_path / "m", card(patch=64, stride=32), onnx=tiny_onnx(3, 1, 64, 5, 3.0)[0], weights={},
            golden=golden, extras={"notes.txt": b""},
        )  # fmt: skip


def test_a_bundle_is_read_without_torch(made: Path):
    """Where only `rogi-toolkit[detect]` is installed: prediction needs no torch and its kin."""
    script = (
        "import sys\n"
        "names = 'torch torchvision timm segmentation_models_pytorch onnx safetensors'\n"
        "for name in names.split():\n"
        "    sys.modules[name] = None\n"
        "from rogi.detection.model.bundle import Bundle\n"
        "from rogi.detection.model.collection import inspect\n"
        "from pathlib import Path\n"
        "bundle = Bundle.load(sys.argv[1])\n"
        "ok = inspect(Path(sys.argv[1])).error == ''\n"
        "print(bundle.golden().input.shape, len(bundle.onnx_bytes()) > 0, ok)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(made)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "(1, 3, 64, 64) True True\n", done.stderr
