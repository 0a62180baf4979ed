"""The loss of a batch of relations and the gradient of the rows."""

import math
from collections.abc import Collection, Iterator, Mapping

import torch
from thinc.types import Floats2d
from torch import Tensor

from ..losses import SpanLoss
from ..nn import SpanFactors, pair_cells
from ..spans import LabelledRelation
from .relation_tables import PairTables
from .tables import plain_torch
from .threads import one_thread


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
