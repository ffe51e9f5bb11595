"""Reading layers of any supported format, and recognising their dialect."""
