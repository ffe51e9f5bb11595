"""Several models and turns: their mean and spread by closed forms, the same bytes however it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from affine import Affine
from bundles import answer, tiny_bundle
from hypothesis import given
from hypothesis import strategies as st

from rogi.detection.blending import spread_levels, weight_sums
from rogi.detection.model.bundle import WEIGHTS, Bundle, read_tensors
from rogi.detection.model.bundle_writing import write_files
from rogi.detection.model.calibration import Calibration, Reliability
from rogi.detection.model.card import Channel
from rogi.detection.model.ensemble import MOST_MODELS, Models, turned, turned_back
from rogi.detection.prediction import block_stream
from rogi.detection.windows import STEPS, Blend, Merge
from rogi.errors import InputError, OptionError

PATCH, STRIDE, BLOCK = 96, 64, 192
ROWS, COLUMNS, SIZE = 300, 330, 5.0
FAST = ("--backend", "onnxruntime", "--block", BLOCK)
KNOWN = Calibration(0.5, 0.5, 0.0, 0.1, 0.01, 0.2, 0.02, *[Reliability((0.1,), (0.1,), (10,))] * 2)

Main = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Two networks of the closed form, one twice as sure; a third that normalises otherwise."""
    folder = tmp_path_factory.mktemp("bundles")
    other = tuple(Channel(name, "1", 128.0, 64.0) for name in ("red", "green", "blue"))
    return {
        "a": tiny_bundle(folder / "a", patch=PATCH, stride=STRIDE, gain=2.0),
        "b": tiny_bundle(folder / "b", patch=PATCH, stride=STRIDE, gain=4.0, threshold=0.4, name="other"),
        "c": other_normalisation(folder / "c", other),
    }


