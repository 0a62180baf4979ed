"""Our own records, an object with "text" or "tokens", "spans", "relations" and "events": in JSON
lines or an array.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..label_sets import SPAN_LABELS
from .gold_parts import INDEXED_KEYS, GoldParts, read_parts, refuse_spanless
from .messages import list_some, shorten
from .record import HALF, Record, check_words
from .unread import EXAMPLE, list_unread, refuse_single_span, refuse_unread

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
    for source, row in read_objects(lines, name):
        yield _read_row(row, source, joiner)


def read_json(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of one JSON array, each as in JSON lines.

    RAISES (ValueError): malformed JSON, and whatever read_jsonl refuses.
    """
    for source, row in read_array(lines, name):
        yield _read_row(row, source, joiner)


def is_jsonl(head: str) -> bool:
    """Whether a file starts with an object, or with a list in one line."""
    return bool(re.match(r"\s*(\{\s*[\"}]|\[\s*\".*\]\s*$)", head, re.DOTALL))


def is_json(head: str) -> bool:
    """Whether a file starts with an array of objects or lists."""
    return bool(re.match(r"\s*\[\s*[{\[\]]", head))


def _read_row(row: dict[str, Any], source: str, joiner: str) -> Record:
    text: Any = row.get("text")
    words: Any = row.get("tokens")
    if words is not None:
        check_words(words, source=source)
    known = (*KEYS, *INDEXED_KEYS, SPAN_LABELS) if "spans" in row else (*KEYS, "relations")
    if "spans" not in row:
        refuse_spanless(row, source)
    refuse_unread(row, source, known=known, words=words)
    in_tokens = text is None and words is not None
    if in_tokens:
        text = joiner.join(words)
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
        record = Record.from_words(words, parts.spans, joiner=joiner, source=source)
    else:
        own = None if words is None else tuple(words)
        record = Record(text, parts.spans, own, source=source)
    _, relations, events, notes, scores = parts
    labels = None if parts.spans is None else row.get(SPAN_LABELS)
    return replace(
        record,
        relations=relations,
        events=events,
        scores=scores,
        labels=tuple(labels) if isinstance(labels, list) else labels,
        notes=tuple(notes),
        fields=fields,
    )


def read_objects(lines: Iterable[str], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects of a file, one in each line that is not blank, or each over several lines.

    YIELDS: file and line, the object.
    RAISES (ValueError): a line that is no JSON object.
    """
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        if line.strip():
            source = f"{name} line {number}"
            try:
                row = parse_object(line, source)
            except ValueError:
                longer = _read_on(line, (more for _, more in numbered))
                if longer is None:
                    raise
                row = _check_object(longer, source)
            yield source, row


def _read_on(line: str, rest: Iterable[str]) -> Any:
    """The object that starts in a line and goes on in the rest; None if there is none."""
    for more in rest if line.lstrip().startswith("{") else ():
        line += more
        try:
            if more.rstrip().endswith("}"):
                return json.loads(line)
        except (ValueError, RecursionError) as error:
            if line[getattr(error, "pos", 0) :].strip():  # not only its end is missing
                return None
    return None


def parse_object(line: str, source: str) -> dict[str, Any]:
    """The JSON object of one line.

    RAISES (ValueError): no JSON, or no object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        where = f", character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"{source}: every line must be valid JSON, was: {shorten(line.strip())} "
            f"({getattr(error, 'msg', error)}{where}). Write one object in each line"
        ) from error
    return _check_object(row, source)


def read_array(lines: Iterable[str], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects of a file that is one array of them.

    YIELDS: file and number of the entry, the object.
    RAISES (ValueError): malformed JSON, no array, an entry that is no object.
    """
    try:
        rows = json.loads("".join(lines))
    except (ValueError, RecursionError) as error:
        line = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"{name}{line}: the file must be one valid JSON array ({shorten(str(error))}). Repair "
            "it, or use the format jsonl for JSON lines"
        ) from error
    if not isinstance(rows, list):
        raise ValueError(
            f"{name}: the file must be one JSON array, was: {shorten(rows)}. "
            "For JSON lines use the format jsonl"
        )
    for number, row in enumerate(rows, start=1):
        source = f"{name} entry {number}"
        yield source, _check_object(row, source)


def _check_object(row: Any, source: str) -> dict[str, Any]:
    """The same, if it is an object without half a character in a key."""
    if not isinstance(row, dict):
        items = row if isinstance(row, list) else ()
        keys = [f'"{key}"' for item in items if isinstance(item, dict) for key in item]
        inside = f" with {list_some(keys)} in a list" if keys else ""
        raise ValueError(
            f"{source}: a record must be a JSON object, was: {shorten(row)}{inside}. "
            f'Write it as {{"text": ..., {EXAMPLE}}}'
        )
    half = next((key for key in row if HALF.search(key)), None)
    if half is not None:
        raise ValueError(
            f"{source}: a key must be valid Unicode, was: half a character in {shorten(half)}. "
            "Remove or complete it"
        )
    return row


def get_text(row: dict[str, Any], source: str) -> str:
    """The value of "text".

    RAISES (ValueError): there is none, or it is no string.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise ValueError(f'{source}: "text" must be a string, was: {shorten(text)}. Add it')
    return text
