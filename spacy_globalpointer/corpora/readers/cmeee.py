"""CMeEE (CBLUE's Chinese medical entities) as published: one JSON array of texts."""

from typing import Any

from ...messages import shorten
from ...spans import LabelledSpan
from ..containers import get_text
from ..mentions import Mention, check_mentions
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect, read_each


def read_cmeee(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of a text of CMeEE's own files.

    [{"text": "患者发热。",
      "entities": [{"start_idx": 2, "end_idx": 3, "type": "sym", "entity": "发热"}]}]

    Copies of this corpus disagree on whether `end_idx` is inclusive, so each mention is compared
    with the text under both readings. An object without "entities" is not annotated.

    RAISES (ValueError): no text, other entities, a mention that neither reading gives,
        annotation in another key.
    """
    refuse_unread(row, source, known=("text", "entities"))
    text, spans = get_text(row, source), None
    if "entities" in row:
        mentions = _list_mentions(row["entities"], text, source)
        check_mentions(text, mentions, source)
        spans = tuple(span for span, _ in mentions)
    return Record(text, spans, source=source)


def is_cmeee(row: Any) -> bool:
    """Whether a row has entities with the keys of CMeEE, or an empty list of them."""
    entities = row.get("entities") if isinstance(row, dict) else None
    return isinstance(entities, list) and all(
        isinstance(entity, dict) and {"start_idx", "end_idx"} <= entity.keys()
        for entity in entities
    )


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


CMEEE = Dialect(read_each(read_cmeee), is_cmeee)
