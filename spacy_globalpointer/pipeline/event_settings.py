"""Settings of `event_pointer`: their own rules."""

from typing import Any

from spacy.tokens import Doc

from ..messages import BY_DEFAULT
from .pair_settings import check_pair_settings
from .settings import describe_count, is_count


def check_event_settings(name: str, cfg: dict[str, Any]) -> None:
    """Refuse invalid settings.

    name: of the component, for the message.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    check_pair_settings(name, "events", cfg)
    for what in ("max_arguments", "max_events"):
        value = cfg[what]
        if not is_count(value):
            raise ValueError(
                f"'{name}': {what} must be {describe_count(value)}, was: {value!r}. {BY_DEFAULT}"
            )


def check_trained_kind(name: str, cfg: dict[str, Any], has_trigger: bool) -> None:
    """Refuse a setting of triggers that is not that of the training: no event would be found.

    has_trigger: whether the events of the training had triggers.
    RAISES (ValueError): naming the repair.
    """
    if cfg["trigger"] != has_trigger:
        now, then = str(cfg["trigger"]).lower(), str(has_trigger).lower()
        raise ValueError(
            f"'{name}': trigger must be as in training, was: {now}. To fix: set trigger = {then}, "
            f"or initialize and train again with trigger = {now}"
        )


def describe_full_pairs(name: str, doc: Doc, most: int) -> str:
    """Say that a document has more edges than are looked at.

    most (edges): twice max_arguments for each span.
    """
    return (
        f"'{name}' read events from only the best {most} edges between spans of the document "
        f"{doc.text[:60]!r}: more reach the threshold. To fix: raise the threshold, or "
        "max_arguments"
    )


def describe_left_out(name: str, doc: Doc, n_left_out: int, cfg: dict[str, Any]) -> str:
    """Say that triggers have more arguments than allowed.

    n_left_out: arguments, or links without triggers.
    """
    what = "arguments of triggers" if cfg["trigger"] else "links between arguments"
    return (
        f"'{name}' left out {n_left_out} {what} in the document {doc.text[:60]!r}, those with the "
        f"lowest scores: more reach the threshold than max_arguments = {cfg['max_arguments']} "
        "allows. To fix: raise the threshold, or max_arguments"
    )


def describe_full_events(name: str, doc: Doc, n_full: int, cfg: dict[str, Any]) -> str:
    """Say that triggers have more events than allowed.

    n_full: triggers, or sets of joined arguments.
    """
    what = "triggers" if cfg["trigger"] else "sets of joined arguments"
    return (
        f"'{name}' found only some of the events of {n_full} {what} in the document "
        f"{doc.text[:60]!r}: they have more than max_events = {cfg['max_events']} allows. To fix: "
        "raise the threshold, or max_events"
    )


def describe_no_labels(name: str, cfg: dict[str, Any]) -> str:
    """Say that there is nothing to learn or to find."""
    other = "false" if cfg["trigger"] else "true"
    has = "a trigger and an argument" if cfg["trigger"] else "two arguments and no trigger"
    return (
        f"'{name}' has no labels. To fix: initialize with a gold event that has {has}, in "
        f"doc.spans[{cfg['events_key']!r}], or with labels; or set trigger = {other} if that is "
        "how events are annotated"
    )
