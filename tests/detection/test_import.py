"""Networks trained elsewhere as bundles, and models as STAC items: what is taken, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from bundles import card, tiny_bundle
from patchsets import tiny_patches

onnx = pytest.importorskip("onnx")

from onnx import FunctionProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper  # noqa: E402

from rogi.detection.model import onnx_limits  # noqa: E402
from rogi.detection.model.backends import select_backend  # noqa: E402
from rogi.detection.model.bundle import WEIGHTS, Bundle  # noqa: E402
from rogi.detection.model.bundle_writing import write_files  # noqa: E402
from rogi.detection.model.card import Source, TrainingRecord  # noqa: E402
from rogi.detection.model.ensemble import Models  # noqa: E402
from rogi.detection.model.export import INPUT, OUTPUT, onnx_runner  # noqa: E402
from rogi.detection.model.importing import import_model  # noqa: E402
from rogi.detection.model.onnx_limits import check_network, limited_memory  # noqa: E402
from rogi.detection.model.stac import EXTENSION, ITEM, description, item_bytes, item_of, parse_item  # noqa: E402
from rogi.errors import InputError, OptionError, RogiError  # noqa: E402

PATCH = 64
CARD: dict[str, Any] = {
    "name": "elsewhere",
    "channels": [{"name": n, "unit": "1", "mean": 100.0, "std": 50.0} for n in ("red", "green", "blue")],
    "dtype": "uint8",
    "dtype_range": [0, 255],
    "resolution_m": 5.0,
    "patch": PATCH,
    "licence": "CC-BY-4.0",
    "training_data": "Outlines of a friend, CC-BY-4.0.",
    "gives": "probability",
}


def written(folder: Path, model: bytes, **changes: Any) -> tuple[Path, Path]:
    """Files of a model and a card."""
    (folder / "m.onnx").write_bytes(model)
    card = {name: value for name, value in (CARD | changes).items() if value is not None}
    (folder / "card.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return folder / "m.onnx", folder / "card.yaml"


def network(
    *, classes: int = 1, last: str | None = None, batch: str | int = "n", patch: int | str = PATCH,
    opset: int = 17, kind: int = TensorProto.FLOAT, names: tuple[str, str] = ("x", "y"),
) -> bytes:  # fmt: skip
    """A convolution of one pixel: class k is k + 1 times the sum of the channels; then perhaps a function."""
    kernel = np.arange(1, classes + 1, dtype=np.float32)[:, None, None, None] * np.ones(
        (1, 3, 1, 1), np.float32
    )
    nodes = [helper.make_node("Conv", [names[0], "k"], ["raw" if last else names[1]], kernel_shape=[1, 1])]
    if last:
        nodes.append(
            helper.make_node(last, ["raw"], [names[1]], **({"axis": 1} if last == "Softmax" else {}))
        )
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(names[0], kind, [batch, 3, patch, patch])],
        [helper.make_tensor_value_info(names[1], kind, [batch, classes, patch, patch])],
        [numpy_helper.from_array(kernel, "k")],
    )  # fmt: skip
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
    ).SerializeToString()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("model", "changes", "expected"),
    [
        (network(last="Sigmoid"), {}, lambda s: sigmoid(s)),
        (network(), {"gives": "logits"}, lambda s: sigmoid(s)),
        (network(names=(INPUT, OUTPUT)), {"gives": "logits"}, lambda s: sigmoid(s)),
        (network(classes=2), {"gives": "softmax", "rock_glacier": 1}, lambda s: sigmoid(s)),
        (network(classes=2, opset=11), {"gives": "softmax", "rock_glacier": 1}, lambda s: sigmoid(s)),
        (network(classes=2, last="Softmax"), {"gives": "softmax", "rock_glacier": 1}, lambda s: sigmoid(s)),
        (network(last="Sigmoid", patch="side"), {}, lambda s: sigmoid(s)),
        (network(last="Sigmoid", batch=1), {}, lambda s: sigmoid(s)),
    ],
    ids=[
        "probability", "logits", "names", "softmax", "softmax of opset 11", "its own softmax", "free sides",
        "batch of one",
    ],
)  # fmt: skip
def test_what_it_gives_is_the_probability(
    model: bytes, changes: dict[str, Any], expected: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    """Against the closed form; the bundle is read again and passes its self-test without PyTorch."""
    path = tmp_path / "made.zip"
    import_model(*written(tmp_path, model, **changes), path)
    bundle = Bundle.load(path)
    assert WEIGHTS not in bundle.sums
    golden = bundle.golden()
    np.testing.assert_allclose(golden.expected[:, 0], expected(golden.input.sum(axis=1)), atol=1e-5)
    images = np.random.default_rng(0).normal(size=(3, 3, PATCH, PATCH)).astype(np.float32)
    found = onnx_runner(bundle.onnx_bytes())(images)
    np.testing.assert_allclose(found[:, 0], expected(images.sum(axis=1)), atol=1e-5)
    assert (bundle.card.training_data, bundle.card.licence) == (CARD["training_data"], "CC-BY-4.0")
    assert bundle.card.imported is not None and bundle.card.imported.name == "m.onnx"
    assert select_backend(bundle, precision="fp32", device="cpu").plan.backend in ("openvino", "onnxruntime")


def test_patches_become_the_golden_example(tmp_path: Path) -> None:
    """The first two of validation, normalised by the card; patches of another size are refused."""
    patches = tiny_patches(tmp_path / "patches", size=PATCH)
    files = written(tmp_path, network(), gives="logits")
    import_model(*files, tmp_path / "made.zip", patches=tmp_path / "patches")
    golden = Bundle.load(tmp_path / "made.zip").golden()
    read = [patches.read(int(position)) for position in patches.positions("validation")[:2]]
    expected = np.stack([np.where(valid, (image.astype(float) - 100) / 50, 0) for image, _, valid in read])
    np.testing.assert_allclose(golden.input, expected, atol=1e-6)
    tiny_patches(tmp_path / "small", size=32)
    with pytest.raises(
        InputError, match="has patches of 32 pixels with the channels red, green, blue; by the"
    ):
        import_model(*files, tmp_path / "other.zip", patches=tmp_path / "small")


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    files = written(tmp_path, network(last="Sigmoid"))
    for name in ("a.zip", "b.zip"):
        import_model(*files, tmp_path / name)
    assert Bundle.load(tmp_path / "a.zip").digest == Bundle.load(tmp_path / "b.zip").digest


def external() -> bytes:
    """A model whose kernel lies in a file elsewhere."""
    model = onnx.load_model_from_string(network(last="Sigmoid"))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return model.SerializeToString()


def foreign() -> bytes:
    model = onnx.load_model_from_string(network(last="Sigmoid"))
    model.graph.node[1].domain = "com.example"
    model.opset_import.add(domain="com.example", version=1)
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        (network(last="Sigmoid"), {"licence": None}, "lacks licence"),
        (network(last="Sigmoid"), {"training_data": ""}, "lacks training_data"),
        (network(last="Sigmoid"), {"channels": None}, "lacks channels"),
        (network(last="Sigmoid"), {"gives": "scores"}, "gives is probability, logits, softmax"),
        (network(last="Sigmoid"), {"rock_glacier": -1}, "rock_glacier is the number of a class"),
        (network(last="Sigmoid"), {"channels": [{"name": "red", "unit": "1"}]}, "mean"),
        (external(), {}, "wants tensors from other files"),
        (foreign(), {}, "operators of com.example"),
        (network(last="Sigmoid", opset=9), {}, "is of opset 9"),
        (network(last="Sigmoid")[:-20], {}, "no sound ONNX model"),
        (b"", {}, "no sound ONNX model"),
        (b"hello", {}, "no sound ONNX model"),
        (network(last="Sigmoid", patch=32), {}, r"input x of .* is \(n, 3, 32, 32\)"),
        (network(last="Sigmoid", batch=8), {}, r"is \(8, 3, 64, 64\)"),
        (network(classes=2, last="Sigmoid"), {}, r"output y of .* is \(n, 2, 64, 64\)"),
        (network(), {}, "which are no probabilities"),
        (network(classes=2), {"gives": "softmax", "rock_glacier": 2}, "has 2 classes, 0 to 1"),
        (
            network(last="Sigmoid"),
            {"imported": {"name": "x", "sha256": "0" * 64}},
            "has imported, which rogi",
        ),
        (network(last="Sigmoid"), {"calibration": {}, "rogi": "9"}, "has rogi, calibration, which rogi"),
        (network(last="Sigmoid"), {"gives": "logits"}, "seems to be probabilities already"),
    ],
)
def test_what_is_refused(model: bytes, changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        import_model(*written(tmp_path, model, **changes), tmp_path / "made")
    assert not (tmp_path / "made").exists()


def graph_of(*nodes: NodeProto, functions: Sequence[FunctionProto] = ()) -> bytes:
    """A sound network, with these nodes and functions besides."""
    model = onnx.load_model_from_string(network(last="Sigmoid"))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    model.functions.extend(functions)
    for domain in {one.domain for one in (*nodes, *functions)} - {""}:
        model.opset_import.append(helper.make_opsetid(domain, 1))
    return model.SerializeToString()


def inner() -> GraphProto:
    return helper.make_graph(
        [helper.make_node("Identity", ["a"], ["b"])], "inner",
        [helper.make_tensor_value_info("a", 1, [1])], [helper.make_tensor_value_info("b", 1, [1])],
    )  # fmt: skip


def function(name: str, calls: list[str], domain: str = "own") -> FunctionProto:
    """A function that calls others in turn."""
    nodes = [
        helper.make_node(call, [f"a{k}"], [f"a{k + 1}"], domain=domain if call.startswith("f") else "")
        for k, call in enumerate(calls)
    ]
    return helper.make_function(
        domain, name, ["a0"], [f"a{len(calls)}"], nodes,
        [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)],
    )  # fmt: skip


def call(name: str, domain: str = "own") -> NodeProto:
    return helper.make_node(name, ["x"], ["unused"], domain=domain)


LOOP = helper.make_node("Loop", ["", ""], ["unused"], body=inner())
UNSAFE = {
    "loop": (graph_of(LOOP), "operators Loop"),
    "if": (graph_of(helper.make_node("If", ["x"], ["u"], then_branch=inner(), else_branch=inner())), "If"),
    "scan": (graph_of(helper.make_node("Scan", ["x"], ["u"], body=inner(), num_scan_inputs=1)), "Scan"),
    "sequence": (graph_of(helper.make_node("SequenceMap", ["x"], ["u"], body=inner())), "SequenceMap"),
    "graph": (graph_of(helper.make_node("Identity", ["x"], ["u"], odd=inner())), "operators Loop"),
    "graphs": (graph_of(helper.make_node("Identity", ["x"], ["u"], odd=[inner()])), "operators Loop"),
    "loop in a function": (graph_of(call("f"), functions=[function("f", ["Loop"])]), "operators Loop"),
    "loop as a function": (graph_of(LOOP, functions=[function("Loop", ["Abs"], "")]), "operators Loop"),
    "calls itself": (graph_of(call("f"), functions=[function("f", ["f"])]), "without end"),
    "calls in a circle": (
        graph_of(call("f1"), functions=[function("f1", ["Abs", "f2"]), function("f2", ["f1"])]),
        "without end",
    ),
    "doubles": (
        graph_of(
            call("f0"),
            functions=[function("f24", ["Abs"]), *(function(f"f{k}", [f"f{k + 1}"] * 2) for k in range(24))],
        ),
        "more than 1,000,000 operators",
    ),
    "foreign": (graph_of(call("Beam", "com.microsoft")), "operators of com.microsoft"),
    "runtime's format": (b"\x08\x08\x32\x04ORTM" + network(), "no sound ONNX model"),
    "group": (network() + b"\x0b\x0c", "it is no protobuf message"),
    "endless number": (network() + b"\x08" + b"\xff" * 11, "it is no protobuf message"),
    "cut number": (network() + b"\x08\xff", "it is cut off"),
    "cut text": (network() + b"\x12\x7f", "it is cut off"),
    "cut float": (network() + b"\x1d\x00", "it is cut off"),
    "two graphs": (network() + graph_of(LOOP), "operators Loop"),
    "long numbers": (network().replace(b"\x22\x04Conv", b"\x22\x84\x00Loop"), "operators Loop|no sound"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAFE)
def test_what_could_run_without_end_is_refused(name: str, tmp_path: Path) -> None:
    """Before any runtime reads it, on import and in a bundle."""
    model, said = UNSAFE[name]
    with pytest.raises(InputError, match=said):
        import_model(*written(tmp_path, model), tmp_path / "made")
    bundle = tiny_bundle(tmp_path / "tiny", patch=64, stride=32).path
    sums = (bundle / "SHA256SUMS").read_text()
    before = hashlib.sha256((bundle / "model.onnx").read_bytes()).hexdigest()
    (bundle / "model.onnx").write_bytes(model)
    (bundle / "SHA256SUMS").write_text(sums.replace(before, hashlib.sha256(model).hexdigest()))
    with pytest.raises(InputError, match=said):
        Bundle.load(bundle)


def test_the_operators_of_a_model_are_counted_before_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file of millions of nodes; each takes more room in memory than in the file."""
    model = graph_of(*[helper.make_node("Abs", ["x"], ["x"])] * 5)
    check_network(model, tmp_path)
    monkeypatch.setattr(onnx_limits, "MOST_NODES", 4)
    with pytest.raises(InputError, match="more than 4 operators"):
        check_network(model, tmp_path)


