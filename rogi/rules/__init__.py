"""Rules: one file each, in a folder per family; a pure function from an inventory to rows."""
