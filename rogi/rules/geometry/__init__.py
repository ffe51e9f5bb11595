"""Rules on geometry."""
