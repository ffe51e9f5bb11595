"""Releases of an inventory: build a package, check it, compare it with the last one, publish and fetch it."""
