import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from memory import Largest

from spacy_globalpointer.nn import KINDS, find_rivals, max_by_kind, rivals

BORDERS = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted).map(tuple)
SPANS = st.lists(BORDERS, max_size=12, unique=True).map(
    lambda spans: sorted(spans, key=lambda span: (span[0], -span[1]))
)


def _kind(span, rival):
    (start, last), (other_start, other_last) = span, rival
    if other_last < start or other_start > last:
        return None
    if other_start == start:
        return "same start"
    if other_last == last:
        return "same last"
    if other_start < start and other_last > last:
        return "contains"
    return "inside" if other_start > start and other_last < last else "crosses"


def _columns(spans):
    return torch.tensor(spans, dtype=torch.long).reshape(-1, 2).unbind(1)


@given(SPANS)
def test_rivals_share_a_token_and_are_named_by_how_they_lie(spans):
    pairs = find_rivals(*_columns(spans))
    found = sorted(zip(*(column.tolist() for column in pairs), strict=True))
    assert found == sorted(
        (i, j, KINDS.index(_kind(span, rival)))
        for i, span in enumerate(spans)
        for j, rival in enumerate(spans)
        if i != j and _kind(span, rival)
    )


@given(SPANS, st.booleans())
def test_maximum_by_kind_equals_the_definition(spans, in_chunks):
    pairs = find_rivals(*_columns(spans))
    values = torch.randn(len(spans), 3, dtype=torch.float64, requires_grad=True)
    with pytest.MonkeyPatch.context() as patch:
        if in_chunks:
            patch.setattr(rivals, "CHUNK_NUMBERS", 6)
        best = max_by_kind(values, pairs)
    assert best.shape == (len(spans), len(KINDS), 3)
    expected = torch.zeros_like(best)
    for i, span in enumerate(spans):
        for k, kind in enumerate(KINDS):
            those = [j for j, rival in enumerate(spans) if i != j and _kind(span, rival) == kind]
            if those:
                expected[i, k] = values[those].amax(0)
    torch.testing.assert_close(best, expected)
    if spans:
        weight = torch.arange(best.numel(), dtype=torch.float64).view_as(best)
        # Without any rival nothing depends on the values.
        total = values.sum() * 0
        gradients = (
            torch.autograd.grad((x * weight).sum() + total, values, retain_graph=True)
            for x in (best, expected)
        )
        torch.testing.assert_close(*gradients)


def test_only_the_next_ones_count_where_all_spans_cross():
    """1,000 spans of one long text, each with all others: the number of pairs stays linear."""
    start = torch.arange(1_000)
    pairs = find_rivals(start, start + 1_000, most=5)
    assert len(pairs.span) == 2 * (995 * 5 + 4 + 3 + 2 + 1)
    assert (pairs.span - pairs.rival).abs().max() == 5


def test_memory_is_bounded_with_many_rivals_and_channels():
    start = torch.arange(2_000)
    pairs = find_rivals(start, start + 2_000)
    values = torch.randn(2_000, 100)
    with Largest() as largest, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "CHUNK_NUMBERS", 100_000)
        max_by_kind(values, pairs)
    assert largest.numel <= 2_000 * len(KINDS) * 100  # that of the result
