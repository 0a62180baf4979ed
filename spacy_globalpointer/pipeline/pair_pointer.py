"""What components that score pairs of spans share: finding the spans, and learning the edges."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from thinc.api import Optimizer
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..models import DocSpans, resize_span_labels
from ..spans import LabelledRelation
from .labelled import FIRST_PASSES, LabelledPipe
from .one_span import is_of_one_span
from .pair_gold import FoundSpans, PairReader, TrainingSpans, describe_no_gold, find_spans
from .pair_settings import (
    check_annotating,
    describe_many_spans,
    describe_new_labels,
    describe_no_spans,
    describe_pair_weights,
    describe_source,
    describe_unpredicted,
)
from .relation_learning import relation_loss
from .relation_tables import PairTables
from .settings import describe_rate, describe_rivals
from .tables import plain_torch


class PairPointer(LabelledPipe):
    """Scores every ordered pair of the spans of a document for every label.

    what: it finds, as in the names of its settings: "relations" or "events".
    """

    what: str
    # Of each component: the rules of its settings and of gold labels, and what reads gold.
    _check_settings: Callable[[], None]
    _check_gold: Callable[[Iterable[LabelledRelation]], None]
    _make_reader: Callable[[], PairReader]

    @property
    def key(self) -> str:
        """Key of doc.spans, for what is predicted and for gold."""
        return str(self.cfg[f"{self.what}_key"])

    @property
    def pair_settings(self) -> dict[str, Any]:
        """The settings of the edges, as `PairTables` and `find_and_score_relations` read them."""
        return self.cfg

    @property
    def span_labels(self) -> tuple[str, ...]:
        """Labels of the gold spans of the training."""
        return tuple(self.model.attrs["span_labels"])

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
        validate_examples(examples, f"{type(self).__name__}.update")
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

        get_examples: returns examples with gold; all are read.
        nlp: the pipeline, whose config is checked.
        labels: in the order to use; None for those of the examples, sorted.
        RAISES (ValueError): no labels, or examples without any gold and no labels;
            annotating_components without their encoder.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        if nlp is not None:
            check_annotating(self.name, self.cfg, nlp)
        self._add_given(labels)
        self._forget()
        reader = self._make_reader()
        sample: list[DocSpans] = []
        for example in get_examples():
            read = reader.read(example)
            if len(sample) < 10 and len(example.predicted):
                sample.append(read.spans)
        if not self.labels and not reader.documents:
            raise ValueError(
                f"'{self.name}' needs gold {self.what} or labels to initialize, but no document "
                f"of the training data has them in doc.spans[{self.key!r}]. "
                + describe_no_gold(self.what)
            )
        for label in sorted(reader.labels) if labels is None else ():
            self.add_label(label)
        self._require_labels()
        self._check_settings()
        self._remember(reader)
        if nlp is not None:
            self._check_config(nlp)
        self._resize()
        self._n_updates = 0
        self.model.initialize(X=sample or [DocSpans(Doc(self.vocab, words=["a"]), [])])

    def _check_config(self, nlp: Language) -> None:
        weights = describe_pair_weights(self.name, self.what, self.cfg, nlp)
        self._warn_once("source", describe_source(self.name, self.cfg, nlp))
        self._warn_once("rivals", describe_rivals(self.name, self.key, nlp))
        self._warn_once("weights", weights)
        self._warn_once("rate", describe_rate(self.name, nlp))

    def _read(self, examples: Iterable[Example]) -> list[TrainingSpans]:
        """Find what to learn from a batch, and remember which labels of spans go together."""
        reader = self._make_reader()
        read = [reader.read(example) for example in examples]
        for _, edges in read:  # before anything is remembered of a batch that is refused
            self._check_gold(edges or ())
        self._remember(reader)
        if reader.unpredicted and reader.unpredicted == sum(own is not None for _, own in read):
            self._warn_once("source", describe_unpredicted(self.name, self.cfg))
        if read and all(edges is None for _, edges in read):
            self._warn_once(
                "no group",
                f"'{self.name}' learns nothing from a batch of {len(read)} documents: none has "
                f"{self.what} in doc.spans[{self.key!r}]. {describe_no_gold(self.what)}",
            )
        return read

    @plain_torch()
    def _loss_of(
        self, read: Sequence[TrainingSpans], rows: list[Floats2d]
    ) -> tuple[float, list[Floats2d]]:
        batch = [spans for spans, _ in read]
        tables = PairTables(self.model, batch, rows, self.pair_settings)
        gold = {i: own for i, (_, own) in enumerate(read) if own is not None}
        return relation_loss(tables, gold, self.loss)

    def _forget(self) -> None:
        """Leave nothing of an earlier training, but for its labels."""
        self.model.attrs.update(span_labels=[], type_pairs=[])

    def _remember(self, reader: Any) -> None:
        """Add the labels of gold spans, and which of them an edge joins, to the model.

        reader: the component's own, after it has read.
        """
        attrs = self.model.attrs
        new = reader.span_labels - set(self.span_labels)
        attrs["span_labels"] = [*self.span_labels, *sorted(new)]
        if new and self.model.has_dim("nI"):
            resize_span_labels(self.model)
        known = {tuple(pair) for pair in attrs["type_pairs"]}
        attrs["type_pairs"] = [list(pair) for pair in sorted(known | reader.type_pairs)]
        if reader.lost:
            self._warn_once(*reader.account(self.name))

    def _find_spans(self, doc: Doc) -> FoundSpans:
        """The spans to join, with a warning if some are missing."""
        sources = self.cfg["spans"]
        found = find_spans(doc, sources)
        missing = sources if found is None else found.missing
        if len(doc) and (found is None or found.missing):
            self._warn_once("no spans", describe_no_spans(self.name, missing, doc))
        if found is None:
            return FoundSpans([], {}, 0, [])
        if found.n_left_out and self._n_updates > FIRST_PASSES:
            self._warn_once(
                "crowded", describe_many_spans(self.name, self.cfg, doc, found.n_left_out)
            )
        new = {span.label for span in found.spans} - set(self.span_labels)
        if new:
            self._warn_once("new labels", describe_new_labels(self.name, new))
        return found


def check_pair_loss(name: str, loss: SpanLoss) -> None:
    """Refuse a loss of ours that reads the borders of spans, which pairs do not have.

    name: of the component, for the message.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if is_of_one_span(loss):
        raise ValueError(
            f"'{name}' scores pairs of spans, but ExpectedF1 is a loss of spans, which consist of "
            f'tokens. To fix: write @losses = "spacy_globalpointer.ZLPR.v1" into '
            f"[components.{name}.loss]"
        )
    share = getattr(loss, "keywords", {}).get("boundary_smoothing", 0.0)
    if share:
        raise ValueError(
            f"'{name}': boundary_smoothing must be 0.0, because pairs of spans have no borders to "
            f"smooth, was: {share}. To fix: label_smoothing smooths relations and events as well"
        )
