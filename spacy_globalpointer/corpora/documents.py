"""The one place where character offsets meet tokens: records become documents."""

from collections.abc import Sequence
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from ..events import Argument, Event, set_events
from ..label_sets import DECLARED
from ..messages import quote, shorten
from ..relations import Relation, set_relations
from ..spans import LabelledSpan
from .record import Record

ALIGNMENTS = ("fail", "skip", "expand")
OUTCOMES = ("kept", "trimmed", "expanded", "skipped", "duplicate")
# Of relations: those of a skipped span are skipped, those of two spans that became one, merged.
RELATION_OUTCOMES = ("kept", "skipped", "merged", "duplicate")
# Of events: those of a skipped trigger are skipped, those of a skipped argument reduced, or merged
# where that argument told them from another event.
EVENT_OUTCOMES = ("kept", "reduced", "skipped", "merged", "duplicate")


def record_to_doc(
    record: Record,
    nlp: Language,
    *,
    spans_key: str = "sc",
    relations_key: str = "relations",
    events_key: str = "events",
    alignment: str = "skip",
) -> tuple[Doc, list[str], list[str], list[str]]:
    """Document with the record's spans, relations and events, and what became of each.

    A record that is not annotated gives no group, one without spans an empty group; attrs of the
    group have the labels that it is annotated with, if these are not all. White space at
    the ends of a span is cut off first ("trimmed"), so no span starts or ends on a white-space
    token. A span that then does not start and end at token borders is an error ("fail"), left out
    ("skip") or widened to the tokens it touches ("expand"); one of nothing but white space cannot
    be widened and is left out. Spans with the same tokens and label are one span. Scores of spans
    become attrs["scores"] of the group; of spans that are one, the first score counts.
    Relations follow their spans. One that loses a span is left out, and so is one between two
    spans that became one. So do events: one that loses its trigger or its last span is left out,
    and one that loses another argument is reduced, or left out if it is an earlier event then. Two
    arguments with one role are one where their spans are.

    record: the text and its spans.
    nlp: its tokenizer is used unless the record has words.
    spans_key, relations_key, events_key: of doc.spans.
    alignment: one of ALIGNMENTS.
    RETURNS: the document; one of OUTCOMES for each span of the record, in its order; one of
        RELATION_OUTCOMES for each relation; one of EVENT_OUTCOMES for each event.
    RAISES (ValueError): with "fail", a span off the token borders; words not in the text; a text
        that is too long for the tokenizer; two of spans, relations and events with one key.
    """
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment must be one of {', '.join(ALIGNMENTS)}, was: {alignment!r}")
    keys = {"spans_key": spans_key}
    keys |= {"relations_key": relations_key} if record.relations is not None else {}
    keys |= {"events_key": events_key} if record.events is not None else {}
    if len(set(keys.values())) < len(keys):
        shown = ", ".join(f"{name} = {key!r}" for name, key in keys.items())
        names = " and ".join(keys)
        raise ValueError(f"{names} must differ, was: {shown}. Name another key for one of them")
    doc = _make_doc(record, nlp)
    places, outcomes = _place_all(doc, record, alignment)
    if record.spans is not None:
        doc.spans[spans_key] = _group(doc, record, places, spans_key)
    relations, relation_outcomes = _relate(record, places)
    if record.relations is not None:
        set_relations(doc, relations, relations_key)
    events, event_outcomes = _assemble(record, places)
    if record.events is not None:
        set_events(doc, events, events_key)
    return doc, outcomes, relation_outcomes, event_outcomes


def _place_all(doc: Doc, record: Record, alignment: str) -> tuple[list[Span | None], list[str]]:
    """What each span of the record became, and which of OUTCOMES it has; equal ones are one."""
    spans: dict[LabelledSpan, Span] = {}
    places: list[Span | None] = []
    outcomes = []
    for given in record.spans or ():
        span, outcome = _place(doc, record, given, alignment)
        if span is not None:
            placed = LabelledSpan(span.start, span.end, span.label_)
            outcome = "duplicate" if placed in spans else outcome
            span = spans.setdefault(placed, span)
        outcomes.append(outcome)
        places.append(span)
    return places, outcomes


def _group(doc: Doc, record: Record, places: Sequence[Span | None], key: str) -> SpanGroup:
    """The spans of a document, with the labels and scores that the record has.

    places: as in `_relate`.
    """
    first: dict[Span, int] = {}
    for number, span in enumerate(places):
        if span is not None:
            first.setdefault(span, number)
    attrs: dict[str, Any] = {} if record.labels is None else {DECLARED: list(record.labels)}
    if record.scores is not None:
        own = [record.scores[number] for number in first.values()]
        attrs["scores"] = numpy.array(own, dtype="float32")
    return SpanGroup(doc, name=key, attrs=attrs, spans=list(first))


