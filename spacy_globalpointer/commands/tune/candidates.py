"""One prediction pass that collects all that thresholds can be chosen from."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy
from spacy.language import Language
from spacy.training import Example

from ...pipeline.label_tables import own_numbers
from ...pipeline.relation_pointer import RelationPointer
from ...pipeline.settings import label_cuts
from ..comparison import NoGoldError, run_before
from .event_source import EventSource
from .floor import Floor
from .objectives import ONE_ONLY
from .relation_source import RelationSource
from .span_source import SpanSource
from .thresholds import CANDIDATE, Candidates, Thresholds

Source = SpanSource | RelationSource | EventSource


class Collected(NamedTuple):
    """What there is to choose thresholds from.

    candidates: `Candidates`, or of events `EventCandidates`.
    present: thresholds that the component has.
    scored: every document, and what was found above the lowest threshold, with raw scores.
    source: of what was found.
    unannotated (documents): without gold, and left out of the candidates.
    notes: what a user should know about the data.
    """

    candidates: Any
    present: Thresholds
    scored: list[tuple[Example, Any]]
    source: Source
    unannotated: int
    notes: list[str]


def find_candidates(
    nlp: Language, name: str, examples: Iterable[Example], lowest: float
) -> Collected:
    """Predict once, and compare every span or relation above the lowest threshold with gold.

    They are counted as `nlp.evaluate` does: on the tokens of the reference, each once, those that
    do not fit these tokens as wrong, documents without gold left out.

    name: of the component; later components do not run.
    lowest (probability): what scores below is never a candidate.
    RAISES (NoGoldError): no gold. (ValueError): settings that mean nothing, thresholds of labels
        where no overlap is allowed, a lowest threshold above the present ones, no gold found.
    """
    pipe: Any = nlp.get_pipe(name)
    present, cuts = check_present(name, pipe, lowest)
    source: Any = RelationSource(pipe) if isinstance(pipe, RelationPointer) else SpanSource(pipe)
    account, scored = source.account, []
    index = {label: i for i, label in enumerate(pipe.labels)}
    golds: list[Counter[str]] = []  # labels of the gold of each document
    rows: list[tuple[int, int, float, bool, int]] = []
    floors: list[Floor] = []
    for example, found, floor in predict_each(nlp, name, examples, source, cuts):
        scored.append((example, found))
        gold = account.read(example)
        if gold is None:
            continue
        floors += [] if floor is None else [floor]
        for item, score, change in source.changes(example, found, cuts[0], floors):
            rows.append((len(golds), index[item.label], score, item in gold, change))
        golds.append(Counter(sorted(item.label for item in gold)))
    account.require("DEV", " to tune by")
    labels = list(dict.fromkeys(chain(index, *golds)))
    counts = numpy.array([[own[label] for label in labels] for own in golds], dtype=numpy.int64)
    candidates = Candidates(numpy.array(rows, CANDIDATE), labels, counts, lowest)
    notes = account.notes()
    if floors:
        candidates = candidates.above(max(floors).score)
        notes.append(explain_floor(source, candidates, present, max(floors)))
    require_gold(source, counts, bool(candidates.spans["is_gold"].any()))
    return Collected(candidates, present, scored, source, account.unannotated, notes)


def check_present(name: str, pipe: Any, lowest: float) -> tuple[Thresholds, Sequence[float]]:
    """The present thresholds, and for each label the lowest raw score of a candidate."""
    pipe.predict([])  # refuses a component that is not initialized, and settings that mean nothing
    own = own_numbers(name, pipe.labels, pipe.cfg, "label_thresholds")
    if own and not pipe.cfg.get("allow_overlap", True):
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


def predict_each(
    nlp: Language, name: str, examples: Iterable[Example], source: Source, cuts: Sequence[float]
) -> Iterator[tuple[Example, Any, Floor | None]]:
    """Each example, what is found in it with raw scores, and its floor if it has one."""
    for batch in run_before(nlp, name, examples):
        for example, (found, floor) in zip(batch, source.predict(batch, cuts), strict=True):
            yield example, found, floor


def explain_floor(source: Source, candidates: Any, present: Thresholds, floor: Floor) -> str:
    """Say that not all thresholds can be looked at.

    RAISES (ValueError): not even the present ones.
    """
    what, limit = source.items, source.limit
    if candidates.lowest > present.least:
        raise ValueError(
            f"{limit} must leave room for all {what} that reach the present thresholds, but "
            f"documents such as {floor.text!r} have more than {floor.most}. To fix: a higher "
            f"{limit} in the config.cfg of the pipeline, or higher thresholds in it; a model that "
            "finds so many has hardly been trained"
        )
    return (
        f"No threshold below {candidates.lowest:.4f} was looked at: more {what} of the document "
        f"{floor.text!r} reach it than the {floor.most} that {limit} allows"
    )


def require_gold(source: Source, gold: numpy.ndarray, is_found: bool) -> None:
    """Refuse gold that says nothing about thresholds.

    gold (d documents, c): counts. is_found: whether a threshold finds some of it.
    RAISES (NoGoldError): none there. (ValueError): none found.
    """
    what, key = source.account.what, source.pipe.key
    if not gold.any():
        raise NoGoldError(
            f"DEV must hold gold {what} to tune by, but has {len(gold)} documents with "
            f"an empty span group {key!r}"
        )
    if not is_found:
        raise ValueError(
            f"the pipeline must find at least one gold {what.removesuffix('s')}, but finds none of "
            f"the {gold.sum()} above --lowest. Train it, or compare its labels with "
            "those of DEV"
        )
