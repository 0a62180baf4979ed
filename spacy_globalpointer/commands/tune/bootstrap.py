"""How sure a difference of F1 is, if other documents had been drawn: the paired bootstrap.

Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap".
"""

from typing import NamedTuple

import numpy

from ...spans import Counts

# Of the samples, so that the same documents always give the same answer.
SEED = 0
# Samples, and those that are drawn at once: all together would take gigabytes.
ROUNDS, BLOCK = 10_000, 100


class Difference(NamedTuple):
    """A difference of F1, and the borders of the middle 95 % of its samples."""

    f: float
    low: float
    high: float


def bootstrap(ours: Counts, theirs: Counts) -> Difference:
    """F1 of ours less that of theirs; a sample is as many documents, drawn with replacement.

    ours, theirs (documents): arrays; of several seeds their mean.
    RAISES (ValueError): counts of other documents.
    """
    n = len(ours.right)
    if len(theirs.right) != n:
        raise ValueError(f"both must count the same documents, were: {n} and {len(theirs.right)}")

    def difference(times: numpy.ndarray) -> numpy.ndarray:
        """Where documents count so many times: (documents), or (samples, documents)."""
        f, other = (Counts(*(times @ column for column in counts)).f for counts in (ours, theirs))
        return f - other

    random, share = numpy.random.default_rng(SEED), numpy.full(n, 1 / n)
    blocks = (random.multinomial(n, share, size=BLOCK) for _ in range(ROUNDS // BLOCK))
    low, high = numpy.quantile([difference(block) for block in blocks], (0.025, 0.975))
    return Difference(float(difference(numpy.ones(n))), float(low), float(high))