def test_two_threads_give_the_memory_back() -> None:
    """The second wants its limit while the first has one, and ends after it."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    first_in, second_in, leave = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with limited_memory(1):
            first_in.set()
            leave.wait()

    def second() -> None:
        with limited_memory(1):
            second_in.set()
            threads[0].join()

    threads = [threading.Thread(target=work) for work in (first, second)]
    threads[0].start()
    first_in.wait()
    threads[1].start()
    second_in.wait(0.1)  # it has to wait for the first
    leave.set()
    for thread in threads:
        thread.join()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_functions_that_end_are_taken(tmp_path: Path) -> None:
    """A chain of calls, each of two operators."""
    functions = [function("f2", ["Abs", "Neg"]), function("f1", ["Abs", "f2"])]
    model = graph_of(call("f1"), functions=functions)
    check_network(model, tmp_path)
    import_model(*written(tmp_path, model), tmp_path / "made.zip")
    Bundle.load(tmp_path / "made.zip")


def greedy() -> bytes:
    """The network, and 64 GiB of ones whose largest is multiplied with the image."""
    shape = numpy_helper.from_array(np.array([1, 1, 2**17, 2**17], np.int64), "shape")
    one = numpy_helper.from_array(np.array([1], np.float32))
    model = onnx.load_model_from_string(network(last="Sigmoid"))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["many"], value=one),
        helper.make_node("ReduceMax", ["many"], ["most"], keepdims=1),
        helper.make_node("Mul", ["x", "most"], ["scaled"]),
    ]
    model.graph.node[0].input[0] = "scaled"
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    model.graph.initializer.append(shape)
    return model.SerializeToString()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_model_that_wants_too_much_memory_fails_and_nothing_else(backend: str, tmp_path: Path) -> None:
    """On import, and in the self-test of a bundle; afterwards memory is as free as before."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(InputError, match="does not run on images of this number and size"):
        import_model(*written(tmp_path, greedy()), tmp_path / "made")
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    import_model(*written(tmp_path, network(last="Sigmoid")), tmp_path / "good")
    good = Bundle.load(tmp_path / "good")
    model = onnx.load_model_from_string(greedy())
    renamed = {"x": INPUT, "y": OUTPUT}
    for node in model.graph.node:
        for part in (node.input, node.output):
            part[:] = [renamed.get(one, one) for one in part]
    model.graph.input[0].name, model.graph.output[0].name = INPUT, OUTPUT
    write_files(
        tmp_path / "bad", good.card, onnx=model.SerializeToString(), weights=None, golden=good.golden()
    )
    with pytest.raises(RogiError, match="Nothing here runs"):
        select_backend(Bundle.load(tmp_path / "bad"), backend=backend, device="cpu", precision="fp32")
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_network_that_looks_at_its_neighbours_is_refused(tmp_path: Path) -> None:
    """A mean over all images of a batch."""
    model = onnx.load_model_from_string(network(last="Sigmoid"))
    graph = model.graph
    graph.node.insert(0, helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1))
    graph.node.insert(1, helper.make_node("Sub", ["x", "m"], ["centred"]))
    graph.node[2].input[0] = "centred"
    with pytest.raises(InputError, match="answers an image otherwise"):
        import_model(*written(tmp_path, model.SerializeToString()), tmp_path / "made")


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rogi import cli

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rogi", "detect", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().out

    model, card = written(tmp_path, network(last="Sigmoid"))
    code, out = run("import", model, "--card", card, "-o", tmp_path / "made.zip")
    assert code == 0 and "elsewhere 1, channels red, green, blue, patch 64, 5 m, licence CC-BY-4.0" in out
    code, out = run("models", tmp_path / "made.zip", "--describe")
    assert code == 0
    for said in (
        "elsewhere",
        "semantic-segmentation",
        "bands red, green, blue",
        "mean 100.0 stddev 50.0",
        "ONNX",
    ):
        assert said in out
    assert run("models", tmp_path / "made.zip")[0] == 0
    foreign_item = {
        "type": "Feature", "id": "a", "bbox": [1, 2, 3, 4],
        "properties": {"mlm:name": "other\x1b", "mlm:input": [{
            "name": "i", "bands": ["B04", {"name": "B03"}], "norm_type": "z-score",
            "statistics": [{"mean": 1, "stddev": 2}],
            "input": {"shape": [-1, 2, 8, 8], "dim_order": ["batch", "channel", "height", "width"]},
        }], "mlm:output": [{"name": "o", "classification_classes": [{"name": "CITY"}]}], "mlm:tasks": "odd"},
        "assets": {"w": {"href": "https://example.org/w.pt", "roles": ["mlm:model"]}, "x": 1},
    }  # fmt: skip
    (tmp_path / "item.json").write_text(json.dumps(foreign_item), encoding="utf-8")
    code, out = run("models", tmp_path / "item.json", "--describe")
    assert code == 0 and "\x1b" not in out
    for said in (
        "B04, B03",
        "scaling z-score: mean 1 stddev 2",
        "batch -1",
        "CITY",
        "w.pt (mlm:model)",
        "1, 2, 3, 4",
    ):
        assert said in out
    (tmp_path / "item.json").write_text('{"properties": {}}', encoding="utf-8")
    assert run("models", tmp_path / "item.json", "--describe")[0] == 2


