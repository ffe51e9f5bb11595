# %% [markdown]
# # How do two inventories differ?
#
# Two mappers drew the same region. Where do they agree, by area and by unit, and which units did only one of
# them see? The second inventory is made from the first here: some units left out, some moved, some drawn
# smaller.

# %% tags=["remove-input"]
# An empty folder for the files of this notebook.
import os
import tempfile

os.chdir(tempfile.mkdtemp())

# %%
import matplotlib.pyplot as plt
import numpy as np
import rogi
from shapely.affinity import scale

first = rogi.synthetic_inventory(120, seed=5, region="Eastern Pamir").outlines
random = np.random.default_rng(5)
second = first.iloc[np.sort(random.permutation(120)[:100])].copy()
factors = random.uniform(0.75, 1.1, len(second))
second.geometry = [scale(unit, f, f) for unit, f in zip(second.geometry, factors, strict=True)]

# %%
comparison = rogi.compare(first, second)
comparison

# %% [markdown]
# Numbers are rates by area: precision is the share of the second inventory that the first has too, recall the
# share of the first that the second has too. By unit:

# %%
names = ["count_a", "count_b", "only_a", "only_b", "precision", "recall", "f1", "iou"]
comparison.agreement.set_index("metric").loc[names, ["value"]].round(3)

# %% [markdown]
# ## Which unit is which?
#
# The crosswalk has one row for each pair, and one for each unit that has no partner. `index_a` and
# `index_b` are the labels of your tables.

# %%
crosswalk = comparison.crosswalk
crosswalk[["index_a", "index_b", "type", "iou", "area_a_m2", "area_b_m2"]].head(5)

# %%
missed = crosswalk.query("type == 'only A'")
first.loc[missed["index_a"].astype(int), ["ID", "AREA", "ELE_MEAN"]].sort_values("AREA").tail(5)

# %% [markdown]
# Are small units missed more often? Here they were left out at random.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8))
pairs = crosswalk.query("type == '1:1'")
left.scatter(pairs["area_a_m2"] / 1e6, pairs["iou"], s=12)
left.set(xscale="log", xlabel="Area in the first inventory (km²)", ylabel="IoU of the pair", ylim=(0, 1.05))
pair = crosswalk.query("type == '1:1'").nsmallest(1, "iou").iloc[0]
first.loc[[pair["index_a"]]].boundary.plot(ax=right, color="#1b6ca8", label="first")
second.loc[[pair["index_b"]]].boundary.plot(ax=right, color="#c2571a", label="second")
right.set(title="The pair that agrees least", xlabel="Longitude (°)", ylabel="Latitude (°)")
right.ticklabel_format(useOffset=False)
right.tick_params(axis="x", rotation=30)
right.legend()
figure.tight_layout()

# %% [markdown]
# ## Per region, and as a report
#
# `by` takes a column, or polygons with names. The report has the definitions of all measures.

# %%
rogi.compare(first, second, by="SUBREGION").groups

# %%
comparison.write("comparison.html").name
