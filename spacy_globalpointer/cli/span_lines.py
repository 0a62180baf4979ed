"""Tokens in lines, with spans stacked under them: a grid for each line, which a page fills in."""

import unicodedata
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

# Columns (widths of a digit) of a line; Chinese characters have two.
WIDTH = 66
# Columns of a sign in the small letters of labels, and of a score and the space around it.
SMALL, SCORE = 0.95, 6


class Bar(NamedTuple):
    """A span, or its part in one line.

    span: as it was given.
    row: under the tokens, from 1.
    start, end: tokens of the line, from 0, end exclusive.
    is_begun, goes_on: it has a part in an earlier line, or a later one; or outside of the tokens.
    """

    span: Dict[str, Any]
    row: int
    start: int
    end: int
    is_begun: bool
    goes_on: bool


def break_lines(
    tokens: Sequence[str], sides: Sequence[Sequence[Dict[str, Any]]], offset: int
) -> List[Tuple[int, int]]:
    """Break tokens into lines, the same for several sets of spans.

    tokens: texts, with the space after them.
    sides: sets of spans: "start" and "end" (tokens of the document), "label".
    offset: of the first token in its document.
    RETURNS: start and end (exclusive) of each line, from 0.
    """
    widths = [float(_width(token)) for token in tokens]
    shifted = [
        [(s["start"] - offset, s["end"] - offset, _width(s["label"]) * SMALL + SCORE) for s in side]
        for side in sides
    ]
    lines, start = [], 0
    for i in range(1, len(tokens)):
        if any(_line_width(widths, side, start, i + 1) > WIDTH for side in shifted):
            lines.append((start, i))
            start = i
    return [*lines, (start, len(tokens))] if tokens else []


def _line_width(
    widths: Sequence[float], spans: Sequence[Tuple[int, int, float]], first: int, after: int
) -> float:
    """Columns of the tokens from first to after, which spans make as wide as their labels.

    widths: of the tokens.
    spans: start, end and columns of the label; a span that goes on in another line has it in both.
    """
    own = list(widths[first:after])
    for start, end, wanted in sorted(spans, key=lambda span: span[1] - span[0]):
        part = range(max(start, first) - first, min(end, after) - first)
        lacking = wanted - sum(own[i] for i in part)
        for i in part:
            own[i] += max(0, lacking) / len(part)
    return sum(own)


def stack(
    spans: Sequence[Dict[str, Any]], lines: Sequence[Tuple[int, int]], offset: int
) -> List[List[Bar]]:
    """Give spans rows in which they do not overlap, the shortest next to the tokens.

    spans: "start" and "end" (tokens of the document), "label".
    lines: from break_lines.
    offset: of the first token in its document.
    RETURNS: the bars of each line.
    """
    rows: List[List[Tuple[int, int]]] = []
    bars: List[List[Bar]] = [[] for _ in lines]
    for span in sorted(spans, key=lambda span: (span["end"] - span["start"], span["start"])):
        start, end = span["start"] - offset, span["end"] - offset
        # Under all that it overlaps: an outer span is below its inner ones.
        taken = [i for i, row in enumerate(rows) if any(s < end and start < e for s, e in row)]
        place = max(taken, default=-1) + 1
        if place == len(rows):
            rows.append([])
        rows[place].append((start, end))
        for bar, (first, after) in zip(bars, lines, strict=True):
            if start < after and first < end:
                part = max(start, first) - first, min(end, after) - first
                bar.append(Bar(span, place + 1, *part, start < first, end > after))
    return [sorted(bar, key=lambda b: (b.row, b.start)) for bar in bars]


def _width(text: str) -> int:
    """Columns of a text: Chinese, Japanese and Korean characters have two, accents none."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) > 0 for sign in text)
