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


@pytest.mark.parametrize("n_groups", [1, 2, 4])
@pytest.mark.parametrize("rope", [True, False])
def test_from_rows_reads_the_layout(n_groups, rope):
    d, c, generator = 6, 4, torch.Generator().manual_seed(0)
    width = 2 * d * n_groups + (2 * c if n_groups < c else 0)
    rows = torch.randn(1, 7, width, dtype=torch.float64, generator=generator)
    mask = torch.ones(1, 7, dtype=torch.bool)
    factors = SpanFactors.from_rows(
        rows, mask, head_size=d, n_labels=c, n_groups=n_groups, rope=rope
    )
    group, s, e = 2 * d * (3 // (c // n_groups)), 2, 5
    query, key = rows[0, s, group : group + d], rows[0, e, group + d : group + 2 * d]
    if rope:
        from spacy_globalpointer.nn import rotate

        query = rotate(query.expand(7, d))[s]
        key = rotate(key.expand(7, d))[e]
    expected = query @ key / d**0.5
    if n_groups < c:
        expected += rows[0, s, -c - 1] + rows[0, e, -1]
    torch.testing.assert_close(factors.scores()[0, 3, s, e], expected)


def test_with_rope_the_score_depends_on_the_distance_only():
    rows = torch.randn(1, 1, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows, mask = rows.expand(1, 20, 14), torch.ones(1, 20, dtype=torch.bool)
    scores = SpanFactors.from_rows(rows, mask, head_size=6, n_labels=1).scores()[0, 0]
    for distance in range(20):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0].std() > 1e-2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": torch.zeros(2, 1, 5, 3)}, "query and key must have the shapes"),
        ({"end_bias": torch.zeros(2, 5, 2)}, r"end_bias must have the shape \(2, 5, 3\)"),
        ({"mask": torch.ones(2, 5)}, "mask must be bool"),
        ({"g": 2}, "multiple of the 2 groups, was: 3"),
        ({"max_length": 0}, "max_length must be at least 1 token, was: 0"),
    ],
)
def test_wrong_shapes_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        _factors(**changes)
