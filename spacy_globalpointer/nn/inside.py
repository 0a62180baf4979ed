"""What lies inside spans: the mean and the maximum of the vectors of their tokens.

Time and memory are those of the text and of the spans, however long these are.
"""

import torch
from torch import Tensor


def mean_inside(vectors: Tensor, start: Tensor, last: Tensor) -> Tensor:
    """Mean of the vectors of the tokens of each span.

    vectors (l, d): one per token.
    start, last (k): first and last token of each span.
    RETURNS (k, d).
    """
    # Differences of sums over a long text would lose digits in float32.
    sums = torch.nn.functional.pad(vectors.double().cumsum(0), (0, 0, 1, 0))
    return ((sums[last + 1] - sums[start]) / (last + 1 - start)[:, None]).to(vectors)


def max_inside(vectors: Tensor, start: Tensor, last: Tensor) -> Tensor:
    """Maximum of the vectors of the tokens of each span, channel by channel.

    A span of at least 2 ** n and less than 2 ** (n + 1) tokens is the union of two stretches of
    2 ** n tokens: its first ones and its last ones. So it is enough to know the maxima of all
    stretches of 1, 2, 4, ... tokens (a sparse table).

    vectors (l, d): one per token.
    start, last (k): first and last token of each span.
    RETURNS (k, d).
    """
    level = torch.frexp((last + 1 - start).double())[1] - 1  # n
    result = vectors.new_empty(len(start), vectors.shape[1])
    stretches = vectors
    for n in range(int(level.max()) + 1 if len(level) else 0):
        if n:
            half = 2 ** (n - 1)
            stretches = torch.maximum(stretches[:-half], stretches[half:])
        own = (level == n).nonzero()[:, 0]
        best = torch.maximum(stretches[start[own]], stretches[last[own] + 1 - 2**n])
        result = result.index_copy(0, own, best)
    return result
