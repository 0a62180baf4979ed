"""GLiNER's training data: tokens, and spans of them whose ends are inclusive.

Source: examples/sample_data.json in urchade/GLiNER.
"""

from typing import Any

from ...messages import shorten
from ...spans import LabelledSpan
from ..reading import Reading
from ..record import Record, check_words
from ..unread import refuse_unread
from .dialects import Dialect, read_each

KEYS = ("tokenized_text", "ner")


def read_gliner(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of an example.

    {"tokenized_text": ["Ada", "Lovelace", "lives"], "ner": [[0, 1, "person"]]}

    Offsets are in tokens, and the last token is part of the span. An example without "ner" is not
    annotated.

    RAISES (ValueError): no tokens, other spans, annotation in another key.
    """
    words: Any = row.get("tokenized_text")
    check_words(words, source=source)
    refuse_unread(row, source, known=KEYS, words=words)
    spans = None
    if "ner" in row:
        spans = _read_spans(row["ner"], source)
    return Record.from_words(words, spans, joiner=reading.joiner, source=source, is_last=True)


def _read_spans(values: Any, source: str) -> list[LabelledSpan]:
    """Spans, whose ends are exclusive."""
    if not isinstance(values, list) or not all(
        isinstance(x, list) and len(x) == 3 and type(x[0]) is type(x[1]) is int for x in values
    ):
        raise ValueError(
            f'{source}: "ner" must be a list of [first token, last token, label] with whole '
            f"numbers, was: {shorten(values)}. Repair it"
        )
    return [LabelledSpan(start, last + 1, label) for start, last, label in values]


def is_gliner(row: Any) -> bool:
    """Whether a row has tokens under GLiNER's name."""
    return isinstance(row, dict) and "tokenized_text" in row


GLINER = Dialect(read_each(read_gliner), is_gliner)
