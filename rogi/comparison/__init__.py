"""Match graph, crosswalk, agreement, operators, review samples, regions and grids."""
