"""ZLPR loss: its definition, and the same value and gradient without labels x L x L scores.

Su et al. 2022, "ZLPR: A Novel Loss for Multi-label Classification", arXiv 2208.02955. The fast
form equals the definition by a property test in float64 (tests/nn/test_zlpr.py).
"""

from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .background import Background
from .factors import SpanFactors

Per = Literal["document", "start"]


def zlpr_dense(factors: SpanFactors, gold: Tensor, *, per: Per = "document") -> Tensor:
    """ZLPR loss of every document and label: the definition, on the whole table of scores.

    per document: log(1 + sum_neg exp(score)) + log(1 + sum_pos exp(-score))
    per start: sum_start [log(1 + sum_neg exp(2 score)) + log(1 + sum_pos exp(-2 score))]
    with the sums over the spans of a document or of a start token (arXiv 2208.02955 has the first).

    Where a start token has one possible span, the second is a logistic regression, with 2 score the
    logit: sigmoid(2 score) is the probability of the span, as it is of the first form where its
    sums have many spans.

    A span belongs to the document in which it starts: where a row of the batch holds several
    documents, one that goes on into the next is a negative span of the former.

    factors (b rows, c labels, l tokens): what a head returned, for n documents.
    gold (m, 4): row of the batch, label, start and last of each span; no duplicates.
    per: over whose spans the sums are taken.
    RETURNS (n, c): non-negative.
    RAISES (ValueError): a gold span outside the table; another per.
    """
    _check(factors, gold, per)
    scores = factors.scores() if per == "document" else 2 * factors.scores()
    is_gold = torch.zeros_like(scores, dtype=torch.bool)
    is_gold[tuple(gold.T)] = True
    negative = scores.masked_fill(is_gold, -torch.inf)
    positive = (-scores).masked_fill(~is_gold, -torch.inf)
    losses = []
    for document in factors.documents().unique():
        inside = (factors.documents() == document).to(scores.device)
        loss = scores.new_zeros(factors.n_labels)
        for terms in (negative, positive):
            terms = terms.movedim(1, 2)[inside].movedim(1, 0)  # (c, start tokens, e)
            if per == "document":
                terms = terms.flatten(1)[:, None]
            one = terms.new_zeros((*terms.shape[:2], 1))  # exp(0) is the 1 of both terms
            loss = loss + torch.cat((one, terms), -1).logsumexp(-1).sum(1)
        losses.append(loss)
    return torch.stack(losses)


