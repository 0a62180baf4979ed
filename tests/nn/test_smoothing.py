from dataclasses import replace

import oracles
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import factors_and_gold

from spacy_globalpointer.losses import build_zlpr
from spacy_globalpointer.nn import (
    PAIRS,
    SpanFactors,
    smooth_borders,
    smooth_labels,
    zlpr,
    zlpr_dense,
    zlpr_of_smoothed,
)

SHARES = st.sampled_from([0.0, 0.1, 0.4])
PER = st.sampled_from(["document", "start"])


def _fixed_factors(length=6, labels=2):
    """Zero factors of one document: scores do not matter."""
    side = torch.zeros(1, 1, length, 2)
    bias = torch.zeros(1, length, labels)
    return SpanFactors(side, side, bias, bias, torch.ones(1, length, dtype=torch.bool))


@given(factors_and_gold(), SHARES, SHARES, st.sampled_from([1, 2, 3]), PER)
def test_loss_equals_that_of_the_defined_targets(case, label, boundary, distance, per):
    """Targets of every cell by the rule, and the loss by the formula over all of them."""
    factors, gold = case
    assume(factors.cells.ordered)
    targets = oracles.smoothed_targets(factors, gold, label, boundary, distance)
    rows = torch.tensor(list(targets), dtype=torch.long).reshape(-1, 4)
    weights = torch.tensor([(t, 1 - t) for t in targets.values()], dtype=torch.float64)
    expected = oracles.zlpr(factors, rows, per, weights.reshape(-1, 2))
    value = zlpr_of_smoothed(
        factors,
        gold,
        per=per,
        label_smoothing=label,
        boundary_smoothing=boundary,
        boundary_distance=distance,
    )
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)


@given(factors_and_gold(), st.integers(0, 2**31))
def test_gradient_equals_that_of_the_definition(case, seed):
    factors, gold = case
    assume(factors.cells.ordered and len(gold))
    target = torch.rand(len(gold), 1, generator=torch.Generator().manual_seed(seed)).double()
    rows, weights = smooth_borders(factors, gold, torch.cat((target, 1 - target), 1), 0.3, 2)
    weights = smooth_labels(weights, 0.1)
    grown = [loss(factors, rows, weights, per="start") for loss in (zlpr, zlpr_dense)]
    torch.testing.assert_close(*grown, rtol=1e-9, atol=1e-9)


def test_a_gold_span_shares_with_its_neighbours():
    """Distance 1 has 4 cells with half of the share, distance 2 has 8 with the other half."""
    gold = torch.tensor([[0, 1, 2, 4]])
    plain = torch.tensor([[1.0, 0.0]])
    rows, weights = smooth_borders(_fixed_factors(8), gold, plain, 0.16, 2)
    found = {tuple(row[2:]): t for row, (t, _) in zip(rows.tolist(), weights.tolist(), strict=True)}
    near = {(1, 4), (3, 4), (2, 3), (2, 5)}
    far = {(0, 4), (4, 4), (2, 2), (2, 6), (1, 3), (1, 5), (3, 3), (3, 5)}
    assert found.keys() == {(2, 4), *near, *far}
    assert [found[cell] for cell in near] == pytest.approx([0.02] * 4)
    assert [found[cell] for cell in far] == pytest.approx([0.01] * 8)
    assert found[2, 4] == pytest.approx(0.84)
    torch.testing.assert_close(weights.sum(1), torch.ones(13, dtype=torch.float64))
    assert set(rows[:, 1].tolist()) == {1}


