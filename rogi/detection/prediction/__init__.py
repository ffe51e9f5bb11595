"""Prediction of imagery of any size, block by block, into a probability raster."""
