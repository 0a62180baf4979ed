"""Annotation whose parts have ids and refer to each other, beside a text: what it becomes."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from ...events import EventEdges
from ...messages import list_some, quote
from ...relations import Edge
from ...spans import LabelledSpan
from ..mentions import check_mentions, squash
from ..record import Record

# What tools write between the pieces of a span.
ELISION = re.compile(r"\[\.\.\.\]|\.\.\.|\u2026")
# What a record cannot hold.
DISCONTINUOUS = "A discontinuous span"
UNREAD_SPAN = "A relation or an argument of a span that is left out"
WHICH_EVENT = "Which of several events with one trigger takes part in another or in a relation"
ROLES = "Names of the roles of a relation"


class Connection(NamedTuple):
    """A relation or an event of a file.

    id: of its own.
    label: of the relation, or type of the event.
    members: roles, and ids of spans, relations or events.
    trigger: id of a span; None for a relation, and for an event without one.
    """

    id: str
    label: str
    members: tuple[tuple[str, str], ...]
    trigger: str | None = None

    @property
    def is_relation(self) -> bool:
        """Whether it has two members and no trigger; else it is an event."""
        return self.trigger is None and len(self.members) == 2


@dataclass
class Standoff:
    """The spans of one text by their ids, and what refers to them.

    text: that offsets are in.
    source: the file, and the document in it, for messages.
    spans, mentions: each span, and what the file says that stands there.
    places: of each id in `spans`; None for a span that is left out.
    connections: relations and events in the order of the file, by id.
    left_out: as in a record.
    shared: ids of triggers of several events.
    """

    text: str
    source: str
    spans: list[LabelledSpan] = field(default_factory=list)
    mentions: list[str | None] = field(default_factory=list)
    places: dict[str, int | None] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)

    def add_span(
        self, id: str, pieces: Sequence[tuple[int, int]], label: str, mention: str | None
    ) -> None:
        """Add a span, which is left out if there is more than white space between its pieces.

        pieces (characters): start and end (exclusive); one at least.
        RAISES (ValueError): an id that is not new, a mention that such pieces are not.
        """
        self._check_new(id)
        pieces = sorted(pieces)
        if any(self.text[a[1] : b[0]].strip() for a, b in pairwise(pieces)):
            found = "".join(self.text[start:end] for start, end in pieces)
            if mention is not None and squash(found) != squash(ELISION.sub("", mention)):
                raise ValueError(
                    f"{self.source} {id}: the pieces of a span must be what it says, was: "
                    f"{quote(mention)} where the text has {quote(found)}. Repair the offsets"
                )
            self.places[id] = None
            self.drop(DISCONTINUOUS, id)
            return
        self.places[id] = len(self.spans)
        self.spans.append(LabelledSpan(pieces[0][0], pieces[-1][1], label))
        self.mentions.append(mention)

    def add_connection(self, connection: Connection) -> None:
        """Add a relation or an event.

        RAISES (ValueError): an id that is not new.
        """
        self._check_new(connection.id)
        self.connections[connection.id] = connection

    def drop(self, what: str, id: str) -> None:
        """Count something that is left out."""
        self.left_out.append((what, f"{self.source} {id}"))

    def build(self, *, has_relations: bool = False, has_events: bool = False) -> Record:
        """The record, in which every reference is a place.

        has_relations, has_events: whether the text is annotated with them if there are none.
        RAISES (ValueError): a mention that is not at its offsets, an id that nothing has, whatever
            a record refuses.
        """
        mentions = list(zip(self.spans, self.mentions, strict=True))
        check_mentions(self.text, mentions, self.source)
        triggers = Counter(connection.trigger for connection in self.connections.values())
        self.shared = {trigger for trigger, n in triggers.items() if trigger and n > 1}
        relations: list[Edge] = []
        events: list[EventEdges] = []
        for connection in self.connections.values():
            if connection.is_relation:
                relations += self._relate(connection)
                has_relations = True
            else:
                events += self._assemble(connection)
                has_events = True
        return Record(
            self.text,
            tuple(self.spans),
            source=self.source,
            relations=tuple(relations) if has_relations else None,
            events=tuple(events) if has_events else None,
            left_out=tuple(self.left_out),
        )

    def _check_new(self, id: str) -> None:
        if id in self.places or id in self.connections:
            raise ValueError(
                f"{self.source}: an id must be given once, was: {quote(id)} again. Give the second "
                "one another, or remove it"
            )

    def _find(self, id: str, connection: Connection) -> int | None:
        """Place of a span, or of the trigger of an event; None if it is left out."""
        if id in self.connections:
            trigger = self.connections[id].trigger
            if trigger in self.shared:
                self.drop(WHICH_EVENT, connection.id)
            return None if trigger is None else self.places.get(trigger)
        if id not in self.places:
            known = list_some([*self.places, *self.connections]) or "none"
            raise ValueError(
                f"{self.source}: {connection.id} must refer to an id that is there ({known}), was: "
                f"{quote(id)}. Is the file cut off? Complete it, or remove {connection.id}"
            )
        return self.places[id]

    def _relate(self, connection: Connection) -> list[Edge]:
        head, child = (self._find(id, connection) for _, id in connection.members)
        if head is None or child is None:
            self.drop(UNREAD_SPAN, connection.id)
            return []
        roles = tuple(role for role, _ in connection.members)
        if any(roles) and roles != ("Arg1", "Arg2"):
            self.drop(f"{ROLES} ({' and '.join(map(quote, roles))})", connection.id)
        return [Edge(head, child, connection.label)]

    def _assemble(self, connection: Connection) -> list[EventEdges]:
        found = [(role, self._find(id, connection)) for role, id in connection.members]
        arguments = [(role, place) for role, place in found if place is not None]
        trigger = None if connection.trigger is None else self._find(connection.trigger, connection)
        if len(arguments) < len(found):
            self.drop(UNREAD_SPAN, connection.id)
        if trigger is None and (connection.trigger is not None or not arguments):
            self.drop("An event whose trigger or spans are left out", connection.id)
            return []
        if trigger is not None and self.spans[trigger].label != connection.label:
            start, end, _ = self.spans[trigger]
            trigger = len(self.spans)  # a span of its own, as the label of a trigger is the type
            self.spans.append(LabelledSpan(start, end, connection.label))
        return [EventEdges(connection.label, trigger, tuple(arguments))]
