"""Documents of different lengths, padded a few at a time under a memory budget."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

# Cells (documents x tokens x tokens) of one padded batch: 4 MiB of float32.
CELLS = 2**20
# A batch of so few cells costs less than starting another one, however much of it is padding.
FEW_CELLS = 2**17


def buckets(lengths: Sequence[int], *, cells: int = CELLS, tables: int = 1) -> Iterator[list[int]]:
    """Put documents of similar length together, so that padding wastes little time.

    lengths (tokens): one a document; documents without tokens are left out.
    cells (table cells): documents x longest x longest of a bucket; a longer document comes alone.
    tables: that each document has, which share the budget.
    YIELDS: indices into lengths.
    """
    bucket: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = lengths[index]
        if not length:
            continue
        padded = (len(bucket) + 1) * length**2 * tables
        # Padding a table of l x l costs twice the padded share of l: stay under about 30 %.
        too_uneven = bucket and length > 1.15 * lengths[bucket[0]] + 4 and padded > FEW_CELLS
        if bucket and (too_uneven or padded > cells):
            yield bucket
            bucket = []
        bucket.append(index)
    if bucket:
        yield bucket


def padded_index(offsets: Sequence[int], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Where the tokens of a bucket lie in the concatenated rows of all documents.

    offsets (rows): row of each document's first token.
    lengths (tokens): at least one a document.
    RETURNS (b, l) and (b, l): row of each token, and whether it is one; padding repeats row 0
        of the document.
    """
    start, length = torch.tensor(offsets)[:, None], torch.tensor(lengths)[:, None]
    position = torch.arange(int(length.max()))[None]
    mask = position < length
    return start + position * mask, mask
