"""From spans to scored relations, in chunks that fit into memory."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d
from torch import Tensor

from ..models import DocSpans
from ..nn import DecodedSpans, SpanFactors, decode_pairs, is_known, pair_cells, to_probability
from ..spans import LabelledRelation
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

    label (index), head, child (n): int64, numbers of spans; score (n): float32, a probability
        unless raw was set.
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
    model: Model,
    batch: Sequence[DocSpans],
    cuts: Sequence[float],
    cfg: dict[str, Any],
    *,
    raw: bool = False,
) -> RelationPrediction:
    """Find the relations of each document whose score reaches the cut of its label.

    cuts (c): lowest raw score of a relation for each label.
    cfg: `pair_settings` of the component.
    raw: return raw scores, which still differ where probabilities are all 1.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    (found,), _ = find_and_score_relations(model, batch, [(cuts, cfg)], [{} for _ in batch], raw)
    return found


def find_and_score_relations(
    model: Model,
    batch: Sequence[DocSpans],
    searches: Sequence[tuple[Sequence[float], dict[str, Any]]],
    given: Sequence[Mapping[LabelledRelation, LabelledRelation]],
    raw: bool = False,
) -> tuple[list[RelationPrediction], list[dict[LabelledRelation, float]]]:
    """Find relations in several ways and score given ones: the model runs once on each document.

    searches: cuts and cfg of each way, as `predict_relations` takes them, which differ only in
        thresholds and max_relations.
    given: relations of each document to score, found or not, under any key; with labels of the
        model, and forward if the label is symmetric.
    raw: return raw scores of the found relations.
    RETURNS: what each search finds; and the probabilities of the given relations of each document,
        by their keys, without those that can never be found.
    RAISES (ValueError): the encoder is another component that has not run.
    """
    results = [RelationPrediction([NO_RELATIONS_FOUND] * len(batch), []) for _ in searches]
    scores: list[dict[LabelledRelation, float]] = [{} for _ in batch]
    cfg = searches[0][1]

    @one_thread
    @plain_torch()
    def read(chunk: Sequence[int], rows: list[Floats2d]) -> None:
        tables = PairTables(model, [batch[i] for i in chunk], rows, cfg)
        for places, factors in tables.of_spans():
            table = _TypedTable(tables, places, factors)
            numbers = [chunk[i] for i in places]
            for (cuts, own_cfg), result in zip(searches, results, strict=True):
                for place, found in zip(numbers, table.find(cuts, own_cfg, raw), strict=True):
                    result.relations[place], most = found
                    result.full.extend([(batch[place].doc, most)] if most else [])
            for place, own in zip(numbers, table.score([given[i] for i in numbers]), strict=True):
                scores[place] = own

    for chunk in chunk_places([_count_floats(model, item, cfg) for item in batch]):
        require_encoder(model, [batch[i].doc for i in chunk])
        read(chunk, model.predict([batch[i] for i in chunk]))
    return results, scores


def _count_floats(model: Model, item: DocSpans, cfg: dict[str, Any]) -> int:
    """Numbers that are held for a document; 0 if it has no pair."""
    n, width = len(item.spans), model.attrs["layout"].factor_width
    if n < (1 if cfg["allow_self"] else 2):
        return 0
    return len(item.doc) * width + n * (width + n * FLOATS_PER_PAIR)


class _TypedTable:
    """The pairs of some documents of a batch, and which labels may join the types of spans."""

    def __init__(
        self, tables: PairTables, places: Sequence[int], factors: Sequence[SpanFactors]
    ) -> None:
        model, device = tables.model, factors[0].mask.device
        self.factors, self.labels = factors, model.attrs["labels"]
        self.spans = [tables.batch[i].spans for i in places]
        number = {label: i for i, label in enumerate(model.attrs["span_labels"], start=1)}
        types = torch.zeros(len(places), factors[0].length, dtype=torch.long)
        for row, own in enumerate(self.spans):
            types[row, : len(own)] = torch.tensor([number.get(span.label, 0) for span in own])
        self.types = types.to(device)
        # A model that was assembled without data has seen nothing.
        is_limited = tables.cfg["type_pairs"] == "seen" and model.attrs["type_pairs"]
        self.known = _known_pairs(model).to(device) if is_limited else None

    def find(
        self, cuts: Sequence[float], cfg: dict[str, Any], raw: bool
    ) -> Iterator[tuple[ScoredRelations, int]]:
        """Find relations.

        YIELDS: those of each document, and the number allowed if there are more, else 0.
        """
        per_span = cfg.get("per_span", RELATIONS_PER_SPAN)
        most = [cfg["max_relations"] or per_span * len(own) for own in self.spans]
        found = decode_pairs(
            self.factors,
            torch.tensor(cuts, device=self.types.device),
            self.types,
            self.known,
            # One more than may remain tells whether there are more.
            max_pairs=[n + 1 for n in most],
        ).to_host()
        for row, allowed in enumerate(most):
            mine = found.take(found.document == row)
            more = len(mine.score) > allowed
            yield _as_relations(mine, allowed, raw), allowed if more else 0

    def score(
        self, given: Sequence[Mapping[LabelledRelation, LabelledRelation]]
    ) -> list[dict[LabelledRelation, float]]:
        """Probabilities of given relations of each document that can be found, by their keys."""
        scores: list[dict[LabelledRelation, float]] = [{} for _ in given]
        index = {label: i for i, label in enumerate(self.labels)}
        keys, pairs = [], []
        for row, own in enumerate(given):
            number = {span: n for n, span in enumerate(self.spans[row])}
            for key, (head, child, label) in own.items():
                if head in number and child in number:
                    keys.append((row, key))
                    pairs.append((row, index[label], number[head], number[child]))
        if not pairs:
            return scores
        places = torch.tensor(pairs, device=self.types.device)
        cells = pair_cells(places, len(given))
        score = torch.stack([x.in_float32().scores_of(cells) for x in self.factors]).amin(0)
        if self.known is not None:
            document, labels, heads, children = places.unbind(1)
            rows = self.types[document, heads], labels, self.types[document, children]
            can_be = is_known(torch.stack(rows, 1), self.known)
            score = score.masked_fill(~can_be, -torch.inf)
        for (row, key), value in zip(keys, to_probability(score).tolist(), strict=True):
            if value > 0:
                scores[row][key] = value
        return scores


def _as_relations(found: DecodedSpans, most: int, raw: bool) -> ScoredRelations:
    """The best pairs of one document, as many as allowed."""
    if len(found.score) > most:
        found = found.take(found.score.argsort(descending=True, stable=True)[:most].sort()[0])
    score = (found.score if raw else to_probability(found.score)).float()
    return ScoredRelations(*(x.numpy() for x in (found.label, found.start, found.last, score)))


def _known_pairs(model: Model) -> Tensor:
    """Rows (span label, label, span label) of what was seen together; 0 is unknown span labels."""
    number = {label: i for i, label in enumerate(model.attrs["span_labels"], start=1)}
    index = {label: i for i, label in enumerate(model.attrs["labels"])}
    rows = [(number[x], index[label], number[y]) for x, label, y in model.attrs["type_pairs"]]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 3)
