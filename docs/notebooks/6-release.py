# %% [markdown]
# # How do I release a version, and what changed in it?
#
# Build a package of the first version, build one of the second with the first as the version before, and list
# what became of each unit. The inventory is synthetic: 300 units, of which some were added, removed, split,
# merged, renamed and redrawn for version 1.1.

# %% tags=["remove-input"]
# An empty folder for the files of this notebook.
import os
import tempfile

os.chdir(tempfile.mkdtemp())

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import rogi
from rogi.synthetic.releases import two_versions, write_release_folders

versions = two_versions(300, seed=8)
write_release_folders(versions, "releases")
print(Path("releases/1.1/release.yaml").read_text()[:700])

# %% [markdown]
# A release is described in a `release.yaml`: authors, licence, period, limits. Retired IDs are in it too, so
# that nobody looks in vain for a unit of the first version.
#
# ## Build it
#
# The package is built only if all checks pass: rules, IDs, counts and areas against the version before.

# %%
first = rogi.build_release("1.0", versions.first, "dist", releases="releases")
second = rogi.build_release("1.1", versions.second, "dist", releases="releases", previous=first.zip)
second

# %%
sorted(path.name for path in second.folder.iterdir())

# %% [markdown]
# ## What changed?

# %%
difference = rogi.diff(first.zip, second.zip)
difference

# %%
difference.counts[difference.counts > 0].to_frame()

# %%
changed = difference.units.query("kind != 'unchanged'")
changed[["kind", "id_old", "id_new", "area_old_km2", "area_new_km2", "iou"]].head(8)

# %%
figure, axes = plt.subplots(figsize=(8, 3.5))
difference.units.representative_point().plot(ax=axes, color="0.85", markersize=6)
points = changed.set_geometry(changed.representative_point())
points.plot(ax=axes, column="kind", markersize=30, legend=True, cmap="tab10")
axes.set(xlabel="Longitude (°)", ylabel="Latitude (°)", title="Units that changed from 1.0 to 1.1")
# %% [markdown]
# Changed values, cell by cell:

# %%
difference.values.head()

# %% [markdown]
# ## What if a check fails?
#
# Then nothing is written, and the error says which and what to do. Here the retired IDs are missing:

# %%
text = Path("releases/1.1/release.yaml").read_text()
Path("releases/1.1/release.yaml").write_text(text[: text.index("retired:")])
try:
    rogi.build_release("1.1", versions.second, "again", releases="releases", previous=first.zip)
except rogi.errors.RogiError as error:
    print(error)

# %% [markdown]
# ## Is this copy whole?
#
# Anybody can verify a package: checksums, metadata, formats, rules.

# %%
checks = rogi.check_release(second.zip)
checks.items[["name", "passed", "detail"]]
