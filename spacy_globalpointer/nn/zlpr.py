"""ZLPR loss: its definition, and the same value and gradient without labels x L x L scores.

Su et al. 2022, "ZLPR: A Novel Loss for Multi-label Classification", arXiv 2208.02955. The fast
form equals the definition by a property test in float64 (tests/nn/test_zlpr.py).
"""

from typing import Optional

import torch
from torch import Tensor

from .background import log_background
from .factors import SpanFactors


def zlpr_dense(factors: SpanFactors, gold: Tensor) -> Tensor:
    """ZLPR loss of every document and label: the definition, on the whole table of scores.

    loss = log(1 + sum_neg exp(score)) + log(1 + sum_pos exp(-score)).

    factors (b documents, c labels, l tokens): what a head returned.
    gold (n, 4): rows of document, label, start, last; no duplicates.
    RETURNS (b, c): non-negative.
    RAISES (ValueError): a gold row outside the table.
    """
    _check_gold(factors, gold)
    scores = factors.scores()
    is_gold = torch.zeros_like(scores, dtype=torch.bool)
    is_gold[tuple(gold.T)] = True
    negative = scores.masked_fill(is_gold, -torch.inf).flatten(2)
    positive = (-scores).masked_fill(~is_gold, -torch.inf).flatten(2)
    one = scores.new_zeros((*scores.shape[:2], 1))  # exp(0) is the 1 of both terms
    return torch.cat((one, negative), -1).logsumexp(-1) + torch.cat((one, positive), -1).logsumexp(
        -1
    )


def zlpr(factors: SpanFactors, gold: Tensor, *, block: Optional[int] = None) -> Tensor:
    """ZLPR loss of every document and label, without building labels x L x L scores.

    loss = log(1 + sum_neg exp(score)) + log(1 + sum_pos exp(-score)).
    Source: arXiv 2208.02955; equals `zlpr_dense` (tests/nn/test_zlpr.py), gradient included.

    Cells that are gold for some label are few: they are scored one by one. The sum over all other
    cells is a product of matrices (`log_background`). Nothing is ever subtracted, because
    log(total - gold) loses all digits once the model is good.

    factors (b documents, c labels, l tokens): what a head returned; half precision is widened.
    gold (n, 4): rows of document, label, start, last; no duplicates.
    block (tokens): start tokens scored at once; memory grows with it, the result does not change.
    RETURNS (b, c): non-negative.
    RAISES (ValueError): a gold row outside the table.
    """
    _check_gold(factors, gold)
    shape = factors.mask.shape[0], factors.n_labels
    per_group = factors.n_labels // factors.n_groups
    document, label, start, last = gold.unbind(1)
    folded_document = document * factors.n_groups + label // per_group
    factors = factors.in_float32().fold()

    length = factors.length
    place = (folded_document * length + start) * length + last
    cells, which = place.unique(return_inverse=True)
    n, s, e = cells // length**2, cells // length % length, cells % length
    background = log_background(factors, torch.stack((n, s, e), 1), block)
    shared = (factors.query[n, 0, s] * factors.key[n, 0, e]).sum(-1, keepdim=True)
    scores = shared + factors.start_bias[n, s] + factors.end_bias[n, e]  # (cells, c / g)

    place_of_gold = which, label % per_group
    negatives = scores.index_put(place_of_gold, scores.new_tensor(-torch.inf))
    sums = n[:, None] * per_group + torch.arange(per_group, device=n.device)  # (cells, c / g)
    negative = _add_to_log_sums(background.flatten(), negatives.flatten(), sums.flatten())
    nothing = torch.zeros_like(negative)
    positive = _add_to_log_sums(nothing, -scores[place_of_gold], sums[place_of_gold])
    return (negative + positive).view(shape)


def _check_gold(factors: SpanFactors, gold: Tensor) -> None:
    b, c, length = factors.mask.shape[0], factors.n_labels, factors.length
    if gold.ndim != 2 or gold.shape[1] != 4 or gold.dtype != torch.long:
        raise ValueError(
            "gold must be rows (document, label, start, last) of int64, was: "
            f"{gold.dtype} {tuple(gold.shape)}"
        )
    start, last = gold[:, 2], gold[:, 3]
    limits = torch.tensor([b, c, length, length], device=gold.device)
    good = (gold >= 0).all(1) & (gold < limits).all(1) & (start <= last)
    if factors.max_length is not None:
        good &= last - start < factors.max_length
    inside = gold[good]
    good[good.clone()] = (
        factors.mask[inside[:, 0], inside[:, 2]] & (factors.mask[inside[:, 0], inside[:, 3]])
    )
    if not good.all():
        raise ValueError(
            f"gold rows (document, label, start, last) must be spans of the table ({b} documents, "
            f"{c} labels, {length} tokens, max_length {factors.max_length}) that start and end at "
            f"tokens of the mask, was: {gold[~good][0].tolist()}"
        )


def _add_to_log_sums(log_sums: Tensor, values: Tensor, index: Tensor) -> Tensor:
    """log(exp(log_sums) + sum of exp(values) at index), in reach of any value.

    log_sums (k), values (n), index (n): values go to the sum that index names.
    RETURNS (k): at least log_sums.
    """
    high = log_sums.detach().scatter_reduce(0, index, values.detach(), "amax")
    sums = (log_sums - high).exp().scatter_add(0, index, (values - high[index]).exp())
    return high + sums.log()
