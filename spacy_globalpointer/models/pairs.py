"""What the architectures of relations share: their input, and how they are put together."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..nn import PairLayout
from ..spans import LabelledSpan
from .encoders import find_width
from .resize import resize_output
from .settings import check_dropout


class DocSpans(NamedTuple):
    """A document and those of its spans that relations can join.

    spans: distinct, by start, longest first, then label; none without a token.
    """

    doc: Doc
    spans: Sequence[LabelledSpan]


PairModel = Model[list[DocSpans], list[Floats2d]]


def build_pair_model(
    name: str,
    forward: Callable,
    init: Callable,
    refs: dict[str, Any],
    layout: PairLayout,
    dropout: float,
    nO: int | None,
) -> PairModel:
    """Put layers together.

    refs: the layers, by name.
    layout: of the rows, before any label.
    """
    check_dropout(dropout)
    model: PairModel = Model(
        name,
        # Not an attribute: on loading, Thinc would replace the config's value by that of training.
        partial(forward, dropout=dropout),
        init=init,
        layers=list(refs.values()),
        dims={"nO": None, "nI": None},
        attrs={
            "layout": layout,
            # With the weights, so that they stay together: labels of relations and of spans, and
            # which of them were seen together, as [head, relation, child].
            "labels": [],
            "span_labels": [],
            "type_pairs": [],
            "resize_output": resize_output,
        },
        refs={**refs, "output_layer": refs["types"]},
    )
    return model if nO is None else resize_output(model, nO)


def init_encoder(model: PairModel, batch: list[DocSpans] | None) -> int:
    """Initialize the encoder.

    batch: examples of the input, one of them with tokens; None for none.
    RETURNS: its width.
    """
    tok2vec, docs = model.get_ref("tok2vec"), [doc for doc, _ in batch] if batch else None
    tok2vec.initialize(X=docs)
    model.set_dim("nI", find_width(tok2vec, docs))
    return model.get_dim("nI")
