"""Doccano's JSON lines: spans as [start, end, label], or as objects with relations between them.

Source: the examples of its export, backend/data_export/pipeline/examples in doccano/doccano.
"""

from typing import Any

from ...messages import shorten
from ...relations import Edge
from ...spans import LabelledSpan
from ..containers import get_text
from ..reading import Reading
from ..record import Record
from ..unread import refuse_unread
from .dialects import Dialect, read_each

# Keys that hold the text, and spans; what is there depends on the version and the project.
TEXTS, SPANS = ("text", "data"), ("entities", "label", "labels", "annotations")
COMMENTS = ("Comments", "comments")
OFFSETS = ("start_offset", "end_offset", "label")


def read_doccano(row: dict[str, Any], source: str, reading: Reading) -> Record:
    """The record of a line of Doccano's export.

    {"id": 1, "text": "Ada lives.", "label": [[0, 3, "PER"]], "Comments": []}

    {"id": 1, "text": "Ada lives.", "entities": [{"id": 7, "start_offset": 0, "end_offset": 3,
      "label": "PER"}], "relations": [{"id": 2, "from_id": 7, "to_id": 7, "type": "is"}]}

    Offsets are in characters, and the end is exclusive. A line without spans is not annotated.
    Comments are not read, which is noted.

    RAISES (ValueError): no text, classes of whole texts in place of spans, other spans, a relation
        of an entity that is not there, annotation in another key.
    """
    text_key = next((key for key in TEXTS if key in row), "text")
    text = get_text(row, source, text_key)
    key = next((key for key in SPANS if row.get(key)), None)
    key = key or next((key for key in SPANS if key in row), None)
    known = {text_key, "relations", *COMMENTS} | ({key} if key else set())
    refuse_unread(row, source, known=known, text=text)
    spans = None if key is None else _read_spans(row[key], key, source)
    relations = None
    if "relations" in row:
        relations = _read_relations(row["relations"], row[key] if key else None, source)
    n_comments = sum(len(row[name]) for name in COMMENTS if isinstance(row.get(name), list))
    return Record(
        text,
        spans,
        source=source,
        notes=("A comment is not read",) * n_comments,
        fields={name: value for name, value in row.items() if name not in known},
        relations=relations,
    )


def is_doccano(row: Any) -> bool:
    """Whether a row has spans as Doccano writes them, or none under a key of its own."""
    if not isinstance(row, dict) or not any(isinstance(row.get(key), str) for key in TEXTS):
        return False
    if not any(row.get(key) for key in SPANS):
        return row.get("entities") == [] or ("Comments" in row and "label" in row)
    return any(_are_spans(row[key]) for key in SPANS if row.get(key))


def _are_spans(value: Any) -> bool:
    return isinstance(value, list) and all(_is_triple(x) or _is_object(x) for x in value)


def _is_triple(value: Any) -> bool:
    is_row = isinstance(value, list) and len(value) == 3
    return is_row and type(value[0]) is type(value[1]) is int and isinstance(value[2], str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and {*OFFSETS} <= value.keys()


def _read_spans(values: Any, key: str, source: str) -> tuple[LabelledSpan, ...]:
    """Spans, which are checked by the record."""
    rule = f'{source}: "{key}" must be a list of [start, end, label] or of objects with "start_'
    rule += f'offset", "end_offset" and "label", was: {shorten(values)}'
    if not isinstance(values, list):
        raise ValueError(f"{rule}. Write it so")
    spans = []
    for value in values:
        if isinstance(value, str):
            raise ValueError(f"{rule}. Classes of whole texts are no spans")
        is_row = isinstance(value, list) and len(value) == 3
        if not is_row and not _is_object(value):
            raise ValueError(f"{rule}. Repair {shorten(value)}")
        start, end, label = value if is_row else (value[name] for name in OFFSETS)
        if type(label) is int:
            raise ValueError(
                f"{source}: a label must be a name, was: {label}, its number in Doccano. To fix: "
                "export with the names of labels"
            )
        spans.append(LabelledSpan(start, end, label))
    return tuple(spans)


def _read_relations(values: Any, entities: Any, source: str) -> tuple[Edge, ...]:
    """Relations between entities that are known by their ids."""
    keys = ("from_id", "to_id", "type")
    rule = f'{source}: "relations" must be a list of objects with "from_id", "to_id" and "type"'
    if not isinstance(values, list) or not all(
        isinstance(value, dict) and {*keys} <= value.keys() for value in values
    ):
        raise ValueError(f"{rule}, was: {shorten(values)}. Repair them")
    ids = [entity.get("id") if isinstance(entity, dict) else None for entity in entities or ()]
    places = {str(number): place for place, number in enumerate(ids) if number is not None}
    if len(places) < len(ids) - ids.count(None) and values:
        raise ValueError(
            f'{source}: each entity must have an "id" of its own for "relations", was: '
            f"{shorten(ids)}. Give each another, or remove the relations"
        )
    edges = []
    for value in values:
        ends = [places.get(str(value[key])) for key in keys[:2]]
        if None in ends:
            raise ValueError(
                f'{source}: "from_id" and "to_id" must be ids of entities of the same line, was: '
                f"{shorten(value)}. Add the entity, or remove the relation"
            )
        edges.append(Edge(ends[0] or 0, ends[1] or 0, value["type"]))
    return tuple(edges)


DOCCANO = Dialect(read_each(read_doccano), is_doccano)
