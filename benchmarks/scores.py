"""Scores of a system on a corpus.

Gold spans that the tokens cannot hold count as missed, for every system alike.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy

from spacy_globalpointer.spans import Counts, LabelledSpan, count_parts, name_errors

from .text import AnnotatedText


def count_each(
    docs: Sequence[AnnotatedText], predicted: Sequence[set[LabelledSpan]]
) -> list[Counts]:
    """Count right, wrong and missed spans of each document."""
    counts = []
    for doc, found in zip(docs, predicted, strict=True):
        own = Counts.compare(doc.gold, found)
        counts.append(own._replace(missed=own.missed + doc.lost))
    return counts


def score_parts(
    docs: Sequence[AnnotatedText], predicted: Sequence[set[LabelledSpan]]
) -> dict[str, Any]:
    """Scores of all spans, and by label, length and nesting.

    The parts know nothing of gold spans that the tokens cannot hold: those have no tokens.
    `nested` are gold spans that contain or lie in another gold span, and predicted spans likewise.

    RETURNS: "all", "by_label", "by_length", "nested", "errors", "lost", and "documents": right,
        wrong and missed of each as text, documents apart by a space.
    """
    pairs: list[tuple[set[LabelledSpan], set[LabelledSpan]]] = [
        (doc.gold, found) for doc, found in zip(docs, predicted, strict=True)
    ]
    errors = Counter(kind for gold, found in pairs for _, kind in name_errors(gold, found))
    counts, parts = count_each(docs, predicted), count_parts(pairs)
    return {
        "all": Counts.total(counts).scores(),
        "by_label": {label: part.scores() for label, part in parts.label.items()},
        "by_length": {str(length): part.scores() for length, part in parts.length.items()},
        "nested": parts.nested[True].scores(),
        "errors": dict(sorted(errors.items())),
        "lost": sum(doc.lost for doc in docs),
        "documents": " ".join("/".join(map(str, n)) for n in counts),
    }


def read_documents(text: str) -> numpy.ndarray:
    """Counts of each document from the text that `score_parts` makes of them.

    RETURNS (documents, 3): right, wrong, missed.
    """
    rows = [[int(n) for n in row.split("/")] for row in text.split()]
    return numpy.array(rows, dtype=float).reshape(-1, 3)
