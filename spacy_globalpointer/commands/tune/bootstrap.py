"""How sure a difference of F1 is, if other documents had been drawn: the paired bootstrap.

Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap".
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy

from ...spans import Counts

# Of the samples, so that the same documents always give the same answer.
SEED = 0
# Samples, and those that are drawn at once: all together would take gigabytes.
ROUNDS, BLOCK = 10_000, 100


class SampledF1(NamedTuple):
    """F1 of one of several systems on some documents.

    f: on the documents as they are.
    samples (ROUNDS): on as many documents, drawn with replacement; the same for all systems.
    """

    f: float
    samples: numpy.ndarray


class Difference(NamedTuple):
    """A difference of F1, and the borders of the middle 95 % of its samples."""

    f: float
    low: float
    high: float


def sample_f1(counts: Mapping[str, Counts]) -> dict[str, SampledF1]:
    """F1 of each system on the same samples: to draw those takes most of the time.

    counts (documents): arrays of each system; of several seeds their mean.
    RAISES (ValueError): counts of other documents.
    """
    sizes = sorted({len(each.right) for each in counts.values()})
    if len(sizes) > 1:
        were = " and ".join(map(str, sizes))
        raise ValueError(f"all must count the same documents, were: {were}")
    if not counts:
        return {}

    def f1(times: numpy.ndarray) -> list[numpy.ndarray]:
        """Where documents count so many times: (documents), or (samples, documents)."""
        return [Counts(*(times @ column for column in each)).f for each in counts.values()]

    (n,) = sizes
    random = numpy.random.default_rng(SEED)
    blocks = (_draw(n, random) for _ in range(ROUNDS // BLOCK))
    samples = numpy.concatenate([f1(block.astype(float)) for block in blocks], axis=1)
    whole = map(float, f1(numpy.ones(n)))
    return {name: SampledF1(*own) for name, *own in zip(counts, whole, samples, strict=True)}


def _draw(n: int, random: numpy.random.Generator) -> numpy.ndarray:
    """How often each of n documents is drawn, in each of BLOCK samples of n (BLOCK, n)."""
    places = random.integers(n, size=(BLOCK, n)) + n * numpy.arange(BLOCK)[:, None]
    return numpy.bincount(places.ravel(), minlength=BLOCK * n).reshape(BLOCK, n)


def compare(ours: SampledF1, theirs: SampledF1) -> Difference:
    """F1 of ours less that of theirs, both of one call of `sample_f1`."""
    low, high = numpy.quantile(ours.samples - theirs.samples, (0.025, 0.975))
    return Difference(ours.f - theirs.f, float(low), float(high))
