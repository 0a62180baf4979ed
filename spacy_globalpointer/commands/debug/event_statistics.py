"""Counts over the gold events of annotated texts, gathered one text at a time."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy
from spacy.attrs import SENT_START
from spacy.training import Example

from ...messages import excerpt
from ...pipeline.alignment import labelled_spans
from ...pipeline.event_edges import SAME_EVENT, share_triggers
from ...pipeline.event_gold import EventReader
from ...pipeline.event_scorer import read_events
from ...pipeline.pair_gold import distance, find_spans
from ...spans import LabelledEvent, LabelledSpan
from .pair_statistics import OUTSIDE, PairStatistics

# What can be said of events.
SHARED, NESTED, ALONE = "share their trigger", "have a trigger as an argument", "have no argument"
UNTRIGGERED, REPEATED, CROSSING = "have no trigger", "have a role twice", "go across sentences"
# An outcome of record_to_doc: an argument does not fit the tokens.
REDUCED = "reduced"
PART = "have some of the arguments of another"


@dataclass
class EventStatistics(PairStatistics):
    """What the events of all texts of a split are; `labels` are their types."""

    what = "events"
    outcomes: ClassVar[dict[str, str]] = {
        "skipped": "have a trigger, or only spans, that do not begin and end where tokens do",
        "duplicate": "are given more than once",
    }
    n_sentences_known: int = 0  # texts with events and sentences
    most_arguments: int = 0  # of one trigger; without triggers, of one event
    most_events: int = 0  # of one trigger
    roles: Counter[str] = field(default_factory=Counter)
    # Events by the number of their arguments.
    sizes: Counter[int] = field(default_factory=Counter)
    # Distance (tokens) of trigger and argument, by role.
    distances: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    # Without triggers: what the labels of arguments mean.
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    has_links: bool = False  # whether events of a text share a trigger

    def _count_gold(self, example: Example, key: str) -> int:
        events = set(read_events(example.reference, key, labelled_spans))
        triggers: defaultdict[LabelledSpan, list[LabelledEvent]] = defaultdict(list)
        for event in sorted(events, key=lambda event: event.rank):
            if event.trigger is not None:
                triggers[event.trigger].append(event)
        for own in triggers.values():
            self.most_events = max(self.most_events, len(own))
            arguments = {argument for event in own for argument in event.arguments}
            self.most_arguments = max(self.most_arguments, len(arguments))
        for event in events:
            kin = [x for x in events if (x.type, x.trigger) == (event.type, event.trigger)]
            self._count(event, kin, triggers.keys())
        self._count_places(example, events)
        return len(events)

    def _count(
        self,
        event: LabelledEvent,
        kin: Collection[LabelledEvent],
        triggers: Collection[LabelledSpan],
    ) -> None:
        """Count an event.

        kin: events of the same type and trigger, this one too.
        triggers: of all events of the text.
        """
        roles, trigger = Counter(role for role, _ in event.arguments), event.trigger
        self.labels[event.type] += 1
        self.roles += roles
        self.sizes[len(event.arguments)] += 1
        is_of_kind = {
            SHARED: trigger is not None and len(kin) > 1,
            NESTED: any(span in triggers for _, span in event.arguments),
            ALONE: not event.arguments,
            UNTRIGGERED: trigger is None,
            REPEATED: max(roles.values(), default=0) > 1,
            PART: any(event.arguments < other.arguments for other in kin),
        }
        self.kinds.update((kind, event.type) for kind, holds in is_of_kind.items() if holds)
        if trigger is None:
            self.most_arguments = max(self.most_arguments, len(event.arguments))
        else:
            for role, span in event.arguments:
                self.distances[role][distance(trigger, span)] += 1

    def _read(self, example: Example) -> EventReader:
        key = self.settings["events_key"]
        events = read_events(example.reference, key, labelled_spans)
        self.has_links = self.has_links or share_triggers(events)
        # Without predictions the candidates are the gold spans in any case.
        reader = EventReader(
            {**self.settings, "missing": "skip", "candidates": "gold"},
            [SAME_EVENT] if self.has_links else [],
            self.nodes,
        )
        reader.read(example)
        self.nodes = reader.nodes
        return reader

    def _count_places(self, example: Example, events: Collection[LabelledEvent]) -> None:
        """Count events of several sentences, and those whose spans the group does not have."""
        doc = example.reference
        if events and doc.has_annotation("SENT_START"):
            self.n_sentences_known += 1
            sentence = numpy.cumsum(doc.to_array(SENT_START) == 1)
            for event in events:
                first, end = event.touched
                crosses = bool(sentence[first] != sentence[max(first, end - 1)])
                self.kinds[CROSSING, event.type] += crosses
        found = find_spans(doc, self.settings["spans"], is_gold=True)
        if found is None:
            self.n_without_spans += bool(events)
            return
        known = set(found.spans)
        for event in sorted(events, key=lambda event: event.rank):
            missing = [x for x in event.spans if x not in known and x.start < x.end]
            if missing:
                self.kinds[OUTSIDE, event.type] += 1
                at = doc[missing[0].start : missing[0].end]
                self._note(OUTSIDE, excerpt(doc.text, at.start_char, at.end_char))

    @property
    def all_distances(self) -> Counter[int]:
        """Distances of all triggers and arguments."""
        return sum(self.distances.values(), Counter())

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        distances = {role: dict(sorted(own.items())) for role, own in self.distances.items()}
        return {
            **super().to_dict(),
            "roles": dict(self.roles.most_common()),
            "most_arguments_of_a_trigger": self.most_arguments,
            "most_events_of_a_trigger": self.most_events,
            "arguments": {str(n): k for n, k in sorted(self.sizes.items())},
            "distances": {k: {str(x): n for x, n in own.items()} for k, own in distances.items()},
        }
