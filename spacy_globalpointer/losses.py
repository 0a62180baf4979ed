"""The registered losses: functions from factors and gold spans to a loss that torch can derive."""

from typing import Callable

from spacy.util import registry

# Tensor from there, because it says what to do where torch is missing.
from .nn import SpanFactors, Tensor, zlpr

SpanLoss = Callable[[SpanFactors, Tensor], Tensor]


@registry.losses("spacy_globalpointer.ZLPR.v1")
def build_zlpr() -> SpanLoss:
    """ZLPR, the loss of GlobalPointer: log(1 + sum_neg exp(s)) + log(1 + sum_pos exp(-s)).

    RETURNS: (factors, gold rows of document, label, start, last) -> loss (b, c).
    """
    return zlpr
