"""Expected token F1: the definition against sums written out, and the blocks against it."""

import math
from dataclasses import replace

import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import factors_and_gold

from spacy_globalpointer.nn import Cells, SpanFactors, expected_f1, expected_f1_dense

LIKELIHOODS = st.sampled_from([0.0, 0.2])
ENTROPIES = st.sampled_from([0.0, 0.3])
CASES = factors_and_gold().filter(lambda case: case[0].cells.ordered)


def leaves_of(factors):
    """Copies of the factors that want a gradient, with them in place."""
    names = ["query", "key", "start_bias", "end_bias"]
    names += ["pair_bias"] if factors.pair_bias is not None else []
    leaves = [getattr(factors, name).clone().requires_grad_() for name in names]
    factors = replace(factors, **dict(zip(names, leaves, strict=True)))
    if factors.corrections is not None:
        leaves.append(factors.corrections.scores.clone().requires_grad_())
        factors = replace(factors, corrections=factors.corrections._replace(scores=leaves[-1]))
    return factors, leaves


@given(CASES, LIKELIHOODS, ENTROPIES)
def test_definition_equals_the_sums_written_out(case, likelihood, entropy):
    factors, gold = case
    expected = oracles.expected_f1(factors, gold, likelihood, entropy)
    actual = expected_f1_dense(factors, gold, likelihood=likelihood, entropy=entropy)
    torch.testing.assert_close(actual, expected)


@given(CASES, LIKELIHOODS, ENTROPIES, st.sampled_from([None, 1, 2]))
def test_blocks_have_the_value_and_the_gradient_of_the_definition(case, likelihood, entropy, block):
    factors, gold = case
    factors, leaves = leaves_of(factors)
    results = []
    for loss in (
        expected_f1_dense(factors, gold, likelihood=likelihood, entropy=entropy),
        expected_f1(factors, gold, likelihood=likelihood, entropy=entropy, block=block),
    ):
        weights = torch.arange(1, loss.numel() + 1, dtype=loss.dtype).view_as(loss)
        gradients = torch.autograd.grad((loss * weights).sum(), leaves)
        results.append((loss, *gradients))
    for dense, blocked in zip(*results, strict=True):
        assert dense.isfinite().all()
        torch.testing.assert_close(blocked, dense)


@given(CASES)
def test_loss_is_a_share_that_f1_lacks(case):
    loss = expected_f1(*case, likelihood=0.0)
    assert ((loss >= -1e-12) & (loss <= 1 + 1e-12)).all()


@pytest.mark.parametrize("likelihood", [0.0, 0.2])
@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_gradient_is_that_of_small_steps(likelihood, entropy):
    torch.manual_seed(0)
    tensors = [torch.randn(2, 1, 4, 3), torch.randn(2, 1, 4, 3), torch.randn(2, 4, 2)]
    leaves = [x.double().requires_grad_() for x in (*tensors, torch.randn(2, 4, 2))]
    mask = torch.tensor([[True] * 4, [True, True, False, True]])
    gold = torch.tensor([[0, 0, 1, 2], [0, 0, 3, 3], [1, 1, 0, 3]])

    def loss(*leaves):
        factors = SpanFactors(*leaves, mask)
        return expected_f1(factors, gold, likelihood=likelihood, entropy=entropy, block=2)

    assert torch.autograd.gradcheck(loss, leaves)


def one_label(length, scores, cells=None, dtype=torch.float64):
    """Factors of a text whose spans have scores of {(start, last): score}, others zero."""
    zeros = torch.zeros(1, length, 1, dtype=dtype)
    pair_bias = torch.zeros(1, length, length, dtype=dtype)
    for (start, last), score in scores.items():
        pair_bias[0, start, last] = score
    empty = torch.zeros(1, 1, length, 1, dtype=dtype)
    mask = torch.ones(1, length, dtype=torch.bool)
    return SpanFactors(empty, empty, zeros, zeros, mask, cells or Cells(), pair_bias=pair_bias)


def loss_of(scores, gold, length=4, **settings):
    rows = torch.tensor([[0, 0, *span] for span in gold], dtype=torch.long).reshape(-1, 4)
    settings = {"likelihood": 0.0, **settings}
    return float(expected_f1(one_label(length, scores), rows, **settings))


def test_a_sure_answer_costs_what_its_f1_lacks():
    sure = {(1, 2): 30.0}
    assert loss_of(sure, [(1, 2)]) == pytest.approx(0)
    assert loss_of(sure, [(1, 3)]) == pytest.approx(1 - 4 / 5)
    assert loss_of(sure, [(3, 3)]) == pytest.approx(1)
    # Several gold spans are answers among which one may choose.
    assert loss_of(sure, [(3, 3), (1, 1)]) == pytest.approx(1 - 2 / 3)


