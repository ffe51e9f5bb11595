"""Work packages for mappers, and what they hand back."""
