"""What a head returns: numbers for single tokens, from which the score of every span follows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from .cells import SPANS, Cells


class Corrections(NamedTuple):
    """What a second look adds to the scores of a few cells.

    cells (k, 3): int64, (row, start, last) of cells that exist, no duplicates; on the host.
    scores (k, c): to be added to the scores of each label.
    """

    cells: Tensor
    scores: Tensor


@dataclass(frozen=True)
class SpanFactors:
    """The factors of the span scores of a padded batch.

    score(b, c, s, e) = query[b, g, s] . key[b, g, e] + start_bias[b, s, c] + end_bias[b, e, c]
                        + pair_bias[b, s, e] + corrections[b, s, e, c]

    where g is the group of label c. One group is Efficient GlobalPointer, one group per label is
    GlobalPointer; in between, several labels share an extractor.

    The cells (s, e) are spans, or pairs in any order. In a pair, s is the first and e the second,
    and the tokens of a row can be anything that can be paired, such as the spans of a document.

    A row of the batch is a document, or a stretch of text from several; then `document` says in
    which of them a cell starts. Only the first s tokens of a row are start tokens, s <= l.

    query (b, g, s, d), key (b, g, l, d): rotated and scaled.
    start_bias (b, s, c), end_bias (b, l, c): the terms of the label.
    mask (b, l): bool, tokens at which a span may start or end.
    cells: SPANS, Cells(max_length=...) or PAIRS.
    document (b, s): int64, the document of each start token, from 0 on; None if each row is one
        document. On the host.
    pair_bias (b, s, l): the term of the cell, the same for all labels; -inf forbids a cell. None
        for no such term.
    corrections: of a few cells; None for none.
    group (c): int64, the group of each label, on the host; every group has a label. None for labels
        ordered by group, c / g in each.
    RAISES (ValueError): shapes that do not fit together, a group without a label.
    """

    query: Tensor
    key: Tensor
    start_bias: Tensor
    end_bias: Tensor
    mask: Tensor
    cells: Cells = SPANS
    document: Tensor | None = None
    pair_bias: Tensor | None = None
    corrections: Corrections | None = None
    group: Tensor | None = None

    def __post_init__(self) -> None:
        b, g, length, d = self.key.shape
        n_starts, c = self.query.shape[2], self.start_bias.shape[-1]
        if self.query.shape != (b, g, n_starts, d) or n_starts > length:
            raise ValueError(
                "query and key must have the shapes (b, g, s, d) and (b, g, l, d) with s <= l, "
                f"were: {tuple(self.query.shape)} and {tuple(self.key.shape)}"
            )
        shapes: dict[str, tuple[int, ...]] = {
            "start_bias": (b, n_starts, c),
            "end_bias": (b, length, c),
            "mask": (b, length),
            "document": (b, n_starts),
            "pair_bias": (b, n_starts, length),
            "group": (c,),
        }
        tensors: dict[str, Tensor | None] = {name: getattr(self, name) for name in shapes}
        if self.corrections is not None:
            tensors.update(self.corrections._asdict())
            shapes.update(
                cells=(len(self.corrections.cells), 3), scores=(len(self.corrections.cells), c)
            )
        for name, shape in shapes.items():
            tensor = tensors[name]
            if tensor is not None and tensor.shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, was: {tuple(tensor.shape)}")
        if self.mask.dtype != torch.bool:
            raise ValueError(f"mask must be bool, was: {self.mask.dtype}")
        if self.group is not None:
            if self.group.unique().tolist() != list(range(g)):
                raise ValueError(
                    f"group must name each of the {g} groups, was: {self.group.tolist()}"
                )
        elif g < 1 or c % g:
            raise ValueError(f"the number of labels must be a multiple of the {g} groups, was: {c}")

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
        """Start tokens of a row: all its tokens, unless it overlaps the next row."""
        return self.query.shape[2]

    def documents(self) -> Tensor:
        """The document of each start token.

        RETURNS (b, s): int64, on the host.
        """
        if self.document is not None:
            return self.document
        return torch.arange(len(self.mask))[:, None].expand(-1, self.n_starts)

    def allows(self, row: Tensor, start: Tensor, last: Tensor) -> Tensor:
        """Whether cells exist: in the table, both tokens in the mask, not forbidden as a pair.

        row, start, last: indices, of shapes that broadcast.
        RETURNS: bool, of their common shape.
        """
        allowed = self.cells.has(start, last) & self.mask[row, start] & self.mask[row, last]
        if self.pair_bias is not None:
            allowed = allowed & (self.pair_bias[row, start, last] > -torch.inf)
        return allowed

    def allowed(self) -> Tensor:
        """All cells that exist.

        RETURNS (b, s, e): bool.
        """
        row, token = (torch.arange(n, device=self.mask.device) for n in self.mask.shape)
        return self.allows(row[:, None, None], token[: self.n_starts, None], token)

    def scores(self) -> Tensor:
        """Score every span for every label: the definition, for tests and for reading.

        RETURNS (b, c, s, e): -inf where no span is possible.
        """
        shared = torch.einsum("bgsd,bged->bgse", self.query, self.key)
        shared = self._by_label(shared)  # (b, c, s, e)
        if self.pair_bias is not None:
            shared = shared + self.pair_bias[:, None]
        start, end = self.start_bias.transpose(1, 2), self.end_bias.transpose(1, 2)  # (b, c, l)
        scores = shared + start[..., :, None] + end[..., None, :]
        if self.corrections is not None:
            place, added = tuple(self.corrections.cells.T), self.corrections.scores
            scores = scores.movedim(1, -1).index_put(place, added, accumulate=True).movedim(-1, 1)
        return scores.masked_fill(~self.allowed()[:, None], -torch.inf)

    def scores_of(self, spans: Tensor) -> Tensor:
        """Score some spans.

        spans (n, 4): rows of document, label, start, last.
        RETURNS (n): -inf where no span is possible.
        """
        b, c, s, e = spans.unbind(1)
        if self.group is None:
            g = c // (self.n_labels // self.n_groups)
        else:
            g = self.group.to(c.device)[c]
        shared = (self.query[b, g, s] * self.key[b, g, e]).sum(-1)
        if self.pair_bias is not None:
            shared = shared + self.pair_bias[b, s, e]
        scores = shared + self.start_bias[b, s, c] + self.end_bias[b, e, c]
        if self.corrections is not None:
            place, added = self._find_corrected(b, s, e)
            scores = scores + added[place, c]
        return scores.masked_fill(~self.allows(b, s, e), -torch.inf)

    def _find_corrected(self, row: Tensor, start: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Where the corrections of some cells (n) stand, and a table of them with zeros for others.

        RETURNS (n) and (m, c).
        """
        cells, scores = cast(Corrections, self.corrections)
        n, s, e = torch.cat((cells.to(row.device), torch.stack((row, start, last), 1))).unbind(1)
        distinct, place = ((n * self.length + s) * self.length + e).unique(return_inverse=True)
        own, place = place[: len(cells)], place[len(cells) :]
        return place, scores.new_zeros(len(distinct), self.n_labels).index_copy(0, own, scores)

    def scores_of_all_labels(self, row: Tensor, start: Tensor, last: Tensor) -> Tensor:
        """Score cells that exist for every label, corrections apart.

        row, start, last (n): indices.
        RETURNS (n, c).
        """
        shared = (self.query[row, :, start] * self.key[row, :, last]).sum(-1)  # (n, g)
        shared = self._by_label(shared)
        if self.pair_bias is not None:
            shared = shared + self.pair_bias[row, start, last, None]
        return shared + self.start_bias[row, start] + self.end_bias[row, last]

    def _by_label(self, shared: Tensor) -> Tensor:
        """Give each label what its group has: (n, g, ...) -> (n, c, ...)."""
        if self.group is None:
            return shared.repeat_interleave(self.n_labels // self.n_groups, 1)
        return shared[:, self.group.to(shared.device)]

    def fold(self) -> "SpanFactors":
        """The same scores with one group: each group becomes a row, and a document, of its own.

        RETURNS: factors of b * g rows and c / g labels.
        RAISES (ValueError): labels that are not ordered by group, as many in each.
        """
        if self.group is not None:
            raise ValueError(
                "only groups of one size can be folded, as split_by_size makes them, was: groups "
                f"{self.group.tolist()}"
            )
        g, document, pair_bias = self.n_groups, self.document, self.pair_bias
        if g == 1:
            return self
        # (b, l, c) -> (b, g, l, c / g) -> (b * g, l, c / g)
        start, end = (
            bias.unflatten(-1, (g, -1)).transpose(1, 2).flatten(0, 1)
            for bias in (self.start_bias, self.end_bias)
        )
        query, key = self.query.flatten(0, 1)[:, None], self.key.flatten(0, 1)[:, None]
        mask = self.mask.repeat_interleave(g, 0)
        if document is not None:  # (b, s) -> (b, g, s) -> (b * g, s)
            document = (document[:, None] * g + torch.arange(g)[:, None]).flatten(0, 1)
        if pair_bias is not None:
            pair_bias = pair_bias.repeat_interleave(g, 0)
        corrections = self.corrections
        if corrections is not None:  # (k, 3) -> (k, g, 3) -> (k * g, 3)
            cells = corrections.cells.repeat_interleave(g, 0)
            cells[:, 0] = cells[:, 0] * g + torch.arange(g).repeat(len(corrections.cells))
            corrections = Corrections(cells, corrections.scores.reshape(-1, self.n_labels // g))
        return SpanFactors(
            query, key, start, end, mask, self.cells, document, pair_bias, corrections
        )

    def times(self, number: float) -> "SpanFactors":
        """Factors of the scores times a number."""
        return self._map(lambda x: number * x, ("query", "start_bias", "end_bias", "pair_bias"))

    def in_float32(self) -> "SpanFactors":
        """The same factors, half precision as float32: sums of exp(score) need it."""
        if self.query.dtype not in (torch.float16, torch.bfloat16):
            return self
        return self._map(Tensor.float, ("query", "key", "start_bias", "end_bias", "pair_bias"))

    def _map(self, function: Callable[[Tensor], Tensor], names: Iterable[str]) -> "SpanFactors":
        """Change some factors, and the scores of the corrections."""
        tensors = {name: getattr(self, name) for name in names}
        new: dict[str, Any] = {k: function(x) for k, x in tensors.items() if x is not None}
        if self.corrections is not None:
            cells, scores = self.corrections
            new["corrections"] = Corrections(cells, function(scores))
        return replace(self, **new)

    def blocks(self, size: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Cut the table into blocks of start tokens, as `Cells.blocks` does."""
        return self.cells.blocks(len(self.mask), self.n_starts, self.length, size)

    def shared_scores(self, starts: slice, lasts: slice) -> Tensor:
        """What the scores of all labels have in common, for one of the blocks; needs one group.

        The mask is not applied here, but to the start and end terms.

        RETURNS (b, s, e): query . key, plus pair_bias; -inf outside the table.
        """
        cell_bias = self.cells.band(starts, lasts, self.query)
        if self.pair_bias is not None:
            cell_bias = cell_bias + self.pair_bias[:, starts, lasts]
        query, key = self.query[:, 0, starts], self.key[:, 0, lasts]
        return torch.baddbmm(cell_bias, query, key.transpose(1, 2))
