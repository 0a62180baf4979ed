"""CLUENER2020 as published: JSON lines whose spans are grouped by label and mention."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..spans import LabelledSpan
from .jsonl import get_text, read_objects
from .mentions import Cell, check_mentions
from .messages import quote, shorten
from .record import Record
from .unread import refuse_unread

KEYS = ("text", "label")


def read_cluener(lines: Iterable[str], name: str) -> Iterator[Record]:
    """Records of CLUENER2020's own files.

    {"text": "李雷在北京", "label": {"name": {"李雷": [[0, 1]]}, "address": {"北京": [[3, 4]]}}}

    The published ends are inclusive; each mention is compared with the text. A line without
    "label" (the test file) is not annotated.

    lines: the file's lines.
    name: the file's name, for messages.
    RAISES (ValueError): a malformed line, a mention that is not at its place, annotation in
        another key.
    """
    for source, row in read_objects(lines, name):
        refuse_unread(row, source, known=KEYS)
        text = get_text(row, source)
        spans = None
        if "label" in row:
            cells = list(_read_labels(row["label"], source))
            check_mentions(text, cells, source)
            spans = tuple(LabelledSpan(cell.start, cell.end, cell.label) for cell in cells)
        yield Record(text, spans, source=source)


def _read_labels(labels: Any, source: str) -> Iterator[Cell]:
    try:
        cells = [
            (label, mention, start, last)
            for label, mentions in labels.items()
            for mention, places in mentions.items()
            for start, last in places
        ]
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f'{source}: "label" must be {{label: {{mention: [[first, last]]}}}}, was: '
            f"{shorten(labels)}. For other JSON lines use the format jsonl"
        ) from error
    for label, mention, start, last in cells:
        if type(start) is not int or type(last) is not int or not 0 <= start <= last:
            raise ValueError(
                f"{source}: first and last (inclusive, in order) must be whole numbers from 0, "
                f"was: {quote(start)} to {quote(last)} for {quote(mention)}. Repair the line"
            )
        yield Cell(start, last + 1, label, mention)
