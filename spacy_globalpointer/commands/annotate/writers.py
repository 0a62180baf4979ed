"""Forms of annotated documents: JSON lines, and a folder with parts of .spacy."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import srsly
from spacy.tokens import Doc, DocBin, Span

from ...corpora import dump_json
from ...corpora.stream import Entry
from ...events import get_events, has_events, spans_of
from ...label_sets import SPAN_LABELS
from ...relations import get_relations, has_relations
from ..outputs import replacing
from .resumable import part_of

# A part of a .spacy folder is in memory as a whole: long documents make it end earlier.
PART_CHARACTERS = 4_000_000


class WrittenKeys(NamedTuple):
    """The groups of doc.spans that are written; a key None means doc.ents."""

    spans: list[str | None]
    relations: list[str]
    events: list[str]


class JsonLines:
    """One JSON object for each document: its fields, "spans", and "relations" and "events" if any.

    file: where they go.
    """

    # Without parts, a run may stop after any batch and still write the same bytes when it goes on.
    part_size = None

    def __init__(self, file: BinaryIO, keys: WrittenKeys | None = None) -> None:
        self.file = file
        self.keys = keys or WrittenKeys([], [], [])

    def check(self, entry: Entry) -> None:
        """Refuse what cannot be written.

        RAISES (ValueError, TypeError): metadata of a .spacy file that is no JSON.
        """
        dump_json(entry.fields)

    def add(self, doc: Doc, entry: Entry) -> None:
        """Write a document, whose spans are those of all labels that were looked for."""
        fields = {key: value for key, value in entry.fields.items() if key != SPAN_LABELS}
        self.write({**fields, **list_annotation(doc, self.keys)})

    def write(self, row: dict[str, Any]) -> None:
        """Write a line."""
        line = f"{dump_json(row, ensure_ascii=False)}\n"
        self.file.write(line.encode("utf-8", "backslashreplace"))  # half a character, as in JSON

    def save(self) -> int:
        """Flush everything to the disk, or to standard output.

        RETURNS (bytes): the length of the file.
        """
        self.file.flush()
        if self.file is sys.stdout.buffer:
            return 0
        os.fsync(self.file.fileno())
        return self.file.tell()


class SpacyParts:
    """A folder of .spacy files, each with so many documents that it fits into memory.

    A part is written as a whole, and has the same documents however often a run stops.

    target: what the folder becomes.
    n_parts: how many of those that are there count; others are removed.
    part_size (documents): the most in a part.
    RAISES (ValueError): there are fewer parts.
    """

    def __init__(self, target: Path, n_parts: int, part_size: int) -> None:
        self.folder = part_of(target)
        self.n_parts = n_parts
        self.part_size = part_size
        self.doc_bin = DocBin(store_user_data=True)
        self.folder.mkdir(exist_ok=True)
        kept = {self._name(number) for number in range(1, n_parts + 1)}
        found = {path.name for path in self.folder.iterdir()}
        if kept - found:
            raise ValueError(
                f"{self.folder} must have the {n_parts} parts that the last run wrote, was: "
                f"without {min(kept - found)}. Start anew with --overwrite"
            )
        for name in found - kept:
            (self.folder / name).unlink()

    def check(self, entry: Entry) -> None:
        """Refuse what cannot be written.

        RAISES (ValueError, TypeError, OverflowError): fields that msgpack does not know.
        """
        srsly.msgpack_dumps(entry.user_data)

    def add(self, doc: Doc, entry: Entry) -> None:
        """Put a document into the part."""
        # Without what components leave there, such as arrays of a transformer.
        doc.user_data = entry.user_data
        self.doc_bin.add(doc)

    def save(self) -> int:
        """Write the part.

        RETURNS (parts): written so far.
        """
        if len(self.doc_bin):
            with replacing(self.folder / self._name(self.n_parts + 1)) as file:
                self.doc_bin.to_disk(file)
            self.n_parts += 1
            self.doc_bin = DocBin(store_user_data=True)
        return self.n_parts

    @staticmethod
    def _name(number: int) -> str:
        return f"{number:06}.spacy"


Writer = JsonLines | SpacyParts


def is_part(name: str) -> bool:
    """Whether a file is a part of a .spacy folder."""
    return re.fullmatch(r"\d{6,}\.spacy", name) is not None


def list_annotation(doc: Doc, keys: WrittenKeys) -> dict[str, list[dict[str, Any]]]:
    """The spans, the relations and the events of a document as JSON.

    keys: where they are. Where there are several of a kind, each of them has its "key".
    RETURNS: "spans", those of the keys and all that are in relations and events, by start, longest
        first, then label: "start" and "end" (characters, exclusive), "label", "score"
        (probability). If any are annotated, "relations": "head" and "child" (places in "spans"),
        "label", "score"; and "events": "type", "trigger" (a place, or None), "arguments" with
        "role" and "span" (a place), "score".
    """
    related = {key: get_relations(doc, key) for key in keys.relations if has_relations(doc, key)}
    events = {key: get_events(doc, key) for key in keys.events if has_events(doc, key)}
    ends = {key: [s for x in own for s in (x.head, x.child)] for key, own in related.items()}
    parts = {
        key: [span for event in own for span in spans_of(event)] for key, own in events.items()
    }
    spans = _add_spans(list_spans(doc, keys.spans), [ends, parts], len(keys.spans) > 1)
    # Of spans that are there twice, the first stands for both.
    places = {_identify(row): place for place, row in reversed([*enumerate(spans)])}

    def find(span: Span) -> int:
        return places[_identify(_to_row(span))]

    found = {"spans": spans}
    if related:
        found["relations"] = [
            {"head": find(head), "child": find(child), "label": label}
            | _name(score, key, keys.relations)
            for key, own in related.items()
            for head, child, label, score in own
        ]
    if events:
        found["events"] = [
            {
                "type": kind,
                "trigger": None if trigger is None else find(trigger),
                "arguments": [{"role": role, "span": find(span)} for role, span in arguments],
            }
            | _name(score, key, keys.events)
            for key, own in events.items()
            for kind, trigger, arguments, score in own
        ]
    return found


def _add_spans(
    spans: list[dict[str, Any]], groups: Sequence[dict[str, list[Span]]], with_key: bool
) -> list[dict[str, Any]]:
    """Spans, and those of other groups that are not among them, in order."""
    known = {_identify(row) for row in spans}
    others: dict[tuple[int, int, str], dict[str, Any]] = {}
    for key, own in ((key, own) for group in groups for key, own in group.items()):
        for row in map(_to_row, own):
            if _identify(row) not in known:
                others.setdefault(_identify(row), row | ({"key": key} if with_key else {}))
    return sorted([*spans, *others.values()], key=_identify)


def _name(score: float | None, key: str, keys: Sequence[str]) -> dict[str, Any]:
    """The score of a relation or an event, if it has one, and its key, if there are several."""
    found: dict[str, Any] = {} if score is None else {"score": round(score, 6)}
    return found | ({"key": key} if len(keys) > 1 else {})


def list_spans(doc: Doc, keys: Sequence[str | None]) -> list[dict[str, Any]]:
    """The spans of groups as JSON, as in `list_annotation`; a key None means doc.ents."""
    rows = []
    for key in keys:
        group = doc.ents if key is None else doc.spans.get(key, ())
        scores = getattr(group, "attrs", {}).get("scores", ())
        for place, span in enumerate(group):
            row = _to_row(span)
            if len(scores) == len(group):  # a later component may have changed the group
                row["score"] = round(float(scores[place]), 6)
            if len(keys) > 1:
                row["key"] = key
            rows.append(row)
    return sorted(rows, key=_identify)


def _to_row(span: Span) -> dict[str, Any]:
    return {"start": span.start_char, "end": span.end_char, "label": span.label_}


def _identify(row: dict[str, Any]) -> tuple[int, int, str]:
    """What makes two spans one; also their order."""
    return row["start"], -row["end"], row["label"]
