"""Candidates judged by true outlines."""
