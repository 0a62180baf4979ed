"""Whether the loss and the data suit how many spans of a label a component finds in a text."""

from functools import partial

from ..losses import SpanLoss
from ..nn import expected_f1
from .gold import GoldReader


def describe_one_span(name: str, loss: SpanLoss, one_per_label: bool, reader: GoldReader) -> str:
    """Say that the loss, or the data, are at odds with the setting.

    name, loss, one_per_label: of the component.
    reader: which has read the training data.
    RETURNS: empty if they are not.
    """
    if not one_per_label:
        if not is_of_one_span(loss):
            return ""
        return (
            f"'{name}' learns one span of each label in a text with the loss ExpectedF1, but may "
            "find several, because one_per_label = false. To fix: set one_per_label = true in "
            f"[components.{name}]"
        )
    if not reader.repeated:
        return ""
    return (
        f"'{name}' finds at most one span of each label in a text, but {reader.repeated} of "
        f"{reader.documents} documents of the training data have several: it will miss all but "
        f"one. To fix: set one_per_label = false in [components.{name}], or leave it if any one "
        "of them will do"
    )


def is_of_one_span(loss: SpanLoss) -> bool:
    """Whether a loss is for one span of each label in a text."""
    return isinstance(loss, partial) and loss.func is expected_f1
