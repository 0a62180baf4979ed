"""The best thresholds for spans that have been scored once: exact, and without the model.

Notation: a threshold is a probability, a cut the raw score that stands for it (the probability of
a score s is sigmoid(2 s)).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ...spans import Counts

# Decimals of a threshold: as many as every version of spaCy's config reads as it wrote them.
DECIMALS = 10
# A candidate. document, label: index; score: raw. change: 1 for a span that is found if the
# threshold is below its score; -1 for one that is then no longer found, as others take its place,
# which happens only without overlap.
CANDIDATE = numpy.dtype(
    [("document", "i8"), ("label", "i8"), ("score", "f4"), ("is_gold", "?"), ("change", "i8")]
)


class Curve(NamedTuple):
    """What is found above each threshold (k) that makes a difference.

    threshold (k): probability, falling from 1, which lets nothing pass, to that of all candidates.
    """

    threshold: numpy.ndarray
    counts: Counts

    def best(self, value: numpy.ndarray) -> float:
        """The threshold with the greatest value (k); of equals the highest."""
        return float(self.threshold[value.argmax()])


class Candidates(NamedTuple):
    """Scored spans of annotated documents, and the number of gold spans.

    spans (n): CANDIDATE.
    labels (c): those of the component, then others of the gold spans.
    gold (d documents, c): int64, gold spans, with a candidate or without.
    lowest (probability): every span that reaches it is a candidate, and no other.
    """

    spans: numpy.ndarray
    labels: list[str]
    gold: numpy.ndarray
    lowest: float

    @property
    def parts(self) -> list[str]:
        """What the gold is counted by."""
        return self.labels

    @property
    def n(self) -> int:
        """How many spans there are to find."""
        return int((self.spans["change"] > 0).sum())

    def count_with(self, chosen: Sequence["Thresholds"], fold: numpy.ndarray) -> Counts:
        """Count what the component finds: (d, c).

        chosen: thresholds. fold (d): which of them are those of each document.
        """
        return count(self, numpy.stack([own.cuts(self.labels) for own in chosen])[fold])

    def of_documents(self, kept: numpy.ndarray) -> "Candidates":
        """Those of the documents where kept (d) is true."""
        spans = self.spans[kept[self.spans["document"]]]
        spans["document"] = (kept.cumsum() - 1)[spans["document"]]
        return self._replace(spans=spans, gold=self.gold[kept])

    def above(self, floor: float) -> "Candidates":
        """Those above a raw score, with the least threshold that leaves all others out."""
        score = self.spans["score"]
        edge = numpy.array([(0, 0, floor, False, 0)], CANDIDATE)  # a score, but no span
        rest = numpy.append(self.spans[score > edge["score"]], edge)
        lowest = float(self._replace(spans=rest).curve().threshold[-2])
        kept = self.spans[score >= to_cut(numpy.float64(lowest))]
        return self._replace(spans=kept, lowest=lowest)

    def curve(self) -> Curve:
        """Count above each threshold between neighbouring distinct scores, and above the lowest.

        Scores that no threshold of DECIMALS decimals can part stay together.
        """
        spans = self.spans[numpy.argsort(-self.spans["score"], kind="stable")]
        score, is_gold, change = (spans[name] for name in ("score", "is_gold", "change"))
        starts = (score[1:] < score[:-1]).nonzero()[0] + 1  # of equal scores
        threshold = part_scores(score[starts], score[starts - 1])
        parted = ~numpy.isnan(threshold)
        n = numpy.array([0, *starts[parted], len(spans)])
        right, wrong = (
            numpy.append(0, numpy.cumsum(change * kind))[n] for kind in (is_gold, ~is_gold)
        )
        threshold = numpy.array([1.0, *threshold[parted], self.lowest])
        return Curve(threshold, Counts(right, wrong, self.gold.sum() - right))

    def label_curves(self, min_count: int) -> dict[str, Curve]:
        """Curves of the labels that have so many gold spans, and a candidate at all."""
        parts = ((i, self.spans[self.spans["label"] == i]) for i in range(len(self.labels)))
        return {
            self.labels[i]: self._replace(spans=spans, gold=self.gold[:, i]).curve()
            for i, spans in parts
            if len(spans) and self.gold[:, i].sum() >= min_count
        }


class Thresholds(NamedTuple):
    """What the component needs, as probabilities: own ones of some labels, shared by all others."""

    shared: float
    own: dict[str, float]

    @property
    def least(self) -> float:
        """The lowest of all."""
        return min([self.shared, *self.own.values()])

    def cuts(self, labels: Sequence[str]) -> numpy.ndarray:
        """Lowest raw score (c) of a span for each label, as `pipeline.settings.label_cuts`."""
        return to_cut(numpy.array([self.own.get(label, self.shared) for label in labels]))


def count(candidates: Candidates, cuts: numpy.ndarray) -> Counts:
    """Count what the component finds: (d, c).

    cuts (c), or (d, c) for cuts of each document: raw, none below the lowest threshold.
    """
    spans, shape = candidates.spans, candidates.gold.shape
    cuts = numpy.broadcast_to(cuts, shape)
    found = spans[spans["score"] >= cuts[spans["document"], spans["label"]]]
    counts = numpy.zeros((2, *shape), dtype=numpy.int64)
    place = found["is_gold"].astype(int), found["document"], found["label"]
    numpy.add.at(counts, place, found["change"])
    wrong, right = counts
    return Counts(right, wrong, candidates.gold - right)


def part_scores(below: numpy.ndarray, above: numpy.ndarray) -> numpy.ndarray:
    """Find thresholds (n) that the raw scores above (n) reach, and those below (n) do not.

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


