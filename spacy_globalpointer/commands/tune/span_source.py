"""Spans to choose thresholds for: all that a low threshold finds, and those that others keep."""

from collections.abc import Iterator, Sequence

import torch
from spacy.training import Example

from ...label_sets import declared_labels
from ...nn import DecodedSpans, to_probability, without_overlap
from ...pipeline.alignment import to_reference
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.prediction import ScoredSpans, predict_spans
from ...pipeline.settings import label_cuts
from ...spans import LabelledSpan
from ..comparison import span_account, spans_on_reference
from .flat import flat_changes
from .floor import Floor


class SpanSource:
    """What `tune` needs to know about spans.

    limit, items: the setting that may leave some out, and what these are called.
    metric: what the names of their scores begin with.
    account: of the gold.
    """

    limit, items = "max_spans", "spans"

    def __init__(self, pipe: GlobalPointer) -> None:
        """Start.

        pipe: the component.
        """
        self.pipe, self.account, self.metric = pipe, span_account(pipe), f"spans_{pipe.key}"

    def predict(
        self, batch: Sequence[Example], cuts: Sequence[float]
    ) -> Iterator[tuple[ScoredSpans, Floor | None]]:
        """Find spans with raw scores.

        cuts (c): raw, of each label.
        YIELDS: those of each document, and its floor if it has more than it may have.
        """
        settings = self.pipe.cfg
        if not settings["allow_overlap"]:
            # Of all spans, those without overlap are chosen later, for every threshold.
            settings = {**settings, "allow_overlap": True, "max_spans": None}
        docs = [example.predicted for example in batch]
        result = predict_spans(self.pipe.model, docs, cuts, settings, raw=True)
        most = {id(doc): n for doc, n in result.full}
        for doc, found in zip(docs, result.spans, strict=True):
            n = most.get(id(doc))
            yield found, None if n is None else Floor(float(found.score.min()), doc.text[:60], n)

    def changes(
        self, example: Example, found: ScoredSpans, lowest: float, floors: list[Floor]
    ) -> Iterator[tuple[LabelledSpan, float, int]]:
        """Spans, the raw score below which a cut changes them, and 1 if they come, -1 if they go.

        floors: that of the document is added if more would be found than max_spans allows.
        """
        cfg = self.pipe.cfg
        if cfg["allow_overlap"]:
            scores = spans_on_reference(example, found, self.pipe).items()
            yield from ((span, score, 1) for span, score in scores)
            return
        spans = to_reference(example, found.named(self.pipe.labels))
        declared = declared_labels(example.reference, self.pipe.key)
        counted = {i for i, span in enumerate(spans) if declared is None or span.label in declared}
        most, n_kept = cfg["max_spans"], 0
        for score, come, gone in flat_changes(found, lowest):
            n_kept += len(come) - len(gone)
            if most is not None and n_kept > most:
                floors.append(Floor(score, example.text[:60], most))
                return
            yield from ((spans[i], score, 1) for i in sorted(counted.intersection(come)))
            yield from ((spans[i], score, -1) for i in sorted(counted.intersection(gone)))

    def keep(self, found: ScoredSpans) -> ScoredSpans:
        """Of all spans of a document with raw scores, those that the component finds, as it would.

        found: no more than max_spans of them above the thresholds.
        """
        pipe = self.pipe
        cuts = torch.tensor(label_cuts(pipe.name, pipe.labels, pipe.cfg))
        label, start, end, score = map(torch.from_numpy, found)
        spans = DecodedSpans(torch.zeros_like(label), label, start, end - 1, score)
        spans = spans.take(score >= cuts[label])
        if not pipe.cfg["allow_overlap"]:
            spans = without_overlap(spans, cuts)
        columns = spans.label, spans.start, spans.last + 1, to_probability(spans.score)
        return ScoredSpans(*(column.numpy() for column in columns))
