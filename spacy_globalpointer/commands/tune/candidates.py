"""One prediction pass that collects all that thresholds can be chosen from."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...pipeline.alignment import to_reference
from ...pipeline.gold import NO_GROUP
from ...pipeline.prediction import ScoredSpans, predict_spans
from ...pipeline.settings import label_cuts, own_thresholds
from ...spans import LabelledSpan
from ..comparison import GoldAccount, on_reference, run_before
from .flat import flat_changes
from .objectives import ONE_ONLY
from .thresholds import CANDIDATE, Candidates, Thresholds

# Of a document with more spans than it may have: the raw score below which some are missing, its
# text, and how many it may have.
Floor = tuple[float, str, int]


class Collected(NamedTuple):
    """What there is to choose thresholds from.

    present: thresholds that the component has.
    scored: every document, and its spans above the lowest threshold with raw scores.
    unannotated (documents): without the span group, and left out of the candidates.
    notes: what a user should know about the data.
    """

    candidates: Candidates
    present: Thresholds
    scored: list[tuple[Example, ScoredSpans]]
    unannotated: int
    notes: list[str]


def find_candidates(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float
) -> Collected:
    """Predict once, and compare every span above the lowest threshold with the gold spans.

    Spans are counted as `nlp.evaluate` does: on the tokens of the reference, each once, those that
    do not fit these tokens as wrong, documents without the gold group left out.

    name: of the component; later components do not run.
    lowest (probability): spans below are never candidates.
    RAISES (ValueError): settings that mean nothing, thresholds of labels where no overlap is
        allowed, a lowest threshold above the present ones, no documents, no gold.
    """
    pipe: Any = nlp.get_pipe(name)
    present, cuts = _check(name, pipe, lowest)
    account, scored = GoldAccount(pipe), []
    index = {label: i for i, label in enumerate(pipe.labels)}
    golds: list[Counter[str]] = []  # labels of the gold spans of each document
    rows: list[tuple[int, int, float, bool, int]] = []
    floors: list[Floor] = []
    for example, found, most in _predict(nlp, name, examples, cuts):
        scored.append((example, found))
        gold = account.read(example)
        if gold is None:
            continue
        if most is not None:
            floors.append((float(found.score.min()), example.text[:60], most))
        for span, score, change in _changes(pipe, example, found, cuts[0], floors):
            rows.append((len(golds), index[span.label], score, span in gold, change))
        golds.append(Counter(sorted(span.label for span in gold)))
    labels = list(dict.fromkeys(chain(index, *golds)))
    counts = numpy.array([[own[label] for label in labels] for own in golds], dtype=numpy.int64)
    candidates = Candidates(numpy.array(rows, CANDIDATE), labels, counts, lowest)
    notes = account.notes()
    if floors:
        score, text, most = max(floors)
        candidates = candidates.above(score)
        if candidates.lowest > present.least:
            raise ValueError(
                "max_spans must leave room for all spans that reach the present thresholds, but "
                f"documents such as {text!r} have more than {most}. To fix: a higher max_spans in "
                "the config.cfg of the pipeline, or higher thresholds in it; a model that finds so "
                "many has hardly been trained"
            )
        notes.append(
            f"No threshold below {candidates.lowest:.4f} was looked at: more spans of the document "
            f"{text!r} reach it than the {most} that max_spans allows"
        )
    _require_gold(candidates, pipe.key, account.unannotated)
    return Collected(candidates, present, scored, account.unannotated, notes)


def _check(name: str, pipe: Any, lowest: float) -> tuple[Thresholds, Sequence[float]]:
    """The present thresholds, and for each label the lowest raw score of a candidate."""
    pipe.predict([])  # refuses a component that is not initialized, and settings that mean nothing
    own = own_thresholds(name, pipe.labels, pipe.cfg)
    if own and not pipe.cfg["allow_overlap"]:
        raise ValueError(
            f"'{name}' has {ONE_ONLY}. To fix: remove label_thresholds from the config.cfg of the "
            "pipeline"
        )
    present = Thresholds(float(pipe.cfg["threshold"]), own)
    if not 0 < lowest <= present.least:
        raise ValueError(
            f"--lowest must be above 0 and not above the present thresholds of {name!r}, of which "
            f"the lowest is {present.least}, was: {lowest}"
        )
    settings = {**pipe.cfg, "threshold": lowest, "label_thresholds": []}
    return present, label_cuts(name, pipe.labels, settings)


def _predict(
    nlp: Language, name: str, examples: Iterable[Example], cuts: Sequence[float]
) -> Iterator[tuple[Example, ScoredSpans, int | None]]:
    """Each example, its spans with raw scores, and how many it may have if it has more."""
    pipe: Any = nlp.get_pipe(name)
    settings = pipe.cfg
    if not settings["allow_overlap"]:
        # Of all spans, those without overlap are chosen later, for every threshold.
        settings = {**settings, "allow_overlap": True, "max_spans": None}
    for batch in run_before(nlp, name, examples):
        docs = [example.predicted for example in batch]
        result = predict_spans(pipe.model, docs, cuts, settings, raw=True)
        most = {id(doc): n for doc, n in result.full}
        for example, found in zip(batch, result.spans, strict=True):
            yield example, found, most.get(id(example.predicted))


def _changes(
    pipe: Any, example: Example, found: ScoredSpans, lowest: float, floors: list[Floor]
) -> Iterator[tuple[LabelledSpan, float, int]]:
    """Spans, the raw score below which a cut changes them, and 1 if they come, -1 if they go.

    floors: that of the document is added if more would be found than max_spans allows.
    """
    if pipe.cfg["allow_overlap"]:
        yield from ((span, s, 1) for span, s in on_reference(example, found, pipe.labels).items())
        return
    spans = to_reference(example, found.named(pipe.labels))
    most, n_kept = pipe.cfg["max_spans"], 0
    for score, come, gone in flat_changes(found, lowest):
        n_kept += len(come) - len(gone)
        if most is not None and n_kept > most:
            floors.append((score, example.text[:60], most))
            return
        yield from ((spans[i], score, 1) for i in sorted(come))
        yield from ((spans[i], score, -1) for i in sorted(gone))


def _require_gold(candidates: Candidates, key: str, unannotated: int) -> None:
    n = len(candidates.gold)
    if not n:
        what = f"{unannotated} documents, none with the span group {key!r}. {NO_GROUP}"
    elif not candidates.gold.any():
        what = f"{n} documents with an empty span group {key!r}"
    elif candidates.spans["is_gold"].any():
        return
    else:
        raise ValueError(
            f"the pipeline must find at least one gold span, but finds none of the "
            f"{candidates.gold.sum()} above --lowest. Train it, or compare its labels with those "
            "of DEV"
        )
    raise ValueError(f"DEV must hold gold spans to tune by, but has {what}")
