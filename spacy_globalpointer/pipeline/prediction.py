"""From documents to scored spans, in chunks that fit into memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.tokens import Doc, Token
from thinc.api import Model
from thinc.types import Floats2d

from ..models import row_width
from ..nn import (
    DecodedSpans,
    Factors,
    decode,
    decode_best,
    keep_best,
    to_probability,
    without_overlap,
)
from ..spans import LabelledSpan
from .limits import longest_span
from .rescoring import final_tables
from .tables import Tables, plain_torch
from .threads import one_thread
from .vectors import require_encoder, tokens_without_vector

# Floats in the rows that are predicted at once: 64 MiB. nlp.pipe passes 1,000 documents of any
# length, and rows grow with the labels.
PREDICTED_FLOATS = 2**24
# Without max_spans. No text has more, so only a threshold near 0 ever reaches it.
SPANS_PER_TOKEN = 10


class ScoredSpans(NamedTuple):
    """The spans of one document, sorted by start, longest first, then label.

    label (index), start, end (n): int64; score (n): float32, a probability unless raw was set.
    """

    label: numpy.ndarray
    start: numpy.ndarray
    end: numpy.ndarray
    score: numpy.ndarray

    def named(self, labels: Sequence[str]) -> list[LabelledSpan]:
        """The spans with the names of their labels.

        labels (c): of the component.
        """
        names = (labels[i] for i in self.label.tolist())
        return list(map(LabelledSpan, self.start.tolist(), self.end.tolist(), names))


NO_INDEX = numpy.empty(0, dtype=numpy.int64)
NO_SPANS = ScoredSpans(NO_INDEX, NO_INDEX, NO_INDEX, numpy.empty(0, dtype=numpy.float32))


class Prediction(NamedTuple):
    """What was found in some documents.

    spans: of each document.
    full: documents with more spans than allowed, and how many are allowed.
    no_vector: tokens that the encoder has no vector for, white space apart.
    crowded: documents with more candidates than the rescorer looks at.
    """

    spans: list[ScoredSpans]
    full: list[tuple[Doc, int]]
    no_vector: list[Token]
    crowded: list[Doc]


def predict_spans(
    model: Model,
    docs: Sequence[Doc],
    cuts: Sequence[float],
    cfg: dict[str, Any],
    *,
    raw: bool = False,
) -> Prediction:
    """Find the spans of each document whose score reaches the cut of its label.

    cuts (c): lowest raw score of a span for each label.
    cfg: max_length, max_spans, one_per_label and allow_overlap of the component.
    raw: return raw scores, which still differ where probabilities are all 1.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    (found,), _ = find_and_score(model, docs, [(cuts, cfg)], [{} for _ in docs], raw=raw)
    return found


