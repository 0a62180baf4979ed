"""The sum of exp(score) cell by cell, for scores too large for a product of matrices.

Each (document, label) is a document of its own here, with one label: the definition, in blocks.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .factors import SpanFactors


def exact_log_sums(factors: SpanFactors, pairs: Tensor, excluded: Tensor) -> Tensor:
    """log of the sum of exp(score) over all spans but the excluded, cell by cell.

    factors (b documents, c labels, l tokens): with one group.
    pairs (p, 2): document and label of each sum.
    excluded (n, 3): cells (document, start, last).
    RETURNS (p, s): -inf where no span starts.
    """
    log_sums = factors.start_bias.new_empty(len(pairs), factors.n_starts)
    for block in _blocks(factors, pairs, excluded):
        log_sums[block.places, block.starts] = block.scores.logsumexp(2)
    return log_sums


def add_exact_gradients(
    gradients: tuple[Tensor, Tensor, Tensor, Tensor],
    factors: SpanFactors,
    pairs: Tensor,
    excluded: Tensor,
    grad: Tensor,
    log_sums: Tensor,
) -> None:
    """Add the gradient of the sums of the pairs to those of the factors, in place.

    gradients: of query, key, start_bias and end_bias, with the shapes of factors.
    grad, log_sums (b, s, c): gradient and value of all sums.
    """
    d_query, d_key, d_start, d_end = gradients
    for block in _blocks(factors, pairs, excluded):
        s, e = block.starts, block.lasts
        document, label = pairs[block.places].unbind(1)
        total, weight = log_sums[document, s, label], grad[document, s, label]  # (n, s)
        d_scores = (block.scores - total[..., None]).exp_().mul_(weight[..., None])
        d_query[:, 0, s].index_add_(0, document, d_scores @ factors.key[document, 0, e])
        d_key[:, 0, e].index_add_(
            0, document, d_scores.transpose(1, 2) @ factors.query[document, 0, s]
        )
        d_start[document, s, label] += d_scores.sum(2)
        d_end[document, e, label] += d_scores.sum(1)


class _Block(NamedTuple):
    """Scores (n, s, e) of some pairs, those at places, in one block of the table."""

    places: slice
    starts: slice
    lasts: slice
    scores: Tensor


def _blocks(factors: SpanFactors, pairs: Tensor, excluded: Tensor) -> Iterator[_Block]:
    """Scores of the pairs, as many as there are documents at once."""
    at_once = len(factors.mask)
    no_token = ~factors.mask[..., None]
    start_bias = factors.start_bias.masked_fill(no_token[:, : factors.n_starts], -torch.inf)
    end_bias = factors.end_bias.masked_fill(no_token, -torch.inf)
    for first in range(0, len(pairs), at_once):
        places = slice(first, first + at_once)
        document, label = pairs[places].unbind(1)
        of_pairs = SpanFactors(
            factors.query[document],
            factors.key[document],
            start_bias[document, :, label, None],
            end_bias[document, :, label, None],
            factors.mask[document],
            factors.max_length,
        )
        cell, pair = (excluded[:, :1] == document).nonzero().unbind(1)
        _, start, last = excluded[cell].unbind(1)
        for s, e in of_pairs.blocks():
            shared = of_pairs.shared_scores(s, e)
            scores = shared + of_pairs.start_bias[:, s] + of_pairs.end_bias[:, e].transpose(1, 2)
            inside = (start >= s.start) & (start < s.stop)
            cells = pair[inside], start[inside] - s.start, last[inside] - e.start
            scores[cells] = -torch.inf
            yield _Block(places, s, e, scores)
