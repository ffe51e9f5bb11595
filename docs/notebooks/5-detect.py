# %% [markdown]
# # What does a network find, and how good is it?
#
# Cut patches from imagery with known rock glaciers, train a small network on them, let it search other
# imagery, and judge its candidates by the outlines that are known there. Everything is synthetic and small,
# so that it runs in seconds: a toy, no scientific model. With your own imagery, the same five calls.

# %% tags=["remove-input"]
# An empty folder for the files of this notebook.
import os
import tempfile
import warnings

os.chdir(tempfile.mkdtemp())
warnings.filterwarnings("ignore", message="IProgress")

# %%
import matplotlib.pyplot as plt
import rasterio
import rogi
from rasterio.plot import plotting_extent
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.scene_files import write_scene

for seed in (1, 2):
    write_scene(Scene(SceneSettings(768, 768, seed=seed)), f"scene{seed}")

# %% [markdown]
# ## Train
#
# Patches are cut around the units and around what only looks like a rock glacier. They are divided by blocks
# of ground, so that no validation patch shows ground that was trained on.

# %%
patches = rogi.cut_patches(
    "scene1/season1.tif",
    "scene1/truth1.gpkg",
    "patches",
    negatives="scene1/negatives.gpkg",
    size=128,
    stride=64,
    context_m=400,
)
patches.index.groupby(["split", "kind"]).size()

# %%
model = rogi.train(
    "patches",
    "toy.zip",
    architecture="Unet",
    encoder="tu-test_resnet",
    encoder_depth=3,
    decoder_channels=[32, 16, 8],
    steps=24,
    batch=4,
    threads=1,
    learning_rate=3e-3,
    licence="CC0-1.0",
    seed=0,
)
model.scores.query("split == 'validation'")[["name", "value", "low", "high"]].round(2)

# %% [markdown]
# ## Predict
#
# On the second scene, which the network has not seen:

# %%
found = rogi.predict("scene2/season1.tif", "toy.zip", date="2021-08-15")
found

# %%
candidates = found.to_geodataframe()
candidates[["ID", "confidence", "AREA"]].sort_values("confidence").tail(4)

# %% [markdown]
# ## Evaluate

# %%
evaluation = rogi.evaluate(found, "scene2/truth1.gpkg")
evaluation.table.round(3)

# %%
truth = rogi.read_inventory("scene2/truth1.gpkg").outlines.to_crs(candidates.crs)
figure, axes = plt.subplots(figsize=(7, 7))
with rasterio.open("scene2/season1.tif") as image:
    axes.imshow(image.read().transpose(1, 2, 0), extent=plotting_extent(image))
candidates.boundary.plot(ax=axes, color="#ffb000", linewidth=1.2, label="candidates")
truth.boundary.plot(ax=axes, color="#00d0ff", linewidth=1.2, label="known outlines")
axes.legend(loc="lower left")
axes.set(xlabel="Easting (m)", ylabel="Northing (m)")

# %% [markdown]
# Candidates are proposals. `rogi.plan_update` divides them among mappers who decide about each, see
# [How do I update an inventory?](../guides/updating.md)
