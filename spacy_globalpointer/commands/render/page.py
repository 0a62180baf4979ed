"""The page of `spacy global-pointer render`: one file that needs no network and no script."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span

from ...spans import LabelledRelation, LabelledSpan
from ...training.reader import find_borders
from ..labels import list_labels, show_label
from ..relation_drawing import Arc
from ..span_drawing import Mark, lay_out, one_line
from ..templating import fill_template
from .data import Related
from .relations import draw_sides, ends_of, make_arcs, turn_all

# Longer documents are cut (tokens).
LONGEST_PART = 400
# More lines under one token cannot be read.
MOST_LINES = 10
# Wrong spans that are listed below one part of a document, and missed ones.
MOST_ERRORS = 20
# Relations that are listed beside one part.
MOST_LISTED = 100

T = TypeVar("T")
# Scores of spans (characters); None for those of components that give none.
Scored = dict[LabelledSpan, float | None]
# Spans (characters), each with its mark (tokens) if it can be drawn.
Marks = dict[LabelledSpan, Mark | None]
Arcs = dict[LabelledRelation, Arc]


class Side(NamedTuple):
    """What is predicted in a document, or gold; None for relations that are not annotated."""

    marks: Marks
    arcs: Arcs | None

    def cut(self, start: int, end: float) -> "Side":
        """What begins in a part of the text (characters)."""
        marks = {span: mark for span, mark in self.marks.items() if start <= span.start < end}
        if self.arcs is None:
            return Side(marks, None)
        return Side(marks, {r: arc for r, arc in self.arcs.items() if start <= r.head.start < end})


class Page:
    """Documents with predicted spans and relations, gold ones, or both.

    errors_only: draw only what has something wrong or missed; all is counted.
    symmetric: labels of relations without direction.
    """

    def __init__(self, *, errors_only: bool = False, symmetric: Collection[str] = ()) -> None:
        self.errors_only, self.symmetric = errors_only, symmetric
        self.n_documents = self.n_compared = self.n_wrong = 0
        # Spans and relations of each label: "gold", "predicted", "right" (both) and "not drawn".
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.related: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.widened: Counter[str] = Counter()
        self.parts: list[dict[str, Any]] = []

    def add(
        self,
        number: int,
        doc: Doc,
        predicted: Scored | None,
        gold: set[LabelledSpan] | None,
        relations: tuple[Related | None, Related | None] = (None, None),
    ) -> None:
        """Add a document if it has spans; a long one is cut where no span is torn.

        number: of the document, from 1.
        doc: its tokens, at least one.
        predicted (characters): with scores; None if nothing was predicted.
        gold (characters): None if not annotated.
        relations (characters): predicted and gold ones; None for each as for spans.
        """
        found, known = (r and turn_all(r, self.symmetric) for r in relations)
        # Arguments are spans, whatever the group of the spans says.
        predicted = None if predicted is None else {**ends_of(found), **predicted}
        gold = None if gold is None else {*ends_of(known), *gold}
        odd, wrong = _differ(predicted, gold), _differ(found, known)
        self.n_compared += odd is not None or wrong is not None
        self.n_wrong += bool(odd or wrong)
        if predicted is not None and gold is not None:
            self.counts["right"].update(span.label for span in predicted.keys() & gold)
        if found is not None and known is not None:
            self.related["right"].update(r.label for r in found.keys() & known.keys())
        sides: dict[str, Side] = {}
        if predicted is not None:
            marks = mark_spans(doc, predicted, odd or set(), predicted)
            sides["predicted"] = self._join(doc, marks, found, wrong, "wrong")
        if gold is not None or known is not None:
            spans = {*ends_of(known)} if gold is None else gold
            self._count_misfits(doc, spans)
            marks = mark_spans(doc, spans, odd or set())
            sides["gold"] = self._join(doc, marks, known, wrong, "missed")
        self.n_documents += bool(sides)
        all_marks = [mark for side in sides.values() for mark in side.marks.values()]
        parts = cut(doc, [mark.span for mark in all_marks if mark])
        ends = [*(part.start_char for part in parts[1:]), len(doc.text) + 1]
        compared = odd is not None, wrong is not None
        for i, (part, end) in enumerate(zip(parts, ends, strict=True), start=1):
            name = f"{number}, part {i} of {len(parts)}" if len(parts) > 1 else f"{number}"
            own = {k: side.cut(part.start_char, end) for k, side in sides.items()}
            if own:
                self._add_part(name, part, own, compared)

    def _count_misfits(self, doc: Doc, gold: Iterable[LabelledSpan]) -> None:
        spans = (span for span in gold if span.start < span.end)
        misfits = (span for span in spans if doc.char_span(span.start, span.end) is None)
        self.widened.update(span.label for span in misfits)

    def _join(
        self,
        doc: Doc,
        marks: Marks,
        relations: Related | None,
        wrong: set[LabelledRelation] | None,
        kind: str,
    ) -> Side:
        """One side of a document."""
        if relations is None:
            return Side(marks, None)
        places = {span: mark.span for span, mark in marks.items() if mark}
        return Side(marks, make_arcs(doc, relations, places, wrong or (), self.symmetric, kind))

    def _add_part(
        self, name: str, part: Span, sides: dict[str, Side], compared: tuple[bool, bool]
    ) -> None:
        """Add a part of a document, with the spans and relations that begin in it.

        compared: whether spans and relations are both predicted and annotated.
        """
        tokens = [token.text_with_ws for token in part]
        drawn: dict[str, tuple[list[Mark], list[Arc]]] = {}
        undrawn = Counter[str]()
        for side, (marks, arcs) in sides.items():
            fit = {s: mark for s, mark in marks.items() if mark and mark.span.end <= part.end}
            drawn[side] = list(fit.values()), list((arcs or {}).values())
            undrawn.update(span.label for span in marks if span not in fit)
            self.counts[side].update(span.label for span in marks)
            self.related[side].update(relation.label for relation in arcs or {})
        self.counts["not drawn"].update(undrawn)
        drawings: dict[str, Any]
        is_related = any(arcs for _, arcs in drawn.values())
        if is_related:
            drawings = draw_sides(tokens, drawn, part.start)
        else:
            drawings = {k: lay_out(tokens, marks, part.start) for k, (marks, _) in drawn.items()}
        spans = {side: set(own.marks) for side, own in sides.items()} if compared[0] else {}
        edges = {side: set(own.arcs or ()) for side, own in sides.items()} if compared[1] else {}
        has_errors = any(own and own["predicted"] != own["gold"] for own in (spans, edges))
        if has_errors or not self.errors_only:
            self.parts.append(
                {
                    "name": name,
                    "text": part.doc.text,
                    "lang": part.doc.lang_,
                    "direction": part.vocab.writing_system.get("direction"),
                    "compared": {"spans": spans, "relations": edges},
                    "drawings": drawings,
                    "is_related": is_related,
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
        labels, related = (
            sorted({label for counter in counters.values() for label in counter})
            for counters in (self.counts, self.related)
        )
        return fill_template(
            "render/page.html",
            page=self,
            title=one_line(title),
            notes=notes,
            page_size=page_size,
            numbers={label: i for i, label in enumerate(sorted({*labels, *related}))},
            labels={"spans": labels, "relations": related},
            most_errors=MOST_ERRORS,
            most_listed=MOST_LISTED,
        )


def _differ(one: Collection[T] | None, other: Collection[T] | None) -> set[T] | None:
    """What only one of them has; None if they cannot be compared."""
    return None if one is None or other is None else set(one) ^ set(other)


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
