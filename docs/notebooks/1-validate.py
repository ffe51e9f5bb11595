# %% [markdown]
# # Does my shapefile follow the RGIK rules?
#
# Read the file, check it, look at the findings in a table and on a map, and mend what can be mended
# without a decision. The shapefile here is synthetic: 400 rock glaciers of the Tibetan Plateau with planted
# faults. Put the path of your own in its place.

# %% tags=["remove-input"]
# An empty folder for the files of this notebook.
import os
import tempfile

os.chdir(tempfile.mkdtemp())

# %%
import matplotlib.pyplot as plt
import rogi
from rogi.synthetic.defects import plant

clean = rogi.synthetic_inventory(400, seed=4)
faulty, key = plant(
    clean,
    seed=4,
    select=["PID002", "PID004", "SCH014", "GEO003", "GEO009", "GEO015", "ATT001", "ATT002", "ATT009"],
    per_rule=4,
)
faulty.outlines.to_file("my_inventory.shp", encoding="UTF-8")

# %% [markdown]
# ## Check it

# %%
report = rogi.validate("my_inventory.shp")
print(repr(report))

# %% [markdown]
# Each finding names a rule, a row of the file (from 1) and what is wrong. Every rule has a page in the
# [rule catalogue](../rules/index.md).

# %%
columns = ["code", "severity", "row", "message"]
report.findings[columns].head(8)

# %%
report.findings.groupby(["severity", "code"]).size().rename("findings").reset_index()

# %% [markdown]
# A rule that could not be checked is not passed. The report says which, and why:

# %%
report.rules.query("status == 'not run'")[["code", "title", "reason"]].head()

# %% [markdown]
# ## Where are they?
#
# `findings` is a GeoDataFrame in longitude and latitude. `report.explore()` shows it on a map that can be
# moved (extra `maps`).

# %%
outlines = rogi.read_inventory("my_inventory.shp").outlines
figure, axes = plt.subplots(figsize=(9, 4))
outlines.representative_point().plot(ax=axes, color="0.75", markersize=8)
errors = report.findings.query("severity == 'error'")
placed = errors.set_geometry(errors.representative_point()).dropna(subset="geometry")
placed.plot(ax=axes, column="code", markersize=30, legend=True, cmap="Dark2")
axes.set(title="Errors by rule", xlabel="Longitude (°)", ylabel="Latitude (°)")
axes.get_legend().set_bbox_to_anchor((1.02, 1), transform=axes.transAxes)
axes.get_legend().set_loc("upper left")

# %% [markdown]
# The units with an error, as rows of the table:

# %%
outlines.iloc[placed["row"].unique() - 1][["ID", "AREA", "ELE_MEAN"]].head()

# %% [markdown]
# ## Mend what is safe
#
# Safe fixes need no decision: blanks, spelling of terms, the form of an ID, areas that do not fit the
# outline. Everything else is left for you. The file stays as it is.

# %%
fixed = rogi.fix("my_inventory.shp")
fixed.changes.groupby(["rule", "fix"]).size().rename("changes").reset_index()

# %%
after = rogi.validate(fixed.inventory)
print(len(report.findings), "findings before,", len(after.findings), "after")

# %%
fixed.write("mended.gpkg")
report.write("report.html")
