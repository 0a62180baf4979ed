"""How sure a difference of F1 is, if other documents had been drawn: the paired bootstrap.

Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap".
"""

from typing import NamedTuple

import numpy

# Of the samples, so that the same documents always give the same answer.
SEED = 0
ROUNDS = 10_000
# Places of samples that are drawn at once.
BLOCK = 2**23


class Difference(NamedTuple):
    """A difference of F1, and the borders of the middle 95 % of its samples."""

    f: float
    low: float
    high: float


def bootstrap(
    ours: numpy.ndarray, theirs: numpy.ndarray, *, rounds: int = ROUNDS, seed: int = SEED
) -> Difference:
    """Compare two sets of predictions for the same documents.

    ours, theirs (documents, 3): right, wrong and missed spans; of several seeds their mean.
    rounds: samples of as many documents, drawn with replacement.
    RETURNS: F1 of ours less that of theirs.
    RAISES (ValueError): counts of other documents.
    """
    n = len(ours)
    if len(theirs) != n:
        raise ValueError(f"both must count the same documents, were: {n} and {len(theirs)}")
    random = numpy.random.default_rng(seed)
    differences = []
    for done in range(0, rounds, step := max(1, BLOCK // n)):
        size = min(step, rounds - done)
        samples = random.multinomial(n, numpy.full(n, 1 / n), size=size)
        differences.append(_f1(samples @ ours) - _f1(samples @ theirs))
    low, high = numpy.quantile(numpy.concatenate(differences), (0.025, 0.975))
    return Difference(float(_f1(ours.sum(0)) - _f1(theirs.sum(0))), float(low), float(high))


def _f1(counts: numpy.ndarray) -> numpy.ndarray:
    right, wrong, missed = numpy.moveaxis(counts, -1, 0)
    return 2 * right / numpy.maximum(1, 2 * right + wrong + missed)
