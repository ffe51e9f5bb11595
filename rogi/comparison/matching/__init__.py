"""Which objects of two inventories belong together."""
