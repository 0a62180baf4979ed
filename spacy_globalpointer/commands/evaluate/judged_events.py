"""What a component finds of the events of annotated documents, and how sure it is."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.training import Example

from ...models import DocSpans
from ...pipeline.alignment import to_predicted, to_reference
from ...pipeline.event_edges import SAME_EVENT, FoundEvents, to_edges, to_events
from ...pipeline.event_pointer import EventPointer
from ...pipeline.event_prediction import (
    as_probabilities,
    name_edges,
    predict_events,
    raw_scores,
)
from ...pipeline.event_scorer import compare_events
from ...pipeline.event_settings import (
    describe_full_events,
    describe_full_pairs,
    describe_left_out,
)
from ...pipeline.pair_gold import FoundSpans, find_spans
from ...pipeline.pair_settings import describe_no_spans
from ...pipeline.relation_prediction import find_and_score_relations
from ...pipeline.settings import label_cuts
from ...spans import Counts, LabelledEvent, LabelledRelation, LabelledSpan
from ..comparison import event_account, events_on_reference, gold_events_reader, run_before
from .judged import Joined, Judgement, sentence_starts


class JudgedEvents(Joined[LabelledEvent]):
    """A document with its gold and its predicted events."""


class _Found(NamedTuple):
    """What is found in a document, on its own tokens; scores: of its gold events."""

    spans: FoundSpans
    own: FoundEvents
    scores: dict[LabelledEvent, float]
    given: FoundEvents


def judge_events(nlp: Language, name: str, examples: Iterable[Example]) -> Judgement:
    """Find events with the component's own settings, and score all gold ones.

    The model runs once on the spans that the pipeline finds, and once on the gold spans. The score
    of a gold event is the lowest of its edges, whether it is found or not.

    name: of the component; later components do not run.
    RAISES (NoGoldError): no annotated documents. (ValueError): settings that mean nothing.
    """
    pipe: Any = nlp.get_pipe(name)
    pipe.predict([])  # refuses a component that is not initialized
    account, search = event_account(pipe), _Search(pipe)
    documents: list[JudgedEvents] = []
    number = 0
    for batch in run_before(nlp, name, examples):
        golds = [account.read(example) for example in batch]
        for example, gold, found in zip(batch, golds, search.find(batch, golds), strict=True):
            number += 1
            if gold is not None:
                documents.append(_judge_document(pipe, number, example, gold, found))
    account.require("DATA")
    notes = [
        *account.notes(),
        *search.messages.values(),
        "Scores are compared with gold for what was found only: a lower threshold gives other "
        "events, not more",
    ]
    if n_off := sum(not x.is_whole for d in documents for e in d.found for x in e.spans):
        notes.append(
            f"{n_off} spans of predicted events do not begin and end where tokens of DATA do: "
            "these events count as wrong"
        )
    if not any(document.gold for document in documents):
        notes.append(f"No document has a gold event: the group {pipe.key!r} is empty in all")
    return Judgement(documents, 1.0, account.unannotated, notes)


class _Search:
    """Finds events in batches, and keeps an account of what a user should know."""

    def __init__(self, pipe: EventPointer) -> None:
        self.pipe, self.gold_spans = pipe, gold_events_reader(pipe)
        self.cuts = label_cuts(pipe.name, pipe.labels, pipe.cfg)
        self.messages: dict[str, str] = {}  # the first of each kind

    def find(
        self, batch: Sequence[Example], golds: Sequence[set[LabelledEvent] | None]
    ) -> list[_Found]:
        """Find what there is in each document of a batch, and write it into the document."""
        pipe, cuts = self.pipe, self.cuts
        settings, rules = pipe.pair_settings, pipe.rules
        docs = [example.predicted for example in batch]
        spans = [self._find_spans(example) for example in batch]
        located = [self._locate(*pair) for pair in zip(batch, golds, strict=True)]
        edges = [{x: x for own in events.values() for x in own} for events in located]
        items = [DocSpans(doc, own.spans) for doc, own in zip(docs, spans, strict=True)]
        (found,), scores = find_and_score_relations(
            pipe.model, items, [(cuts, settings)], edges, raw=True
        )
        if found.full:
            message = describe_full_pairs(pipe.name, *found.full[0])
            self.messages.setdefault("full", message)
        own = [
            as_probabilities(
                to_events(name_edges(each.spans, row, pipe.labels), raw_scores(each), rules)
            )
            for each, row in zip(spans, found.relations, strict=True)
        ]
        for doc, events in zip(docs, own, strict=True):
            self._note_limits(doc, events)
        pipe.set_annotations(docs, own)
        gold_spans = [self.gold_spans.read(example).spans.spans for example in batch]
        ideal = [FoundSpans(list(x), dict.fromkeys(x, 1.0), 0, []) for x in gold_spans]
        given = predict_events(pipe.model, docs, ideal, cuts, settings, rules).events
        known = map(_score_events, located, scores, spans)
        return list(map(_Found, spans, own, known, given))

    def _find_spans(self, example: Example) -> FoundSpans:
        doc = example.predicted
        sources = self.pipe.cfg["spans"]
        found = find_spans(doc, sources)
        missing = sources if found is None else found.missing
        if len(doc) and (found is None or found.missing):
            message = describe_no_spans(self.pipe.name, missing, doc)
            self.messages.setdefault("no spans", message)
        return found or FoundSpans([], {}, 0, [])

    def _locate(
        self, example: Example, gold: set[LabelledEvent] | None
    ) -> dict[LabelledEvent, dict[LabelledRelation, None]]:
        """Gold events as edges on the predicted tokens, but for those of unknown roles."""
        labels, has_trigger = self.pipe.labels, self.pipe.cfg["trigger"]
        events = sorted(gold or (), key=lambda event: event.rank)
        moved = iter(to_predicted(example, [span for event in events for span in event.spans]))
        located = {}
        for event in events:
            edges = to_edges([event.between(moved)], has_trigger)
            if SAME_EVENT not in labels:
                edges = {edge for edge in edges if edge.label != SAME_EVENT}
            known = event.trigger is not None if has_trigger else event.trigger is None
            if known and all(edge.label in labels for edge in edges):
                located[event] = dict.fromkeys(edges)
        return located

    def _note_limits(self, doc: Any, found: FoundEvents) -> None:
        name, cfg = self.pipe.name, self.pipe.cfg
        if found.n_left_out:
            message = describe_left_out(name, doc, found.n_left_out, cfg)
            self.messages.setdefault("left out", message)
        if found.n_full:
            self.messages.setdefault("events", describe_full_events(name, doc, found.n_full, cfg))


def _score_events(
    located: dict[LabelledEvent, dict[LabelledRelation, None]],
    scores: dict[LabelledRelation, float],
    spans: FoundSpans,
) -> dict[LabelledEvent, float]:
    """The lowest score of the edges of each event; of a span alone, its own."""
    known = {}
    for event, edges in located.items():
        own = [scores.get(edge) for edge in edges]
        if not edges:
            own = [spans.scores.get(event.spans[0])]
        if None not in own:
            known[event] = min(x for x in own if x is not None)
    return known


def _judge_document(
    pipe: EventPointer, number: int, example: Example, gold: set[LabelledEvent], found: _Found
) -> JudgedEvents:
    own = events_on_reference(example, found.own.scores)
    source = find_spans(example.reference, pipe.cfg["spans"], is_gold=True)
    joined: set[LabelledSpan] = {span for event in gold for span in event.spans}
    views = compare_events(example, pipe.key)
    return JudgedEvents(
        number,
        example.reference,
        sentence_starts(example),
        {event: found.scores.get(event) for event in gold},
        own,
        own,
        gold_spans=joined | set(source.spans if source else ()),
        found_spans=set(to_reference(example, found.spans.spans)),
        views={name: Counts.compare(*pair) for name, pair in views.items()},
        given=set(events_on_reference(example, found.given.scores)),
    )
