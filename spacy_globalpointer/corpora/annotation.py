"""What was found in a document, as JSON lines have it: the way back from documents to records."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from ..events import get_events, has_events, spans_of
from ..relations import get_relations, has_relations


class WrittenKeys(NamedTuple):
    """The groups of doc.spans that are written; a key None means doc.ents."""

    spans: list[str | None]
    relations: list[str]
    events: list[str]


def list_annotation(doc: Doc, keys: WrittenKeys) -> dict[str, list[dict[str, Any]]]:
    """The spans, the relations and the events of a document as JSON.

    keys: where they are. Where there are several of a kind, each of them has its "key".
    RETURNS: "spans", those of the keys and all that are in relations and events, by start, longest
        first, then label: "start" and "end" (characters, exclusive), "label", "score"
        (probability). If any are annotated, "relations": "head" and "child" (places in "spans"),
        "label", "score"; and "events": "type", "trigger" (a place, or None), "arguments" with
        "role" and "span" (a place), "score".
    """
    related = {key: get_relations(doc, key) for key in keys.relations if has_relations(doc, key)}
    events = {key: get_events(doc, key) for key in keys.events if has_events(doc, key)}
    ends = {key: [s for x in own for s in (x.head, x.child)] for key, own in related.items()}
    parts = {
        key: [span for event in own for span in spans_of(event)] for key, own in events.items()
    }
    spans = _add_spans(list_spans(doc, keys.spans), [ends, parts], len(keys.spans) > 1)
    # Of spans that are there twice, the first stands for both.
    places = {_identify(row): place for place, row in reversed([*enumerate(spans)])}

    def find(span: Span) -> int:
        return places[_identify(_to_row(span))]

    found = {"spans": spans}
    if related:
        found["relations"] = [
            {"head": find(head), "child": find(child), "label": label}
            | _name(score, key, keys.relations)
            for key, own in related.items()
            for head, child, label, score in own
        ]
    if events:
        found["events"] = [
            {
                "type": kind,
                "trigger": None if trigger is None else find(trigger),
                "arguments": [{"role": role, "span": find(span)} for role, span in arguments],
            }
            | _name(score, key, keys.events)
            for key, own in events.items()
            for kind, trigger, arguments, score in own
        ]
    return found


def _add_spans(
    spans: list[dict[str, Any]], groups: Sequence[dict[str, list[Span]]], with_key: bool
) -> list[dict[str, Any]]:
    """Spans, and those of other groups that are not among them, in order."""
    known = {_identify(row) for row in spans}
    others: dict[tuple[int, int, str], dict[str, Any]] = {}
    for key, own in ((key, own) for group in groups for key, own in group.items()):
        for row in map(_to_row, own):
            if _identify(row) not in known:
                others.setdefault(_identify(row), row | ({"key": key} if with_key else {}))
    return sorted([*spans, *others.values()], key=_identify)


def _name(score: float | None, key: str, keys: Sequence[str]) -> dict[str, Any]:
    """The score of a relation or an event, if it has one, and its key, if there are several."""
    found: dict[str, Any] = {} if score is None else {"score": round(score, 6)}
    return found | ({"key": key} if len(keys) > 1 else {})


def list_spans(doc: Doc, keys: Sequence[str | None]) -> list[dict[str, Any]]:
    """The spans of groups as JSON, as in `list_annotation`; a key None means doc.ents."""
    rows = []
    for key in keys:
        group = doc.ents if key is None else doc.spans.get(key, ())
        scores = getattr(group, "attrs", {}).get("scores", ())
        for place, span in enumerate(group):
            row = _to_row(span)
            if len(scores) == len(group):  # a later component may have changed the group
                row["score"] = round(float(scores[place]), 6)
            if len(keys) > 1:
                row["key"] = key
            rows.append(row)
    return sorted(rows, key=_identify)


def _to_row(span: Span) -> dict[str, Any]:
    return {"start": span.start_char, "end": span.end_char, "label": span.label_}


def _identify(row: dict[str, Any]) -> tuple[int, int, str]:
    """What makes two spans one; also their order."""
    return row["start"], -row["end"], row["label"]
