"""Training: it learns, it goes on bit for bit where it was stopped, and it says what it cannot do."""

from __future__ import annotations

import math
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rogi.errors import InputError, OptionError, OutputError, RogiError

torch = pytest.importorskip("torch")

from rogi.detection.model.bundle import Bundle, tensor_bytes  # noqa: E402
from rogi.detection.model.network import NetworkSpec, build_network  # noqa: E402
from rogi.detection.patches.shards import PatchSet  # noqa: E402
from rogi.detection.training.augmentation import Augmentation  # noqa: E402
from rogi.detection.training.beginning import OPTIONS, beginning, weights_sha256  # noqa: E402
from rogi.detection.training.checkpoints import NAME, read_checkpoint  # noqa: E402
from rogi.detection.training.dataset import TrainingData  # noqa: E402
from rogi.detection.training.devices import find_device, find_precision  # noqa: E402
from rogi.detection.training.loop import train  # noqa: E402
from rogi.detection.training.outcome import Trained, golden_positions, write_model  # noqa: E402
from rogi.detection.training.settings import Optimiser, Precision, Schedule, TrainingSettings, learning_rate  # noqa: E402
from tests.detection.patchsets import tiny_patches  # noqa: E402

SPEC = NetworkSpec("Unet", "tu-regnetx_002", encoder_depth=3, decoder_channels=(16, 8, 8))
SETTINGS = TrainingSettings(
    epochs=5, batch=2, learning_rate=5e-3, device="cpu", precision=Precision.FP32, threads=1,
    checkpoint_seconds=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> PatchSet:
    """Six patches to train on, four to validate: three steps an epoch."""
    return tiny_patches(tmp_path_factory.mktemp("patches") / "set")


@pytest.fixture(scope="module")
def whole(patches: PatchSet, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A training that nothing stopped."""
    return train(patches, SPEC, SETTINGS, tmp_path_factory.mktemp("whole"))


def same_weights(one: Trained, other: Trained) -> bool:
    """To the last bit."""
    first, second = one.network.state_dict(), other.network.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


class Stopped(Exception):
    """What stops a training here."""


def stop_at(step: int):
    def progress(what: str, number: int, total: int) -> None:
        if number == step:
            raise Stopped

    return progress


# It learns.


def test_it_learns_what_is_there_to_learn(patches: PatchSet, tmp_path: Path):
    """Bright squares: IoU above 0.9 on patches it has not seen, after 60 steps; the curves say so too."""
    settings = replace(SETTINGS, epochs=20, checkpoint_seconds=1e9)
    trained = train(patches, SPEC, settings, tmp_path)
    assert trained.best.validation_iou > 0.9
    assert trained.best.validation_iou == max(epoch.validation_iou for epoch in trained.history)
    assert trained.history[-1].training_loss < trained.history[0].training_loss / 2
    assert [epoch.step for epoch in trained.history] == list(range(3, 61, 3))


def test_the_best_network_is_kept_not_the_last(patches: PatchSet, whole: Trained):
    """Pixels of the network that is given, above a logit of 0, have the IoU of the best epoch."""
    cells = np.zeros(3, int)
    for batch in whole.data.plain(patches.positions("validation")):
        with torch.no_grad():
            found = whole.network(torch.from_numpy(batch.images))[:, 0].numpy() >= 0
        truth, known = batch.targets[:, 0], batch.valid[:, 0]
        cells += [(a & known).sum() for a in (found & truth, found & ~truth, ~found & truth)]
    assert cells[0] / cells.sum() == whole.best.validation_iou


# It goes on where it was stopped.


@pytest.mark.parametrize("stops", [(1,), (4,), (6,), (2, 7, 8, 14)])
def test_stopped_and_gone_on_is_the_same(patches: PatchSet, whole: Trained, tmp_path: Path, stops):
    """In the first epoch, amid one, at the end of one, often: weights and curves are those of one go."""
    for step in stops:
        with pytest.raises(Stopped):
            train(patches, SPEC, SETTINGS, tmp_path, resume=True, progress=stop_at(step))
    gone_on = train(patches, SPEC, SETTINGS, tmp_path, resume=True)
    assert same_weights(whole, gone_on)
    assert gone_on.history == whole.history


@pytest.mark.parametrize("change", ["momentum", "half precision", "boundary"])
def test_gone_on_is_the_same_for_other_kinds_of_training(patches: PatchSet, tmp_path: Path, change: str):
    """Momentum instead of moments, bf16, two outputs with windows and scaling."""
    settings = {
        "momentum": replace(SETTINGS, epochs=2, optimiser=Optimiser.SGD, schedule=Schedule.POLY),
        "half precision": replace(SETTINGS, epochs=2, precision=Precision.BF16),
        "boundary": replace(
            SETTINGS,
            epochs=1,
            boundary=True,
            augmentation=Augmentation(scale=0.3, crop=32),
            positive_share=0.5,
        ),
    }[change]
    one = train(patches, SPEC, settings, tmp_path / "one")
    with pytest.raises(Stopped):
        train(patches, SPEC, settings, tmp_path / "two", progress=stop_at(5))
    assert same_weights(one, train(patches, SPEC, settings, tmp_path / "two", resume=True))


def test_killed_and_gone_on_is_the_same(patches: PatchSet, whole: Trained, tmp_path: Path):
    """A process that is killed amid an epoch without any warning (SIGKILL) leaves what is needed to go on."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from rogi.detection.patches.shards import PatchSet
        from rogi.detection.training.loop import train
        from tests.detection.test_training import SETTINGS, SPEC

        train(PatchSet.open(sys.argv[1]), SPEC, SETTINGS, Path(sys.argv[2]),
              progress=lambda what, step, steps: print(step, flush=True))
        """
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(patches.folder), str(tmp_path)], stdout=subprocess.PIPE, cwd=root
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 8:
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    left = int(read_checkpoint(tmp_path / NAME).counters["step"])
    assert 7 <= left < 15  # the checkpoint of step 8 may or may not have been finished
    gone_on = train(patches, SPEC, SETTINGS, tmp_path, resume=True)
    assert same_weights(whole, gone_on)
    assert gone_on.history == whole.history


def test_a_finished_training_gives_the_same_again(patches: PatchSet, whole: Trained, tmp_path: Path):
    """Nothing is trained anew where only the writing failed."""
    train(patches, SPEC, SETTINGS, tmp_path)
    again = train(patches, SPEC, SETTINGS, tmp_path, resume=True, progress=stop_at(15))
    assert same_weights(whole, again)


def test_the_seed_decides(patches: PatchSet, whole: Trained, tmp_path: Path):
    """The same seed gives the same weights, whatever was drawn before and however many threads read."""
    torch.rand(100)
    same = train(patches, SPEC, replace(SETTINGS, workers=3), tmp_path / "same")
    assert same_weights(whole, same)
    other = train(patches, SPEC, replace(SETTINGS, seed=1), tmp_path / "other")
    assert not same_weights(whole, other)


def test_torch_is_left_as_it_was(patches: PatchSet, whole: Trained):
    """Deterministic algorithms and the number of threads are settings of the whole process."""
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 1e-3}, "learning rate 0.005"),
        ({"seed": 3}, "seed"),
        ({"batch": 3}, "batch"),
        ({"augmentation": Augmentation(turn=False)}, "augmentation turn"),
    ],
)
def test_going_on_with_other_settings_is_refused(patches: PatchSet, tmp_path: Path, change, said: str):
    """The setting is named; the checkpoint stays."""
    with pytest.raises(Stopped):
        train(patches, SPEC, SETTINGS, tmp_path, progress=stop_at(2))
    with pytest.raises(OptionError, match=said):
        train(patches, SPEC, replace(SETTINGS, **change), tmp_path, resume=True)
    assert read_checkpoint(tmp_path / NAME).counters["step"] == 1


def test_going_on_with_other_patches_or_network_is_refused(patches: PatchSet, tmp_path: Path):
    """A checkpoint is of one set of patches and one network."""
    with pytest.raises(Stopped):
        train(patches, SPEC, SETTINGS, tmp_path / "work", progress=stop_at(2))
    other = tiny_patches(tmp_path / "other", seed=9)
    with pytest.raises(InputError, match="other patches"):
        train(other, SPEC, SETTINGS, tmp_path / "work", resume=True)
    with pytest.raises(InputError, match="other network"):
        train(patches, replace(SPEC, decoder_channels=(8, 8, 8)), SETTINGS, tmp_path / "work", resume=True)
    with pytest.raises(OutputError, match="--resume"):
        train(patches, SPEC, SETTINGS, tmp_path / "work")


@pytest.mark.parametrize("damage", ["cut", "pickle", "other"])
def test_a_checkpoint_that_is_none_is_refused(patches: PatchSet, tmp_path: Path, damage: str):
    """Cut short, pickled, or tensors without counters."""
    with pytest.raises(Stopped):
        train(patches, SPEC, SETTINGS, tmp_path, progress=stop_at(2))
    path = tmp_path / NAME
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "pickle":
        torch.save({}, path)
    else:
        path.write_bytes(tensor_bytes({"a": np.zeros(3)}))
    with pytest.raises(InputError, match=NAME):
        train(patches, SPEC, SETTINGS, tmp_path, resume=True)


# It ends when it should.


def test_it_ends_early_without_progress(patches: PatchSet, tmp_path: Path):
    """At a learning rate of nearly 0 no epoch beats the first: it ends after `patience` more."""
    settings = replace(SETTINGS, epochs=50, learning_rate=1e-9, patience=3, checkpoint_seconds=1e9)
    trained = train(patches, SPEC, settings, tmp_path)
    assert trained.best.number == 1
    assert len(trained.history) == 4


def test_steps_end_it_amid_an_epoch(patches: PatchSet, tmp_path: Path):
    """Four steps of three an epoch: the second epoch is scored after one."""
    trained = train(patches, SPEC, replace(SETTINGS, steps=4, checkpoint_seconds=1e9), tmp_path)
    assert [epoch.step for epoch in trained.history] == [3, 4]


def test_a_loss_that_is_no_number_says_so(patches: PatchSet, tmp_path: Path):
    """It ends in that step and says what to do, instead of going on to a useless model."""
    weights = {name: t.numpy() for name, t in build_network(SPEC).state_dict().items()}
    weights["segmentation_head.0.bias"] = np.full(1, np.nan, np.float32)
    (tmp_path / "w.safetensors").write_bytes(tensor_bytes(weights))
    with pytest.raises(RogiError, match=r"no longer a number, in step 1 .* Lower --lr"):
        train(patches, SPEC, SETTINGS, tmp_path / "work", weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 1}, "two patches"),
        ({"learning_rate": 0.0}, "learning-rate"),
        ({"learning_rate": math.nan}, "learning-rate"),
        ({"epochs": 0}, "epochs"),
        ({"steps": 0}, "steps"),
        ({"loss": "mse"}, "loss"),
    ],
)
def test_settings_out_of_range(change: dict[str, object], said: str):
    """Refused before anything is read."""
    with pytest.raises(OptionError, match=said):
        replace(SETTINGS, **change)


def test_patches_that_cannot_be_trained_on(tmp_path: Path):
    """Sides that are no multiple of 32, a changed shard, no validation, a crop larger than a patch."""
    with pytest.raises(InputError, match="multiple of 32"):
        train(tiny_patches(tmp_path / "a", size=48), SPEC, SETTINGS, tmp_path / "w")
    changed = tiny_patches(tmp_path / "b")
    shard = next(changed.folder.glob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(InputError, match=shard.name):
        train(changed, SPEC, SETTINGS, tmp_path / "w")
    with pytest.raises(InputError, match="validation"):
        train(tiny_patches(tmp_path / "c", validation=0), SPEC, SETTINGS, tmp_path / "w")
    with pytest.raises(OptionError, match="--crop"):
        settings = replace(SETTINGS, augmentation=Augmentation(crop=96))
        train(tiny_patches(tmp_path / "d"), SPEC, settings, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_devices_that_are_not_there():
    """Said before training, with what there is."""
    if not torch.accelerator.is_available():
        with pytest.raises(OptionError, match="only a CPU"):
            find_device("cuda")
        assert find_device("auto").type == "cpu"
    with pytest.raises(OptionError, match="--device"):
        find_device("gpu9000")
    with pytest.raises(OptionError, match="no device"):
        find_device("cuda:99")
    assert find_precision(Precision.FP32, torch.device("cpu")) is Precision.FP32


# What it is made of.


@pytest.mark.parametrize("schedule", list(Schedule))
def test_the_learning_rate_rises_and_falls(schedule: Schedule):
    """Evenly up to the highest in a tenth of the steps; then half a cosine, a power, or flat."""
    settings = TrainingSettings(learning_rate=2.0, warm_up=0.1, schedule=schedule)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    np.testing.assert_allclose(rates[:10], 0.2 * np.arange(1, 11))
    share = np.arange(90) / 90
    expected = {
        Schedule.COSINE: 1 + np.cos(np.pi * share),
        Schedule.POLY: 2 * (1 - share) ** 0.9,
        Schedule.CONSTANT: np.full(90, 2.0),
    }[schedule]
    np.testing.assert_allclose(rates[10:], expected)


def test_an_epoch_takes_every_patch_once(patches: PatchSet):
    """In batches that are all full: the last is filled from the first; another epoch, another order."""
    data = TrainingData(patches, batch=4)
    order = data.order(0)
    assert order.shape == (2, 4)
    assert set(order.ravel()) == set(patches.positions("train"))
    np.testing.assert_array_equal(order.ravel()[6:], order.ravel()[:2])
    np.testing.assert_array_equal(order, data.order(0))
    assert not np.array_equal(order, data.order(1))


def test_an_epoch_with_a_share_of_positive_patches(patches: PatchSet):
    """Of 6 patches 4 hold a unit; at a share of a half each kind comes 3 times."""
    kinds = patches.index["kind"].to_numpy()
    assert (kinds[patches.positions("train")] == "positive").sum() == 4
    data = TrainingData(patches, batch=2, positive_share=0.5)
    for epoch in range(4):
        drawn = kinds[data.order(epoch).ravel()]
        assert (drawn == "positive").sum() == 3


def test_windows_cover_as_much_as_the_patches(patches: PatchSet):
    """Windows of half the side come four times as often; half of them or more hold a unit."""
    data = TrainingData(patches, batch=2, augmentation=Augmentation(crop=32))
    assert data.steps == 12
    batches = list(data.training(0))
    assert all(batch.images.shape == (2, 3, 32, 32) for batch in batches)
    assert np.mean([batch.targets.any(axis=(1, 2, 3)) for batch in batches]) >= 0.5


def test_targets_and_masks(patches: PatchSet):
    """Borders are rock glacier in the first output and alone in the second; what is void is 0 and invalid."""
    positions = patches.positions("validation")
    one, two = (next(iter(TrainingData(patches, outputs).plain(positions))) for outputs in (1, 2))
    for number, position in enumerate(positions):
        image, label, valid = patches.read(int(position))
        np.testing.assert_array_equal(one.targets[number, 0], label >= 1)
        np.testing.assert_array_equal(two.targets[number, 1], label == 2)
        np.testing.assert_array_equal(one.valid[number, 0], valid)
        assert (one.images[number][:, ~valid] == 0).all()
        mean, std = (np.array(v)[:, None, None] for v in (patches.card.mean, patches.card.std))
        np.testing.assert_allclose(one.images[number][:, valid], ((image - mean) / std)[:, valid], atol=1e-5)
    assert two.targets.shape[1] == 2


def test_a_resumed_epoch_has_the_batches_it_would_have_had(patches: PatchSet):
    """Batches are the same from any start, and for any number of readers."""
    all_of = list(TrainingData(patches, batch=2).training(3))
    for workers, first in ((1, 1), (3, 2)):
        rest = list(TrainingData(patches, batch=2, workers=workers).training(3, first))
        for one, other in zip(all_of[first:], rest, strict=True):
            np.testing.assert_array_equal(one.images, other.images)
            np.testing.assert_array_equal(one.targets, other.targets)


def test_variants_do_not_depend_on_the_size_of_batches(patches: PatchSet):
    """The same patches one after another, in batches of 1, 2 and 3."""
    settings = Augmentation(crop=32, scale=0.3)
    found = []
    for batch in (1, 2, 3):
        data = TrainingData(patches, batch=batch, augmentation=settings, seed=4)
        parts = list(data.training(1))
        found.append([np.concatenate([getattr(part, name) for part in parts]) for name in BATCH_PARTS])
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


BATCH_PARTS = ("images", "targets", "valid", "positions")


def test_range_of_values(tmp_path: Path, patches: PatchSet):
    """Of whole numbers that of their type; of others that of the valid training pixels."""
    assert TrainingData(patches).value_range == (0, 255)
    real = tiny_patches(tmp_path / "f", dtype="float32")
    low, high = TrainingData(real).value_range
    values = [(image[:, valid].min(), image[:, valid].max()) for image, _, valid in map(real.read, range(6))]
    assert (low, high) == (min(v[0] for v in values), max(v[1] for v in values))


# What comes of it.


def test_the_bundle_says_what_was_done(patches: PatchSet, whole: Trained, tmp_path: Path):
    """Card, weights and golden example are those of the training; written twice, the same bytes."""
    for name in ("a", "b"):
        write_model(whole, tmp_path / name, name="squares", licence="CC0-1.0", citation="Nobody (2026)")
    bundle, again = Bundle.load(tmp_path / "a"), Bundle.load(tmp_path / "b")
    assert bundle.digest == again.digest
    card = bundle.card
    assert (card.architecture, card.encoder, card.encoder_depth) == ("Unet", "tu-regnetx_002", 3)
    assert card.training is not None
    assert card.training.patches == patches.digest
    assert card.training.split == patches.split_digest
    assert (card.training.train, card.training.validation) == (6, 4)
    said = card.training.settings
    assert said["learning_rate"] == 5e-3
    assert (said["epochs"], said["epochs_done"], said["steps"], said["steps_done"]) == (5, 5, None, 15)
    assert [source.name for source in card.training.sources] == ["scene.tif", "units.gpkg"]
    assert {metric.split for metric in card.metrics} == {"train", "validation"}
    assert card.threshold_curve is not None
    at = card.threshold_curve.threshold.index(card.threshold)
    assert card.threshold_curve.iou[at] == max(card.threshold_curve.iou)
    iou = next(m for m in card.metrics if (m.name, m.split) == ("iou", "validation"))
    assert iou.value == pytest.approx(card.threshold_curve.iou[at], abs=1e-6)
    assert iou.low <= iou.value <= iou.high
    assert iou.count == 2  # blocks, not patches
    for name, tensor in whole.network.state_dict().items():
        np.testing.assert_array_equal(bundle.weights()[name], tensor.numpy())
    golden = bundle.golden()
    positions = golden_positions(patches)
    counts = patches.index["unit_pixels"].to_numpy()
    everything = counts[patches.positions("validation")]
    assert counts[positions[0]] == everything.max()  # from the patch with most of a unit to that with least
    assert counts[positions[-1]] == everything.min()
    assert (np.diff(counts[positions]) <= 0).all()
    assert len(golden.input) == len(set(positions.tolist())) == min(4, len(everything))
    for example, position in zip(golden.input, positions, strict=True):
        image, _, valid = patches.read(int(position))
        np.testing.assert_array_equal(example, card.normalise(image, valid))
    with torch.no_grad():
        logits = whole.network(torch.from_numpy(golden.input)).numpy()
    expected = 1 / (1 + np.exp(-card.calibration.apply(logits)))
    np.testing.assert_allclose(golden.expected, expected, atol=1e-6)


def test_weights_to_begin_with(patches: PatchSet, whole: Trained, tmp_path: Path):
    """A training that begins with a bundle starts where that ended, and its card says so."""
    write_model(whole, tmp_path / "first", name="first")
    settings = replace(SETTINGS, steps=1, learning_rate=1e-9, checkpoint_seconds=1e9)
    second = train(patches, SPEC, settings, tmp_path / "work", weights=tmp_path / "first")
    assert second.kept_random == ()
    kernel = "segmentation_head.0.weight"
    torch.testing.assert_close(second.network.state_dict()[kernel], whole.network.state_dict()[kernel])
    card = write_model(second, tmp_path / "second", name="second")
    assert card.training is not None
    said = card.training.settings  # of steps, no number of epochs was chosen
    assert (said["epochs"], said["epochs_done"], said["steps"], said["steps_done"]) == (None, 1, 1, 1)
    assert card.training.initial_weights is not None
    assert card.training.initial_weights.name == "first"
    start = build_network(SPEC, seed=SETTINGS.seed).state_dict()[kernel]
    assert not torch.allclose(start, whole.network.state_dict()[kernel])


def test_the_network_of_a_bundle_is_taken(patches: PatchSet, whole: Trained, tmp_path: Path):
    """Without options it is that of the bundle; what contradicts it, or other channels, are refused."""
    path = tmp_path / "first.zip"
    write_model(whole, path, name="first")
    nothing = dict.fromkeys(OPTIONS)
    begun = beginning(patches, path, nothing)
    assert (begun.spec, begun.boundary, begun.notes) == (whole.spec, False, ())
    same = beginning(patches, path, {"architecture": "unet", "decoder_channels": (16, 8, 8)}, False)
    assert same == begun
    for given, boundary, said in (
        ({"encoder": "resnet18"}, None, "--encoder resnet18 contradicts"),
        ({"decoder_channels": (32, 16, 8)}, None, "has 16,8,8"),
        ({"encoder_depth": 4}, None, "--encoder-depth 4"),
        ({}, True, "--boundary contradicts"),
    ):
        with pytest.raises(OptionError, match=said):
            beginning(patches, path, given, boundary)
    other = tiny_patches(tmp_path / "other", channels=("nir", "red", "green"))
    with pytest.raises(InputError, match=r"channels nir, red, green, .* takes red, green, blue"):
        beginning(other, path, nothing)
    alone = beginning(patches, None, {**nothing, "encoder": "resnet18"}, True)
    assert (alone.spec, alone.boundary) == (NetworkSpec(encoder="resnet18"), True)
    assert weights_sha256(path) == Bundle.load(path).digest


def test_hard_negatives_are_taken_by_weight(patches: PatchSet):
    """A weight of 3 three times, 1.5 once or twice, in every epoch; ignored pixels do not count."""
    weights = np.ones(len(patches))
    first, second = patches.positions("train")[:2]
    weights[first], weights[second] = 3.0, 1.5
    heavy = PatchSet(patches.folder, patches.card, patches.digest)
    heavy.__dict__["index"] = patches.index.assign(weight=weights)
    data = TrainingData(heavy, batch=2)
    assert data.steps == math.ceil((len(patches.positions("train")) + 2.5) / 2) or data.steps == 4
    counts = np.array([np.bincount(data.order(e).ravel(), minlength=len(patches)) for e in range(40)])
    assert np.median(counts[:, first]) == 3
    assert set(counts[:, second]) <= {1, 2, 3} and 1.2 < counts[:, second].mean() < 1.9


def test_the_command_from_patches_to_a_listed_bundle(patches: PatchSet, tmp_path: Path):
    """`rogi detect train` and `rogi detect models`, with the border output, the curves and a damaged byte."""
    from typer.testing import CliRunner

    from rogi.cli.detect import app

    runner = CliRunner()
    asked = [
        "train", str(patches.folder), "-o", str(tmp_path / "m"), "--architecture", "unet",
        "--encoder", "tu-regnetx_002", "--encoder-depth", "3", "--decoder-channels", "16,8,8",
        "--steps", "4", "--batch", "2", "--boundary", "--threads", "1", "--device", "cpu",
        "--licence", "CC0-1.0", "--quiet",
    ]  # fmt: skip
    done = runner.invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert "validation: iou" in done.stdout
    assert "; intervals over 2 blocks of ground\n" in done.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]  # the state of the training is gone
    bundle = Bundle.load(tmp_path / "m")
    assert bundle.card.outputs == ("rock glacier", "boundary")
    assert bundle.golden().expected.shape[1:] == (2, 64, 64)
    assert bundle.read("curves.png").startswith(b"\x89PNG")
    assert len(bundle.read("curves.csv").splitlines()) == 3
    again = runner.invoke(app, asked)
    assert isinstance(again.exception, OutputError)
    away = runner.invoke(app, ["models", str(tmp_path), str(tmp_path / "missing.zip")])
    assert isinstance(away.exception, InputError)  # exit code 2: not done
    assert "does not exist; name bundles" in str(away.exception)
    assert ") over 2 blocks of ground  " in runner.invoke(app, ["models", str(tmp_path)]).stdout
    listed = runner.invoke(app, ["models", str(tmp_path), "--format", "json"], catch_exceptions=False)
    assert listed.exit_code == 0
    assert bundle.digest in listed.stdout
    (tmp_path / "m" / "curves.csv").write_text("x")
    damaged = runner.invoke(app, ["models", str(tmp_path)])
    assert damaged.exit_code == 1
    assert "damaged" in damaged.stdout
    assert "1 model bundle, 1 damaged.\n" in damaged.stdout
    assert "curves.csv is not what SHA256SUMS says" in damaged.stderr


def test_each_epoch_is_told_without_a_terminal(patches: PatchSet, tmp_path: Path):
    """One line for each epoch with step, loss, validation IoU and time left."""
    from typer.testing import CliRunner

    from rogi.cli.detect import app

    asked = [
        "train", str(patches.folder), "-o", str(tmp_path / "m"), "--architecture", "unet",
        "--encoder", "tu-regnetx_002", "--encoder-depth", "3", "--decoder-channels", "16,8,8",
        "--steps", "4", "--batch", "2", "--threads", "1", "--device", "cpu",
    ]  # fmt: skip
    done = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert done.exit_code == 0
    first, last, times = done.stderr.splitlines()
    spent = r"\d+\.\d s"
    assert re.fullmatch(rf"time: opening {spent}, training {spent}, scoring {spent}, export {spent}", times)
    number = r"\d+\.\d{3}"
    assert re.fullmatch(rf"epoch 1: step 3/4, loss {number}, validation IoU {number}, \d+:\d\d left", first)
    assert re.fullmatch(rf"epoch 2: step 4/4, loss {number}, validation IoU {number}", last)
