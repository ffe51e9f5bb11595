# %% [markdown]
# # How reliable is my inventory? A review
#
# Draw a random sample, let two people judge each unit without seeing the other's verdict, and estimate how
# many of all units are right, with an interval.

# %% tags=["remove-input"]
# An empty folder for the files of this notebook.
import os
import tempfile

os.chdir(tempfile.mkdtemp())

# %%
import geopandas as gpd
import matplotlib.pyplot as plt
import numpy as np
import rogi

inventory = rogi.synthetic_inventory(600, seed=6)
inventory

# %% [markdown]
# ## Draw the sample
#
# In strata of size, so that the few large units are not left to chance. Same seed, same sample.

# %%
sample = rogi.draw_sample(inventory, n=60, stratify="size", allocation="proportional", seed=1)
sample.strata

# %%
outlines = inventory.outlines
figure, axes = plt.subplots(figsize=(8, 3.5))
outlines.representative_point().plot(ax=axes, color="0.8", markersize=6)
sample.units.plot(ax=axes, column="stratum", markersize=22, legend=True, cmap="viridis")
axes.set(xlabel="Longitude (°)", ylabel="Latitude (°)", title="600 units, 60 drawn")
# %% [markdown]
# Each reviewer gets a GeoPackage with forms for QGIS, and a KML for a globe:

# %%
files = sample.write("review", ["Li", "Rossi"])
[path.name for path in files]

# %% [markdown]
# ## What the reviewers return
#
# They fill in the column `verdict` in QGIS. Here a few lines do it, so that there is something to score.

# %%
random = np.random.default_rng(2)
truth = random.random(60) < 0.9
for name, care in (("li", 0.97), ("rossi", 0.9)):
    returned = gpd.read_file(f"review/review_{name}.gpkg", layer="review")
    right = np.where(random.random(60) < care, truth, ~truth)
    returned["verdict"] = np.where(right, "Yes", "No")
    returned.to_file(f"review/review_{name}.gpkg", layer="review")

# %% [markdown]
# ## The score
#
# Shares are estimates for the whole inventory, weighted by stratum, with 95 % intervals; kappa says how far
# the two agree beyond chance.

# %%
score = rogi.score_reviews(["review/review_li.gpkg", "review/review_rossi.gpkg"])
score.reviewers.set_index("reviewer")[["Yes", "No", "correct", "correct_low", "correct_high"]].round(3)

# %%
score.pairs.round(3)

# %% [markdown]
# Units to look at again together:

# %%
score.disagreements[["sample", "ID", "Li", "Rossi"]].head()

# %%
reviewers = score.reviewers
error = np.abs(reviewers[["correct_low", "correct_high"]].to_numpy().T - reviewers["correct"].to_numpy())
figure, axes = plt.subplots(figsize=(5, 2.2))
axes.errorbar(reviewers["correct"], reviewers["reviewer"], xerr=error, fmt="o", capsize=4)
axes.axvline(truth.mean(), color="0.6", linestyle="--")
axes.set(xlabel="Share of rock glaciers among the units", xlim=(0.5, 1), ylim=(-0.5, 1.5))
# %% [markdown]
# The verdicts can be kept in the inventory, in its additional information:

# %%
reviewed, units = score.apply_to(inventory)
units, reviewed.outlines["ADDI_INF"].dropna().iloc[0]
