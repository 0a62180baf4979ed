"""How good predicted events are: by part, type, role and kind of error.

Exact: an event is right if its type, its trigger and all its arguments with their roles are.
"""

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Any

from ...spans import Counts, LabelledEvent, LabelledSpan
from .evaluation import describe_calibration
from .judged import Judgement
from .judged_events import JudgedEvents
from .relation_evaluation import count_by

# What is wrong with a found event, and the kinds of missed ones.
TYPE, TRIGGER, MERGED, SPLIT = "type", "trigger", "merged", "split"
ROLE, MISSING, EXTRA, ARGUMENTS = "role", "missing argument", "spurious argument", "arguments"
SPURIOUS = "spurious"
MISSED, MISSED_TRIGGER, MISSED_SPAN = "missed", "missed trigger", "missed span"


def evaluate_events(judgement: Judgement) -> dict[str, Any]:
    """Compare what was found with gold, in plain data.

    RETURNS: "scores" ("exact", "trigger", "trigger_type", "argument", "role", "attached", and
        "given_spans": exact ones of what is found if the gold spans are given), "types" (exact),
        "roles" (on the right trigger, if there is one), "errors" by kind, "calibration".
    """
    documents: Any = judgement.documents
    pairs = [(document.gold.keys(), document.found.keys()) for document in documents]
    names = dict.fromkeys(name for document in documents for name in document.views)
    views = {
        name: Counts.total(document.views[name] for document in documents).scores()
        for name in names
    }
    given = Counts.total(Counts.compare(d.gold.keys(), d.given) for d in documents)
    types = count_by(pairs, lambda event: event.type)
    attached = [tuple(map(_attached_roles, pair)) for pair in pairs]
    roles = count_by(attached, lambda role: role[2])  # type: ignore[arg-type]
    kinds = (kind for document in documents for _, kind in find_event_errors(document))
    macro_f = sum(float(counts.f) for counts in types.values()) / max(1, len(types))
    return {
        "scores": {
            **views,
            "exact": {**views["exact"], "macro_f": macro_f},
            "given_spans": given.scores(),
        },
        "types": {label: counts.scores() for label, counts in types.items()},
        "roles": {label: counts.scores() for label, counts in roles.items()},
        "errors": dict(sorted(Counter(kinds).items())),
        "calibration": describe_calibration(judgement, "events"),
    }


def _attached_roles(events: Set[LabelledEvent]) -> set[tuple[Any, ...]]:
    return {(e.type, e.trigger, role, span) for e in events for role, span in e.arguments}


def find_event_errors(document: JudgedEvents) -> Iterator[tuple[LabelledEvent, str]]:
    """Say what is wrong with the found events of a document, and which gold ones were missed."""
    return name_event_errors(document.gold.keys(), document.found.keys(), document.found_spans)


def name_event_errors(
    gold: Set[LabelledEvent], found: Set[LabelledEvent], spans: Set[LabelledSpan]
) -> Iterator[tuple[LabelledEvent, str]]:
    """Say what is wrong with found events, and which gold ones were missed.

    A wrong event is compared with missed gold ones of its type that have its trigger or, without
    triggers, one of its arguments.

    spans: that were found, so that they could be joined.
    YIELDS: events with MERGED (all arguments of several missed ones, and so on), SPLIT (one of
        several parts of a missed one), ROLE (the same spans with other roles), MISSING (a part of
        the arguments), EXTRA (all and more), ARGUMENTS (other ones); with TYPE (that of a missed
        event in the same place is another), TRIGGER (a missed event of the type has the same
        arguments, or a trigger that overlaps this one), SPURIOUS (all other wrong ones);
        MISSED_TRIGGER (gold, but its trigger was not found), MISSED_SPAN (an argument was not),
        MISSED (other gold ones that were not found).
    """
    missed = sorted(gold - found, key=lambda event: event.rank)
    wrong = sorted(found - gold, key=lambda event: event.rank)
    for event in wrong:
        yield event, _compare_arguments(event, missed, wrong) or _compare_places(event, missed)
    for event in missed:
        if event.trigger is not None and event.trigger not in spans:
            yield event, MISSED_TRIGGER
        else:
            yield event, MISSED if spans.issuperset(event.spans) else MISSED_SPAN  # type: ignore[attr-defined]


def _compare_arguments(
    event: LabelledEvent, missed: Sequence[LabelledEvent], wrong: Sequence[LabelledEvent]
) -> str:
    """What is wrong with the arguments of an event whose trigger is right; empty if none is."""
    own, kin = event.arguments, [other for other in missed if _is_kin(event, other)]
    inside = [other for other in kin if other.arguments < own]
    around = [other for other in kin if own < other.arguments]
    parts = [other.arguments for other in wrong if other != event and _is_kin(event, other)]
    if sum(bool(other.arguments) for other in inside) > 1:
        return MERGED
    if any(part < other.arguments for other in around for part in parts):
        return SPLIT
    if any(_spans(event) == _spans(other) for other in kin):
        return ROLE
    return MISSING if around else EXTRA if inside else ARGUMENTS if kin else ""


def _compare_places(event: LabelledEvent, missed: Sequence[LabelledEvent]) -> str:
    """What is wrong with an event of which no missed one has the type and the trigger."""
    if any(_place(event) == _place(other) for other in missed):
        return TYPE
    alike = [other for other in missed if other.type == event.type]
    if any(event.arguments and event.arguments == other.arguments for other in alike):
        return TRIGGER
    triggers = [(event.trigger, other.trigger) for other in alike]
    is_near = any(a and b and a.start < b.end and b.start < a.end for a, b in triggers)
    return TRIGGER if is_near else SPURIOUS


def _is_kin(event: LabelledEvent, other: LabelledEvent) -> bool:
    if (event.type, event.trigger) != (other.type, other.trigger):
        return False
    return event.trigger is not None or bool(_spans(event) & _spans(other))


def _spans(event: LabelledEvent) -> set[LabelledSpan]:
    return {span for _, span in event.arguments}


def _place(event: LabelledEvent) -> Any:
    """The borders of the trigger; without one, those of the arguments."""
    if event.trigger is not None:
        return event.trigger.extent
    return {span.extent for _, span in event.arguments}
