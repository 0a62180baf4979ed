"""The loss for one span per text, as in extractive question answering: token F1, expected.

Su Jianlin 2021, https://kexue.fm/archives/8373, section on optimizing F1: a softmax over the spans
of a text, and the F1 of a span drawn from it. There every text has a span; here "no span" takes
part in the softmax, with score 0.
"""

import sys
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .factors import SpanFactors
from .gold_cells import check_gold_cells
from .parts import parts_of


def expected_f1_dense(
    factors: SpanFactors, gold: Tensor, *, likelihood: float = 0.1, entropy: float = 0.0
) -> Tensor:
    """Loss of every document and label: the definition, on the whole table of scores.

    p(span) = exp(2 score) / Z, p(no span) = 1 / Z, Z = 1 + sum exp(2 score)
    loss = 1 - sum p(span) f1(span) - likelihood * log p(gold span) - entropy * H
    without a gold span: loss = 1 - p(no span) - likelihood * log p(no span) - entropy * H

    with H = -sum p log p the entropy of the softmax, and f1 twice the common tokens of a span and
    the gold span over the sum of their lengths. Several gold spans are answers to choose from: f1
    is that with the best of them, as in SQuAD's evaluation, and p(gold span) their sum.

    Published is likelihood = 0. Then a model that is sure of a span with a wrong border hardly
    moves: the gradient of a score is p (F - f1), with p of the right span near 0. The sum with the
    likelihood is the "mixed objective" of Xiong, Zhong and Socher 2017, "DCN+", arXiv 1711.00106.

    sigmoid(2 score) = p(span) / (p(span) + p(no span)), so a score above 0 says that the span is
    likelier than none.

    factors (b rows, c labels, l tokens): of spans, for n documents.
    gold (m, 4): row of the batch, label, start and last of each gold span; no duplicates.
    likelihood, entropy: weights, at least 0.
    RETURNS (n, c): at least 0 without entropy.
    RAISES (ValueError): pairs, gold outside the table, invalid weights.
    """
    _check(factors, gold, likelihood, entropy)
    sums = _sums(factors, _Answers.of(factors, gold))
    return _loss([sums], factors, gold, likelihood, entropy)


def expected_f1(
    factors: SpanFactors,
    gold: Tensor,
    weights: Tensor | None = None,
    *,
    likelihood: float = 0.1,
    entropy: float = 0.0,
    block: int | None = None,
) -> Tensor:
    """Loss of every document and label, in bounded memory.

    `expected_f1_dense` has the formula, and the same value and gradient
    (tests/nn/test_expected_f1.py). F1 does not split into a term of the start and one of the end,
    so this scores every cell for every label, unlike `zlpr`; but of one block of start tokens at a
    time, and the gradient scores them again.

    factors, gold, likelihood, entropy: as there; half precision is widened.
    weights: must be None; there are no soft targets.
    block (tokens): start tokens scored at once; the result does not change.
    RETURNS (n, c): at least 0 without entropy.
    RAISES (ValueError): as there, and any weights.
    """
    if weights is not None:
        raise ValueError(
            "expected F1 has no weights of gold spans. To fix: use the loss "
            "spacy_globalpointer.ZLPR.v1, or switch off what weights them"
        )
    gold = gold.cpu()
    _check(factors, gold, likelihood, entropy)
    factors = factors.in_float32()
    answers = _Answers.of(factors, gold)
    sums = [
        checkpoint(_sums, part, answers.at(starts), use_reentrant=False, preserve_rng_state=False)
        for starts, _, part in parts_of(factors, block)
    ]
    return _loss(sums, factors, gold, likelihood, entropy)


class _Answers(NamedTuple):
    """The gold spans of the document of each start token.

    position (b, s): place of each start token in the text of all rows.
    first, last (k, b, s, c): places of the gold spans, several if k > 1; last < first for none.
    """

    position: Tensor
    first: Tensor
    last: Tensor

    @classmethod
    def of(cls, factors: SpanFactors, gold: Tensor) -> "_Answers":
        """Look the gold spans up, by document and label."""
        document, n_starts = factors.documents(), factors.n_starts
        position = torch.arange(document.numel()).view_as(document)
        row, label, start, last = gold.cpu().unbind(1)
        owner = document[row, start] * factors.n_labels + label
        order = owner.argsort(stable=True)
        counts = owner.bincount(minlength=(int(document.max()) + 1) * factors.n_labels)
        rank = torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner[order]]
        k = max(1, int(counts.max()))
        tables = []
        for column, nothing in (start, 0), (last, -1):
            table = torch.full((k, len(counts)), nothing)
            table[rank, owner[order]] = (row * n_starts + column)[order]
            tables.append(table.view(k, -1, factors.n_labels)[:, document])
        return cls(*(x.to(factors.query.device) for x in (position, *tables)))

    def at(self, starts: slice) -> "_Answers":
        """Those of some start tokens."""
        return _Answers(self.position[:, starts], self.first[:, :, starts], self.last[:, :, starts])


