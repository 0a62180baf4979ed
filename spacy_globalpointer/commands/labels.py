"""Labels as tables and messages show them: on one line, and neither too long nor too many."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

# Characters of a label; reports in JSON have all.
MOST = 40
# Labels of one message.
MOST_LISTED = 20


def show_label(label: str) -> str:
    """A label on one line, cut if it is long."""
    text = " ".join(label.split()) or "(empty label)"
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."


def list_labels(rows: Iterable[tuple[str, Any]]) -> str:
    """Labels, each with its value, in one line; of many, how many more there are.

    rows: labels and values; None for a label alone.
    """
    rest = iter(rows)
    shown = [
        show_label(label) if value is None else f"{show_label(label)} {value}"
        for label, value in islice(rest, MOST_LISTED)
    ]
    n_more = sum(1 for _ in rest)
    return ", ".join(shown) + (f" and {n_more:,} more" if n_more else "")
