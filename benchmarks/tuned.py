"""What a tuned threshold gives: chosen on some documents, counted on others."""

from collections.abc import Sequence
from typing import Any

import numpy
from spacy.language import Language

from spacy_globalpointer.commands.tune.candidates import find_candidates
from spacy_globalpointer.commands.tune.objectives import cross_fit
from spacy_globalpointer.commands.tune.report import describe_counts
from spacy_globalpointer.commands.tune.thresholds import CANDIDATE, Candidates, best_global, to_cut

from .text import KEY, AnnotatedText

# No threshold below is looked at: most spans would be candidates then.
LOWEST = 0.05
FOLDS = 5


def cross_fit_threshold(nlp: Language, docs: Sequence[AnnotatedText]) -> dict[str, float] | None:
    """Scores with a threshold that is chosen, for each fifth of the documents, on the others.

    One threshold for all labels, the one with the best F1.

    RETURNS: p, r and f; None for a pipeline whose spans have no scores, and for a single document.
    RAISES (ValueError): a pipeline that finds no gold span.
    """
    if nlp.has_pipe("global_pointer"):
        examples = [doc.make_example(nlp.vocab) for doc in docs]
        candidates = find_candidates(nlp, "global_pointer", examples, LOWEST).candidates
    elif nlp.has_pipe("spancat"):
        candidates = _find_in_spancat(nlp, docs)
    else:
        return None
    gold = candidates.gold.copy()
    gold[:, 0] += [doc.lost for doc in docs]
    estimate = cross_fit(candidates._replace(gold=gold), best_global, FOLDS)
    if estimate is None:
        return None
    scores = describe_counts(estimate)
    return {name: scores[name] for name in "prf"}


def _find_in_spancat(nlp: Language, docs: Sequence[AnnotatedText]) -> Candidates:
    pipe: Any = nlp.get_pipe("spancat")
    labels = {label: i for i, label in enumerate(pipe.labels)}
    threshold = pipe.cfg["threshold"]
    pipe.cfg["threshold"] = LOWEST
    try:
        found = list(nlp.pipe(doc.make_doc(nlp.vocab) for doc in docs))
    finally:
        pipe.cfg["threshold"] = threshold
    gold = numpy.zeros((len(docs), len(labels)), dtype=numpy.int64)
    rows: list[tuple[int, int, float, bool, int]] = []
    for i, (doc, predicted) in enumerate(zip(docs, found, strict=True)):
        for _, _, label in doc.spans:
            # A label that only dev has is missed, whatever the threshold.
            gold[i, labels.get(label, 0)] += 1
        group = predicted.spans[KEY]
        for span, score in zip(group, group.attrs["scores"], strict=True):
            cell = (span.start, span.end, span.label_)
            rows.append(
                (i, labels[span.label_], float(to_cut(numpy.float64(score))), cell in doc.gold, 1)
            )
    return Candidates(numpy.array(rows, CANDIDATE), list(labels), gold, LOWEST)
