"""Spans as marks under the text, and the parts of long documents."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span

from ...spans import LabelledSpan
from ...training.reader import find_borders
from ..labels import show_label
from ..span_drawing import Mark, one_line

# Longer documents are cut (tokens).
LONGEST_PART = 400
# More lines under one token cannot be read.
MOST_LINES = 10

# Scores of spans (characters); None for those of components that give none.
Scored = dict[LabelledSpan, float | None]
# Spans (characters), each with its mark (tokens) if it can be drawn.
Marks = dict[LabelledSpan, Mark | None]


def mark_spans(
    doc: Doc, spans: Iterable[LabelledSpan], odd: set[LabelledSpan], scores: Scored | None = None
) -> Marks:
    """Mark spans, the best first, but none under a token that has MOST_LINES lines.

    A pipeline that has hardly been trained may find many long spans everywhere.

    spans (characters): one that does not fit the tokens is widened to those that it touches.
    odd: those that are wrong or missed.
    scores: of predicted spans; of gold ones the shortest are best.
    """
    text, marks = doc.text, Marks()
    n_lines = numpy.zeros(len(doc), dtype=int)
    for span in sorted(spans, key=lambda s: (-(scores[s] or 0) if scores else s.end - s.start, s)):
        start, end, label = span
        place = doc.char_span(start, end, alignment_mode="expand") if start < end else None
        if place is None or n_lines[place.start : place.end].max() == MOST_LINES:
            marks[span] = None
            continue
        n_lines[place.start : place.end] += 1
        known = scores[span] if scores else None
        score = "" if known is None else f" {known:.3f}"
        title = f"{one_line(label)}{score}: {one_line(text[start:end])}"
        if span in odd:
            title += "; wrong" if scores else "; missed"
        if (place.start_char, place.end_char) != span.extent:
            title += "; does not fit the tokens"
        at = LabelledSpan(place.start, place.end, label)
        marks[span] = Mark(at, show_label(label), title, span in odd)
    return marks


def cut(doc: Doc, spans: Sequence[LabelledSpan]) -> list[Span]:
    """The parts of a document; where spans chain so that there is no border some are torn.

    spans (tokens): that are to be drawn.
    """
    if len(doc) > LONGEST_PART and not doc.has_annotation("SENT_START"):
        Sentencizer()(doc)
    borders = find_borders(doc, spans, LONGEST_PART)
    if max(numpy.diff(borders)) > 2 * LONGEST_PART:
        ends = [(span.start // LONGEST_PART, (span.end - 1) // LONGEST_PART) for span in spans]
        whole = [span for span, (first, last) in zip(spans, ends, strict=True) if first == last]
        borders = find_borders(doc, whole, LONGEST_PART)
    return [doc[begin:end] for begin, end in pairwise(borders)]
