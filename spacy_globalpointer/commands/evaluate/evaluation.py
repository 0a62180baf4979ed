"""How good predicted spans are: by part, by kind of error, and whether their scores can be trusted.

Exact: a span is right if its borders and its label are. Boundary: its borders are enough, and each
pair of borders counts once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

import numpy

from ...spans import Counts, LabelledSpan, name_errors
from .judged import Judged, Judgement
from .span_counts import LENGTH_NAMES, LENGTHS, count_parts

# Of equal width, for probabilities.
BINS = 10
# Labels of gold and predicted span; None where there is no such span.
Pair = tuple[str | None, str | None]


def evaluate_spans(judgement: Judgement) -> dict[str, Any]:
    """Compare what was found with gold, in plain data.

    RETURNS: "spans" ("exact", "boundary", "nested", "flat"), "labels", "lengths" (tokens), "errors"
        by kind, "confusion", "calibration".
    """
    documents = judgement.documents
    pairs = [(document.gold, set(document.found)) for document in documents]
    parts = count_parts(pairs)
    exact = Counts.total(parts.label.values())
    f = [counts.scores()["f"] for counts in parts.label.values()]
    errors = Counter(kind for gold, found in pairs for _, kind in name_errors(gold, found))
    confusion = sum((confuse(d.gold, d.found) for d in documents), Counter[Pair]())
    return {
        "spans": {
            "exact": {**exact.scores(), "macro_f": sum(f) / max(1, len(f))},
            "boundary": count_boundaries(pairs).scores(),
            "nested": parts.nested[True].scores(),
            "flat": parts.nested[False].scores(),
        },
        "labels": {label: counts.scores() for label, counts in parts.label.items()},
        "lengths": {_length_name(n): counts.scores() for n, counts in parts.length.items()},
        "errors": dict(sorted(errors.items())),
        "confusion": [
            {"gold": gold, "predicted": predicted, "spans": n}
            for (gold, predicted), n in confusion.most_common()
        ],
        "calibration": {"lowest": judgement.lowest, **_calibrate_documents(documents)},
    }


def count_boundaries(pairs: Iterable[tuple[set[LabelledSpan], set[LabelledSpan]]]) -> Counts:
    """Count borders, whatever the labels; each pair of borders once.

    pairs: gold and found spans of each document.
    """
    counts = []
    for gold_cells, found_cells in pairs:
        gold, found = ({cell[:2] for cell in cells} for cells in (gold_cells, found_cells))
        counts.append(Counts.compare(gold, found))
    return Counts.total(counts)


def confuse(gold: Iterable[LabelledSpan], found: dict[LabelledSpan, float]) -> Counter[Pair]:
    """Count which label was found for which, on the same borders.

    Each span is in one pair: first with its like; then gold labels in alphabetical order with found
    ones by falling probability; then with none. So the counts of a gold label add up to its gold
    spans, and those of a predicted label to what was found.

    found: spans with probabilities.
    """
    pairs: Counter[Pair] = Counter()
    missed: dict[tuple[float, float], list[str]] = {}
    wrong: dict[tuple[float, float], list[str]] = {}
    for start, end, label in sorted(gold):
        if (start, end, label) in found:
            pairs[label, label] += 1
        else:
            missed.setdefault((start, end), []).append(label)
    gold = set(gold)
    for start, end, label in sorted(found, key=lambda cell: (-found[cell], cell)):
        if (start, end, label) not in gold:
            wrong.setdefault((start, end), []).append(label)
    for borders in missed.keys() | wrong.keys():
        pairs.update(zip_longest(missed.get(borders, []), wrong.get(borders, [])))
    return pairs


def calibrate(probability: numpy.ndarray, is_gold: numpy.ndarray) -> dict[str, Any]:
    """Compare probabilities with the share of gold, in BINS of equal width.

    ECE, the expected calibration error, is the mean distance of the two over the bins, weighted by
    their spans. Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning".

    probability (n), is_gold (n): of each span.
    RETURNS: "ece" (None without spans), "spans", and "bins" with "low", "high", "spans", and
        their mean "probability" and share of "gold" (None without spans).
    """
    place = numpy.minimum((probability * BINS).astype(int), BINS - 1)
    spans = numpy.bincount(place, minlength=BINS)
    sums = numpy.bincount(place, probability, minlength=BINS)
    golds = numpy.bincount(place, is_gold, minlength=BINS)
    columns = zip(spans.tolist(), sums.tolist(), golds.tolist(), strict=True)
    return {
        "ece": float(abs(sums - golds).sum() / len(probability)) if len(probability) else None,
        "spans": len(probability),
        "bins": [
            {
                **{"low": i / BINS, "high": (i + 1) / BINS, "spans": n},
                **{"probability": total / n if n else None, "gold": gold / n if n else None},
            }
            for i, (n, total, gold) in enumerate(columns)
        ],
    }


def _calibrate_documents(documents: Sequence[Judged]) -> dict[str, Any]:
    scored = [
        (probability, cell in document.gold, cell in document.found)
        for document in documents
        for cell, probability in document.scored.items()
    ]
    columns = numpy.array(scored, dtype=float).reshape(-1, 3)
    result = calibrate(columns[:, 0], columns[:, 1])
    found = columns[columns[:, 2] == 1]
    return {**result, "ece_of_found": calibrate(found[:, 0], found[:, 1])["ece"]}


def _length_name(length: int) -> str:
    return LENGTH_NAMES[LENGTHS.index(length)] if length else "0"
