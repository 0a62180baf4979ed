"""From spans to scored relations, in chunks that fit into memory."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d
from torch import Tensor

from ..models import DocSpans
from ..nn import DecodedSpans, decode_pairs
from .prediction import chunk_places
from .relation_tables import PairTables
from .tables import plain_torch
from .threads import one_thread
from .vectors import require_encoder

# Without max_relations. No text has more, so only a threshold near 0 ever reaches it.
RELATIONS_PER_SPAN = 10
# Numbers that are held for each pair while its model runs.
FLOATS_PER_PAIR = 128


class ScoredRelations(NamedTuple):
    """The relations of one document, sorted by head, child, label.

    label (index), head, child (n): int64, numbers of spans; score (n): float32, a probability.
    """

    label: numpy.ndarray
    head: numpy.ndarray
    child: numpy.ndarray
    score: numpy.ndarray


NO_RELATIONS_FOUND = ScoredRelations(
    *(numpy.empty(0, dtype=kind) for kind in ("int64", "int64", "int64", "float32"))
)


class RelationPrediction(NamedTuple):
    """What was found in some documents.

    relations: of each document.
    full: documents with more relations than allowed, and how many are allowed.
    """

    relations: list[ScoredRelations]
    full: list[tuple[Doc, int]]


def predict_relations(
    model: Model, batch: Sequence[DocSpans], cuts: Sequence[float], cfg: dict[str, Any]
) -> RelationPrediction:
    """Find the relations of each document whose score reaches the cut of its label.

    cuts (c): lowest raw score of a relation for each label.
    cfg: settings of the component.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    result = RelationPrediction([NO_RELATIONS_FOUND] * len(batch), [])

    @one_thread
    @plain_torch()
    def read(chunk: Sequence[int], rows: list[Floats2d]) -> None:
        tables = PairTables(model, [batch[i] for i in chunk], rows, cfg)
        for place, found, most in _find_relations(tables, cuts):
            result.relations[chunk[place]] = found
            result.full.extend([(batch[chunk[place]].doc, most)] if most else [])

    for chunk in chunk_places([_count_floats(model, item, cfg) for item in batch]):
        require_encoder(model, [batch[i].doc for i in chunk])
        read(chunk, model.predict([batch[i] for i in chunk]))
    return result


def _count_floats(model: Model, item: DocSpans, cfg: dict[str, Any]) -> int:
    """Numbers that are held for a document; 0 if it has no pair."""
    n, width = len(item.spans), model.attrs["layout"].factor_width
    if n < (1 if cfg["allow_self"] else 2):
        return 0
    return len(item.doc) * width + n * (width + n * FLOATS_PER_PAIR)


def _find_relations(
    tables: PairTables, cuts: Sequence[float]
) -> Iterator[tuple[int, ScoredRelations, int]]:
    """Find the relations of the documents of a batch.

    cuts (c): lowest raw score of a relation for each label.
    YIELDS: place of a document, its relations, and the number allowed if there are more, else 0.
    """
    # A model that was assembled without data has seen nothing.
    is_limited = tables.cfg["type_pairs"] == "seen" and tables.model.attrs["type_pairs"]
    known = _known_pairs(tables.model) if is_limited else None
    number = {label: i for i, label in enumerate(tables.model.attrs["span_labels"], start=1)}
    for places, factors in tables.of_spans():
        spans = [tables.batch[i].spans for i in places]
        device = factors[0].mask.device
        types = torch.zeros(len(places), factors[0].length, dtype=torch.long)
        for row, own in enumerate(spans):
            types[row, : len(own)] = torch.tensor([number.get(span.label, 0) for span in own])
        most = [tables.cfg["max_relations"] or RELATIONS_PER_SPAN * len(own) for own in spans]
        found = decode_pairs(
            factors,
            torch.tensor(cuts, device=device),
            types.to(device),
            None if known is None else known.to(device),
            # One more than may remain tells whether there are more.
            max_pairs=[n + 1 for n in most],
        ).to_host()
        for row, place in enumerate(places):
            mine = found.take(found.document == row)
            more = len(mine.score) > most[row]
            yield place, _as_relations(mine, most[row]), most[row] if more else 0


def _as_relations(found: DecodedSpans, most: int) -> ScoredRelations:
    """The best pairs of one document, as many as allowed."""
    if len(found.score) > most:
        found = found.take(found.score.argsort(descending=True, stable=True)[:most].sort()[0])
    score = (2 * found.score).sigmoid().float()
    return ScoredRelations(*(x.numpy() for x in (found.label, found.start, found.last, score)))


def _known_pairs(model: Model) -> Tensor:
    """(t, c, t): whether a relation may lead from a span label to another; 0 is unknown labels."""
    number = {label: i for i, label in enumerate(model.attrs["span_labels"], start=1)}
    index = {label: i for i, label in enumerate(model.attrs["labels"])}
    known = torch.zeros(len(number) + 1, len(index), len(number) + 1, dtype=torch.bool)
    for head, label, child in model.attrs["type_pairs"]:
        known[number[head], index[label], number[child]] = True
    return known