def best_global(candidates: Candidates) -> Thresholds:
    """Find the one threshold with the greatest micro F1."""
    curve = candidates.curve()
    return Thresholds(curve.best(curve.counts.f), {})


def best_recall(candidates: Candidates, precision: float) -> Thresholds:
    """Find the one threshold with the best recall among those of a micro precision above 0.

    Where none has that precision, it is the one of the best precision.
    """
    curve = candidates.curve()
    right, p = curve.counts.right, curve.counts.p
    enough = p >= precision
    return Thresholds(curve.best(numpy.where(enough, right, -1) if enough.any() else p), {})


def best_macro(candidates: Candidates, min_count: int = 1) -> Thresholds:
    """Find for each label the threshold with its greatest F1, which maximises macro F1.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    """
    curves = candidates.label_curves(min_count).items()
    own = {label: curve.best(curve.counts.f) for label, curve in curves}
    return best_global(candidates)._replace(own=own)


def best_per_label(candidates: Candidates, min_count: int = 1) -> Thresholds:
    """Find the thresholds of labels that together have the greatest micro F1.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    """
    shared, curves = best_global(candidates), candidates.label_curves(min_count)
    others = [label not in curves for label in candidates.labels]
    counts = count(candidates, shared.cuts(candidates.labels))
    fixed = Counts(*numpy.sum(counts, axis=1)[:, others].sum(1, keepdims=True))
    *rows, _ = maximise_micro_f1([*(curve.counts for curve in curves.values()), fixed])
    chosen = zip(curves.items(), rows, strict=True)
    return shared._replace(own={label: float(c.threshold[row]) for (label, c), row in chosen})


def maximise_micro_f1(options: Sequence[Counts]) -> list[int]:
    """Choose one of the options of each label such that F1 of the summed counts is greatest.

    F1 is a ratio of sums over labels, so by Dinkelbach's method: as long as
    max sum(2 right - ratio (2 right + wrong + missed)) is above 0, what reaches it has a greater
    ratio; for a given ratio each label has a best option whatever the others do. All in whole
    numbers.
    Source: Dinkelbach 1967, "On nonlinear fractional programming".

    options: of each label; int64 (k), k can differ.
    RETURNS: index of the option of each label, the first of equals; the optimum over all
        combinations (tests/commands/tune).
    """
    tables = [numpy.array(counts) for counts in options]  # (3, k)
    top, bottom = 0, 1
    while True:
        weights = numpy.array([2 * (bottom - top), -top, -top])
        rows = [int((weights @ table).argmax()) for table in tables]
        chosen = [table[:, row] for table, row in zip(tables, rows, strict=True)]
        right, wrong, missed = map(int, numpy.sum(chosen, axis=0))
        new_top, new_bottom = 2 * right, max(1, 2 * right + wrong + missed)
        if new_top * bottom <= top * new_bottom:
            return rows
        top, bottom = new_top, new_bottom
