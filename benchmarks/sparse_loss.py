"""The sparse form of ZLPR that other packages use, beside ours, as a gold span becomes certain.

They take the gold cells out of the sum over all cells by subtraction, log(total - gold), and clip
what is left. Once the model is good the clip holds: the gradient of the gold score turns positive,
so that learning pushes a span down because it is right, and the loss may go below zero.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spacy_globalpointer.nn import SpanFactors, zlpr

# A table of 20 x 20 cells: one gold span, one hard negative, all others out of the question.
SIZE, GOLD, HARD = 20, (3, 7), (4, 9)
HARD_SCORE, OTHER_SCORE = -3.0, -8.0
SCORES = [0.25 * step for step in range(101)]  # of the gold span
# By the clip: that of bert4keras and bert4torch, of LTP, of PaddleNLP.
CLIPS = {f"clipped at {clip:g}": clip for clip in (1e-7, 1e-5, 0.1)}


def derive_loss(form: str) -> dict[str, Any]:
    """Loss and its derivative by the gold score, for each of SCORES.

    form: one of LOSS_FORMS.
    RETURNS: form, scores, loss and gradient.
    """
    losses: list[float] = []
    gradients: list[float] = []
    for score in SCORES:
        table = torch.full((SIZE, SIZE), OTHER_SCORE)
        table[HARD], table[GOLD] = HARD_SCORE, score
        value = LOSS_FORMS[form](table.requires_grad_())
        (gradient,) = torch.autograd.grad(value, table)
        losses.append(float(value.detach()))
        gradients.append(float(gradient[GOLD]))
    return {"form": form, "scores": SCORES, "loss": losses, "gradient": gradients}


def _ours(table: Tensor) -> Tensor:
    # Any table is a product with the identity.
    key, bias = torch.eye(SIZE)[None, None], torch.zeros(1, SIZE, 1)
    mask = torch.ones(1, SIZE, dtype=torch.bool)
    factors = SpanFactors(table[None, None], key, bias, bias, mask)
    return zlpr(factors, torch.tensor([[0, 0, *GOLD]])).sum()


def _clipped(form: str) -> Callable[[Tensor], Tensor]:
    def loss(table: Tensor) -> Tensor:
        from bert4torch.losses import SparseMultilabelCategoricalCrossentropy

        # The other half of the table is no span.
        upper = table.masked_fill(torch.ones_like(table).tril(-1).bool(), -torch.inf)
        gold = torch.tensor([[GOLD[0] * SIZE + GOLD[1]]])
        criterion = SparseMultilabelCategoricalCrossentropy(epsilon=CLIPS[form])
        return criterion(upper.flatten()[None], gold).sum()

    return loss


LOSS_FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "global_pointer": _ours,
    **{form: _clipped(form) for form in CLIPS},
}
