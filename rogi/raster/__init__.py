"""Opening rasters: sources, grids, bands, validity, mosaics, climate fields, the guard.

No other package opens one.
"""
