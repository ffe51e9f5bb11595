"""From the rows of mappers to decisions: which are legal, which contradict each other."""
