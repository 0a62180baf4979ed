"""Nested spans as lines under their text; the macros of `spans.html` draw what is laid out here."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple
from unicodedata import east_asian_width

from ..messages import shorten
from ..spans import LabelledSpan

# Width of a character of a label, as a share of one of the text: labels are smaller, but bold and
# often upper case.
LABEL_WIDTH = 0.9


class Mark(NamedTuple):
    """A span to draw.

    span (tokens): of the text; its label has the colour.
    name: shown at its start.
    title: shown when the pointer is over it.
    is_odd: drawn so that it stands out.
    """

    span: LabelledSpan
    name: str
    title: str
    is_odd: bool = False


class Line(NamedTuple):
    """The part of a mark that is under one token.

    row: of the grid, whose row 1 is the text.
    name: where it is shown, "narrow" or "wide": longer than the span.
    end: where the mark ends "end", "spaced end" if a space follows.
    """

    mark: Mark
    row: int
    name: str
    end: str


class Place(NamedTuple):
    """Where a mark is: its row, from 2, as row 1 is the text, and its tokens in a part of it."""

    mark: Mark
    row: int
    begin: int
    end: int


class Drawing(NamedTuple):
    """A text with marks.

    pieces: the tokens, each with the lines under it.
    room (em): needed at the right, for a name that is longer than the last word of a line of text.
    """

    pieces: list[tuple[str, list[Line]]]
    room: float


def place_marks(n_tokens: int, marks: Iterable[Mark], first: int = 0) -> list[Place]:
    """Give each mark a row of its own under its tokens: the outer ones are nearer to the text.

    n_tokens: of a part of a text.
    marks: those that go beyond the part are cut off, but they touch it.
    first (tokens): where the part begins in the text.
    """
    taken: list[set[int]] = [set() for _ in range(n_tokens)]
    places = []
    for mark in sorted(marks, key=lambda mark: (mark.span.start, -mark.span.end, mark.span.label)):
        start, end = max(0, mark.span.start - first), min(mark.span.end - first, n_tokens)
        rows = set().union(*taken[start:end])
        row = next(row for row in count(2) if row not in rows)
        for own in taken[start:end]:
            own.add(row)
        places.append(Place(mark, row, start, end))
    return places


def lay_out(tokens: Sequence[str], marks: Iterable[Mark], first: int = 0) -> Drawing:
    """Put a line for each mark under its tokens, as `place_marks` says.

    tokens: of a part of a text, with the space after them.
    """
    under: list[list[Line]] = [[] for _ in tokens]
    room = 0.0
    for mark, row, start, end in place_marks(len(tokens), marks, first):
        width = LABEL_WIDTH * text_width(mark.name) + 1
        room = max(room, 0.6 * (width - text_width(tokens[start])))
        is_narrow = width <= text_width("".join(tokens[start:end]).rstrip())
        for lines in under[start:end]:
            lines.append(Line(mark, row, "", ""))
        under[start][-1] = Line(mark, row, "narrow" if is_narrow else "wide", "")
        last = "spaced end" if tokens[end - 1].endswith(" ") else "end"
        under[end - 1][-1] = under[end - 1][-1]._replace(end=last)
    # A line break would tear the lines of its spans apart.
    texts = [
        " " if lines and not token.strip() else token
        for token, lines in zip(tokens, under, strict=True)
    ]
    return Drawing(list(zip(texts, under, strict=True)), round(room, 1))


def text_width(text: str) -> int:
    """Width of a text in half-width characters: Chinese ones count twice."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def one_line(text: str, most: int = 200) -> str:
    """Text without line breaks, at most so many characters of it."""
    return shorten(" ".join(text.split()), most)
