"""Reasons not to build a release, and what lifts each."""
