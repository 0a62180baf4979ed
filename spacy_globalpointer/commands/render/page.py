"""The page of `spacy global-pointer render`: one file that needs no network and no script."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span

from ...spans import LabelledSpan
from ...training.reader import find_borders
from ..labels import list_labels, show_label
from ..span_drawing import Mark, lay_out, one_line
from ..templating import fill_template

# Longer documents are cut (tokens).
LONGEST_PART = 400
# More lines under one token cannot be read.
MOST_LINES = 10
# Wrong spans that are listed below one part of a document, and missed ones.
MOST_ERRORS = 20

Scored = dict[LabelledSpan, float]
# Spans (characters), each with its mark (tokens) if it can be drawn.
Marks = dict[LabelledSpan, Mark | None]


class Page:
    """Documents with predicted spans, gold ones, or both.

    errors_only: draw only what has a wrong or a missed span; all is counted.
    """

    def __init__(self, *, errors_only: bool = False) -> None:
        self.errors_only = errors_only
        self.n_documents = self.n_compared = self.n_wrong = 0
        # Spans of each label: "gold", "predicted", "right" (both) and "not drawn".
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.widened: Counter[str] = Counter()
        self.parts: list[dict[str, Any]] = []

    def add(
        self, number: int, doc: Doc, predicted: Scored | None, gold: set[LabelledSpan] | None
    ) -> None:
        """Add a document if it has spans; a long one is cut where no span is torn.

        number: of the document, from 1.
        doc: its tokens, at least one.
        predicted (characters): with scores; None if nothing was predicted.
        gold (characters): None if not annotated.
        """
        odd: set[LabelledSpan] = set()
        if predicted is not None and gold is not None:
            odd = predicted.keys() ^ gold
            self.n_compared += 1
            self.n_wrong += bool(odd)
            self.counts["right"].update(span.label for span in predicted.keys() & gold)
        sides: dict[str, Marks] = {}
        if predicted is not None:
            sides["predicted"] = mark_spans(doc, predicted, odd, predicted)
        if gold is not None:
            sides["gold"] = mark_spans(doc, gold, odd)
            misfits = (s for s in gold if doc.char_span(s.start, s.end) is None and s.start < s.end)
            self.widened.update(span.label for span in misfits)
        self.n_documents += bool(sides)
        text = doc.text
        parts = cut(doc, [mark.span for marks in sides.values() for mark in marks.values() if mark])
        ends = [*(part.start_char for part in parts[1:]), len(text) + 1]
        for i, (part, end) in enumerate(zip(parts, ends, strict=True), start=1):
            name = f"{number}, part {i} of {len(parts)}" if len(parts) > 1 else f"{number}"
            own = {
                side: {s: mark for s, mark in marks.items() if part.start_char <= s.start < end}
                for side, marks in sides.items()
            }
            if own:
                self._add_part(name, text, part, own)

    def _add_part(self, name: str, text: str, part: Span, sides: dict[str, Marks]) -> None:
        """Add a part of a document (its text), with the spans that begin in it."""
        tokens = [token.text_with_ws for token in part]
        drawings, undrawn = {}, Counter[str]()
        for side, marks in sides.items():
            drawn = {s: mark for s, mark in marks.items() if mark and mark.span.end <= part.end}
            drawings[side] = lay_out(tokens, drawn.values(), part.start)
            undrawn.update(span.label for span in marks if span not in drawn)
            self.counts[side].update(span.label for span in marks)
        self.counts["not drawn"].update(undrawn)
        has_errors = len(sides) == 2 and sides["predicted"].keys() != sides["gold"].keys()
        if has_errors or not self.errors_only:
            self.parts.append(
                {
                    "name": name,
                    "text": text,
                    "lang": part.doc.lang_,
                    "direction": part.vocab.writing_system.get("direction"),
                    "spans": {side: set(marks) for side, marks in sides.items()},
                    "drawings": drawings,
                    "n_undrawn": undrawn.total(),
                    "has_errors": has_errors,
                }
            )

    def notes(self) -> list[str]:
        """What a reader should know about the spans."""
        notes = []
        if self.widened:
            notes.append(
                "Gold spans that do not begin and end where tokens do are drawn under all tokens "
                f"that they touch: {list_labels(self.widened.most_common())}"
            )
        n = self.counts["not drawn"].total()
        if n:
            notes.append(
                f"{n:,} spans are counted, but not drawn: a token has no more than {MOST_LINES} "
                "lines, those of the best spans; where spans leave no border, none goes beyond a "
                f"part of {LONGEST_PART} tokens; and an empty span has no tokens"
            )
        return notes

    def html(self, title: str, notes: Sequence[str], page_size: int = 20) -> str:
        """The file.

        notes: what a reader should know.
        page_size (documents and parts of long ones): on one page of it.
        """
        labels = sorted({label for counter in self.counts.values() for label in counter})
        return fill_template(
            "render/page.html",
            page=self,
            title=one_line(title),
            notes=notes,
            page_size=page_size,
            numbers={label: i for i, label in enumerate(labels)},
            most_errors=MOST_ERRORS,
        )


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
    for span in sorted(spans, key=lambda s: (-scores[s] if scores else s.end - s.start, s)):
        start, end, label = span
        place = doc.char_span(start, end, alignment_mode="expand") if start < end else None
        if place is None or n_lines[place.start : place.end].max() == MOST_LINES:
            marks[span] = None
            continue
        n_lines[place.start : place.end] += 1
        score = f" {scores[span]:.3f}" if scores else ""
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
