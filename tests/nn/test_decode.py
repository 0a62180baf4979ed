from itertools import pairwise

import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from memory import Largest
from strategies import factors_bgcl

from spacy_globalpointer.nn import (
    DecodedSpans,
    SpanFactors,
    decode,
    decode_best,
    decode_dense,
    without_overlap,
)
from spacy_globalpointer.nn.decode import CHUNK_SCORES

CUTS = st.sampled_from([-float("inf"), -3.0, 0.0, 0.5, 4.0, float("inf")])


def _cells(spans):
    columns = (spans.document, spans.label, spans.start, spans.last)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(factors_bgcl(), st.data(), st.sampled_from([1, 2, None]))
def test_decode_equals_the_definition(factors, data, block):
    cuts = torch.tensor(
        data.draw(st.lists(CUTS, min_size=factors.n_labels, max_size=factors.n_labels))
    )
    expected = decode_dense(factors, cuts)
    assert _cells(expected) == oracles.decode(factors, cuts.tolist())
    spans = decode(factors, cuts, block=block)
    assert _cells(spans) == _cells(expected)
    torch.testing.assert_close(spans.score, expected.score)


@given(
    factors_bgcl().filter(lambda factors: factors.cells.ordered),
    CUTS,
    st.sampled_from([1, 2, None]),
)
def test_best_span_of_each_document_and_label(factors, cut, block):
    cuts = torch.full((factors.n_labels,), cut)
    scores = oracles.all_scores(factors)
    best = {}
    for cell in scores:
        of = cell[:2]
        if scores[cell] >= cut and (of not in best or scores[cell] > scores[best[of]]):
            best[of] = cell
    spans = decode_best(factors, cuts, block=block)
    assert sorted(_cells(spans)) == sorted(best.values())
    assert _cells(spans) == sorted(_cells(spans), key=lambda x: (x[0], x[2], -x[3], x[1]))
    for cell, score in zip(_cells(spans), spans.score.tolist(), strict=True):
        assert score == pytest.approx(scores[cell])


@given(factors_bgcl(), st.data(), CUTS, st.sampled_from([1, 3, None]))
def test_max_spans_keeps_the_best_of_each_document(factors, data, cut, block):
    b = len(factors.mask)
    most = data.draw(st.lists(st.integers(0, 6), min_size=b, max_size=b))
    cuts = torch.full((factors.n_labels,), cut)
    spans = decode(factors, cuts, max_spans=most, block=block)
    assert _cells(spans) == oracles.decode(factors, cuts.tolist(), most)


@given(factors_bgcl(scale=1.0), st.integers(0, 6), st.sampled_from([1, 2, None]))
def test_of_equal_scores_the_first_is_kept_whatever_the_blocks(factors, most, block):
    factors = factors._map(torch.round, ("query", "key", "start_bias", "end_bias", "pair_bias"))
    cuts = torch.zeros(factors.n_labels)
    b = len(factors.mask)
    ranked = sorted(
        (
            (-score, document, start, -last, label)
            for (document, label, start, last), score in oracles.all_scores(factors).items()
            if score >= 0
        ),
    )
    kept = [[rank for rank in ranked if rank[1] == document][:most] for document in range(b)]
    expected = [(d, label, s, -last) for own in kept for _, d, s, last, label in own]
    spans = decode(factors, cuts, max_spans=[most] * b, block=block)
    assert sorted(_cells(spans)) == sorted(expected)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0, 5)), max_size=9))
def test_without_overlap_is_the_best_by_brute_force(rows):
    rows = sorted((min(s, e), max(s, e), gain) for s, e, gain in rows)
    start, last = (torch.tensor([row[i] for row in rows], dtype=torch.long) for i in (0, 1))
    score = torch.tensor([row[2] for row in rows], dtype=torch.float64) - 1
    zeros = torch.zeros(len(rows), dtype=torch.long)
    kept = without_overlap(DecodedSpans(zeros, zeros, start, last, score), torch.tensor([-1.0]))
    intervals = list(zip(kept.start.tolist(), kept.last.tolist(), strict=True))
    assert all(a[1] < b[0] for a, b in pairwise(intervals))
    expected = oracles.best_disjoint([row[:2] for row in rows], [row[2] for row in rows])
    assert float((kept.score + 1).sum()) == pytest.approx(expected)


def test_without_overlap_treats_documents_apart():
    spans = DecodedSpans(
        document=torch.tensor([0, 0, 1]),
        label=torch.tensor([0, 1, 0]),
        start=torch.tensor([0, 1, 0]),
        last=torch.tensor([2, 3, 3]),
        score=torch.tensor([1.0, 2.0, 0.5]),
    )
    kept = without_overlap(spans, torch.zeros(2))
    assert _cells(kept) == [(0, 1, 1, 3), (1, 0, 0, 3)]
    every = without_overlap(spans, torch.full((2,), -torch.inf))
    assert _cells(every) == [(0, 1, 1, 3), (1, 0, 0, 3)]


def test_a_span_at_the_cut_is_kept():
    zeros, bias = torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1)
    factors = SpanFactors(zeros, zeros, bias, bias, torch.ones(1, 1, dtype=torch.bool))
    spans = decode(factors, torch.zeros(1))
    assert _cells(without_overlap(spans, torch.zeros(1))) == [(0, 0, 0, 0)]


def test_every_cell_of_a_long_document_fits_in_max_spans():
    """12.5 million cells x labels, of which no more than the cap is held."""
    length, generator = 1000, torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 1, length, 8, generator=generator) for _ in "qk")
    a, b = (torch.randn(1, length, 25, generator=generator) for _ in "ab")
    factors = SpanFactors(q, k, a, b, torch.ones(1, length, dtype=torch.bool))
    with Largest() as largest:
        spans = decode(factors, torch.full((25,), -torch.inf), max_spans=[100])
    # A chunk of scores, and the places (cell, label) of those that pass.
    assert largest.numel <= 3 * CHUNK_SCORES
    best = factors.scores().flatten().topk(100).values
    torch.testing.assert_close(spans.score.sort(descending=True).values, best)
