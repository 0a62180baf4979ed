"""The worst errors in events, in their sentences, with the spans that there are to join."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from ...spans import LabelledEvent
from .event_evaluation import find_event_errors
from .judged_events import JudgedEvents
from .worst_errors import EvaluationError, describe_span, find_excerpts
from .worst_relations import LONGEST, describe_joined_excerpt


def find_event_excerpts(documents: Iterable[Any], most: int) -> list[dict[str, Any]]:
    """Find the worst errors: see `find_excerpts`.

    documents: of `judge_events`.
    most (excerpts): that are wanted.
    """
    errors = [
        EvaluationError(document, event, kind)
        for document in documents
        for event, kind in find_event_errors(document)
    ]
    describe = partial(
        describe_joined_excerpt, describe=_describe_event, order=lambda event: event.rank
    )
    return find_excerpts(errors, most, describe, LONGEST)


def _describe_event(document: JudgedEvents, event: LabelledEvent) -> dict[str, Any]:
    doc, trigger = document.doc, event.trigger
    return {
        "type": event.type,
        "trigger": None if trigger is None else describe_span(doc, trigger),
        "arguments": [{"role": role, **describe_span(doc, x)} for role, x in event.ordered],
        "score": document.score(event),
    }
