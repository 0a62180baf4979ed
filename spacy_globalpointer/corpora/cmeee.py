"""CMeEE (CBLUE's Chinese medical entities) as published: one JSON array of texts."""

import json
from typing import Any, Iterable, Iterator

from .jsonl import check_object, get_text, shorten
from .record import CharSpan, Record


def read_cmeee(lines: Iterable[str], name: str) -> Iterator[Record]:
    """Records of CMeEE's own files.

    [{"text": "患者发热。",
      "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}]}]

    Copies of this corpus disagree on whether `end_idx` is inclusive, so each mention is compared
    with the text under both readings. An object without "entities" is not annotated.

    lines: the file's lines.
    name: the file's name, for messages.
    RAISES (ValueError): malformed JSON, a mention that neither reading gives.
    """
    try:
        rows = json.loads("".join(lines))
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        line = f" line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"{name}{line}: the file must be one valid JSON array ({error}). Repair it, or use "
            "the format jsonl for JSON lines"
        ) from error
    if not isinstance(rows, list):
        raise ValueError(
            f"{name}: the file must be one JSON array, was: {shorten(rows)}. "
            "For JSON lines use the format jsonl"
        )
    for number, value in enumerate(rows, start=1):
        source = f"{name} entry {number}"
        row = check_object(value, source)
        text = get_text(row, source)
        spans = None
        if "entities" in row:
            spans = tuple(_read_entities(row["entities"], text, source))
        yield Record(text, spans, source=source)


def _read_entities(entities: Any, text: str, source: str) -> Iterator[CharSpan]:
    try:
        rows = [(e["start_idx"], e["end_idx"], e["type"], e["entity"]) for e in entities]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{source}: "entities" must be a list of objects with "start_idx", "end_idx", "type" '
            f'and "entity", was: {shorten(entities)}. Add what is missing'
        ) from error
    for start, end_index, label, mention in rows:
        whole = type(start) is int and type(end_index) is int
        if not whole or start < 0 or not mention:
            raise ValueError(
                f"{source}: start_idx and end_idx of a mention that is not empty must be "
                f"whole numbers from 0, was: {start!r} to {end_index!r} for {mention!r}. "
                "Repair the entry"
            )
        for end in (end_index, end_index + 1):
            if text[start:end] == mention:
                yield start, end, label
                break
        else:
            raise ValueError(
                f"{source}: start_idx and end_idx must give the mention, was: {mention!r} "
                f"({label}) where the text from {start} is {text[start : end_index + 1]!r}. "
                "Repair the offsets"
            )
