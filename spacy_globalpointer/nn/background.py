"""The sum of exp(score) over nearly all cells of the table, and its gradient, by hand.

score(s, e, c) = shared(s, e) + start(s, c) + end(e, c), so with S, E, L the exponentials of the
three, the sum over a block of start tokens is sum_s S * (E @ L): a product of matrices for all
labels at once. The gradient of shared is E * ((S * weight) @ L'). Both need E of one block of
start tokens at a time, so memory is O(block x L) for any number of labels.

Range: E is shifted by its column maximum, S and L by the maximum of each label, so no exponent is
above 0. What underflows then is below exp(bound) * tiny, with bound the sum of the shifts. For
labels where that would not vanish beside the 1 of log(1 + sum), the block is summed cell by cell.
"""

import math
from collections.abc import Iterator
from typing import Any, Optional

import torch
from torch import Tensor

from .factors import SpanFactors


def log_background(factors: SpanFactors, excluded: Tensor, block: Optional[int] = None) -> Tensor:
    """log(1 + sum of exp(score)) over all spans but the excluded, per document and label.

    factors (b documents, c labels, l tokens): with one group.
    excluded (n, 3): cells (document, start, last), no duplicates.
    block (tokens): start tokens summed at once; None for the size of `blocks`.
    RETURNS (b, c): non-negative, differentiable.
    """
    query, key, start, end = factors.query, factors.key, factors.start_bias, factors.end_bias
    log_sum: Tensor = _Background.apply(query, key, start, end, factors, excluded, block)
    return log_sum


class _Background(torch.autograd.Function):
    """Two passes over the blocks; between them only the factors and the sums are kept."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        start_bias: Tensor,
        end_bias: Tensor,
        factors: SpanFactors,
        excluded: Tensor,
        block: Optional[int],
    ) -> Tensor:
        # The first four are those of factors: autograd follows arguments, not fields.
        log_sum = start_bias.new_zeros(start_bias.shape[0], start_bias.shape[2])
        for part in _parts(factors, excluded, block):
            log_sum = torch.logaddexp(log_sum, part.log_sum())
        ctx.save_for_backward(query, key, start_bias, end_bias, excluded, log_sum)
        ctx.mask, ctx.max_length, ctx.block = factors.mask, factors.max_length, block
        return log_sum

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Optional[Tensor], ...]:
        query, key, start_bias, end_bias, excluded, log_sum = ctx.saved_tensors
        factors = SpanFactors(query, key, start_bias, end_bias, ctx.mask, ctx.max_length)
        d_query, d_key = torch.zeros_like(query), torch.zeros_like(key)
        d_start, d_end = torch.zeros_like(start_bias), torch.zeros_like(end_bias)
        for part in _parts(factors, excluded, ctx.block):
            s, e = part.starts, part.lasts
            d_shared, d_start_part, d_end_part = part.gradient(grad, log_sum)
            d_start[:, s] += d_start_part
            d_end[:, e] += d_end_part
            d_query[:, 0, s] += d_shared @ key[:, 0, e]
            d_key[:, 0, e] += d_shared.transpose(1, 2) @ query[:, 0, s]
        return d_query, d_key, d_start, d_end, None, None, None


def _parts(factors: SpanFactors, excluded: Tensor, block: Optional[int]) -> Iterator["_Part"]:
    """Cut the table into blocks of start tokens, with the excluded cells of each."""
    excluded = excluded[excluded[:, 1].argsort()]
    blocks = list(factors.blocks(block))
    borders = torch.tensor([s.stop for s, _ in blocks[:-1]], device=excluded.device)
    counts = torch.searchsorted(excluded[:, 1].contiguous(), borders).tolist()
    cells = torch.tensor_split(excluded, counts)
    for (starts, lasts), inside in zip(blocks, cells, strict=True):
        yield _Part(factors, starts, lasts, inside)


class _Part:
    """One block of start tokens: exponentials of its shifted factors.

    E (b, s, e): of what labels share, 0 where no span counts.
    S (b, s, c), L (b, e, c): of the terms of start and last token.
    bound (b, c): sum of the shifts; no score of the block is higher.
    """

    def __init__(self, factors: SpanFactors, starts: slice, lasts: slice, excluded: Tensor) -> None:
        self.starts, self.lasts = starts, lasts
        self.start, self.end = factors.start_bias[:, starts], factors.end_bias[:, lasts]
        shared = factors.shared_scores(starts, lasts)
        b, s, e = excluded.unbind(1)
        shared[b, s - starts.start, e - lasts.start] = -torch.inf

        column = shared.amax(1)  # (b, e)
        end = self.end + column[..., None]
        # A column or a block without any span has the maximum -inf, of which nothing can be taken.
        end_shift = end.amax(1).nan_to_num(neginf=0.0)  # (b, c)
        start_shift = self.start.amax(1)  # (b, c)
        self.bound = start_shift + end_shift
        self.S = (self.start - start_shift[:, None]).exp_()
        self.L = end.sub_(end_shift[:, None]).exp_()

        self.exact = self.bound > _safe_bound(shared)
        self.exact_pairs = self.exact.nonzero()
        # Only documents with such labels need their unshifted scores again.
        self.raw = {int(b): shared[b].clone() for b in self.exact_pairs[:, 0].unique()}
        self.E = shared.sub_(column.nan_to_num(neginf=0.0)[:, None]).exp_()

    def log_sum(self) -> Tensor:
        """log of the sum of exp(score) over the block.

        RETURNS (b, c): -inf where the block has no span.
        """
        log_sum = (self.S * (self.E @ self.L)).sum(1).log() + self.bound
        for b, c, scores in self._exact_scores():
            log_sum[b, c] = scores.flatten().logsumexp(0)
        return log_sum

    def gradient(self, grad: Tensor, log_sum: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient of sum(grad * log_sum), log_sum being that over all blocks.

        grad, log_sum (b, c).
        RETURNS (b, s, e), (b, s, c), (b, e, c): for the shared scores, start and end terms.
        """
        weight = (grad * (self.bound - log_sum).exp()).masked_fill(self.exact, 0.0)
        weighted = self.S * weight[:, None]
        d_shared = (weighted @ self.L.transpose(1, 2)).mul_(self.E)
        d_start = (self.E @ self.L).mul_(weighted)
        d_end = (self.E.transpose(1, 2) @ weighted).mul_(self.L)
        for b, c, scores in self._exact_scores():
            d_scores = scores.sub_(log_sum[b, c]).exp_().mul_(grad[b, c])  # (s, e)
            d_shared[b] += d_scores
            d_start[b, :, c] += d_scores.sum(1)
            d_end[b, :, c] += d_scores.sum(0)
        return d_shared, d_start, d_end

    def _exact_scores(self) -> Iterator[tuple[int, int, Tensor]]:
        """Scores (s, e) of each document and label that the products cannot sum safely."""
        for b, c in self.exact_pairs.tolist():
            yield b, c, self.raw[b] + self.start[b, :, c, None] + self.end[b, None, :, c]


def _safe_bound(table: Tensor) -> float:
    """Highest sum of shifts at which all that underflows together is below rounding beside 1."""
    limits, cells = torch.finfo(table.dtype), table.shape[1] * table.shape[2]
    return -math.log(limits.tiny) + math.log(limits.eps) - math.log(cells)
