"""The new version, its lineage and tables."""
