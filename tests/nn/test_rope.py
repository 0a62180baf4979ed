import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import rotation_matrix

from spacy_globalpointer.nn import rotate


@given(st.integers(1, 9), st.sampled_from([2, 4, 8]), st.integers(0, 2**31))
def test_rotate_equals_rotation_matrices(length, size, seed):
    vectors = torch.randn(
        length, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    expected = torch.stack([rotation_matrix(i, size) @ v for i, v in enumerate(vectors)])
    torch.testing.assert_close(rotate(vectors), expected)


def test_inner_product_depends_on_distance_only():
    vectors = torch.randn(2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    query, key = (rotate(v.expand(50, 8)) for v in vectors)
    scores = query @ key.T
    for distance in (-7, 0, 1, 30):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert scores[0].std() > 0.1


def test_far_positions_keep_their_digits():
    vectors = torch.ones(100_000, 64)
    exact = rotate(vectors.double())[-1]
    torch.testing.assert_close(rotate(vectors)[-1].double(), exact, rtol=1e-5, atol=1e-5)


def test_odd_size_is_an_error():
    with pytest.raises(ValueError, match="must be even when rope is on, was: 63"):
        rotate(torch.zeros(2, 63))
