"""The trainable component: scores every span of a document for every label at once."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import NOTHING_SEEN
from ..nn import RowLayout
from .descriptions import describe_labels
from .gold import NO_GROUP, GoldReader
from .labelled import BEGINNING, FIRST_PASSES
from .limits import describe_crowded, describe_full, describe_length, longest_span, with_margin
from .one_span import describe_one_span
from .partial import (
    annotation_loss,
    check_known,
    check_loss_of_wrong,
    describe_no_wrong,
    read_annotation,
    read_wrong,
    weigh_labels,
)
from .prediction import Prediction, ScoredSpans, predict_spans
from .rehearsal import RehearsingPipe
from .settings import AUTO, check_model, check_settings, label_cuts, warn_of_config
from .soft_targets import SoftReader, check_soft
from .tables import Tables, plain_torch
from .vectors import describe_without_vector, tokens_without_vector


class GlobalPointer(RehearsingPipe):
    """Find nested, overlapping or flat spans by scoring every span for every label."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "global_pointer",
        *,
        loss: SpanLoss,
        spans_key: str = "sc",
        threshold: float = 0.5,
        label_thresholds: Sequence[Sequence[str | float]] = (),
        max_length: str | int | None = AUTO,
        max_spans: int | None = None,
        one_per_label: bool = False,
        allow_overlap: bool = True,
        annotate_ents: bool = False,
        ents_filter: Callable[[Iterable[Span], Iterable[Span]], Iterable[Span]] | None = None,
        missing: str = "skip",
        incorrect_spans_key: str | None = None,
        label_weights: Sequence[Sequence[str | float]] = (),
        adversarial: float = 0.0,
        lr_scale: float = 1.0,
        soft_spans_key: str | None = None,
        soft_weight: float = 0.5,
        soft_rehearsal: bool = False,
        scorer: Callable | None = None,
    ) -> None:
        """Make the component.

        vocab: the shared vocabulary.
        model: an architecture of this package.
        name: of the component in its pipeline.
        loss: from factors and gold spans to a loss (b, c).
        spans_key: of doc.spans, for predicted and for gold spans.
        threshold (probability): lowest score of a span; 0.5 is the boundary that the loss learns.
        label_thresholds (pairs of label and probability): override threshold.
        max_length (tokens): longest span, in training and prediction; "auto" for the longest of the
            training data plus a margin, None for no limit.
        max_spans (spans): most spans of a document; the best are kept. None for ten per token.
        one_per_label: True keeps the best span of each label in a document.
        allow_overlap: False keeps the best set of spans that share no token.
        annotate_ents: also write doc.ents.
        ents_filter: (entities, spans) -> entities without overlap, as in span_ruler.
        missing: what a training document without the group means: "skip" (not annotated) or
            "negative" (no spans in it).
        incorrect_spans_key: of doc.spans, for spans known to be wrong, which say something where a
            document is not annotated; None for none.
        label_weights (pairs of label and number): what the loss of a label counts, instead of 1.
        adversarial (share): learn each batch once more, with its vectors moved by this share of
            their length; 0 for not. See `learn_moved`.
        lr_scale: learning rate of the head, as a multiple of the encoder's.
        soft_spans_key: of doc.spans, for soft targets: spans with their probabilities, such as
            those of a teacher. None for none.
        soft_weight (share): of the soft targets where a document is annotated as well.
        soft_rehearsal: rehearse the probabilities of what was known, not the spans.
        scorer: of the pipeline's predictions.
        RAISES (ValueError): invalid settings, a model of another component.
        """
        check_model(name, model, RowLayout, "EfficientGlobalPointer.v1")
        self.ents_filter = ents_filter
        cfg = {
            "spans_key": spans_key,
            "threshold": threshold,
            "label_thresholds": [list(pair) for pair in label_thresholds],
            "max_length": max_length,
            "max_spans": max_spans,
            "one_per_label": one_per_label,
            "allow_overlap": allow_overlap,
            "annotate_ents": annotate_ents,
            "missing": missing,
            "incorrect_spans_key": incorrect_spans_key,
            "label_weights": [list(pair) for pair in label_weights],
            "adversarial": adversarial,
            "lr_scale": lr_scale,
            "soft_spans_key": soft_spans_key,
            "soft_weight": soft_weight,
            "soft_rehearsal": soft_rehearsal,
        }
        check_settings(name, cfg)
        check_soft(name, cfg, loss)
        check_loss_of_wrong(name, cfg, loss)
        super().__init__(vocab, model, name, loss=loss, scorer=scorer, cfg=cfg)

    @property
    def key(self) -> str:
        """Key of doc.spans, for predicted and gold spans."""
        return str(self.cfg["spans_key"])

    @property
    def max_length(self) -> int | None:
        """Longest span in tokens, as set or as learned; None for no limit."""
        return longest_span(self.model, self.cfg)

    def predict(self, docs: Iterable[Doc]) -> list[ScoredSpans]:
        """Score all spans of a batch of documents, without changing them.

        RETURNS: the spans of each document.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        docs = list(docs)
        cuts = self._prepare(docs)
        return self._report(docs, predict_spans(self.model, docs, cuts, self.cfg))

    def _prepare(self, docs: Sequence[Doc]) -> tuple[float, ...]:
        """Check what a prediction needs, and warn of long texts. RETURNS: cuts of the labels."""
        self._require_ready()
        cuts = label_cuts(self.name, self.labels, self.cfg)
        seen = self.model.attrs["longest_text"]
        self._warn_once(*describe_length(self.name, docs, self.max_length, seen))
        return cuts

    def _report(self, docs: Sequence[Doc], found: Prediction) -> list[ScoredSpans]:
        """Warn of what a prediction lacks. RETURNS: its spans."""
        if found.no_vector:
            self._warn_once(*describe_without_vector(self.name, docs, found.no_vector))
        if found.full and self._n_updates > BEGINNING:
            self._warn_once("max_spans", describe_full(self.name, *found.full[0]))
        if found.crowded and self._n_updates > FIRST_PASSES:
            self._warn_once("crowded", describe_crowded(self.name, docs, found.crowded))
        return found.spans

    def set_annotations(self, docs: Iterable[Doc], spans: list[ScoredSpans]) -> None:
        """Write doc.spans[spans_key] with attrs["scores"], and doc.ents if asked.

        spans: from predict.
        """
        key, labels = self.key, self.labels
        for doc, found in zip(docs, spans, strict=True):
            # By name: a component sourced from another pipeline has that pipeline's vocab.
            group = [Span(doc, *span) for span in found.named(labels)]
            doc.spans[key] = SpanGroup(doc, name=key, attrs={"scores": found.score}, spans=group)
            if self.cfg["annotate_ents"]:
                doc.set_ents(list(self.ents_filter(doc.ents, group) if self.ents_filter else group))

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
        validate_examples(examples, "GlobalPointer.update")
        docs = [example.predicted for example in examples]
        losses = self._learn(docs, partial(self.get_loss, examples), drop, sgd, losses)
        self._n_learned = None  # but rehearsal teaches nothing of new labels
        return losses

    @plain_torch()
    def get_loss(
        self, examples: Iterable[Example], rows: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        """Loss of a batch, summed over documents and labels, and its gradient.

        rows: output of the model, (l, width) for each document.
        RETURNS: the loss, and the gradient of the rows; zero for documents that are not annotated.
        RAISES (ValueError): a label that the component does not have.
        """
        examples = list(examples)
        docs = [example.predicted for example in examples]
        tables = Tables(self.model, docs, rows)
        reader, soft = self._make_readers()
        each = zip(examples, tables.has_vector.split(tables.lengths), strict=True)
        known = read_annotation(self.name, self.labels, self.cfg, reader, soft, each)
        self._remember(max(reader.longest, soft.longest), max(map(len, docs), default=0))
        for account in (reader, soft):
            if account.lost:
                self._warn_once(*account.account(self.name))
        if not tables.has_vector.all():
            tokens = tokens_without_vector(tables)
            self._warn_once(*describe_without_vector(self.name, docs, tokens))
        if not (known.gold or known.wrong):
            self._warn_once(
                "no group",
                f"'{self.name}' learns nothing from a batch of {len(docs)} documents: none has "
                f"the span group {self.key!r}, other than for an empty list of labels. {NO_GROUP}",
            )
        weights = weigh_labels(self.name, self.labels, self.cfg)
        self._warn_once(*describe_length(self.name, docs, self.max_length, None))
        return annotation_loss(tables, known, self.loss, self.max_length, weights)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
        descriptions: list[list[str]] | None = None,
    ) -> None:
        """Find the labels and the sizes of the model, and check the training data.

        get_examples: returns examples with gold spans; all are read.
        nlp: the pipeline, whose score weights are compared with spans_key.
        labels: in the order to use; None for those of the examples, sorted.
        descriptions (pairs of label and text): what a model with type_encoder reads of a label,
            other than its name.
        RAISES (ValueError): no labels, or examples without any gold group and no labels; groups of
            labels that do not name these labels; invalid descriptions; a type_encoder that is
            missing or broken.
        """
        validate_get_examples(get_examples, "GlobalPointer.initialize")
        self._add_given(labels)
        (reader, soft), longest, wrong = self._make_readers(), 0, set()
        sample: list[Doc] = []
        groups: set[str] = set()
        for example in get_examples():
            reader.read(example)
            soft.read_targets(example)
            wrong |= read_wrong(self.name, self.cfg, example, reader)
            groups.update(example.reference.spans)
            longest = max(longest, len(example.predicted))
            if len(sample) < 10 and len(example.predicted):
                sample.append(example.predicted)
        if not self.labels and not reader.documents and not soft.documents:
            raise ValueError(
                f"'{self.name}' needs gold spans or labels to initialize, but no document of the "
                f"training data has the span group {self.key!r}. {NO_GROUP}"
            )
        found = reader.labels if reader.documents else soft.labels
        for label in sorted(found) if labels is None else ():
            self.add_label(label)
        self._require_labels()
        check_known(self.name, self.labels, self.cfg, reader, wrong)
        self.model.attrs["groups"].check(self.name, self.labels)
        if groups:  # none: labels only, as nlp.initialize() and `spacy assemble` have it
            soft.check(self.name, self.labels)
        self.model.attrs.update(NOTHING_SEEN)
        self._remember(max(reader.longest, soft.longest), longest)
        for each in (reader, soft):
            if each.lost:
                self._warn_once(*each.account(self.name))
        if nlp is not None:
            warn_of_config(self.name, self.key, nlp)
        message = describe_one_span(self.name, self.loss, self.cfg["one_per_label"], reader)
        self._warn_once("one span", message)
        self._warn_once("no wrong", describe_no_wrong(self.name, self.cfg, groups))
        describe_labels(self.name, self.model, descriptions)
        self._resize()
        self._n_updates = 0
        self.model.initialize(X=sample or [Doc(self.vocab, words=["a"])])

    def _make_readers(self) -> tuple[GoldReader, SoftReader]:
        # With "auto" the limit grows with the spans that are read.
        fixed = None if self.cfg["max_length"] == AUTO else self.cfg["max_length"]
        return GoldReader(self.key, fixed), SoftReader(self.cfg["soft_spans_key"], fixed)

    def _remember(self, span: int, text: int) -> None:
        """Raise the bounds to the longest span and text (tokens) of the training."""
        known = self.model.attrs
        if span > (known["max_length"] or 0):
            known["max_length"] = with_margin(span)
        known["longest_text"] = max(text, known["longest_text"] or 0)
