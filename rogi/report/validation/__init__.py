"""Formats of validation reports: text, JSON, Markdown, SARIF, JUnit, GitHub, GeoPackage."""
