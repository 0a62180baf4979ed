"""What every corpus format becomes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..events import EventEdges, find_event_fault
from ..label_sets import SPAN_LABELS, find_list_fault
from ..messages import quote
from ..relations import Edge, find_fault
from ..spans import LabelledSpan

HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair


@dataclass(frozen=True)
class Record:
    """One annotated text, checked when it is built.

    text: the text that the offsets refer to.
    spans (characters): start, end (exclusive), label. None means "not annotated", an empty
        tuple means "there are no spans here".
    words: tokens found in the text in this order; None leaves the tokens to the tokenizer.
    unknown_spaces: the text was joined from words, so its spaces are a guess.
    source: file and line, for messages.
    notes: what was left out or changed when it was read.
    left_out: what was in the file and cannot be in a record: what it is, and its place there.
    fields: what else was in its JSON object.
    relations, events: of spans, by their places in `spans`; None and empty as for spans.
    labels: those that the text is annotated with; None for all.
    scores (probability): of the spans, in their order; None for none.
    RAISES (ValueError): an offset outside the text, an empty span, a relation or an event of a span
        that is not there, a label that is no name, half of a surrogate pair in the text or a label
        (nothing can store it), a span with none of the labels.
    """

    text: str
    spans: tuple[LabelledSpan, ...] | None = None
    words: tuple[str, ...] | None = None
    unknown_spaces: bool = False
    source: str = "record"
    notes: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict, compare=False)
    relations: tuple[Edge, ...] | None = None
    events: tuple[EventEdges, ...] | None = None
    labels: tuple[str, ...] | None = None
    scores: tuple[float, ...] | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        half = HALF.search(self.text)
        if half:
            raise ValueError(
                f"{self.source}: text must be valid Unicode, was: half a character "
                f"({half.group()!r}) at {half.start()}. Remove or complete it"
            )
        check_spans(self.spans or (), len(self.text), unit="characters", source=self.source)
        if self.scores is not None and len(self.scores) != len(self.spans or ()):
            raise ValueError(
                f"{self.source}: there must be one score for each of the {len(self.spans or ())} "
                f"spans, or none, was: {len(self.scores)}. Give the scores of all"
            )
        check_relations(self.relations, self.spans, source=self.source)
        check_events(self.events, self.spans, source=self.source)
        check_labels_of_record(self.labels, self.spans, source=self.source)

    @classmethod
    def from_words(
        cls,
        words: Sequence[str],
        spans: Sequence[LabelledSpan] | None,
        *,
        joiner: str,
        source: str,
        is_last: bool = False,
    ) -> "Record":
        """Record of words whose text is not known.

        words: the tokens, which are joined to a text.
        spans (tokens): start, end (exclusive), label; None if not annotated.
        is_last: whether the ends were written as the last token, for messages.
        RETURNS: a record with offsets in characters.
        RAISES (ValueError): an offset outside the words, an empty word.
        """
        check_words(words, source=source)
        if joiner:  # white space is between the words, unless a word is nothing else
            words = [word.strip() or word for word in words]
        starts, length = [], 0
        for word in words:
            starts.append(length)
            length += len(word) + len(joiner)
        char_spans = None
        if spans is not None:
            check_spans(spans, len(words), unit="tokens", source=source, is_last=is_last)
            char_spans = tuple(
                LabelledSpan(starts[s], starts[e - 1] + len(words[e - 1]), n) for s, e, n in spans
            )
        return cls(joiner.join(words), char_spans, tuple(words), joiner != "", source)

    def trim_labels(self) -> "Record":
        """The same without white space at the ends of labels, and a note of each that had some."""
        padded: dict[str, None] = {}

        def trim(label: str) -> str:
            if label != label.strip():
                padded[label] = None
            return label.strip()

        spans = tuple(LabelledSpan(s, e, trim(label)) for s, e, label in self.spans or ())
        edges = tuple(Edge(head, child, trim(label)) for head, child, label in self.relations or ())
        events = tuple(
            EventEdges(trim(kind), trigger, tuple((trim(role), at) for role, at in arguments))
            for kind, trigger, arguments in self.events or ()
        )
        labels = None if self.labels is None else tuple(map(trim, self.labels))
        if not padded:
            return self
        notes = [f"White space around the label {quote(label)} was trimmed" for label in padded]
        return replace(
            self,
            spans=spans,
            relations=None if self.relations is None else edges,
            events=None if self.events is None else events,
            labels=labels,
            notes=(*self.notes, *notes),
        )


def check_labels_of_record(
    labels: Any, spans: Sequence[LabelledSpan] | None, *, source: str
) -> None:
    """Refuse labels that a text cannot be annotated with.

    labels: None for all.
    spans: of the same text; None if not annotated.
    RAISES (ValueError): no list of names, half a character, no spans, a span with another label.
    """
    if labels is None:
        return
    fault = find_list_fault(labels)
    what = quote(list(labels) if isinstance(labels, tuple) else labels)
    repair = "List the labels that are annotated in this text, or leave it out if these are all"
    if not fault and any(HALF.search(label) for label in labels):
        fault = "must hold valid Unicode"
    elif not fault and spans is None:
        fault, repair = 'needs "spans"', "Give the spans, an empty list if there are none"
    elif not fault:
        others = [span.label for span in spans or () if span.label not in labels]
        if others:
            fault, what = "must have the label of each span", f"{quote(others[0])}, not in {what}"
    if fault:
        raise ValueError(f'{source}: "{SPAN_LABELS}" {fault}, was: {what}. {repair}')


def check_words(words: Any, *, source: str) -> None:
    """Refuse words that cannot become tokens.

    words: what a format gave.
    RAISES (ValueError): not a list of strings, or an empty string in it.
    """
    rule = f"{source}: tokens must be a list of non-empty strings, was: "
    if not isinstance(words, (list, tuple)):
        raise ValueError(f'{rule}{quote(words)}. Write them as ["...", "..."]')
    for number, word in enumerate(words):
        if not isinstance(word, str) or not word:
            raise ValueError(f"{rule}{quote(word)} at {number} (from 0). Write each as its text")


def check_spans(
    spans: Sequence[Any], length: int, *, unit: str, source: str, is_last: bool = False
) -> None:
    """Refuse spans that cannot lie in a text.

    spans: start, end (exclusive), label.
    length (unit): of the text.
    unit: "characters" or "tokens", for messages.
    is_last: whether the ends were written as the last of these, for messages.
    RAISES (ValueError): an offset outside 0..length, start >= end, no label, half a character.
    """
    ends = "inclusive" if is_last else "exclusive"
    for start, end, label in spans:
        if type(start) is not int or type(end) is not int:
            rule = "start and end must be whole numbers"
            repair = "Write them as 0 and 3, without quotes and decimal points"
        elif not isinstance(label, str) or not label.strip():
            rule, repair = "label must be a non-empty string", "Name it or remove the span"
        elif HALF.search(label):
            rule, repair = "label must be valid Unicode", "Remove or complete half a character"
        elif start >= end:
            rule, repair = "start must be smaller than end", "end is exclusive: add 1 to the last"
            if is_last:
                rule, repair = "the first must not come after the last", "Write the first one first"
        elif start < 0 or end > length:
            rule = f"a span must lie inside the {length} {unit} of the text"
            repair = f"Count {unit} from 0, end {ends}"
        else:
            continue
        what = f"{quote(start)} to {quote(end - 1 if is_last else end)}, {quote(label)}"
        raise ValueError(f"{source}: {rule}, was: {what}. {repair}")


def check_relations(
    relations: Sequence[Any] | None, spans: Sequence[Any] | None, *, source: str
) -> None:
    """Refuse relations between spans that are not there.

    relations: head and child by their places in the spans, label; None if not annotated.
    spans: of the same text; None if not annotated.
    RAISES (ValueError): no spans, a place that is none of theirs, no label, half a character.
    """
    if relations is not None and spans is None:
        raise ValueError(
            f"{source}: relations must be between spans, was: {len(relations)} relations of a text "
            "without spans. Give the spans, or leave the relations out"
        )
    for number, edge in enumerate(relations or ()):
        rule, repair = find_fault(edge, len(spans or ())), "Name it or remove the relation"
        if "places" in rule:
            repair = "Count the spans from 0, without quotes; remove a relation of a removed span"
        elif "Unicode" in rule:
            repair = "Remove or complete half a character"
        if rule:
            what = " to ".join(map(quote, edge[:2]))
            raise ValueError(
                f"{source}: {rule}, was: {what}, {quote(edge[2])} (relation {number}, from 0). "
                f"{repair}"
            )


def check_events(events: Sequence[Any] | None, spans: Sequence[Any] | None, *, source: str) -> None:
    """Refuse events of spans that are not there.

    events: type, trigger and arguments by their places in the spans; None if not annotated.
    spans: of the same text; None if not annotated.
    RAISES (ValueError): no spans, a place that is none of theirs, a type or a role that is no name,
        a trigger whose label is not the type, neither trigger nor argument.
    """
    if events is not None and spans is None:
        raise ValueError(
            f"{source}: events must be of spans, was: {len(events)} events of a text without "
            "spans. Give the spans, or leave the events out"
        )
    labels = [label.strip() for _, _, label in spans or ()]
    for number, event in enumerate(events or ()):
        own = event if isinstance(event, (list, tuple)) else (event,)
        rule = find_event_fault([x.strip() if isinstance(x, str) else x for x in own], labels)
        if rule:
            fields = zip(EventEdges._fields, own, strict=False)
            what = ", ".join(f"{name} {quote(value)}" for name, value in fields)
            raise ValueError(
                f"{source}: {rule}, was: {what} (event {number}, from 0). {_mend_event(rule)}"
            )


def _mend_event(rule: str) -> str:
    """What repairs an event that breaks a rule."""
    if "place" in rule:
        return "Count the spans from 0, without quotes; remove what refers to a removed span"
    if "Unicode" in rule:
        return "Remove or complete half a character"
    if "label of a trigger" in rule:
        return "Give the span of the trigger the type as its label, as a span of its own if need be"
    return "Complete or remove the event"
