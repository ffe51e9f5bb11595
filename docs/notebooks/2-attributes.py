# %% [markdown]
# # What are the attributes of my outlines?
#
# From outlines, an elevation model and a climate field to a filled table: area, elevation, slope, aspect,
# potential incoming solar radiation and mean annual air temperature, each with a note of where it is from.
# Outlines, terrain and climate are synthetic here. Put your own files in their place.

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
from rogi.synthetic.terrain import Box, climate, write_tiles

# %%
box = Box(75.0, 38.0, 76.0, 39.0)
write_tiles("dem", box, arc_seconds=3)
climate(box).to_netcdf("climate.nc")

random = np.random.default_rng(1)
places = gpd.points_from_xy(random.uniform(75.4, 75.6, 25), random.uniform(38.4, 38.6, 25), crs=4326)
outlines = gpd.GeoDataFrame(
    geometry=places.to_crs(32643).buffer(random.uniform(80, 250, 25)),
    index=[f"RG {n}" for n in range(1, 26)],
)
outlines.head(3)

# %% [markdown]
# ## One quantity, one function
#
# Each function gives a table on the index of the outlines. Outlines may be in any CRS. Areas are those on the
# ellipsoid, and each pixel counts by the share of it that lies inside.

# %%
rogi.area(outlines).head(3)  # km²

# %%
elevation = rogi.elevation(outlines, "dem")  # metres above sea level
aspect = rogi.aspect_of(outlines, "dem")  # degrees; a circular mean
elevation.join(aspect).round(2).head(3)

# %% [markdown]
# `aspect_length` says whether the mean aspect means anything: 1 where the whole unit faces one way, near 0
# where it faces all ways.
#
# ## The whole table
#
# `fill_attributes` fills all columns of the schema that the inputs allow.

# %%
filled = rogi.fill_attributes(
    outlines, dem="dem", maat={"files": "climate.nc", "variable": "t2m", "period": (2001, 2020)}
)
filled.values.round(2).head(3).T

# %% [markdown]
# What is odd about the inputs is in `filled.warnings`: here nothing, as the elevation model reaches 25 km
# beyond the outlines, so that no mountain that casts a shadow is missing.

# %%
filled.warnings

# %% [markdown]
# Where each number is from, with the checksums of the files:

# %%
filled.provenance[["group", "columns"]].assign(inputs=[len(files) for files in filled.provenance["inputs"]])

# %% [markdown]
# ## Look at it

# %%
values = filled.values
figure = plt.figure(figsize=(9, 4))
left = figure.add_subplot(1, 2, 1, projection="polar")
left.set(theta_zero_location="N", theta_direction=-1, title="Aspect and slope (°)")
left.scatter(np.radians(values["aspect"]), values["slope_mean"])
right = figure.add_subplot(1, 2, 2)
points = right.scatter(values["elevation_mean"], values["radiation"], c=np.cos(np.radians(values["aspect"])))
right.set(xlabel="Mean elevation (m)", ylabel="Radiation (kWh m⁻² in a year)")
figure.colorbar(points, label="Northness of the aspect")
figure.tight_layout()

# %% [markdown]
# ## Write it
#
# Beside the GeoPackage lie `filled.gpkg.provenance.json` and the settings, with which
# `rogi attributes --config` makes the same table again.

# %%
[path.name for path in filled.write("filled.gpkg")]
