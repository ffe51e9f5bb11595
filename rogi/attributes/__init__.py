"""Zonal and circular statistics, climate, and filling the attribute table."""
