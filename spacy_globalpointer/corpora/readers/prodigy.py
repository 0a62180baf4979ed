"""Prodigy's tasks: spans with their tokens, and whether an annotator accepted them.

Source: https://prodi.gy/docs/api-interfaces, spans_manual, ner_manual and relations.
"""

from typing import Any

from ...messages import quote, shorten
from ...relations import Edge
from ...spans import LabelledSpan
from ..containers import get_text
from ..gold_parts import NO_ANSWERS, SPAN_KEYS, read_span_objects, read_span_scores
from ..reading import Reading
from ..record import Record, check_spans
from ..unread import refuse_unread
from .dialects import Dialect, read_each

KEYS = ("text", "tokens", "spans", "relations", "answer")
# Of every task that went through Prodigy.
HASHES = ("_input_hash", "_task_hash")
ANSWERS = ("accept", *NO_ANSWERS)
# The view of recipes that ask about one span at a time.
BINARY = "ner"


def read_prodigy(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of a task.

    {"text": "Ada lives.", "answer": "accept",
     "tokens": [{"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": true}, ...],
     "spans": [{"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}],
     "relations": [{"head": 0, "child": 1, "label": "does", "head_span": {...},
                    "child_span": {...}}]}

    Offsets are in characters, ends are exclusive. The tokens are kept. What was rejected or ignored
    is not annotated, which is noted; a task that was accepted with tokens, but has no "spans", has
    none. A relation whose head or child is a token without a span is left out, which is noted.

    RAISES (ValueError): no text, another answer, other spans, tokens that are not in the text, a
        mention that is not at its place, annotation in another key.
    """
    text, answer = get_text(row, source), row.get("answer")
    words = _read_tokens(row.get("tokens"), source)
    refuse_unread(row, source, known=(*KEYS, "options", "accept"), text=text)
    notes = []
    if answer not in (None, *ANSWERS):
        raise ValueError(
            f'{source}: "answer" must be one of {", ".join(ANSWERS)}, was: {shorten(answer)}. '
            "Repair it, or leave it out if the spans are right"
        )
    if row.get("options"):
        notes.append('The choice among "options" is not read')
    spans: tuple[LabelledSpan, ...] | None = None
    relations = scores = None
    if answer in NO_ANSWERS:
        notes.append(f'"answer" is {quote(answer)}, so the spans are not read')
    else:
        given = row.get("spans", [] if answer == "accept" and words and not notes else None)
        spans = None if given is None else tuple(read_span_objects(given, source, text))
        scores, unread = read_span_scores(given or ())
        notes += unread
    if spans is not None and row.get("_view_id") == BINARY:
        notes.append("An answer about one span is read as if the text had no others")
    if spans is not None and "relations" in row:
        # Which are looked up by them, before the record checks them.
        check_spans(spans, len(text), unit="characters", source=source)
        relations, lost = _read_relations(row["relations"], spans, source)
        notes += lost
    return Record(
        text,
        spans,
        words,
        source=source,
        notes=tuple(notes),
        fields={key: value for key, value in row.items() if key not in KEYS},
        relations=relations,
        scores=scores,
    )


def shows_prodigy(row: Any) -> bool:
    """Whether a row is one of Prodigy's: tokens as objects, spans with tokens, or its hashes."""
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        return False
    lists = {key: row[key] for key in ("tokens", "spans", "relations") if key in row}
    if not all(isinstance(x, list) and all(isinstance(y, dict) for y in x) for x in lists.values()):
        return False
    if "events" in row or any("head_span" not in x for x in lists.get("relations", ())):
        return False  # those of our own records, which may keep the hashes
    is_placed = any("token_start" in span for span in lists.get("spans", ()))
    has_hashes = any(key in row for key in HASHES) and "spans" in row
    return bool(lists.get("tokens")) or is_placed or has_hashes


def _read_tokens(tokens: Any, source: str) -> tuple[str, ...] | None:
    if tokens is None:
        return None
    if not isinstance(tokens, list) or not all(
        isinstance(token, dict) and isinstance(token.get("text"), str) for token in tokens
    ):
        raise ValueError(
            f'{source}: "tokens" must be a list of objects with "text", was: {shorten(tokens)}. '
            "Repair them, or leave them out"
        )
    return tuple(token["text"] for token in tokens if token["text"])


def _read_relations(
    values: Any, spans: tuple[LabelledSpan, ...], source: str
) -> tuple[tuple[Edge, ...], list[str]]:
    """Relations between spans, and a note of each that is between other tokens."""
    keys = {"head_span", "child_span", "label"}
    if not isinstance(values, list) or not all(
        isinstance(value, dict) and keys <= value.keys() for value in values
    ):
        raise ValueError(
            f'{source}: "relations" must be a list of objects with "head_span", "child_span" and '
            f'"label", was: {shorten(values)}. Repair them; relations between spans by their '
            "places are in the format jsonl"
        )
    places = {span: place for place, span in reversed([*enumerate(spans)])}
    edges, notes = [], []
    for value in values:
        ends = [places.get(_list_span(value.get(f"{end}_span"))) for end in ("head", "child")]
        if None in ends:
            notes.append("A relation between tokens that are no spans is left out")
        else:
            edges.append(Edge(ends[0] or 0, ends[1] or 0, value["label"]))
    return tuple(edges), notes


def _list_span(value: Any) -> Any:
    """Start, end and label, as the spans have them."""
    given = [value.get(key) for key in SPAN_KEYS] if isinstance(value, dict) else []
    return None if any(isinstance(part, (list, dict)) for part in given) else tuple(given)


PRODIGY = Dialect(read_each(read_prodigy), shows_prodigy)