def test_a_bundle_carries_its_item(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny", outputs=2)
    item = parse_item(bundle.read(ITEM), tmp_path)
    assert item == item_of(bundle.card, True)
    assert item["stac_extensions"][0] == EXTENSION
    properties = item["properties"]
    assert [s["mean"] for s in properties["mlm:input"][0]["value_scaling"]] == [100.0, 110.0, 120.0]
    assert properties["mlm:input"][0]["input"]["shape"] == [-1, 3, 480, 480]
    names = [c["name"] for c in properties["mlm:output"][0]["classification:classes"]]
    assert names == list(bundle.card.outputs)
    assert item["assets"]["model"]["roles"][0] == "mlm:model" and item["geometry"] is None
    assert ("name", "tiny") in description(item)


TRAINED = TrainingRecord("0" * 64, "0" * 64, "blocks", 3, 2, bounds=(70.0, 30.0, 71.5, 31.0))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outputs": 2, "training": TRAINED, "citation": ""},
        {"licence": "", "dtype": "float32", "dtype_range": (0.0, 1.0)},
        {"licence": "Ask the author first.", "imported": Source("m.onnx", "0" * 64)},
    ],
)
def test_the_item_is_as_stac_and_its_extensions_want_it(changes: dict[str, Any]) -> None:
    """By the schema of STAC 1.1.0, and by what that of MLM 1.5.0 asks for beyond types."""
    from pystac.validation.local_validator import get_local_schema_cache
    from referencing import Registry, Resource

    item = json.loads(item_bytes(card(**changes), True))
    schemas = get_local_schema_cache().items()
    registry: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(schema)) for uri, schema in schemas
    )
    uri = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
    jsonschema.Draft7Validator({"$ref": uri}, registry=registry).validate(item)
    properties, assets = item["properties"], item["assets"]
    assert {"mlm:name", "mlm:architecture", "mlm:tasks", "mlm:input", "mlm:output"} <= set(properties)
    # Bands that an input names are described by the raster extension on every asset that is the model.
    assert any(re.fullmatch(r".*/raster/v1(\.\d+){2}/schema\.json", one) for one in item["stac_extensions"])
    models = [asset for asset in assets.values() if "mlm:model" in asset["roles"]]
    assert models
    for asset in models:
        assert [band["name"] for band in asset["raster:bands"]] == properties["mlm:input"][0]["bands"]
    for part in properties["mlm:input"]:
        assert "bands" in part["input"]["dim_order"]
        assert len(part["input"]["shape"]) == len(part["input"]["dim_order"])
    for part in properties["mlm:output"]:
        assert all({"value", "name", "description"} <= set(one) for one in part["classification:classes"])
    declared = " ".join(item["stac_extensions"])
    assert ("sci:citation" in properties) == ("/scientific/" in declared) == (card(**changes).citation != "")


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"properties": {"title": "no model"}}', b"\xff"])
def test_what_is_no_item_of_a_model_is_refused(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"JSON|no STAC item"):
        parse_item(text, tmp_path / "item.json")


def test_a_bundle_of_ours_needs_its_weights(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "tiny")
    (bundle.path / WEIGHTS).unlink()
    sums = (bundle.path / "SHA256SUMS").read_text().splitlines(keepends=True)
    (bundle.path / "SHA256SUMS").write_text("".join(line for line in sums if WEIGHTS not in line))
    with pytest.raises(InputError, match=f"{WEIGHTS} is missing"):
        Bundle.load(bundle.path)


def test_one_model_imported_twice_does_not_answer_with_itself(tmp_path: Path) -> None:
    """Under other names, and as another of its classes."""
    model = network(classes=2)
    paths = []
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        files = written(tmp_path / name, model, name=name, gives="softmax", rock_glacier=number)
        paths.append(tmp_path / f"{name}.zip")
        import_model(*files, paths[-1])
    with pytest.raises(OptionError, match="are the same network with other cards"):
        Models.load(paths)
