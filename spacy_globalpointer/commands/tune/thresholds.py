"""The best thresholds for spans that have been scored once: exact, and without the model.

Notation: a threshold is a probability, a cut the raw score that stands for it (the probability of
a score s is sigmoid(2 s)). Right spans are predicted and gold; F1 = 2 right / (predicted + gold).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy

# Decimals of a threshold: as many as every version of spaCy's config reads as it wrote them.
DECIMALS = 10


class Candidates(NamedTuple):
    """Scored spans of annotated documents, and the number of gold spans.

    document, label (n): int64, index; score (n): float32, raw; is_gold (n): bool.
    change (n): int64, 1 for a span that is found if the threshold is below its score; -1 for one
        that is then no longer found, as others take its place. Those are only without overlap.
    gold (d documents, c labels): int64, gold spans, with a candidate or without.
    lowest (probability): every span that reaches it is a candidate, and no other.
    """

    document: numpy.ndarray
    label: numpy.ndarray
    score: numpy.ndarray
    is_gold: numpy.ndarray
    change: numpy.ndarray
    gold: numpy.ndarray
    lowest: float

    def of(self, documents: numpy.ndarray) -> "Candidates":
        """Take a part of the documents.

        documents (d): bool.
        """
        part = self.take(documents[self.document])
        document = documents.cumsum()[part.document] - 1
        return part._replace(document=document, gold=self.gold[documents])

    def above(self, floor: float) -> "Candidates":
        """Take those above a score, with the least threshold that leaves all others out.

        floor: raw; one of the scores.
        """
        scores = numpy.unique(self.score[self.score >= numpy.float32(floor)])
        thresholds = part_scores(scores[:-1], scores[1:])
        lowest = float(numpy.append(thresholds[~numpy.isnan(thresholds)], 1.0)[0])
        return self.take(self.score >= to_cut(numpy.float64(lowest)))._replace(lowest=lowest)

    def take(self, kept: numpy.ndarray) -> "Candidates":
        """Take a part of the spans.

        kept: bool (n), or indices.
        """
        return self._replace(
            document=self.document[kept],
            label=self.label[kept],
            score=self.score[kept],
            is_gold=self.is_gold[kept],
            change=self.change[kept],
        )


class Thresholds(NamedTuple):
    """What the component needs: one threshold, and labels with one of their own.

    shared (probability): of all other labels.
    own (probability): by index of the label.
    """

    shared: float
    own: dict[int, float]

    def cuts(self, n_labels: int) -> numpy.ndarray:
        """Lowest raw score of a span for each label, as `pipeline.settings.label_cuts`.

        RETURNS (c): float32, as scores are.
        """
        thresholds = numpy.full(n_labels, self.shared)
        thresholds[list(self.own)] = list(self.own.values())
        return to_cut(thresholds)


class Counts(NamedTuple):
    """Spans by label.

    right, predicted, gold (c), or (d, c) of each document: int64.
    """

    right: numpy.ndarray
    predicted: numpy.ndarray
    gold: numpy.ndarray

    def add_up(self) -> "Counts":
        """Of the counts of each document, those of all together."""
        return Counts(*(column.sum(0) for column in self))

    def by_document(self) -> numpy.ndarray:
        """Right, wrong and missed spans of each document (d, 3), whatever the label."""
        right, predicted, gold = (column.sum(1) for column in self)
        return numpy.stack([right, predicted - right, gold - right], axis=1)

    def scores(self) -> dict[str, float]:
        """Micro p, r, f, and macro_f over the labels that are in gold or prediction."""
        right, predicted, gold = (int(column.sum()) for column in self)
        seen = self.predicted + self.gold > 0
        return {
            "p": right / max(1, predicted),
            "r": right / max(1, gold),
            "f": 2 * right / max(1, predicted + gold),
            "macro_f": float(self.f()[seen].mean()) if seen.any() else 0.0,
        }

    def f(self) -> numpy.ndarray:
        """F1 of each label (c), 0 where there is nothing."""
        return _f1(self.right, self.predicted, self.gold)


class Curve(NamedTuple):
    """Counts above every threshold that makes a difference, from none to all candidates.

    threshold (k): probability, falling from 1, which lets nothing pass.
    predicted, right (k): int64, rising.
    """

    threshold: numpy.ndarray
    predicted: numpy.ndarray
    right: numpy.ndarray


def count(candidates: Candidates, thresholds: Thresholds) -> Counts:
    """Count what the component finds with these thresholds, none of which is below `lowest`."""
    return count_each(candidates, thresholds).add_up()


def count_each(candidates: Candidates, thresholds: Thresholds) -> Counts:
    """Count as `count` does, in each document (d, c)."""
    found = candidates.score >= thresholds.cuts(candidates.gold.shape[1])[candidates.label]
    place = candidates.document[found], candidates.label[found]
    change, is_gold = candidates.change[found], candidates.is_gold[found]
    right, predicted = numpy.zeros((2, *candidates.gold.shape), dtype=numpy.int64)
    numpy.add.at(predicted, place, change)
    numpy.add.at(right, place, change * is_gold)
    return Counts(right, predicted, candidates.gold)


def make_curve(candidates: Candidates) -> Curve:
    """Count the spans above each threshold between neighbouring distinct scores.

    Scores that no threshold of DECIMALS decimals can part stay together. The last threshold is the
    lowest of the candidates, which all reach.
    """
    order = numpy.argsort(-candidates.score, kind="stable")
    score, change = candidates.score[order], candidates.change[order]
    predicted, right = change.cumsum(), (change * candidates.is_gold[order]).cumsum()
    last = (score[1:] < score[:-1]).nonzero()[0]  # where a distinct score ends
    threshold = part_scores(score[last + 1], score[last])
    last = last[~numpy.isnan(threshold)]
    ends = numpy.append(last, len(score) - 1) if len(score) else last
    return Curve(
        numpy.concatenate(
            [[1.0], threshold[~numpy.isnan(threshold)], [candidates.lowest] * bool(len(score))]
        ),
        numpy.concatenate([[0], predicted[ends]]),
        numpy.concatenate([[0], right[ends]]),
    )


def part_scores(below: numpy.ndarray, above: numpy.ndarray) -> numpy.ndarray:
    """Find thresholds that raw scores above them reach and raw scores below them do not.

    below, above (n): float32, raw; below < above.
    RETURNS (n): probability of the middle, but not 1; NaN where DECIMALS decimals do not part them.
    """
    middle = (below.astype(numpy.float64) + above) / 2
    with numpy.errstate(over="ignore"):
        threshold = (1 / (1 + numpy.exp(-2 * middle))).round(DECIMALS)
    threshold = threshold.clip(10**-DECIMALS, 1 - 10**-DECIMALS)  # 0 and 1 part nothing
    cut = to_cut(threshold)
    return numpy.where((below < cut) & (cut <= above), threshold, numpy.nan)


def to_cut(threshold: numpy.ndarray) -> numpy.ndarray:
    """Raw scores, float32 as the component has them, that stand for probabilities."""
    with numpy.errstate(divide="ignore"):
        return (0.5 * numpy.log(threshold / (1 - threshold))).astype(numpy.float32)


def _f1(right: numpy.ndarray, predicted: numpy.ndarray, gold: numpy.ndarray) -> numpy.ndarray:
    return 2 * right / numpy.maximum(1, predicted + gold)


def best_global(candidates: Candidates) -> Thresholds:
    """Find the one threshold with the greatest micro F1; of equals the highest."""
    curve = make_curve(candidates)
    row = _f1(curve.right, curve.predicted, candidates.gold.sum()).argmax()
    return Thresholds(float(curve.threshold[row]), {})


def best_per_label(candidates: Candidates, min_count: int = 1) -> Thresholds:
    """Find the thresholds of labels that together have the greatest micro F1.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    """
    shared = best_global(candidates)
    curves = _curves(candidates, min_count)
    counts = count(candidates, shared)
    others = numpy.ones(candidates.gold.shape[1], dtype=bool)
    others[list(curves)] = False
    rows = maximise_micro_f1(
        list(curves.values()),
        gold=int(candidates.gold.sum()),
        right=int(counts.right[others].sum()),
        predicted=int(counts.predicted[others].sum()),
    )
    return _own(shared, curves, rows)


def maximise_micro_f1(
    curves: Sequence[Curve], gold: int, right: int = 0, predicted: int = 0
) -> list[int]:
    """Choose a row of each curve such that F1 of the summed counts is greatest.

    F1 is a ratio of sums over labels, so by Dinkelbach's method: as long as
    max sum(2 right - ratio (predicted + gold)) is above 0, what reaches it has a greater ratio;
    for a given ratio each label has a best row whatever the others do. All in whole numbers.
    Source: Dinkelbach 1967, "On nonlinear fractional programming".

    gold (spans): of all labels.
    right, predicted (spans): of labels that are not to be chosen for.
    RETURNS: row of each curve; the optimum over all combinations (tests/training).
    """
    top, bottom = 2 * right, max(1, predicted + gold)
    while True:
        rows = [int((2 * bottom * c.right - top * c.predicted).argmax()) for c in curves]
        chosen = list(zip(curves, rows, strict=True))
        new_top = 2 * (right + sum(int(curve.right[row]) for curve, row in chosen))
        new_bottom = max(1, predicted + gold + sum(int(c.predicted[row]) for c, row in chosen))
        if new_top * bottom <= top * new_bottom:
            return rows
        top, bottom = new_top, new_bottom


def best_macro(candidates: Candidates, min_count: int = 1) -> Thresholds:
    """Find for each label the threshold with its greatest F1, which maximises macro F1.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    """
    curves = _curves(candidates, min_count)
    gold = candidates.gold.sum(0)
    rows = [int(_f1(c.right, c.predicted, gold[label]).argmax()) for label, c in curves.items()]
    return _own(best_global(candidates), curves, rows)


def best_recall(candidates: Candidates, precision: float) -> Thresholds:
    """Find the one threshold with the best recall among those of a wanted micro precision.

    precision (share): wanted; where no threshold has it, that of the best precision is returned.
    """
    curve = make_curve(candidates)
    reached = curve.right / numpy.maximum(1, curve.predicted)
    enough = (reached >= precision) & (curve.predicted > 0)
    row = numpy.where(enough, curve.right, -1).argmax() if enough.any() else reached.argmax()
    return Thresholds(float(curve.threshold[row]), {})


def _curves(candidates: Candidates, min_count: int) -> dict[int, Curve]:
    """Curves of the labels that have enough gold spans, and a candidate at all."""
    order = numpy.argsort(candidates.label, kind="stable")
    gold = candidates.gold.sum(0)
    borders = numpy.searchsorted(candidates.label[order], range(len(gold) + 1))
    places = {label: order[borders[label] : borders[label + 1]] for label in range(len(gold))}
    return {
        label: make_curve(candidates.take(own))
        for label, own in places.items()
        if gold[label] >= min_count and len(own)
    }


def _own(shared: Thresholds, curves: dict[int, Curve], rows: Sequence[int]) -> Thresholds:
    chosen = zip(curves.items(), rows, strict=True)
    own = {label: float(curve.threshold[row]) for (label, curve), row in chosen}
    return Thresholds(shared.shared, own)
