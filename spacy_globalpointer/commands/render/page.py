"""The page of `spacy global-pointer render`: one file that needs no network and no script."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from spacy.tokens import Doc, Span

from ...spans import LabelledEvent, LabelledRelation, LabelledSpan
from ..labels import list_labels
from ..relation_drawing import Arc
from ..span_drawing import Mark, lay_out, one_line
from ..templating import fill_template
from .data import Happened, Related
from .events import EventRow, count_events, ends_of_events, join_arguments, list_events, number_mark
from .marks import LONGEST_PART, MOST_LINES, Marks, Scored, cut, mark_spans
from .relations import draw_sides, ends_of, make_arcs, turn_all

# Wrong spans that are listed below one part of a document, and missed ones.
MOST_ERRORS = 20
# Relations that are listed beside one part.
MOST_LISTED = 100

T = TypeVar("T")
Arcs = dict[LabelledRelation, Arc]


class Side(NamedTuple):
    """What is predicted in a document, or gold; None for what is not annotated.

    arcs: of relations.
    events: with their rows in a table.
    ties: arcs from the triggers of events to their arguments.
    """

    marks: Marks
    arcs: Arcs | None
    events: dict[LabelledEvent, EventRow] | None
    ties: Arcs

    def cut(self, start: int, end: float) -> "Side":
        """What begins in a part of the text (characters)."""

        def inside(parts: dict[Any, T], place: Callable[[Any], LabelledSpan]) -> dict[Any, T]:
            return {x: part for x, part in parts.items() if start <= place(x).start < end}

        marks, ties = inside(self.marks, lambda x: x), inside(self.ties, lambda x: x.head)
        arcs = None if self.arcs is None else inside(self.arcs, lambda x: x.head)
        events = None if self.events is None else inside(self.events, lambda x: x.spans[0])
        return Side(marks, arcs, events, ties)


class Page:
    """Documents with predicted spans, relations and events, gold ones, or both.

    errors_only: draw only what has something wrong or missed; all is counted.
    symmetric: labels of relations without direction.
    """

    def __init__(self, *, errors_only: bool = False, symmetric: Collection[str] = ()) -> None:
        self.errors_only, self.symmetric = errors_only, symmetric
        self.n_documents = self.n_compared = self.n_wrong = 0
        # Spans, relations and events of each label: "gold", "predicted", "right" (both) and
        # "not drawn".
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.related: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.happened: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.widened: Counter[str] = Counter()
        self.parts: list[dict[str, Any]] = []

    def add(
        self,
        number: int,
        doc: Doc,
        predicted: Scored | None,
        gold: set[LabelledSpan] | None,
        relations: tuple[Related | None, Related | None] = (None, None),
        events: tuple[Happened | None, Happened | None] = (None, None),
    ) -> None:
        """Add a document if it has spans; a long one is cut where no span is torn.

        number: of the document, from 1.
        doc: its tokens, at least one.
        predicted (characters): with scores; None if nothing was predicted.
        gold (characters): None if not annotated.
        relations, events (characters): predicted and gold ones; None for each as for spans.
        """
        found, known = (r and turn_all(r, self.symmetric) for r in relations)
        # What is joined are spans, whatever the group of the spans says.
        found_ends, known_ends = (
            {**ends_of(own), **ends_of_events(happened)}
            for own, happened in ((found, events[0]), (known, events[1]))
        )
        predicted = None if predicted is None else {**found_ends, **predicted}
        gold = None if gold is None else {*known_ends, *gold}
        odd, wrong, failed = _differ(predicted, gold), _differ(found, known), _differ(*events)
        self.n_compared += any(x is not None for x in (odd, wrong, failed))
        self.n_wrong += bool(odd or wrong or failed)
        self._count_right((predicted, gold), (found, known), events)
        numbers = count_events(*events)
        sides: dict[str, Side] = {}
        if predicted is not None:
            marks = mark_spans(doc, predicted, odd or set(), predicted)
            own = found, events[0]
            sides["predicted"] = self._join(doc, marks, own, (wrong, failed), numbers, "wrong")
        if gold is not None or known is not None or events[1] is not None:
            spans = {*known_ends} if gold is None else gold
            self._count_misfits(doc, spans)
            marks = mark_spans(doc, spans, odd or set())
            own = known, events[1]
            sides["gold"] = self._join(doc, marks, own, (wrong, failed), numbers, "missed")
        self.n_documents += bool(sides)
        all_marks = [mark for side in sides.values() for mark in side.marks.values()]
        parts = cut(doc, [mark.span for mark in all_marks if mark])
        ends = [*(part.start_char for part in parts[1:]), len(doc.text) + 1]
        compared = odd is not None, wrong is not None, failed is not None
        for i, (part, end) in enumerate(zip(parts, ends, strict=True), start=1):
            name = f"{number}, part {i} of {len(parts)}" if len(parts) > 1 else f"{number}"
            within = {k: side.cut(part.start_char, end) for k, side in sides.items()}
            if within:
                self._add_part(name, part, within, compared)

    def _count_right(self, *pairs: tuple[Collection[Any] | None, Collection[Any] | None]) -> None:
        counters = self.counts, self.related, self.happened
        for (found, known), counter in zip(pairs, counters, strict=True):
            if found is not None and known is not None:
                counter["right"].update(x.label for x in {*found} & {*known})

    def _count_misfits(self, doc: Doc, gold: Iterable[LabelledSpan]) -> None:
        spans = (span for span in gold if span.start < span.end)
        misfits = (span for span in spans if doc.char_span(span.start, span.end) is None)
        self.widened.update(span.label for span in misfits)

    def _join(
        self,
        doc: Doc,
        marks: Marks,
        joined: tuple[Related | None, Happened | None],
        odd: tuple[Collection[LabelledRelation] | None, Collection[LabelledEvent] | None],
        numbers: dict[LabelledEvent, int],
        kind: str,
    ) -> Side:
        """One side of a document.

        joined: its relations and events. odd: those that are wrong or missed.
        numbers: of the events of both sides.
        """
        relations, events = joined
        places = {span: mark.span for span, mark in marks.items() if mark}
        arcs = rows = None
        ties: Arcs = {}
        if relations is not None:
            arcs = make_arcs(doc, relations, places, odd[0] or (), self.symmetric, kind)
        if events is not None:
            rows = list_events(doc, events, numbers, odd[1] or (), kind)
            ties = join_arguments(doc, rows, places)
            marks = {x: mark and number_mark(mark, x, rows) for x, mark in marks.items()}
        return Side(marks, arcs, rows, ties)

    def _add_part(
        self, name: str, part: Span, sides: dict[str, Side], compared: tuple[bool, bool, bool]
    ) -> None:
        """Add a part of a document, with what begins in it.

        compared: whether spans, relations and events are both predicted and annotated.
        """
        tokens = [token.text_with_ws for token in part]
        drawn: dict[str, tuple[list[Mark], list[Arc]]] = {}
        undrawn = Counter[str]()
        for side, (marks, arcs, events, ties) in sides.items():
            fit = {s: mark for s, mark in marks.items() if mark and mark.span.end <= part.end}
            drawn[side] = list(fit.values()), [*(arcs or {}).values(), *ties.values()]
            undrawn.update(span.label for span in marks if span not in fit)
            self.counts[side].update(span.label for span in marks)
            self.related[side].update(relation.label for relation in arcs or {})
            self.happened[side].update(event.label for event in events or {})
        self.counts["not drawn"].update(undrawn)
        drawings: dict[str, Any]
        rows = {side: list((own.events or {}).values()) for side, own in sides.items()}
        is_related = any(arcs for _, arcs in drawn.values()) or any(rows.values())
        if is_related:
            drawings = draw_sides(tokens, drawn, part.start)
        else:
            drawings = {k: lay_out(tokens, marks, part.start) for k, (marks, _) in drawn.items()}
        parts: tuple[dict[str, set[Any]], ...] = (
            {side: set(own.marks) for side, own in sides.items()},
            {side: set(own.arcs or ()) for side, own in sides.items()},
            {side: set(own.events or ()) for side, own in sides.items()},
        )
        known = [own if both else {} for own, both in zip(parts, compared, strict=True)]
        has_errors = any(own and own["predicted"] != own["gold"] for own in known)
        if has_errors or not self.errors_only:
            self.parts.append(
                {
                    "name": name,
                    "text": part.doc.text,
                    "lang": part.doc.lang_,
                    "direction": part.vocab.writing_system.get("direction"),
                    "compared": dict(zip(("spans", "relations", "events"), known, strict=True)),
                    "drawings": drawings,
                    "events": rows,
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

        title: empty for a page that is shown inside another one: without a heading, and where
            nothing is compared, without counts.
        notes: what a reader should know.
        page_size (documents and parts of long ones): on one page of it.
        """
        labels, related, types = (
            sorted({label for counter in counters.values() for label in counter})
            for counters in (self.counts, self.related, self.happened)
        )
        roles = {
            label
            for part in self.parts
            for own in part["events"].values()
            for x in own
            for label in x.roles
        }
        return fill_template(
            "render/page.html",
            page=self,
            title=one_line(title),
            notes=notes,
            page_size=page_size,
            numbers={
                label: i for i, label in enumerate(sorted({*labels, *related, *types, *roles}))
            },
            labels={"spans": labels, "relations": related, "events": types},
            most_errors=MOST_ERRORS,
            most_listed=MOST_LISTED,
        )


def _differ(one: Collection[T] | None, other: Collection[T] | None) -> set[T] | None:
    """What only one of them has; None if they cannot be compared."""
    return None if one is None or other is None else set(one) ^ set(other)
