"""Events on the page of `spacy global-pointer render`: rows of a table, and arcs to arguments."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from spacy.tokens import Doc

from ...spans import LabelledEvent, LabelledRelation, LabelledSpan
from ..labels import show_label
from ..relation_drawing import Arc
from ..span_drawing import Mark, one_line
from .data import Happened
from .relations import LONGEST_ARGUMENT, place_tokens


class EventRow(NamedTuple):
    """An event in the table beside its text.

    number: of the event in its document.
    type, trigger: with the words of the trigger, None for none.
    arguments: role, words, and the numbers of the events whose trigger the argument is.
    score: None if it was not predicted.
    is_odd: whether it is wrong or missed.
    kind: what an odd one is.
    """

    number: int
    type: str
    trigger: str | None
    arguments: list[tuple[str, str, str]]
    score: float | None
    is_odd: bool
    kind: str

    @property
    def roles(self) -> list[str]:
        """Roles of the arguments."""
        return [role for role, _, _ in self.arguments]


def count_events(*sides: Happened | None) -> dict[LabelledEvent, int]:
    """A number for each event, in the order of the text; what both sides have has one number."""
    events = sorted({event for own in sides for event in own or ()}, key=lambda x: x.rank)
    return {event: number for number, event in enumerate(events, start=1)}


def ends_of_events(events: Iterable[LabelledEvent] | None) -> dict[LabelledSpan, None]:
    """The triggers and arguments, in order."""
    return {span: None for event in events or () for span in event.spans}


def list_events(
    doc: Doc,
    events: Happened,
    numbers: Mapping[LabelledEvent, int],
    odd: Collection[LabelledEvent],
    kind: str,
) -> dict[LabelledEvent, EventRow]:
    """Events (characters) as rows, in the order of their numbers.

    odd: those that are wrong or missed.
    kind: what an odd one is, "wrong" or "missed".
    """
    begun = _by_trigger(events)

    def words(span: LabelledSpan) -> str:
        return one_line(doc.text[span.start : span.end], LONGEST_ARGUMENT)

    rows = {}
    for event in sorted(events, key=numbers.__getitem__):
        arguments = [
            (role, words(span), join_numbers(numbers[other] for other in begun[span]))
            for role, span in event.ordered
        ]
        trigger = None if event.trigger is None else words(event.trigger)
        row = numbers[event], event.type, trigger, arguments, events[event], event in odd
        rows[event] = EventRow(*row, kind)
    return rows


def join_arguments(
    doc: Doc,
    rows: Mapping[LabelledEvent, EventRow],
    places: Mapping[LabelledSpan, LabelledSpan],
) -> dict[LabelledRelation, Arc]:
    """Arcs from triggers, or without one from the first argument, to the (other) arguments.

    Events that share a trigger have an arc together where they share an argument, too; the numbers
    on it are theirs.

    places (tokens): of the spans that are drawn.
    """
    ties: defaultdict[LabelledRelation, list[LabelledEvent]] = defaultdict(list)
    for event in rows:
        first, rest = event.spans[0], event.ordered[event.trigger is None :]
        for role, span in rest:
            ties[LabelledRelation(first, span, role)].append(event)
    sharing = _by_trigger(rows)
    arcs = {}
    for tie, events in ties.items():
        first, span, role = tie
        own = [rows[event] for event in events]
        numbers = join_numbers(row.number for row in own)
        words = [one_line(doc.text[s.start : s.end], LONGEST_ARGUMENT) for s in (first, span)]
        scores = [row.score for row in own if row.score is not None]
        has_trigger, is_odd = events[0].trigger is not None, all(row.is_odd for row in own)
        is_plain = has_trigger and len(sharing[first]) == 1
        arrow = "→" if has_trigger else "↔"
        title = f"{one_line(own[0].type)} {numbers}, {one_line(role)}: {f' {arrow} '.join(words)}"
        arcs[tie] = Arc(
            places.get(first) or place_tokens(doc, first),
            places.get(span) or place_tokens(doc, span),
            role,
            (words[0], words[1]),
            show_label(role) if is_plain else f"{show_label(role)} {numbers}",
            f"{title}; {own[0].kind}" if is_odd else title,
            max(scores, default=None),
            has_trigger,
            is_odd,
            is_listed=False,
        )
    return arcs


def number_mark(mark: Mark, span: LabelledSpan, rows: Mapping[LabelledEvent, EventRow]) -> Mark:
    """A mark with the numbers of the events whose trigger its span is."""
    numbers = join_numbers(row.number for event, row in rows.items() if event.trigger == span)
    if not numbers:
        return mark
    return mark._replace(name=f"{mark.name} {numbers}", title=f"{mark.title}; event {numbers}")


def join_numbers(numbers: Iterable[int]) -> str:
    """Numbers as in an index: 1–3, 5."""
    ordered = sorted(numbers)
    starts = [0, *(i for i, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1), len(ordered)]
    runs = [ordered[begin:end] for begin, end in pairwise(starts) if begin < end]
    return ", ".join(str(x[0]) if len(x) == 1 else f"{x[0]}–{x[-1]}" for x in runs)


def _by_trigger(events: Iterable[LabelledEvent]) -> defaultdict[LabelledSpan, list[LabelledEvent]]:
    begun: defaultdict[LabelledSpan, list[LabelledEvent]] = defaultdict(list)
    for event in events:
        if event.trigger is not None:
            begun[event.trigger].append(event)
    return begun
