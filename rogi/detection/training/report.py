"""Model bundles as a report and as cards, and the curves of a training as a figure."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.ticker import MaxNLocator

from rogi.detection.model.card import plain_card, write_card
from rogi.detection.model.collection import Inspected, bundle_bytes
from rogi.detection.training.calibration import FINDS
from rogi.detection.training.curves import Epoch
from rogi.report.document import Check, Document, Passage
from rogi.report.tables import ReportTable
from rogi.statistics.figures.style import BLUE, GREY, ORANGE, Style, blank, save
from rogi.text import counted, printable, sheet_text

if TYPE_CHECKING:
    from rogi.detection.model.card import Metric, ModelCard
    from rogi.detection.training.outcome import Trained

COLUMNS = ("model", "version", "network", "channels", "pixel", "outputs", "IoU", "MB", "digest", "place")
FIGURE_DPI = 150


def document(found: Sequence[Inspected]) -> Document:
    """Bundles as a report; IoU is that of validation, with its interval and over what that was drawn."""
    damaged = sum(item.bundle is None for item in found)
    said = counted(len(found), "model bundle") + (f", {damaged} damaged" if damaged else "")
    return Document(
        title="Model bundles",
        headline=said,
        parts=(
            ReportTable("", "", COLUMNS, tuple(_row(item) for item in found), numbers=(7,)),
            *(Passage("", (f"{item.path}: {trial}",)) for item in found for trial in item.trials),
        ),
        checks=[
            Check(str(item.path), not item.error, item.error or "whole")
            for item in found
            if item.error or item.trials
        ],
        data=lambda: [item.to_dict() for item in found],
        csv=lambda: sheet_text(COLUMNS, [_row(item) for item in found]),
    )


def as_cards(found: Sequence[Inspected]) -> str:
    """All that is known of each bundle, as YAML; the threshold curve is left out."""
    parts = []
    for item in found:
        head = f"# {printable(str(item.path))}\n"
        if item.bundle is None:
            parts.append(f"{head}# damaged\n")
            continue
        tests = "".join(f"# {printable(trial)}\n" for trial in item.trials)
        lines = write_card(replace(item.bundle.card, threshold_curve=None)).splitlines()
        text = "".join(f"{printable(line)}\n" for line in lines)
        parts.append(f"{head}# sha256 {item.bundle.digest}\n{tests}{text}")
    return "---\n".join(parts)


def as_descriptions(found: Sequence[tuple[Path, Sequence[tuple[str, str]]]]) -> str:
    """What models say of themselves: names and values, a block for each."""
    parts = []
    for path, rows in found:
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name.ljust(width)}  {printable(value)}" for name, value in rows]
        parts.append("\n".join([printable(str(path)), *lines]) + "\n")
    return "\n".join(parts)


def trained_document(trained: Trained, card: ModelCard, output: Path) -> Document:
    """A training as a report: how long it took, and how good the network is."""
    last = trained.history[-1]
    lines = [f"threshold {card.threshold:g}"]
    if (known := card.calibration) is not None:
        lines.append(
            f"calibrated: expected calibration error {known.error_before:.3f} "
            f"before, {known.error_after:.3f} after; of pixels from {FINDS:g} up "
            f"{known.found_error_before:.3f} before, {known.found_error_after:.3f} after"
        )
    for split in ("validation", "train"):
        shown = [f"{m.name} {m}" for m in card.metrics if m.split == split]
        over = next((over for m in card.metrics if m.split == split and (over := card.drawn(m))), "")
        lines.append(
            f"{split}: {', '.join(shown) or 'no unit found'}" + (f"; intervals over {over}" if over else "")
        )
    return Document(
        title="Training",
        headline=f"{output}: {card.architecture} with {card.encoder}, {counted(last.step, 'step')} in "
        f"{counted(last.number, 'epoch')}, the best was epoch {trained.best.number}",
        parts=(Passage("", tuple(lines), listed=True),),
        data=lambda: {
            "path": str(output),
            "steps": last.step,
            "epochs": last.number,
            "best_epoch": trained.best.number,
            "card": plain_card(card),
        },
    )


def curves_figure(history: Sequence[Epoch], best: Epoch) -> bytes:
    """IoU of training and validation by epoch, as Fig. 3a of Sun et al. (2024): a PNG."""
    style = Style(width=101.6, height=71.12, dpi=FIGURE_DPI)
    with mpl.rc_context(style.rc):
        return _curves(history, best, style)


def _curves(history: Sequence[Epoch], best: Epoch, style: Style) -> bytes:
    figure = blank(style, 0.0)
    axes = figure.add_subplot()
    figure.set_layout_engine("constrained")
    numbers = [epoch.number for epoch in history]
    marker = "o" if len(history) == 1 else None
    for values, colour, label in (
        ([epoch.training_iou for epoch in history], BLUE, "training"),
        ([epoch.validation_iou for epoch in history], ORANGE, "validation"),
    ):
        axes.plot(numbers, values, color=colour, label=label, linewidth=1.2, marker=marker)
    axes.axvline(best.number, color=GREY, linewidth=0.8, linestyle=":")
    axes.annotate(
        f"best: {best.validation_iou:.2f}",
        (best.number, 0.02),
        xytext=(3 if best.number <= numbers[-1] / 2 else -3, 0),
        textcoords="offset points",
        ha="left" if best.number <= numbers[-1] / 2 else "right",
        color=GREY,
        fontsize=7,
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel("IoU of pixels")
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, loc="upper left")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curves.png"
        save(figure, path, style)
        return path.read_bytes()


def _row(item: Inspected) -> tuple[str, ...]:
    place = str(item.path)
    if item.bundle is None:
        return ("damaged", *[""] * (len(COLUMNS) - 2), place)
    card = item.bundle.card
    iou = next((m for m in card.metrics if m.name == "iou" and m.split == "validation"), None)
    cells = (
        card.name,
        card.version,
        f"{card.architecture} {card.encoder}",
        ",".join(channel.name for channel in card.channels),
        f"{card.resolution_m:.3g} m",
        ",".join(card.outputs),
        _with_blocks(card, iou) if iou else "",
        f"{bundle_bytes(item.bundle) / 2**20:.1f}",
        item.bundle.digest[:12],
    )
    return (*cells, place)


def _with_blocks(card: ModelCard, metric: Metric) -> str:
    over = card.drawn(metric)
    return f"{metric} over {over}" if over else str(metric)
