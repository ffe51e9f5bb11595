"""``rogi detect``: candidates from imagery; one file per sub-command."""

from __future__ import annotations

from rogi.cli.lazy import group

COMMANDS = {
    "patches": ("rogi.cli.detect.patches:patches", "Cut training patches from imagery and outlines."),
    "train": ("rogi.cli.detect.train:train", "Train a model on patches, and write its bundle."),
    "import": ("rogi.cli.detect.import_:import_", "Make a bundle of a network that was trained elsewhere."),
    "models": ("rogi.cli.detect.models:models", "List and check model bundles."),
    "predict": ("rogi.cli.detect.predict:predict", "Find candidates in imagery with a model."),
    "evaluate": ("rogi.cli.detect.evaluate:evaluate", "Judge candidates by true outlines."),
}

app = group(
    COMMANDS,
    help="Find candidates of rock glaciers in imagery: cut patches, train a model, predict, and score.",
)
