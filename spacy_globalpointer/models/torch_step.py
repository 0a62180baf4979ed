"""A function of torch as one step of a Thinc layer: no parameters, so Thinc still owns them all."""

from collections.abc import Callable
from typing import cast

import torch
from thinc.api import Ops, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor


def through_torch(
    function: Callable[[Tensor], Tensor], X: Floats2d, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Apply a function.

    RETURNS: its value, and the function's gradient if in training.
    """
    leaf = xp2torch(X, requires_grad=is_train)
    with torch.set_grad_enabled(is_train):
        Y = function(leaf)

    def backprop(dY: Floats2d) -> Floats2d:
        (dX,) = torch.autograd.grad(Y, leaf, xp2torch(dY))
        return cast(Floats2d, torch2xp(dX))

    return cast(Floats2d, torch2xp(Y.detach())), backprop


def split_columns(ops: Ops, X: Floats2d, width: int) -> tuple[Floats2d, Floats2d]:
    """The first columns, and the others."""
    return ops.as_contig(X[:, :width]), ops.as_contig(X[:, width:])
