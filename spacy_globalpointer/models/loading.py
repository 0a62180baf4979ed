"""How the layout of a model is saved, and that what is loaded fits together.

Thinc stores attributes beside the weights and restores them over those of the config. Settings
without which the weights mean something else must therefore agree.
"""

from dataclasses import asdict, replace
from math import prod
from typing import Any

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
    if differ:
        config, weights = (
            ", ".join(f"{_NAMES[key]} = {_spell(key, layout[key])}" for key in differ)
            for layout in (wanted, found)
        )
        raise ValueError(
            f"the config of the model must have the settings that its weights were trained with, "
            f"{weights}, but has {config}. To fix: write {weights} into the config, in the block "
            "[components.<name>.model], or train again"
        )
    return saved


_NAMES = {"head_size": "head_size", "rope": "rope", "shared": "@architectures"}


def _spell(key: str, value: Any) -> str:
    """As the value is written in a config."""
    if key == "shared":
        name = "EfficientGlobalPointer" if value else "GlobalPointer"
        return f'"spacy_globalpointer.{name}.v1"'
    return str(srsly.json_dumps(value))


def check_loaded(model: Model) -> None:
    """Compare what a loaded model says of itself with the shapes of its weights.

    RAISES (ValueError): naming both.
    """
    output, layout = model.get_ref("output_layer"), model.attrs["layout"]
    if not output.has_param("W"):
        return
    grown = prod(layout.label_columns)
    columns = {"output_layer": grown}
    if model.maybe_get_ref("types"):
        columns["extractor"] = layout.width - grown
    found = {name: len(model.get_ref(name).get_param("W")) for name in columns}
    labels = model.attrs["labels"]
    if found != columns or not len(labels) == layout.n_labels == model.get_dim("nO"):
        raise ValueError(
            f"the weights of a model must fit its labels and its layout, but {len(labels)} labels "
            f"({', '.join(map(str, labels[:5]))}{', ...' if len(labels) > 5 else ''}) and "
            f"{layout} need {columns} columns, and the weights have {found}, for "
            f"{model.get_dim('nO')} labels. The file is damaged or was changed. To fix: load the "
            "file as it was written, or train again"
        )
