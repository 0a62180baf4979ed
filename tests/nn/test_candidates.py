import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import factors_bgcl

from spacy_globalpointer.nn import CandidateRule, Cells, SpanFactors, select_candidates
from spacy_globalpointer.nn.candidates import FREE_CANDIDATES

ONE_ROW = torch.ones(1, 3, dtype=torch.bool)


def _bounds(factors):
    """{(b, s, e): bound} by the formula: the best label of each group, for start and end apart."""
    plain = replace(factors, corrections=None)
    group = factors.group
    if group is None:
        group = torch.arange(factors.n_groups).repeat_interleave(
            factors.n_labels // factors.n_groups
        )
    start, end = (
        torch.stack([bias[..., group == g].amax(-1) for g in range(factors.n_groups)], -1)
        for bias in (factors.start_bias, factors.end_bias)
    )
    best = replace(plain, start_bias=start, end_bias=end, group=None)
    scores = best.scores().amax(1)  # (b, s, e)
    return {tuple(cell): float(scores[tuple(cell)]) for cell in plain.allowed().nonzero().tolist()}


@given(factors_bgcl(dtype=torch.float32), st.sampled_from([0.001, 0.3, 0.9]))
def test_candidates_are_the_cells_whose_bound_reaches_the_threshold(factors, threshold):
    cells, full = select_candidates(
        factors, CandidateRule(threshold, 100.0), [7] * len(factors.mask)
    )
    cut = math.log(threshold / (1 - threshold)) / 2
    wanted = [cell for cell, bound in _bounds(factors).items() if bound >= cut]
    assert cells.tolist() == sorted(map(list, wanted), key=lambda c: (c[0], c[1], -c[2]))
    assert not full.any()


@given(factors_bgcl(), st.floats(0.01, 0.9))
def test_no_cell_that_could_pass_is_missed(factors, threshold):
    cells, _ = select_candidates(factors, CandidateRule(threshold, 100.0), [7] * len(factors.mask))
    best = replace(factors, corrections=None).scores().amax(1)
    passing = (torch.sigmoid(2 * best) >= threshold + 1e-6).nonzero().tolist()
    assert set(map(tuple, passing)) <= set(map(tuple, cells.tolist()))


@pytest.mark.parametrize("per_token", [1e20, 1e308, float("inf")])
def test_a_cap_may_be_as_high_as_can_be(per_token):
    factors = SpanFactors(*torch.zeros(2, 1, 1, 3, 4), *torch.zeros(2, 1, 3, 2), ONE_ROW)
    cells, full = select_candidates(factors, CandidateRule(0.1, per_token), [3])
    assert len(cells) == 6
    assert not full.any()


@pytest.mark.parametrize("n_groups", [1, 3])
def test_only_the_labels_that_count_make_candidates(n_groups):
    """The first label has a candidate at the first token, the second one at the second, ..."""
    query, key = torch.zeros(2, 1, n_groups, 3, 4)
    bias = 20 * torch.eye(3)[None] - 10
    factors = SpanFactors(query, key, bias, bias, ONE_ROW, Cells(max_length=1))
    for labels in ([True, True, True], [True, False, True], [False] * 3):
        cells, _ = select_candidates(factors, CandidateRule(), [3], torch.tensor(labels))
        assert cells.tolist() == [[0, i, i] for i in range(3) if labels[i]]


@pytest.mark.parametrize(("per_token", "most"), [(0.01, 8), (1.0, 28), (10.0, 208)])
def test_a_document_with_too_many_candidates_keeps_the_best(per_token, most):
    """Documents of 20 tokens: in the first all 210 cells are candidates, in the second none is."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 1, 20, 4).unbind()
    start = torch.tensor([2.0, -99.0])[:, None, None].expand(2, 20, 3)
    mask = torch.ones(2, 20, dtype=torch.bool)
    factors = SpanFactors(query, key, start, torch.zeros(2, 20, 3), mask)
    rule = CandidateRule(1e-9, per_token)
    cells, full = select_candidates(factors, rule, [20, 20])
    assert full.tolist() == [True, False]
    assert len(cells) == most == FREE_CANDIDATES + int(20 * per_token)
    bounds = {cell: bound for cell, bound in _bounds(factors).items() if cell[0] == 0}
    lowest = min(bounds[tuple(cell)] for cell in cells.tolist())
    assert lowest == pytest.approx(sorted(bounds.values())[-most])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 0.0}, "probability between 0 and 1, was: 0.0"),
        ({"threshold": 1.5}, "probability between 0 and 1, was: 1.5"),
        ({"per_token": 0.0}, "must be above 0, was: 0.0. To fix: write rescorer = null"),
        ({"per_token": float("nan")}, "must be above 0, was: nan"),
        ({"threshold": "0.5"}, "probability between 0 and 1, was: '0.5'"),
        ({"per_token": "1"}, "must be above 0, was: '1'"),
    ],
)
def test_a_rule_out_of_range_is_an_error(settings, message):
    with pytest.raises(ValueError, match=message):
        CandidateRule(**settings)
