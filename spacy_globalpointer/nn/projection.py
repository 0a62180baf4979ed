"""What one gradient takes away from another, for tasks that share an encoder."""

from typing import Literal, get_args

import torch
from torch import Tensor

PerGradient = Literal["batch", "token"]


def opposing_part(gradient: Tensor, other: Tensor, *, per: PerGradient = "batch") -> Tensor:
    """The part of a gradient that turns against another: min(0, <g, h>) / |h|^2 h.

    g minus this part is the projection of PCGrad (Yu et al. 2020, "Gradient Surgery for Multi-Task
    Learning", arXiv 2001.06782): of all gradients whose product with h is not negative, it is the
    one nearest to g. Where g and h agree, the part is zero.

    gradient, other (l, d): g and h, of the same tokens.
    per: "batch" compares the gradients of all tokens together; "token" those of each token, so that
        there is no conflict at any of them.
    RETURNS (l, d): zero where h is zero.
    RAISES (ValueError): shapes that differ, an unknown per.
    """
    if per not in get_args(PerGradient):
        raise ValueError(f"per must be one of {get_args(PerGradient)}, was: {per!r}")
    if gradient.shape != other.shape or gradient.ndim != 2:
        raise ValueError(
            "gradients of the same tokens must have one shape (l, d), were: "
            f"{tuple(gradient.shape)} and {tuple(other.shape)}"
        )
    if not gradient.numel():
        return torch.zeros_like(gradient)
    axes = (0, 1) if per == "batch" else (1,)
    # The result does not depend on the length of h, but its square would underflow.
    highest = other.abs().amax(axes, keepdim=True)
    direction = torch.where(highest > 0, other / highest, 0.0)
    square = direction.square().sum(axes, keepdim=True).clamp(min=1.0)
    product = (gradient * direction).sum(axes, keepdim=True)
    return (product.clamp(max=0.0) / square) * direction
