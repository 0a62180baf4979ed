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
    """Labels and their values, None for a label alone; of many, how many more there are."""
    names = ((show_label(label), value) for label, value in rows)
    shown = [name if value is None else f"{name} {value}" for name, value in names]
    return list_some(shown, MOST_LISTED)