def find_and_score(
    model: Model,
    docs: Sequence[Doc],
    searches: Sequence[tuple[Sequence[float], dict[str, Any]]],
    given: Sequence[Mapping[LabelledSpan, LabelledSpan]],
    *,
    raw: bool = False,
) -> tuple[list[Prediction], list[dict[LabelledSpan, float]]]:
    """Find spans in several ways and score given ones: the model runs once on each document.

    searches: cuts and cfg of each way, as `predict_spans` takes them; all with one max_length.
    given: spans of each document to score, found or not, under any key; with labels of the model.
    raw: return raw scores of the found spans.
    RETURNS: what each search finds; and the probabilities of the given spans of each document, by
        their keys, without those that cannot be spans.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    results = [Prediction([NO_SPANS] * len(docs), [], [], []) for _ in searches]
    scores: list[dict[LabelledSpan, float]] = [{} for _ in docs]
    max_length = longest_span(model, searches[0][1])

    @one_thread
    @plain_torch()
    def read(chunk: Sequence[int], rows: list[Floats2d]) -> None:
        """Find and score in the documents at some places, all of which have tokens."""
        tables = Tables(model, [docs[i] for i in chunk], rows)
        require_encoder(model, tables.docs)
        if not tables.has_vector.all():
            for found in results:
                found.no_vector.extend(tokens_without_vector(tables))
        for table, crowded in final_tables(tables, range(len(chunk)), max_length):
            places = [chunk[i] for i in table.documents]
            for (cuts, cfg), found in zip(searches, results, strict=True):
                found.crowded.extend(docs[chunk[i]] for i in crowded)
                decoded = _decode(table.factors, [docs[i] for i in places], cuts, cfg, raw)
                for place, spans, most in zip(places, *decoded, strict=True):
                    found.spans[place] = spans
                    found.full.extend([(docs[place], most)] if most else [])
            own = [given[i] for i in places]
            if any(own):
                for row, key, score in _score(table.factors, own, model.attrs["labels"]):
                    scores[places[row]][key] = score

    for chunk in chunk_places([len(doc) * row_width(model) for doc in docs]):
        read(chunk, model.predict([docs[i] for i in chunk]))
    return results, scores


def chunk_places(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Places of documents that together fit into PREDICTED_FLOATS.

    sizes (floats): of the documents; those of size 0 are left out.
    """
    chunk: list[int] = []
    floats = 0
    for place, own in enumerate(sizes):
        if chunk and floats + own > PREDICTED_FLOATS:
            yield chunk
            chunk, floats = [], 0
        if own:
            chunk.append(place)
            floats += own
    if chunk:
        yield chunk


def _decode(
    factors: Factors, docs: Sequence[Doc], cuts: Sequence[float], cfg: dict[str, Any], raw: bool
) -> tuple[list[ScoredSpans], list[int]]:
    """Find the spans of the documents of a table.

    RETURNS: for each document, its spans, and the number allowed if it has more, else 0.
    """
    every = [SPANS_PER_TOKEN * len(doc) for doc in docs]
    most = [cfg["max_spans"] or n for n in every]
    # Spans without overlap are chosen from more than may remain, then cut to the best.
    wide = most if cfg["allow_overlap"] else list(map(max, most, every))
    label_cuts = torch.tensor(cuts, device=factors.mask.device)
    # One more than may remain tells whether there are more.
    if cfg["one_per_label"]:
        spans = decode_best(factors, label_cuts).to_host()
    else:
        spans = decode(factors, label_cuts, max_spans=[n + 1 for n in wide]).to_host()
    more = _counts(spans, docs) > torch.tensor(wide)
    spans, _ = keep_best(spans, wide)
    if not cfg["allow_overlap"]:
        spans = without_overlap(spans, label_cuts.cpu())
    more |= _counts(spans, docs) > torch.tensor(most)
    spans, _ = keep_best(spans, most)
    score = spans.score if raw else to_probability(spans.score)
    columns = (spans.label, spans.start, spans.last + 1, score.float())
    sizes = _counts(spans, docs).tolist()
    parts = zip(*(column.split(sizes) for column in columns), strict=True)
    found = [ScoredSpans(*(column.numpy() for column in part)) for part in parts]
    return found, torch.where(more, torch.tensor(most), 0).tolist()


def _counts(spans: DecodedSpans, docs: Sequence[Doc]) -> torch.Tensor:
    return spans.document.bincount(minlength=len(docs))


def _score(
    factors: Factors,
    given: Sequence[Mapping[LabelledSpan, LabelledSpan]],
    labels: Sequence[str],
) -> Iterator[tuple[int, LabelledSpan, float]]:
    """Row in the table, key and probability of the given spans that are possible."""
    keys = [(row, key) for row, own in enumerate(given) for key in own]
    index = {label: i for i, label in enumerate(labels)}
    spans = ((row, given[row][key]) for row, key in keys)
    cells = [(row, index[span.label], span.start, span.end - 1) for row, span in spans]
    scores = factors.in_float32().scores_of(torch.tensor(cells, device=factors.mask.device))
    for (row, key), score in zip(keys, to_probability(scores).tolist(), strict=True):
        if score > 0:
            yield row, key, score
