"""Candidates of rock glaciers from imagery: patches, training, prediction, polygons and evaluation."""
