"""Saving and loading the layout of a model, with a check that what was loaded fits together.

Thinc saves attributes with the weights, and on loading they replace those from the config. So the
settings that give the weights their meaning must agree.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import prod
from typing import TypeVar

import srsly
from thinc.api import Model, deserialize_attr, serialize_attr

from ..nn import CandidateRule, PairLayout, RowLayout
from .label_groups import check_groups
from .rescorer import RESCORER
from .resize import output_columns
from .text_types import find_text_vectors

Layout = TypeVar("Layout", RowLayout, PairLayout)


@serialize_attr.register(RowLayout)
@serialize_attr.register(PairLayout)
def save_layout(_: Layout, value: Layout, name: str, model: Model) -> bytes:
    """Write a layout, for Thinc."""
    return bytes(srsly.msgpack_dumps(asdict(value)))


@deserialize_attr.register(RowLayout)
@deserialize_attr.register(PairLayout)
def load_layout(built: Layout, value: bytes, name: str, model: Model) -> Layout:
    """Read a layout, for Thinc.

    built: layout of the model built from the config, into which the weights are loaded.
    RAISES (ValueError): they differ in more than the number of labels.
    """
    saved = type(built)(**srsly.msgpack_loads(value))
    wanted, found = asdict(replace(built, n_labels=saved.n_labels)), asdict(saved)
    # Which groups the labels are in is told by their names: `check_loaded`.
    differ = [key for key in found if key != "group" and found[key] != wanted[key]]
    config, weights = (
        ", ".join(f"{key} = {srsly.json_dumps(layout[key])}" for key in differ)
        for layout in (wanted, found)
    )
    if differ:
        block = "model.rescorer" if "token_size" in differ else "model"
        raise ValueError(
            f"the config of a model must have the settings that its weights were trained with, "
            f"{weights}, but has {config}. To fix: write {weights} into the block "
            f"[components.<name>.{block}] of the config, or train again"
        )
    return saved


@serialize_attr.register
def save_rule(_: CandidateRule, value: CandidateRule, name: str, model: Model) -> bytes:
    """Write which cells are candidates, for Thinc."""
    return bytes(srsly.msgpack_dumps(asdict(value)))


@deserialize_attr.register
def load_rule(built: CandidateRule, value: bytes, name: str, model: Model) -> CandidateRule:
    """Keep the rule of the config, which may look at fewer cells than in training, for speed."""
    return built


@contextmanager
def explain_mismatch(model: Model, read_weights: Callable[[], bytes]) -> Iterator[None]:
    """Say what differs if the weights that are loaded belong to other layers.

    model: built from the config.
    read_weights: what Model.to_bytes returned when the model was saved.
    RAISES (ValueError): as Thinc does, but naming the layers and the repair.
    """
    try:
        yield
    except ValueError as error:
        size = re.search(
            r"Attempt to change dimension .* for model (.*) from (.*) to (.*)", str(error)
        )
        if size:
            raise ValueError(_mismatched_size(*size.groups())) from error
        if "mismatched structure" not in str(error):
            raise
        saved = Counter(node["name"] for node in srsly.msgpack_loads(read_weights())["nodes"])
        built = Counter(node.name for node in model.walk())
        raise ValueError(_mismatch(saved, built)) from error


def _mismatched_size(layer: str, built: str, saved: str) -> str:
    return (
        "the config of a model must have the sizes that its weights were trained with, but the "
        f"layer {layer} is {built} wide where the weights have {saved}. To fix: write the sizes of "
        "the training into [components.<name>.model] of the config, its rescorer and its tok2vec, "
        "and its groups of labels, if any; the config.cfg beside the weights has them"
    )


def _mismatch(saved: Counter[str], built: Counter[str]) -> str:
    rule = "the config of a model must have the layers that its weights were trained with, "
    where = "[components.<name>.model] of the config"
    if saved[RESCORER] > built[RESCORER]:
        return (
            f"{rule}but has no rescorer, and the weights have one. To fix: add the block rescorer "
            f"of the training to {where}, or train again"
        )
    if saved[RESCORER] < built[RESCORER]:
        return (
            f"{rule}but has a rescorer, and the weights have none. To fix: write rescorer = null "
            f"into {where}, or train again"
        )
    more, less = (
        ", ".join(sorted(part.elements())) or "nothing" for part in (built - saved, saved - built)
    )
    return (
        f"{rule}but has {more} where the weights have {less}. To fix: write the settings of the "
        f"training into {where} and into its tok2vec; the config.cfg beside the weights has them"
    )


def check_loaded(model: Model) -> None:
    """Check that the labels and the layout of a loaded model fit the shapes of its weights.

    RAISES (ValueError): they do not.
    """
    layout = model.attrs["layout"]
    weights = {"output_layer": "W" if find_text_vectors(model) is None else "T", "extractor": "W"}
    if not model.get_ref("output_layer").has_param(weights["output_layer"]):
        return
    wanted = {"output_layer": prod(output_columns(model))}
    if model.maybe_get_ref("types"):
        wanted["extractor"] = layout.factor_width - prod(layout.label_columns)
    found = {name: len(model.get_ref(name).get_param(weights[name])) for name in wanted}
    labels, n_labels = model.attrs["labels"], model.get_dim("nO")
    if found != wanted or not len(labels) == layout.n_labels == n_labels:
        shown = ", ".join(labels[:5]) + ", ..." * (len(labels) > 5)
        raise ValueError(
            f"the weights of a model must fit its labels and its layout, but {len(labels)} labels "
            f"({shown}) and {layout} need {wanted} columns, and the weights have {found}, for "
            f"{n_labels} labels. To fix: load the model as it was saved, or train again"
        )
    check_groups(model)
