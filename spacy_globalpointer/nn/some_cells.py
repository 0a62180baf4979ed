"""A loss over a few cells, as if there were no others."""

from collections.abc import Callable

import torch
from torch import Tensor

from .cells import PAIRS
from .factors import SpanFactors


def loss_of_negatives(
    factors: SpanFactors, cells: Tensor, loss: Callable[[SpanFactors, Tensor], Tensor]
) -> Tensor:
    """The loss of every document and label if these cells were all there are, and none is gold.

    For spans that are known to be wrong where nothing else is known. With ZLPR that is
    log(1 + sum exp(score)) over the cells of a document, or of each start token.

    Each document and label becomes a table of its own for the loss, with the scores of its cells as
    the term of the cell and no other cell allowed.

    factors (b rows, c labels, l tokens): what a head returned, for n documents.
    cells (m, 4): row of the batch, label, start and last; cells that exist, no duplicates. On the
        host.
    loss: from factors and gold rows to (n, c).
    RETURNS (n, c): 0 where there are no cells.
    """
    factors = factors.in_float32()
    n_documents, n_labels = int(factors.documents().max()) + 1, factors.n_labels
    row, label, start, _ = cells.unbind(1)
    table = factors.documents()[row, start] * n_labels + label
    place = row * factors.n_starts + start  # of the start token in the whole batch
    order = (table * (int(place.max()) + 1) + place).argsort()
    cells, place = cells[order], place[order]
    tables, table = table[order].unique_consecutive(return_inverse=True)
    column = _places(table)
    _, same_start = torch.stack((table, place)).unique_consecutive(dim=1, return_inverse=True)
    first = column - _places(same_start)  # cells of one start token are in one line
    size = len(tables), int(column.max()) + 1
    scores = factors.scores_of(cells.to(factors.query.device))
    bias = scores.new_full((*size, size[1]), -torch.inf).index_put((table, first, column), scores)
    zeros = scores.new_zeros((*size, 1))
    few = SpanFactors(
        zeros[:, None],
        zeros[:, None],
        zeros,
        zeros,
        torch.ones(size, dtype=torch.bool, device=scores.device),
        PAIRS,
        pair_bias=bias,
    )
    losses = loss(few, torch.empty((0, 4), dtype=torch.long))
    every = losses.new_zeros(n_documents * n_labels).index_put((tables,), losses[:, 0])
    return every.view(n_documents, n_labels)


def _places(groups: Tensor) -> Tensor:
    """The place of each row in its group, from 0.

    groups (m): the group of each row, from 0 on, in order.
    """
    counts = groups.bincount()
    return torch.arange(len(groups)) - (counts.cumsum(0) - counts)[groups]
