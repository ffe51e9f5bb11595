"""Defects planted in synthetic inventories, and the key that says which row has which."""

from rogi.synthetic.defects.plant import not_planted, plant

__all__ = ["not_planted", "plant"]
