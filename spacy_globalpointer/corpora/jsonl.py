"""JSON lines: one object with "text" or "tokens", and "spans", in each line."""

import json
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .record import CharSpan, Record, check_words


def read_jsonl(lines: Iterable[str], name: str, *, joiner: str = " ") -> Iterator[Record]:
    """Records of JSON lines.

    {"text": "Ada was born in London.", "spans": [{"start": 16, "end": 22, "label": "GPE"}]}

    Offsets are in characters of "text", and `end` is exclusive. "tokens", a list of strings, may
    be given beside "text". Without "text" the tokens are joined to one, and the offsets are in
    tokens. A line without "spans" is not annotated. Other keys are ignored.

    lines: the file's lines.
    name: the file's name, for messages.
    joiner: put between tokens where there is no text.
    RAISES (ValueError): a malformed line.
    """
    for source, row in read_objects(lines, name):
        spans = _read_spans(row["spans"], source) if "spans" in row else None
        words = row.get("tokens")
        if words is not None:
            check_words(words, source=source)
        if isinstance(row.get("text"), str):
            yield Record(
                row["text"],
                None if spans is None else tuple(spans),
                None if words is None else tuple(words),
                source=source,
            )
        elif words is not None and row.get("text") is None:
            yield Record.from_words(words, spans, joiner=joiner, source=source)
        else:
            raise ValueError(
                f'{source}: a line must have "text" (a string) or "tokens", was: '
                f"{shorten(row)}. Add one of them"
            )


def read_objects(lines: Iterable[str], name: str) -> Iterator[Tuple[str, Dict[str, Any]]]:
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


def parse_object(line: str, source: str) -> Dict[str, Any]:
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


def check_object(row: Any, source: str) -> Dict[str, Any]:
    """The same JSON value, which must be an object.

    row: any JSON value.
    source: file and line, for messages.
    RAISES (ValueError): a list, string, number or null.
    """
    if not isinstance(row, dict):
        raise ValueError(
            f"{source}: a record must be a JSON object, was: {shorten(row)}. "
            'Write it as {"text": ...}'
        )
    return row


def get_text(row: Dict[str, Any], source: str) -> str:
    """The value of "text".

    row: a JSON object.
    source: file and line, for messages.
    RAISES (ValueError): there is none, or it is no string.
    """
    text = row.get("text")
    if not isinstance(text, str):
        raise ValueError(f'{source}: "text" must be a string, was: {text!r}. Add it')
    return text


def shorten(value: Any) -> str:
    """What a message shows of a value: at most 80 characters of it."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _read_spans(spans: Any, source: str) -> List[CharSpan]:
    """Triples of the value of "spans"; their numbers are checked by the record."""
    if not isinstance(spans, list):
        raise ValueError(
            f'{source}: "spans" must be a list, was: {shorten(spans)}. '
            "Leave it out of a line that is not annotated"
        )
    return [_read_span(span, source) for span in spans]


def _read_span(span: Any, source: str) -> CharSpan:
    missing: Optional[List[str]] = None
    if isinstance(span, dict):
        missing = [key for key in ("start", "end", "label") if key not in span]
    if missing is None or missing:
        raise ValueError(
            f'{source}: a span must be an object with "start", "end" and "label", was: '
            f"{shorten(span)}. Add what is missing"
        )
    return span["start"], span["end"], span["label"]
