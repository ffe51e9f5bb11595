"""Candidates matched with the inventory, as tasks shared out to mappers."""
