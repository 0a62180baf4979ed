"""Spans on other tokens of the same text: predicted ones on those of the reference, and back."""

from collections.abc import Sequence
from typing import cast

import numpy
from spacy.errors import Errors
from spacy.tokens import Doc
from spacy.training import Example

from ..spans import LabelledSpan
from .alignment import has_same_tokens


def to_reference(example: Example, cells: Sequence[LabelledSpan]) -> list[LabelledSpan]:
    """Find predicted spans on the tokens of the reference, in their order.

    RAISES (ValueError): texts that differ in more than white space and capitals.
    """
    return _move(example, cells, example.predicted, example.reference)


def to_predicted(example: Example, cells: Sequence[LabelledSpan]) -> list[LabelledSpan]:
    """Find spans of the reference on the predicted tokens, in their order.

    RAISES (ValueError): texts that differ in more than white space and capitals.
    """
    return _move(example, cells, example.reference, example.predicted)


def _move(
    example: Example, cells: Sequence[LabelledSpan], source: Doc, target: Doc
) -> list[LabelledSpan]:
    if has_same_tokens(example):
        return list(cells)
    before, after = _characters(source), _characters(target)
    if before[0] != after[0]:
        texts = [str([token.text for token in doc[:10]]) for doc in (source, target)]
        raise ValueError(Errors.E949.format(x=texts[0], y=texts[1]))
    own, others = before[1], after[1]
    moved = []
    for start, end, label in cells:
        # White space has no characters here: the span begins after it, and ends before it.
        first = _border(others, own[int(start)], "right")
        last = _border(others, own[int(end)], "left")
        # A fraction equals no gold border, and what the span overlaps can still be told.
        moved.append(LabelledSpan(cast(int, first), cast(int, max(first, last)), label))
    return moved


def _characters(doc: Doc) -> tuple[str, numpy.ndarray]:
    """The text without white space and capitals, and its characters before each token border."""
    words = ["".join(token.text.casefold().split()) for token in doc]
    return "".join(words), numpy.cumsum([0, *map(len, words)])


def _border(others: numpy.ndarray, place: int, side: str) -> float:
    """The border at a place in the text.

    others (l + 1): characters before each border.
    side: of several borders with white space between them, the "left" or the "right" one.
    """
    left = int(numpy.searchsorted(others, place, "left"))
    if others[left] == place:
        return left if side == "left" else int(numpy.searchsorted(others, place, "right")) - 1
    before, behind = int(others[left - 1]), int(others[left])
    return left - 1 + (int(place) - before) / (behind - before)
