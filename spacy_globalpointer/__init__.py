"""Nested, overlapping and flat entities for spaCy, by scoring every span at once."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("spacy-globalpointer")
