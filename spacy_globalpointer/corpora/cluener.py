"""CLUENER2020 as published: JSON lines whose spans are grouped by label and mention."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..spans import LabelledSpan
from .jsonl import get_text, read_objects
from .mentions import Mention, check_mentions
from .messages import shorten
from .record import Record
from .unread import refuse_unread


def read_cluener(lines: Iterable[str], name: str, *, joiner: str = "") -> Iterator[Record]:
    """Records of CLUENER2020's own files.

    {"text": "李雷在北京", "label": {"name": {"李雷": [[0, 1]]}, "address": {"北京": [[3, 4]]}}}

    The published ends are inclusive; each mention is compared with the text. A line without
    "label" (the test file) is not annotated.

    RAISES (ValueError): a malformed line, a mention that is not at its place, annotation in
        another key.
    """
    for source, row in read_objects(lines, name):
        refuse_unread(row, source, known=("text", "label"))
        text, spans = get_text(row, source), None
        if "label" in row:
            mentions = _list_mentions(row["label"], source)
            check_mentions(text, mentions, source)
            spans = tuple(span for span, _ in mentions)
        yield Record(text, spans, source=source)


def is_cluener(head: str) -> bool:
    """Whether a file starts with an object that has its spans grouped."""
    try:
        row, _ = json.JSONDecoder().raw_decode(head.lstrip())
    except (ValueError, RecursionError):
        return False  # the reader of JSON lines says what is wrong with it
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
