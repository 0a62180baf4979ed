"""The worst errors in their sentences: found though wrong with a high score, missed with a low one.

Wrong spans and missed ones take turns, so that neither crowds out the other.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ...spans import MISSED, MISSED_NESTED, LabelledSpan, name_errors
from .judged import Judged

# Longer sentences, and documents without sentences, are cut to so many around the error.
MOST_TOKENS = 60


class SpanError(NamedTuple):
    """A span that was found and is wrong, or was missed.

    kind: one of those of `spans.name_errors`.
    score (probability): None for a span that can never be found.
    """

    document: Judged
    cell: LabelledSpan
    kind: str
    score: float | None


class Excerpt(NamedTuple):
    """A part of a document (tokens, end exclusive), and the error that it is there for."""

    error: SpanError
    start: int
    end: int

    def holds(self, error: SpanError) -> bool:
        """Whether another error can be seen in it: whole, or as much as any excerpt could hold."""
        start, end = error.cell.touched
        if error.document.number != self.error.document.number or start < self.start:
            return False
        return end <= self.end or (end - start > MOST_TOKENS and start < self.end)


def find_excerpts(documents: Sequence[Judged], most: int) -> list[Excerpt]:
    """Find the worst errors, each in a part of its document that was not shown for another.

    most (excerpts): that are wanted.
    """
    excerpts: list[Excerpt] = []
    shown: dict[int, list[Excerpt]] = {}
    for error in rank_errors(documents):
        if len(excerpts) >= most:
            break
        others = shown.setdefault(error.document.number, [])
        if not any(excerpt.holds(error) for excerpt in others):
            excerpts.append(Excerpt(error, *cut_around(error)))
            others.append(excerpts[-1])
    return excerpts


def rank_errors(documents: Sequence[Judged]) -> Iterator[SpanError]:
    """Order errors: the wrong span with the highest score, the missed one with the lowest, ...

    Missed spans that can never be found are no fault of the scores, and come last.
    """
    errors = [
        SpanError(document, cell, kind, document.score(cell))
        for document in documents
        for cell, kind in name_errors(document.gold, set(document.found))
    ]
    missed = [error for error in errors if error.kind in (MISSED, MISSED_NESTED)]
    wrong = [error for error in errors if error.kind not in (MISSED, MISSED_NESTED)]
    wrong.sort(key=lambda error: -(error.score or 0))
    missed.sort(key=lambda error: 1.0 if error.score is None else error.score)
    turns = chain.from_iterable(zip_longest(wrong, missed))
    return (error for error in turns if error is not None)


def cut_around(error: SpanError) -> tuple[int, int]:
    """Find the sentences of an error, or MOST_TOKENS around it; only a longer span is not whole.

    RETURNS (tokens): start, end (exclusive).
    """
    start, end = error.cell.touched
    document = error.document
    borders = [*document.sentences, len(document.doc)]
    first = min(start, len(document.doc) - 1)  # a span without a token may be behind the last
    left = max((border for border in borders if border <= first), default=0)
    right = min(border for border in borders if border >= max(end, first + 1))
    if right - left > MOST_TOKENS:
        room = max(0, MOST_TOKENS - (end - start)) // 2
        left = max(left, min(start - room, right - MOST_TOKENS))
        right = left + MOST_TOKENS
    return left, right


def describe_excerpt(excerpt: Excerpt) -> dict[str, Any]:
    """Put an excerpt into plain data.

    RETURNS: "document" (number), "start" and "end" (tokens), the texts of the "tokens", the
        "error", and the "gold" and "predicted" spans that overlap the excerpt; all borders are
        those in the document, and those of a predicted span that does not fit the tokens are around
        all that it has a part of.
    """
    document, start, end = excerpt.error.document, excerpt.start, excerpt.end
    parts = {}
    for name, cells in (("gold", document.gold), ("predicted", set(document.found))):
        other = set(document.found) if name == "gold" else document.gold
        inside = sorted(cell for cell in cells if cell[0] < end and start < cell[1])
        parts[name] = [
            {**_describe(document, cell, document.score(cell)), "right": cell in other}
            for cell in inside
        ]
    error = excerpt.error
    return {
        **{"document": document.number, "start": start, "end": end},
        "tokens": [token.text_with_ws for token in document.doc[start:end]],
        "error": {"kind": error.kind, **_describe(document, error.cell, error.score)},
        **parts,
    }


def _describe(document: Judged, cell: LabelledSpan, score: float | None) -> dict[str, Any]:
    (start, end), text = cell.touched, text_of(document.doc, cell)
    return {"label": cell[2], "start": start, "end": end, "text": text, "score": score}


def text_of(doc: Doc, cell: LabelledSpan) -> str:
    """The text of a span, also of one that begins or ends inside a token."""
    start, end = cell.touched
    if start == end:
        return ""
    first, last = doc[start], doc[end - 1]
    inside = [[i for i, sign in enumerate(t.text) if not sign.isspace()] for t in (first, last)]
    begin = inside[0][round((cell[0] - start) * len(inside[0]))] if cell[0] > start else 0
    left = round((end - cell[1]) * len(inside[1]))
    stop = inside[1][-left - 1] + 1 if left else len(last)
    return doc.text[first.idx + begin : last.idx + stop]
