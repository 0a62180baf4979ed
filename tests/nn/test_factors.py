import pytest
import torch
from hypothesis import given
from oracles import all_scores
from strategies import factors_bgcl

from spacy_globalpointer.nn import SpanFactors
from spacy_globalpointer.nn.label_groups import split_by_size


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
    """Each label is in one part, and a part with groups of one size folds into one group."""
    b, scores = len(factors.mask), factors.scores()
    seen = []
    for labels, part in split_by_size(factors):
        folded = part.fold()
        assert folded.n_groups == 1
        shape = b, len(labels), factors.n_starts, factors.length
        torch.testing.assert_close(folded.scores().reshape(shape), scores[:, labels])
        seen += labels.tolist()
    assert sorted(seen) == list(range(factors.n_labels))


def test_groups_of_several_sizes_are_not_folded_into_one():
    group = torch.tensor([0, 1, 0, 2, 3])
    factors = _factors(g=4, c=5, group=group)
    with pytest.raises(ValueError, match=r"split_by_size.* was: groups \[0, 1, 0, 2, 3\]"):
        factors.fold()
    assert [part.labels.tolist() for part in split_by_size(factors)] == [[1, 3, 4], [0, 2]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": torch.zeros(2, 1, 5, 3)}, "query and key must have the shapes"),
        ({"end_bias": torch.zeros(2, 5, 2)}, r"end_bias must have the shape \(2, 5, 3\)"),
        ({"mask": torch.ones(2, 5)}, "mask must be bool"),
        ({"pair_bias": torch.zeros(5, 5)}, r"pair_bias must have the shape \(2, 5, 5\)"),
        ({"g": 2}, "multiple of the 2 groups, was: 3"),
        ({"g": 2, "group": torch.tensor([0, 1])}, r"group must have the shape \(3,\)"),
        ({"g": 2, "group": torch.tensor([0, 0, 0])}, r"each of the 2 groups, was: \[0, 0, 0\]"),
        ({"g": 2, "group": torch.tensor([0, 1, 2])}, r"each of the 2 groups, was: \[0, 1, 2\]"),
    ],
)
def test_wrong_shapes_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        _factors(**changes)
