"""From spans to scored events: the edges between them, and what these say."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from spacy.tokens import Doc
from thinc.api import Model

from ..models import DocSpans
from ..nn import to_probability, to_score
from ..spans import LabelledRelation, LabelledSpan
from .event_edges import EventRules, FoundEvents, to_events
from .pair_gold import FoundSpans
from .relation_prediction import ScoredRelations, predict_relations


class EventPrediction(NamedTuple):
    """What was found in some documents.

    events: of each document, with probabilities, unless raw was set.
    full: documents with more edges than are looked at, and how many are.
    """

    events: list[FoundEvents]
    full: list[tuple[Doc, int]]


def predict_events(
    model: Model,
    docs: Sequence[Doc],
    found: Sequence[FoundSpans],
    cuts: Sequence[float],
    cfg: dict[str, Any],
    rules: EventRules,
    *,
    raw: bool = False,
) -> EventPrediction:
    """Find the events of each document by the edges whose score reaches the cut of its label.

    found: the spans to join.
    cuts (c): lowest raw score of an edge for each label.
    cfg: `pair_settings` of the component.
    raw: return raw scores, which still differ where probabilities are all 1.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    batch = [DocSpans(doc, own.spans) for doc, own in zip(docs, found, strict=True)]
    edges = predict_relations(model, batch, cuts, cfg, raw=True)
    labels = model.attrs["labels"]
    events = [
        to_events(name_edges(own.spans, relations, labels), raw_scores(own), rules)
        for own, relations in zip(found, edges.relations, strict=True)
    ]
    return EventPrediction(events if raw else list(map(as_probabilities, events)), edges.full)


def raw_scores(found: FoundSpans) -> dict[LabelledSpan, float]:
    """Raw scores of spans: those of probabilities near 1, too, are compared with raw ones."""
    return {span: to_score(min(max(p, 0.0), 1.0)) for span, p in found.scores.items()}


def name_edges(
    spans: Sequence[LabelledSpan], found: ScoredRelations, labels: Sequence[str]
) -> dict[LabelledRelation, float]:
    """The edges between spans of a document, with their scores."""
    columns = zip(*(column.tolist() for column in found), strict=True)
    return {
        LabelledRelation(spans[head], spans[child], labels[label]): score
        for label, head, child, score in columns
    }


def as_probabilities(found: FoundEvents) -> FoundEvents:
    """The same events with probabilities in place of raw scores."""
    scores = to_probability(torch.tensor(list(found.scores.values()))).tolist()
    return found._replace(scores=dict(zip(found.scores, scores, strict=True)))
