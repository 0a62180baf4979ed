import pytest
import torch
from hypothesis import given
from oracles import all_scores
from strategies import factors_bgcl

from spacy_globalpointer.nn import SpanFactors


def _factors(b=2, g=1, length=5, d=4, c=3, **changes):
    fields = {
        "query": torch.zeros(b, g, length, d),
        "key": torch.zeros(b, g, length, d),
        "start_bias": torch.zeros(b, length, c),
        "end_bias": torch.zeros(b, length, c),
        "mask": torch.ones(b, length, dtype=torch.bool),
    }
    return SpanFactors(**{**fields, **changes})


@given(factors_bgcl())
def test_scores_equal_the_formula(factors):
    scores, expected = factors.scores(), all_scores(factors)
    assert int(scores.isfinite().sum()) == len(expected)
    for cell, score in expected.items():
        assert float(scores[cell]) == pytest.approx(score, abs=1e-9)


@given(factors_bgcl())
def test_scores_of_single_spans_are_those_of_the_table(factors):
    scores = factors.scores()
    cells = torch.ones_like(scores, dtype=torch.bool).nonzero()
    torch.testing.assert_close(factors.scores_of(cells), scores.flatten())


@given(factors_bgcl())
def test_folding_keeps_the_scores(factors):
    folded = factors.fold()
    b, c = len(factors.mask), factors.n_labels
    torch.testing.assert_close(
        folded.scores().reshape(b, c, factors.n_starts, factors.length), factors.scores()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": torch.zeros(2, 1, 5, 3)}, "query and key must have the shapes"),
        ({"end_bias": torch.zeros(2, 5, 2)}, r"end_bias must have the shape \(2, 5, 3\)"),
        ({"mask": torch.ones(2, 5)}, "mask must be bool"),
        ({"pair_bias": torch.zeros(5, 5)}, r"pair_bias must have the shape \(2, 5, 5\)"),
        ({"g": 2}, "multiple of the 2 groups, was: 3"),
    ],
)
def test_wrong_shapes_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        _factors(**changes)
