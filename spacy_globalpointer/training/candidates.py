"""One prediction pass that collects all that thresholds can be chosen from."""

import math
from collections import Counter
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Span
from spacy.training import Example
from spacy.util import minibatch

from ..pipeline.alignment import NO_GROUP, GoldReader, has_same_tokens
from ..pipeline.global_pointer import GlobalPointer
from ..pipeline.prediction import ScoredSpans, predict_spans
from ..pipeline.settings import label_cuts
from .thresholds import Candidates, Thresholds

Cell = Tuple[str, int, int]  # label, start, end on the tokens of the reference
OVERLAP = (
    "'{name}' has allow_overlap = false: which spans remain then depends on all thresholds "
    "together, and one prediction pass cannot tell. Repair: allow_overlap = true in the config.cfg "
    "of the pipeline, or a grid of thresholds, each with a pass of its own: "
    "spacy find-threshold MODEL DEV {name} threshold spans_{key}_f"
)
FULL = (
    "max_spans must leave room for all spans that reach the present thresholds, but documents such "
    "as {text!r} have more than {most}. Repair: a higher max_spans in the config.cfg of the "
    "pipeline, or higher thresholds in it; a model that finds so many has hardly been trained"
)


class Account(NamedTuple):
    """What was found in the documents.

    labels (c): of the columns of Candidates.gold: the component's, then others of the gold spans.
    unannotated (documents): without the span group, and left out.
    notes: what a user should know about the data.
    """

    labels: List[str]
    unannotated: int
    notes: List[str]


def find_component(nlp: Language, name: Optional[str] = None) -> Tuple[str, GlobalPointer]:
    """Find the component that is wanted.

    name: None where the pipeline has only one.
    RETURNS: its name and itself.
    RAISES (ValueError): none, or several.
    """
    pipes = {key: pipe for key, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)}
    if not pipes:
        raise ValueError(
            "the pipeline must have an enabled global_pointer component, but has: "
            f"{', '.join(nlp.pipe_names) or 'none'}. Name another pipeline"
        )
    if name is None and len(pipes) > 1:
        raise ValueError(
            f"the pipeline has several global_pointer components: {', '.join(pipes)}. "
            "Repair: --component with the name of one"
        )
    name = next(iter(pipes)) if name is None else name
    if name not in pipes:
        raise ValueError(
            f"--component must be an enabled global_pointer component, was: {name!r}. "
            f"The pipeline has: {', '.join(pipes)}"
        )
    return name, pipes[name]


def present_thresholds(pipe: GlobalPointer) -> Thresholds:
    """Thresholds that the component has now.

    RAISES (ValueError): settings that mean nothing, or thresholds alone do not choose the spans.
    """
    if not pipe.cfg["allow_overlap"]:
        raise ValueError(OVERLAP.format(name=pipe.name, key=pipe.key))
    label_cuts(pipe.name, pipe.labels, pipe.cfg)  # checks them
    own = {pipe.labels.index(label): float(t) for label, t in pipe.cfg["label_thresholds"]}
    return Thresholds(float(pipe.cfg["threshold"]), own)


def find_candidates(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float
) -> Tuple[Candidates, Account]:
    """Predict once, and compare every span above the lowest threshold with the gold spans.

    Spans are counted as `nlp.evaluate` does: on the tokens of the reference, each once, documents
    without the gold group left out.

    name: of the component; later components do not run.
    lowest (probability): spans below are never candidates.
    RAISES (ValueError): a lowest threshold above those of the component, no documents, no gold.
    """
    pipe: Any = nlp.get_pipe(name)
    present = present_thresholds(pipe)
    least = min(present.shared, *present.own.values()) if present.own else present.shared
    if not 0 < lowest <= least:
        raise ValueError(
            f"--lowest must be above 0 and not above the present thresholds of {name!r}, of which "
            f"the lowest is {least}, was: {lowest}"
        )
    settings = {**pipe.cfg, "threshold": lowest, "label_thresholds": []}
    cuts = label_cuts(name, pipe.labels, settings)
    collector = _Collector(pipe)
    pipe.predict([])  # refuses a component that is not initialized
    with nlp.select_pipes(disable=nlp.pipe_names[nlp.pipe_names.index(name) :]):
        # The batches of nlp.evaluate, so that scores are the same to the last bit.
        for batch in minibatch(examples, nlp.batch_size):
            docs = list(nlp.pipe(example.predicted for example in batch))
            spans, full = predict_spans(pipe.model, docs, cuts, settings, raw=True)
            most = {id(doc): n for doc, n in full}
            for example, doc, found in zip(batch, docs, spans, strict=True):
                example.predicted = doc
                collector.add(example, found, most.get(id(doc)))
    return collector.finish(lowest, least)


