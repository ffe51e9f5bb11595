"""Rules on attributes."""
