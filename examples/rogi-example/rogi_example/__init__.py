"""Additions to rogi: see README.md."""
