"""The registered architectures: documents -> encoder -> one row of factors per token.

Thinc owns every parameter, in plain Linear layers, so averages, copies, new labels and
serialization work as for any spaCy model. What the rows mean is defined by `nn.RowLayout`, which is
in model.attrs["layout"].
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Linear, Maxout, Model, xp2torch
from thinc.types import Floats2d

from ..nn import ExtractedFactors, Factors, RowLayout, Tensor
from .encoders import encode, find_width
from .label_groups import ONE_GROUP, GroupRule, LabelGroups, label_terms
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
    groups: GroupRule = None,
    common_extractor: bool = False,
    type_rank: int | None = None,
    type_encoder: Model | None = None,
    nO: int | None = None,
) -> Model[list[Doc], list[Floats2d]]:
    """Efficient GlobalPointer: one extractor of spans for all labels, a linear type term for each.

    2dD + 4dC weights and 2d + 2C biases (encoder width D, head_size d, C labels). With G groups of
    labels, each has an extractor of its own: 2dGD + 4dC weights. With type_rank r, 2dD + 4dr + rC
    weights and 2d + 2r + C biases.
    Source: Su 2022, "Efficient GlobalPointer", and arXiv 2208.03054.

    tok2vec: encoder, token vectors (l, D).
    head_size (channels): width d of query and key; even with rope.
    rope: rotate query and key by their position, so that the score knows the distance.
    dropout (share): of the token vectors, in training, on top of `training.dropout`.
    hidden_size (channels): width of a maxout layer, normalized, between the token vectors and the
        extractor; None for none, as published. An encoder trained from scratch learns faster with
        it; a pretrained one does not need it.
    rescorer: of the spans in question, as from `build_span_rescorer`; None for none.
    groups: labels that share an extractor, as [[group, [labels]], ...], or a separator, as "-" in
        PER-actor, before which a label names its group; None for one group of all labels.
    common_extractor: also give the groups an extractor in common; the score of a span is the sum
        of both, and the type term reads both, so it has 8dC weights.
    type_rank (channels): the type term of label c is U e_c, with the same U for all labels and an
        e_c of this width; at most 4d. None for weights of its own for each label.
    type_encoder: of names and descriptions of labels, from which their e_c are then read, as from
        `build_transformer_text`; frozen. None for an e_c of its own for each label.
    nO: number of labels; None until initialization.
    RETURNS: documents -> rows (l, 2d + 2C), with groups (l, 2dG + 2C), and 2d more for a common
        extractor.
    RAISES (ValueError): an odd head_size with rope, dropout outside [0, 1), invalid groups, a
        common extractor without groups, a type_rank out of range or with groups, a type_encoder
        without a type_rank.
    """
    rule = LabelGroups(groups)
    if common_extractor and groups is None:
        raise ValueError(
            "common_extractor must be false if groups is null, was: true. To fix: "
            'common_extractor = false, or groups, such as "-"'
        )
    if groups is not None and type_rank is not None:
        raise ValueError(
            "type_rank must be null if labels are in groups: each group has a query and a key of "
            f"its own, and no U that fits all, was: {type_rank!r}. To fix: type_rank = null, or "
            "groups = null"
        )
    # With groups, its size depends on the labels.
    extractor: Model[Floats2d, Floats2d] = Linear(nO=2 * head_size if groups is None else None)
    n_read = 2 if common_extractor else 1
    types = build_type_terms(n_read * head_size, type_rank, type_encoder)
    layout = RowLayout(
        head_size, 0, rope=rope, group=rule.number([]), common_extractor=common_extractor
    )
    layers = {"extractor": extractor, **types}
    return _build(tok2vec, layers, layout, dropout, hidden_size, rescorer, nO, rule)


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
    RETURNS: documents -> rows (l, D or hidden_size): what the extractors read. They are applied
        where scores are needed, to some labels at a time: see `model_factors`.
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
    groups: LabelGroups = ONE_GROUP,
) -> Model[list[Doc], list[Floats2d]]:
    """Put a head on an encoder.

    layers: of the head, by name, and the "output_layer": that of them, or in one of them, which
        grows with the labels.
    layout: of the rows, before any label.
    groups: which labels share an extractor.
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
            "groups": groups,  # not saved: the config has them
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


def _project(
    model: Model[list[Doc], list[Floats2d]], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """From token vectors (l, D) to rows: the factors, and what a rescorer reads."""
    names = ("hidden", "types", "rescorer")
    hidden, types, rescorer = map(model.maybe_get_ref, names)
    ops = model.ops
    if hidden is not None:
        X, backprop_hidden = hidden(X, is_train)
    pairs, backprop_extractor = X, _as_it_is
    if model.attrs["layout"].shared:
        pairs, backprop_extractor = model.get_ref("extractor")(X, is_train)
    parts = [pairs]
    if types is not None:
        layout = model.attrs["layout"]
        if layout.group is None:
            terms, backprop_types = types(pairs, is_train)
        else:
            terms, backprop_types = label_terms(types, pairs, layout)
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


def _as_it_is(dX: Floats2d) -> Floats2d:
    return dX


def row_width(model: Model) -> int:
    """Columns of the rows of a head."""
    layout = model.attrs["layout"]
    if layout.shared:
        return layout.width
    return model.get_ref("extractor").get_dim("nI") + layout.token_size


def model_factors(
    model: Model,
    rows: Tensor,
    mask: Tensor,
    max_length: int | None = None,
    document: Tensor | None = None,
) -> Factors:
    """View padded rows of a head as the factors of span scores.

    rows (b, l, row_width): one per token.
    mask, max_length, document: as in `RowLayout.factors`.
    """
    layout: RowLayout = model.attrs["layout"]
    if layout.shared:
        return layout.factors(rows, mask, max_length, document)
    extractor = model.get_ref("extractor")
    weight, bias = (
        xp2torch(extractor.get_param(name)).unflatten(0, (layout.n_labels, -1)) for name in "Wb"
    )
    vectors = rows[..., : rows.shape[-1] - layout.token_size]
    return ExtractedFactors(vectors, weight, bias, layout, mask, max_length, document)


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
