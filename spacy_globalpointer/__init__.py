"""Nested, overlapping and flat entities for spaCy, by scoring every span at once."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .annotator import Annotator
    from .commands.render.notebook import heat_map, render
    from .events import Argument, Event, get_events, has_events, set_events
    from .relations import Relation, get_relations, has_relations, set_relations

_MODULES = {
    "annotator": ("Annotator",),
    "commands.render.notebook": ("heat_map", "render"),
    "events": ("Argument", "Event", "get_events", "has_events", "set_events"),
    "relations": ("Relation", "get_relations", "has_relations", "set_relations"),
}
__all__ = [
    "Annotator",
    "Argument",
    "Event",
    "Relation",
    "__version__",
    "get_events",
    "get_relations",
    "has_events",
    "has_relations",
    "heat_map",
    "render",
    "set_events",
    "set_relations",
]

__version__ = version("spacy-globalpointer")


def __getattr__(name: str) -> Any:
    """Import a public name when it is used: spaCy, and torch with it, take seconds to import."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
