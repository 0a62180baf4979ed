"""Spans without overlap, as the threshold falls: which come, and which go for others."""

import numpy

from ...nn import LOWEST_CUT, best_chain
from ...pipeline.prediction import ScoredSpans

# A raw score, and the spans (index) that cuts below it find, and those that they find no longer.
Change = tuple[float, set[int], set[int]]


def flat_changes(spans: ScoredSpans, lowest: float) -> list[Change]:
    """Find all that changes in what `without_overlap` keeps as the cut of all labels falls.

    What is kept has the greatest sum of score - cut: of all sets of k disjoint spans the one with
    the greatest sum of scores, a line that falls with slope -k as the cut rises. So the sets follow
    each other where two of these lines cross, and all such places are found by looking at the
    crossing of two sets for one between them. Spans that nothing joins are looked at apart.
    Source: Eisner and Severance 1976, "Mathematical techniques for efficient record segmentation in
    large shared databases".

    spans: of one document, with raw scores.
    lowest: raw; cuts below are not looked at.
    RETURNS: from the highest score to the lowest.
    """
    reach = numpy.maximum.accumulate(spans.end)
    apart = (spans.start[1:] >= reach[:-1]).nonzero()[0] + 1
    groups = numpy.split(numpy.arange(len(reach)), apart)  # joined by spans that overlap
    changes = [change for group in groups for change in _changes_of(spans, group, lowest)]
    return sorted(changes, key=lambda change: -change[0])


def _changes_of(spans: ScoredSpans, joined: numpy.ndarray, lowest: float) -> list[Change]:
    order = joined[numpy.argsort(spans.end[joined], kind="stable")].tolist()
    start, last = spans.start[order].tolist(), (spans.end[order] - 1).tolist()
    score = dict(zip(order, spans.score[order].tolist(), strict=True))

    def best(cut: float) -> tuple[float, set[int]]:
        kept = best_chain(order, start, last, [score[i] - cut for i in order])
        return sum(score[i] for i in kept), set(kept)

    changes = []
    pairs = [((0.0, set[int]()), best(max(lowest, LOWEST_CUT)))]
    while pairs:
        few, many = pairs.pop()
        if len(few[1]) == len(many[1]):
            continue
        cut = (many[0] - few[0]) / (len(many[1]) - len(few[1]))
        between = best(cut)
        if len(few[1]) < len(between[1]) < len(many[1]):
            pairs += [(between, many), (few, between)]  # few first
        else:
            changes.append((cut, many[1] - few[1], few[1] - many[1]))
    return changes
