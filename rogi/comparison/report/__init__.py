"""Results of a comparison as text, Markdown, JSON and a page."""
