"""Imagery as a network takes it: channels, derived channels, and whether the model knows such imagery."""