def _relate(record: Record, places: Sequence[Span | None]) -> tuple[list[Relation], list[str]]:
    """The relations of a document, and which of RELATION_OUTCOMES each of the record has.

    places: of each span of the record, the one of the document that it became.
    """
    relations: dict[Relation, None] = {}
    outcomes = []
    for first, second, label in record.relations or ():
        head, child = places[first], places[second]
        if head is None or child is None:
            outcomes.append("skipped")
        elif head is child and first != second:
            outcomes.append("merged")
        else:
            relation = Relation(head, child, label)
            outcomes.append("duplicate" if relation in relations else "kept")
            relations[relation] = None
    return list(relations), outcomes


def _assemble(record: Record, places: Sequence[Span | None]) -> tuple[list[Event], list[str]]:
    """The events of a document, and which of EVENT_OUTCOMES each of the record has.

    places: as in `_relate`.
    """
    events: dict[Event, None] = {}
    outcomes = []
    for kind, place, given in record.events or ():
        trigger = None if place is None else places[place]
        found = ((role, places[at]) for role, at in given)
        arguments = {Argument(role, span): None for role, span in found if span is not None}
        if (trigger is None) and not (place is None and arguments):
            outcomes.append("skipped")
            continue
        # In one order, so that the same event is known again.
        event = Event(kind, trigger, tuple(sorted(arguments, key=_rank)))
        is_whole = all(places[at] is not None for _, at in given)
        if event in events:
            outcomes.append("duplicate" if is_whole else "merged")
        else:
            outcomes.append("kept" if is_whole else "reduced")
        events[event] = None
    return list(events), outcomes


def _rank(argument: Argument) -> tuple[int, int, str, str]:
    role, span = argument
    return span.start, span.end, span.label_, role


def _place(
    doc: Doc, record: Record, char_span: LabelledSpan, alignment: str
) -> tuple[Span | None, str]:
    """The tokens of one span, and which of OUTCOMES that is."""
    start, end, label = char_span
    chars = record.text[start:end]
    start += len(chars) - len(chars.lstrip())
    end -= len(chars) - len(chars.rstrip())
    if start < end:
        span = doc.char_span(start, end, label=label)
        if span is not None:
            return span, "kept" if (start, end, label) == char_span else "trimmed"
        if alignment == "expand":
            return doc.char_span(start, end, label=label, alignment_mode="expand"), "expanded"
    if alignment == "fail":
        raise ValueError(
            f"{record.source}: a span must start and end at token borders, was: {quote(chars)} "
            f"({shorten(label)}, characters {char_span[0]} to {char_span[1]}). If that is not what "
            "was marked, repair the offsets. Else use alignment expand to widen such spans, skip "
            "to leave them out, or give the tokens in the data"
        )
    return None, "skipped"


def _make_doc(record: Record, nlp: Language) -> Doc:
    """Tokens of a record, without spans."""
    if record.words is None and len(record.text) > nlp.max_length:
        raise ValueError(
            f"{record.source}: a text without tokens must have at most {nlp.max_length:,} "
            f"characters (nlp.max_length), was: {len(record.text):,}. Cut it into documents"
        )
    if record.words is None:
        doc = nlp.make_doc(record.text)
    elif record.unknown_spaces:
        spaces = [True] * len(record.words)
        doc = Doc(nlp.vocab, words=list(record.words), spaces=[*spaces[1:], False][: len(spaces)])
        # spaCy's corpus reader then trains on these words, not on a new tokenization of a guess.
        doc.has_unknown_spaces = True
    else:
        doc = _find_words(record, nlp.vocab)
    if doc.text != record.text:
        raise ValueError(
            f"{record.source}: the tokenizer must keep the text, was: {quote(doc.text)} for "
            f"{quote(record.text)}. Offsets mean nothing then: choose another tokenizer"
        )
    return doc


def _find_words(record: Record, vocab: Vocab) -> Doc:
    """The document of a text and words; white space beyond one space is a token, as in spaCy."""
    text, position = record.text, 0
    given = [word.strip() for word in record.words or () if word.strip()]
    words: list[str] = []
    spaces: list[bool] = []
    for word in (*given, ""):
        start = text.find(word, position) if word else len(text)
        if start < 0 or text[position:start].strip():
            raise ValueError(
                f"{record.source}: tokens must follow each other in the text with only white "
                f"space between, was: {quote(word or 'the end of the tokens')} where the text has "
                f"{text[position:].lstrip()[:20]!r}. Repair the tokens, or leave them out"
            )
        gap = text[position:start]
        if words and gap.startswith(" "):
            spaces[-1], gap = True, gap[1:]
        tokens = [token for token in (gap, word) if token]
        words += tokens
        spaces += [False] * len(tokens)
        position = start + len(word)
    return Doc(vocab, words=words, spaces=spaces)
