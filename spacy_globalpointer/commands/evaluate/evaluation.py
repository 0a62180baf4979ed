"""How good predicted spans are: by part, by kind of error, and whether their scores can be trusted.

Exact: a span is right if its borders and its label are. Boundary: its borders are enough, and each
pair of borders counts once.
"""

from collections import Counter, defaultdict
from collections.abc import Set
from itertools import zip_longest
from typing import Any

import numpy

from ...spans import LENGTH_NAMES, LENGTHS, Counts, Extent, LabelledSpan, count_parts, name_errors
from .judged import Judgement

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
    pairs = [(document.gold.keys(), document.found.keys()) for document in documents]
    parts = count_parts(pairs)
    borders = ([{span.extent for span in spans} for spans in pair] for pair in pairs)
    labels = {label: counts.scores() for label, counts in parts.label.items()}
    macro_f = sum(scores["f"] for scores in labels.values()) / max(1, len(labels))
    names = dict(zip((0, *LENGTHS), ("0", *LENGTH_NAMES), strict=True))
    errors = Counter(kind for gold, found in pairs for _, kind in name_errors(gold, found))
    confusion = sum((confuse(d.gold.keys(), d.found) for d in documents), Counter[Pair]())
    return {
        "spans": {
            "exact": {**Counts.total(parts.label.values()).scores(), "macro_f": macro_f},
            "boundary": Counts.total(Counts.compare(*pair) for pair in borders).scores(),
            "nested": parts.nested[True].scores(),
            "flat": parts.nested[False].scores(),
        },
        "labels": labels,
        "lengths": {names[length]: counts.scores() for length, counts in parts.length.items()},
        "errors": dict(sorted(errors.items())),
        "confusion": [
            {"gold": gold, "predicted": predicted, "spans": n}
            for (gold, predicted), n in confusion.most_common()
        ],
        "calibration": describe_calibration(judgement, "spans"),
    }


def confuse(gold: Set[LabelledSpan], found: dict[LabelledSpan, float]) -> Counter[Pair]:
    """Count which label was found for which, on the same borders.

    Each span is in one pair: first with its like; then gold labels in alphabetical order with found
    ones by falling probability; then with none. So the counts of a gold label add up to its gold
    spans, and those of a predicted label to what was found.

    found: spans with probabilities.
    """
    pairs: Counter[Pair] = Counter((span.label, span.label) for span in sorted(gold & found.keys()))
    missed: defaultdict[Extent, list[str]] = defaultdict(list)
    wrong: defaultdict[Extent, list[str]] = defaultdict(list)
    for span in sorted(gold - found.keys()):
        missed[span.extent].append(span.label)
    for span in sorted(found.keys() - gold, key=lambda span: (-found[span], span)):
        wrong[span.extent].append(span.label)
    for extent in missed.keys() | wrong.keys():
        pairs.update(zip_longest(missed[extent], wrong[extent]))
    return pairs


def describe_calibration(judgement: Judgement, what: str) -> dict[str, Any]:
    """Compare the scores of spans, relations or events with gold.

    what: "spans", "relations" or "events".
    RETURNS: "lowest" (see `Judgement`), what `calibrate` returns, and "ece_of_found", None if
        nothing was found.
    """
    documents = judgement.documents
    scored = [(p, x in d.gold, x in d.found) for d in documents for x, p in d.scored.items()]
    probability, is_gold, is_found = numpy.array(scored, dtype=float).reshape(-1, 3).T
    found_ones = is_found == 1
    return {
        "lowest": judgement.lowest,
        **calibrate(probability, is_gold, what),
        "ece_of_found": calibrate(probability[found_ones], is_gold[found_ones])["ece"],
    }


def calibrate(
    probability: numpy.ndarray, is_gold: numpy.ndarray, what: str = "spans"
) -> dict[str, Any]:
    """Compare probabilities (n spans) with the share of gold, in BINS of equal width.

    ECE, the expected calibration error, is the mean distance of the two over the bins, weighted by
    their spans. Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using
    Bayesian Binning".

    what: has the scores, and gives the numbers of them their name.
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
        what: len(probability),
        "bins": [
            {
                "low": i / BINS,
                "high": (i + 1) / BINS,
                what: n,
                "probability": total / n if n else None,
                "gold": gold / n if n else None,
            }
            for i, (n, total, gold) in enumerate(columns)
        ],
    }
