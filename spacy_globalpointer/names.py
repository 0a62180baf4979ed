"""Labels in messages: each short, and some of them if there are many."""

from collections.abc import Collection
from itertools import islice

# Characters of a name that are shown.
LONGEST = 40


def cut_name(name: str) -> str:
    """The beginning of a long name."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}..."


def list_names(names: Collection[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(map(cut_name, islice(names, most)))
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
