"""Our own records, an object with "text" or "tokens", and "spans": in JSON lines or an array."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..spans import LabelledSpan
from .mentions import Cell, check_mentions, find_mention
from .messages import list_some, quote, shorten
from .record import HALF, Record, check_words
from .unread import list_unread, refuse_single_span, refuse_unread

KEYS = ("text", "tokens", "spans")
# Parts of our own records, indices into "spans", that are nothing to a component for spans.
OTHER_KEYS = ("relations", "events")
NO_ANSWERS = ("reject", "ignore")
SPAN_KEYS = ("start", "end", "label")
EXAMPLE = '{"text": ..., "spans": [{"start": 0, "end": 3, "label": "X"}]}'


def read_jsonl(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of JSON lines.

    {"text": "Ada was born in London.", "spans": [{"start": 16, "end": 22, "label": "GPE"}]}

    Offsets are in characters of "text", and `end` is exclusive. "tokens", a list of strings, may
    be given beside "text". Without "text" the tokens are joined to one, and the offsets are in
    tokens. A line without "spans" is not annotated. A span may have its mention beside its
    offsets, as "text": it must be what stands there. Other keys are ignored, unless they look
    like annotation.

    lines: the file's lines.
    name: the file's name, for messages.
    joiner: put between tokens where there is no text.
    RAISES (ValueError): a malformed line, a mention that is not at its place, annotation in a key
        that is not read.
    """
    for source, row in read_objects(lines, name):
        yield _read_row(row, source, joiner)


def read_json(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of one JSON array, each as in JSON lines.

    lines: the file's lines.
    name: the file's name, for messages.
    joiner: put between tokens where there is no text.
    RAISES (ValueError): malformed JSON, and whatever read_jsonl refuses.
    """
    for source, row in read_array(lines, name):
        yield _read_row(row, source, joiner)


def _read_row(row: dict[str, Any], source: str, joiner: str) -> Record:
    words = row.get("tokens")
    if words is not None:
        check_words(words, source=source)
    known = KEYS if "spans" not in row else (*KEYS, *OTHER_KEYS)
    refuse_unread(row, source, known=known, words=words)
    spans = None
    if "spans" in row:
        spans = _read_spans(row["spans"], source, row.get("text"))
    else:
        refuse_single_span(row, source)
    notes = tuple(f'"{key}" are not read' for key in OTHER_KEYS if key in known and row.get(key))
    if spans is None:
        notes = tuple(
            f'No "spans", and "{shorten(k)}" is not read' for k in list_unread(row, known=known)
        )
    elif row.get("answer") in NO_ANSWERS:  # of Prodigy: nobody says that these spans are right
        notes += (f'"answer" is {quote(row["answer"])}, so the spans are not read',)
        spans = None
    text = row.get("text")
    joined = words if text is None else None
    if joined is not None:
        text = joiner.join(joined)
    elif not isinstance(text, str):
        raise ValueError(
            f'{source}: a record must have "text" (a string) or "tokens", was: '
            f"{shorten(row)}. Add one of them"
        )
    cells = [
        Cell(span["start"], span["end"], span["label"], find_mention(span, text))
        for span in spans or ()
    ]
    check_mentions(text, cells, source, words=words, joiner=None if joined is None else joiner)
    triples: list[LabelledSpan] | None = None
    if spans is not None:
        triples = [LabelledSpan(cell.start, cell.end, cell.label) for cell in cells]
    if joined is not None:
        return Record.from_words(joined, triples, joiner=joiner, source=source, notes=notes)
    own = None if words is None else tuple(words)
    return Record(text, None if triples is None else tuple(triples), own, False, source, notes)


def read_objects(lines: Iterable[str], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects of a file, one in each line that is not blank.

    lines: the file's lines.
    name: the file's name, for messages.
    YIELDS: file and line for messages, the object.
    RAISES (ValueError): a line that is no JSON object.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        source = f"{name} line {number}"
        yield source, parse_object(line, source)


def parse_object(line: str, source: str) -> dict[str, Any]:
    """The JSON object of one line.

    line: of a file of JSON lines.
    source: file and line, for messages.
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
    return check_object(row, source)


def read_array(lines: Iterable[str], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects of a file that is one array of them.

    lines: the file's lines.
    name: the file's name, for messages.
    YIELDS: file and number of the entry for messages, the object.
    RAISES (ValueError): malformed JSON, no array, an entry that is no object.
    """
    try:
        rows = json.loads("".join(lines))
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
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
        yield source, check_object(row, source)


def check_object(row: Any, source: str) -> dict[str, Any]:
    """The same JSON value, which must be an object.

    row: any JSON value.
    source: file and line, for messages.
    RAISES (ValueError): a list, string, number or null; half of a surrogate pair in a key.
    """
    if not isinstance(row, dict):
        items = row if isinstance(row, list) else ()
        keys = [f'"{key}"' for item in items if isinstance(item, dict) for key in item]
        inside = f" with {list_some(keys)} in a list" if keys else ""
        raise ValueError(
            f"{source}: a record must be a JSON object, was: {shorten(row)}{inside}. "
            f"Write it as {EXAMPLE}"
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

    row: a JSON object.
    source: file and line, for messages.
    RAISES (ValueError): there is none, or it is no string.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise ValueError(f'{source}: "text" must be a string, was: {shorten(text)}. Add it')
    return text


def _read_spans(spans: Any, source: str, text: Any) -> list[dict[str, Any]]:
    """The objects of "spans"; their numbers are checked by the record."""
    if not isinstance(spans, list):
        raise ValueError(
            f'{source}: "spans" must be a list, was: {shorten(spans)}. '
            "Leave it out of a line that is not annotated"
        )
    for span in spans:
        missing = [key for key in SPAN_KEYS if not isinstance(span, dict) or key not in span]
        if missing:
            keys = f" with the keys {list_some(list(span), 10)}" if isinstance(span, dict) else ""
            raise ValueError(
                f'{source}: a span must be an object with "start", "end" and "label", was: '
                f"{shorten(span)}{keys}. Add what is missing: {', '.join(missing)}"
            )
        refuse_unread(span, source, known=SPAN_KEYS, text=text)
    return spans
