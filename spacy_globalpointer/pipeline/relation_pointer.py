"""The trainable component: scores every pair of spans of a document for every relation at once."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import DocSpans, resize_span_labels
from ..nn import PairLayout
from ..relations import Relation, set_relations
from ..spans import LabelledSpan
from .labelled import BEGINNING, FIRST_PASSES, LabelledPipe
from .relation_gold import (
    NO_RELATIONS,
    RelationReader,
    TrainingSpans,
    check_relation_labels,
    find_spans,
)
from .relation_learning import relation_loss
from .relation_prediction import ScoredRelations, predict_relations
from .relation_settings import (
    check_annotating,
    check_relation_settings,
    check_symmetric,
    describe_full_relations,
    describe_many_spans,
    describe_new_labels,
    describe_no_spans,
    describe_relation_weights,
    describe_source,
    describe_unpredicted,
    find_symmetric,
)
from .relation_tables import PairTables
from .settings import check_model, describe_rate, describe_rivals, label_cuts, refuse_variable
from .tables import plain_torch


class RelationPointer(LabelledPipe):
    """Find relations by scoring every ordered pair of the spans of a document for every label."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[DocSpans], list[Floats2d]],
        name: str = "relation_pointer",
        *,
        loss: SpanLoss,
        spans: str | None = "sc",
        relations_key: str = "relations",
        threshold: float = 0.5,
        label_thresholds: Sequence[Sequence[str | float]] = (),
        symmetric: Sequence[str] = (),
        max_distance: int | None = None,
        allow_self: bool = False,
        type_pairs: str = "seen",
        max_relations: int | None = None,
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
        spans: key of doc.spans with the spans to join; None for doc.ents.
        relations_key: of doc.spans, for predicted and for gold relations.
        threshold (probability): lowest score of a relation; 0.5 is the boundary that the loss
            learns.
        label_thresholds (pairs of label and probability): override threshold.
        symmetric: labels of relations without direction; these are found from the first span.
        max_distance (tokens): most tokens between the spans of a relation, None for no limit.
        allow_self: whether a relation may lead from a span to itself.
        type_pairs: "seen" finds relations only between spans with labels that had such a relation
            in training; "any" between all.
        max_relations (relations): most of a document; the best are kept. None for ten per span.
        candidates: the spans to join in training: "gold", "predicted", or "both". A relation of a
            predicted span that is not gold is a negative example.
        missing: what a training document without the relations means: "skip" (not annotated) or
            "negative" (no relations in it).
        lr_scale: learning rate of the head, as a multiple of the encoder's.
        scorer: of the pipeline's predictions.
        RAISES (ValueError): invalid settings, a model of another component.
        """
        check_model(name, model, PairLayout, "SpanPairs.v1")
        cfg = {
            "spans": spans,
            "relations_key": relations_key,
            "threshold": threshold,
            "label_thresholds": [list(pair) for pair in label_thresholds],
            "symmetric": symmetric if isinstance(symmetric, str) else list(symmetric),
            "max_distance": max_distance,
            "allow_self": allow_self,
            "type_pairs": type_pairs,
            "max_relations": max_relations,
            "candidates": candidates,
            "missing": missing,
            "lr_scale": lr_scale,
        }
        check_relation_settings(name, cfg)
        for label in symmetric:
            refuse_variable(name, "symmetric", label)
        super().__init__(vocab, model, name, loss=loss, scorer=scorer, cfg=cfg)

    @property
    def key(self) -> str:
        """Key of doc.spans, for predicted and gold relations."""
        return str(self.cfg["relations_key"])

    @property
    def span_labels(self) -> tuple[str, ...]:
        """Labels of the gold spans of the training."""
        return tuple(self.model.attrs["span_labels"])

    def predict(self, docs: Iterable[Doc]) -> list[tuple[DocSpans, ScoredRelations]]:
        """Score all pairs of spans of a batch of documents, without changing them.

        RETURNS: the spans of each document, and the relations between them.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        self._require_initialized()
        docs = list(docs)
        cuts = label_cuts(self.name, self.labels, self.cfg)
        check_relation_settings(self.name, self.cfg)
        check_symmetric(self.name, self.labels, self.cfg)
        batch = [DocSpans(doc, self._find_spans(doc)) for doc in docs]
        found = predict_relations(self.model, batch, cuts, self.cfg)
        if found.full and self._n_updates > BEGINNING:
            self._warn_once("max_relations", describe_full_relations(self.name, *found.full[0]))
        return list(zip(batch, found.relations, strict=True))

    def set_annotations(
        self, docs: Iterable[Doc], relations: list[tuple[DocSpans, ScoredRelations]]
    ) -> None:
        """Write the relations of each document.

        relations: from predict.
        """
        labels = self.labels
        for doc, ((_, spans), found) in zip(docs, relations, strict=True):
            columns = zip(*(column.tolist() for column in found), strict=True)
            # By name: a component sourced from another pipeline has that pipeline's vocab.
            given = (
                Relation(Span(doc, *spans[head]), Span(doc, *spans[child]), labels[label], score)
                for label, head, child, score in columns
            )
            set_relations(doc, given, self.key)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from a batch of examples.

        drop (share): dropout rate.
        RETURNS: losses, with the loss of the batch added under the component's name.
        RAISES (ValueError): a label that the component does not have.
        """
        examples = list(examples)
        validate_examples(examples, "RelationPointer.update")
        read = self._read(examples)
        docs, batch = [example.predicted for example in examples], [spans for spans, _ in read]
        return self._learn(docs, partial(self._loss_of, read), drop, sgd, losses, batch)

    def get_loss(
        self, examples: Iterable[Example], rows: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Loss of a batch, summed over documents and labels, and its gradient.

        rows: output of the model for each document.
        RETURNS: the loss, and the gradient of the rows; zero for documents that are not annotated.
        RAISES (ValueError): a label that the component does not have.
        """
        return self._loss_of(self._read(examples), rows)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Find the labels and the sizes of the model, and check the training data and the config.

        get_examples: returns examples with gold relations; all are read.
        nlp: the pipeline, whose config is checked.
        labels: in the order to use; None for those of the examples, sorted.
        RAISES (ValueError): no labels, or examples without any gold relations and no labels;
            annotating_components without their encoder.
        """
        validate_get_examples(get_examples, "RelationPointer.initialize")
        if nlp is not None:
            check_annotating(self.name, self.cfg, nlp)
        for label in labels or ():
            self.add_label(label)
        reader = self._make_reader()
        sample: list[DocSpans] = []
        for example in get_examples():
            read = reader.read(example)
            if len(sample) < 10 and len(example.predicted):
                sample.append(read.spans)
        if not self.labels and not reader.documents:
            raise ValueError(
                f"'{self.name}' needs gold relations or labels to initialize, but no document of "
                f"the training data has them in doc.spans[{self.key!r}]. {NO_RELATIONS}"
            )
        for label in sorted(reader.labels) if labels is None else ():
            self.add_label(label)
        self._require_labels()
        self.cfg["symmetric"] = find_symmetric(self.name, self.labels, self.cfg)
        self.model.attrs.update(span_labels=[], type_pairs=[])
        self._remember(reader)
        if nlp is not None:
            self._warn_once("source", describe_source(self.name, self.cfg, nlp))
            self._warn_once("rivals", describe_rivals(self.name, self.key, nlp))
            self._warn_once("weights", describe_relation_weights(self.name, self.cfg, nlp))
            self._warn_once("rate", describe_rate(self.name, nlp))
        self._resize()
        self._n_updates = 0
        self.model.initialize(X=sample or [DocSpans(Doc(self.vocab, words=["a"]), [])])

    def _make_reader(self) -> RelationReader:
        return RelationReader(self.cfg)

    def _read(self, examples: Iterable[Example]) -> list[TrainingSpans]:
        """Find what to learn from a batch, and remember which labels of spans go together."""
        reader = self._make_reader()
        read = [reader.read(example) for example in examples]
        self._remember(reader)
        if reader.unpredicted and reader.unpredicted == sum(own is not None for _, own in read):
            self._warn_once("source", describe_unpredicted(self.name, self.cfg))
        for _, relations in read:
            check_relation_labels(self.name, self.labels, relations or ())
        if read and all(relations is None for _, relations in read):
            self._warn_once(
                "no group",
                f"'{self.name}' learns nothing from a batch of {len(read)} documents: none has "
                f"relations in doc.spans[{self.key!r}]. {NO_RELATIONS}",
            )
        return read

    @plain_torch()
    def _loss_of(
        self, read: Sequence[TrainingSpans], rows: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        tables = PairTables(self.model, [spans for spans, _ in read], rows, self.cfg)
        gold = {i: own for i, (_, own) in enumerate(read) if own is not None}
        return relation_loss(tables, gold, self.loss)

    def _remember(self, reader: RelationReader) -> None:
        """Add the labels of gold spans, and which of them a relation joins, to the model."""
        attrs = self.model.attrs
        new = reader.span_labels - set(self.span_labels)
        attrs["span_labels"] = [*self.span_labels, *sorted(new)]
        if new and self.model.has_dim("nI"):
            resize_span_labels(self.model)
        known = {tuple(pair) for pair in attrs["type_pairs"]}
        attrs["type_pairs"] = [list(pair) for pair in sorted(known | reader.type_pairs)]
        if reader.lost:
            self._warn_once(*reader.account(self.name))

    def _find_spans(self, doc: Doc) -> Sequence[LabelledSpan]:
        found = find_spans(doc, self.cfg["spans"])
        if found is None:
            if len(doc):
                self._warn_once("no spans", describe_no_spans(self.name, self.cfg, doc))
            return []
        if found.n_left_out and self._n_updates > FIRST_PASSES:
            self._warn_once(
                "crowded", describe_many_spans(self.name, self.cfg, doc, found.n_left_out)
            )
        new = {span.label for span in found.spans} - set(self.span_labels)
        if new:
            self._warn_once("new labels", describe_new_labels(self.name, new))
        return found.spans
