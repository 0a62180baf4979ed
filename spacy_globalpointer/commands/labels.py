"""Labels as tables and messages show them: on one line, and neither too long nor too many."""

from collections.abc import Iterable
from typing import Any

from ..corpora.messages import list_some, shorten

# Characters of a label; reports in JSON have all.
MOST = 40
# Labels of one message.
MOST_LISTED = 20


def show_label(label: str) -> str:
    """A label on one line, cut if it is long."""
    return shorten(" ".join(label.split()) or "(empty label)", MOST)


def list_labels(rows: Iterable[tuple[str, Any]]) -> str:
    """Labels, each with its value, in one line; of many, how many more there are.

    rows: labels and values; None for a label alone.
    """
    names = ((show_label(label), value) for label, value in rows)
    return list_some(
        [name if value is None else f"{name} {value}" for name, value in names], MOST_LISTED
    )
