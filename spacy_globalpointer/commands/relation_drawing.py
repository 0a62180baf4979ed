"""Relations as arcs under nested spans; the macros of `relations.html` draw what is laid out here.

A line of text is a grid: its columns are tokens, and below the words are a row for each depth of
spans and a row for each depth of arcs. So the browser finds all widths, and a label gets the room
that it needs. An arc that would leave its line is listed instead.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count, pairwise
from typing import NamedTuple

from ..spans import LabelledSpan
from .span_drawing import Mark, Place, place_marks

# Arcs of one line, and the rows that they take; more cannot be followed with the eye.
MOST_ARCS, MOST_ROWS = 40, 16


class Arc(NamedTuple):
    """A relation to draw.

    head, child (tokens): the spans of marks.
    label: has the colour.
    words: of head and child.
    name: shown on it.
    title: shown when the pointer is over it.
    score: None if it was not predicted.
    is_directed: drawn with an arrow head at the child.
    is_odd: drawn so that it stands out.
    is_listed: listed where it cannot be drawn.
    """

    head: LabelledSpan
    child: LabelledSpan
    label: str
    words: tuple[str, str]
    name: str
    title: str
    score: float | None = None
    is_directed: bool = True
    is_odd: bool = False
    is_listed: bool = True


class Area(NamedTuple):
    """Something in the grid of its line: rows and columns from 1, begin and end, as in CSS."""

    row: int
    begin: int
    end: int


class Leg(NamedTuple):
    """The part of an arc from a span down to the part that is parallel to the text.

    row, until: its first row, and the row of that part.
    column: the line of the grid where it is, at the "start" or the "end" of that part.
    has_head: whether the arrow head is at its upper end.
    """

    row: int
    until: int
    column: int
    side: str
    has_head: bool


class RelatedLine(NamedTuple):
    """One line of text: its words, marks, and arcs with their two legs."""

    n_columns: int
    words: list[tuple[str, Area]]
    marks: list[tuple[Mark, Area]]
    arcs: list[tuple[Arc, Area, list[Leg]]]


class Listed(NamedTuple):
    """A relation that is not drawn, and the lines (from 1; None elsewhere) of its spans."""

    arc: Arc
    head: int | None
    child: int | None


class RelatedDrawing(NamedTuple):
    """A text with spans and relations: its lines, and the relations that are listed beside it."""

    lines: list[RelatedLine]
    listed: list[Listed]


def lay_out_relations(
    tokens: Sequence[str],
    borders: Sequence[int],
    marks: Sequence[Mark],
    arcs: Iterable[Arc],
    first: int = 0,
) -> RelatedDrawing:
    """Place the spans and relations of a part of a text under its lines.

    tokens: of the part, with the space after them.
    borders: where its lines begin, and its end: from `break_lines`.
    marks, arcs: those of the part; an arc is drawn if its spans are marks that begin in one line.
    first (tokens): where the part begins in the text.
    """
    known = {mark.span for mark in marks}
    lines_of = {
        first + token: number
        for number, (begin, end) in enumerate(pairwise(borders), start=1)
        for token in range(begin, end)
    }
    inside: defaultdict[int, list[Arc]] = defaultdict(list)
    rest, lines = [], []
    for arc in arcs:
        head, child = lines_of.get(arc.head.start), lines_of.get(arc.child.start)
        if head is not None and head == child and arc.head in known and arc.child in known:
            inside[head].append(arc)
        else:
            rest.append(arc)
    for number, (begin, end) in enumerate(pairwise(borders), start=1):
        # A line break would tear the line apart.
        words = [word if word.strip() else " " for word in tokens[begin:end]]
        start, stop = first + begin, first + end
        own = [mark for mark in marks if mark.span.start < stop and mark.span.end > start]
        line, more = _lay_out_line(words, place_marks(len(words), own, start), inside[number])
        lines.append(line)
        rest += more
    listed = [
        Listed(arc, *(lines_of.get(s.start) for s in (arc.head, arc.child)))
        for arc in rest
        if arc.is_listed
    ]
    return RelatedDrawing(lines, sorted(listed, key=lambda row: row.arc[:3]))


def _lay_out_line(
    words: Sequence[str], places: Sequence[Place], arcs: Sequence[Arc]
) -> tuple[RelatedLine, list[Arc]]:
    """One line, and the arcs that have no room there: those least sure, and the longest ones."""
    arcs = sorted(arcs, key=lambda arc: (-(arc.score or 0.0), _length(arc)))
    arcs, rest = arcs[:MOST_ARCS], arcs[MOST_ARCS:]
    ends = _find_columns(len(words), places, arcs)
    rows = _find_rows(ends.arcs)
    if max(rows, default=0) >= MOST_ROWS:
        rest += [arc for arc, row in zip(arcs, rows, strict=True) if row >= MOST_ROWS]
        arcs = [arc for arc, row in zip(arcs, rows, strict=True) if row < MOST_ROWS]
        ends = _find_columns(len(words), places, arcs)
        rows = _find_rows(ends.arcs)
    columns, below = ends.words, 1 + max((place.row for place in places), default=1)
    row_of = {place.mark.span: place.row for place in places}
    drawn = []
    for arc, (head, child), row in zip(arcs, ends.arcs, rows, strict=True):
        run = Area(below + row, min(head, child), max(head, child))
        legs = [
            Leg(row_of[span] + 1, run.row, column, "start" if column == run.begin else "end", tip)
            for span, column, tip in (
                (arc.head, head, False),
                (arc.child, child, arc.is_directed),
            )
        ]
        drawn.append((arc, run, legs))
    line = RelatedLine(
        columns[-1] - 1,
        [(word, Area(1, *columns[i : i + 2])) for i, word in enumerate(words)],
        [(p.mark, Area(p.row, columns[p.begin], columns[p.end])) for p in places],
        drawn,
    )
    return line, rest


def _length(arc: Arc) -> int:
    return abs(arc.head.start - arc.child.start)


class _Columns(NamedTuple):
    """Lines of the grid: where words begin, and the end of the last; head and child of each arc."""

    words: list[int]
    arcs: list[tuple[int, int]]


def _find_columns(n_words: int, places: Sequence[Place], arcs: Sequence[Arc]) -> _Columns:
    """Give each end of an arc a place of its own under its word, so that few of them cross.

    Under a word, arcs to the left come first, the shortest first, then those to the right.
    """
    at = {place.mark.span: _find_anchor(place, places) for place in places}
    ends: list[list[tuple[tuple[int, int, int, int], int, int]]] = [[] for _ in range(n_words)]
    for number, arc in enumerate(arcs):
        both = at[arc.head], at[arc.child]
        for side, (here, there) in enumerate((both, both[::-1])):
            far = abs(there - here)
            if there < here:
                key = (0, far, -number, side)
            elif there == here:
                key = (1, number, side, 0)
            else:
                key = (2, -far, number, side)
            ends[here].append((key, number, side))
    words, column_of = [1], {}
    for own in ends:
        for column, (_, number, side) in enumerate(sorted(own), start=words[-1] + 1):
            column_of[number, side] = column
        words.append(words[-1] + len(own) + 1)
    return _Columns(words, [(column_of[i, 0], column_of[i, 1]) for i in range(len(arcs))])


def _find_anchor(place: Place, places: Sequence[Place]) -> int:
    """The word of a mark that its arcs come from: near its middle, and free of marks below it."""

    def rate(word: int) -> tuple[int, int, int, int]:
        below = [p for p in places if p.row > place.row and p.begin <= word < p.end]
        n_names = sum(p.begin == word for p in below)
        return len(below), n_names, abs(2 * word - place.begin - place.end + 1), word

    return min(range(place.begin, place.end), key=rate)


def _find_rows(ends: Sequence[tuple[int, int]]) -> list[int]:
    """A row, from 0, for each arc: below all that are inside it, and beside no other."""
    taken: list[list[tuple[int, int]]] = []
    rows = [0] * len(ends)
    for i in sorted(range(len(ends)), key=lambda i: abs(ends[i][0] - ends[i][1])):
        begin, end = sorted(ends[i])
        for row in count():
            if row == len(taken):
                taken.append([])
            if all(end < start or stop < begin for start, stop in taken[row]):
                break
        taken[row].append((begin, end))
        rows[i] = row
    return rows
