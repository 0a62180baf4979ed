"""Settings that give labels a number of their own: lists of [label, number].

They are lists because a table keyed by label does not survive a config.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..messages import list_some, quote
from .spelling import DOLLAR, find_label

# Each such setting, what its numbers are, and an example.
TABLES = {
    "label_thresholds": ("threshold", '[["ORG", 0.4], ["GPE", 0.6]]'),
    "label_weights": ("weight", '[["ORG", 2.0], ["GPE", 0.5]]'),
}
TWICE = (
    "'{name}': {what} must name each label once, but has {label!r} {count} times. "
    "To fix: leave one of them"
)


def check_table(name: str, what: str, pairs: Sequence[Any]) -> None:
    """Refuse what is no list of labels with a number each.

    name: of the component.
    what: one of TABLES.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    number, example = TABLES[what]
    for pair in pairs:
        if not (len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], (int, float))):
            raise ValueError(
                f"'{name}': {what} must be a list of [label, {number}], such as {example}, but "
                f"has: {pair!r}"
            )
    for label, count in Counter(label for label, _ in pairs).items():
        if count > 1:
            raise ValueError(TWICE.format(name=name, what=what, label=label, count=count))
        refuse_variable(name, what, label)


def own_numbers(
    name: str, labels: Sequence[str], cfg: dict[str, Any], what: str
) -> dict[str, float]:
    """Read such a setting.

    name, labels: of the component.
    what: one of TABLES.
    RETURNS: numbers by label of the component.
    RAISES (ValueError): an unknown label, or one that is named twice.
    """
    own: dict[str, float] = {}
    for text, number in cfg[what]:
        label = find_label(text, labels)
        if label is None:
            hint = (
                f" A config doubles '$': write it as {DOLLAR}, in a config file as \\{DOLLAR}."
                if "$" in text
                else ""
            )
            raise ValueError(
                f"'{name}': {what} must name labels of the component, was: {quote(text)}."
                f"{hint} Its labels are: {list_some(labels, 10)}. To fix: correct it, or leave it "
                "out"
            )
        if label in own:
            raise ValueError(TWICE.format(name=name, what=what, label=label, count=2))
        own[label] = float(number)
    return own


def refuse_variable(name: str, what: str, label: str) -> None:
    """Refuse a label in a setting if a config would take it for a variable.

    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if "${" in label:
        raise ValueError(
            f"'{name}': {what} must not contain '${{', which begins a variable in a config, was: "
            f"{label!r}. To fix: write each '$' as {DOLLAR}, in a config file as \\{DOLLAR}"
        )
