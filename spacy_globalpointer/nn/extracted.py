"""The factors of GlobalPointer, which has an extractor for each label: some labels at a time.

The query and key of a token for every label take 2dC numbers. For 1,000 labels and 500 tokens these
are 256 MB, several times over in a training step. So they are computed for a block of labels from
the token vectors, used and forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .factors import Corrections, SpanFactors
from .label_groups import Part, split_by_size
from .layout import RowLayout

# Numbers (tokens x channels) in the queries and keys of one block of labels: 8 MiB of float32.
BLOCK_NUMBERS = 2**21


@dataclass(frozen=True)
class ExtractedFactors:
    """What `SpanFactors` has, but for token vectors in place of query and key.

    (query, key) of label c and token l = weight[c] @ vectors[l] + bias[c], then rotated and scaled.

    vectors (b, l, D): of the tokens.
    weight (c, 2d, D), bias (c, 2d): of the extractor of each label.
    layout: of the rows that the extractors make.
    mask (b, l), document (b, s), max_length, corrections: as in `RowLayout.factors`.
    """

    vectors: Tensor
    weight: Tensor
    bias: Tensor
    layout: RowLayout
    mask: Tensor
    max_length: int | None = None
    document: Tensor | None = None
    corrections: Corrections | None = None

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return len(self.weight)

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return self.vectors.shape[1]

    @property
    def n_starts(self) -> int:
        """Start tokens of a row."""
        return self.length if self.document is None else self.document.shape[1]

    def blocks(self) -> Iterator[tuple[slice, "ExtractedFactors"]]:
        """Cut the labels into blocks of as many as fit the budget, at least one.

        YIELDS: which labels, and what is known of them.
        """
        size = max(1, BLOCK_NUMBERS // max(1, self.mask.numel() * self.weight.shape[1]))
        for first in range(0, self.n_labels, size):
            labels = slice(first, min(first + size, self.n_labels))
            yield labels, self.of(labels)

    def of(self, labels: slice) -> "ExtractedFactors":
        """The same for some labels."""
        corrections = self.corrections
        if corrections is not None:
            corrections = Corrections(corrections.cells, corrections.scores[:, labels])
        weight, bias = self.weight[labels], self.bias[labels]
        return replace(self, weight=weight, bias=bias, corrections=corrections)

    def at_once(self) -> SpanFactors:
        """The factors of all labels.

        RAISES (ValueError): some are not finite.
        """
        rows = torch.nn.functional.linear(
            self.vectors, self.weight.flatten(0, 1), self.bias.flatten()
        )
        if not rows.detach().sum().isfinite():  # a sum of numbers, one of which is not
            raise ValueError(
                "the queries and keys of a model must be finite, but those of some label are not: "
                "it has diverged. To fix: use a lower learning rate or lr_scale, or grad_clip in "
                "the optimizer"
            )
        layout = replace(self.layout, n_labels=self.n_labels, token_size=0)
        factors = layout.factors(rows, self.mask, self.max_length, self.document)
        return replace(factors, corrections=self.corrections)

    def allowed(self) -> Tensor:
        """All cells that exist (b, s, e): bool."""
        return self.of(slice(0, 1)).at_once().allowed()

    def scores(self) -> Tensor:
        """Score every span for every label (b, c, s, e): the definition."""
        return torch.cat([block.at_once().scores() for _, block in self.blocks()], 1)

    def scores_of(self, spans: Tensor) -> Tensor:
        """Score some spans (n, 4), as `SpanFactors.scores_of` does."""
        scores = self.vectors.new_empty(len(spans))
        row, label, start, last = spans.unbind(1)
        for labels, block in self.blocks():
            own = (label >= labels.start) & (label < labels.stop)
            if own.any():
                cells = row[own], label[own] - labels.start, start[own], last[own]
                scores[own] = block.at_once().scores_of(torch.stack(cells, 1))
        return scores

    def scores_of_all_labels(self, row: Tensor, start: Tensor, last: Tensor) -> Tensor:
        """Score cells that exist for every label (n, c), corrections apart."""
        blocks = (block.at_once() for _, block in self.blocks())
        return torch.cat([block.scores_of_all_labels(row, start, last) for block in blocks], 1)

    def in_float32(self) -> "ExtractedFactors":
        """The same: the layers of Thinc have no half precision."""
        return self


Factors = SpanFactors | ExtractedFactors


def split_labels(factors: Factors) -> Iterator[Part]:
    """Some labels at a time: blocks of them, or groups of one size."""
    if isinstance(factors, SpanFactors):
        yield from split_by_size(factors)
        return
    for labels, block in factors.blocks():
        yield Part(torch.arange(labels.start, labels.stop), block.at_once())
