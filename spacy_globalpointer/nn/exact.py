"""The sum of exp(score) cell by cell, for scores too large for a matrix product.

Here each (document, label) counts as a document with one label: the definition, in blocks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .cells import BLOCK_CELLS
from .factors import SpanFactors


class Gradients(NamedTuple):
    """Gradients of the factors, each with the shape of its factor."""

    query: Tensor
    key: Tensor
    start_bias: Tensor
    end_bias: Tensor
    pair_bias: Tensor | None


def exact_log_sums(factors: SpanFactors, sums: Tensor, excluded: Tensor) -> Tensor:
    """log of the sum of exp(score) over all cells except the excluded ones, cell by cell.

    factors (b documents, c labels, l tokens): with one group.
    sums (p, 2): document and label of each.
    excluded (n, 3): cells (document, start, last).
    RETURNS (p, s): -inf where no cell starts.
    """
    log_sums = factors.start_bias.new_empty(len(sums), factors.n_starts)
    for block in _blocks(factors, sums, excluded):
        log_sums[block.places, block.starts] = block.scores.logsumexp(2)
    return log_sums


def add_exact_gradients(
    gradients: Gradients,
    factors: SpanFactors,
    sums: Tensor,
    excluded: Tensor,
    grad: Tensor,
    log_sums: Tensor,
) -> None:
    """Add the gradients of these sums to those of the factors, in place.

    grad, log_sums (b, s, c): gradient and value of all sums.
    """
    d_query, d_key, d_start, d_end, d_pair = gradients
    for block in _blocks(factors, sums, excluded):
        s, e = block.starts, block.lasts
        document, label = sums[block.places].unbind(1)
        total, weight = log_sums[document, s, label], grad[document, s, label]  # (n, s)
        d_scores = (block.scores - total[..., None]).exp_().mul_(weight[..., None])
        d_query[:, 0, s].index_add_(0, document, d_scores @ factors.key[document, 0, e])
        d_key[:, 0, e].index_add_(
            0, document, d_scores.transpose(1, 2) @ factors.query[document, 0, s]
        )
        d_start[document, s, label] += d_scores.sum(2)
        d_end[document, e, label] += d_scores.sum(1)
        if d_pair is not None:
            d_pair[:, s, e].index_add_(0, document, d_scores)


class _Block(NamedTuple):
    """Scores (n, s, e) of some sums, those at places, in one block of the table."""

    places: slice
    starts: slice
    lasts: slice
    scores: Tensor


def _blocks(factors: SpanFactors, sums: Tensor, excluded: Tensor) -> Iterator[_Block]:
    """Scores of the sums, taking as many at once as there are documents, or as fit in a block."""
    # One by one, 10,000 labels of a short text would take a thousand times as long as a product.
    width = max(factors.n_starts, 2 * factors.query.shape[-1])
    at_once = max(len(factors.mask), BLOCK_CELLS // (factors.length * width))
    no_token = ~factors.mask[..., None]
    start_bias = factors.start_bias.masked_fill(no_token[:, : factors.n_starts], -torch.inf)
    end_bias = factors.end_bias.masked_fill(no_token, -torch.inf)
    for first in range(0, len(sums), at_once):
        places = slice(first, first + at_once)
        document, label = sums[places].unbind(1)
        of_sums = SpanFactors(
            factors.query[document],
            factors.key[document],
            start_bias[document, :, label, None],
            end_bias[document, :, label, None],
            factors.mask[document],
            factors.cells,
            pair_bias=None if factors.pair_bias is None else factors.pair_bias[document],
        )
        cell, of_sum = (excluded[:, :1] == document).nonzero().unbind(1)
        _, start, last = excluded[cell].unbind(1)
        for s, e in of_sums.blocks():
            shared = of_sums.shared_scores(s, e)
            scores = shared + of_sums.start_bias[:, s] + of_sums.end_bias[:, e].transpose(1, 2)
            inside = (start >= s.start) & (start < s.stop)
            cells = of_sum[inside], start[inside] - s.start, last[inside] - e.start
            scores[cells] = -torch.inf
            yield _Block(places, s, e, scores)
