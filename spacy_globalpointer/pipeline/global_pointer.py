"""The trainable component: scores every span of a document at once, for every label."""

import os
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

import torch
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import resize_output
from .alignment import NO_GROUP, GoldSpan, TrainingData, describe_lost, look_over
from .learning import Cell, batch_loss
from .prediction import ScoredSpans, predict_spans
from .settings import check_settings, label_cuts, warn_of_config

# A child process forked from one whose torch has run on several threads hangs at its first
# parallel operation: the threads are not there any more.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class GlobalPointer(TrainablePipe):
    """Find nested, overlapping or flat spans by scoring every span for every label."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[List[Doc], List[Floats2d]],
        name: str = "global_pointer",
        *,
        loss: SpanLoss,
        spans_key: str = "sc",
        threshold: float = 0.5,
        label_thresholds: Sequence[Sequence[Union[str, float]]] = (),
        max_length: Optional[int] = None,
        max_spans: Optional[int] = None,
        allow_overlap: bool = True,
        annotate_ents: bool = False,
        ents_filter: Optional[Callable[[Iterable[Span], Iterable[Span]], Iterable[Span]]] = None,
        missing: str = "skip",
        lr_scale: float = 1.0,
        scorer: Optional[Callable] = None,
    ) -> None:
        """Make the component.

        vocab: the shared vocabulary.
        model: an architecture of this package.
        name: of the component in its pipeline.
        loss: from factors and gold spans to a loss (b, c).
        spans_key: of doc.spans, for predicted and for gold spans.
        threshold (probability): lowest score of a span; 0.5 is the boundary that the loss learns.
        label_thresholds (pairs of label and probability): go before threshold.
        max_length (tokens): longest span, in training and prediction; None for no limit.
        max_spans (spans): most spans of a document, best first; None for ten a token.
        allow_overlap: False keeps the best set of spans without a common token.
        annotate_ents: also write doc.ents.
        ents_filter: (entities, spans) -> entities without overlap, as in span_ruler.
        missing: what a training document without the group means: "skip" (not annotated) or
            "negative" (no spans in it).
        lr_scale: learning rate of the head, as a multiple of the encoder's.
        scorer: of the pipeline's predictions.
        RAISES (ValueError): settings that mean nothing.
        """
        self.vocab = vocab
        self.model = model
        self.name = name
        self.loss = loss
        self.ents_filter = ents_filter
        self.scorer = scorer
        # Read when called: `spacy find-threshold` replaces it. Not serialised: the config has it.
        self.cfg: Dict[str, Any] = {
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
        self._rehearsal_model: Optional[Model] = None
        self._warned: Set[str] = set()

    @property
    def key(self) -> str:
        """Key of doc.spans, for predicted and gold spans."""
        return str(self.cfg["spans_key"])

    @property
    def labels(self) -> Tuple[str, ...]:
        """The labels, in the order of the model's output."""
        return tuple(self.model.attrs["labels"])

    @property
    def label_data(self) -> List[str]:
        """What `spacy init labels` writes and `initialize` takes."""
        return list(self.labels)

    @property
    def is_resizable(self) -> bool:
        """Labels can be added at any time."""
        return True

    def add_label(self, label: str) -> int:
        """Add a label; after initialisation the model grows, and old labels keep their scores.

        RETURNS: 0 if the label was already there, otherwise 1.
        RAISES (ValueError): a label that is no string, or an empty one.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(f"{Errors.E187} Must be a string that is not empty, was: {label!r}")
        if label in self.labels:
            return 0
        self.model.attrs["labels"] = [*self.labels, label]
        self.vocab.strings.add(label)
        if self.model.has_dim("nI"):
            resize_output(self.model, len(self.labels))
        return 1

    def predict(self, docs: Iterable[Doc]) -> List[ScoredSpans]:
        """Score all spans of a batch of documents, without changing them.

        RETURNS: the spans of each document.
        RAISES (ValueError): not initialized, or token vectors that are not finite.
        """
        self._require_initialized()
        cuts = label_cuts(self.name, self.labels, self.cfg)
        spans, full = predict_spans(self.model, list(docs), cuts, self.cfg)
        if full:
            self._warn_once(
                f"'{self.name}' kept only the best {full[0][1]} spans of the document "
                f"{full[0][0].text[:60]!r}: more reach the threshold than max_spans allows. "
                "Repair: a higher threshold, or a higher max_spans",
                topic="max_spans",
            )
        return spans

    def set_annotations(self, docs: Iterable[Doc], spans: List[ScoredSpans]) -> None:
        """Write doc.spans[spans_key] with attrs["scores"], and doc.ents if asked.

        spans: from predict.
        """
        hashes = [self.vocab.strings[label] for label in self.labels]
        for doc, found in zip(docs, spans, strict=True):
            rows = zip(*(column.tolist() for column in found[:3]), strict=True)
            group = [Span(doc, start, end, label=hashes[label]) for label, start, end in rows]
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
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples.

        drop (share): dropout rate.
        RETURNS: losses, to which the loss of the batch is added under the component's name.
        RAISES (ValueError): a label that the component does not have.
        """
        examples = list(examples)
        validate_examples(examples, "GlobalPointer.update")
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if not any(len(example.predicted) for example in examples):
            return losses
        self._require_initialized()
        set_dropout_rate(self.model, drop)
        rows, backprop = self.model.begin_update([example.predicted for example in examples])
        loss, d_rows = self.get_loss(examples, rows)
        # Also without any gold: the last listener triggers the shared encoder's own backprop.
        backprop(d_rows)
        if sgd:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], rows: List[Floats2d]
    ) -> Tuple[float, List[Floats2d]]:
        """Loss of a batch, summed over documents and labels, and its gradient.

        rows: output of the model, (l, width) for each document.
        RETURNS: the loss, and the gradient of the rows; zero for documents that are not annotated.
        RAISES (ValueError): a label that the component does not have.
        """
        examples = list(examples)
        data = look_over(examples, self.key, self.cfg["max_length"])
        self._warn_of(data)
        gold = {i: self._cells(spans) for i, spans in data.gold.items()}
        if self.cfg["missing"] == "negative":
            gold = {i: gold.get(i, set()) for i in range(len(examples))}
        elif not gold:
            self._warn_once(
                f"'{self.name}' learns nothing from a batch of {len(examples)} documents: none has "
                f"the span group {self.key!r}. {NO_GROUP}",
                topic="no group",
            )
        docs = [example.predicted for example in examples]
        return batch_loss(self.model, docs, rows, gold, self.loss, self.cfg["max_length"])

    def rehearse(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn the spans that the model found when `nlp.resume_training` was called.

        RETURNS: losses, to which the loss of the batch is added under the component's name.
        """
        docs = [example.predicted for example in examples]
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        if self._rehearsal_model is None or not any(len(doc) for doc in docs):
            return losses
        # Labels that came later are not rehearsed.
        cuts = [0.0] * self._rehearsal_model.get_dim("nO")
        wanted, _ = predict_spans(self._rehearsal_model, docs, cuts, self.cfg)
        gold = {i: spans.cells() for i, spans in enumerate(wanted)}
        set_dropout_rate(self.model, drop)
        rows, backprop = self.model.begin_update(docs)
        loss, d_rows = batch_loss(
            self.model, docs, rows, gold, self.loss, self.cfg["max_length"], n_labels=len(cuts)
        )
        backprop(d_rows)
        if sgd:
            self.model.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the encoder at the optimizer's learning rate, the head at lr_scale times it."""
        encoder = self.model.get_ref("tok2vec")
        encoder.finish_update(sgd)
        inside = {node.id for node in encoder.walk()}
        for node in self.model.walk():
            for name in node.param_names:
                if node.id not in inside and node.has_grad(name):
                    weights, gradient = node.get_param(name), node.get_grad(name)
                    key = (node.id, name)
                    weights, _ = sgd(key, weights, gradient, lr_scale=self.cfg["lr_scale"])
                    node.set_param(name, weights)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
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
        data = look_over(get_examples(), self.key, self.cfg["max_length"])
        if not self.labels and not data.gold:
            raise ValueError(
                f"'{self.name}' needs gold spans or labels to initialize, but no document of the "
                f"training data has the span group {self.key!r}. {NO_GROUP}"
            )
        for label in sorted(data.labels) if labels is None else ():
            self.add_label(label)
        self._require_labels()
        self._warn_of(data)
        if nlp is not None:
            warn_of_config(self.name, self.key, nlp)
        resize_output(self.model, len(self.labels))
        self.model.initialize(X=data.sample or [Doc(self.vocab, words=["a"])])

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Serialise the model, which holds the labels; settings are in the pipeline's config.

        exclude: names of fields to leave out: "vocab", "model".
        """
        return super().to_bytes(exclude=[*exclude, "cfg"])

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "GlobalPointer":
        """Load what to_bytes made."""
        super().from_bytes(bytes_data, exclude=[*exclude, "cfg"])
        return self._with_strings()

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Write the model, which holds the labels; settings are in the pipeline's config.

        exclude: names of fields to leave out: "vocab", "model".
        """
        super().to_disk(path, exclude=[*exclude, "cfg"])

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "GlobalPointer":
        """Load what to_disk wrote."""
        super().from_disk(path, exclude=[*exclude, "cfg"])
        return self._with_strings()

    def _with_strings(self) -> "GlobalPointer":
        for label in self.labels:
            self.vocab.strings.add(label)
        return self

    def _cells(self, gold: Set[GoldSpan]) -> Set[Cell]:
        """Gold spans with the index of their label."""
        indices = {self.vocab.strings[label]: i for i, label in enumerate(self.labels)}
        for span in gold:
            if span.label not in indices:
                raise ValueError(
                    f"'{self.name}' does not know the label {self.vocab.strings[span.label]!r} of "
                    f"a gold span. Its labels are: {', '.join(self.labels)}. Repair: "
                    f"nlp.get_pipe({self.name!r}).add_label(...) before training, or initialize "
                    "with all labels"
                )
        return {(indices[span.label], span.start, span.last) for span in gold}

    def _warn_of(self, data: TrainingData) -> None:
        if data.lost:
            self._warn_once(describe_lost(self.name, data.lost, data.total), topic="lost")

    def _require_initialized(self) -> None:
        self._require_labels()
        if not self.model.has_dim("nI"):
            raise ValueError(Errors.E109.format(name=self.name))

    def _warn_once(self, message: str, topic: str) -> None:
        """Warn unless the topic was warned of before."""
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(message, stacklevel=3)
