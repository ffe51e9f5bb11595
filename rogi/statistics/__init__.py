"""Summary numbers, grids and facts of one inventory."""