def test_a_text_without_the_label_wants_no_span():
    assert loss_of({(1, 2): 30.0}, []) == pytest.approx(1)
    nothing = {(s, e): -30.0 for s in range(4) for e in range(s, 4)}
    assert loss_of(nothing, []) == pytest.approx(0)
    assert loss_of(nothing, [(1, 2)]) == pytest.approx(1)
    # A score of 0 says that the span is as likely as none.
    assert loss_of({**nothing, (1, 2): 0.0}, []) == pytest.approx(0.5)


def test_likelihood_is_that_of_any_gold_span_or_of_none():
    even = {(s, e): 0.0 for s in range(4) for e in range(s, 4)}  # ten spans
    for gold, p in ([], 1 / 11), ([(1, 2)], 1 / 11), ([(1, 2), (3, 3)], 2 / 11):
        plain = loss_of(even, gold, likelihood=0.0)
        assert loss_of(even, gold, likelihood=0.5) - plain == pytest.approx(-0.5 * math.log(p))


def test_entropy_is_that_of_all_spans_and_none():
    even = {(s, e): 0.0 for s in range(4) for e in range(s, 4)}  # ten spans
    plain, weighted = (loss_of(even, [(1, 2)], entropy=x) for x in (0.0, 0.5))
    assert plain - weighted == pytest.approx(0.5 * math.log(11))


def test_span_that_runs_on_into_the_next_document_shares_only_its_own_tokens():
    # Two documents of three tokens in one row.
    factors = replace(one_label(6, {(2, 3): 30.0}), document=torch.tensor([[0, 0, 0, 1, 1, 1]]))
    gold = torch.tensor([[0, 0, 2, 2], [0, 0, 3, 3]])
    loss = expected_f1(factors, gold, likelihood=0.0)
    assert float(loss[0, 0]) == pytest.approx(1 - 2 / 3)
    assert float(loss[1, 0]) == pytest.approx(1 - float(expected_of_even(3)))


def expected_of_even(length):
    """Expected F1 of the first token, of a text whose spans all have score 0."""
    f1 = sum(2 / (last + 2) for last in range(length))
    return f1 / (1 + length * (length + 1) / 2)


@pytest.mark.parametrize("likelihood", [0.0, 0.2])
def test_large_scores_stay_finite(likelihood):
    for dtype in (torch.float32, torch.float16):
        factors = one_label(4, {(1, 2): 2e4, (0, 0): -2e4}, dtype=dtype)
        factors, leaves = leaves_of(factors)
        loss = expected_f1(factors, torch.tensor([[0, 0, 0, 0]]), likelihood=likelihood)
        gradients = torch.autograd.grad(loss.sum(), leaves)
        assert loss.isfinite().all()
        assert all(x.isfinite().all() for x in gradients)


def test_memory_does_not_grow_with_the_square_of_the_text():
    """What autograd keeps of a text of 1,500 tokens: small tables, not its million cells."""
    length, kept = 1500, []
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, 1, length, 8, generator=generator) for _ in range(2))
    bias, mask = torch.zeros(1, length, 1), torch.ones(1, length, dtype=torch.bool)
    factors = SpanFactors(query.requires_grad_(), key, bias, bias, mask)

    def keep(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        loss = expected_f1(factors, torch.tensor([[0, 0, 700, 710]]))
    (gradient,) = torch.autograd.grad(loss.sum(), query)
    assert gradient.isfinite().all()
    assert sum(kept) < length**2 / 10


GOLD = torch.tensor([[0, 0, 1, 2]])


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (
            {},
            {"likelihood": -0.1},
            "likelihood must be a weight of at least 0 and finite, was: -",
        ),
        ({}, {"entropy": math.inf}, "entropy must be a weight of at least 0 and finite, was: inf"),
        ({}, {"entropy": "0.1"}, "entropy must be a weight of at least 0 and finite, was: '0.1'"),
        ({}, {"weights": torch.ones(1, 2)}, "expected F1 has no weights of gold spans"),
        ({"cells": Cells(ordered=False)}, {}, "was given pairs. To fix: use the loss"),
        ({"cells": Cells(max_length=1)}, {}, "gold rows .* must be cells of the table"),
    ],
)
def test_bad_input(change, settings, message):
    factors = replace(one_label(4, {}), **change)
    with pytest.raises(ValueError, match=message):
        expected_f1(factors, GOLD, **settings)
