"""Labels as tables and messages show them: on one line, and neither too long nor too many."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ..messages import list_some, shorten

# Characters of a label; reports in JSON have all.
MOST = 40
# Labels of one message.
MOST_LISTED = 20


def show_label(label: str) -> str:
    """A label on one line, cut if it is long, with what no terminal shows or obeys spelt out."""
    line = " ".join(label.split()) or "(empty label)"
    return shorten("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), MOST)


def find_alike(labels: Mapping[str, int]) -> dict[str, int]:
    """Those that look like another one, as PER and per do, or a label with a zero-width space."""
    forms = {label: _plain(label) for label in labels}
    n_alike = Counter(forms.values())
    alike = sorted(label for label in labels if n_alike[forms[label]] > 1)
    return {label: labels[label] for label in alike}


def _plain(label: str) -> str:
    """A label without case, white space and characters that are not seen."""
    text = unicodedata.normalize("NFKC", label).casefold()
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def list_labels(rows: Iterable[tuple[str, Any]]) -> str:
    """Labels and their values, None for a label alone; of many, how many more there are."""
    names = ((show_label(label), value) for label, value in rows)
    shown = [name if value is None else f"{name} {value}" for name, value in names]
    return list_some(shown, MOST_LISTED)
