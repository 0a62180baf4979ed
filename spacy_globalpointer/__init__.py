"""Nested, overlapping and flat entities for spaCy, by scoring every span at once."""
