"""One prediction pass over annotated documents: what is found, and how sure the component is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ...pipeline.alignment import NO_GROUP, has_same_tokens
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.prediction import ScoredSpans, predict_spans
from ...pipeline.settings import label_cuts
from ...spans import LabelledSpan
from ..comparison import GoldAccount, on_reference, run_before, score_gold
from ..tune.thresholds import Thresholds

# Of the spans whose scores are compared with gold.
LOWEST = 0.01


class Judged(NamedTuple):
    """A document with its gold and its predicted spans, on the tokens of the reference.

    number: its place among all documents, from 1.
    doc: the reference.
    sentences (tokens): where they start; only 0 if that is not known.
    found: what the component finds, with probabilities.
    scored: spans of any probability above the lowest, also those that are found.
    missed: gold spans that are not in scored; without those that can never be found.
    """

    number: int
    doc: Doc
    sentences: list[int]
    gold: set[LabelledSpan]
    found: dict[LabelledSpan, float]
    scored: dict[LabelledSpan, float]
    missed: dict[LabelledSpan, float]

    def score(self, cell: LabelledSpan) -> float | None:
        """Probability of a span that is found or gold; None if it can never be found."""
        return self.scored.get(cell, self.missed.get(cell))


class Judgement(NamedTuple):
    """All annotated documents.

    lowest (probability): all spans above it are in `scored`; 1.0 if only what was found is.
    unannotated (documents): without the span group, and left out.
    notes: what a user should know about the data.
    """

    documents: list[Judged]
    lowest: float
    unannotated: int
    notes: list[str]


def judge(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float = LOWEST
) -> Judgement:
    """Find spans with the component's own settings, and collect the scores of those below.

    name: of the component; later components do not run.
    lowest (probability): of spans below, only those have a score that are found or gold.
    RAISES (ValueError): no annotated documents, settings that mean nothing.
    """
    pipe: Any = nlp.get_pipe(name)
    predictor = _Predictor(pipe, lowest)
    account = GoldAccount(pipe)
    documents: list[Judged] = []
    number = 0
    pipe.predict([])  # refuses a component that is not initialized
    for batch in run_before(nlp, name, examples):
        docs = [example.predicted for example in batch]
        golds = [account.read(example) for example in batch]
        spans = [
            [on_reference(example, part, pipe.labels) for part in parts]
            for example, parts in zip(batch, predictor.predict(docs), strict=True)
        ]
        low = [
            (gold or set()) - found.keys() - scored.keys()
            for gold, (found, scored) in zip(golds, spans, strict=True)
        ]
        for example, gold, (found, scored), missed in zip(
            batch, golds, spans, score_gold(pipe, batch, low), strict=True
        ):
            number += 1
            if gold is not None:
                document = number, example.reference, _sentences(example), gold, found
                documents.append(Judged(*document, {**scored, **found}, missed))
    if not documents:
        raise ValueError(
            f"DATA must hold gold spans, but has {number} documents, none with the span group "
            f"{pipe.key!r}. {NO_GROUP}"
        )
    notes = [*account.notes(), *predictor.notes(), *_notes(documents, pipe.key)]
    return Judgement(documents, predictor.lowest, account.unannotated, notes)


def _notes(documents: Sequence[Judged], key: str) -> Iterator[str]:
    n_off = sum(not cell.is_whole for document in documents for cell in document.found)
    if n_off:
        yield (
            f"{n_off} predicted spans do not begin and end where tokens of DATA do: they count as "
            "wrong"
        )
    if not any(document.gold for document in documents):
        yield f"No document has a gold span: the group {key!r} is empty in all of them"


class _Predictor:
    """What the component finds, and what it would find with a low threshold for all labels."""

    def __init__(self, pipe: GlobalPointer, lowest: float) -> None:
        self.pipe = pipe
        cuts = label_cuts(pipe.name, pipe.labels, pipe.cfg)
        self.cuts = numpy.array(cuts, dtype=numpy.float32)
        thresholds = [float(pipe.cfg["threshold"])]
        thresholds += [float(threshold) for _, threshold in pipe.cfg["label_thresholds"]]
        self.lowest = min(lowest, *thresholds) if pipe.cfg["allow_overlap"] else 1.0
        # As numbers of the same kind, so that none that is found is below.
        self.low_cuts = Thresholds(self.lowest, {}).cuts(len(pipe.labels)).tolist()
        self.n_full = 0

    def predict(self, docs: Sequence[Doc]) -> list[tuple[ScoredSpans, ScoredSpans]]:
        """Found spans and scored spans of each document, with probabilities."""
        if not self.pipe.cfg["allow_overlap"]:
            # Which spans remain depends on the threshold: a lower one gives other spans, not more.
            return [(spans, spans) for spans in self.pipe.predict(docs)]
        settings = {**self.pipe.cfg, "max_spans": None}
        raw, full = predict_spans(self.pipe.model, docs, self.low_cuts, settings, raw=True)
        self.n_full += len(full)
        found = [_take(spans, spans.score >= self.cuts[spans.label]) for spans in raw]
        most = self.pipe.cfg["max_spans"]
        if full or (most and any(len(spans.label) > most for spans in found)):
            found = self.pipe.predict(docs)  # which of them remain, only the component knows
        else:
            found = [_with_probabilities(spans) for spans in found]
        return [(own, _with_probabilities(spans)) for own, spans in zip(found, raw, strict=True)]

    def notes(self) -> list[str]:
        """What a user should know about the scores that were compared with gold."""
        if not self.pipe.cfg["allow_overlap"]:
            return [
                "Scores are compared with gold for what was found only: with allow_overlap = false "
                "a lower threshold gives other spans, not more"
            ]
        if self.n_full:
            return [
                f"{self.n_full} documents have more spans above {self.lowest:g} than are looked "
                "at: for them only the best scores are compared with gold"
            ]
        return []


def _take(spans: ScoredSpans, kept: numpy.ndarray) -> ScoredSpans:
    return ScoredSpans(*(column[kept] for column in spans))


def _with_probabilities(spans: ScoredSpans) -> ScoredSpans:
    # By torch, as the component does it.
    return spans._replace(score=(2 * torch.from_numpy(spans.score)).sigmoid().numpy())


def _sentences(example: Example) -> list[int]:
    """Where sentences start in the reference: by its own annotation, or the pipeline's."""
    docs = [example.reference]
    if has_same_tokens(example):
        docs.append(example.predicted)
    for doc in docs:
        if doc.has_annotation("SENT_START"):
            return [sentence.start for sentence in doc.sents] or [0]
    return [0]
