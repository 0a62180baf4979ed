"""Events, as a benchmark trains and scores them, with the published decoding beside ours."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from spacy_globalpointer import get_events
from spacy_globalpointer.models import DocSpans
from spacy_globalpointer.pipeline.event_edges import SAME_EVENT
from spacy_globalpointer.pipeline.event_prediction import name_edges
from spacy_globalpointer.pipeline.event_scorer import compare_events, score_events
from spacy_globalpointer.pipeline.pair_gold import find_spans
from spacy_globalpointer.pipeline.relation_prediction import predict_relations
from spacy_globalpointer.pipeline.settings import label_cuts
from spacy_globalpointer.spans import Counts

from .joint import Scores, Task
from .published_events import PublishedEvent, as_published, find_published_events

COMPONENT = "event_pointer"


def fit_events(docs: Iterable[Doc]) -> dict[str, Any]:
    """Overrides that follow from the data: events that have their own trigger as an argument."""
    events = (event for doc in docs for event in get_events(doc))
    has_self = any(
        argument.span == event.trigger for event in events for argument in event.arguments
    )
    return {f"components.{COMPONENT}.allow_self": True} if has_self else {}


def _score(pipe: Any, examples: list[Example]) -> Scores:
    """All scores of our events, and those of exact events of the published decoding."""
    found = find_as_published(pipe, [example.predicted for example in examples])
    gold = (compare_events(example, pipe.key)["exact"][0] for example in examples)
    counts = Counts.total(
        Counts.compare(set(map(as_published, own)), others)
        for own, others in zip(gold, found, strict=True)
    )
    published = {f"published_{x}": float(getattr(counts, x)) for x in "prf"}
    return {**score_events(examples, **pipe.cfg), **published}


def find_as_published(pipe: Any, docs: Sequence[Doc]) -> Iterator[set[PublishedEvent]]:
    """The events of each document by the published decoding, from the edges that ours has.

    pipe: an event_pointer of events with triggers; docs: with the spans that it joins.
    """
    found = [find_spans(doc, pipe.cfg["spans"]) for doc in docs]
    own = [[] if spans is None else list(spans.spans) for spans in found]
    batch = list(map(DocSpans, docs, own))
    cuts = label_cuts(pipe.name, pipe.labels, pipe.cfg)
    relations = predict_relations(pipe.model, batch, cuts, pipe.pair_settings).relations
    for spans, edges in zip(own, relations, strict=True):
        triggers = [span for span in spans if span.label in pipe.rules.types]
        named = name_edges(spans, edges, pipe.labels)
        yield find_published_events(named, triggers, SAME_EVENT in pipe.labels)


TASK = Task("events", COMPONENT, fit_events, _score, noted=("published_f",))
