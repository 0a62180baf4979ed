"""One prediction pass that collects all that thresholds can be chosen from."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...pipeline.alignment import NO_GROUP
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.prediction import ScoredSpans, predict_spans
from ...pipeline.settings import label_cuts, own_thresholds
from ...spans import LabelledSpan
from ..comparison import GoldAccount, move_found, on_reference, run_before
from .flat import flat_changes
from .thresholds import Candidates, Thresholds

FLAT = (
    "'{name}' has allow_overlap = false: which spans remain then depends on the thresholds of all "
    "labels together, and only one for all labels can be tuned. To fix: remove label_thresholds "
    "from the config.cfg of the pipeline"
)
FULL = (
    "max_spans must leave room for all spans that reach the present thresholds, but documents such "
    "as {text!r} have more than {most}. To fix: a higher max_spans in the config.cfg of the "
    "pipeline, or higher thresholds in it; a model that finds so many has hardly been trained"
)


class Account(NamedTuple):
    """What was found in the documents.

    labels (c): of the columns of Candidates.gold: the component's, then others of the gold spans.
    unannotated (documents): without the span group, and left out.
    notes: what a user should know about the data.
    """

    labels: list[str]
    unannotated: int
    notes: list[str]


def present_thresholds(pipe: GlobalPointer) -> Thresholds:
    """Thresholds that the component has now.

    RAISES (ValueError): settings that mean nothing.
    """
    label_cuts(pipe.name, pipe.labels, pipe.cfg)  # checks them
    own = own_thresholds(pipe.name, pipe.labels, pipe.cfg)
    by_index = {pipe.labels.index(label): threshold for label, threshold in own.items()}
    return Thresholds(float(pipe.cfg["threshold"]), by_index)


def find_candidates(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float
) -> tuple[Candidates, Account]:
    """Predict once, and compare every span above the lowest threshold with the gold spans.

    Spans are counted as `nlp.evaluate` does: on the tokens of the reference, each once, those that
    do not fit these tokens as wrong, documents without the gold group left out.

    name: of the component; later components do not run.
    lowest (probability): spans below are never candidates.
    RAISES (ValueError): thresholds of labels where no overlap is allowed, a lowest threshold above
        those of the component, no documents, no gold.
    """
    pipe: Any = nlp.get_pipe(name)
    pipe.predict([])  # refuses a component that is not initialized
    present = present_thresholds(pipe)
    settings = {**pipe.cfg, "threshold": lowest, "label_thresholds": []}
    if not pipe.cfg["allow_overlap"]:
        if present.own:
            raise ValueError(FLAT.format(name=name))
        # Of all spans, those without overlap are chosen later, for every threshold.
        settings.update(allow_overlap=True, max_spans=None)
    least = min(present.shared, *present.own.values()) if present.own else present.shared
    if not 0 < lowest <= least:
        raise ValueError(
            f"--lowest must be above 0 and not above the present thresholds of {name!r}, of which "
            f"the lowest is {least}, was: {lowest}"
        )
    cuts = label_cuts(name, pipe.labels, settings)
    collector = _Collector(pipe, cuts[0])
    for batch in run_before(nlp, name, examples):
        docs = [example.predicted for example in batch]
        spans, full = predict_spans(pipe.model, docs, cuts, settings, raw=True)
        most = {id(doc): n for doc, n in full}
        for example, doc, found in zip(batch, docs, spans, strict=True):
            collector.add(example, found, most.get(id(doc)))
    return collector.finish(lowest, least)


class _Collector:
    """Candidates and gold spans of the documents so far."""

    def __init__(self, pipe: GlobalPointer, lowest_cut: float) -> None:
        self.pipe = pipe
        self.lowest_cut = lowest_cut
        self.key = pipe.key
        self.labels = {label: i for i, label in enumerate(pipe.labels)}
        self.account = GoldAccount(pipe)
        self.gold: list[dict[int, int]] = []  # spans of each label of each document
        self.rows: list[tuple[int, int, float, bool, int]] = []
        # The fullest document, and the score below which it may lack spans.
        self.full: tuple[float, str, int] = (-math.inf, "", 0)

    def add(self, example: Example, found: ScoredSpans, most: int | None) -> None:
        """Add a document.

        found: with raw scores.
        most (spans): that it may have, if it has more.
        """
        gold = self.account.read(example)
        if gold is None:
            return
        if most is not None:
            self.full = max(self.full, (float(found.score.min()), example.text[:60], most))
        names = sorted(label for _, _, label in gold)
        labels = [self.labels.setdefault(label, len(self.labels)) for label in names]
        for cell, score, change in self._changes(example, found):
            row = (len(self.gold), self.labels[cell[2]], score, cell in gold, change)
            self.rows.append(row)
        self.gold.append(Counter(labels))

    def _changes(
        self, example: Example, found: ScoredSpans
    ) -> Iterator[tuple[LabelledSpan, float, int]]:
        """Spans, the score below which a threshold changes them, and 1 if they come, -1 if not."""
        if self.pipe.cfg["allow_overlap"]:
            for cell, score in on_reference(example, found, self.pipe.labels).items():
                yield cell, score, 1
            return
        cells = move_found(example, found, self.pipe.labels)
        most, n_kept = self.pipe.cfg["max_spans"], 0
        for score, come, gone in flat_changes(found, self.lowest_cut):
            n_kept += len(come) - len(gone)
            if most is not None and n_kept > most:
                self.full = max(self.full, (score, example.text[:60], most))
                return
            for spans, change in ((come, 1), (gone, -1)):
                for i in sorted(spans):
                    yield cells[i], score, change

    def finish(self, lowest: float, least: float) -> tuple[Candidates, Account]:
        """Put all together.

        lowest, least (probability): of the candidates, of the present thresholds.
        """
        columns = zip(*self.rows, strict=True) if self.rows else [()] * 5
        document, label, score, is_gold, change = columns
        gold = numpy.zeros((len(self.gold), len(self.labels)), dtype=numpy.int64)
        for row, counts in zip(gold, self.gold, strict=True):
            row[list(counts)] = list(counts.values())
        notes = self.account.notes()
        candidates = Candidates(
            numpy.array(document, dtype=numpy.int64),
            numpy.array(label, dtype=numpy.int64),
            numpy.array(score, dtype=numpy.float32),
            numpy.array(is_gold, dtype=bool),
            numpy.array(change, dtype=numpy.int64),
            gold,
            lowest,
        )
        floor, text, most = self.full
        if most:
            candidates = candidates.above(floor)
            if candidates.lowest > least:
                raise ValueError(FULL.format(text=text, most=most))
            notes.append(
                f"No threshold below {candidates.lowest:.4f} was looked at: more spans of the "
                f"document {text!r} reach it than the {most} that max_spans allows"
            )
        self._require_gold(candidates)
        return candidates, Account(list(self.labels), self.account.unannotated, notes)

    def _require_gold(self, candidates: Candidates) -> None:
        if not len(candidates.gold):
            what = (
                f"{self.account.unannotated} documents, none with the span group {self.key!r}. "
                f"{NO_GROUP}"
            )
        elif not candidates.gold.any():
            what = f"{len(candidates.gold)} documents with an empty span group {self.key!r}"
        elif not candidates.is_gold.any():
            raise ValueError(
                f"the pipeline must find at least one gold span, but finds none of the "
                f"{candidates.gold.sum()} above --lowest. Train it, or compare its labels with "
                "those of DEV"
            )
        else:
            return
        raise ValueError(f"DEV must hold gold spans to tune by, but has {what}")