def test_what_no_cell_takes_stays_with_the_gold_span():
    """The only token of a text, one of two neighbours that are both gold, one beside a border."""
    plain = torch.tensor([[1.0, 0.0]])
    alone = torch.tensor([[0, 0, 0, 0]])
    rows, weights = smooth_borders(_fixed_factors(1), alone, plain, 0.4, 1)
    assert rows.tolist() == alone.tolist()
    assert weights.tolist() == plain.tolist()
    both = torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1]])
    _, weights = smooth_borders(_fixed_factors(2), both, plain.repeat(2, 1), 0.4, 1)
    # (0, 0) gives to (0, 1); (0, 1) gives to (0, 0) and (1, 1).
    assert weights[:, 0].tolist() == pytest.approx([1.0, 0.9, 0.1])
    two = SpanFactors(
        *[torch.zeros(1, 1, 4, 2)] * 2,
        *[torch.zeros(1, 4, 1)] * 2,
        torch.ones(1, 4, dtype=torch.bool),
        document=torch.tensor([[0, 0, 1, 1]]),
    )
    rows, _ = smooth_borders(two, torch.tensor([[0, 0, 1, 1]]), plain, 0.4, 1)
    assert rows[:, 2:].tolist() == [[0, 1], [1, 1]]


def test_weights_of_gold_that_counts_several_times_are_shared_as_well():
    weights = smooth_labels(torch.tensor([[5.0, 0.0], [0.6, 0.4]]), 0.1)
    torch.testing.assert_close(weights, torch.tensor([[4.5, 0.5], [0.54, 0.46]]))


@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("per", ["document", "start"])
def test_loss_is_least_where_a_span_has_its_smoothed_probability(share, per):
    bias = torch.zeros(1, 1, 1, dtype=torch.float64)
    score = (torch.tensor((1 - share) / share).log() / 2).requires_grad_()
    side, mask = torch.zeros(1, 1, 1, 2).double(), torch.ones(1, 1, dtype=torch.bool)
    factors = SpanFactors(side, side, score.double().reshape(1, 1, 1), bias, mask)
    loss = build_zlpr(per, label_smoothing=share)(factors, torch.tensor([[0, 0, 0, 0]])).sum()
    assert torch.autograd.grad(loss, score)[0].item() == pytest.approx(0, abs=1e-6)


def test_pairs_have_no_borders():
    side, bias = torch.zeros(1, 1, 3, 2), torch.zeros(1, 3, 1)
    factors = SpanFactors(side, side, bias, bias, torch.ones(1, 3, dtype=torch.bool), PAIRS)
    loss = build_zlpr(boundary_smoothing=0.1)
    with pytest.raises(ValueError, match=r"is for spans.*was: pairs.*boundary_smoothing = 0.0"):
        loss(factors, torch.tensor([[0, 0, 2, 1]]))
    assert build_zlpr(label_smoothing=0.1)(factors, torch.tensor([[0, 0, 2, 1]])).shape == (1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_smoothing": -0.1}, r"label_smoothing must be a share in \[0, 0.5\).*was: -0.1"),
        ({"label_smoothing": 0.5}, r"label_smoothing must be.*was: 0.5.*To fix"),
        ({"label_smoothing": float("nan")}, r"label_smoothing must be.*was: nan"),
        ({"boundary_smoothing": 1}, r"boundary_smoothing must be a share.*was: 1\b"),
        ({"boundary_smoothing": "0.1"}, r"boundary_smoothing must be a share.*was: '0.1'"),
        ({"boundary_distance": 0}, r"boundary_distance must be at least 1 .*was: 0.*To fix"),
        ({"boundary_distance": 1.5}, r"boundary_distance must be at least 1 token.*was: 1.5"),
        ({"boundary_distance": 10**6}, r"boundary_distance must be .*at most 50, was: 1000000"),
    ],
)
def test_smoothing_out_of_range_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        build_zlpr(**settings)


def test_without_smoothing_the_loss_is_the_plain_one():
    assert build_zlpr(label_smoothing=0.0, boundary_smoothing=0.0).func is zlpr


@given(factors_and_gold(scale=1.0), PER)
def test_loss_is_least_where_all_spans_have_their_targets(case, per):
    """In both forms, however many spans share a sum."""
    factors, _ = case
    cells = torch.tensor(list(oracles.all_scores(factors)), dtype=torch.long).reshape(-1, 4)
    leaf = factors.start_bias.clone().requires_grad_()
    factors = replace(factors, start_bias=leaf)
    target = (2 * factors.scores_of(cells)).sigmoid().detach()
    loss = zlpr(factors, cells, torch.stack((target, 1 - target), 1), per=per).sum()
    (gradient,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-9)
