"""The registered architecture GPLinker, for relations: documents -> one row per token."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Maxout, Model
from thinc.types import Floats2d

from ..nn import PairLayout
from .encoders import encode
from .pairs import DocSpans, PairModel, build_pair_model, init_encoder
from .rare import init_rare
from .settings import check_sizes
from .torch_step import split_columns


@registry.architectures("spacy_globalpointer.GPLinker.v1")
def build_gplinker(
    tok2vec: Model[list[Doc], list[Floats2d]],
    head_size: int = 64,
    hidden_size: int | None = 128,
    dropout: float = 0.0,
    nO: int | None = None,
) -> PairModel:
    """GPLinker: one table of token pairs for the first tokens of two spans, one for their last.

    Both tables are those of Efficient GlobalPointer without RoPE, and hold all ordered pairs. The
    score of a pair of spans is the lower one of both, so that it reaches a threshold if both do.
    Source: Su 2022, "GPLinker" (https://kexue.fm/archives/8888).

    tok2vec: encoder, token vectors (l, D).
    head_size (channels): width d of query and key.
    hidden_size (channels): width of a maxout layer, normalized, between the token vectors and the
        extractor; None for none, as published.
    dropout (share): of the token vectors, in training, on top of `training.dropout`.
    nO: number of labels of relations; None until initialization.
    RETURNS: documents, whatever their spans -> rows of their tokens (l, 4d + 4C).
    RAISES (ValueError): a size below 1, dropout outside [0, 1).
    """
    refs: dict[str, Any] = {"tok2vec": tok2vec}
    if hidden_size is not None:
        check_sizes({"hidden_size (null for none)": hidden_size})
        refs["hidden"] = Maxout(nO=hidden_size, nP=3, normalize=True, dropout=0.0)
    refs["extractor"] = Linear(nO=4 * head_size)
    refs["types"] = Linear(nI=4 * head_size, init_b=init_rare)
    layout = PairLayout(head_size, 0, of_tokens=True)
    return build_pair_model("gplinker", _forward, _init, refs, layout, dropout, nO)


def _forward(
    model: PairModel, batch: list[DocSpans], is_train: bool, *, dropout: float
) -> tuple[list[Floats2d], Callable]:
    ops = model.ops
    tokens = encode(model, [doc for doc, _ in batch], is_train, dropout)
    X, hidden = tokens.vectors, model.maybe_get_ref("hidden")
    H, backprop_hidden = hidden(X, is_train) if hidden is not None else (X, lambda dH: dH)
    Q, backprop_Q = model.get_ref("extractor")(H, is_train)
    T, backprop_T = model.get_ref("types")(Q, is_train)

    def backprop(d_rows: list[Floats2d]) -> list[Doc]:
        dQ, dT = split_columns(ops, ops.flatten(d_rows) * tokens.has_vector, Q.shape[1])
        return tokens.backprop(backprop_hidden(backprop_Q(dQ + backprop_T(dT))))

    rows = ops.xp.hstack([Q, T]) * tokens.has_vector
    return ops.unflatten(rows, tokens.lengths), backprop


def _init(model: PairModel, X: list[DocSpans] | None = None, Y: object | None = None) -> None:
    width = init_encoder(model, X)
    hidden, extractor = model.maybe_get_ref("hidden"), model.get_ref("extractor")
    if hidden is not None:
        hidden.initialize(X=model.ops.alloc2f(1, width))
        width = hidden.get_dim("nO")
    extractor.set_dim("nI", width)
    extractor.initialize()
    model.get_ref("types").initialize()