def zlpr(
    factors: SpanFactors,
    gold: Tensor,
    *,
    per: Per = "document",
    block: int | None = None,
) -> Tensor:
    """ZLPR loss of every document and label, without building labels x L x L scores.

    The formula is that of `zlpr_dense`, to which it is equal (tests/nn/test_zlpr.py), gradient
    included. Source: arXiv 2208.02955.

    Cells that are gold for some label are few: they are scored one by one. The sum over all other
    cells is a product of matrices (`Background`). Nothing is ever subtracted, because
    log(total - gold) loses all digits once the model is good.

    factors (b rows, c labels, l tokens): what a head returned, for n documents; half precision is
        widened.
    gold (m, 4): row of the batch, label, start and last of each span; no duplicates. On the host if
        it is there anyway: sorting it out on a GPU takes longer than moving it.
    per: over whose spans the sums are taken.
    block (tokens): start tokens scored at once; memory grows with it, the result does not change.
    RETURNS (n, c): non-negative.
    RAISES (ValueError): a gold span outside the table; another per.
    """
    _check(factors, gold, per)
    row, label, start, last = gold.unbind(1)
    n_groups, per_group = factors.n_groups, factors.n_labels // factors.n_groups
    row, label = row * n_groups + label // per_group, label % per_group
    wide = factors.in_float32().fold()
    if per == "start":
        wide = wide.times(2)
    place = (row * wide.length + start) * wide.length + last
    cells, which = place.unique(return_inverse=True)
    cells = torch.stack(
        (cells // wide.length**2, cells // wide.length % wide.length, cells % wide.length), 1
    )
    which, label = which.to(wide.query.device), label.to(wide.query.device)
    # Autograd follows arguments, not fields: the first four are those of the factors.
    loss: Tensor = _ZLPR.apply(
        wide.query, wide.key, wide.start_bias, wide.end_bias, wide, cells, which, label, per, block
    )
    return loss.view(-1, factors.n_labels)


class _ZLPR(torch.autograd.Function):
    """Value and gradient by hand, for factors with one group.

    cells (n, 3): (row, start, last) of the cells that are gold for some label, in order.
    which, label (m): cell and label of each gold span.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        start_bias: Tensor,
        end_bias: Tensor,
        factors: SpanFactors,
        cells: Tensor,
        which: Tensor,
        label: Tensor,
        per: Per,
        block: int | None,
    ) -> Tensor:
        background = Background(factors, cells, block)
        document = factors.documents()  # (b, s)
        n_documents = int(document.max()) + 1
        # The sum that the spans of a start token are in: that of its document, or one of its own.
        sum_of = document if per == "document" else torch.arange(document.numel()).view_as(document)
        # Gold cells are added to the sums that they are in; all others stay as they are.
        touched, place = sum_of[cells[:, 0].cpu(), cells[:, 1].cpu()].unique(return_inverse=True)
        indices = (cells, touched, place, document, sum_of)
        cells, touched, place, document, sum_of = (each.to(query.device) for each in indices)
        n, s, e = cells.unbind(1)
        shared = (query[n, 0, s] * key[n, 0, e]).sum(-1, keepdim=True)
        scores = shared + start_bias[n, s] + end_bias[n, e]  # (n, c)
        gold = scores[which, label]
        scores[which, label] = -torch.inf

        negative = _log_one_plus(background.log_sums(), sum_of, n_documents, per)
        index = place[:, None].expand_as(scores)
        negative[touched] = _add_to_log_sums(negative[touched], scores, index)
        zeros, index = torch.zeros_like(negative[touched]), place[which] * scores.shape[1] + label
        positive = _add_to_log_sums(zeros.flatten(), -gold, index)
        ctx.background, ctx.indices = background, (n, s, e, which, label, document, sum_of)
        ctx.save_for_backward(scores, gold, negative, positive[index])
        losses = negative.index_add(0, touched, positive.view_as(zeros))  # of each sum
        if per == "document":
            return losses
        total = losses.new_zeros(n_documents, losses.shape[1])
        return total.index_add_(0, document.flatten(), losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scores, gold, negative, positive = ctx.saved_tensors
        background, (n, s, e, which, label, document, sum_of) = ctx.background, ctx.indices
        query, key = background.factors.query[:, 0], background.factors.key[:, 0]
        grad = grad[document]  # (b, s, c)
        d_query, d_key, d_start, d_end = background.gradients(grad, negative[sum_of])
        d_scores = (scores - negative[sum_of[n, s]]).exp_()  # (n, c), 0 at the gold spans
        d_scores[which, label] = -(-gold - positive).exp()
        d_scores *= grad[n, s]
        d_start.index_put_((n, s), d_scores, accumulate=True)
        d_end.index_put_((n, e), d_scores, accumulate=True)
        d_shared = d_scores.sum(1, keepdim=True)
        d_query[:, 0].index_put_((n, s), d_shared * key[n, e], accumulate=True)
        d_key[:, 0].index_put_((n, e), d_shared * query[n, s], accumulate=True)
        return d_query, d_key, d_start, d_end, *(None,) * 6


def _check(factors: SpanFactors, gold: Tensor, per: Per) -> None:
    if per not in get_args(Per):
        raise ValueError(f"per must be one of {get_args(Per)}, was: {per!r}")
    b, c, length = factors.mask.shape[0], factors.n_labels, factors.length
    if gold.ndim != 2 or gold.shape[1] != 4 or gold.dtype != torch.long:
        raise ValueError(
            "gold must be rows (row of the batch, label, start, last) of int64, was: "
            f"{gold.dtype} {tuple(gold.shape)}"
        )
    start, last = gold[:, 2], gold[:, 3]
    limits = torch.tensor([b, c, factors.n_starts, length], device=gold.device)
    good = (gold >= 0).all(1) & (gold < limits).all(1) & (start <= last)
    if factors.max_length is not None:
        good &= last - start < factors.max_length
    mask = factors.mask.to(gold.device)
    row, _, start, last = gold.clamp(min=0).minimum(limits - 1).unbind(1)
    good &= mask[row, start] & mask[row, last]
    if not good.all():
        raise ValueError(
            f"gold rows (row of the batch, label, start, last) must be spans of the table ({b} "
            f"rows, {c} labels, {factors.n_starts} start tokens, {length} tokens, max_length "
            f"{factors.max_length}) that start and end at tokens of the mask, was: "
            f"{gold[~good][0].tolist()}"
        )


def _log_one_plus(log_sums: Tensor, sum_of: Tensor, n_sums: int, per: Per) -> Tensor:
    """log(1 + sum), the sums being of start tokens or added up over those of a document.

    log_sums (b, s, c): of the spans of each start token.
    sum_of (b, s): the sum that they are in.
    n_sums: k, where they are of documents.
    RETURNS (k, c): log(1 + sum).
    """
    log_sums = log_sums.flatten(0, 1)
    if per == "start":
        return log_sums.logaddexp(log_sums.new_zeros(()))
    one = log_sums.new_zeros(n_sums, log_sums.shape[1])  # exp(0) = 1
    return _add_to_log_sums(one, log_sums, sum_of.reshape(-1, 1).expand_as(log_sums))


def _add_to_log_sums(log_sums: Tensor, values: Tensor, index: Tensor) -> Tensor:
    """log(exp(log_sums) + sum of exp(values) at index), in reach of any value.

    log_sums (k, ...), values (n, ...), index (n, ...): values go to the sum that index names.
    RETURNS (k, ...): at least log_sums.
    """
    high = log_sums.scatter_reduce(0, index, values, "amax")
    sums = (log_sums - high).exp_().scatter_add_(0, index, (values - high.gather(0, index)).exp_())
    return high + sums.log_()
