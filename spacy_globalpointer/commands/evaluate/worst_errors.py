"""The worst errors in their sentences: found though wrong with a high score, missed with a low one.

Wrong spans and missed ones take turns, so that neither crowds out the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ...spans import MISSED, MISSED_NESTED, Extent, LabelledSpan, name_errors
from .judged import Judged

# Longer sentences, and documents without sentences, are cut to so many around the error.
MOST_TOKENS = 60


class SpanError(NamedTuple):
    """A span that was found and is wrong, or was missed.

    kind: one of those of `spans.name_errors`.
    score (probability): None if it can never be found.
    """

    document: Judged
    span: LabelledSpan
    kind: str
    score: float | None


def find_excerpts(documents: Sequence[Judged], most: int) -> list[dict[str, Any]]:
    """Find the worst errors, each in a part of its document that was not shown for another.

    most (excerpts): that are wanted.
    RETURNS: see `describe_excerpt`.
    """
    excerpts: list[dict[str, Any]] = []
    shown: defaultdict[int, list[Extent]] = defaultdict(list)
    for error in rank_errors(documents):
        if len(excerpts) >= most:
            break
        parts = shown[error.document.number]
        if not any(_is_shown(error.span, part) for part in parts):
            parts.append(cut_around(error.document, error.span))
            excerpts.append(describe_excerpt(error, parts[-1]))
    return excerpts


def _is_shown(span: LabelledSpan, part: Extent) -> bool:
    """Whether a part of a document has a span: whole, or as much as any part could have."""
    start, end = span.touched
    is_too_long = end - start > MOST_TOKENS and start < part[1]
    return part[0] <= start and (end <= part[1] or is_too_long)


def rank_errors(documents: Sequence[Judged]) -> Iterator[SpanError]:
    """Order errors: the wrong span with the highest score, the missed one with the lowest, ...

    Missed spans that can never be found are no fault of the scores, and come last.
    """
    errors = [
        SpanError(document, span, kind, document.score(span))
        for document in documents
        for span, kind in name_errors(document.gold.keys(), document.found.keys())
    ]
    missed = [error for error in errors if error.kind in (MISSED, MISSED_NESTED)]
    wrong = [error for error in errors if error.kind not in (MISSED, MISSED_NESTED)]
    wrong.sort(key=lambda error: -(error.score or 0))
    missed.sort(key=lambda error: 1.0 if error.score is None else error.score)
    return filter(None, chain.from_iterable(zip_longest(wrong, missed)))


def cut_around(document: Judged, span: LabelledSpan) -> Extent:
    """Find the sentences of a span, or MOST_TOKENS around it; only a longer span is not whole.

    RETURNS (tokens): start, end (exclusive).
    """
    start, end = span.touched
    borders = [*document.sentences, len(document.doc)]
    first = min(start, len(document.doc) - 1)  # a span without a token may be behind the last
    left = max((border for border in borders if border <= first), default=0)
    right = min(border for border in borders if border >= max(end, first + 1))
    if right - left > MOST_TOKENS:
        room = max(0, MOST_TOKENS - (end - start)) // 2
        left = max(left, min(start - room, right - MOST_TOKENS))
        right = left + MOST_TOKENS
    return left, right


def describe_excerpt(error: SpanError, part: Extent) -> dict[str, Any]:
    """Put an error and the part of its document around it into plain data.

    part: start and end (tokens).
    RETURNS: "document" (number), "start" and "end" (tokens), the texts of the "tokens", the
        "error", and the "gold" and "predicted" spans that overlap the excerpt; all borders are
        those in the document, and those of a predicted span that does not fit the tokens are around
        all that it has a part of.
    """
    document, (start, end) = error.document, part
    right = document.gold.keys() & document.found.keys()

    def describe(spans: Iterable[LabelledSpan]) -> list[dict[str, Any]]:
        inside = sorted(span for span in spans if span.start < end and start < span.end)
        return [{**_describe(document, span), "right": span in right} for span in inside]

    return {
        "document": document.number,
        "start": start,
        "end": end,
        "tokens": [token.text_with_ws for token in document.doc[start:end]],
        "error": {"kind": error.kind, **_describe(document, error.span)},
        "gold": describe(document.gold),
        "predicted": describe(document.found),
    }


def _describe(document: Judged, span: LabelledSpan) -> dict[str, Any]:
    start, end = span.touched
    score, text = document.score(span), text_of(document.doc, span)
    return {"label": span.label, "start": start, "end": end, "text": text, "score": score}


def text_of(doc: Doc, span: LabelledSpan) -> str:
    """The text of a span, also of one that begins or ends inside a token."""
    start, end = span.touched
    if start == end:
        return ""
    first, last = doc[start], doc[end - 1]
    inside = [[i for i, sign in enumerate(t.text) if not sign.isspace()] for t in (first, last)]
    begin = inside[0][round((span.start - start) * len(inside[0]))] if span.start > start else 0
    left = round((end - span.end) * len(inside[1]))
    stop = inside[1][-left - 1] + 1 if left else len(last)
    return doc.text[first.idx + begin : last.idx + stop]
