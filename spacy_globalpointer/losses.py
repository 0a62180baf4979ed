"""The registered losses: functions from factors and gold spans to a differentiable loss."""

from collections.abc import Callable
from functools import partial

from spacy.util import registry

# Tensor comes from there because that import says what to do if torch is missing.
from .nn import Per, SpanFactors, Tensor, check_expected_f1, expected_f1, zlpr

SpanLoss = Callable[[SpanFactors, Tensor], Tensor]


@registry.losses("spacy_globalpointer.ZLPR.v1")
def build_zlpr(per: Per = "start") -> SpanLoss:
    """ZLPR, the loss of GlobalPointer: log(1 + sum_neg exp(s)) + log(1 + sum_pos exp(-s)).

    per: which spans each sum runs over. "document" is the published loss (Su et al. 2022,
        arXiv 2208.02955). "start" adds up the losses of all start tokens, with s twice the score.
        Then the gold spans of a document do not share one sum, which makes their scores too low if
        there are many.
    RETURNS: (factors, gold rows of document, label, start, last, weights=None) -> loss (b, c). The
        weights are those of `nn.zlpr_dense`: soft targets, or gold that counts several times.
    """
    return partial(zlpr, per=per)


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
