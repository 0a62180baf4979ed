"""The trainable component: finds events by the edges between triggers and arguments."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..events import Argument, Event, set_events
from ..losses import SpanLoss
from ..models import DocSpans
from ..nn import PairLayout
from ..spans import LabelledEvent, LabelledRelation
from .event_edges import SAME_EVENT, EventRules, FoundEvents
from .event_gold import EventReader, check_event_labels
from .event_prediction import predict_events
from .event_settings import (
    check_event_settings,
    check_trained_kind,
    describe_full_events,
    describe_full_pairs,
    describe_left_out,
    describe_no_labels,
)
from .labelled import BEGINNING
from .pair_gold import Sources
from .pair_pointer import PairPointer, check_pair_loss
from .settings import check_model, label_cuts


class EventPointer(PairPointer):
    """Find events by scoring every ordered pair of the spans of a document for every role.

    Its labels are the roles, and `(same event)` if events share triggers; without triggers, the
    types of events.
    """

    what = "events"

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[DocSpans], list[Floats2d]],
        name: str = "event_pointer",
        *,
        loss: SpanLoss,
        spans: Sources = "sc",
        events_key: str = "events",
        trigger: bool = True,
        threshold: float = 0.5,
        label_thresholds: Sequence[Sequence[str | float]] = (),
        max_distance: int | None = None,
        allow_self: bool = False,
        type_pairs: str = "seen",
        max_arguments: int = 32,
        max_events: int = 64,
        candidates: str = "both",
        missing: str = "skip",
        lr_scale: float = 1.0,
        scorer: Callable | None = None,
    ) -> None:
        """Make the component.

        vocab: the shared vocabulary.
        model: an architecture of this package for relations.
        name: of the component in its pipeline.
        loss: from factors and gold pairs to a loss (b, c).
        spans: key of doc.spans with triggers and arguments; None for doc.ents; or a list of such.
        events_key: of doc.spans, for predicted and for gold events.
        trigger: whether events have triggers: spans whose label is the type of the event. Without
            them, the label of an argument means its role in a type of event.
        threshold (probability): lowest score of an edge between spans, and so of an event with
            several spans; 0.5 is the boundary that the loss learns.
        label_thresholds (pairs of label and probability): override threshold.
        max_distance (tokens): most tokens between spans that an edge joins, None for no limit.
        allow_self: whether a trigger may be an argument of its own event.
        type_pairs: "seen" finds edges only between spans with labels that had such an edge in
            training; "any" between all.
        max_arguments: most arguments of a trigger, without triggers most links of an argument; the
            best are kept.
        max_events: most events of a trigger.
        candidates: the spans to join in training: "gold", "predicted", or "both". An edge of a
            predicted span that is not gold is a negative example.
        missing: what a training document without the events means: "skip" (not annotated) or
            "negative" (no events in it).
        lr_scale: learning rate of the head, as a multiple of the encoder's.
        scorer: of the pipeline's predictions.
        RAISES (ValueError): invalid settings, a model or a loss of another component.
        """
        check_model(name, model, PairLayout, "SpanPairs.v1")
        check_pair_loss(name, loss)
        cfg = {
            "spans": spans,
            "events_key": events_key,
            "trigger": trigger,
            "threshold": threshold,
            "label_thresholds": [list(pair) for pair in label_thresholds],
            "max_distance": max_distance,
            "allow_self": allow_self,
            "type_pairs": type_pairs,
            "max_arguments": max_arguments,
            "max_events": max_events,
            "candidates": candidates,
            "missing": missing,
            "lr_scale": lr_scale,
        }
        check_event_settings(name, cfg)
        # With the weights: types of events, and without triggers what the labels of spans mean, as
        # [label, type, role].
        for what in ("event_types", "node_roles"):
            model.attrs.setdefault(what, [])
        super().__init__(vocab, model, name, loss=loss, scorer=scorer, cfg=cfg)

    @property
    def pair_settings(self) -> dict[str, Any]:
        """The settings of the edges, as `PairTables` and `find_and_score_relations` read them."""
        symmetric = [SAME_EVENT] if self.cfg["trigger"] else list(self.labels)
        per_span = 2 * self.cfg["max_arguments"]  # as many roles, and as many links
        return {**self.cfg, "symmetric": symmetric, "max_relations": None, "per_span": per_span}

    @property
    def rules(self) -> EventRules:
        """How edges become events."""
        nodes = {label: (kind, role) for label, kind, role in self.model.attrs["node_roles"]}
        return EventRules(
            frozenset(self.model.attrs["event_types"]),
            None if self.cfg["trigger"] else nodes,
            SAME_EVENT in self.labels,
            self.cfg["max_arguments"],
            self.cfg["max_events"],
        )

    def predict(self, docs: Iterable[Doc]) -> list[FoundEvents]:
        """Find the events of a batch of documents, without changing them.

        RETURNS: those of each document, with their probabilities.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        self._require_ready()
        docs = list(docs)
        cuts = label_cuts(self.name, self.labels, self.cfg)
        self._check_settings()
        spans = [self._find_spans(doc) for doc in docs]
        found = predict_events(self.model, docs, spans, cuts, self.pair_settings, self.rules)
        if self._n_updates > BEGINNING:
            if found.full:
                self._warn_once("max_pairs", describe_full_pairs(self.name, *found.full[0]))
            for doc, own in zip(docs, found.events, strict=True):
                self._warn_of_limits(doc, own)
        return found.events

    def set_annotations(self, docs: Iterable[Doc], events: list[FoundEvents]) -> None:
        """Write the events of each document.

        events: from predict.
        """
        for doc, found in zip(docs, events, strict=True):
            given = [_as_event(doc, event, score) for event, score in found.scores.items()]
            set_events(doc, given, self.key)

    def _warn_of_limits(self, doc: Doc, found: FoundEvents) -> None:
        name, cfg = self.name, self.cfg
        if found.n_left_out:
            message = describe_left_out(name, doc, found.n_left_out, cfg)
            self._warn_once("max_arguments", message)
        if found.n_full:
            self._warn_once("max_events", describe_full_events(name, doc, found.n_full, cfg))

    def _check_settings(self) -> None:
        check_event_settings(self.name, self.cfg)
        attrs = self.model.attrs
        if attrs["event_types"]:
            check_trained_kind(self.name, self.cfg, has_trigger=not attrs["node_roles"])

    def _check_gold(self, gold: Iterable[LabelledRelation]) -> None:
        check_event_labels(self.name, self.labels, gold)

    def _make_reader(self) -> EventReader:
        return EventReader(self.cfg, self.labels, self.rules.nodes)

    def _require_labels(self) -> None:
        if not self.labels:
            raise ValueError(describe_no_labels(self.name, self.cfg))

    def _forget(self) -> None:
        super()._forget()
        self.model.attrs.update(event_types=[], node_roles=[])

    def _remember(self, reader: EventReader) -> None:
        super()._remember(reader)
        attrs = self.model.attrs
        attrs["event_types"] = sorted({*attrs["event_types"], *reader.types})
        attrs["node_roles"] = [[label, *own] for label, own in sorted(reader.nodes.items())]


def _as_event(doc: Doc, event: LabelledEvent, score: float) -> Event:
    """An event between spans of a document."""
    # By name: a component sourced from another pipeline has that pipeline's vocab.
    trigger = None if event.trigger is None else Span(doc, *event.trigger)
    arguments = tuple(Argument(role, Span(doc, *span)) for role, span in sorted(event.arguments))
    return Event(event.type, trigger, arguments, score)
