"""The trainable component: scores every pair of spans of a document for every relation at once."""

from collections.abc import Callable, Iterable, Sequence

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import DocSpans
from ..nn import PairLayout
from ..relations import Relation, set_relations
from ..spans import LabelledRelation
from .label_tables import refuse_variable
from .labelled import BEGINNING
from .pair_gold import Sources
from .pair_pointer import PairPointer, check_pair_loss
from .relation_gold import RelationReader, check_relation_labels
from .relation_prediction import ScoredRelations, predict_relations
from .relation_settings import check_relation_settings, describe_full_relations, find_symmetric
from .settings import check_model, label_cuts


class RelationPointer(PairPointer):
    """Find relations by scoring every ordered pair of the spans of a document for every label."""

    what = "relations"

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[DocSpans], list[Floats2d]],
        name: str = "relation_pointer",
        *,
        loss: SpanLoss,
        spans: Sources = "sc",
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
        spans: key of doc.spans with the spans to join; None for doc.ents; or a list of such.
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
        RAISES (ValueError): invalid settings, a model or a loss of another component.
        """
        check_model(name, model, PairLayout, "SpanPairs.v1")
        check_pair_loss(name, loss)
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

    def predict(self, docs: Iterable[Doc]) -> list[tuple[DocSpans, ScoredRelations]]:
        """Score all pairs of spans of a batch of documents, without changing them.

        RETURNS: the spans of each document, and the relations between them.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        self._require_ready()
        docs = list(docs)
        cuts = label_cuts(self.name, self.labels, self.cfg)
        self._check_settings()
        batch = [DocSpans(doc, self._find_spans(doc).spans) for doc in docs]
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

    def _check_settings(self) -> None:
        check_relation_settings(self.name, self.cfg)
        self.cfg["symmetric"] = find_symmetric(self.name, self.labels, self.cfg)

    def _check_gold(self, gold: Iterable[LabelledRelation]) -> None:
        check_relation_labels(self.name, self.labels, gold)

    def _make_reader(self) -> RelationReader:
        return RelationReader(self.cfg)
