"""Writing inventories, templates and their metadata."""
