"""Review by sampling: the sample, its files, verdicts and estimates."""
