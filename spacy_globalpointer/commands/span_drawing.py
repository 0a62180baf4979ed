"""Nested spans as lines under their text; the macros of `spans.html` draw what is laid out here."""

from collections.abc import Iterable, Sequence
from itertools import count
from typing import NamedTuple
from unicodedata import east_asian_width

from ..corpora.messages import shorten
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


# The part of a mark that is under one piece of text: the mark, its row of the grid, whose row 1 is
# the text, and where the name is shown, whether it is "narrow" or "wide": longer than the span.
Line = tuple[Mark, int, str]


class Drawing(NamedTuple):
    """A text with marks.

    pieces: of the text, each with the lines under it.
    room (em): needed at the right, for a name that is longer than the last word of a line of text.
    """

    pieces: list[tuple[str, list[Line]]]
    room: float


def lay_out(tokens: Sequence[str], marks: Iterable[Mark], first: int = 0) -> Drawing:
    """Give each mark a row of its own under its tokens: the outer ones are nearer to the text.

    tokens: of a part of a text, with the space after them.
    marks: those that go beyond the part are cut off, but they touch it.
    first (tokens): where the part begins in the text.
    """
    under: list[list[Line]] = [[] for _ in tokens]
    room, n = 0.0, len(tokens)
    for mark in sorted(marks, key=lambda mark: (mark.span.start, -mark.span.end, mark.span.label)):
        start, end = max(0, mark.span.start - first), mark.span.end - first
        taken = {row for lines in under[start:end] for _, row, _ in lines}
        row = next(row for row in count(2) if row not in taken)
        width = LABEL_WIDTH * text_width(mark.name) + 1
        room = max(room, 0.6 * (width - text_width(tokens[start])))
        is_narrow = width <= text_width("".join(tokens[start:end]).rstrip())
        under[start].append((mark, row, "narrow" if is_narrow else "wide"))
        for lines in under[start + 1 : end]:
            lines.append((mark, row, ""))
    pieces = []
    for i, (token, lines) in enumerate(zip(tokens, under, strict=True), start=1):
        # No line goes on under the space after the last word of its span.
        after = [(mark, row, "") for mark, row, _ in lines if i < min(mark.span.end - first, n)]
        if lines and not token.strip():
            pieces.append((" ", lines))  # a line break would tear the lines apart
        elif token.endswith(" ") and len(after) < len(lines):
            pieces += [(token[:-1], lines), (" ", after)]
        else:
            pieces.append((token, lines))
    return Drawing(pieces, round(room, 1))


def text_width(text: str) -> int:
    """Width of a text in half-width characters: Chinese ones count twice."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def one_line(text: str, most: int = 200) -> str:
    """Text without line breaks, at most so many characters of it."""
    return shorten(" ".join(text.split()), most)
