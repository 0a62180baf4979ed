"""The registered architectures: documents -> encoder -> one row of factors per token.

Thinc owns every parameter, in plain Linear layers, so averages, copies, new labels and
serialization work as for any spaCy model. What the rows mean is defined by `nn.RowLayout`, which is
in model.attrs["layout"].
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Maxout, Model
from thinc.types import Floats2d, Ints1d

from ..nn import RowLayout
from .encoders import find_width
from .resize import resize_output
from .settings import check_dropout, check_sizes
from .type_terms import build_type_terms

# Bound on spans and longest training text, in tokens, before any training.
NOTHING_SEEN = {"max_length": None, "longest_text": None}


@registry.architectures("spacy_globalpointer.EfficientGlobalPointer.v1")
def build_efficient_global_pointer(
    tok2vec: Model[list[Doc], list[Floats2d]],
    head_size: int = 64,
    rope: bool = True,
    dropout: float = 0.0,
    hidden_size: int | None = 128,
    rescorer: Model | None = None,
    type_rank: int | None = None,
    type_encoder: Model | None = None,
    nO: int | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """Efficient GlobalPointer: one extractor of spans for all labels, a linear type term for each.

    2dD + 4dC weights and 2d + 2C biases (encoder width D, head_size d, C labels); with type_rank r,
    2dD + 4dr + rC weights and 2d + 2r + C biases.
    Source: Su 2022, "Efficient GlobalPointer", and arXiv 2208.03054.

    tok2vec: encoder, token vectors (l, D).
    head_size (channels): width d of query and key; even with rope.
    rope: rotate query and key by their position, so that the score knows the distance.
    dropout (share): of the token vectors, in training, on top of `training.dropout`.
    hidden_size (channels): width of a maxout layer, normalized, between the token vectors and the
        extractor; None for none, as published. An encoder trained from scratch learns faster with
        it; a pretrained one does not need it.
    rescorer: of the spans in question, as from `build_span_rescorer`; None for none.
    type_rank (channels): the type term of label c is U e_c, with the same U for all labels and an
        e_c of this width; at most 4d. None for weights of its own for each label.
    type_encoder: of names and descriptions of labels, from which their e_c are then read, as from
        `build_transformer_text`; frozen. None for an e_c of its own for each label.
    nO: number of labels; None until initialization.
    RETURNS: documents -> rows (l, 2d + 2C).
    RAISES (ValueError): an odd head_size with rope, dropout outside [0, 1), a type_rank out of
        range, a type_encoder without a type_rank.
    """
    extractor: Model[Floats2d, Floats2d] = Linear(nO=2 * head_size)
    layout = RowLayout(head_size, 0, shared=True, rope=rope)
    types = build_type_terms(head_size, type_rank, type_encoder)
    layers = {"extractor": extractor, **types}
    return _build(tok2vec, layers, layout, dropout, hidden_size, rescorer, nO)


@registry.architectures("spacy_globalpointer.GlobalPointer.v1")
def build_global_pointer(
    tok2vec: Model[list[Doc], list[Floats2d]],
    head_size: int = 64,
    rope: bool = True,
    dropout: float = 0.0,
    hidden_size: int | None = 128,
    rescorer: Model | None = None,
    nO: int | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """GlobalPointer: one extractor of spans per label.

    2dDC weights and 2dC biases (encoder width D, head_size d, C labels).
    Source: Su 2021, "GlobalPointer", and arXiv 2208.03054.

    tok2vec: encoder, token vectors (l, D).
    head_size (channels): width d of query and key; even with rope.
    rope: rotate query and key by their position, so that the score knows the distance.
    dropout (share): of the token vectors, in training, on top of `training.dropout`.
    hidden_size (channels): width of a maxout layer, normalized, between the token vectors and the
        extractor; None for none, as published. An encoder trained from scratch learns faster with
        it; a pretrained one does not need it.
    rescorer: of the spans in question, as from `build_span_rescorer`; None for none.
    nO: number of labels; None until initialization.
    RETURNS: documents -> rows (l, 2dC).
    RAISES (ValueError): an odd head_size with rope, dropout outside [0, 1).
    """
    extractors: Model[Floats2d, Floats2d] = Linear()
    layout = RowLayout(head_size, 0, shared=False, rope=rope)
    layers = {"extractor": extractors, "output_layer": extractors}
    return _build(tok2vec, layers, layout, dropout, hidden_size, rescorer, nO)


def _build(
    tok2vec: Model[list[Doc], list[Floats2d]],
    layers: dict[str, Model[Floats2d, Floats2d]],
    layout: RowLayout,
    dropout: float,
    hidden_size: int | None,
    rescorer: Model | None,
    nO: int | None,
) -> Model[list[Doc], list[Floats2d]]:
    """Put a head on an encoder.

    layers: of the head, by name, and the "output_layer": that of them, or in one of them, which
        grows with the labels.
    layout: of the rows, before any label.
    """
    check_dropout(dropout)
    output = layers.pop("output_layer")
    refs: dict[str, Any] = {"tok2vec": tok2vec, **layers}
    if hidden_size is not None:
        check_sizes({"hidden_size (null for none)": hidden_size})
        # Has its own dropout, at the rate used in training.
        refs["hidden"] = Maxout(nO=hidden_size, nP=3, normalize=True, dropout=0.0)
    if rescorer is not None:
        if "rule" not in rescorer.attrs:
            raise ValueError(
                f"rescorer must be a model that looks at spans again, was: {rescorer.name[:60]!r}. "
                'To fix: @architectures = "spacy_globalpointer.SpanRescorer.v1", or rescorer = null'
            )
        refs["rescorer"] = rescorer
        layout = replace(layout, token_size=rescorer.attrs["token_size"])
    model: Model[list[Doc], list[Floats2d]] = Model(
        "global_pointer",
        # Not an attribute: on loading, Thinc would replace the config's value by that of training.
        partial(forward, dropout=dropout),
        init=init,
        layers=list(refs.values()),
        # nO is the number of labels, not the width of the rows.
        dims={"nO": None, "nI": None},
        attrs={
            "layout": layout,
            # With the weights, so the two stay together; the component reads and adds labels.
            "labels": [],
            **NOTHING_SEEN,
            "resize_output": resize_output,
        },
        refs={**refs, "output_layer": output},
    )
    return model if nO is None else resize_output(model, nO)


def forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool, *, dropout: float
) -> tuple[list[Floats2d], Callable]:
    """Encode and project; the type term reads the extractor's output.

    A token without a vector, which the encoder did not see, gets a row of zeros.
    """
    ops = model.ops
    tokens = encode(model, docs, is_train, dropout)
    rows, backprop_rows = _project(model, tokens.vectors, is_train)

    def backprop(d_rows: list[Floats2d]) -> list[Doc]:
        return tokens.backprop(backprop_rows(ops.flatten(d_rows) * tokens.has_vector))

    return ops.unflatten(rows * tokens.has_vector, tokens.lengths), backprop


class EncodedTokens(NamedTuple):
    """What an encoder made of the tokens of a batch.

    vectors (l, D): of the tokens of all documents, after dropout.
    has_vector (l, 1): bool; the others have zeros.
    lengths (n): tokens of each document.
    backprop: from the gradient of the vectors to that of the encoder's input.
    """

    vectors: Floats2d
    has_vector: Any
    lengths: Ints1d
    backprop: Callable[[Floats2d], list[Doc]]


def encode(model: Model, docs: list[Doc], is_train: bool, dropout: float) -> EncodedTokens:
    """Run the encoder of a head, and put the tokens of all documents side by side.

    model: with the encoder as "tok2vec", and its width as nI.
    dropout (share): of the vectors, in training.
    """
    vectors, backprop_tok2vec = model.get_ref("tok2vec")(docs, is_train)
    ops, width = model.ops, model.get_dim("nI")
    lengths = ops.asarray1i([len(x) for x in vectors])
    # Transformers return an array without columns for an empty or whitespace-only document.
    X = ops.flatten([x if x.shape[1] else ops.alloc2f(x.shape[0], width) for x in vectors])
    has_vector = X.any(axis=1, keepdims=True)
    mask = ops.get_dropout_mask(X.shape, dropout) if is_train and dropout else None

    def backprop(dX: Floats2d) -> list[Doc]:
        dXs = ops.unflatten(dX if mask is None else dX * mask, lengths)
        return backprop_tok2vec([dx[:, : x.shape[1]] for dx, x in zip(dXs, vectors, strict=True)])

    return EncodedTokens(X if mask is None else X * mask, has_vector, lengths, backprop)


def _project(
    model: Model[list[Doc], list[Floats2d]], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """From token vectors (l, D) to rows: the factors, and what a rescorer reads."""
    names = ("hidden", "types", "rescorer")
    hidden, types, rescorer = map(model.maybe_get_ref, names)
    ops = model.ops
    if hidden is not None:
        X, backprop_hidden = hidden(X, is_train)
    pairs, backprop_extractor = model.get_ref("extractor")(X, is_train)
    parts = [pairs]
    if types is not None:
        terms, backprop_types = types(pairs, is_train)
        parts.append(terms)
    if rescorer is not None:
        seen, backprop_seen = rescorer.get_ref("tokens")(X, is_train)
        parts.append(seen)

    def backprop(d_rows: Floats2d) -> Floats2d:
        ends = list(accumulate(part.shape[1] for part in parts))
        d_parts = [ops.as_contig(part) for part in ops.xp.split(d_rows, ends[:-1], axis=1)]
        d_pairs = d_parts[0]
        if types is not None:
            d_pairs = d_pairs + backprop_types(d_parts[1])
        dX = backprop_extractor(d_pairs)
        if rescorer is not None:
            dX = dX + backprop_seen(d_parts[-1])
        return dX if hidden is None else backprop_hidden(dX)

    return ops.xp.hstack(parts), backprop


def init(
    model: Model[list[Doc], list[Floats2d]],
    X: list[Doc] | None = None,
    Y: object | None = None,
) -> None:
    """Infer the width of the encoder from the first document that has tokens."""
    tok2vec, *head = model.layers
    tok2vec.initialize(X=X)
    width = find_width(tok2vec, X)
    model.set_dim("nI", width)
    hidden, extractor = model.maybe_get_ref("hidden"), model.get_ref("extractor")
    if hidden is not None:
        hidden.initialize(X=model.ops.alloc2f(1, width))
        width = hidden.get_dim("nO")
    extractor.set_dim("nI", width)
    rescorer = model.maybe_get_ref("rescorer")
    if rescorer is not None:
        rescorer.set_dim("nI", width)
        rescorer.set_dim("nO", model.get_dim("nO"))
    for layer in head:
        if layer is not hidden:
            layer.initialize()
