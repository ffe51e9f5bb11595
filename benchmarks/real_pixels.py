"""`rogi detect` on real pixels: glaciers learnt in the west of a Landsat picture, looked for in its east.

For want of labelled imagery of rock glaciers: Landsat 7 near Everest with outlines of RGI 6 (folder `everest`
of the real data). Prints scores of the eastern pixels and draws what was found, missed and wrongly found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import detect
import measure
import numpy as np

PICTURE, OUTLINES = "LE71400412000304SGS00_RGB.tif", "15_rgi60_glacier_outlines.gpkg"
BORDER = 480
"""Column that divides the picture of 800."""

PATCHES = ("--size", 128, "--stride", 64, "--border", 0, "--split", "random")
"""Random, since a threshold only is chosen on the part for validation; the judge is the east."""

EPOCHS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the real data, which holds everest/")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to work in")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    import training

    folder, outlines = options.output, options.data / "everest" / OUTLINES
    folder.mkdir(parents=True, exist_ok=True)
    halves(options.data / "everest" / PICTURE, folder)
    detect.run_rogi(
        "detect", "patches", folder / "west.tif", "--units", outlines, *PATCHES,
        "-o", folder / "patches", "--force",
    )  # fmt: skip
    detect.run_rogi(
        "detect", "train", folder / "patches", "-o", folder / "model", *training.NETWORK, "--batch", 8,
        "--lr", 5e-3, "--patience", 0, "--epochs", options.epochs, "--force",
    )  # fmt: skip
    detect.run_rogi(
        "detect", "predict", folder / "east.tif", "--model", folder / "model", "-o", folder / "east.gpkg",
        "--probability", folder / "probability.tif", "--force",
    )  # fmt: skip
    found, truth = labels(folder, outlines)
    measure.table([["eastern half", ""], *scores(found, truth)])
    draw(folder, outlines, found, truth)
    print(f"\nPictures: {folder / 'east.png'}, and the curves in {folder / 'model'}")


def halves(picture: Path, folder: Path) -> None:
    """Write west.tif and east.tif."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(picture) as source:
        for name, first, last in (("west", 0, BORDER), ("east", BORDER, source.width)):
            window = Window(first, 0, last - first, source.height)
            shape = {"width": window.width, "height": window.height}
            profile = source.profile | shape | {"transform": source.window_transform(window)}
            with rasterio.open(folder / f"{name}.tif", "w", **profile) as target:
                target.write(source.read(window=window))


def labels(folder: Path, outlines: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the east that were found to be glacier, and those that are."""
    import pyogrio
    import rasterio
    from rasterio.features import rasterize

    with rasterio.open(folder / "probability.tif") as file:
        probability = file.read(1)
        shapes = pyogrio.read_dataframe(outlines).to_crs(file.crs).geometry
        truth = rasterize(shapes, out_shape=file.shape, transform=file.transform).astype(bool)
    assert (probability != 255).all()  # the picture has no void
    return probability >= detect.in_own_process(detect.threshold_of, folder / "model") * 254, truth


def scores(found: np.ndarray, truth: np.ndarray) -> list[list[object]]:
    """Rows of the table, with what would come of calling everything glacier."""
    hits, false, missed, rest = (
        float((found == a)[truth == b].sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))
    )
    precision, recall = hits / (hits + false), hits / (hits + missed)
    agree = (hits + rest) / found.size
    chance = found.mean() * truth.mean() + (1 - found.mean()) * (1 - truth.mean())
    f1 = 2 * precision * recall / (precision + recall)
    return [
        ["share of glacier: IoU of calling everything so", f"{truth.mean():.3f}"],
        ["precision, recall, F1 of pixels", f"{precision:.3f}, {recall:.3f}, {f1:.3f}"],
        ["IoU of glacier", f"{hits / (hits + false + missed):.3f}"],
        ["IoU of the rest", f"{rest / (rest + false + missed):.3f}"],
        ["pixels that agree; Cohen's kappa", f"{agree:.3f}; {(agree - chance) / (1 - chance):.2f}"],
    ]


def draw(folder: Path, outlines: Path, found: np.ndarray, truth: np.ndarray) -> None:
    """East.png: the picture with both outlines, and which pixels agree."""
    import matplotlib as mpl
    import pyogrio
    import rasterio
    from matplotlib.patches import Patch

    mpl.use("agg")
    import matplotlib.pyplot as plt

    with rasterio.open(folder / "east.tif") as file:
        picture, bounds = file.read([1, 2, 3]), file.bounds
        known = pyogrio.read_dataframe(outlines).to_crs(file.crs)
    extent = (bounds.left, bounds.right, bounds.bottom, bounds.top)
    kinds = (
        ("found", "#56B4E9"),
        ("found, no glacier", "#D55E00"),
        ("missed", "#000000"),
        ("neither", "#EEEEEE"),
    )
    colours = np.array([mpl.colors.to_rgb(colour) for _, colour in kinds])
    kind = np.where(found, np.where(truth, 0, 1), np.where(truth, 2, 3))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 9), layout="constrained")
    left.imshow(np.moveaxis(picture, 0, -1), extent=extent)
    known.boundary.plot(ax=left, color="#0072B2", linewidth=0.9)
    pyogrio.read_dataframe(folder / "east.gpkg", layer="candidates").boundary.plot(
        ax=left, color="#D55E00", linewidth=0.7
    )
    left.set_title("RGI 6 (blue) and candidates (orange)")
    right.imshow(colours[kind], extent=extent)
    right.legend(
        handles=[Patch(color=colour, label=name) for name, colour in kinds], loc="lower left", framealpha=1
    )
    right.set_title("pixels")
    for axes in (left, right):
        axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], xlabel="", ylabel="")
    figure.savefig(folder / "east.png", dpi=110)


if __name__ == "__main__":
    main()
