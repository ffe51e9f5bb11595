"""Inventories: read, write, dialects and primary IDs."""
