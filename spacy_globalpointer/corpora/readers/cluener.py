"""CLUENER2020 as published: JSON lines whose spans are grouped by label and mention."""

from typing import Any

from ...messages import shorten
from ...spans import LabelledSpan
from ..containers import get_text
from ..mentions import Mention, check_mentions
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect, read_each


def read_cluener(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of a line of CLUENER2020's own files.

    {"text": "李雷在北京", "label": {"name": {"李雷": [[0, 1]]}, "address": {"北京": [[3, 4]]}}}

    The published ends are inclusive; each mention is compared with the text. A line without
    "label" (the test file) is not annotated.

    RAISES (ValueError): no text, other spans, a mention that is not at its place, annotation in
        another key.
    """
    refuse_unread(row, source, known=("text", "label"))
    text, spans = get_text(row, source), None
    if "label" in row:
        mentions = _list_mentions(row["label"], source)
        check_mentions(text, mentions, source)
        spans = tuple(span for span, _ in mentions)
    return Record(text, spans, source=source)


def is_cluener(row: Any) -> bool:
    """Whether a row has its spans grouped."""
    return isinstance(row, dict) and isinstance(row.get("label"), dict)


def _list_mentions(labels: Any, source: str) -> list[Mention]:
    found = []
    try:
        for label, mentions in labels.items():
            for mention, places in mentions.items():
                for first, last in places:
                    if not 0 <= first <= last or not mention.strip():
                        raise ValueError
                    found.append((LabelledSpan(first, last + 1, label), mention))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f'{source}: "label" must be {{label: {{mention: [[first, last]]}}}} with whole numbers '
            f"from 0, was: {shorten(labels)}. For other JSON lines use the format jsonl"
        ) from error
    return found


CLUENER = Dialect(read_each(read_cluener), is_cluener)
