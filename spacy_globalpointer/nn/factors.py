"""What a head returns: numbers of single tokens, from which the score of every span follows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isqrt

import torch
from torch import Tensor

from .rope import rotate

# Cells (documents x start tokens x last tokens) of one block: 1 MiB of float32.
BLOCK_CELLS = 2**18
# The same for a table with max_length: the larger a block, the more of it lies outside the band.
BAND_CELLS = 2**15


@dataclass(frozen=True)
class SpanFactors:
    """The factors of the span scores of a padded batch.

    score(b, c, s, e) = query[b, g, s] . key[b, g, e] + start_bias[b, s, c] + end_bias[b, e, c]

    with g the group of label c: labels come group by group, each group has c / g of them. One
    group is Efficient GlobalPointer, one group a label is GlobalPointer, and between lie labels
    that share an extractor.

    A row of the batch is a document, or a stretch of text from several: then `document` says in
    which of them a span starts. Only the first tokens of a row may be start tokens, s <= l.

    query (b, g, s, d), key (b, g, l, d): rotated and scaled.
    start_bias (b, s, c), end_bias (b, l, c): the terms of the label.
    mask (b, l): bool, tokens at which a span may start or end.
    max_length (tokens): longest span, None for no limit.
    document (b, s): int64, the document of each start token, from 0 on; None where each row is one.
        On the host.
    RAISES (ValueError): shapes that do not fit together, max_length below 1.
    """

    query: Tensor
    key: Tensor
    start_bias: Tensor
    end_bias: Tensor
    mask: Tensor
    max_length: int | None = None
    document: Tensor | None = None

    def __post_init__(self) -> None:
        b, g, length, d = self.key.shape
        n_starts, c = self.query.shape[2], self.start_bias.shape[-1]
        if self.query.shape != (b, g, n_starts, d) or n_starts > length:
            raise ValueError(
                "query and key must have the shapes (b, g, s, d) and (b, g, l, d) with s <= l, "
                f"were: {tuple(self.query.shape)} and {tuple(self.key.shape)}"
            )
        for name, tokens in (("start_bias", n_starts), ("end_bias", length)):
            shape = tuple(getattr(self, name).shape)
            if shape != (b, tokens, c):
                raise ValueError(f"{name} must have the shape {(b, tokens, c)}, was: {shape}")
        if self.document is not None and self.document.shape != (b, n_starts):
            raise ValueError(
                f"document must have the shape {(b, n_starts)}, was: {tuple(self.document.shape)}"
            )
        if self.mask.shape != (b, length) or self.mask.dtype != torch.bool:
            raise ValueError(
                f"mask must be bool with the shape {(b, length)}, was: {self.mask.dtype} "
                f"{tuple(self.mask.shape)}"
            )
        if g < 1 or c % g:
            raise ValueError(f"the number of labels must be a multiple of the {g} groups, was: {c}")
        if self.max_length is not None and self.max_length < 1:
            raise ValueError(f"max_length must be at least 1 token, was: {self.max_length}")

    @classmethod
    def from_rows(
        cls,
        rows: Tensor,
        mask: Tensor,
        *,
        head_size: int,
        n_labels: int,
        n_groups: int = 1,
        rope: bool = True,
        max_length: int | None = None,
        document: Tensor | None = None,
    ) -> "SpanFactors":
        """View the output rows of a head as factors.

        A row holds query and key of each group, then, unless each label has a group of its own,
        the start terms of all labels and their end terms.

        rows (b, l, 2dg + 2c) or (b, l, 2dc): one a token.
        mask (b, l): bool, tokens at which a span may start or end.
        document (b, s): the document of each start token; None where each row is one document.
        """
        width = 2 * head_size * n_groups
        # (b, l, g, 2, d) -> (b, g, 2, l, d)
        n_terms = (rows.shape[-1] - width) // 2
        extractors, start_bias, end_bias = rows.split((width, n_terms, n_terms), -1)
        pairs = extractors.unflatten(-1, (n_groups, 2, head_size)).movedim(1, 3)
        query, key = (rotate(pairs) if rope else pairs).unbind(2)
        if not n_terms:
            start_bias = end_bias = rows.new_zeros((*rows.shape[:2], n_labels))
        if document is not None:
            query, start_bias = (
                each.narrow(-2, 0, document.shape[1]) for each in (query, start_bias)
            )
        return cls(query * head_size**-0.5, key, start_bias, end_bias, mask, max_length, document)

    @property
    def n_groups(self) -> int:
        """Number of groups of labels with a query and key of their own."""
        return self.query.shape[1]

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return self.start_bias.shape[-1]

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return self.key.shape[2]

    @property
    def n_starts(self) -> int:
        """Start tokens of a row: all of them, unless it goes on where the next one starts."""
        return self.query.shape[2]

    def documents(self) -> Tensor:
        """The document of each start token.

        RETURNS (b, s): int64, on the host.
        """
        if self.document is not None:
            return self.document
        return torch.arange(len(self.mask))[:, None].expand(-1, self.n_starts)

    def allowed(self) -> Tensor:
        """Which spans exist: start <= last, not longer than max_length, both tokens in the mask.

        RETURNS (b, s, e): bool.
        """
        position = torch.arange(self.length, device=self.mask.device)
        start, last = position[: self.n_starts, None], position[None]
        band = start <= last
        if self.max_length is not None:
            band = band & (last < start + self.max_length)
        return band & self.mask[:, : self.n_starts, None] & self.mask[:, None]

    def scores(self) -> Tensor:
        """Score every span for every label: the definition, for tests and for reading.

        RETURNS (b, c, s, e): -inf where no span can be.
        """
        shared = torch.einsum("bgsd,bged->bgse", self.query, self.key)
        shared = shared.repeat_interleave(self.n_labels // self.n_groups, 1)  # (b, c, s, e)
        start, end = self.start_bias.transpose(1, 2), self.end_bias.transpose(1, 2)  # (b, c, l)
        scores = shared + start[..., :, None] + end[..., None, :]
        return scores.masked_fill(~self.allowed()[:, None], -torch.inf)

    def scores_of(self, spans: Tensor) -> Tensor:
        """Score some spans.

        spans (n, 4): rows of document, label, start, last.
        RETURNS (n): -inf where no span can be.
        """
        b, c, s, e = spans.unbind(1)
        g = c // (self.n_labels // self.n_groups)
        shared = (self.query[b, g, s] * self.key[b, g, e]).sum(-1)
        scores = shared + self.start_bias[b, s, c] + self.end_bias[b, e, c]
        possible = self.mask[b, s] & self.mask[b, e] & (s <= e)
        if self.max_length is not None:
            possible &= e < s + self.max_length
        return scores.masked_fill(~possible, -torch.inf)

    def fold(self) -> "SpanFactors":
        """The same scores with one group: each group becomes a row, and a document, of its own.

        RETURNS: factors of b * g rows and c / g labels.
        """
        if self.n_groups == 1:
            return self
        (b, g), shape = self.query.shape[:2], (self.n_groups, -1)
        # (b, l, c) -> (b, g, l, c / g) -> (b * g, l, c / g)
        start, end = (
            bias.unflatten(-1, shape).transpose(1, 2).flatten(0, 1)
            for bias in (self.start_bias, self.end_bias)
        )
        query, key = self.query.flatten(0, 1)[:, None], self.key.flatten(0, 1)[:, None]
        mask = self.mask[:, None].expand(b, g, -1).flatten(0, 1)
        document = self.document
        if document is not None:  # (b, s) -> (b, g, s) -> (b * g, s)
            document = document[:, None] * g + torch.arange(g)[:, None]
            document = document.flatten(0, 1)
        return SpanFactors(query, key, start, end, mask, self.max_length, document)

    def times(self, number: float) -> "SpanFactors":
        """Factors of the scores times a number."""
        query, start, end = (number * each for each in (self.query, self.start_bias, self.end_bias))
        return replace(self, query=query, start_bias=start, end_bias=end)

    def in_float32(self) -> "SpanFactors":
        """The same factors in float32 if they came in half precision: sums of exponents need it."""
        if self.query.dtype not in (torch.float16, torch.bfloat16):
            return self
        names = ("query", "key", "start_bias", "end_bias")
        return replace(self, **{name: getattr(self, name).float() for name in names})

    def blocks(self, size: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Cut the table of spans into blocks of start tokens.

        size (tokens): start tokens of a block; None for as many as the budget of cells holds.
        YIELDS (s) and (e): a block's start tokens, and the last tokens their spans may have.
        """
        reach = self.length if self.max_length is None else self.max_length
        if size is None:
            budget = BLOCK_CELLS if reach >= self.length else BAND_CELLS
            cells = max(1, budget // len(self.mask))  # of each document
            # A block of s start tokens has up to s + reach last tokens.
            size = max(16, cells // min(self.length, reach + isqrt(cells)))
        for start in range(0, self.n_starts, size):
            stop = min(start + size, self.n_starts)
            yield slice(start, stop), slice(start, min(stop + reach - 1, self.length))

    def shared_scores(self, starts: slice, lasts: slice) -> Tensor:
        """What the scores of all labels have in common, for one of the blocks; needs one group.

        The mask is left to the terms of start and last token: it is no matter of cells.

        RETURNS (b, s, e): query . key, -inf where last is before start or too far behind it.
        """
        shape = starts.stop - starts.start, lasts.stop - lasts.start
        band = _band(shape, self.max_length, self.query.dtype, self.query.device)
        return torch.baddbmm(band, self.query[:, 0, starts], self.key[:, 0, lasts].transpose(1, 2))


# With max_length all blocks but the last few have one shape.
@lru_cache(maxsize=4)
def _band(
    shape: tuple[int, int], max_length: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """(s, e): 0 where last is at start or behind it, but not too far; -inf elsewhere."""
    no_span = torch.full(shape, -torch.inf, dtype=dtype, device=device)
    band = no_span.tril(-1)
    return band if max_length is None else band + no_span.triu(max_length)
