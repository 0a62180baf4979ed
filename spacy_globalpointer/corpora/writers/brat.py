"""A text and its annotation as brat keeps them: a .txt and a .ann beside it.

Sources: https://brat.nlplab.org/standoff.html, and nlplab/brat, server/src: annotator.py (a span
over line breaks is one of several fragments, whose text is joined by spaces), annotation.py (names
end at a space or a colon; an event must have a trigger; lines end as str.splitlines says). Notes
(`#1 AnnotatorNotes T1`) hold the scores. A role that an event has several times is numbered, as in
the BioNLP Shared Tasks: Theme, Theme2, Theme3.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..json_text import dump_json
from .form import ANNOTATION, Row, Written

# What str.splitlines ends a line at.
BREAKS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
# What a name cannot have: it would end there, or the line would.
NO_NAME = re.compile(r"[\s:;,\x1c-\x1e\x85\u2028\u2029]")


def to_brat(record: Row) -> Written:
    """A record as the contents of ".txt" and ".ann".

    Its notes: what a pair of files has no place for, names that were changed, and spans of nothing
    but line breaks, which are left out with the relations and events that they are in. Tokens are
    left out without a note, as brat makes its own.
    """
    others = [key for key in record if key not in ("text", "tokens", *ANNOTATION)]
    if "spans" not in record:
        return Written({".txt": record["text"], ".ann": ""}, (NOT_ANNOTATED, *_list_fields(others)))
    lines = _Lines(record["text"])
    for span in record["spans"]:
        lines.add_span(span)
    for event in record.get("events") or ():
        lines.number_event(event)
    for event in record.get("events") or ():
        lines.add_event(event)
    for relation in record.get("relations") or ():
        lines.add_relation(relation)
    files = {".txt": record["text"], ".ann": "".join(f"{line}\n" for line in lines.lines)}
    return Written(files, (*lines.notes, *_list_fields(others)))


ONLY_BREAKS = "brat has no spans of line breaks only: not written, nor what joins them"
NOT_ANNOTATED = "brat cannot tell a text that is not annotated from one without spans"


def _list_fields(names: Sequence[str]) -> list[str]:
    return [f'brat has no place for the field "{name}": not written' for name in names]


class _Lines:
    """The lines of a .ann file.

    places: of spans that are written, with their number; those of triggers have events.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[str] = []
        self.notes: dict[str, None] = {}
        self.n = Counter[str]()
        self.ids: list[str | None] = []
        # Of triggers, by place: the first event, which stands for the trigger in other lines.
        self.events: dict[int, str] = {}

    def add_span(self, span: Row) -> None:
        """A line for a span, T, and one for its score."""
        fragments = cut_at_breaks(self.text, span["start"], span["end"])
        if not fragments:
            self.notes[ONLY_BREAKS] = None
            self.ids.append(None)
            return
        if (fragments[0][0], fragments[-1][1]) != (span["start"], span["end"]):
            self.notes["brat has no line breaks at the ends of spans: written without"] = None
        where = ";".join(f"{start} {end}" for start, end in fragments)
        words = " ".join(self.text[start:end] for start, end in fragments)
        self.ids.append(self._add("T", f"{self._name(span['label'])} {where}", words, span))

    def number_event(self, event: Row) -> None:
        """The number of an event whose trigger is written; others may name it before its line."""
        trigger = event["trigger"]
        if trigger is not None and self.ids[trigger] is not None:
            self.events.setdefault(trigger, f"E{self.n['numbered'] + 1}")
            self.n["numbered"] += 1

    def add_event(self, event: Row) -> None:
        """A line for an event, E; without a trigger, which brat has not, a note at an argument."""
        trigger, arguments = event["trigger"], event["arguments"]
        if trigger is None:
            self._add_note(event)
            return
        if self.ids[trigger] is None:
            return
        words = [f"{self._name(event['type'])}:{self.ids[trigger]}"]
        n_role = Counter[str]()
        for argument in arguments:
            role, target = self._name(argument["role"]), self._find(argument["span"])
            if target is not None:
                n_role[role] += 1
                words.append(f"{role}{n_role[role] if n_role[role] > 1 else ''}:{target}")
        self._add("E", " ".join(words), None, event)

    def add_relation(self, relation: Row) -> None:
        """A line for a relation, R; of a trigger, brat names the event."""
        head, child = self._find(relation["head"]), self._find(relation["child"])
        if head is not None and child is not None:
            label = self._name(relation["label"])
            self._add("R", f"{label} Arg1:{head} Arg2:{child}", None, relation)

    def _find(self, place: int) -> str | None:
        return self.events.get(place, self.ids[place])

    def _add(self, kind: str, content: str, words: str | None, part: Row) -> str:
        """A line, with a note if it has a score or a group of its own; its number."""
        self.n[kind] += 1
        number = f"{kind}{self.n[kind]}"
        tail = [] if words is None else [words]
        self.lines.append("\t".join([number, content, *tail]))
        known = [f"{key} {part[key]}" for key in ("score", "key") if key in part]
        if known:
            self._note(number, BREAKS.sub(" ", ", ".join(known)))
        return number

    def _add_note(self, event: Row) -> None:
        self.notes["brat has no events without a trigger: written as notes"] = None
        spans = (argument["span"] for argument in event["arguments"])
        at = next((self.ids[place] for place in spans if self.ids[place] is not None), None)
        if at is not None:
            kept: dict[str, Any] = {**event, "arguments": []}
            for argument in event["arguments"]:
                kept["arguments"].append({**argument, "span": self.ids[argument["span"]]})
            self._note(at, f"event {dump_json(kept)}")

    def _note(self, number: str, words: str) -> None:
        self.n["#"] += 1
        self.lines.append(f"#{self.n['#']}\tAnnotatorNotes {number}\t{words}")

    def _name(self, name: str) -> str:
        """A name without what would end it."""
        written = NO_NAME.sub("_", name)
        if written != name:
            what = f'brat has no spaces and colons in names: "{name}" is written "{written}"'
            self.notes[BREAKS.sub(" ", what)] = None
        return written


def cut_at_breaks(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The parts of a span (characters) between its line breaks, none if it has only these."""
    parts, place = [], start
    for found in BREAKS.finditer(text, start, end):
        parts.append((place, found.start()))
        place = found.end()
    return [(begin, stop) for begin, stop in (*parts, (place, end)) if begin < stop]
