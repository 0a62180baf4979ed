"""Ways to choose thresholds, and what they do on documents that they were not chosen on."""

from collections.abc import Callable
from functools import partial

import numpy

from .thresholds import (
    Candidates,
    Counts,
    Thresholds,
    best_global,
    best_macro,
    best_per_label,
    best_recall,
    count_each,
)

# Of the folds, so that the same documents always give the same estimate.
SEED = 0
Choice = Callable[[Candidates], Thresholds]


def choices(
    min_count: int, precision: float | None = None, *, is_flat: bool = False
) -> dict[str, Choice]:
    """List the ways to choose thresholds by name.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    precision (share): wanted; None leaves "precision" out.
    is_flat: leave out thresholds of labels: without overlap these depend on each other.
    """
    ways: dict[str, Choice] = {"global": best_global}
    if not is_flat:
        ways["per-label"] = partial(best_per_label, min_count=min_count)
        ways["macro"] = partial(best_macro, min_count=min_count)
    if precision is not None:
        ways["precision"] = partial(best_recall, precision=precision)
    return ways


def cross_fit(candidates: Candidates, choose: Choice, folds: int) -> Counts | None:
    """Estimate what chosen thresholds do on documents that they were not chosen on.

    Documents are dealt into folds at random; thresholds are chosen on all other folds, the spans
    of this fold counted with them.

    folds: no more than there are documents.
    RETURNS: counts of each document; None for fewer than two.
    """
    n = len(candidates.gold)
    folds = min(folds, n)
    if folds < 2:
        return None
    fold = numpy.random.default_rng(SEED).permutation(n) % folds
    counts = Counts(*numpy.zeros((3, *candidates.gold.shape), dtype=numpy.int64))
    for i in range(folds):
        part = count_each(candidates.of(fold == i), choose(candidates.of(fold != i)))
        for column, own in zip(counts, part, strict=True):
            column[fold == i] = own
    return counts
