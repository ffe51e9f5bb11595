"""Rules on primary ids."""
