"""Rules of this package, one module each."""