def other_normalisation(path: Path, channels: tuple[Channel, ...]) -> Bundle:
    """The first network with other means and standard deviations."""
    first = tiny_bundle(path.with_name("first"), patch=PATCH, stride=STRIDE, gain=2.0)
    changed = replace(first.card, channels=channels, name="third")
    write_files(
        path, changed, onnx=first.onnx_bytes(), weights=read_tensors(first.read(WEIGHTS), path),
        golden=first.golden(),
    )  # fmt: skip
    return Bundle.load(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ground with one bright unit."""
    image = 60 + np.random.default_rng(4).integers(-20, 20, (ROWS, COLUMNS))
    image[90:200, 100:220] += 110
    path = tmp_path_factory.mktemp("imagery") / "image.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=ROWS, width=COLUMNS, dtype="uint8", crs="EPSG:32646",
        transform=Affine(SIZE, 0, 500_015, 0, -SIZE, 3_399_980),
    ) as file:  # fmt: skip
        file.write(np.repeat(image[None], 3, axis=0).astype(np.uint8))
    return path


def predicted(main: Main, source: Path, folder: Path, *arguments: object) -> list[Path]:
    """Candidates, probability and spread that a command wrote."""
    folder.mkdir(exist_ok=True)
    files = [folder / name for name in ("o.gpkg", "p.tif", "s.tif")]
    code, _, errors = main(
        source, "-o", files[0], "--probability", files[1], "--spread", files[2], *FAST, *arguments
    )
    assert code == 0, errors
    return files


def levels(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(1).astype(float)


def closed_form(source: Path, gain: float, mean: float | None = None, std: float = 50.0) -> np.ndarray:
    with rasterio.open(source) as file:
        image = file.read().astype(float)
    means = np.array([100, 110, 120] if mean is None else [mean] * 3, float)[:, None, None]
    return answer(((image - means) / std)[None], gain=gain)[0, 0]


def test_mean_and_spread_of_two_models(
    main: Main, bundles: dict[str, Bundle], source: Path, tmp_path: Path
) -> None:
    """Mean and standard deviation of the closed forms; the order of the models changes no byte."""
    a, b = bundles["a"].path, bundles["b"].path
    made = predicted(main, source, tmp_path / "ab", "--model", a, "--model", b)
    again = predicted(main, source, tmp_path / "ba", "--model", b, "--model", a, "--block", 1000)
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in again]
    one, other = closed_form(source, 2.0), closed_form(source, 4.0)
    inner = (slice(2, -2), slice(2, -2))
    mean, spread = levels(made[1])[inner], levels(made[2])[inner]
    # at the ends of windows the network sees the mean in place of the ground
    assert np.quantile(np.abs(mean - 127 * (one + other)[inner]), 0.98) <= 2
    assert np.quantile(np.abs(spread - 127 * np.abs(one - other)[inner]), 0.95) <= 2
    frame = pyogrio.read_dataframe(made[0], layer="candidates")
    assert len(frame) == 1
    assert frame["model"].iloc[0] == Models.load([a, b]).label
    inside = (levels(made[1]) >= np.ceil(0.45 * 254)) & (levels(made[1]) != 255)
    expected = levels(made[2])[inside].mean() / 254
    assert frame["model_spread"].iloc[0] == pytest.approx(expected, abs=2e-3)


def test_models_that_normalise_otherwise_get_their_own_numbers(
    main: Main, bundles: dict[str, Bundle], source: Path, tmp_path: Path
) -> None:
    made = predicted(
        main, source, tmp_path, "--model", bundles["a"].path, "--model", bundles["c"].path, "--turns", 2
    )
    expected = (closed_form(source, 2.0) + closed_form(source, 2.0, 128.0, 64.0)) / 2
    inner = (slice(2, -2), slice(2, -2))
    assert np.quantile(np.abs(levels(made[1]) - 254 * expected)[inner], 0.98) <= 2


def test_turns_of_a_network_without_direction_change_nothing(
    main: Main, bundles: dict[str, Bundle], source: Path, tmp_path: Path
) -> None:
    """The kernel is even, so all turns agree: the probability is that of one, and the column is there."""
    plain = predicted(main, source, tmp_path / "one", "--model", bundles["a"].path)
    turned_ = predicted(main, source, tmp_path / "eight", "--model", bundles["a"].path, "--turns", 8)
    assert np.abs(levels(plain[1]) - levels(turned_[1])).max() <= 1
    one, eight = (pyogrio.read_dataframe(files[0], layer="candidates") for files in (plain, turned_))
    assert one["model_spread"].isna().all() and (eight["model_spread"] < 0.02).all()
    assert one["model"].iloc[0] != eight["model"].iloc[0]


def test_stopped_and_gone_on_and_shared_out_gives_the_same_bytes(
    main: Main, bundles: dict[str, Bundle], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after some blocks, gone on, in two processes: the files of one go."""
    arguments = ("--model", bundles["a"].path, "--model", bundles["b"].path, "--turns", 4)
    whole = [path.read_bytes() for path in predicted(main, source, tmp_path / "whole", *arguments)]
    folder = tmp_path / "stopped"
    folder.mkdir()
    real, done = block_stream._write, []

    def stops(*arguments):  # type: ignore[no-untyped-def]
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(arguments)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(block_stream, "_write", stops)
        files = ["-o", folder / "o.gpkg", "--probability", folder / "p.tif", "--spread", folder / "s.tif"]
        assert main(source, *files, *FAST, *arguments)[0] == 130
    assert [path.read_bytes() for path in predicted(main, source, folder, *arguments)] == whole
    shared = predicted(main, source, tmp_path / "two", *arguments, "--workers", 2, "--threads", 1)
    assert [path.read_bytes() for path in shared] == whole


@given(turn=st.integers(0, 7), other=st.integers(0, 7), seed=st.integers(0, 99))
def test_turns_are_undone_and_all_different(turn: int, other: int, seed: int) -> None:
    image = np.random.default_rng(seed).random((2, 3, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(turned_back(turned(image, turn), turn), image)
    assert (turned(image, turn) == turned(image, other)).all() == (turn == other)
    torch = pytest.importorskip("torch")
    from rogi.detection.prediction import device_blend

    tensor = torch.from_numpy(image)
    np.testing.assert_array_equal(device_blend.turned(tensor, turn).numpy(), turned(image, turn))
    np.testing.assert_array_equal(
        device_blend.turned_back(device_blend.turned(tensor, turn), turn).numpy(), image
    )


def test_the_largest_sums_stay_exact() -> None:
    """At the most answers that a stride allows, sums fit 32 bits and their product 63; more are refused."""
    for stride in (60, 120, 240, 320, 480):
        blend = Blend(Merge.COSINE, stride, 480)
        most = 1
        with pytest.raises(OptionError, match="can be averaged"):
            for most in range(2, 10_000):
                blend = Blend(Merge.COSINE, stride, 480, answers=most)
        weights, count = weight_sums(np.ones((blend.side, blend.side), bool), blend)
        largest = int(weights.max()) * STEPS
        assert largest < 2**32 - 1 and int(weights.max()) * STEPS**2 * int(weights.max()) < 2**63
        assert count.max() >= most - 1
        sums = weights[None, :1, :1] * STEPS
        assert spread_levels(sums, sums * STEPS, weights[:1, :1], count[:1, :1]) == (
            255 if count[0, 0] < 2 else 0
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channels": 4}, "takes the channels"),
        ({"patch": 64, "stride": 48}, "has patches of 64 pixels"),
        ({"outputs": 2}, "has the outputs rock glacier, boundary"),
        ({"resolution_m": 10.0}, "pixels of 10 m"),
        ({"dtype": "uint16", "dtype_range": (0.0, 65535.0)}, "was trained on uint16 from 0 to 65535"),
        ({"calibration": KNOWN}, "has calibrated probabilities"),
    ],
)
def test_models_that_do_not_agree_are_refused(
    bundles: dict[str, Bundle], tmp_path: Path, change: dict[str, object], said: str
) -> None:
    other = tiny_bundle(tmp_path / "other", **({"patch": PATCH, "stride": STRIDE} | change))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        Models.load([bundles["a"].path, other.path])


def test_choices_that_cannot_be(bundles: dict[str, Bundle]) -> None:
    a = bundles["a"].path
    for paths, turns, said in (([a], 3, "1, 2, 4 or 8"), ([a, a], 1, "given twice"), ([], 1, "From 1 to"),
                               ([a] * (MOST_MODELS + 1), 1, "From 1 to")):  # fmt: skip
        with pytest.raises(OptionError, match=said):
            Models.load(paths, turns)
    with pytest.raises(OptionError, match="does not go with --merge or"):
        Blend(Merge.OR, 32, PATCH, answers=2)


def test_what_an_ensemble_says_of_itself(bundles: dict[str, Bundle]) -> None:
    models = Models.load([bundles["b"].path, bundles["a"].path], 4)
    assert models.answers == 8
    assert models.card.threshold == 0.45
    about = models.describe()
    assert about["turns"] == 4
    assert sorted(one["sha256"] for one in about["members"]) == sorted(bundles[n].digest for n in "ab")
    first, second = sorted((bundles[n] for n in "ab"), key=lambda one: one.digest)
    assert models.label == f"{first.label}+{second.label}, 4 turns"
    alone = Models.load([bundles["a"].path])
    assert (alone.digest, alone.label) == (bundles["a"].digest, bundles["a"].label)
    assert set(alone.describe()) == {"name", "version", "sha256"}
    # `rogi detect models` shows the digest of the bundle; it is that whatever the turns.
    turned = Models.load([bundles["a"].path], 2)
    assert turned.describe() == alone.describe() | {"turns": 2}
    assert turned.label == f"{alone.label}, 2 turns"
    assert turned.digest != alone.digest  # of what is kept of a run


def test_one_network_with_two_cards_is_refused(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    """Another name, threshold or class does not make it another network."""
    for name, changes in {"name": {"name": "other"}, "threshold": {"threshold": 0.3}}.items():
        other = tiny_bundle(tmp_path / name, patch=PATCH, stride=STRIDE, gain=2.0, **changes)  # type: ignore[arg-type]
        assert other.digest != bundles["a"].digest
        with pytest.raises(OptionError, match="are the same network with other cards"):
            Models.load([bundles["a"].path, other.path])
