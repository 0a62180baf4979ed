"""Adding labels to an existing model: the old ones keep their weights."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from thinc.api import Linear, Model
from thinc.types import Floats2d, FloatsXd

from .label_groups import ONE_GROUP
from .rescorer import N_SCORES
from .text_types import find_text_vectors, read_texts


def resize_output(model: Model, nO: int) -> Model:
    """Set the number of labels; labels already there keep their weights.

    A new label starts as it would in a new model: with random weights in the head, which a
    rescorer neither reads nor corrects before it has learned to.

    nO: number of labels.
    RETURNS: the model.
    RAISES (ValueError): another number than that of the labels, if these are in groups, or a label
        that is in none; a type encoder that cannot read the new labels.
    """
    vectors = find_text_vectors(model)
    if vectors is not None:
        read_texts(vectors, model.attrs["labels"][:nO])
    model.attrs["layout"] = replace(model.attrs["layout"], n_labels=nO)
    if model.attrs.get("groups", ONE_GROUP).rule is not None:
        _resize_extractor(model)
    parts, _, width = output_columns(model)
    model.set_dim("nO", nO, force=True)
    if vectors is None:  # otherwise no weights grow with the labels
        for known, grown in _resize(model, "output_layer", nO=parts * nO * width):
            _keep(_by_label(known, parts, width), _by_label(grown, parts, width), axis=1)
    rescorer = model.maybe_get_ref("rescorer")
    if rescorer is not None:
        rescorer.set_dim("nO", nO, force=True)
        for known, grown in _resize(rescorer, "output_layer", nO=nO):
            _keep(known, grown, axis=0)
        for known, grown in _resize(rescorer, "scores", nI=N_SCORES * nO):
            if known.ndim == 1:  # the bias does not grow
                _keep(known, grown, axis=0)
            else:
                axes = (len(known), N_SCORES, -1)
                _keep(known.reshape(axes), grown.reshape(axes), axis=2)
    return model


def _resize_extractor(model: Model) -> None:
    """Number the groups of the labels, and make room for those that are new."""
    layout, labels = model.attrs["layout"], model.attrs["labels"]
    if len(labels) != layout.n_labels:
        raise ValueError(
            "nO must be the number of labels in attrs['labels'], whose names tell their groups, "
            f"was: {layout.n_labels}, for {len(labels)} labels. To fix: write nO = null into the "
            "config, or add the labels first"
        )
    layout = model.attrs["layout"] = replace(layout, group=model.attrs["groups"].number(labels))
    width = 2 * layout.head_size * layout.n_extractors
    for known, grown in _resize(model, "extractor", nO=width):
        _keep(known, grown, axis=0)


def output_columns(model: Model) -> tuple[int, int, int]:
    """The columns of the layer that grows with the labels: (parts, c, width), as in a layout.

    With low rank, start and end terms have one vector of a label together.
    """
    parts, n_labels, width = model.attrs["layout"].label_columns
    is_shared = model.get_ref("output_layer") not in model.layers
    return 1 if is_shared else parts, n_labels, width


def _resize(model: Model, ref: str, **dims: int) -> list[tuple[FloatsXd, FloatsXd]]:
    """Replace a Linear layer by one of another size.

    RETURNS: its old and its new parameters; none if it has no weights yet, or is of that size.
    """
    old = model.get_ref(ref)
    if not old.has_param("W"):
        for name, size in dims.items():
            old.set_dim(name, size, force=True)
        return []
    # A new layer, because the optimizer keeps moments of the old shape under the old id.
    nO, nI = (dims.get(name, old.get_dim(name)) for name in ("nO", "nI"))
    if (nO, nI) == (old.get_dim("nO"), old.get_dim("nI")):
        return []  # draws no random numbers, so that a second `initialize` draws the same weights
    new: Model[Floats2d, Floats2d] = Linear(nO, nI)
    # Thinc counts ids from the start in each process: a loaded layer may already have the next one.
    new.id = uuid4().int
    new.ops, new.init = old.ops, old.init
    new.initialize()
    model.replace_node(old, new)
    return [(old.get_param(name), new.get_param(name)) for name in old.param_names]


def _keep(known: Any, grown: Any, axis: int) -> None:
    """Copy what both have along an axis; what is new stays as it is."""
    kept = [slice(None)] * axis + [slice(min(known.shape[axis], grown.shape[axis]))]
    grown[tuple(kept)] = known[tuple(kept)]


def _by_label(weights: FloatsXd, parts: int, width: int) -> Any:
    """View weights (parts * labels * width, ...) as (parts, labels, width, ...)."""
    return weights.reshape((parts, -1, width, *weights.shape[1:]))
