"""Results in the formats people and machines read: a document of each, and one writer for each format."""
