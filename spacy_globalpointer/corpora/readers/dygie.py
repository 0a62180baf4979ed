"""DyGIE++'s documents: sentences of tokens, with entities, relations and events by sentence.

Source: doc/data.md in dwadden/dygiepp.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ...events import EventEdges
from ...messages import shorten
from ...relations import Edge
from ...spans import LabelledSpan
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect, read_each

ROWS = ("ner", "relations", "events")
# Coreference, which has no place in a record.
CLUSTERS = ("clusters", "event_clusters")


@dataclass
class Gold:
    """What was read of a document.

    spans (tokens): entities, then triggers.
    places: of the first span with these first and last tokens; several: of those with others, too.
    notes: one for each thing that was left out or changed.
    """

    spans: list[LabelledSpan] = field(default_factory=list)
    places: dict[tuple[int, int], int] = field(default_factory=dict)
    several: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add(self, start: int, last: int, label: str) -> None:
        """Add an entity."""
        place = self.places.setdefault((start, last), len(self.spans))
        self.spans.append(LabelledSpan(start, last + 1, label))
        if self.spans[place].label != label:
            self.several.add(place)

    def find(self, start: int, last: int, what: str) -> int | None:
        """The place of the entity that a relation or an argument means; None if there is none."""
        place = self.places.get((start, last))
        if place is None:
            self.notes.append(f"{what} of tokens that are no entity is left out")
        elif place in self.several:
            self.notes.append(f"{what} of an entity with several labels is read as of the first")
        return place

    def add_trigger(self, token: int, kind: str) -> int:
        """The place of a trigger."""
        span = LabelledSpan(token, token + 1, kind)
        if span not in self.spans:
            self.spans.append(span)
        return self.spans.index(span)


def read_dygie(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of a document.

    {"doc_key": "a", "sentences": [["Ada", "met", "Bob"], ["He", "left"]],
     "ner": [[[0, 0, "PER"], [2, 2, "PER"]], [[3, 3, "PER"]]],
     "relations": [[[0, 0, 2, 2, "KNOWS"]], []],
     "events": [[[[1, "meet"], [0, 0, "who"], [2, 2, "who"]]], []]}

    Offsets are in tokens of the document, and the last token is part of a span. A trigger becomes a
    span with the type of its event as label. Relations and arguments are between entities of "ner":
    others are left out. That is noted, as are coreference and predictions, which are not read. A
    document without "ner" and "events" is not annotated.

    RAISES (ValueError): no sentences, annotation of another form, offsets outside the document.
    """
    sentences = _list_sentences(row, "sentences", source)
    words = [word for sentence in sentences for word in sentence]
    others = [key for key in row if key in CLUSTERS or key.startswith("predicted_")]
    known = ("sentences", *ROWS, *others, "_sentence_start", "sentence_start")
    refuse_unread(row, source, known=known, words=[w for w in words if isinstance(w, str)])
    gold = Gold(notes=[f'"{shorten(key)}" is not read' for key in others if row[key]])
    for entity in _list_rows(row, "ner", source, "[first, last, label]"):
        gold.add(*_take(entity, (int, int, str), "ner", source))
    relations = _read_relations(row, gold, source)
    events = _read_events(row, gold, source)
    is_annotated = "ner" in row or "events" in row
    record = Record.from_words(
        words,
        gold.spans if is_annotated else None,
        joiner=reading.joiner,
        source=source,
        is_last=True,
    )
    fields = {key: value for key, value in row.items() if key not in known}
    return replace(
        record, relations=relations, events=events, notes=tuple(gold.notes), fields=fields
    )


def is_dygie(row: Any) -> bool:
    """Whether a row has sentences of tokens, and lists for them."""
    if not isinstance(row, dict) or not isinstance(row.get("sentences"), list):
        return False
    is_split = all(isinstance(sentence, list) for sentence in row["sentences"])
    return is_split and any(isinstance(row.get(key), list) for key in ROWS)


def _list_sentences(row: dict[str, Any], key: str, source: str) -> list[list[Any]]:
    values = row.get(key)
    if not isinstance(values, list) or not all(isinstance(value, list) for value in values):
        raise ValueError(
            f'{source}: "{key}" must be a list with a list for each sentence, was: '
            f"{shorten(values)}. Write it so"
        )
    return values


def _list_rows(row: dict[str, Any], key: str, source: str, form: str) -> Iterator[list[Any]]:
    """What a key has in all sentences; nothing if it is not there.

    RAISES (ValueError): a list too many or too few.
    """
    lists = _list_sentences(row, key, source) if key in row else None
    if lists is not None and len(lists) != len(row["sentences"]):
        raise ValueError(
            f'{source}: "{key}" must be a list with a list for each of the '
            f"{len(row['sentences'])} sentences, was: {len(lists)} lists. Write an empty one for a "
            "sentence without any"
        )
    for values in lists or ():
        for value in values:
            if not isinstance(value, list):
                raise ValueError(
                    f'{source}: "{key}" must hold {form}, was: {shorten(value)}. Write it so'
                )
            yield value


def _take(value: Any, types: tuple[type, ...], key: str, source: str) -> list[Any]:
    """The items of a row, whose types are checked."""
    if not isinstance(value, list) or [type(item) for item in value] != [*types]:
        names = ", ".join("a whole number" if kind is int else "a name" for kind in types)
        raise ValueError(
            f'{source}: a row in "{key}" must hold {names}, was: {shorten(value)}. Repair it'
        )
    return value


def _read_relations(row: dict[str, Any], gold: Gold, source: str) -> tuple[Edge, ...] | None:
    if "relations" not in row:
        return None
    edges = []
    form = "[first, last, first, last, label]"
    for value in _list_rows(row, "relations", source, form):
        *ends, label = _take(value, (int, int, int, int, str), "relations", source)
        head = gold.find(ends[0], ends[1], "A relation")
        child = None if head is None else gold.find(ends[2], ends[3], "A relation")
        if head is not None and child is not None:
            edges.append(Edge(head, child, label))
    return tuple(edges)


def _read_events(row: dict[str, Any], gold: Gold, source: str) -> tuple[EventEdges, ...] | None:
    if "events" not in row:
        return None
    events = []
    for value in _list_rows(row, "events", source, "[[trigger, type], [first, last, role], ...]"):
        token, kind = _take(value[0] if value else None, (int, str), "events", source)
        arguments = []
        for given in value[1:]:
            start, last, role = _take(given, (int, int, str), "events", source)
            place = gold.find(start, last, "An argument")
            arguments += [] if place is None else [(role, place)]
        events.append(EventEdges(kind, gold.add_trigger(token, kind), tuple(arguments)))
    return tuple(events)


DYGIE = Dialect(read_each(read_dygie), is_dygie)
