"""Dialects of this package: YAML files beside this one, named as their entry points."""
