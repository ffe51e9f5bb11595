"""Results in the formats people and machines read."""
