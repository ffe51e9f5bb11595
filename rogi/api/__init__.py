"""The functions of `rogi` itself: what each command does, for a path, a GeoDataFrame or an Inventory."""
