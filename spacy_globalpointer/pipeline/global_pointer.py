"""The trainable component: scores every span of a document at once, for every label."""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import NOTHING_SEEN, finish_update
from .alignment import NO_GROUP, GoldReader, label_cells
from .labelled import LabelledPipe
from .learning import batch_loss, what_was_known
from .prediction import ScoredSpans, predict_spans
from .settings import (
    AUTO,
    check_model,
    check_settings,
    describe_full,
    describe_long,
    label_cuts,
    warn_of_config,
)
from .tables import Tables
from .vectors import describe_without_vector

# Updates in which a new head finds spans everywhere, which is no news.
BEGINNING = 20

# A child process forked from one whose torch has run on several threads hangs at its first
# parallel operation: the threads are not there any more.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class GlobalPointer(LabelledPipe):
    """Find nested, overlapping or flat spans by scoring every span for every label."""

    _rehearsal_model: Model | None = None  # set by nlp.resume_training
    # Since initialisation; a pipeline that is loaded has long begun.
    _n_updates = BEGINNING + 1

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
        allow_overlap: bool = True,
        annotate_ents: bool = False,
        ents_filter: Callable[[Iterable[Span], Iterable[Span]], Iterable[Span]] | None = None,
        missing: str = "skip",
        lr_scale: float = 1.0,
        scorer: Callable | None = None,
    ) -> None:
        """Make the component.

        vocab: the shared vocabulary.
        model: an architecture of this package.
        name: of the component in its pipeline.
        loss: from factors and gold spans to a loss (b, c).
        spans_key: of doc.spans, for predicted and for gold spans.
        threshold (probability): lowest score of a span; 0.5 is the boundary that the loss learns.
        label_thresholds (pairs of label and probability): go before threshold.
        max_length (tokens): longest span, in training and prediction; "auto" for that of the
            training data with a margin, None for no limit.
        max_spans (spans): most spans of a document, best first; None for ten a token.
        allow_overlap: False keeps the best set of spans without a common token.
        annotate_ents: also write doc.ents.
        ents_filter: (entities, spans) -> entities without overlap, as in span_ruler.
        missing: what a training document without the group means: "skip" (not annotated) or
            "negative" (no spans in it).
        lr_scale: learning rate of the head, as a multiple of the encoder's.
        scorer: of the pipeline's predictions.
        RAISES (ValueError): settings that mean nothing, a model of another component.
        """
        check_model(name, model)
        self.vocab = vocab
        self.model = model
        self.name = name
        self.loss = loss
        self.ents_filter = ents_filter
        self.scorer = scorer
        # Read when called: `spacy find-threshold` replaces it. Not serialised: the config has it.
        self.cfg: dict[str, Any] = {
            "spans_key": spans_key,
            "threshold": threshold,
            "label_thresholds": [list(pair) for pair in label_thresholds],
            "max_length": max_length,
            "max_spans": max_spans,
            "allow_overlap": allow_overlap,
            "annotate_ents": annotate_ents,
            "missing": missing,
            "lr_scale": lr_scale,
        }
        check_settings(name, self.cfg)
        self._warned: set[str] = set()

    @property
    def key(self) -> str:
        """Key of doc.spans, for predicted and gold spans."""
        return str(self.cfg["spans_key"])

    def predict(self, docs: Iterable[Doc]) -> list[ScoredSpans]:
        """Score all spans of a batch of documents, without changing them.

        RETURNS: the spans of each document.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        self._require_initialized()
        cuts = label_cuts(self.name, self.labels, self.cfg)
        docs = list(docs)
        spans, full = predict_spans(self.model, docs, cuts, self.cfg, watch=self._warn_of_vectors)
        if self.max_length is None and (longest := self.model.attrs["longest_text"]):
            self._warn_once("long", describe_long(self.name, docs, longest))
        if full and self._n_updates > BEGINNING:
            self._warn_once("max_spans", describe_full(self.name, *full[0]))
        return spans

    def set_annotations(self, docs: Iterable[Doc], spans: list[ScoredSpans]) -> None:
        """Write doc.spans[spans_key] with attrs["scores"], and doc.ents if asked.

        spans: from predict.
        """
        for doc, found in zip(docs, spans, strict=True):
            rows = zip(*(column.tolist() for column in found[:3]), strict=True)
            # By its name: a component that came from another pipeline has the vocab of that one.
            group = [Span(doc, start, end, self.labels[label]) for label, start, end in rows]
            doc.spans[self.key] = SpanGroup(
                doc, name=self.key, attrs={"scores": found.score}, spans=group
            )
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
        RETURNS: losses, to which the loss of the batch is added under the component's name.
        RAISES (ValueError): a label that the component does not have.
        """
        examples = list(examples)
        validate_examples(examples, "GlobalPointer.update")
        docs = [example.predicted for example in examples]
        return self._learn(docs, partial(self.get_loss, examples), drop, sgd, losses)

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
        reader, gold = self._make_reader(), {}
        for place, example in enumerate(examples):
            spans = reader.read(example)
            if spans is not None or self.cfg["missing"] == "negative":
                cells = label_cells(self.name, self.labels, spans or set())
                gold[place] = {cell for cell in cells if tables.can_border(place, *cell[1:])}
                reader.lose(self.labels[label] for label, *_ in cells - gold[place])
        self._remember(reader.longest, max(map(len, docs), default=0))
        self._warn_once(*reader.account(self.name))
        self._warn_of_vectors(docs, tables)
        if not gold:
            self._warn_once(
                "no group",
                f"'{self.name}' learns nothing from a batch of {len(docs)} documents: none has "
                f"the span group {self.key!r}. {NO_GROUP}",
            )
        return batch_loss(tables, gold, self.loss, self.max_length)

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn the spans that the model found when `nlp.resume_training` was called.

        RETURNS: losses, to which the loss of the batch is added under the component's name.
        RAISES (ValueError): the encoder is another component of the pipeline.
        """
        docs = [example.predicted for example in examples]
        losses = {} if losses is None else losses
        if self._rehearsal_model is None:
            return losses
        gold, n_labels = what_was_known(self.name, self._rehearsal_model, docs, self.cfg)

        def get_loss(rows: list[Floats2d]) -> tuple[float, list[Floats2d]]:
            tables = Tables(self.model, docs, rows)
            return batch_loss(tables, gold, self.loss, self.max_length, n_labels=n_labels)

        losses = self._learn(docs, get_loss, drop, None, losses)
        if sgd:
            # `nlp.rehearse` collects the gradients with a function that takes no lr_scale.
            self.model.finish_update(sgd)
        return losses

    def _learn(
        self,
        docs: list[Doc],
        get_loss: Callable[[list[Floats2d]], tuple[float, list[Floats2d]]],
        drop: float,
        sgd: Optimizer | None,
        losses: dict[str, float] | None,
    ) -> dict[str, float]:
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not any(len(doc) for doc in docs):
            return losses
        self._require_initialized()
        self._n_updates += 1
        set_dropout_rate(self.model, drop)
        rows, backprop = self.model.begin_update(docs)
        loss, d_rows = get_loss(rows)
        # Also without any gold: the last listener triggers the shared encoder's own backprop.
        backprop(d_rows)
        if sgd:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the encoder at the optimizer's learning rate, the head at lr_scale times it."""
        finish_update(self.model, sgd, self.cfg["lr_scale"])

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Find the labels and the sizes of the model, and look the training data over.

        get_examples: gives examples with gold spans; all are read.
        nlp: the pipeline, whose score weights are compared with spans_key.
        labels: in this order; None for those of the examples, sorted.
        RAISES (ValueError): no labels, or examples without any gold group and no labels.
        """
        validate_get_examples(get_examples, "GlobalPointer.initialize")
        for label in labels or ():
            self.add_label(label)
        reader, longest = self._make_reader(), 0
        sample: list[Doc] = []
        for example in get_examples():
            reader.read(example)
            longest = max(longest, len(example.predicted))
            if len(sample) < 10 and len(example.predicted):
                sample.append(example.predicted)
        if not self.labels and not reader.documents:
            raise ValueError(
                f"'{self.name}' needs gold spans or labels to initialize, but no document of the "
                f"training data has the span group {self.key!r}. {NO_GROUP}"
            )
        for label in sorted(reader.labels) if labels is None else ():
            self.add_label(label)
        self._require_labels()
        self.model.attrs.update(NOTHING_SEEN)
        self._remember(reader.longest, longest)
        self._warn_once(*reader.account(self.name))
        if nlp is not None:
            warn_of_config(self.name, self.key, nlp)
        self._resize()
        self._n_updates = 0
        self.model.initialize(X=sample or [Doc(self.vocab, words=["a"])])

    def _make_reader(self) -> GoldReader:
        # What "auto" allows grows with the spans that are read.
        fixed = None if self.cfg["max_length"] == AUTO else self.cfg["max_length"]
        return GoldReader(self.key, fixed)

    def _warn_of_vectors(self, docs: Sequence[Doc], tables: Tables) -> None:
        self._warn_once(*describe_without_vector(self.name, docs, tables))
