"""Scores far from zero, numbers too small to be normal, and factors in half precision."""

from dataclasses import replace

import pytest
import torch
from fuzzing import cases
from hypothesis import given
from hypothesis import strategies as st
from strategies import factors_and_gold, factors_bgcl

from spacy_globalpointer.nn import (
    Cells,
    SpanFactors,
    decode,
    decode_dense,
    exact,
    expected_f1,
    zlpr,
)
from spacy_globalpointer.nn.decode import decode_best, without_overlap
from spacy_globalpointer.nn.zlpr import zlpr_dense

# Of queries, keys and terms: subnormal in float32, tiny, usual, scores of several 10,000.
SCALES = st.sampled_from([0.0, 1e-40, 1e-30, 1e-4, 1.0, 30.0, 100.0])
DTYPES = st.sampled_from([torch.float16, torch.bfloat16, torch.float32])
NAMES = ("query", "key", "start_bias", "end_bias", "pair_bias")


def as_type(factors, dtype):
    """The factors in another precision."""
    given = {name: getattr(factors, name) for name in NAMES}
    changed = {name: x.to(dtype) for name, x in given.items() if x is not None}
    if factors.corrections is not None:
        scores = factors.corrections.scores.to(dtype)
        changed["corrections"] = factors.corrections._replace(scores=scores)
    return replace(factors, **changed)


def with_leaves(factors):
    """The factors as leaves of autograd, and these."""
    leaves = {n: getattr(factors, n).detach().clone().requires_grad_() for n in NAMES[:4]}
    return replace(factors, **leaves), list(leaves.values())


@cases(2000)
@given(st.data(), SCALES, DTYPES, st.sampled_from(["document", "start"]))
def test_the_loss_is_that_of_the_definition_at_any_scale(data, scale, dtype, per):
    """In half precision the factors are rounded, but what is computed of them is not."""
    factors, gold = data.draw(factors_and_gold(scale=scale))
    narrow = as_type(factors, dtype)
    own, leaves = with_leaves(narrow)
    wide, exact_leaves = with_leaves(as_type(narrow, torch.float64))
    value, expected = zlpr(own, gold, per=per), zlpr_dense(wide, gold, per=per)
    assert value.dtype == torch.float32
    assert (value >= 0).all()
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-3)
    gradients = torch.autograd.grad(value.sum(), leaves)
    exact = torch.autograd.grad(expected.sum(), exact_leaves)
    for found, wanted in zip(gradients, exact, strict=True):
        assert found.isfinite().all()
        most = max(1.0, float(wanted.abs().max()))
        torch.testing.assert_close(found.double() / most, wanted / most, rtol=0, atol=1e-2)


@cases(2000)
@given(st.data(), SCALES, DTYPES, st.sampled_from([-1e4, -1.0, 0.0, 1.0, 1e4]))
def test_spans_are_those_of_the_definition_at_any_scale(data, scale, dtype, cut):
    narrow = as_type(data.draw(factors_bgcl(scale=scale)), dtype)
    wide = as_type(narrow, torch.float64)
    cuts = torch.full((wide.n_labels,), cut, dtype=torch.float64)
    both = decode(narrow, cuts.float()), decode_dense(wide, cuts)
    assert both[0].score.isfinite().all()
    found, expected = (set(zip(*(x.tolist() for x in own[:4]), strict=True)) for own in both)
    for cell in found ^ expected:  # what float32 rounds to the other side of the cut
        score = float(wide.scores_of(torch.tensor([cell])))
        assert abs(score - cut) <= 1e-4 * max(1.0, scale**2)
    best = decode_best(narrow, cuts.float())
    assert best.score.isfinite().all()
    if narrow.cells.ordered:
        assert without_overlap(best, cuts.float()).score.isfinite().all()


@cases(1000)
@given(st.data(), SCALES, DTYPES)
def test_expected_f1_and_its_gradient_are_finite_at_any_scale(data, scale, dtype):
    spans = factors_and_gold(scale=scale).filter(lambda case: case[0].cells.ordered)
    factors, gold = data.draw(spans)
    own, leaves = with_leaves(as_type(factors, dtype))
    value = expected_f1(own, gold, likelihood=0.1, entropy=0.0)
    assert value.isfinite().all()
    for gradient in torch.autograd.grad(value.sum(), leaves):
        assert gradient.isfinite().all()


def make(length, labels, scale):
    """Factors of one text, as leaves, and these."""
    generator = torch.Generator().manual_seed(0)
    sizes = (1, 1, length, 4), (1, 1, length, 4), (1, length, labels), (1, length, labels)
    parts = [scale * torch.randn(*size, generator=generator) for size in sizes]
    mask = torch.ones(1, length, dtype=torch.bool)
    return with_leaves(SpanFactors(*parts, mask, Cells()))


@pytest.mark.parametrize("scale", [1e-40, 1.0, 100.0])
@pytest.mark.parametrize("everything", [False, True], ids=["no gold", "all gold"])
@pytest.mark.parametrize(("length", "labels"), [(1, 1), (9, 3), (2, 10_000)])
def test_one_token_10_000_labels_no_gold_and_everything_gold(length, labels, everything, scale):
    factors, leaves = make(length, labels, scale)
    every = torch.ones(1, labels, length, length).triu().nonzero()
    gold = every if everything else every[:0]
    for per in ("document", "start"):
        value = zlpr(factors, gold, per=per)
        expected = zlpr_dense(as_type(factors, torch.float64), gold, per=per)
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-4)
        for gradient in torch.autograd.grad(value.sum(), leaves):
            assert gradient.isfinite().all()
    assert len(decode(factors, torch.full((labels,), -torch.inf)).score) == len(every)


def test_many_labels_with_large_scores_are_summed_together():
    """One by one, as documents are, 10,000 labels of a short text took seconds."""
    factors, _ = make(2, 10_000, 100.0)
    sums = torch.stack((torch.zeros(10_000, dtype=torch.long), torch.arange(10_000)), 1)
    blocks = list(exact._blocks(factors, sums, torch.empty(0, 3, dtype=torch.long)))
    assert len(blocks) < 10
    assert sum(len(block.scores) for block in blocks) == 10_000
