"""Seeded inventories, terrain and imagery with known answers."""
