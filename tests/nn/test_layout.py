import pytest
import torch

from spacy_globalpointer.nn import RowLayout, rotate


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("rope", [True, False])
def test_a_row_holds_query_and_key_and_then_the_terms(shared, rope):
    d, c, generator = 6, 4, torch.Generator().manual_seed(0)
    layout = RowLayout(d, c, shared=shared, rope=rope)
    assert layout.width == (2 * d + 2 * c if shared else 2 * d * c)
    rows = torch.randn(1, 7, layout.width, dtype=torch.float64, generator=generator)
    factors = layout.factors(rows, torch.ones(1, 7, dtype=torch.bool))
    group, s, e = 0 if shared else 2 * d * 3, 2, 5
    query, key = rows[0, s, group : group + d], rows[0, e, group + d : group + 2 * d]
    if rope:
        query = rotate(query.expand(7, d))[s]
        key = rotate(key.expand(7, d))[e]
    expected = query @ key / d**0.5
    if shared:
        expected += rows[0, s, -c - 1] + rows[0, e, -1]
    torch.testing.assert_close(factors.scores()[0, 3, s, e], expected)


def test_with_rope_the_score_depends_on_the_distance_only():
    rows = torch.randn(1, 1, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rows, mask = rows.expand(1, 20, 14), torch.ones(1, 20, dtype=torch.bool)
    scores = RowLayout(head_size=6, n_labels=1).factors(rows, mask).scores()[0, 0]
    for distance in range(20):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0].std() > 1e-2


@pytest.mark.parametrize("shared", [True, False])
def test_rows_of_another_width_are_an_error(shared):
    """22 columns with head_size 10 and 3 labels would be the rows of one label."""
    layout = RowLayout(head_size=10, n_labels=3, shared=shared)
    wanted = 26 if shared else 60
    with pytest.raises(ValueError, match=rf"n_labels=3.* must have {wanted} columns, was: 22"):
        layout.factors(torch.zeros(1, 5, 22), torch.ones(1, 5, dtype=torch.bool))


def test_the_columns_that_grow_with_the_labels_are_the_last_of_a_row():
    shared, own = (RowLayout(head_size=6, n_labels=3, shared=shared) for shared in (True, False))
    assert shared.label_columns == (2, 3, 1)
    assert own.label_columns == (1, 3, 12)
    assert (shared.n_groups, own.n_groups) == (1, 3)
    assert RowLayout(head_size=6, n_labels=0).width == 12


@pytest.mark.parametrize(("head_size", "repair"), [(63, 64), (0, 2), (-1, 2)])
def test_a_head_size_that_cannot_be_is_an_error(head_size, repair):
    with pytest.raises(ValueError, match=f"was: {head_size}. To fix: head_size = {repair}"):
        RowLayout(head_size, n_labels=1)
    if head_size > 0:
        assert RowLayout(head_size, n_labels=1, rope=False).width == 128
