""".spacy files as a corpus: a group of doc.spans as it is, or else doc.ents."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ...events import EventEdges, get_events, has_events
from ...label_sets import DECLARED
from ...messages import list_some, quote
from ...relations import Edge, get_relations, has_relations
from ...spans import LabelledSpan
from ..docbin import read_docbin
from ..reading import Reading
from ..record import Record

# What else a document may have, and how it is called.
ATTRIBUTES = {
    "TAG": "tags",
    "POS": "parts of speech",
    "DEP": "the parse",
    "LEMMA": "lemmas",
    "SENT_START": "sentences",
}


def read_spacy(path: Path, reading: Reading) -> Iterator[Record]:
    """Records of the documents of a .spacy file, with their tokens.

    The spans are those of the group `reading.spans_key`, with its relations and events, or doc.ents
    where a document has no group of spans. What else a document has is not read, which is noted.

    RAISES (ValueError): no complete DocBin, groups of spans with other names, relations or events
        that are damaged.
    """
    for number, doc in enumerate(read_docbin(path, Vocab()), start=1):
        source = f"{path} document {number}"
        try:
            yield _read_doc(doc, source, reading)
        except ValueError as error:  # that of relations and events does not know the file
            if str(error).startswith(source):
                raise
            raise ValueError(f"{source}: {error}") from error


def _read_doc(doc: Doc, source: str, reading: Reading) -> Record:
    found, notes = _find_spans(doc, source, reading)
    spans = None if found is None else tuple(_place(span) for span in found)
    words = [token.text for token in doc if token.text]
    if doc.has_unknown_spaces:
        own = None if found is None else [LabelledSpan(s.start, s.end, s.label_) for s in found]
        record = Record.from_words(words, own, joiner=" ", source=source)
    else:
        record = Record(doc.text, spans, tuple(words), source=source)
    if spans is None:
        return replace(record, notes=tuple(notes))
    places = {span: place for place, span in reversed([*enumerate(spans)])}
    attrs = doc.spans[reading.spans_key].attrs if reading.spans_key in doc.spans else {}
    scores = attrs.get("scores")
    record = replace(
        record,
        relations=_read_relations(doc, places, notes, reading.relations_key),
        events=_read_events(doc, places, notes, reading.events_key),
        labels=tuple(attrs[DECLARED]) if DECLARED in attrs else None,
        scores=None if scores is None or not len(spans) else tuple(map(float, scores)),
    )
    return replace(record, notes=tuple(notes))


def _find_spans(doc: Doc, source: str, reading: Reading) -> tuple[list[Span] | None, list[str]]:
    """The spans that are gold, None if there are none, and what is not read."""
    keys = [key for key in doc.spans if key not in (reading.relations_key, reading.events_key)]
    others = [key for key in keys if key != reading.spans_key]
    notes = [f"The group {quote(key)} of doc.spans is not read" for key in others]
    notes += [f"A document has {what}, which are not kept" for what in _list_others(doc)]
    if reading.spans_key in doc.spans:
        found = [*doc.spans[reading.spans_key]]
        is_same = {*map(_place, doc.ents)} <= {*map(_place, found)}
        return found, notes if is_same else [*notes, "doc.ents beside the group are not read"]
    if keys:
        raise ValueError(
            f"{source}: a document must have its spans in the group {quote(reading.spans_key)}, "
            f"was: {list_some(keys)}. Name the right one with --spans-key"
        )
    if not doc.has_annotation("ENT_IOB"):
        return None, notes
    if not doc.has_annotation("ENT_IOB", require_complete=True):
        notes.append("Tokens whose entity is not known are read as outside of entities")
    notes += ["The id of an entity is not read" for x in doc.ents if x.kb_id_ or x.ent_id_]
    return list(doc.ents), notes


def _list_others(doc: Doc) -> Iterator[str]:
    """What a document has beside spans."""
    # spaCy says that no token has everything, and that the only one starts a sentence.
    own = [name for name in ATTRIBUTES if len(doc) > (name == "SENT_START")]
    yield from (ATTRIBUTES[name] for name in own if doc.has_annotation(name))
    if doc.cats:
        yield "categories"
    if doc.user_data:
        yield "user data"


def _place(span: Span) -> LabelledSpan:
    return LabelledSpan(span.start_char, span.end_char, span.label_)


def _read_relations(
    doc: Doc, places: dict[LabelledSpan, int], notes: list[str], key: str
) -> tuple[Edge, ...] | None:
    if not has_relations(doc, key):
        return None
    edges = []
    for head, child, label, _ in get_relations(doc, key):
        ends = (places.get(_place(head)), places.get(_place(child)))
        if ends[0] is None or ends[1] is None:
            notes.append("A relation of a span that is not in the group is left out")
        else:
            edges.append(Edge(ends[0], ends[1], label))
    return tuple(edges)


def _read_events(
    doc: Doc, places: dict[LabelledSpan, int], notes: list[str], key: str
) -> tuple[EventEdges, ...] | None:
    if not has_events(doc, key):
        return None
    events = []
    for kind, trigger, arguments, _ in get_events(doc, key):
        given: list[Any] = [] if trigger is None else [trigger]
        given += [argument.span for argument in arguments]
        if any(_place(span) not in places for span in given):
            notes.append("An event of a span that is not in the group is left out")
            continue
        own = tuple((role, places[_place(span)]) for role, span in arguments)
        events.append(EventEdges(kind, None if trigger is None else places[_place(trigger)], own))
    return tuple(events)
