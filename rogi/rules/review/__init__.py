"""Rules on review."""
