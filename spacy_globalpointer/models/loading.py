"""Saving and loading the layout of a model, with a check that what was loaded fits together.

Thinc saves attributes with the weights, and on loading they replace those from the config. So the
settings that give the weights their meaning must agree.
"""

from dataclasses import asdict, replace
from math import prod

import srsly
from thinc.api import Model, deserialize_attr, serialize_attr

from ..nn import RowLayout


@serialize_attr.register
def save_layout(_: RowLayout, value: RowLayout, name: str, model: Model) -> bytes:
    """Write a layout, for Thinc."""
    return bytes(srsly.msgpack_dumps(asdict(value)))


@deserialize_attr.register
def load_layout(built: RowLayout, value: bytes, name: str, model: Model) -> RowLayout:
    """Read a layout, for Thinc.

    built: layout of the model built from the config, into which the weights are loaded.
    RAISES (ValueError): they differ in more than the number of labels.
    """
    saved = RowLayout(**srsly.msgpack_loads(value))
    wanted, found = asdict(replace(built, n_labels=saved.n_labels)), asdict(saved)
    differ = [key for key in found if found[key] != wanted[key]]
    config, weights = (
        ", ".join(f"{key} = {srsly.json_dumps(layout[key])}" for key in differ)
        for layout in (wanted, found)
    )
    if differ:
        raise ValueError(
            f"the config of a model must have the settings that its weights were trained with, "
            f"{weights}, but has {config}. To fix: write {weights} into the block "
            "[components.<name>.model] of the config, or train again"
        )
    return saved


def check_loaded(model: Model) -> None:
    """Check that the labels and the layout of a loaded model fit the shapes of its weights.

    RAISES (ValueError): they do not.
    """
    output, layout = model.get_ref("output_layer"), model.attrs["layout"]
    if not output.has_param("W"):
        return
    grown = prod(layout.label_columns)
    wanted = {"output_layer": grown}
    if model.maybe_get_ref("types"):
        wanted["extractor"] = layout.width - grown
    found = {name: len(model.get_ref(name).get_param("W")) for name in wanted}
    labels, n_labels = model.attrs["labels"], model.get_dim("nO")
    if found != wanted or not len(labels) == layout.n_labels == n_labels:
        shown = ", ".join(labels[:5]) + ", ..." * (len(labels) > 5)
        raise ValueError(
            f"the weights of a model must fit its labels and its layout, but {len(labels)} labels "
            f"({shown}) and {layout} need {wanted} columns, and the weights have {found}, for "
            f"{n_labels} labels. To fix: load the model as it was saved, or train again"
        )
