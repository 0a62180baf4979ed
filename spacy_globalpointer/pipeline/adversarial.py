"""Adversarial training: learn a batch once more, with its vectors moved the way that hurts most.

Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification", arXiv
1605.07725; known as FGM in recipes for GlobalPointer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thinc.api import Model, get_array_module
from thinc.types import Floats2d

# Below the gradient of anything that is learned from; keeps 0 / 0 out.
TINY = 1e-30


def learn_moved(
    model: Model,
    batch: list[Any],
    get_loss: Callable[[list[Floats2d]], tuple[float, list[Floats2d]]],
    epsilon: float,
) -> float:
    """Add the gradients of a batch, and those of the batch with moved vectors.

    The vectors of a document, V, become V + r with r = epsilon |V| g / |g|, where g is the gradient
    of the loss by V, and |.| the norm over the whole document. So epsilon has no unit: it is the
    length of the step as a share of the vectors', whatever their scale.

    V is what the embedding layer of the model's own encoder returns, so all of the encoder but that
    layer runs twice. It is the output of the encoder where that has no such layer, as with a shared
    encoder or a transformer; then only the head runs twice. Either way what lies below V runs once,
    forwards and backwards, and no weights are changed. Dropout: V is the same both times, and the
    layers above it drop other values the second time.

    model: of the component.
    batch: what it reads.
    get_loss: from rows, the model's output, to the loss and the gradient of the rows.
    epsilon (share): above 0.
    RETURNS: the loss of the batch as it is.
    """
    encoder = model.get_ref("tok2vec")
    layer = encoder.maybe_get_ref("embed") or encoder
    vectors, backprop_vectors = layer(batch, is_train=True)
    with _in_place_of(layer, model) as stand_in:
        loss, gradient = _learn_from(model, batch, get_loss, stand_in, vectors)
        moved = [_move(x, dx, epsilon) for x, dx in zip(vectors, gradient, strict=True)]
        _, more = _learn_from(model, batch, get_loss, stand_in, moved)
    # Once, with both: a shared encoder counts the components that have sent it a gradient.
    backprop_vectors([dx + other for dx, other in zip(gradient, more, strict=True)])
    return loss


@contextmanager
def _in_place_of(layer: Model, model: Model) -> Iterator[Model]:
    """Give a model a layer that returns what it is given, for as long as this lasts."""
    attrs: dict[str, Any] = {"vectors": [], "gradient": []}
    dims = {"nO": layer.maybe_get_dim("nO")}
    stand_in: Model = Model("given_vectors", _forward, dims=dims, attrs=attrs)
    model.replace_node(layer, stand_in)
    try:
        yield stand_in
    finally:
        model.replace_node(stand_in, layer)


def _forward(
    model: Model[list[Any], list[Floats2d]], batch: list[Any], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Any]]]:
    def backprop(d_vectors: list[Floats2d]) -> list[Any]:
        model.attrs["gradient"] = d_vectors
        return []

    return model.attrs["vectors"], backprop


def _learn_from(
    model: Model,
    batch: list[Any],
    get_loss: Callable[[list[Floats2d]], tuple[float, list[Floats2d]]],
    stand_in: Model,
    vectors: list[Floats2d],
) -> tuple[float, list[Floats2d]]:
    """Add the gradients of the layers above the vectors.

    RETURNS: the loss, and the gradient of the vectors.
    """
    stand_in.attrs["vectors"] = vectors
    rows, backprop = model.begin_update(batch)
    loss, d_rows = get_loss(rows)
    backprop(d_rows)
    return loss, stand_in.attrs["gradient"]


def _move(vectors: Floats2d, gradient: Floats2d, epsilon: float) -> Floats2d:
    """The vectors of a document, moved up their gradient."""
    if not vectors.size:
        return vectors
    xp = get_array_module(vectors)
    # Squares of a small gradient would be 0.
    direction = gradient / xp.maximum(xp.abs(gradient).max(), TINY)
    length = epsilon * xp.linalg.norm(vectors)
    # Where there is a gradient, the norm is at least 1 now.
    return vectors + direction * (length / xp.maximum(xp.linalg.norm(direction), 1.0))
