"""Primary IDs: made, parsed, repaired, compared."""
