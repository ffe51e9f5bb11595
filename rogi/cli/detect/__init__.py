"""``rogi detect``: candidates from imagery; one file per sub-command."""

from __future__ import annotations

from rogi.cli.detect import evaluate, models, patches, predict, train
from rogi.cli.guard import App

app = App(
    no_args_is_help=True,
    help="Find candidates of rock glaciers in imagery: cut patches, train a model, predict, and score.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("patches", short_help="Cut training patches from imagery and outlines.")(patches.patches)
app.command("train", short_help="Train a model on patches, and write its bundle.")(train.train)
app.command("models", short_help="List and check model bundles.")(models.models)
app.command("predict", short_help="Find candidates in imagery with a model.")(predict.predict)
app.command("evaluate", short_help="Judge candidates by true outlines.")(evaluate.evaluate)
