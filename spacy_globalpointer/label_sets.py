"""Which labels a document is annotated with: attrs["labels"] of its group of gold spans.

A group without it is annotated with all labels. spaCy drops the attrs of a group in the same places
where it drops those of relations: see `groups`.
"""

from collections.abc import Collection, Iterable
from typing import Any, Protocol, TypeVar

from spacy.tokens import Doc

# Name in the attrs of a group, and in a record of JSON lines.
DECLARED, SPAN_LABELS = "labels", "span_labels"


class Labelled(Protocol):
    """What has a label."""

    @property
    def label(self) -> str:
        """Its name."""


Item = TypeVar("Item", bound=Labelled)


def declared_labels(doc: Doc, key: str) -> frozenset[str] | None:
    """The labels that a document says it is annotated with.

    key: of doc.spans.
    RETURNS: None for all labels: the group is missing, or says nothing.
    RAISES (ValueError): attrs["labels"] that is no list of names, a span with another label.
    """
    group = doc.spans.get(key)
    declared = None if group is None else group.attrs.get(DECLARED)
    if group is None or declared is None:
        return None
    fault = find_list_fault(declared)
    where = f"in doc.spans[{key!r}] of the document {doc.text[:60]!r}"
    if fault:
        raise ValueError(
            f'attrs["{DECLARED}"] {fault}, was: {declared!r} {where}. To fix: list the labels that '
            "the document is annotated with, or remove it if these are all"
        )
    for span in group:
        if span.label_ not in declared:
            raise ValueError(
                f'a gold span must have a label of attrs["{DECLARED}"], those that its document is '
                f"annotated with, was: {span.label_!r} ({span.text[:60]!r}), not in "
                f"{list(declared)} {where}. To fix: add the label, or remove the span"
            )
    return frozenset(declared)


def of_labels(items: Iterable[Item], declared: Collection[str] | None) -> list[Item]:
    """Those that have one of the labels.

    declared: None for all labels.
    """
    return [item for item in items if declared is None or item.label in declared]


def find_list_fault(labels: Any) -> str:
    """The rule that a list of labels breaks; empty if it breaks none."""
    if not isinstance(labels, (list, tuple)):
        return "must be a list of labels"
    if not all(isinstance(label, str) and label.strip() for label in labels):
        return "must hold labels, which are non-empty strings"
    if len(set(labels)) < len(labels):
        return "must name each label once"
    return ""
