"""Schemas, vocabularies, dialects and rule parameters: the one source of truth, read from YAML."""
