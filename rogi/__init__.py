"""rogi: the toolkit for rock glacier inventories."""

__version__ = "0.1.0"
