"""Nested, overlapping and flat entities for spaCy, by scoring every span at once."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .relations import Relation, get_relations, has_relations, set_relations

__all__ = ["Relation", "__version__", "get_relations", "has_relations", "set_relations"]

__version__ = version("spacy-globalpointer")


def __getattr__(name: str) -> Any:
    """Import a public name when it is used: spaCy, and torch with it, take seconds to import."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".relations", __name__), name)
