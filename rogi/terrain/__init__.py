"""Slope, aspect, horizons and potential solar radiation: arrays in, arrays out."""
