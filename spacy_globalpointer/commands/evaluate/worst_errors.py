"""The worst errors in their sentences: found though wrong with a high score, missed with a low one.

Wrong spans or relations and missed ones take turns, so that neither crowds out the other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Generic

from spacy.tokens import Doc

from ...spans import Extent, LabelledSpan, name_errors
from ..comparison import Item
from .judged import Judged

# Longer sentences, and documents without sentences, are cut to so many around the error.
MOST_TOKENS = 60


@dataclass(frozen=True)
class EvaluationError(Generic[Item]):
    """A span or a relation that was found and is wrong, or was missed.

    kind: of the error.
    """

    document: Judged[Item]
    item: Item
    kind: str

    @property
    def score(self) -> float | None:
        """The probability; None if it can never be found."""
        return self.document.score(self.item)


def find_span_errors(documents: Iterable[Judged[LabelledSpan]]) -> list[EvaluationError]:
    """Find all errors in spans, with the kinds of `spans.name_errors`."""
    return [
        EvaluationError(document, span, kind)
        for document in documents
        for span, kind in name_errors(document.gold.keys(), document.found.keys())
    ]


def find_excerpts(
    errors: Sequence[EvaluationError],
    most: int,
    describe: Callable[[EvaluationError, Extent], dict[str, Any]],
    longest: int = MOST_TOKENS,
) -> list[dict[str, Any]]:
    """Find the worst errors, each in a part of its document that was not shown for another.

    most (excerpts): that are wanted.
    describe: puts an error and the part of its document around it into plain data.
    longest (tokens): part of a document that is shown to have all of an error in it.
    """
    excerpts: list[dict[str, Any]] = []
    shown: defaultdict[int, list[Extent]] = defaultdict(list)
    for error in rank_errors(errors):
        if len(excerpts) >= most:
            break
        parts = shown[error.document.number]
        if not any(is_shown(error.item, part, longest) for part in parts):
            parts.append(cut_around(error.document, error.item, longest))
            excerpts.append(describe(error, parts[-1]))
    return excerpts


def is_shown(item: Item, part: Extent, longest: int = MOST_TOKENS) -> bool:
    """Whether a part of a document has an item: whole, or as much as any part could have."""
    start, end = item.touched
    is_too_long = end - start > longest and start < part[1]
    return part[0] <= start and (end <= part[1] or is_too_long)


def rank_errors(errors: Sequence[EvaluationError]) -> Iterator[EvaluationError]:
    """Order errors: the wrong one with the highest score, the missed one with the lowest, ...

    What is missed and can never be found is no fault of the scores, and comes last.
    """
    missed = [error for error in errors if error.item in error.document.gold]
    wrong = [error for error in errors if error.item not in error.document.gold]
    wrong.sort(key=lambda error: -(error.score or 0))
    missed.sort(key=lambda error: 1.0 if error.score is None else error.score)
    return filter(None, chain.from_iterable(zip_longest(wrong, missed)))


def cut_around(document: Judged[Item], item: Item, longest: int = MOST_TOKENS) -> Extent:
    """Find the sentences of an error, or MOST_TOKENS around it; only a longer one is not whole.

    longest (tokens): that are shown of a longer one.
    RETURNS (tokens): start, end (exclusive).
    """
    start, end = item.touched
    borders = [*document.sentences, len(document.doc)]
    first = min(start, len(document.doc) - 1)  # a span without a token may be behind the last
    left = max((border for border in borders if border <= first), default=0)
    right = min(border for border in borders if border >= max(end, first + 1))
    most = max(MOST_TOKENS, min(end - start, longest))
    if right - left > most:
        room = max(0, most - (end - start)) // 2
        left = max(left, min(start - room, right - most))
        right = left + most
    return left, right


def describe_excerpt(error: EvaluationError[LabelledSpan], part: Extent) -> dict[str, Any]:
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
        **describe_part(document, part),
        "error": {"kind": error.kind, **_describe(document, error.item)},
        "gold": describe(document.gold),
        "predicted": describe(document.found),
    }


def describe_part(document: Judged[Item], part: Extent) -> dict[str, Any]:
    """The part of a document that is shown, in plain data."""
    start, end = part
    return {
        "document": document.number,
        "start": start,
        "end": end,
        "tokens": [token.text_with_ws for token in document.doc[start:end]],
    }


def _describe(document: Judged[LabelledSpan], span: LabelledSpan) -> dict[str, Any]:
    return {**describe_span(document.doc, span), "score": document.score(span)}


def describe_span(doc: Doc, span: LabelledSpan) -> dict[str, Any]:
    """Label, borders and text of a span, in plain data."""
    start, end = span.touched
    return {"label": span.label, "start": start, "end": end, "text": text_of(doc, span)}


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
