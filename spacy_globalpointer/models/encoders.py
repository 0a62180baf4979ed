"""Registered encoders: documents -> one vector per token."""

from collections.abc import Callable
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Maxout, Model, chain, concatenate, with_array
from thinc.types import Floats2d, Ints1d

from .settings import check_sizes


@registry.architectures("spacy_globalpointer.ConcatenatedEncoders.v1")
def build_concatenated_encoders(
    *encoders: Model[list[Doc], list[Floats2d]], width: int
) -> Model[list[Doc], list[Floats2d]]:
    """Several encoders side by side, mixed to one vector per token: maxout(e_1; e_2; ...).

    For what one of them cannot see: a transformer knows the context, `spacy.MultiHashEmbed.v2` the
    spelling. It is the `embed` of `spacy.Tok2Vec.v2`, before a window encoder.

    encoders: token vectors (l, D), of any width D each.
    width (channels): of the vectors that come out, normalized.
    RETURNS: documents -> (l, width).
    RAISES (ValueError): fewer than two encoders, one that is no model or a whole transformer
        component, a width below 1.
    """
    if len(encoders) < 2:
        raise ValueError(
            f"encoders must be two or more, was: {len(encoders)}. To fix: a block for each, such "
            "as [components.global_pointer.model.tok2vec.embed.*.words]; the name after the "
            "asterisk is free. A single encoder needs no concatenation"
        )
    check_sizes({"width of the concatenated encoders": width})
    for encoder in encoders:
        if not isinstance(encoder, Model):
            raise ValueError(
                f"encoders must be models, was: {encoder!r}. To fix: give each block an "
                "@architectures, or remove it"
            )
    if any("replace_listener" in encoder.attrs for encoder in encoders):
        raise ValueError(
            "encoders must turn documents into token vectors, was: the model of a transformer "
            "component, which `nlp.replace_listeners` puts where a listener was. To fix: in the "
            'config, change its block to @architectures = "spacy-transformers.'
            "Tok2VecTransformer.v3\" and give it the listener's pooling and grad_factor"
        )
    # As in MultiHashEmbed: the encoders' vectors differ in scale, and have to be learned from.
    mixed: Model[Floats2d, Floats2d] = Maxout(nO=width, nP=3, normalize=True, dropout=0.0)
    return chain(concatenate(*map(_with_width, encoders)), with_array(mixed))


def find_listeners(model: Model) -> dict[str, list[Model]]:
    """The layers of a model that stand for an encoder in another component, by its name or "*".

    Listeners of spaCy and spacy-transformers have the name as a field, those of
    spacy-curated-transformers as an attribute, and a mark which they lose with the encoder of their
    own that `nlp.replace_listeners` gives them.
    """
    found: dict[str, list[Model]] = {}
    for node in model.walk():
        name = getattr(node, "upstream_name", None)
        if "_TRANSFORMER_LISTENER" in node.attrs:
            name = node.attrs["_upstream_name"]
        if name is not None:
            found.setdefault(name, []).append(node)
    return found


def find_width(encoder: Model[list[Doc], list[Floats2d]], docs: list[Doc] | None) -> int:
    """Width of the token vectors of an initialized encoder.

    docs: to be encoded, because not every encoder says its width; None for none.
    RAISES (ValueError): neither the encoder nor a document says it.
    """
    widths = [x.shape[1] for x in encoder.predict(docs) if x.size] if docs else []
    width = widths[0] if widths else encoder.maybe_get_dim("nO")
    if width is None:
        raise ValueError(
            "the width of the encoder is unknown. To fix: initialize with at least one document "
            "that has tokens"
        )
    return width


def _with_width(
    encoder: Model[list[Doc], list[Floats2d]],
) -> Model[list[Doc], list[Floats2d]]:
    """The same encoder, but each array has all rows and columns, as `concatenate` needs."""
    return Model("with_width", _forward, init=_init, layers=[encoder], dims={"nO": None})


def _forward(
    model: Model[list[Doc], list[Floats2d]], docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """Zeros where a transformer has no vectors: empty or whitespace-only documents."""
    vectors, backprop_encoder = model.layers[0](docs, is_train)
    width = model.get_dim("nO")
    whole = [
        x if x.shape == (len(doc), width) else model.ops.alloc2f(len(doc), width)
        for doc, x in zip(docs, vectors, strict=True)
    ]

    def backprop(d_vectors: list[Floats2d]) -> list[Doc]:
        pairs = zip(d_vectors, vectors, strict=True)
        backprop_encoder([dx[: len(x), : x.shape[1]] for dx, x in pairs])
        return []  # no gradient of a text; `concatenate` would add to the list of another layer

    return whole, backprop


def _init(
    model: Model[list[Doc], list[Floats2d]],
    X: list[Doc] | None = None,
    Y: object | None = None,
) -> None:
    (encoder,) = model.layers
    encoder.initialize(X=X)
    model.set_dim("nO", find_width(encoder, X))


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
