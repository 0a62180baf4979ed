"""Which cells (start, last) a table of scores has: those of spans, or all pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

import torch
from torch import Tensor

# Cells (rows x start tokens x last tokens) of one block: 1 MiB of float32.
BLOCK_CELLS = 2**18
# The same for a table with max_length: the larger a block, the more of it lies outside the band.
BAND_CELLS = 2**15


@dataclass(frozen=True)
class Cells:
    """The cells of a table, apart from its mask. Nothing else in `nn` knows about the triangle.

    ordered: True for spans, start <= last; False for pairs in any order, also of a token with
        itself.
    max_length (tokens): longest span, None for no limit.
    RAISES (ValueError): max_length below 1, or given for pairs.
    """

    ordered: bool = True
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.max_length is None:
            return
        if self.max_length < 1:
            raise ValueError(f"max_length must be at least 1 token, was: {self.max_length}")
        if not self.ordered:
            raise ValueError(
                f"pairs in any order have no length: max_length must be None, was: "
                f"{self.max_length}. To fix: forbid single pairs with -inf in pair_bias"
            )

    def has(self, start: Tensor, last: Tensor) -> Tensor:
        """Whether these are cells of the table.

        start, last: tokens, of shapes that broadcast.
        RETURNS: bool, of their common shape.
        """
        if not self.ordered:
            shape = torch.broadcast_shapes(start.shape, last.shape)
            return torch.ones(shape, dtype=torch.bool, device=start.device)
        is_span = start <= last
        return is_span if self.max_length is None else is_span & (last < start + self.max_length)

    def blocks(
        self, n_rows: int, n_starts: int, length: int, size: int | None = None
    ) -> Iterator[tuple[slice, slice]]:
        """Cut a table into blocks of start tokens.

        n_rows, n_starts, length: b, s and l of the table.
        size (tokens): start tokens of a block; None for as many as fit the budget of cells.
        YIELDS (s) and (e): a block's start tokens, and the last tokens of its cells. For spans both
            begin at the same token.
        """
        reach = length if self.max_length is None else self.max_length
        if size is None:
            budget = BLOCK_CELLS if reach >= length else BAND_CELLS
            cells = max(1, budget // n_rows)
            # A block of s start tokens has up to s + reach last tokens.
            size = max(16, cells // min(length, reach + isqrt(cells)))
        for start in range(0, n_starts, size):
            stop = min(start + size, n_starts)
            lasts = (start, min(stop + reach - 1, length)) if self.ordered else (0, length)
            yield slice(start, stop), slice(*lasts)

    def band(self, starts: slice, lasts: slice, like: Tensor) -> Tensor:
        """What a block adds to its scores.

        like: a tensor of the dtype and on the device to use.
        RETURNS (s, e) or (): 0 for cells of the table, -inf elsewhere.
        """
        if not self.ordered:
            return like.new_zeros(())
        shape = starts.stop - starts.start, lasts.stop - lasts.start
        return _band(self, shape, like.dtype, like.device)


SPANS = Cells()
PAIRS = Cells(ordered=False)


# With max_length all blocks but the last few have one shape.
@lru_cache(maxsize=4)
def _band(cells: Cells, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
    start, last = (torch.arange(size, device=device) for size in shape)
    band = torch.zeros(shape, dtype=dtype, device=device)
    return band.masked_fill_(~cells.has(start[:, None], last), -torch.inf)
