"""Our own records: an object with "text" or "tokens", "spans", "relations" and "events"."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...label_sets import SPAN_LABELS
from ...messages import shorten
from ..containers import read_objects
from ..gold_parts import INDEXED_KEYS, SPAN_KEYS, GoldParts, read_parts, refuse_spanless
from ..reading import Reading
from ..record import Record, check_words
from ..unread import list_unread, refuse_single_span, refuse_unread
from .dialects import Dialect, read_each
from .prodigy import shows_prodigy

KEYS = ("text", "tokens", "spans")


def read_jsonl(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of JSON lines.

    {"text": "Ada was born in London.", "spans": [{"start": 16, "end": 22, "label": "GPE"}]}

    Offsets are in characters of "text", and `end` is exclusive. "tokens", a list of strings, may
    be given beside "text". Without "text" the tokens are joined to one, and the offsets are in
    tokens. A line without "spans" is not annotated. A span may have its mention beside its
    offsets, as "text": it must be what stands there. If every span has a "score" in [0, 1], as
    `annotate` writes it, the scores are read. "relations" are between spans, by their
    places in "spans", from 0; a line without them is not annotated with relations.

    {..., "relations": [{"head": 1, "child": 0, "label": "born_in"}]}

    "events" are of spans, too; the label of a trigger is the type, and null stands for no trigger.

    {..., "events": [{"type": "birth", "trigger": 1, "arguments": [{"role": "who", "span": 0}]}]}

    "span_labels" lists the labels that a line is annotated with, if these are not all; what it has
    of others is not known.

    {..., "span_labels": ["GPE", "PERSON"]}

    Other keys are ignored, unless they look like annotation. An object may take several lines, as
    pretty-printers write it.

    RAISES (ValueError): a malformed line, a mention that is not at its place, a relation or an
        event of a span that is not there, annotation in a key that is not read.
    """
    yield from JSONL.read(read_objects(lines, name), Reading(joiner))


def is_own(row: Any) -> bool:
    """Whether a row has spans as our own records have them, and is none of Prodigy's."""
    if not isinstance(row, dict) or shows_prodigy(row):
        return False
    spans = row.get("spans")
    if row.get("tokens") == spans == []:
        return False  # an empty text looks the same in both
    return isinstance(spans, list) and all(
        isinstance(span, dict) and {*SPAN_KEYS} <= span.keys() for span in spans
    )


def read_row(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of one object, as `read_jsonl` describes it.

    RAISES (ValueError): whatever read_jsonl refuses.
    """
    text: Any = row.get("text")
    words: Any = row.get("tokens")
    if words is not None:
        check_words(words, source=source)
    known = (*KEYS, *INDEXED_KEYS, SPAN_LABELS) if "spans" in row else (*KEYS, "relations")
    if "spans" not in row:  # which may be under another name
        others = {key: row[key] for key in row if key not in (*INDEXED_KEYS, SPAN_LABELS)}
        refuse_unread(others, source, known=known, words=words)
        refuse_spanless(row, source)
    refuse_unread(row, source, known=known, words=words)
    in_tokens = text is None and words is not None
    if in_tokens:
        text = reading.joiner.join(words)
    elif not isinstance(text, str):
        raise ValueError(
            f'{source}: a record must have "text" (a string) or "tokens", was: '
            f"{shorten(row)}. Add one of them"
        )
    if "spans" not in row:
        refuse_single_span(row, source)
        unread = list_unread(row, known=known)
        parts = GoldParts(notes=[f'No "spans", and "{shorten(key)}" is not read' for key in unread])
    else:
        parts = read_parts(row, source, text, words=words or (), in_tokens=in_tokens)
    fields = {key: value for key, value in row.items() if key not in known}
    if in_tokens:
        record = Record.from_words(words, parts.spans, joiner=reading.joiner, source=source)
    else:
        own = None if words is None else tuple(words)
        record = Record(text, parts.spans, own, source=source)
    _, relations, events, notes, scores = parts
    labels = None if parts.spans is None else row.get(SPAN_LABELS)
    if labels is None and SPAN_LABELS in row and parts.spans is not None:
        raise ValueError(
            f'{source}: "{SPAN_LABELS}" must be a list of labels, was: null. List the labels that '
            "are annotated in this text, or leave it out if these are all"
        )
    return replace(
        record,
        relations=relations,
        events=events,
        scores=scores,
        labels=tuple(labels) if isinstance(labels, list) else labels,
        notes=tuple(notes),
        fields=fields,
    )


JSONL = Dialect(read_each(read_row), is_own)
