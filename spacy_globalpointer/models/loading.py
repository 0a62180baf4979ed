"""How the layout of a model is saved, and that what is loaded fits together.

Thinc stores attributes beside the weights and restores them over those of the config. Settings
without which the weights mean something else must therefore agree.
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

    built: of the model that the config has built, into which the weights are loaded.
    RAISES (ValueError): another one, apart from the number of labels.
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
            f"{weights}, but has {config}. To fix: write {weights} into the config, into the block "
            "[components.<name>.model], or train again"
        )
    return saved


def check_loaded(model: Model) -> None:
    """Compare what a loaded model says of itself with the shapes of its weights.

    RAISES (ValueError): naming both.
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
            f"{n_labels} labels. To fix: load the model as it was written, or train again"
        )
