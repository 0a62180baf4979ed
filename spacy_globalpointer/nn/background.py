"""The sum of exp(score) over nearly all cells of the table, and its gradient, by hand.

score(s, e, c) = shared(s, e) + start(s, c) + end(e, c), so with E and L the exponentials of shared
and end, the sum over the cells of a start token is exp(start(s, c)) * (E @ L)(s, c): a product of
matrices for all labels at once. The gradient of shared is E * (weight @ L'). Both need E of one
block of start tokens at a time, so memory is O(block x L) for any number of labels.

Range: E is shifted by its row maximum, L by the maximum of each label, so no exponent is above 0.
What underflows then is below exp(shift) * tiny, with shift the sum of all that was taken out.
Labels where that would not vanish beside the 1 of log(1 + sum) are summed cell by cell instead.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .cells import BLOCK_CELLS
from .exact import Gradients, add_exact_gradients, exact_log_sums
from .factors import SpanFactors

# Blocks of up to this many cells together are kept for the gradient; larger ones are recomputed.
KEPT_CELLS = 4 * BLOCK_CELLS


class _Part(NamedTuple):
    """One block of start tokens.

    E (b, s, e): exponentials of what labels share, 0 where no cell counts.
    row_sums (b, s, c): E @ L.
    shifts (b, s, c): what was taken out of the exponents; no score of the row is higher. -inf where
        no cell starts.
    """

    starts: slice
    lasts: slice
    E: Tensor
    row_sums: Tensor
    shifts: Tensor


class Background:
    """log of the sum of exp(score) over all cells but a few, per start token and label.

    Two passes over blocks of the table, one for the sums and one for the gradients; between them
    the factors are kept, and small tables.
    """

    def __init__(self, factors: SpanFactors, excluded: Tensor, block: int | None) -> None:
        """Lay out the blocks.

        factors (b rows, c labels, l tokens): with one group.
        excluded (n, 3): cells (row, start, last), no duplicates.
        block (tokens): start tokens summed at once; None for the size of `blocks`.
        """
        self.factors = factors
        self.blocks = list(factors.blocks(block))
        # Split on the device where they are, often the host, then moved in one go.
        excluded = excluded[excluded[:, 1].argsort()]
        borders = torch.tensor([s.stop for s, _ in self.blocks[:-1]], device=excluded.device)
        counts = torch.searchsorted(excluded[:, 1].contiguous(), borders).tolist()
        self.excluded = excluded.to(factors.query.device, non_blocking=True)
        self.inside = self.excluded.tensor_split(counts)  # the cells of each block
        is_token = factors.mask[..., None]
        self.may_start = is_token[:, : factors.n_starts]
        # (b, c); the maximum of a label that ends nowhere is -inf, which cannot be subtracted.
        self.end_shift = factors.end_bias.amax(1).nan_to_num(neginf=0.0)
        # (b, e, c), exponentials of the terms of the last token.
        self.L = (factors.end_bias - self.end_shift[:, None]).exp_().mul_(is_token)
        cells = sum((s.stop - s.start) * (e.stop - e.start) for s, e in self.blocks)
        self.keeps = cells * len(factors.mask) <= KEPT_CELLS
        self.kept: list[_Part] = []

    def log_sums(self) -> Tensor:
        """First pass.

        RETURNS (b, s, c): -inf where no cell starts.
        """
        log_sums = torch.empty_like(self.factors.start_bias)
        highest = torch.full_like(self.end_shift, -torch.inf)
        for part in self._parts():
            torch.add(part.row_sums.log(), part.shifts, out=log_sums[:, part.starts])
            highest = torch.maximum(highest, part.shifts.amax(1))
        self.unsafe = highest > _safe_bound(self.factors)  # (b, c)
        # The one question to a GPU, which has to finish all its work to answer.
        self.unsafe_sums = self.unsafe.nonzero()
        if len(self.unsafe_sums):
            document, label = self.unsafe_sums.unbind(1)
            exact = exact_log_sums(self.factors, self.unsafe_sums, self.excluded)
            log_sums[document, :, label] = exact
        return log_sums

    def gradients(self, grad: Tensor, log_sums: Tensor) -> Gradients:
        """Second pass: gradients of the factors.

        The gradient of each score is grad * exp(score - log_sums).

        grad (b, s, c).
        log_sums (b, s, c): non-negative, and at least what `log_sums` returned.
        RETURNS: with the shapes of the factors.
        """
        factors = self.factors
        query, key = factors.query[:, 0], factors.key[:, 0]
        d_query, d_key = torch.empty_like(query), torch.zeros_like(key)
        d_start, d_end = torch.empty_like(factors.start_bias), torch.zeros_like(self.L)
        d_pair = None if factors.pair_bias is None else torch.zeros_like(factors.pair_bias)
        for part in self._parts():
            s, e = part.starts, part.lasts
            weight = (part.shifts - log_sums[:, s]).exp_().mul_(grad[:, s])
            weight.masked_fill_(self.unsafe[:, None], 0.0)
            torch.mul(part.row_sums, weight, out=d_start[:, s])
            d_end[:, e].baddbmm_(part.E.transpose(1, 2), weight)
            d_shared = (weight @ self.L[:, e].transpose(1, 2)).mul_(part.E)
            d_query[:, s] = d_shared @ key[:, e]
            d_key[:, e].baddbmm_(d_shared.transpose(1, 2), query[:, s])
            if d_pair is not None:
                d_pair[:, s, e] = d_shared
        gradients = Gradients(d_query[:, None], d_key[:, None], d_start, d_end.mul_(self.L), d_pair)
        if len(self.unsafe_sums):
            add_exact_gradients(gradients, factors, self.unsafe_sums, self.excluded, grad, log_sums)
        return gradients

    def _parts(self) -> Iterator[_Part]:
        """Compute each block, or reuse what the first pass kept."""
        if self.kept:
            yield from self.kept
            return
        for (starts, lasts), cells in zip(self.blocks, self.inside, strict=True):
            part = self._part(starts, lasts, cells)
            if self.keeps:
                self.kept.append(part)
            yield part

    def _part(self, starts: slice, lasts: slice, excluded: Tensor) -> _Part:
        shared = self.factors.shared_scores(starts, lasts)
        b, s, e = excluded.unbind(1)
        shared[b, s - starts.start, e - lasts.start] = -torch.inf
        row = shared.amax(2, keepdim=True)  # (b, s, 1)
        shifts = self.factors.start_bias[:, starts] + row + self.end_shift[:, None]
        shifts.masked_fill_(~self.may_start[:, starts], -torch.inf)
        # The maximum of a row without any cell is -inf, which cannot be subtracted.
        E = shared.sub_(row.nan_to_num(neginf=0.0)).exp_()
        return _Part(starts, lasts, E, E @ self.L[:, lasts], shifts)


def _safe_bound(factors: SpanFactors) -> float:
    """Highest shift at which the sum of all that underflows is lost in rounding beside 1."""
    limits, cells = torch.finfo(factors.query.dtype), factors.length**2
    return -math.log(limits.tiny) + math.log(limits.eps) - math.log(cells)
