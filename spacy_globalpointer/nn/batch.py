"""Documents of different lengths as tables: padded a few at a time, or laid end to end."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

# Cells (documents x tokens x tokens) of one padded batch: 4 MiB of float32.
CELLS = 2**20
# A batch of this few cells is cheaper than starting another one, however much of it is padding.
FEW_CELLS = 2**17


def buckets(lengths: Sequence[int], *, cells: int = CELLS, tables: int = 1) -> Iterator[list[int]]:
    """Put documents of similar length together, so that padding wastes little time.

    lengths (tokens): one per document; documents without tokens are left out.
    cells (table cells): budget for documents x longest x longest of a bucket; a document that
        exceeds it gets a bucket of its own.
    tables: how many each document has; they share the budget.
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
    lengths (tokens): one per document, at least 1.
    RETURNS (b, l) and (b, l): row of each token, and whether it is a token; padding repeats row 0
        of the document.
    """
    start, length = torch.tensor(offsets)[:, None], torch.tensor(lengths)[:, None]
    position = torch.arange(int(length.max()))[None]
    mask = position < length
    return start + position * mask, mask


# Fewest start tokens of a row, unless the text is shorter.
ROW = 64


def end_to_end(lengths: Sequence[int], reach: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lay documents end to end, in random order, and cut the resulting text into rows.

    A row has s start tokens, followed by the tokens that their spans can reach: the first ones of
    the next row. The first row follows the last. So a span that crosses the border between two
    documents is in the table, and every document is followed by one, possibly by itself.

    lengths (tokens): one per document, at least 1.
    reach (tokens): longest span.
    RETURNS (b, l), (b, s) and (n): the token at each place, numbered through all documents in the
        given order, -1 for padding; the document of each start token; and where each document
        begins among the start tokens of all rows.
    """
    length = torch.tensor(lengths)
    order = torch.randperm(len(length))
    first = torch.empty_like(length)
    first[order] = length[order].cumsum(0) - length[order]
    document = order.repeat_interleave(length[order])
    offset = length.cumsum(0) - length - first  # from the text to the given order
    token = torch.arange(len(document)) + offset[document]
    # With twice as many start tokens as a span reaches, two thirds of a row start spans.
    n_rows = max(1, len(token) // max(ROW, 2 * reach))
    n_starts = -(-len(token) // n_rows)
    padding = n_rows * n_starts - len(token)
    token = torch.nn.functional.pad(token, (0, padding), value=-1)
    document = torch.nn.functional.pad(document, (0, padding), value=int(document[-1]))
    place = torch.arange(n_rows)[:, None] * n_starts + torch.arange(n_starts + reach - 1)
    return token[place % len(token)], document.view(n_rows, n_starts), first
