"""Updating an inventory: work packages for mappers, decisions applied, the lineage of every unit."""
