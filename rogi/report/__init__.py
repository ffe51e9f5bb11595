"""Reports: pages, tables, maps and figures, and the formats of a validation."""
