"""The annotation of our own records: spans, and relations and events of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..events import EventEdges
from ..label_sets import SPAN_LABELS
from ..messages import list_some, quote, shorten
from ..relations import Edge
from ..spans import LabelledSpan
from .mentions import check_mentions, find_mention
from .unread import refuse_unread

# What has indices into "spans".
INDEXED_KEYS = ("relations", "events")
NO_ANSWERS = ("reject", "ignore")
SPAN_KEYS = ("start", "end", "label")
RELATION_KEYS = ("head", "child", "label")
EVENT_KEYS, ARGUMENT_KEYS = ("type", "trigger", "arguments"), ("role", "span")
# What a relation may have beside these: what `annotate` writes, and what anyone wants to keep.
FREE_KEYS = ("score", "key", "meta")


class GoldParts(NamedTuple):
    """What is annotated in a record; notes: what is not read of it; scores: of its spans."""

    spans: tuple[LabelledSpan, ...] | None = None
    relations: tuple[Edge, ...] | None = None
    events: tuple[EventEdges, ...] | None = None
    notes: Sequence[str] = ()
    scores: tuple[float, ...] | None = None


def read_parts(
    row: dict[str, Any], source: str, text: str, *, words: Sequence[str], in_tokens: bool
) -> GoldParts:
    """The annotation of a record with spans.

    row: its object; source: its file and line.
    text, words: of the record; in_tokens: whether offsets are in words.
    RAISES (ValueError): what has another form, mentions that are not at their places.
    """
    spans = read_span_objects(row["spans"], source, text, words=words, in_tokens=in_tokens)
    scores, unread_scores = read_span_scores(row["spans"])
    relations = _read_relations(row["relations"], source) if "relations" in row else None
    events, unread = _read_events(row["events"], source) if "events" in row else (None, [])
    notes = [*unread_scores, *(f'"{shorten(key)}" of events is not read' for key in unread)]
    if row.get("answer") not in NO_ANSWERS:
        return GoldParts(tuple(spans), relations, events, notes, scores)
    # Of Prodigy: nobody says that these spans are right.
    lost = " and ".join(["spans", *(key for key in INDEXED_KEYS if row.get(key))])
    return GoldParts(notes=[f'"answer" is {quote(row["answer"])}, so the {lost} are not read'])


def refuse_spanless(row: dict[str, Any], source: str) -> None:
    """Refuse relations, events and labels of a record without spans.

    Of events, only what looks like ours: others use that name for what is no annotation.

    RAISES (ValueError): there are some.
    """
    events = row.get("events")
    if SPAN_LABELS in row:
        raise ValueError(
            f'{source}: "{SPAN_LABELS}" says which labels the spans of a record were looked for '
            f'with, so it must have "spans" too, was: {shorten(row[SPAN_LABELS])} without. Give '
            "the spans, an empty list if there are none, or leave it out"
        )
    if "relations" in row:
        key, where = "relations", "between"
    elif isinstance(events, list) and any(_has_keys(event, EVENT_KEYS) for event in events):
        key, where = "events", "of"
    else:
        return
    raise ValueError(
        f'{source}: "{key}" are {where} spans, so a record must have "spans" too, was: '
        f"{shorten(row[key])} without. Give the spans, or leave the {key} out"
    )


def read_span_objects(
    values: Any, source: str, text: str, *, words: Sequence[str] = (), in_tokens: bool = False
) -> list[LabelledSpan]:
    """The spans of a list of objects; those with a mention beside their offsets are checked.

    values: what "spans" holds; the others as in `read_parts`.
    RAISES (ValueError): what has another form, mentions that are not at their places.
    """
    objects = _list_spans(values, source, text)
    spans = [LabelledSpan(*(span[key] for key in SPAN_KEYS)) for span in objects]
    mentions = [(span, find_mention(o, text)) for span, o in zip(spans, objects, strict=True)]
    check_mentions(text, mentions, source, words=words, in_tokens=in_tokens)
    return spans


def _list_spans(spans: Any, source: str, text: str) -> list[dict[str, Any]]:
    """The objects of "spans"; what is in them is checked by the record."""
    if not isinstance(spans, list):
        raise ValueError(
            f'{source}: "spans" must be a list, was: {shorten(spans)}. '
            "Leave it out of a line that is not annotated"
        )
    for span in spans:
        missing = [key for key in SPAN_KEYS if not isinstance(span, dict) or key not in span]
        if missing:
            keys = f" with the keys {list_some(list(span), 10)}" if isinstance(span, dict) else ""
            raise ValueError(
                f'{source}: a span must be an object with "start", "end" and "label", was: '
                f"{shorten(span)}{keys}. Add what is missing: {', '.join(missing)}"
            )
        refuse_unread(span, source, known=SPAN_KEYS, text=text)
    return spans


def read_span_scores(spans: Sequence[dict[str, Any]]) -> tuple[tuple[float, ...] | None, list[str]]:
    """The scores of spans, as `annotate` writes them; and what is not read.

    RETURNS: None if not all of them are probabilities, which is noted unless there are none.
    """
    scores: list[Any] = [span.get("score") for span in spans]
    if all(type(score) in (int, float) and 0 <= score <= 1 for score in scores):
        return tuple(map(float, scores)) or None, []
    is_some = any(score is not None for score in scores)
    note = 'The "score" of spans is not read: not every span has one in [0, 1]'
    return None, [note] if is_some else []


def _read_relations(relations: Any, source: str) -> tuple[Edge, ...]:
    """The relations of "relations"; what is in them is checked by the record."""
    if not isinstance(relations, list):
        raise ValueError(
            f'{source}: "relations" must be a list, was: {shorten(relations)}. '
            "Leave it out of a line whose relations are not annotated"
        )
    for number, relation in enumerate(relations):
        keys = set(relation) if isinstance(relation, dict) else set()
        missing = [key for key in RELATION_KEYS if key not in keys]
        unknown = sorted(keys - {*RELATION_KEYS, *FREE_KEYS})
        if not missing and not unknown:
            continue
        repair = f"Add what is missing: {', '.join(missing)}"
        if "head_span" in keys:
            repair = "Prodigy counts tokens in head and child: write the places of their spans"
        elif not missing:
            repair = f'Move into "meta", or remove, what is not read: {list_some(unknown)}'
        raise ValueError(
            f'{source}: a relation must be an object with "head" and "child" (places in "spans", '
            f'from 0) and "label", was: {shorten(relation)} (relation {number}, from 0). {repair}'
        )
    return tuple(Edge(*(relation[key] for key in RELATION_KEYS)) for relation in relations)


def _read_events(events: Any, source: str) -> tuple[tuple[EventEdges, ...], list[str]]:
    """The events of "events", and other keys; what is in them is checked by the record."""
    if not isinstance(events, list):
        raise ValueError(
            f'{source}: "events" must be a list, was: {shorten(events)}. '
            "Leave it out of a line whose events are not annotated"
        )
    read, unread = [], set()
    for number, event in enumerate(events):
        rule = (
            'an event must be an object with "type", "trigger" (a place in "spans", from 0, or '
            'null) and "arguments"'
        )
        if not _has_keys(event, EVENT_KEYS):
            raise _refuse_event(source, rule, event, number)
        arguments = event["arguments"]
        rule = (
            'the arguments of an event must be a list of objects with "role" and "span" (a place)'
        )
        if not isinstance(arguments, list) or not all(
            _has_keys(argument, ARGUMENT_KEYS) for argument in arguments
        ):
            raise _refuse_event(source, rule, event, number)
        own = tuple((argument["role"], argument["span"]) for argument in arguments)
        read.append(EventEdges(event["type"], event["trigger"], own))
        unread |= set(event) - {*EVENT_KEYS, *FREE_KEYS}
        unread |= {key for argument in arguments for key in argument} - {*ARGUMENT_KEYS, *FREE_KEYS}
    return tuple(read), sorted(unread)


def _has_keys(value: Any, keys: Sequence[str]) -> bool:
    return isinstance(value, dict) and all(key in value for key in keys)


def _refuse_event(source: str, rule: str, event: Any, number: int) -> ValueError:
    return ValueError(
        f"{source}: {rule}, was: {shorten(event)} (event {number}, from 0). Add what is missing"
    )
