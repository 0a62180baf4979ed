"""CMeEE (CBLUE's Chinese medical entities) as published: one JSON array of texts."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..spans import LabelledSpan
from .jsonl import get_text, read_array
from .mentions import Cell, check_mentions
from .messages import quote, shorten
from .record import Record
from .unread import refuse_unread

KEYS = ("text", "entities")


def read_cmeee(lines: Iterable[str], name: str) -> Iterator[Record]:
    """Records of CMeEE's own files.

    [{"text": "患者发热。",
      "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}]}]

    Copies of this corpus disagree on whether `end_idx` is inclusive, so each mention is compared
    with the text under both readings. An object without "entities" is not annotated.

    lines: the file's lines.
    name: the file's name, for messages.
    RAISES (ValueError): malformed JSON, a mention that neither reading gives, annotation in
        another key.
    """
    for source, row in read_array(lines, name):
        refuse_unread(row, source, known=KEYS)
        text = get_text(row, source)
        spans = None
        if "entities" in row:
            spans = tuple(_find_ends(_read_entities(row["entities"], source), text, source))
        yield Record(text, spans, source=source)


def is_cmeee(rows: list[Any]) -> bool:
    """Whether the entries of a JSON array have entities as CMeEE has them."""
    entities = [row["entities"] for row in rows if isinstance(row, dict) and "entities" in row]
    if any("spans" in row for row in rows if isinstance(row, dict)):
        return False
    if not all(isinstance(own, list) for own in entities):
        return False
    return bool(entities) and all(
        isinstance(entity, dict) and "start_idx" in entity for own in entities for entity in own
    )


def _read_entities(entities: Any, source: str) -> list[Cell]:
    """The entities with `end_idx` as it is given."""
    try:
        cells = [Cell(e["start_idx"], e["end_idx"], e["type"], e["entity"]) for e in entities]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{source}: "entities" must be a list of objects with "start_idx", "end_idx", "type" '
            f'and "entity", was: {shorten(entities)}. Add what is missing'
        ) from error
    for start, end, _, mention in cells:
        whole = type(start) is int and type(end) is int
        if not whole or start < 0 or not isinstance(mention, str) or not mention.strip():
            raise ValueError(
                f"{source}: start_idx and end_idx of a mention that is not empty must be "
                f"whole numbers from 0, was: {quote(start)} to {quote(end)} for {quote(mention)}. "
                "Repair the entry"
            )
    return cells


def _find_ends(cells: list[Cell], text: str, source: str) -> Iterator[LabelledSpan]:
    """Spans with the end that gives the mention."""
    for start, end_index, label, mention in cells:
        for end in (end_index, end_index + 1):
            if text[start:end] == mention:
                yield LabelledSpan(start, end, label)
                break
        else:
            check_mentions(text, cells, source)  # which raises
