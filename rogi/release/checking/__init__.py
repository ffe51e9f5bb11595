"""Checks of a copy of a release."""
