"""GLiNER's training data: tokens, and spans of them whose ends are inclusive.

Source: examples/sample_data.json in urchade/GLiNER.
"""

from typing import Any

from ..spans import LabelledSpan
from .dialects import Dialect, read_each
from .messages import shorten
from .reading import Reading
from .record import Record
from .unread import refuse_unread

KEYS = ("tokenized_text", "ner")


def read_gliner(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of an example.

    {"tokenized_text": ["Ada", "Lovelace", "lives"], "ner": [[0, 1, "person"]]}

    Offsets are in tokens, and the last token is part of the span. An example without "ner" is not
    annotated.

    RAISES (ValueError): no tokens, other spans, annotation in another key.
    """
    words, spans = row.get("tokenized_text"), None
    refuse_unread(row, source, known=KEYS, words=words if isinstance(words, list) else ())
    if "ner" in row:
        spans = [LabelledSpan(*span) for span in read_last(row["ner"], source)]
    record = Record.from_words(
        words if words is not None else "", spans, joiner=reading.joiner, source=source
    )
    return record


def read_last(values: Any, source: str) -> list[tuple[int, int, str]]:
    """Spans of which the end is inclusive, with ends that are exclusive.

    values: [start, last, label] of each.
    RAISES (ValueError): what has another form.
    """
    if not isinstance(values, list) or not all(
        isinstance(x, list) and len(x) == 3 and type(x[0]) is type(x[1]) is int for x in values
    ):
        raise ValueError(
            f'{source}: "ner" must be a list of [first token, last token, label] with whole '
            f"numbers, was: {shorten(values)}. Repair it"
        )
    return [(start, last + 1, label) for start, last, label in values]


def is_gliner(row: Any) -> bool:
    """Whether a row has tokens under GLiNER's name."""
    return isinstance(row, dict) and "tokenized_text" in row


GLINER = Dialect(read_each(read_gliner), is_gliner)
