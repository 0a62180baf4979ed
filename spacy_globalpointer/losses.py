"""The registered losses: functions from factors and gold spans to a differentiable loss."""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import cast

from spacy.util import registry

# Tensor comes from there because that import says what to do if torch is missing.
from .nn import (
    Per,
    Tensor,
    check_expected_f1,
    expected_f1,
    loss_of_negatives,
    zlpr,
    zlpr_of_smoothed,
)

# (factors, gold) -> loss (b, c); with a third argument, weights, it can learn soft targets.
SpanLoss = Callable[..., Tensor]
# Largest boundary_distance: each gold span shares with 2 k (k + 1) others, here 5,100.
FARTHEST = 50


@registry.losses("spacy_globalpointer.ZLPR.v1")
def build_zlpr(
    per: Per = "start",
    label_smoothing: float = 0.0,
    boundary_smoothing: float = 0.0,
    boundary_distance: int = 1,
) -> SpanLoss:
    """ZLPR, the loss of GlobalPointer: log(1 + sum_neg exp(s)) + log(1 + sum_pos exp(-s)).

    per: which spans each sum runs over. "document" is the published loss (Su et al. 2022,
        arXiv 2208.02955). "start" adds up the losses of all start tokens, with s twice the score.
        Then the gold spans of a document do not share one sum, which makes their scores too low if
        there are many.
    label_smoothing (share): the target of a gold span is 1 - label_smoothing, not 1.
    boundary_smoothing (share): so much of each gold span goes to spans whose borders are close to
        its own (Zhu and Li 2022, arXiv 2204.12031).
    boundary_distance (tokens): by which these borders differ in all, at most.
    RETURNS: (factors, gold rows of document, label, start, last, weights=None) -> loss (b, c). The
        weights are those of `nn.zlpr_dense`: soft targets, or gold that counts several times.
    RAISES (ValueError): a share outside [0, 0.5), a distance outside 1 to FARTHEST.
    """
    for name, share in (
        ("label_smoothing", label_smoothing),
        ("boundary_smoothing", boundary_smoothing),
    ):
        if not (isinstance(share, Real) and 0 <= cast(float, share) < 0.5):
            raise ValueError(
                f"{name} must be a share in [0, 0.5): from 0.5 on, a gold span would not reach the "
                f"threshold, was: {share!r}. To fix: 0.1 is usual, 0.0 for none"
            )
    if type(boundary_distance) is not int or not 1 <= boundary_distance <= FARTHEST:
        raise ValueError(
            f"boundary_distance must be at least 1 token and at most {FARTHEST}, was: "
            f"{boundary_distance!r}. To fix: 1 is usual; boundary_smoothing = 0.0 for no smoothing"
        )
    if not label_smoothing and not boundary_smoothing:
        return partial(zlpr, per=per)
    return partial(
        zlpr_of_smoothed,
        per=per,
        label_smoothing=label_smoothing,
        boundary_smoothing=boundary_smoothing,
        boundary_distance=boundary_distance,
    )


@registry.losses("spacy_globalpointer.ExpectedF1.v1")
def build_expected_f1(likelihood: float = 0.1, entropy: float = 0.0) -> SpanLoss:
    """Token F1, expected, for at most one span of each label in a text.

    The spans of a text, and "no span", share a softmax. Source: Su Jianlin,
    https://kexue.fm/archives/8373; `nn.expected_f1_dense` has the formula.

    likelihood: weight of the negative log-likelihood of the gold span; 0 as published, which needs
        a model that nearly knows the spans already.
    entropy: weight of the entropy of the softmax, which the loss then keeps up.
    RETURNS: (factors, gold rows of document, label, start, last) -> loss (b, c).
    RAISES (ValueError): invalid settings.
    """
    check_expected_f1(likelihood, entropy)
    return partial(expected_f1, likelihood=likelihood, entropy=entropy)


def is_by_label(loss: SpanLoss) -> bool:
    """Whether the loss of a label is known to depend on its own scores only, as ours do.

    Then labels can be dealt with some at a time.
    """
    while isinstance(loss, partial):
        loss = loss.keywords["loss"] if loss.func is loss_of_negatives else loss.func
    return loss in (zlpr, zlpr_of_smoothed, expected_f1)
