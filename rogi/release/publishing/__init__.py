"""Publishing to and fetching from a repository such as Zenodo."""
