"""Groups of labels of different sizes, as parts that have groups of one size each.

Groups of one size fold into rows of one batch. Groups of different sizes would have to be padded to
the largest, so that one group of 100 labels and 20 of a few took 2,100 columns. Labels have nothing
to do with each other in the loss and in decoding, so each size is dealt with apart instead: nothing
is padded, and n groups have at most sqrt(2c) sizes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from .factors import Corrections, SpanFactors


class Part(NamedTuple):
    """Some of the labels, in groups of one size.

    labels (k): int64, which they are; on the host.
    factors: of these labels, ordered by group.
    """

    labels: Tensor
    factors: SpanFactors

    def gold(self, gold: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The gold cells of these labels, and their weights.

        gold (m, 4): row of the batch, label, start and last; on the host.
        RETURNS: with the labels numbered as in the factors.
        """
        is_label = gold[:, 1, None] == self.labels
        own, place = is_label.any(1), is_label.int().argmax(1)
        row, _, start, last = gold[own].unbind(1)
        gold = torch.stack((row, place[own], start, last), 1)
        return gold, None if weights is None else weights[own.to(weights.device)]


def split_by_size(factors: SpanFactors) -> Iterator[Part]:
    """Put the groups of one size together.

    factors (c labels): what a head returned.
    YIELDS: parts that have each label once; one that is the factors themselves if all groups have
        one size.
    """
    group = factors.group
    if group is None:
        yield Part(torch.arange(factors.n_labels), factors)
        return
    sizes = group.bincount()
    by_group = group.argsort(stable=True)
    for size in sizes.unique():
        labels, groups = by_group[sizes[group[by_group]] == size], (sizes == size).nonzero()[:, 0]
        yield Part(labels, _select(factors, labels, groups))


def _select(factors: SpanFactors, labels: Tensor, groups: Tensor) -> SpanFactors:
    device, corrections = factors.query.device, factors.corrections
    groups, columns = groups.to(device), labels.to(device)
    if corrections is not None:
        corrections = Corrections(corrections.cells, corrections.scores[:, columns])
    return SpanFactors(
        factors.query[:, groups],
        factors.key[:, groups],
        factors.start_bias[..., columns],
        factors.end_bias[..., columns],
        factors.mask,
        factors.cells,
        factors.document,
        factors.pair_bias,
        corrections,
    )


def best_of_groups(factors: SpanFactors, bias: Tensor) -> Tensor:
    """The greatest term of the labels of each group.

    bias (b, l, c): start or end terms.
    RETURNS (b, l, g).
    """
    if factors.group is None:
        best: Tensor = bias.unflatten(-1, (factors.n_groups, -1)).amax(-1)
        return best
    best = bias.new_full((*bias.shape[:-1], factors.n_groups), -torch.inf)
    group = factors.group.to(bias.device).expand_as(bias)
    return best.scatter_reduce(-1, group, bias, "amax")
