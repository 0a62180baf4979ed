"""How unsure a pipeline is of the spans of a document, for whoever corrects some of them.

The uncertainty of a document is -log P(its spans) / its tokens, where P is the probability, by the
model, that each decision is right: that each found span is one, and each other is none. It is least
confidence (Settles and Craven 2008, https://aclanthology.org/D08-1112) divided by the length, as
proposed by Shen et al. 2017 (https://aclanthology.org/W17-2630) so that long texts do not win by
their length alone. Each span of each label is a decision of its own, so P is a product: a span just
below the threshold counts as one just above it, and so does a likely span that lost to another.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from ..nn import to_score
from .global_pointer import GlobalPointer
from .prediction import ScoredSpans, find_and_score

# Where it is in doc.user_data.
UNCERTAINTY = "uncertainty"
# Spans of a lower probability count as 0: there are many, and each would add less than 0.01.
LOWEST = 0.01
# As far as probabilities in float32 can be told from 1.
SURE = 1e-6


def measure_uncertainty(nlp: Language) -> None:
    """Make a pipeline write the uncertainty of each document into doc.user_data, in one pass.

    Of several components global_pointer it is the sum.

    RAISES (ValueError): the pipeline has none.
    """
    pipes = [pipe for _, pipe in nlp.pipeline if isinstance(pipe, GlobalPointer)]
    if not pipes:
        raise ValueError(
            "the uncertainty is that of the spans of an active component global_pointer, was: a "
            f"pipeline of {', '.join(nlp.pipe_names) or 'nothing'}. To fix: name another model"
        )
    for pipe in pipes:
        pipe.predict = partial(_predict, pipe)  # type: ignore[method-assign]


def _predict(pipe: GlobalPointer, docs: Iterable[Doc]) -> list[ScoredSpans]:
    """As GlobalPointer.predict, with the uncertainty of the documents."""
    docs = list(docs)
    cuts = pipe._prepare(docs)
    low = [min(cut, to_score(LOWEST)) for cut in cuts]
    wide: dict[str, Any] = {**pipe.cfg, "max_spans": None, "allow_overlap": True}
    wide["one_per_label"] = False
    searches = [(cuts, pipe.cfg), (low, wide)]
    (found, others), _ = find_and_score(pipe.model, docs, searches, [{} for _ in docs])
    for doc, own, every in zip(docs, found.spans, others.spans, strict=True):
        doubt = _sum_doubts(own, every) / max(len(doc), 1)
        doc.user_data[UNCERTAINTY] = doc.user_data.get(UNCERTAINTY, 0.0) + doubt
    return pipe._report(docs, found)


def _sum_doubts(found: ScoredSpans, every: ScoredSpans) -> float:
    """-log of the probability that all decisions are right.

    every: all spans that may be, the found ones among them.
    """
    taken = set(zip(*(column.tolist() for column in found[:3]), strict=True))
    spans: Sequence[Any] = list(zip(*(column.tolist() for column in every[:3]), strict=True))
    is_taken = numpy.array([span in taken for span in spans], dtype=bool)
    score = every.score.astype(numpy.float64)
    right = numpy.where(is_taken, score, 1 - score)
    return float(-numpy.log(right.clip(SURE)).sum())
