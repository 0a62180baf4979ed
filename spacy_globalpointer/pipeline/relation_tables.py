"""From the rows of a model of pairs to factors, to the loss of a batch, and to relations."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, cast

import numpy
import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..losses import SpanLoss
from ..models import DocSpans
from ..nn import (
    DecodedSpans,
    PairLayout,
    SpanFactors,
    as_directed,
    buckets,
    decode_pairs,
    padded_index,
    pair_cells,
)
from ..spans import LabelledRelation
from .tables import plain_torch
from .threads import one_thread

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


class PairTables:
    """The tables of one batch."""

    def __init__(
        self, model: Model, batch: Sequence[DocSpans], rows: Sequence[Floats2d], cfg: dict[str, Any]
    ) -> None:
        """Put the rows of all documents side by side, and the terms of their pairs.

        rows: output of the model for each document.
        cfg: allow_self, max_distance and symmetric of the component.
        RAISES (ValueError): rows that are not finite numbers.
        """
        self.model, self.batch, self.cfg = model, batch, cfg
        self.layout: PairLayout = model.attrs["layout"]
        self.lengths = [len(own) for own in rows]
        self.offsets = list(accumulate(self.lengths, initial=0))
        width, xp = self.layout.factor_width, model.ops.xp
        self.leaves = [xp2torch(xp.vstack([own[:, :width] for own in rows]))]
        if not self.layout.of_tokens:
            pairs = xp.concatenate([own[:, width:].ravel() for own in rows])
            self.leaves.append(xp2torch(pairs))
        if not all(bool(leaf.isfinite().all()) for leaf in self.leaves):
            raise ValueError(
                "the model's output must be finite, but some numbers are not. The encoder has "
                "diverged or its input is broken. To fix: use a lower learning rate, a longer "
                "warm-up, grad_clip in the optimizer, or no mixed precision"
            )
        labels = model.attrs["labels"]
        self.symmetric = self._move(torch.tensor([label in cfg["symmetric"] for label in labels]))

    def of_spans(self) -> Iterator[tuple[list[int], list[SpanFactors]]]:
        """The pairs of spans: documents with about as many spans together.

        YIELDS: places in the batch, and the tables whose lowest score counts.
        """
        counts = [len(spans) for _, spans in self.batch]
        for places in buckets(counts, tables=2):
            starts, ends, mask = self._borders(places)
            bias = self._forbidden(starts, ends)
            if self.layout.of_tokens:
                first = self.leaves[0][self._first(places)[:, None] + starts]
                last = self.leaves[0][self._first(places)[:, None] + ends - 1]
                each = [self.layout.factors(first, mask)[0], self.layout.factors(last, mask)[1]]
                yield places, [as_directed(one, one, bias, self.symmetric) for one in each]
            else:
                index, _ = padded_index(*self._extents(places))
                both = self.layout.factors(self.leaves[0][self._move(index)], mask)
                bias = bias + self.leaves[1][self._pair_index(places)]
                yield places, [as_directed(*both, bias, self.symmetric)]

    def of_tokens(self, documents: Sequence[int]) -> Iterator[tuple[list[int], list[SpanFactors]]]:
        """The pairs of tokens, if rows are of tokens: documents of similar length together.

        documents: places in the batch.
        YIELDS: places, and the tables of first and of last tokens.
        """
        for bucket in buckets([self.lengths[i] for i in documents], tables=2):
            places = [documents[i] for i in bucket]
            index, mask = padded_index(*self._extents(places))
            yield (
                places,
                list(self.layout.factors(self.leaves[0][self._move(index)], self._move(mask))),
            )

    def unflatten(self, gradients: Sequence[Tensor]) -> list[Floats2d]:
        """Gradients of the leaves as those of the rows of each document."""
        ops = self.model.ops
        flat = cast(Floats2d, torch2xp(gradients[0]))
        parts = ops.unflatten(flat, ops.asarray1i(self.lengths))
        if self.layout.of_tokens:
            return parts
        tables = gradients[1].split([n * n for n in self.lengths])
        pairs = [torch2xp(x.view(n, n)) for x, n in zip(tables, self.lengths, strict=True)]
        return [ops.xp.hstack([x, own]) for x, own in zip(parts, pairs, strict=True)]

    def _extents(self, places: Sequence[int]) -> tuple[list[int], list[int]]:
        return [self.offsets[i] for i in places], [self.lengths[i] for i in places]

    def _first(self, places: Sequence[int]) -> Tensor:
        return self._move(torch.tensor([self.offsets[i] for i in places]))

    def _borders(self, places: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """First token, end and mask (b, n) of the spans of some documents; padding repeats."""
        spans = [self.batch[i].spans for i in places]
        first = list(accumulate(map(len, spans), initial=0))[:-1]
        index, mask = padded_index(first, list(map(len, spans)))
        borders = torch.tensor([(span.start, span.end) for own in spans for span in own])
        start, end = borders[index].unbind(-1)
        return self._move(start), self._move(end), self._move(mask)

    def _forbidden(self, start: Tensor, end: Tensor) -> Tensor:
        """(b, n, n): -inf for pairs that cannot be, 0 for others."""
        far = start[:, None] - end[..., None]
        gap = torch.maximum(far, far.transpose(1, 2))
        bias = torch.zeros(gap.shape, device=start.device)
        if not self.cfg["allow_self"]:
            bias.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        if self.cfg["max_distance"] is not None:
            bias.masked_fill_(gap > self.cfg["max_distance"], -torch.inf)
        return bias

    def _pair_index(self, places: Sequence[int]) -> Tensor:
        """(b, n, n): where the term of each pair is; padding repeats some of them."""
        first = list(accumulate((n * n for n in self.lengths), initial=0))
        begin, count = (torch.tensor([x[i] for i in places]) for x in (first, self.lengths))
        place = torch.minimum(torch.arange(int(count.max())), count[:, None] - 1)  # (b, n)
        index = begin[:, None, None] + place[..., None] * count[:, None, None] + place[:, None]
        return self._move(index)

    def _move(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.leaves[0].device, non_blocking=True)


@one_thread
@plain_torch()
def relation_loss(
    tables: PairTables, gold: Mapping[int, Collection[LabelledRelation]], loss: SpanLoss
) -> tuple[float, list[Floats2d]]:
    """Sum the loss over documents, labels and tables.

    gold: the relations of each annotated document, by its place; between its spans.
    loss: from factors and gold rows to (n, c).
    RETURNS: the loss, and the gradient of the rows of each document.
    RAISES (ValueError): a loss that is not finite.
    """
    leaves = [leaf.requires_grad_() for leaf in tables.leaves]
    total = torch.zeros((), device=leaves[0].device)
    with torch.enable_grad():
        for factors, rows in _training_tables(tables, gold):
            total = total + loss(factors, rows).sum()
        value = float(total.detach())
        if not math.isfinite(value):
            raise ValueError(
                f"the loss must be finite, was: {value}. The scores have grown too large. "
                "To fix: use a lower learning rate or lr_scale, or grad_clip in the optimizer"
            )
        zeros = [torch.zeros_like(leaf) for leaf in leaves]
        if not total.requires_grad:
            return value, tables.unflatten(zeros)
        gradients = torch.autograd.grad(total, leaves)
    return value, tables.unflatten(gradients)


def _training_tables(
    tables: PairTables, gold: Mapping[int, Collection[LabelledRelation]]
) -> Iterator[tuple[SpanFactors, Tensor]]:
    """The tables to learn, and their gold cells (row, label, first, second)."""
    index = {label: i for i, label in enumerate(tables.model.attrs["labels"])}
    if tables.layout.of_tokens:
        for places, (firsts, lasts) in tables.of_tokens(sorted(gold)):
            edges = [(row, r) for row, i in enumerate(places) for r in gold[i]]
            heads = {(b, index[r.label], r.head.start, r.child.start) for b, r in edges}
            tails = {(b, index[r.label], r.head.end - 1, r.child.end - 1) for b, r in edges}
            yield firsts, _cells(heads)
            yield lasts, _cells(tails)
        return
    for places, (factors,) in tables.of_spans():
        pairs = []
        for row, i in enumerate(places):
            number = {span: n for n, span in enumerate(tables.batch[i].spans)}
            pairs += [(row, index[r.label], number[r.head], number[r.child]) for r in gold[i]]
        yield factors, pair_cells(_cells(pairs), len(places))


def _cells(cells: Collection[tuple[int, ...]]) -> Tensor:
    return torch.tensor(sorted(cells), dtype=torch.long).reshape(-1, 4)


def find_relations(
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
