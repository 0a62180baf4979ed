"""Settings of `relation_pointer`: their own rules."""

from collections.abc import Sequence
from typing import Any

from spacy.tokens import Doc

from ..messages import list_some, quote
from .pair_settings import check_pair_settings
from .spelling import find_label


def check_relation_settings(name: str, cfg: dict[str, Any]) -> None:
    """Refuse invalid settings.

    name: of the component, for the message.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    check_pair_settings(name, "relations", cfg)
    symmetric = cfg["symmetric"]
    if isinstance(symmetric, str) or not all(isinstance(label, str) for label in symmetric):
        raise ValueError(
            f"'{name}': symmetric must be a list of labels, such as [\"COMPARE\"], was: "
            f"{symmetric!r}"
        )


def check_symmetric(name: str, labels: Sequence[str], cfg: dict[str, Any]) -> None:
    """Refuse symmetric labels that are no labels of the component.

    RAISES (ValueError): naming them.
    """
    unknown = [label for label in cfg["symmetric"] if label not in labels]
    if unknown:
        raise ValueError(
            f"'{name}': symmetric must name labels of the component, was: {quote(unknown[0])}. "
            f"Its labels are: {list_some(labels, 10)}. To fix: correct it, or leave it out"
        )


def find_symmetric(name: str, labels: Sequence[str], cfg: dict[str, Any]) -> list[str]:
    """Find the symmetric labels, whose `$` may be spelt as in label_thresholds.

    RETURNS: labels of the component.
    RAISES (ValueError): others.
    """
    found = [find_label(text, labels) or text for text in cfg["symmetric"]]
    check_symmetric(name, labels, {"symmetric": found})
    return found


def describe_full_relations(name: str, doc: Doc, most: int) -> str:
    """Say that a document has more relations than allowed.

    most (relations): what max_relations allows.
    """
    return (
        f"'{name}' kept only the best {most} relations of the document {doc.text[:60]!r}: more "
        "reach the threshold than max_relations allows. To fix: raise the threshold, or "
        "max_relations"
    )
