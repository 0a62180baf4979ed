"""Scores of predicted events, whole and in parts; what hangs on a missed trigger is missed."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from ..events import get_events, has_events, spans_of
from ..spans import Counts, LabelledEvent, LabelledSpan
from .alignment import labelled_events, labelled_spans, to_reference
from .scorer import name_scores, score_labels, warn_without_gold

PARTS = ("trigger", "trigger_type", "argument", "role", "attached")
# Gold and predicted events of a document, or a part of each.
Pair = tuple[set[Any], set[Any]]


@registry.scorers("spacy_globalpointer.event_scorer.v1")
def make_event_scorer() -> Callable[..., dict[str, Any]]:
    """Make a scorer of events.

    RETURNS: (examples, events_key=...) -> scores; see `score_events`.
    """
    return score_events


def score_events(
    examples: Iterable[Example], *, events_key: str = "events", **cfg: Any
) -> dict[str, Any]:
    """Score events; documents without gold events (see `has_events`) are left out.

    What is predicted several times counts once. A score is None if there is nothing to count, as
    those of triggers are if no event has one.

    {key}_p, _r, _f, _per_type: of whole events, and of those of each type. An event is right if its
        type, its trigger and all of its arguments are, with their roles, borders and labels, and
        there are no others. An argument that is a trigger counts as a span, whatever its own event.
    {key}_trigger_p, _r, _f: of the borders of triggers.
    {key}_trigger_type_p, _r, _f: of the borders of triggers and the types of their events.
    {key}_argument_p, _r, _f: of the borders of arguments and the types of their events.
    {key}_role_p, _r, _f: the same with the role of each argument.
    {key}_attached_p, _r, _f: the same with the borders of the trigger: the event that the argument
        belongs to. Without triggers, gold and predicted events of one type are matched one to one,
        those with most arguments in common first.
    """
    examples = list(examples)
    pairs = [
        compare_events(example, events_key)
        for example in examples
        if has_events(example.reference, events_key)
    ]
    warn_without_gold(examples, pairs, events_key)
    exact = [pair["exact"] for pair in pairs]
    types = sorted({event.type for pair in exact for events in pair for event in events})
    scores = score_labels({kind: _count_type(exact, kind) for kind in types}, events_key)
    for part in PARTS:
        counts = Counts.total(Counts.compare(*pair[part]) for pair in pairs)
        scores |= name_scores(counts, f"{events_key}_{part}")
    return scores


def compare_events(example: Example, key: str) -> dict[str, Pair]:
    """The gold and the predicted events of a document, as each score compares them.

    RETURNS: by "exact" (`LabelledEvent`) and each of PARTS; all on the tokens of the reference.
    """
    gold = read_events(example.reference, key, labelled_spans)
    found = read_events(
        example.predicted, key, lambda spans: to_reference(example, labelled_spans(spans))
    )
    gold_anchors, found_anchors = _match(gold, found)
    parts = _take_parts(gold, gold_anchors), _take_parts(found, found_anchors)
    own: dict[str, Pair] = {part: (parts[0][part], parts[1][part]) for part in PARTS}
    return {"exact": (set(gold), set(found)), **own}


def read_events(
    doc: Doc, key: str, move: Callable[[list[Span]], list[LabelledSpan]]
) -> list[LabelledEvent]:
    """The distinct events of a document, in their order.

    move: finds spans of the document where the events are to be, one for each.
    """
    events = get_events(doc, key)
    moved = move([span for event in events for span in spans_of(event)])
    return list(dict.fromkeys(labelled_events(events, moved)))


def _count_type(pairs: Iterable[Pair], kind: str) -> Counts:
    """Counts of the events of one type."""
    return Counts.total(
        Counts.compare(*({event for event in events if event.type == kind} for events in pair))
        for pair in pairs
    )


def _take_parts(
    events: Sequence[LabelledEvent], anchors: Sequence[Hashable]
) -> dict[str, set[Any]]:
    """What each of PARTS compares.

    anchors: what stands for each event.
    """
    parts: dict[str, set[Any]] = {part: set() for part in PARTS}
    for event, anchor in zip(events, anchors, strict=True):
        if event.trigger is not None:
            parts["trigger"].add(event.trigger.extent)
            parts["trigger_type"].add((event.trigger.extent, event.type))
        for role, span in event.arguments:
            parts["argument"].add((span.extent, event.type))
            parts["role"].add((span.extent, event.type, role))
            parts["attached"].add((span.extent, event.type, role, anchor))
    return parts


def _match(
    gold: Sequence[LabelledEvent], found: Sequence[LabelledEvent]
) -> tuple[list[Hashable], list[Hashable]]:
    """What stands for each gold and each predicted event: its trigger, or else its counterpart."""
    anchors: tuple[list[Hashable], list[Hashable]] = (
        [x.trigger.extent if x.trigger else f"gold {i}" for i, x in enumerate(gold)],
        [x.trigger.extent if x.trigger else f"found {i}" for i, x in enumerate(found)],
    )
    owners: dict[Hashable, list[int]] = defaultdict(list)
    for i, event in enumerate(gold):
        for part in _list_loose(event):
            owners[part].append(i)
    shared = Counter(
        (i, j) for j, event in enumerate(found) for part in _list_loose(event) for i in owners[part]
    )
    taken: tuple[set[int], set[int]] = set(), set()
    for i, j in sorted(shared, key=lambda pair: (-shared[pair], pair)):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            anchors[1][j] = anchors[0][i]
    return anchors


def _list_loose(event: LabelledEvent) -> set[Hashable]:
    """What tells an event without a trigger from others; nothing of an event with one."""
    if event.trigger is not None:
        return set()
    return {(event.type, role, span.extent) for role, span in event.arguments}
