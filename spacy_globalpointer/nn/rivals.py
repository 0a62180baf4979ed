"""The rivals of a span: other candidates that share a token with it, by how they lie to it."""

from typing import NamedTuple

import torch
from torch import Tensor

# How a rival lies to a span, in the order of Rivals.kind: it contains the span or lies inside it,
# with no border in common; it has one border in common; or each has a token that the other lacks.
KINDS = ("contains", "inside", "same start", "same last", "crosses")
# Rivals of a span among those that follow it.
MOST_RIVALS = 32
# Numbers (rivals x channels) compared at once.
CHUNK_NUMBERS = 2**22


class Rivals(NamedTuple):
    """Pairs of spans that share a token, each in both orders.

    span, rival (p): places among the spans.
    kind (p): how the rival lies to the span, a place in KINDS.
    """

    span: Tensor
    rival: Tensor
    kind: Tensor


def find_rivals(start: Tensor, last: Tensor, most: int = MOST_RIVALS) -> Rivals:
    """Find the pairs of spans that share a token.

    start, last (k): first and last token of each span; sorted by start, longest first, no
        duplicates.
    most: pairs of a span with those that follow it in this order; the next ones count. Texts have
        hardly any with more, but without a limit there could be k ** 2.
    """
    start, last = start.contiguous(), last.contiguous()
    place = torch.arange(len(start), device=start.device)
    # Those that follow a span begin at its start or later, so all up to its last token share one.
    follow = torch.searchsorted(start, last, right=True) - place - 1
    follow = follow.clamp(max=most)
    first = place.repeat_interleave(follow)
    step = torch.arange(len(first), device=start.device) - (follow.cumsum(0) - follow)[first]
    second = first + 1 + step
    # The later condition counts.
    kind_of_second, kind_of_first = torch.full((2, len(first)), KINDS.index("crosses")).to(first)
    for is_so, second_is, first_is in (
        (last[first] > last[second], "inside", "contains"),
        (start[first] == start[second], "same start", "same start"),
        (last[first] == last[second], "same last", "same last"),
    ):
        kind_of_second[is_so] = KINDS.index(second_is)
        kind_of_first[is_so] = KINDS.index(first_is)
    return Rivals(
        torch.cat((first, second)),
        torch.cat((second, first)),
        torch.cat((kind_of_second, kind_of_first)),
    )


def max_by_kind(values: Tensor, rivals: Rivals) -> Tensor:
    """Maximum of the rivals' values for each span and kind of rival, channel by channel.

    values (k, d): of each span.
    RETURNS (k, kinds, d): 0 where there is no such rival.
    """
    k, d = values.shape
    target = rivals.span * len(KINDS) + rivals.kind
    best = values.new_full((k * len(KINDS), d), -torch.inf)
    size = max(1, CHUNK_NUMBERS // d)
    for place, rival in zip(target.split(size), rivals.rival.split(size), strict=True):
        best = best.scatter_reduce(0, place[:, None].expand(-1, d), values[rival], "amax")
    return best.masked_fill(best == -torch.inf, 0.0).view(k, len(KINDS), d)
