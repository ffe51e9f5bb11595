"""Climate data: monthly, annual or daily fields as one field of annual means or sums.

`field` is the way in. `images` reads GeoTIFFs and the like, `datasets` NetCDF and Zarr; these use `units` and
`methods` (what a number is), `steps` (when), `cells` and `projections` (where) and `screen` (what cannot be).
"""
