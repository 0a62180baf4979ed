"""What the numbers of a head's output rows mean: the one place where rows become factors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .cells import Cells
from .factors import SpanFactors
from .rope import rotate


@dataclass(frozen=True)
class RowLayout:
    """The layout of the rows of a head, one row per token.

    shared (2d + 2c columns): query and key for all labels, then the start term of each label, then
        the end term of each label. Efficient GlobalPointer.
    shared, with groups (2dg + 2c columns): the same, with a query and key for each group of labels;
        with `common_extractor`, a common one before them, which is put in front of each.
    not shared (2dc columns): query and key for each label, and no terms. GlobalPointer, whose model
        returns the token vectors instead, from which such rows are made for some labels at a time:
        see `ExtractedFactors`.

    head_size (channels): width d of query and key; even with rope.
    n_labels: c; 0 as long as there are none.
    shared: whether all labels share one query and key.
    rope: whether to rotate query and key by their position.
    token_size (columns): at the end of a row, what a rescorer reads of the token.
    group (c): the group of each label, if shared; None for one group.
    common_extractor: whether the groups also have a query and key in common.
    RAISES (ValueError): an invalid head_size.
    """

    head_size: int
    n_labels: int
    shared: bool = True
    rope: bool = True
    token_size: int = 0
    group: Sequence[int] | None = None
    common_extractor: bool = False

    def __post_init__(self) -> None:
        size = self.head_size
        if type(size) is not int or size < 1 or (self.rope and size % 2):
            repaired = max(2, int(size) + int(size) % 2)
            raise ValueError(
                "head_size must be positive, and even when rope is on (rope turns pairs of "
                f"channels), was: {size!r}. To fix: head_size = {repaired}"
            )

    @property
    def n_groups(self) -> int:
        """Number of groups of labels with their own query and key: tables per document."""
        if self.group is not None:
            return len(set(self.group))
        return 1 if self.shared else self.n_labels

    @property
    def n_extractors(self) -> int:
        """Number of pairs of query and key in a row."""
        return self.n_groups + self.common_extractor

    @property
    def label_columns(self) -> tuple[int, int, int]:
        """The columns at the end of the factors that grow with the labels: (parts, c, width).

        Each of the parts has `width` columns for every label, label by label.
        """
        return (2, self.n_labels, 1) if self.shared else (1, self.n_labels, 2 * self.head_size)

    @property
    def width(self) -> int:
        """Number of columns of a row."""
        return self.factor_width + self.token_size

    @property
    def factor_width(self) -> int:
        """Number of columns of a row that become factors."""
        return 2 * self.head_size * self.n_extractors + (2 * self.n_labels if self.shared else 0)

    def for_rescorer(self, rows: Tensor) -> Tensor:
        """What a rescorer reads of the rows of a model.

        RETURNS (..., token_size).
        """
        return rows[..., rows.shape[-1] - self.token_size :]

    def factors(
        self,
        rows: Tensor,
        mask: Tensor,
        max_length: int | None = None,
        document: Tensor | None = None,
    ) -> SpanFactors:
        """View padded rows as the factors of span scores.

        rows (b, l, width): one per token.
        mask (b, l): bool, tokens at which a span may start or end.
        max_length (tokens): longest span, None for no limit.
        document (b, s): the document of each start token; None if each row is one document.
        RAISES (ValueError): rows of another width.
        """
        if rows.shape[-1] != self.width:
            raise ValueError(
                f"a row of {self} must have {self.width} columns, was: {rows.shape[-1]}"
            )
        n_terms = self.n_labels if self.shared else 0
        # (b, l, 2dn) -> (b, l, n, 2, d) -> (b, n, 2, l, d)
        widths = (self.factor_width - 2 * n_terms, n_terms, n_terms, self.token_size)
        both, start, end, _ = rows.split(widths, -1)
        both = both.unflatten(-1, (self.n_extractors, 2, self.head_size)).movedim(1, 3)
        both = rotate(both) if self.rope else both
        if self.common_extractor:  # the sum of two products is the product of what they are made of
            both = torch.cat((both[:, :1].expand(-1, self.n_groups, -1, -1, -1), both[:, 1:]), -1)
        query, key = both.unbind(2)
        if not self.shared:
            start = end = rows.new_zeros((*rows.shape[:2], self.n_labels))
        if document is not None:
            query, start = (each.narrow(-2, 0, document.shape[1]) for each in (query, start))
        cells = Cells(max_length=max_length)
        query = query * self.head_size**-0.5
        group = None if self.group is None else torch.tensor(self.group, dtype=torch.long)
        return SpanFactors(query, key, start, end, mask, cells, document, group=group)
