"""The vocabulary of events: how a Doc holds them, and the one way to read and write them.

doc.spans["events"] is a group of the spans that are a trigger or an argument of some event, and its
attrs["events"] are {"type", "trigger", "arguments"} with indices into it: attrs are what every
normal path of spaCy keeps. Its attrs["scores"] has one probability an event, if they were
predicted.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from .groups import (
    Places,
    add_best,
    check_arguments,
    check_score,
    find_name_fault,
    has_rows,
    is_place,
    read_group,
    refuse,
    write_group,
)

# Name in the attrs of a group, and those in each of its rows.
EVENTS = "events"
TYPE, TRIGGER, ARGUMENTS = "type", "trigger", "arguments"
NO_EVENT = "an event must be a type, a trigger (None for none) and arguments"
NO_ARGUMENT = "an argument of an event must be a role and a span"


class Argument(NamedTuple):
    """A span that takes part in an event.

    role: what it is in the event.
    span: may be the trigger of another event, or of the same.
    """

    role: str
    span: Span


class Event(NamedTuple):
    """What happens, the words that say so, and who takes part.

    type: what happens; also the label of the trigger.
    trigger: the words that say so; None if the event has none.
    arguments: in any order; a role may occur several times, and so may a span with several roles.
    score: the probability, None if it was not predicted.
    """

    type: str
    trigger: Span | None
    arguments: tuple[Argument, ...] = ()
    score: float | None = None


class EventEdges(NamedTuple):
    """An event between spans of a list: those of a group, or of a record.

    trigger: its place in that list, from 0; None for none.
    arguments: the role and the place of each.
    """

    type: str
    trigger: int | None
    arguments: tuple[tuple[str, int], ...]


def has_events(doc: Doc, key: str = "events") -> bool:
    """Whether events are annotated; there may be none of them.

    A group without attrs["events"] warns: spaCy keeps groups in places where it drops attrs.

    key: of doc.spans.
    """
    return has_rows(doc, key, EVENTS)


def get_events(doc: Doc, key: str = "events") -> list[Event]:
    """Read the events of a document.

    key: of doc.spans.
    RETURNS: in their order; empty also where they are not annotated (see `has_events`).
    RAISES (ValueError): an index that is no span of the group, a type or role that is no name, a
        trigger whose label is not the type, scores that are not one probability for each event,
        tokens that have changed since.
    """
    if not has_rows(doc, key, EVENTS):
        return []
    spans, rows, scores = read_group(doc, key, EVENTS)
    labels = [span.label_ for span in spans]
    events = []
    for row, score in zip(rows, scores, strict=True):
        names = (TYPE, TRIGGER, ARGUMENTS)
        values: Any = [row.get(name) for name in names] if isinstance(row, dict) else None
        fault = find_event_fault(values, labels)
        if fault:
            raise refuse(doc, key, EVENTS, fault, repr(row))
        kind, trigger, arguments = values
        own = tuple(Argument(role, spans[place]) for role, place in arguments)
        events.append(Event(kind, None if trigger is None else spans[trigger], own, score))
    return events


def set_events(doc: Doc, events: Iterable[Event], key: str = "events") -> None:
    """Write the events of a document, in place of those it had; none means "there are none".

    The group gets each trigger and argument once, by start, longest first, then label; an event
    gets each argument once, in the order of the group. An event that is given several times is
    written once, with its best score. Scores are written if all have one.

    events: of spans of this document.
    key: of doc.spans; the group belongs to the events, so it is not that of a span component.
    RAISES (ValueError): a span of another document, one without a token, an empty type or role, a
        trigger whose label is not the type, an event without trigger and arguments, a score that is
        no probability.
    """
    events = [_check_event(doc, key, event) for event in events]
    places = Places(span for event in events for span in spans_of(event))
    written: dict[EventEdges, float | None] = {}
    for kind, trigger, arguments, score in events:
        own = sorted({(places.find(span), role) for role, span in arguments})
        place = None if trigger is None else places.find(trigger)
        edges = EventEdges(kind, place, tuple((role, argument) for argument, role in own))
        add_best(written, edges, score)
    rows = [
        {TYPE: kind, TRIGGER: trigger, ARGUMENTS: [list(argument) for argument in arguments]}
        for kind, trigger, arguments in written
    ]
    write_group(doc, key, EVENTS, places.spans, rows, list(written.values()))


def spans_of(event: Event) -> list[Span]:
    """The trigger of an event, if it has one, and its arguments."""
    trigger = [] if event.trigger is None else [event.trigger]
    return [*trigger, *(span for _, span in event.arguments)]


def find_event_fault(event: Any, labels: Sequence[str]) -> str:
    """The rule that an event between spans of a list breaks; empty if it breaks none.

    event: type, trigger and arguments, as data have them.
    labels: of the spans of the list.
    """
    if not isinstance(event, (list, tuple)) or len(event) != 3:
        return NO_EVENT
    kind, trigger, arguments = event
    if trigger is not None and not is_place(trigger, len(labels)):
        return f"the trigger of an event must be a place among {len(labels)} spans, from 0, or None"
    if not isinstance(arguments, (list, tuple)):
        return "the arguments of an event must be a list of roles and spans"
    for argument in arguments:
        if not isinstance(argument, (list, tuple)) or len(argument) != 2:
            return NO_ARGUMENT
        if not is_place(argument[1], len(labels)):
            return f"an argument of an event must be a place among {len(labels)} spans, from 0"
    label = None if trigger is None else labels[trigger]
    return _find_fault(kind, label, [role for role, _ in arguments])


def _find_fault(kind: Any, label: str | None, roles: Sequence[Any]) -> str:
    """The rule that the names in an event break.

    label: of its trigger; None for no trigger.
    """
    faults = [find_name_fault(kind, "type of an event")]
    faults += [find_name_fault(role, "role of an argument") for role in roles]
    if label is not None and label != kind:
        faults.append(f"the label of a trigger, here {label!r}, must be the type of its event")
    if label is None and not roles:
        faults.append("an event must have a trigger or an argument")
    return next(filter(None, faults), "")


def _check_event(doc: Doc, key: str, given: Any) -> Event:
    """The event, unless a document cannot hold it."""
    if not isinstance(given, (list, tuple)) or not 2 <= len(given) <= 4:
        raise refuse(doc, key, EVENTS, f"{NO_EVENT}, and may have a score", repr(given))
    event = Event(*given)
    if not isinstance(event.arguments, (list, tuple)) or not all(
        isinstance(argument, (list, tuple)) and len(argument) == 2 for argument in event.arguments
    ):
        raise refuse(doc, key, EVENTS, NO_ARGUMENT, repr(event.arguments))
    event = event._replace(arguments=tuple(Argument(*x) for x in event.arguments))
    check_arguments(doc, key, EVENTS, spans_of(event), "trigger and arguments")
    label = None if event.trigger is None else event.trigger.label_
    fault = _find_fault(event.type, label, [role for role, _ in event.arguments])
    if fault:
        raise refuse(doc, key, EVENTS, fault, repr(event))
    return event._replace(score=check_score(doc, key, EVENTS, event.score))
