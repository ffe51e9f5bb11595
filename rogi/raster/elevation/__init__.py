"""Elevation models: products, vertical references, voids, and which files of a folder belong to one."""
