"""What comes and goes as the threshold falls, beside every set of disjoint spans."""

from itertools import pairwise

import numpy
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_globalpointer.commands.tune.flat import flat_changes
from spacy_globalpointer.pipeline.prediction import ScoredSpans

ROWS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 5), st.integers(0, 2), st.integers(-8, 12)),
    max_size=7,
)


def make_spans(rows):
    """Spans of start, end, label, score, in the order of the component."""
    rows = sorted(rows, key=lambda row: (row[0], -row[1], row[2]))
    start, end, label, score = zip(*rows, strict=True) if rows else [()] * 4
    columns = (numpy.array(column, dtype=numpy.int64) for column in (label, start, end))
    return ScoredSpans(*columns, numpy.array(score, dtype=numpy.float32))


def kept_above(changes, cut):
    kept = set()
    for score, come, gone in changes:
        if score > cut:
            assert kept >= gone
            assert not kept & come
            kept = (kept - gone) | come
    return kept


@given(ROWS, st.integers(-8, 2))
def test_what_is_kept_is_best_at_every_cut(rows, lowest):
    spans = make_spans([(s, s + n, label, score / 2) for s, n, label, score in rows])
    changes = flat_changes(spans, lowest / 2)
    scores = [score for score, _, _ in changes]
    assert scores == sorted(scores, reverse=True)
    intervals = list(zip(spans.start.tolist(), (spans.end - 1).tolist(), strict=True))
    # Between and on the places where two sets can cross, which are halves, thirds and so on.
    for cut in numpy.arange(lowest / 2, 7, 0.123).tolist():
        kept = kept_above(changes, cut)
        chosen = sorted(intervals[i] for i in kept)
        assert all(a[1] < b[0] for a, b in pairwise(chosen))
        gains = (spans.score.astype(float) - cut).tolist()
        best = oracles.best_disjoint(intervals, gains)
        assert sum(gains[i] for i in kept) == pytest.approx(best, abs=1e-9)


def test_two_short_spans_take_the_place_of_a_long_one():
    spans = make_spans([(0, 4, 0, 3.0), (0, 2, 0, 2.0), (2, 4, 0, 1.5)])
    changes = flat_changes(spans, -1.0)
    # 2.0 + 1.5 - 2 cut is more than 3.0 - cut for cuts below 0.5, where no span has its score.
    assert changes == [(3.0, {0}, set()), (0.5, {1, 2}, {0})]
    assert flat_changes(spans, 1.0) == changes[:1]
    assert flat_changes(make_spans([]), 0.0) == []
