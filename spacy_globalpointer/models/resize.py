"""Adding labels to an existing model: the old ones keep their weights."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from thinc.api import Linear, Model
from thinc.types import Floats2d, FloatsXd


def resize_output(model: Model, nO: int) -> Model:
    """Set the number of labels; labels already there keep their weights.

    A new label starts as it would in a new model, with random weights.

    nO: number of labels.
    RETURNS: the model.
    """
    old = model.get_ref("output_layer")
    model.attrs["layout"] = replace(model.attrs["layout"], n_labels=nO)
    parts, _, width = model.attrs["layout"].label_columns
    columns = parts * nO * width
    model.set_dim("nO", nO, force=True)
    if not old.has_param("W"):
        old.set_dim("nO", columns, force=True)
        return model
    # A new layer, because the optimizer keeps moments of the old shape under the old id.
    new: Model[Floats2d, Floats2d] = Linear(nO=columns, nI=old.get_dim("nI"))
    # Thinc counts ids from the start in each process: a loaded layer may already have the next one.
    new.id = uuid4().int
    new.ops, new.init = old.ops, old.init
    new.initialize()
    for name in old.param_names:
        grown = _by_label(new.get_param(name), parts, width)
        known = _by_label(old.get_param(name), parts, width)
        kept = min(nO, known.shape[1])
        grown[:, :kept] = known[:, :kept]
        new.set_param(name, grown.reshape((columns, *grown.shape[3:])))
    model.replace_node(old, new)
    return model


def _by_label(weights: FloatsXd, parts: int, width: int) -> Any:
    """View weights (parts * labels * width, ...) as (parts, labels, width, ...)."""
    return weights.reshape((parts, -1, width, *weights.shape[1:]))
