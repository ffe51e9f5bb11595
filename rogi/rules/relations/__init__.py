"""Rules on relations."""
