"""Events to choose thresholds for: the edges that a low threshold finds, and what they say."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from spacy.training import Example

from ...models import DocSpans
from ...pipeline.event_edges import FoundEvents, to_events
from ...pipeline.event_pointer import EventPointer
from ...pipeline.event_prediction import as_probabilities, name_edges, raw_scores
from ...pipeline.pair_gold import FoundSpans, find_spans
from ...pipeline.relation_prediction import ScoredRelations, predict_relations
from ...pipeline.settings import label_cuts
from ..comparison import event_account
from .floor import Floor


class FoundEdges(NamedTuple):
    """The spans of a document, and the edges between them with raw scores."""

    spans: FoundSpans
    edges: ScoredRelations


class EventSource:
    """What `tune` needs to know about events: as `SpanSource`."""

    limit, items = "max_arguments", "edges of events"

    def __init__(self, pipe: EventPointer) -> None:
        """Start.

        pipe: the component.
        """
        self.pipe, self.account, self.metric = pipe, event_account(pipe), pipe.key

    def predict(
        self, batch: Sequence[Example], cuts: Sequence[float]
    ) -> Iterator[tuple[FoundEdges, Floor | None]]:
        """Find edges with raw scores between the spans that there are.

        cuts (c): raw, of each label.
        YIELDS: those of each document, and its floor if it has more than it may have.
        """
        none, pipe = FoundSpans([], {}, 0, []), self.pipe
        docs = [example.predicted for example in batch]
        spans = [find_spans(doc, pipe.cfg["spans"]) or none for doc in docs]
        items = [DocSpans(doc, own.spans) for doc, own in zip(docs, spans, strict=True)]
        result = predict_relations(pipe.model, items, cuts, pipe.pair_settings, raw=True)
        most = {id(doc): n for doc, n in result.full}
        for doc, own, edges in zip(docs, spans, result.relations, strict=True):
            n = most.get(id(doc))
            floor = None if n is None else Floor(float(edges.score.min()), doc.text[:60], n)
            yield FoundEdges(own, edges), floor

    def keep(self, found: FoundEdges) -> FoundEvents:
        """Of all edges of a document with raw scores, the events that the component finds."""
        pipe, (spans, edges) = self.pipe, found
        cuts = torch.tensor(label_cuts(pipe.name, pipe.labels, pipe.cfg)).numpy()
        kept = edges.score >= cuts[edges.label]
        named = name_edges(
            spans.spans, ScoredRelations(*(column[kept] for column in edges)), pipe.labels
        )
        return as_probabilities(to_events(named, raw_scores(spans), pipe.rules))
