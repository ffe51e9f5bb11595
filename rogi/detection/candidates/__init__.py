"""From a probability raster to polygons with confidence and provisional IDs."""
