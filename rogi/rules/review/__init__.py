"""REV: review - decisions of reviewers and their independence."""
