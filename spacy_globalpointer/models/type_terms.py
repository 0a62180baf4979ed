"""The type term of Efficient GlobalPointer: from query and key of a token to terms of each label.

w_c . [q_i; k_i; q_j; k_j] is a sum of a term of the start and a term of the end, whatever makes the
vectors w_c (4d): one of its own for each label; w_c = U e_c, with the same U (4d x r) for all; or
that with an e_c that is read from a text (`text_types`). So the loss stays exact.
"""

from collections.abc import Callable
from typing import Any

from thinc.api import Linear, Model
from thinc.types import Floats2d

from .rare import init_rare
from .text_encoders import check_text_encoder
from .text_types import build_text_vectors


def build_type_terms(
    head_size: int, rank: int | None, encoder: Model | None
) -> dict[str, Model[Floats2d, Floats2d]]:
    """Make the type term.

    head_size (channels): d.
    rank (channels): r of w_c = U e_c; None for weights of its own for each label.
    encoder: of the labels' texts; None for an e_c that is learned for each label alone.
    RETURNS: "types": from (l, 2d) to (l, 2C), the start terms and then the end terms; and
        "output_layer", the part of it that grows with the labels.
    RAISES (ValueError): a rank out of range, an encoder without a rank or of another kind.
    """
    if rank is None:
        if encoder is not None:
            raise ValueError(
                "a model with type_encoder must have a type_rank, was: null. To fix: "
                f"type_rank = {head_size}, the width of what is read from a label's text"
            )
        types: Model[Floats2d, Floats2d] = Linear(nI=2 * head_size, init_b=init_rare)
        return {"types": types, "output_layer": types}
    if type(rank) is not int or not 1 <= rank <= 4 * head_size:
        raise ValueError(
            f"type_rank must be a whole number from 1 to {4 * head_size}, 4 * head_size, or null, "
            f"was: {rank!r}. To fix: type_rank = {head_size}, or null for full rank"
        )
    projection: Model[Floats2d, Floats2d] = Linear(nO=2 * rank, nI=2 * head_size)
    vectors: Model[Floats2d, Floats2d] = Linear(nI=rank, init_b=init_rare)
    if encoder is not None:
        check_text_encoder(encoder)
        vectors = build_text_vectors(encoder, rank)
    types = Model("low_rank_types", _forward, init=_init, layers=[projection, vectors])
    return {"types": types, "output_layer": vectors}


def _forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """U'u for the start and for the end (l, 2r), then e_c . of each of them.

    A label has one bias, which is added to its start and to its end term.
    """
    projection, vectors = model.layers
    Z, backprop_Z = projection(X, is_train)
    parts: Any = Z.reshape((2 * len(X), Z.shape[1] // 2))
    terms, backprop_terms = vectors(parts, is_train)
    shape = terms.shape

    def backprop(dY: Floats2d) -> Floats2d:
        d_parts: Any = backprop_terms(dY.reshape(shape))
        return backprop_Z(d_parts.reshape(Z.shape))

    return terms.reshape((len(X), 2 * shape[1])), backprop


def _init(
    model: Model[Floats2d, Floats2d], X: Floats2d | None = None, Y: object | None = None
) -> None:
    for layer in model.layers:
        layer.initialize()
