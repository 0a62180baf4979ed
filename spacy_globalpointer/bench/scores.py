"""How predicted spans are counted: exactly right or not, by part and by kind of error.

A span is right if its borders and its label are those of a gold span. Gold spans that the tokens
cannot hold count as missed, for every system alike.
"""

from collections import Counter
from typing import Any, Dict, List, NamedTuple, Sequence, Set, Tuple

import numpy

from ..pipeline.scorer import nested_cells
from .text import Annotated

Cell = Tuple[int, int, str]  # start, end, label
# Lengths from which on spans are counted together.
LENGTHS = (1, 2, 3, 4, 6, 10)


class Counts(NamedTuple):
    """Spans found, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def scores(self) -> Dict[str, float]:
        """Precision, recall and F1, 0.0 where there is nothing."""
        p = self.right / max(1, self.right + self.wrong)
        r = self.right / max(1, self.right + self.missed)
        f = 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)
        return {"p": p, "r": r, "f": f, **self._asdict()}


def count_each(docs: Sequence[Annotated], predicted: Sequence[Set[Cell]]) -> List[Counts]:
    """Count right, wrong and missed spans of each document."""
    counts = []
    for doc, found in zip(docs, predicted, strict=True):
        gold = set(doc.spans)
        counts.append(Counts(len(gold & found), len(found - gold), len(gold - found) + doc.lost))
    return counts


def add_up(counts: Sequence[Counts]) -> Counts:
    """The counts of all documents together."""
    return Counts(*(sum(column) for column in zip(*counts, strict=True))) if counts else Counts()


def score_parts(docs: Sequence[Annotated], predicted: Sequence[Set[Cell]]) -> Dict[str, Any]:
    """Scores of all spans, and by label, length and nesting.

    The parts know nothing of gold spans that the tokens cannot hold: those have no tokens.
    `nested` are gold spans that contain or lie in another gold span, and predicted spans likewise.

    RETURNS: "all", "by_label", "by_length", "nested", "errors", "lost", and "documents": right,
        wrong and missed of each as text, documents apart by a space.
    """
    parts: Dict[str, Dict[str, Counter[str]]] = {"label": {}, "length": {}, "nested": {}}
    parts["nested"]["True"] = Counter()
    errors: Counter[str] = Counter()
    for doc, found in zip(docs, predicted, strict=True):
        gold = set(doc.spans)
        in_gold, in_found = _nested(gold), _nested(found)
        errors.update(name_errors(gold, found))
        for cell in gold | found:
            kind = "missed" if cell not in found else "right" if cell in gold else "wrong"
            is_nested = cell in (in_gold if cell in gold else in_found)
            length = max(n for n in LENGTHS if n <= cell[1] - cell[0])
            keys = (("label", cell[2]), ("length", str(length)), ("nested", str(is_nested)))
            for part, key in keys:
                parts[part].setdefault(key, Counter())[kind] += 1
    counts = count_each(docs, predicted)
    return {
        "all": add_up(counts).scores(),
        "by_label": {key: Counts(**n).scores() for key, n in sorted(parts["label"].items())},
        "by_length": {key: Counts(**n).scores() for key, n in sorted(parts["length"].items())},
        "nested": Counts(**parts["nested"]["True"]).scores(),
        "errors": dict(sorted(errors.items())),
        "lost": sum(doc.lost for doc in docs),
        "documents": " ".join("/".join(map(str, n)) for n in counts),
    }


def name_errors(gold: Set[Cell], found: Set[Cell]) -> Counter[str]:
    """Why spans that were found are wrong, and which of the others were missed.

    RETURNS: counts of "type" (found with right borders and a wrong label), "border" (right label,
        overlaps a gold span of it that was missed), "spurious" (other wrong spans), "missed
        nested" and "missed" (gold spans that were not found, of whatever kind).
    """
    missed, errors = gold - found, Counter[str]()
    borders, nested = {cell[:2] for cell in missed}, _nested(gold)
    for start, end, label in found - gold:
        if (start, end) in borders:
            errors["type"] += 1
        elif any(s < end and start < e and label == other for s, e, other in missed):
            errors["border"] += 1
        else:
            errors["spurious"] += 1
    for cell in missed:
        errors["missed nested" if cell in nested else "missed"] += 1
    return errors


def _nested(cells: Set[Cell]) -> Set[Cell]:
    nested = nested_cells({cell[:2] for cell in cells})
    return {cell for cell in cells if cell[:2] in nested}


def read_documents(text: str) -> numpy.ndarray:
    """Counts of each document from the text that `score_parts` makes of them.

    RETURNS (documents, 3): right, wrong, missed.
    """
    rows = [[int(n) for n in row.split("/")] for row in text.split()]
    return numpy.array(rows, dtype=float).reshape(-1, 3)


def bootstrap(
    ours: numpy.ndarray, theirs: numpy.ndarray, *, rounds: int = 10_000, seed: int = 0
) -> Tuple[float, float, float]:
    """How sure a difference of F1 is, if other documents had been drawn (paired bootstrap).

    ours, theirs (documents, 3): counts of the same documents; of several seeds their mean.
    rounds: samples of as many documents, drawn with replacement.
    RETURNS: the difference, and the borders of the middle 95 % of its samples.
    """
    n = len(ours)
    if len(theirs) != n:
        raise ValueError(f"both must count the same documents, were: {n} and {len(theirs)}")
    random = numpy.random.default_rng(seed)
    samples = random.multinomial(n, numpy.full(n, 1 / n), size=rounds)
    differences = _f1(samples @ ours) - _f1(samples @ theirs)
    low, high = numpy.quantile(differences, (0.025, 0.975))
    return float(_f1(ours.sum(0)) - _f1(theirs.sum(0))), float(low), float(high)


def _f1(counts: numpy.ndarray) -> numpy.ndarray:
    right, wrong, missed = numpy.moveaxis(counts, -1, 0)
    return 2 * right / numpy.maximum(1, 2 * right + wrong + missed)
