"""Loss and gradients of one table, of all labels at once or of some at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from thinc.api import Model, torch2xp
from thinc.types import FloatsXd
from torch import Tensor

from ..losses import SpanLoss, is_by_label
from ..nn import ExtractedFactors, Factors, SpanFactors


class LabelStep(NamedTuple):
    """What is learned from a table.

    model: whose extractors get a gradient if the table is made by them.
    rows: the leaf of autograd that the factors of the table come from.
    gold: rows (m, 4) of gold cells, and weights (m, 2) of each, if any target is not 1.
    loss: from factors and gold to (n, c).
    n_labels: count only this many labels, the first ones; None for all.
    weights (c): what the loss of each label counts; None for 1.
    """

    model: Model
    rows: Tensor
    gold: Sequence[Tensor]
    loss: SpanLoss
    n_labels: int | None
    weights: Sequence[float] | None


def learn_labels(step: LabelStep, factors: Factors) -> tuple[Tensor, Tensor, Tensor]:
    """Add up the loss, and find its gradient.

    GlobalPointer has an extractor for each label. Their queries and keys, and the gradients of
    these, are there for one block of labels at a time, unless the loss is one of which it is not
    known that labels can be taken apart.

    RETURNS: the loss, the gradient of the rows, and that of the corrections; without any, nothing.
        The extractors have theirs then, as the layers of a model have after its backprop.
    RAISES (ValueError): a loss that ignores a part of the scores.
    """
    value, d_rows = step.rows.new_zeros(()), torch.zeros_like(step.rows)
    d_corrections = []
    of_weights: list[tuple[Tensor, ...]] = []
    for labels, part, leaves in _parts(step, factors):
        losses, gradients = _learn_part(step, labels, part, leaves)
        value += losses
        d_rows += gradients[0]
        if part.corrections is not None:
            *gradients, own = gradients
            d_corrections.append(own)
        of_weights.append(tuple(gradients[1:]))
    if isinstance(factors, ExtractedFactors):
        extractor = step.model.get_ref("extractor")
        for name, parts in zip("Wb", zip(*of_weights, strict=True), strict=True):
            gradient = torch.cat(parts).flatten(0, 1)
            extractor.inc_grad(name, cast(FloatsXd, torch2xp(gradient)))
    return value, d_rows, torch.cat(d_corrections, 1) if d_corrections else d_rows.new_empty(0)


def _parts(step: LabelStep, factors: Factors) -> Iterator[tuple[slice, SpanFactors, list[Tensor]]]:
    """Some labels, their factors, and what these come from."""
    every = slice(0, factors.n_labels)
    if isinstance(factors, SpanFactors):
        yield every, *_with_leaves(factors, [step.rows])
        return
    blocks = factors.blocks() if is_by_label(step.loss) else [(every, factors)]
    for labels, block in blocks:
        weight, bias = (x.detach().requires_grad_() for x in (block.weight, block.bias))
        with torch.enable_grad():
            part = replace(block, weight=weight, bias=bias).at_once()
        yield labels, *_with_leaves(part, [step.rows, weight, bias])


def _with_leaves(factors: SpanFactors, leaves: list[Tensor]) -> tuple[SpanFactors, list[Tensor]]:
    """Let the corrections get a gradient, too."""
    if factors.corrections is None:
        return factors, leaves
    scores = factors.corrections.scores.detach().requires_grad_()
    factors = replace(factors, corrections=factors.corrections._replace(scores=scores))
    return factors, [*leaves, scores]


def _learn_part(
    step: LabelStep, labels: slice, factors: SpanFactors, leaves: list[Tensor]
) -> tuple[Tensor, Any]:
    """Loss and gradients of some labels."""
    gold, *weights = step.gold
    own = (gold[:, 1] >= labels.start) & (gold[:, 1] < labels.stop)
    gold = gold[own] - gold.new_tensor([0, labels.start, 0, 0])
    with torch.enable_grad():
        losses = step.loss(factors, gold, *(x[own] for x in weights))
        if step.weights is not None:
            losses = losses * losses.new_tensor(step.weights[labels])
        counted = None if step.n_labels is None else max(0, step.n_labels - labels.start)
        value = losses[:, :counted].sum()
        gradients = torch.autograd.grad(value, leaves, allow_unused=True)
    if any(x is None for x in gradients):
        what = "factors"
        if factors.corrections is not None and gradients[-1] is None:
            what = "factors.corrections, those of the second look"
        raise ValueError(
            f"a loss must depend on all scores of the spans, was: one that ignores {what}. To fix: "
            "compute it from factors.scores() or factors.scores_of(...), or write rescorer = null"
        )
    return value.detach(), gradients
