"""The sum of exp(score) over nearly all cells of the table, and its gradient, by hand.

score(s, e, c) = shared(s, e) + start(s, c) + end(e, c), so with S, E, L the exponentials of the
three, the sum over a block of start tokens is sum_s S * (E @ L): a product of matrices for all
labels at once. The gradient of shared is E * ((S * weight) @ L'). Both need E of one block of
start tokens at a time, so memory is O(block x L) for any number of labels.

Range: E is shifted by its row maximum, S and L by the maximum of each label, so no exponent is
above 0. What underflows then is below exp(bound) * tiny, with bound the sum of the shifts. Labels
where that would not vanish beside the 1 of log(1 + sum) are summed cell by cell instead.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor

from .exact import add_exact_gradients, exact_log_sums
from .factors import BLOCK_CELLS, SpanFactors

# Blocks of so many cells together are kept for the gradient; those of larger tables are made again.
KEPT_CELLS = 4 * BLOCK_CELLS


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
    """Two passes over the blocks; between them the factors and the sums are kept."""

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
        sums = _Sums(factors, excluded, block)
        log_sum = end_bias.new_zeros(end_bias.shape[0], end_bias.shape[2])
        highest = torch.full_like(log_sum, -torch.inf)
        for part in sums.parts():
            log_sum = torch.logaddexp(log_sum, part.log_sum())
            highest = torch.maximum(highest, part.bound)
        unsafe = highest > _safe_bound(factors)
        pairs = unsafe.nonzero()
        if len(pairs):
            log_sum[unsafe] = exact_log_sums(factors, pairs, excluded)
        ctx.sums, ctx.unsafe, ctx.pairs = sums, unsafe, pairs
        ctx.save_for_backward(log_sum)
        return log_sum

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Optional[Tensor], ...]:
        (log_sum,) = ctx.saved_tensors
        sums, factors = ctx.sums, ctx.sums.factors
        query, key = factors.query[:, 0], factors.key[:, 0]
        d_query, d_key = torch.zeros_like(query), torch.zeros_like(key)
        d_start, d_end = torch.zeros_like(factors.start_bias), torch.zeros_like(factors.end_bias)
        for part in sums.parts():
            s, e = part.starts, part.lasts
            weight = (part.bound - log_sum).exp_().mul_(grad).masked_fill_(ctx.unsafe, 0.0)
            weighted = part.S * weight[:, None]
            d_start[:, s] = part.row_sums * weighted
            d_end[:, e] += part.E.transpose(1, 2) @ weighted
            d_shared = (weighted @ sums.L[:, e].transpose(1, 2)).mul_(part.E)
            d_query[:, s] = d_shared @ key[:, e]
            d_key[:, e] += d_shared.transpose(1, 2) @ query[:, s]
        gradients = d_query[:, None], d_key[:, None], d_start, d_end.mul_(sums.L)
        if len(ctx.pairs):
            add_exact_gradients(gradients, factors, ctx.pairs, sums.excluded, grad, log_sum)
        return (*gradients, None, None, None)


class _Part(NamedTuple):
    """One block of start tokens.

    E (b, s, e): exponentials of what labels share, 0 where no span counts.
    S (b, s, c): exponentials of the start terms.
    row_sums (b, s, c): E @ L.
    bound (b, c): sum of the shifts; no score of the block is higher.
    """

    starts: slice
    lasts: slice
    E: Tensor
    S: Tensor
    row_sums: Tensor
    bound: Tensor

    def log_sum(self) -> Tensor:
        """log of the sum of exp(score) over the block.

        RETURNS (b, c): -inf where the block has no span.
        """
        return (self.S * self.row_sums).sum(1).log() + self.bound


class _Sums:
    """The blocks of a table, and what they share.

    L (b, e, c): exponentials of the terms of the last token.
    """

    def __init__(self, factors: SpanFactors, excluded: Tensor, block: Optional[int]) -> None:
        self.factors, self.excluded = factors, excluded
        self.blocks = list(factors.blocks(block))
        self.is_token = factors.mask[..., None]
        self.end_shift = factors.end_bias.amax(1)  # (b, c)
        self.L = (factors.end_bias - self.end_shift[:, None]).exp_().mul_(self.is_token)
        cells = sum((s.stop - s.start) * (e.stop - e.start) for s, e in self.blocks)
        self.keeps = cells * len(factors.mask) <= KEPT_CELLS
        self.kept: list[_Part] = []

    def parts(self) -> Iterator[_Part]:
        """Compute each block, or take it from where the first pass has kept it."""
        if self.kept:
            yield from self.kept
            return
        _, start, _ = self.excluded.unbind(1)
        order = start.argsort()
        borders = torch.tensor([s.stop for s, _ in self.blocks[:-1]], device=start.device)
        inside = torch.tensor_split(
            self.excluded[order], torch.searchsorted(start[order], borders).tolist()
        )
        for (starts, lasts), cells in zip(self.blocks, inside, strict=True):
            part = self._part(starts, lasts, cells)
            if self.keeps:
                self.kept.append(part)
            yield part

    def _part(self, starts: slice, lasts: slice, excluded: Tensor) -> _Part:
        shared = self.factors.shared_scores(starts, lasts)
        b, s, e = excluded.unbind(1)
        shared[b, s - starts.start, e - lasts.start] = -torch.inf
        row = shared.amax(2, keepdim=True)  # (b, s, 1)
        start = self.factors.start_bias[:, starts] + row
        # A row or a block without any span has the maximum -inf, of which nothing can be taken.
        start_shift = start.amax(1).nan_to_num(neginf=0.0)  # (b, c)
        E = shared.sub_(row.nan_to_num(neginf=0.0)).exp_()
        S = start.sub_(start_shift[:, None]).exp_().mul_(self.is_token[:, starts])
        bound = start_shift + self.end_shift
        return _Part(starts, lasts, E, S, E @ self.L[:, lasts], bound)


def _safe_bound(factors: SpanFactors) -> float:
    """Highest sum of shifts at which all that underflows together is below rounding beside 1."""
    limits, cells = torch.finfo(factors.query.dtype), factors.length**2
    return -math.log(limits.tiny) + math.log(limits.eps) - math.log(cells)
