"""A team's store in PostGIS."""
