"""What one gradient takes away from another."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from spacy_globalpointer.nn import opposing_part

PERS = ("batch", "token")


@st.composite
def two_gradients(draw):
    length, d = draw(st.integers(0, 4)), draw(st.integers(1, 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    pair = torch.randn(2, length, d, generator=generator, dtype=torch.float64)
    pair *= torch.tensor(draw(st.sampled_from([(1.0, 1.0), (1e-200, 1e3), (1e3, 1e-200)])))[
        :, None, None
    ]
    pair[torch.rand(2, length, generator=generator) < 0.2] = 0.0  # whole tokens
    return pair.unbind()


def products(g, h, per):
    """Cosines of what is compared, 0 where one of them is zero."""
    if per == "batch":
        g, h = g.reshape(1, -1), h.reshape(1, -1)
    return torch.nn.functional.cosine_similarity(
        g / g.abs().amax(1, keepdim=True).clamp(min=1e-300),
        h / h.abs().amax(1, keepdim=True).clamp(min=1e-300),
        dim=1,
    )


@given(two_gradients(), st.sampled_from(PERS))
def test_what_is_left_never_opposes(pair, per):
    g, h = pair
    assume(len(g))
    left = g - opposing_part(g, h, per=per)
    before, after = products(g, h, per), products(left, h, per)
    # What is left may be nothing but rounding, which has a direction too.
    small = left.norm(dim=1) <= 1e-12 * g.norm(dim=1)
    is_nothing = small.all().view(1) if per == "batch" else small
    assert ((after >= -1e-9) | is_nothing).all()
    # Without conflict, or with nothing to compare with, nothing is taken.
    kept = before >= 0
    if per == "batch":
        kept = kept.expand(len(g))
    assert torch.equal(left[kept], g[kept])


@given(two_gradients(), st.sampled_from(PERS))
def test_nothing_nearer_is_free_of_conflict(pair, per):
    """What is taken lies along the other gradient, and what is left at a right angle to it."""
    g, h = pair
    taken = opposing_part(g, h, per=per)
    left = g - taken
    torch.testing.assert_close(
        taken.square().sum() + left.square().sum(), g.square().sum(), rtol=1e-9, atol=0.0
    )


def test_opposite_gradients_leave_nothing():
    g = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    for per in PERS:
        torch.testing.assert_close(opposing_part(g, -3 * g, per=per), g)
        assert not opposing_part(g, 3 * g, per=per).any()


def test_tokens_are_compared_together_or_each_alone():
    g = torch.tensor([[4.0, 0.0], [-1.0, 1.0]])
    h = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert not opposing_part(g, h, per="batch").any()
    assert opposing_part(g, h, per="token").tolist() == [[0.0, 0.0], [-1.0, 0.0]]


@pytest.mark.parametrize(
    ("other", "per", "message"),
    [
        (torch.ones(2, 3), "document", r"per must be one of \('batch', 'token'\), was: 'document'"),
        (torch.ones(2, 4), "batch", r"must have one shape \(l, d\), were: \(2, 3\) and \(2, 4\)"),
    ],
)
def test_bad_input(other, per, message):
    with pytest.raises(ValueError, match=message):
        opposing_part(torch.ones(2, 3), other, per=per)
