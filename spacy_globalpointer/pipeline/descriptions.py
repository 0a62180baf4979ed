"""Texts of labels, for a model that reads types from text: their rules, and changes undone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from thinc.api import Model

from ..messages import list_some
from ..models import find_text_vectors, read_texts
from .spelling import find_label


@contextmanager
def described(name: str, model: Model, label: str, description: str | None) -> Iterator[None]:
    """Describe a label, which may be added meanwhile; if that fails, the model is as before.

    name: of the component.
    description: None for the one that the label has, or its name.
    RAISES (ValueError): an empty description, one for a model without type_encoder, an encoder that
        is missing or broken.
    """
    vectors = find_text_vectors(model)
    if description is not None:
        _check(name, vectors, label, description)
    if vectors is None:
        yield
        return
    labels, descriptions = list(model.attrs["labels"]), vectors.attrs["descriptions"]
    if description is not None:
        vectors.attrs["descriptions"] = {**descriptions, label: description}
    try:
        yield
        read_texts(vectors, model.attrs["labels"])
    except Exception:
        model.attrs["labels"], vectors.attrs["descriptions"] = labels, descriptions
        raise


def describe_labels(name: str, model: Model, descriptions: Sequence[Sequence[str]] | None) -> None:
    """Describe labels before the initialization.

    name: of the component.
    descriptions (pairs of label and text): None for none.
    RAISES (ValueError): not a list of pairs, an empty description, a label that is unknown or is
        named twice, a model without type_encoder.
    """
    vectors, labels = find_text_vectors(model), model.attrs["labels"]
    found: dict[str, str] = {}
    for pair in descriptions or ():
        if not _is_pair(pair):
            raise ValueError(
                f"'{name}': descriptions must be a list of [label, text], such as "
                f'[["DRUG", "a medicine"]], but has: {pair!r}'
            )
        text, description = pair
        _check(name, vectors, text, description)
        label = find_label(text, labels)
        if label is None:
            raise ValueError(
                f"'{name}': descriptions must name labels of the component, was: {text!r}. To "
                "fix: remove it, or name the label in `labels` too. Its labels are: "
                f"{list_some(labels, 10)}"
            )
        if label in found:
            raise ValueError(
                f"'{name}': descriptions must name each label once, was: {label!r}. To fix: leave "
                "one of them"
            )
        found[label] = description
    if vectors is not None:
        vectors.attrs["descriptions"] = {**vectors.attrs["descriptions"], **found}


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, (list, tuple))
        and len(pair) == 2
        and all(isinstance(text, str) for text in pair)
    )


def _check(name: str, vectors: Model | None, label: str, description: str) -> None:
    if vectors is None:
        raise ValueError(
            f"'{name}': a description needs a model with type_encoder, was: one without, and a "
            f"description of {label!r}. To fix: set type_rank, and add the block "
            f"[components.{name}.model.type_encoder] to the config, or remove the description"
        )
    if not isinstance(description, str) or not description.strip():
        raise ValueError(
            f"'{name}': the description of a label must be a text that is not empty, was: "
            f"{description!r} of {label!r}. To fix: leave it out to read the type from the name"
        )
