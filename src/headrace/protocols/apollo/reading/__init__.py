"""Samples out, page by page."""
