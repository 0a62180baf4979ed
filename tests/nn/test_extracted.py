"""Extractors applied to some labels at a time, against all at once: the definition."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from memory import Largest

from spacy_globalpointer.nn import (
    CandidateRule,
    Corrections,
    ExtractedFactors,
    RowLayout,
    decode,
    decode_best,
    decode_dense,
    extracted,
    select_candidates,
)


def make(c, b=1, length=5, d=2, width=3, seed=0, max_length=None, scale=1.0):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale

    mask = torch.rand(b, length, generator=generator) < 0.8
    layout = RowLayout(d, c, shared=False)
    tensors = normal(b, length, width), normal(c, 2 * d, width), normal(c, 2 * d)
    return ExtractedFactors(*tensors, layout, mask, max_length)


@st.composite
def extracted_factors(draw):
    number = st.integers(1, 4)
    c, b, length = draw(st.integers(1, 5)), draw(number), draw(st.integers(1, 6))
    seed, longest = draw(st.integers(0, 2**31)), draw(st.sampled_from([None, 1, 3]))
    factors = make(c, b, length, 2 * draw(st.integers(1, 2)), draw(number), seed, longest, 1.5)
    cells = factors.allowed().nonzero()
    if not draw(st.booleans()) or not len(cells):
        return factors
    scores = torch.randn(len(cells), c, dtype=torch.float64)
    return replace(factors, corrections=Corrections(cells, scores))


@given(extracted_factors(), st.data(), st.sampled_from([0, 40]))
def test_blocks_of_labels_find_what_all_at_once_do(factors, data, numbers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extracted, "BLOCK_NUMBERS", numbers)
        _check_blocks(factors, data)


def _check_blocks(factors, data):
    whole, c = factors.at_once(), factors.n_labels
    blocks = [labels for labels, _ in factors.blocks()]
    assert [i for own in blocks for i in range(own.start, own.stop)] == list(range(c))
    torch.testing.assert_close(factors.scores(), whole.scores())
    row, start, last = factors.allowed().nonzero().unbind(1)
    found = factors.scores_of_all_labels(row, start, last)
    torch.testing.assert_close(found, whole.scores_of_all_labels(row, start, last))
    spans = torch.stack((row, torch.arange(len(row)) % c, start, last), 1)
    torch.testing.assert_close(factors.scores_of(spans), whole.scores_of(spans))
    cuts = torch.tensor(data.draw(st.lists(st.floats(-2, 2), min_size=c, max_size=c)))
    most = [data.draw(st.sampled_from([1, 3, 1000]))] * len(factors.mask)
    for found, wanted in (
        (decode(factors, cuts), decode_dense(whole, cuts)),
        (decode(factors, cuts, max_spans=most), decode(whole, cuts, max_spans=most)),
        (decode_best(factors, cuts), decode_best(whole, cuts)),
    ):
        for column, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(column, other)
    rule, lengths = CandidateRule(0.3, 0.5), [factors.length] * len(factors.mask)
    labels = data.draw(st.sampled_from([None, torch.arange(c) % 2 == 0]))
    found, full = select_candidates(factors, rule, lengths, labels)
    wanted, full_wanted = select_candidates(whole, rule, lengths, labels)
    assert found.tolist() == wanted.tolist()
    assert full.tolist() == full_wanted.tolist()


def test_memory_does_not_grow_with_labels():
    sizes = []
    for c in (60, 120):
        factors = make(c, length=300, d=64, width=16)
        with Largest() as largest:
            decode(factors, torch.full((c,), 1e9))
        sizes.append(largest.numel)
    assert sizes[0] == sizes[1] <= 2 * extracted.BLOCK_NUMBERS


@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_extractors_that_are_not_finite_are_an_error(number):
    factors = make(3)
    factors.weight[2, 0, 0] = number
    with pytest.raises(ValueError, match="queries and keys of a model must be finite"):
        decode(factors, torch.zeros(3))
