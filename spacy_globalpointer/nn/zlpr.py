"""ZLPR loss: its definition, and the same value and gradient without labels x L x L scores.

Su et al. 2022, "ZLPR: A Novel Loss for Multi-label Classification", arXiv 2208.02955. A property
test in float64 checks that the fast form equals the definition (tests/nn/test_zlpr.py).
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .background import Background
from .factors import Corrections, SpanFactors
from .gold_cells import check_gold_cells
from .label_groups import split_by_size
from .log_sums import add_to_log_sums, log_one_plus

Per = Literal["document", "start"]


def zlpr_dense(
    factors: SpanFactors, gold: Tensor, weights: Tensor | None = None, *, per: Per = "document"
) -> Tensor:
    """ZLPR loss of every document and label: the definition, on the whole table of scores.

    per document: log(1 + sum_neg exp(score)) + log(1 + sum_pos exp(-score))
    per start: sum_start [log(1 + sum_neg exp(2 score)) + log(1 + sum_pos exp(-2 score))]
    with the sums over the cells of a document or of a start token (arXiv 2208.02955 has the first).

    If a start token has one possible span, the second form is a logistic regression with the logit
    2 score, so sigmoid(2 score) is the probability of the span. The same holds for the first form
    if its sums have many spans.

    With weights (p, n) of a gold cell, p exp(-score) takes the place of its exp(-score) in the
    positive sum, and n exp(score) that of exp(score) in the negative one; the second form squares
    them as well: (p exp(-score))^2. All other cells keep (0, 1).

    - (1, 0) is a plain gold cell, as all are without weights.
    - (t, 1 - t) is a soft target t in [0, 1]: the loss is least where sigmoid(2 score) is t for all
      cells, in both forms.
    - (w, 0) makes a gold cell count more. This does not multiply its loss by w: it shifts the score
      that the loss asks for by log(w), and a gold cell with a very low score pulls equally hard
      with any w.

    A span belongs to the document in which it starts: if a row of the batch holds several
    documents, a span that runs on into the next is a negative span of the one where it starts.

    factors (b rows, c labels, l tokens): what a head returned, for n documents.
    gold (m, 4): row of the batch, label, start and last of each gold cell; no duplicates.
    weights (m, 2): of each gold cell in the positive and in the negative sum, at least 0; None for
        (1, 0). They get no gradient.
    per: which cells each sum runs over.
    RETURNS (n, c): non-negative.
    RAISES (ValueError): gold outside the table, invalid weights, an unknown per.
    """
    _check(factors, gold, weights, per)
    if weights is None:
        weights = torch.tensor([1.0, 0.0]).expand(len(gold), 2)
    weights = weights if per == "document" else weights**2
    scores = factors.scores() if per == "document" else 2 * factors.scores()
    is_gold = torch.zeros_like(scores, dtype=torch.bool)
    is_gold[tuple(gold.T)] = True
    in_positive, in_negative = torch.zeros_like(scores), torch.ones_like(scores)
    for weight, column in zip((in_positive, in_negative), weights.to(scores).T, strict=True):
        weight[tuple(gold.T)] = column
    negative = scores + in_negative.log()
    # Scores outside the table are -inf.
    positive = (-scores).masked_fill(~is_gold, -torch.inf) + in_positive.log()
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
    weights: Tensor | None = None,
    *,
    per: Per = "document",
    block: int | None = None,
) -> Tensor:
    """ZLPR loss of every document and label, without building labels x L x L scores.

    `zlpr_dense` has the formula, and the same value and gradient (tests/nn/test_zlpr.py).
    Source: arXiv 2208.02955.

    Few cells are gold for any label, or corrected by a second look: these are scored one by one.
    The sum over all other cells is a matrix product (`Background`). Nothing is ever subtracted,
    because log(total - gold) loses all digits once the model is good.

    factors (b rows, c labels, l tokens): what a head returned, for n documents; half precision is
        widened.
    gold (m, 4): row of the batch, label, start and last of each gold cell; no duplicates. Leave it
        on the host if it is there: sorting it on a GPU takes longer than moving it.
    weights (m, 2): of each gold cell in the positive and in the negative sum; None for (1, 0).
    per: which cells each sum runs over.
    block (tokens): start tokens scored at once; memory grows with it, the result does not change.
    RETURNS (n, c): non-negative.
    RAISES (ValueError): gold outside the table, invalid weights, an unknown per. Whether tokens of
        gold are in the mask is checked on the CPU only: a GPU would have to finish all its work to
        answer.
    """
    gold = gold.cpu()
    _check(factors, gold, weights, per)
    if factors.group is None:
        return _zlpr(factors, gold, weights, per, block)
    parts = list(split_by_size(factors))
    losses = [_zlpr(x.factors, *x.gold(gold, weights), per, block) for x in parts]
    return torch.cat(losses, 1)[:, torch.cat([x.labels for x in parts]).argsort()]


def _zlpr(
    factors: SpanFactors, gold: Tensor, weights: Tensor | None, per: Per, block: int | None
) -> Tensor:
    """The loss, for groups of one size."""
    wide = factors.in_float32().fold()
    if per == "start":
        wide, weights = wide.times(2), None if weights is None else weights**2
    few = _lay_out(gold, weights, factors, wide.corrections)
    # Autograd follows arguments, not fields.
    leaves = wide.query, wide.key, wide.start_bias, wide.end_bias, wide.pair_bias
    added = None if wide.corrections is None else wide.corrections.scores
    loss: Tensor = _ZLPR.apply(wide, few, per, block, *leaves, added)
    return loss.view(-1, factors.n_labels)


class _Few(NamedTuple):
    """The cells of a folded table that are scored one by one, on the host.

    cells (n, 3): (row, start, last) of the cells that are gold for some label, or corrected; in
        order.
    which, label (m): cell and label of each row of gold.
    logs (m, 2): logarithms of its weights; None if all gold is plain.
    corrected (k): cell of each correction.
    """

    cells: Tensor
    which: Tensor
    label: Tensor
    logs: Tensor | None
    corrected: Tensor


def _lay_out(
    gold: Tensor, weights: Tensor | None, factors: SpanFactors, corrections: Corrections | None
) -> _Few:
    row, label, start, last = gold.unbind(1)
    n_groups, length = factors.n_groups, factors.length
    per_group = factors.n_labels // n_groups
    row, label = row * n_groups + label // per_group, label % per_group
    cells = torch.stack((row, start, last), 1)
    if corrections is not None:
        cells = torch.cat((cells, corrections.cells))
    row, start, last = cells.unbind(1)
    cells, which = ((row * length + start) * length + last).unique(return_inverse=True)
    cells = torch.stack((cells // length**2, cells // length % length, cells % length), 1)
    logs = None if weights is None else weights.log()
    return _Few(cells, which[: len(gold)], label, logs, which[len(gold) :])


class _ZLPR(torch.autograd.Function):
    """Value and gradient by hand, for factors with one group."""

    @staticmethod
    def forward(
        ctx: Any, factors: SpanFactors, few: _Few, per: Per, block: int | None, *_: Tensor | None
    ) -> Tensor:
        cells, which, label, logs, corrected = few
        background = Background(factors, cells, block)
        document = factors.documents()  # (b, s)
        n_documents = int(document.max()) + 1
        # The sum that the cells of a start token are in: that of its document, or one of its own.
        sum_of = document if per == "document" else torch.arange(document.numel()).view_as(document)
        # These cells are added to the sums that they are in; all others stay as they are.
        touched, place = sum_of[cells[:, 0], cells[:, 1]].unique(return_inverse=True)
        indices = (cells, which, label, corrected, touched, place, document, sum_of)
        cells, which, label, corrected, touched, place, document, sum_of = _move(indices, factors)
        n, s, e = cells.unbind(1)
        scores = factors.scores_of_all_labels(n, s, e)
        if factors.corrections is not None:
            scores.index_add_(0, corrected, factors.corrections.scores)
        # The exponents that gold has in the positive sum, and in the negative one.
        score = scores[which, label]
        if logs is None:
            in_positive, scores[which, label] = -score, -torch.inf
        else:
            logs = logs.to(score, non_blocking=True)
            in_positive, scores[which, label] = logs[:, 0] - score, logs[:, 1] + score

        negative = log_one_plus(background.log_sums(), sum_of, n_documents, per == "start")
        index = place[:, None].expand_as(scores)
        negative[touched] = add_to_log_sums(negative[touched], scores, index)
        zeros, index = torch.zeros_like(negative[touched]), place[which] * scores.shape[1] + label
        positive = add_to_log_sums(zeros.flatten(), in_positive, index)
        ctx.background = background
        ctx.indices = (n, s, e, which, label, corrected, document, sum_of)
        ctx.save_for_backward(scores, in_positive, negative, positive[index])
        losses = negative.index_add(0, touched, positive.view_as(zeros))  # of each sum
        if per == "document":
            return losses
        total = losses.new_zeros(n_documents, losses.shape[1])
        return total.index_add_(0, document.flatten(), losses)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scores, in_positive, negative, positive = ctx.saved_tensors
        background, (n, s, e, which, label, corrected, document, sum_of) = (
            ctx.background,
            ctx.indices,
        )
        query, key = background.factors.query[:, 0], background.factors.key[:, 0]
        grad = grad[document]  # (b, s, c)
        gradients = background.gradients(grad, negative[sum_of])
        d_query, d_key, d_start, d_end, d_pair = gradients
        d_scores = (scores - negative[sum_of[n, s]]).exp_()  # (n, c)
        d_scores[which, label] -= (in_positive - positive).exp()
        d_scores *= grad[n, s]
        d_start.index_put_((n, s), d_scores, accumulate=True)
        d_end.index_put_((n, e), d_scores, accumulate=True)
        d_shared = d_scores.sum(1, keepdim=True)
        d_query[:, 0].index_put_((n, s), d_shared * key[n, e], accumulate=True)
        d_key[:, 0].index_put_((n, e), d_shared * query[n, s], accumulate=True)
        if d_pair is not None:
            d_pair[n, s, e] = d_shared[:, 0]
        d_corrections = None if background.factors.corrections is None else d_scores[corrected]
        return None, None, None, None, *gradients, d_corrections


def _check(factors: SpanFactors, gold: Tensor, weights: Tensor | None, per: Per) -> None:
    if per not in get_args(Per):
        raise ValueError(f"per must be one of {get_args(Per)}, was: {per!r}")
    check_gold_cells(factors, gold)
    if weights is None:
        return
    if weights.shape != (len(gold), 2):
        raise ValueError(
            f"weights must be rows (in the positive sum, in the negative sum), one for each of the "
            f"{len(gold)} rows of gold, was: {tuple(weights.shape)}"
        )
    low = weights.cpu()
    low = low[~((low >= 0) & low.isfinite()).all(1)]
    if len(low):
        raise ValueError(f"weights must be finite and at least 0, was: {low[0].tolist()}")


def _move(tensors: Iterable[Tensor], factors: SpanFactors) -> list[Tensor]:
    """Move tensors from the host to where the factors are, without waiting for the GPU."""
    return [tensor.to(factors.query.device, non_blocking=True) for tensor in tensors]
