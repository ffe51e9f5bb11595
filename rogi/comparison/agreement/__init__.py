"""How far two inventories agree: areas, objects, boundaries, attributes."""
