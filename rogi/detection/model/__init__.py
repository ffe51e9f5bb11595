"""Networks and their bundles, and the libraries that run them."""
