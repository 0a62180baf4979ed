"""CMeEE (CBLUE's Chinese medical entities) as published: one JSON array of texts."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..spans import LabelledSpan
from .jsonl import get_text, read_array
from .mentions import Mention, check_mentions
from .messages import shorten
from .record import Record
from .unread import refuse_unread


def read_cmeee(lines: Iterable[str], name: str, *, joiner: str = "") -> Iterator[Record]:
    """Records of CMeEE's own files.

    [{"text": "患者发热。",
      "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}]}]

    Copies of this corpus disagree on whether `end_idx` is inclusive, so each mention is compared
    with the text under both readings. An object without "entities" is not annotated.

    RAISES (ValueError): malformed JSON, a mention that neither reading gives, annotation in
        another key.
    """
    for source, row in read_array(lines, name):
        refuse_unread(row, source, known=("text", "entities"))
        text, spans = get_text(row, source), None
        if "entities" in row:
            mentions = _list_mentions(row["entities"], text, source)
            check_mentions(text, mentions, source)
            spans = tuple(span for span, _ in mentions)
        yield Record(text, spans, source=source)


def is_cmeee(head: str) -> bool:
    """Whether a file starts with an array whose entities have the keys of CMeEE."""
    shapes = {"".join(s.split()) for s in re.findall(r'"entities"\s*:\s*(\[\s*[\]{]|.)', head)}
    is_own = "[{" not in shapes or '"start_idx"' in head
    is_array = re.match(r"\s*\[\s*\{", head) and '"spans"' not in head
    return bool(is_array and shapes) and shapes <= {"[]", "[{"} and is_own


def _list_mentions(entities: Any, text: str, source: str) -> list[Mention]:
    """Spans with whichever end gives the mention."""
    found = []
    try:
        for entity in entities:
            start, end, mention = entity["start_idx"], entity["end_idx"], entity["entity"]
            if not 0 <= start <= end or not mention.strip():
                raise ValueError
            end += text[start:end] != mention and text[start : end + 1] == mention
            found.append((LabelledSpan(start, end, entity["type"]), mention))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{source}: "entities" must be a list of objects with "start_idx" and "end_idx" (whole '
            f'numbers from 0), "type" and "entity", was: {shorten(entities)}. Repair them'
        ) from error
    return found