class _Collector:
    """Candidates and gold spans of the documents so far."""

    def __init__(self, pipe: GlobalPointer) -> None:
        self.pipe = pipe
        self.key = pipe.key
        self.labels = {label: i for i, label in enumerate(pipe.labels)}
        self.reader = GoldReader(pipe.key, pipe.cfg["max_length"])
        self.unannotated = 0
        self.gold: List[Dict[int, int]] = []  # spans of each label of each document
        self.rows: List[Tuple[int, int, float, bool]] = []
        # The fullest document, and the score below which it may lack spans.
        self.full: Tuple[float, str, int] = (-math.inf, "", 0)

    def add(self, example: Example, found: ScoredSpans, most: Optional[int]) -> None:
        """Add a document.

        found: with raw scores.
        most (spans): that it may have, if it has more.
        """
        if self.reader.read(example) is None:
            self.unannotated += 1
            return
        if most is not None:
            self.full = max(self.full, (float(found.score.min()), example.text[:60], most))
        gold = {(s.label_, s.start, s.end) for s in example.reference.spans[self.key]}
        labels = [self.labels.setdefault(label, len(self.labels)) for label, _, _ in sorted(gold)]
        names = list(self.labels)
        for cell, score in _on_reference(example, found, names).items():
            self.rows.append((len(self.gold), self.labels[cell[0]], score, cell in gold))
        self.gold.append(Counter(labels))

    def finish(self, lowest: float, least: float) -> Tuple[Candidates, Account]:
        """Put all together.

        lowest, least (probability): of the candidates, of the present thresholds.
        """
        document, label, score, is_gold = zip(*self.rows, strict=True) if self.rows else [()] * 4
        gold = numpy.zeros((len(self.gold), len(self.labels)), dtype=numpy.int64)
        for row, counts in zip(gold, self.gold, strict=True):
            row[list(counts)] = list(counts.values())
        notes = self._notes(gold)
        candidates = Candidates(
            numpy.array(document, dtype=numpy.int64),
            numpy.array(label, dtype=numpy.int64),
            numpy.array(score, dtype=numpy.float32),
            numpy.array(is_gold, dtype=bool),
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
        return candidates, Account(list(self.labels), self.unannotated, notes)

    def _notes(self, gold: numpy.ndarray) -> List[str]:
        notes = []
        if self.unannotated:
            notes.append(
                f"{self.unannotated} documents without the span group {self.key!r} are left out"
            )
        n_known = len(self.pipe.labels)
        unknown = zip(list(self.labels)[n_known:], gold.sum(0)[n_known:], strict=True)
        if shown := ", ".join(f"{label} {n}" for label, n in unknown):
            notes.append(
                f"Gold spans of labels that the component does not have count as missed: {shown}. "
                f"Its labels are: {', '.join(self.pipe.labels)}"
            )
        if self.reader.lost:
            notes.append(self.reader.describe_lost(self.pipe.name))
        return notes

    def _require_gold(self, candidates: Candidates) -> None:
        if not len(candidates.gold):
            what = (
                f"{self.unannotated} documents, none with the span group {self.key!r}. {NO_GROUP}"
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


def _on_reference(example: Example, found: ScoredSpans, labels: Sequence[str]) -> Dict[Cell, float]:
    """Scores of the spans on the tokens of the reference; what does not fit them is left out."""
    names = [labels[i] for i in found.label.tolist()]
    cells = list(zip(names, found.start.tolist(), found.end.tolist(), strict=True))
    scores: List[float] = found.score.tolist()
    if has_same_tokens(example):
        return dict(zip(cells, scores, strict=True))
    fitting: Dict[Cell, float] = {}
    for (label, start, end), score in zip(cells, scores, strict=True):
        span = Span(example.predicted, start, end, label=label)
        for other in example.get_aligned_spans_x2y([span], allow_overlap=True):
            fitting[label, other.start, other.end] = score
    return fitting
