"""From documents to scored spans, in chunks that fit into memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model

from ..nn import DecodedSpans, decode, keep_best, without_overlap
from ..spans import LabelledSpan
from .settings import longest_span
from .tables import Table, Tables, plain_torch, threads_for
from .vectors import require_encoder

# Floats of the rows that are predicted at once: 64 MiB. nlp.pipe hands over 1,000 documents of any
# length, and the rows of GlobalPointer grow with the labels.
PREDICTED_FLOATS = 2**24
# Without max_spans: no text has more, so only a threshold near 0 ever gets there.
SPANS_PER_TOKEN = 10


class ScoredSpans(NamedTuple):
    """The spans of one document by start, longest first, then label.

    label (index), start, end (n): int64; score (n): float32, probability unless raw was asked for.
    """

    label: numpy.ndarray
    start: numpy.ndarray
    end: numpy.ndarray
    score: numpy.ndarray

    def cells(self) -> set[tuple[int, int, int]]:
        """The spans as (label index, start, last)."""
        return set(
            zip(self.label.tolist(), self.start.tolist(), (self.end - 1).tolist(), strict=True)
        )


# The spans of each document, and the documents that have more than they may, with that number.
Found = tuple[list[ScoredSpans], list[tuple[Doc, int]]]


def predict_spans(
    model: Model,
    docs: Sequence[Doc],
    cuts: Sequence[float],
    cfg: dict[str, Any],
    *,
    raw: bool = False,
    watch: Callable[[Sequence[Doc], Tables], None] | None = None,
) -> Found:
    """Find the spans of each document whose score reaches the cut of its label.

    cuts (c): lowest raw score of a span for each label.
    cfg: max_length, max_spans and allow_overlap of the component.
    raw: give raw scores, which differ where probabilities have long become 1.
    watch: called with the documents that are predicted at once, and their rows.
    RETURNS: the spans of each document, and the documents that have more than they may, with
        that number.
    RAISES (ValueError): the encoder, another component, has not run.
    """
    max_length = longest_span(model, cfg)
    found = [_nothing()] * len(docs)
    full: list[tuple[Doc, int]] = []
    for chunk in _chunks(docs, model.get_ref("output_layer").get_dim("nO")):
        batch = [docs[i] for i in chunk]
        rows = model.predict(batch)
        with plain_torch() as threads:
            tables = Tables(model, batch, rows)
            require_encoder(model, batch, tables)
            if watch is not None:
                watch(batch, tables)
            for table in tables.of(range(len(batch)), max_length):
                with threads_for(table.factors, threads):
                    decoded = _decode(table, batch, cuts, cfg, raw)
                for place, part, most in decoded:
                    found[chunk[place]] = part
                    full += [(batch[place], most)] if most else []
    return found, full


def find_and_score(
    model: Model,
    docs: Sequence[Doc],
    searches: Sequence[tuple[Sequence[float], dict[str, Any]]],
    cells: Sequence[dict[LabelledSpan, tuple[int, int, int]]],
) -> tuple[list[Found], list[dict[LabelledSpan, float]]]:
    """Find spans in several ways and score given ones: the model runs once on each document.

    searches: cuts and cfg of each way, as `predict_spans` takes them; all of one max_length.
    cells: (label index, start, last) of each document's spans to score, found or not.
    RETURNS: what `predict_spans` returns, for each search; and the probabilities of the cells of
        each document, without those where no span can be.
    RAISES (ValueError): the encoder, another component, has not run.
    """
    results: list[Found] = [([_nothing()] * len(docs), []) for _ in searches]
    scores: list[dict[LabelledSpan, float]] = [{} for _ in docs]
    max_length = longest_span(model, searches[0][1])
    for chunk in _chunks(docs, model.get_ref("output_layer").get_dim("nO")):
        batch = [docs[i] for i in chunk]
        rows = model.predict(batch)
        with plain_torch() as threads:
            tables = Tables(model, batch, rows)
            require_encoder(model, batch, tables)
            for table in tables.of(range(len(batch)), max_length):
                for (cuts, cfg), (found, full) in zip(searches, results, strict=True):
                    with threads_for(table.factors, threads):
                        decoded = _decode(table, batch, cuts, cfg, raw=False)
                    for place, part, most in decoded:
                        found[chunk[place]] = part
                        full += [(batch[place], most)] if most else []
                for place, span, score in _score(table, [cells[i] for i in chunk]):
                    scores[chunk[place]][span] = score
    return results, scores


def _score(
    table: Table, cells: Sequence[dict[LabelledSpan, tuple[int, int, int]]]
) -> Iterator[tuple[int, LabelledSpan, float]]:
    """Place of the document, span and probability of the spans that can be in a table."""
    asked = [(row, span) for row, place in enumerate(table.documents) for span in cells[place]]
    if asked:
        rows = [(row, *cells[table.documents[row]][span]) for row, span in asked]
        spans = torch.tensor(rows, device=table.factors.mask.device)
        scores = (2 * table.factors.in_float32().scores_of(spans)).sigmoid().tolist()
        for (row, span), score in zip(asked, scores, strict=True):
            if score > 0:
                yield table.documents[row], span, score


def _nothing() -> ScoredSpans:
    empty = numpy.empty(0, dtype=numpy.int64)
    return ScoredSpans(empty, empty, empty, numpy.empty(0, dtype=numpy.float32))


def _chunks(docs: Sequence[Doc], width: int) -> Iterator[list[int]]:
    """Places of documents whose rows together fit into PREDICTED_FLOATS."""
    chunk: list[int] = []
    floats = 0
    for place, doc in enumerate(docs):
        if not len(doc):
            continue
        if chunk and floats + len(doc) * width > PREDICTED_FLOATS:
            yield chunk
            chunk, floats = [], 0
        chunk.append(place)
        floats += len(doc) * width
    if chunk:
        yield chunk


def _decode(
    table: Table, docs: Sequence[Doc], cuts: Sequence[float], cfg: dict[str, Any], raw: bool
) -> list[tuple[int, ScoredSpans, int]]:
    """Place, spans, and the most spans it may have if it has more, of each document of a table."""
    most = [cfg["max_spans"] or SPANS_PER_TOKEN * len(docs[i]) for i in table.documents]
    # Spans without overlap are chosen among more than may remain, and then cut to the best.
    wide = most
    if not cfg["allow_overlap"]:
        wide = [
            max(n, SPANS_PER_TOKEN * len(docs[i]))
            for n, i in zip(most, table.documents, strict=True)
        ]
    label_cuts = torch.tensor(cuts, device=table.factors.mask.device)
    # One more than may remain tells whether there are more.
    spans = decode(table.factors, label_cuts, max_spans=[n + 1 for n in wide]).to_host()
    more = _counts(spans, most) > torch.tensor(wide)
    spans, _ = keep_best(spans, wide)
    if not cfg["allow_overlap"]:
        spans = without_overlap(spans, label_cuts.cpu())
    more |= _counts(spans, most) > torch.tensor(most)
    spans, _ = keep_best(spans, most)
    score = spans.score if raw else (2 * spans.score).sigmoid()
    parts = _split(spans._replace(score=score.float()), _counts(spans, most).tolist())
    full = torch.where(more, torch.tensor(most), 0).tolist()
    return list(zip(table.documents, parts, full, strict=True))


def _counts(spans: DecodedSpans, documents: Sequence[Any]) -> torch.Tensor:
    return spans.document.bincount(minlength=len(documents))


def _split(spans: DecodedSpans, counts: list[int]) -> list[ScoredSpans]:
    """Give each document its part."""
    _, label, start, last, score = (column.numpy() for column in spans)
    borders = numpy.cumsum(counts)[:-1]
    parts = (numpy.split(column, borders) for column in (label, start, last + 1, score))
    return [ScoredSpans(*part) for part in zip(*parts, strict=True)]
