"""Statistics of raster pixels in polygons, weighted by covered area."""
