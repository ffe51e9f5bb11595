"""Sources of attributes beside the elevation model and the climate: one module each, see `registry`."""