class _Sums(NamedTuple):
    """Sums over the cells of each start token (b, s, c).

    log_all, log_f1, log_gold: logs of the sums of exp(2 score), of these times the F1 of the cell,
        and of those of the gold spans alone; EMPTY if there is nothing to add up.
    mean: of 2 score, with the weights exp(2 score).
    """

    log_all: Tensor
    log_f1: Tensor
    log_gold: Tensor
    mean: Tensor


# Log of nothing. -inf has no gradient.
EMPTY = -1e30


def _sums(factors: SpanFactors, answers: _Answers) -> _Sums:
    exponents = (2 * factors.scores()).movedim(1, 2).clamp(min=EMPTY)  # (b, s, c, e)
    log_all = exponents.logsumexp(-1)
    mean = (exponents * (exponents - log_all[..., None]).exp()).sum(-1)
    f1 = _f1(factors, answers)
    log_f1, log_gold = (
        (exponents + weight.log()).clamp(min=EMPTY).logsumexp(-1) for weight in (f1, f1.floor())
    )
    return _Sums(log_all, log_f1, log_gold, mean)


def _f1(factors: SpanFactors, answers: _Answers) -> Tensor:
    """Token F1 of each cell with the gold span of its document: (b, s, c, e)."""
    token = torch.arange(factors.length, device=factors.query.device)
    start = answers.position[..., None, None]  # (b, s, 1, 1)
    length = token - token[: factors.n_starts, None, None] + 1  # (s, 1, e)
    last = start + length - 1
    best = factors.query.new_zeros(())
    for gold_first, gold_last in zip(
        answers.first[..., None], answers.last[..., None], strict=True
    ):
        common = (torch.minimum(last, gold_last) - torch.maximum(start, gold_first) + 1).clamp(
            min=0
        )
        both = length + gold_last - gold_first + 1
        f1 = torch.where(common > 0, 2 * common / both.clamp(min=1), 0.0)
        best = torch.maximum(best, f1.to(factors.query))
    return best


def _loss(
    sums: list[_Sums], factors: SpanFactors, gold: Tensor, likelihood: float, entropy: float
) -> Tensor:
    """Put the sums of start tokens together, by document.

    sums: of each block of start tokens.
    RETURNS (n, c).
    """
    log_all, *logs, mean = (torch.cat(x, 1).flatten(0, 1) for x in zip(*sums, strict=True))
    document = factors.documents()
    has_gold = torch.zeros(int(document.max()) + 1, factors.n_labels, dtype=torch.bool)
    has_gold[document[gold[:, 0], gold[:, 2]], gold[:, 1]] = True
    document, has_gold = (x.to(log_all.device) for x in (document.flatten(), has_gold))
    none = torch.zeros_like(has_gold, dtype=log_all.dtype)  # 2 score of no span
    log_z = _add_by_document(none, log_all, document)
    right = none.masked_fill(has_gold, EMPTY)
    log_f1, log_gold = (_add_by_document(right, x, document) - log_z for x in logs)
    # H = log Z - sum p 2 score
    shares = (log_all - log_z[document]).exp()
    H = log_z - none.index_add(0, document, shares * mean)
    return 1 - log_f1.exp() - likelihood * log_gold - entropy * H


def _add_by_document(start: Tensor, log_sums: Tensor, document: Tensor) -> Tensor:
    """log(exp(start) + sum of exp(log_sums) of each document).

    start (n, c); log_sums (k, c), of the documents (k).
    """
    index = document[:, None].expand_as(log_sums)
    high = start.detach().scatter_reduce(0, index, log_sums.detach(), "amax")
    total = (start - high).exp().index_add(0, document, (log_sums - high[document]).exp())
    return high + total.log()


def _check(factors: SpanFactors, gold: Tensor, likelihood: float, entropy: float) -> None:
    check_expected_f1(likelihood, entropy)
    if not factors.cells.ordered:
        raise ValueError(
            "expected F1 is a loss of spans, which consist of tokens, was given pairs. To fix: use "
            "the loss spacy_globalpointer.ZLPR.v1 for relations and events"
        )
    check_gold_cells(factors, gold)


def check_expected_f1(likelihood: float, entropy: float) -> None:
    """Refuse invalid settings of the loss.

    RAISES (ValueError): a weight that is negative or not finite.
    """
    for name, weight in ("likelihood", likelihood), ("entropy", entropy):
        if isinstance(weight, str) or not 0 <= weight <= sys.float_info.max:
            raise ValueError(f"{name} must be a weight of at least 0 and finite, was: {weight!r}")
