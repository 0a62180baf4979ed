"""Types from text: the vector of a label is a learned function of its name or description.

So labels that mean alike get alike vectors, and a label that was never trained has one too. The
texts are encoded when labels become known, and only the vectors are kept, with the weights: what
encodes the texts is needed neither for prediction nor for loading.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy
from thinc.api import Linear, Maxout, Model, Ops
from thinc.types import Floats2d, FloatsXd

from .rare import RARE
from .text_encoders import encode_texts, spell_out

# Channels between a text's vector and the label's.
HIDDEN = 128
# Below this cosine of two vectors of the same text, they are of different encoders.
SAME = 0.99


def build_text_vectors(encoder: Model[list[str], Floats2d], rank: int) -> Model[Floats2d, Floats2d]:
    """Multiply by vectors e_c = f(text of c): a maxout layer, normalized, and a linear one.

    The bias of a label is read from its text as well: a free one would be unknown for labels that
    were never trained.

    encoder: texts -> vectors; frozen, and its weights are not saved.
    rank (channels): r of the vectors.
    RETURNS: (n, r) -> (n, C). attrs["descriptions"]: texts of labels other than their names;
        attrs["texts"]: that of each label, whose vector is the row of the parameter T.
    """
    hidden: Model[Floats2d, Floats2d] = Maxout(nO=HIDDEN, nP=3, normalize=True, dropout=0.0)
    output: Model[Floats2d, Floats2d] = Linear(nO=rank + 1, nI=HIDDEN, init_b=_init_bias)
    return Model(
        "text_vectors",
        _forward,
        init=_init,
        layers=[hidden, output, encoder],
        dims={"nI": rank},
        # Vectors of the texts (C, D), and their mean (D) at the initialization: no gradient ever
        # reaches them.
        params={"T": None, "mean": None},
        attrs={"descriptions": {}, "texts": []},
        refs={"hidden": hidden, "output": output, "encoder": encoder},
    )


def find_text_vectors(model: Model) -> Model[Floats2d, Floats2d] | None:
    """The part of a head that holds the texts of the labels.

    RETURNS: None if it has no type encoder.
    """
    output = model.get_ref("output_layer")
    return output if "texts" in output.attrs else None


def read_texts(vectors: Model[Floats2d, Floats2d], labels: Sequence[str]) -> None:
    """Give each label the vector of its description, or of its name.

    Only texts that are new are encoded; before the initialization, none.

    vectors: from build_text_vectors.
    labels: all of the model, in its order.
    RAISES (ValueError): an encoder that is missing or broken, or another one than that of the
        known texts; nothing has changed then.
    """
    descriptions, known = vectors.attrs["descriptions"], vectors.attrs["texts"]
    texts = [descriptions.get(label) or spell_out(label) for label in labels]
    if vectors.has_param("T") and texts != known:
        rows = dict(zip(known, cast(Any, vectors.get_param("T")), strict=True))
        new = [text for text in dict.fromkeys(texts) if text not in rows]
        if new:
            again, *found = encode_texts(vectors.get_ref("encoder"), [known[0], *new])
            _check_same(vectors.ops.to_numpy(rows[known[0]]), again, known[0])
            rows.update(zip(new, map(vectors.ops.asarray1f, found), strict=True))
        vectors.set_param("T", vectors.ops.xp.stack([rows[text] for text in texts]))
    vectors.attrs["texts"] = texts


def _check_same(old: numpy.ndarray, new: numpy.ndarray, text: str) -> None:
    """Both are as long as they are wide, so that their product says their cosine."""
    cosine = float(old @ new) / len(old) if len(old) == len(new) else 0.0
    if cosine < SAME:
        raise ValueError(
            "type_encoder must be the one that the model was trained with, was: one whose vector "
            f"of the text {text[:60]!r} has {len(new)} channels and the cosine {cosine:.2f} with "
            f"the one that is known, of {len(old)} channels. To fix: name the encoder of the "
            "training in the block [components.<name>.model.type_encoder], or train again"
        )


def _forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    ops = model.ops
    H, backprop_H = model.get_ref("hidden")(_centre(model), is_train)
    E, backprop_E = model.get_ref("output")(H, is_train)
    rank = X.shape[1]
    scale = rank**-0.5
    W, b = ops.as_contig(E[:, :rank] * scale), E[:, rank]

    def backprop(dY: Floats2d) -> Floats2d:
        dE: Any = ops.alloc2f(*E.shape)
        dE[:, :rank] = ops.gemm(dY, X, trans1=True) * scale
        dE[:, rank] = dY.sum(axis=0)
        backprop_H(backprop_E(dE))
        return ops.gemm(dY, W)

    return ops.gemm(X, W, trans2=True) + b, backprop


def _init(
    model: Model[Floats2d, Floats2d], X: Floats2d | None = None, Y: object | None = None
) -> None:
    texts = model.attrs["texts"]
    if not texts:
        raise ValueError(
            "a model with type_encoder must know its labels before it is initialized, was: none. "
            "To fix: add labels to the component, and do not set nO"
        )
    found: Any = encode_texts(model.get_ref("encoder"), texts)
    T = model.ops.asarray2f(found)
    model.set_param("T", T)
    # A single label says nothing about what texts have in common.
    model.set_param("mean", T.mean(axis=0) * (len(T) > 1))
    model.get_ref("hidden").initialize(X=T)
    model.get_ref("output").initialize()


def _centre(model: Model[Floats2d, Floats2d]) -> Floats2d:
    """The vectors of the texts without what all have in common, in most encoders the largest part.

    RETURNS (C, D): rows of one length, or 0.
    """
    T: Any = model.get_param("T")
    centred = T - model.get_param("mean")
    square = (centred**2).mean(axis=1, keepdims=True)
    return cast(Floats2d, centred / model.ops.xp.sqrt(square + 1e-12))


def _init_bias(ops: Ops, shape: tuple[int, ...]) -> FloatsXd:
    """Of the vectors, and of the label's bias, which is their last column."""
    bias: Any = ops.alloc_f(shape)
    bias[-1] = RARE
    return cast(FloatsXd, bias)
