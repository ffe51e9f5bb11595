"""A new version of an inventory. Stages: planning, packages, store, deciding, applying."""
