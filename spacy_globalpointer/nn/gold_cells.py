"""The rule for gold cells, which every loss has."""

import torch
from torch import Tensor

from .factors import SpanFactors


def check_gold_cells(factors: SpanFactors, gold: Tensor) -> None:
    """Refuse gold that is not in the table.

    factors (b rows, c labels, l tokens): what a head returned.
    gold (m, 4): rows of row of the batch, label, start and last.
    RAISES (ValueError): another shape or type, a cell outside the table. Whether its tokens are in
        the mask is checked on the CPU only: a GPU would have to finish all its work to answer.
    """
    if gold.ndim != 2 or gold.shape[1] != 4 or gold.dtype != torch.long:
        raise ValueError(
            "gold must be rows (row of the batch, label, start, last) of int64, was: "
            f"{gold.dtype} {tuple(gold.shape)}"
        )
    gold = gold.cpu()
    sizes = len(factors.mask), factors.n_labels, factors.n_starts, factors.length
    limits = torch.tensor(sizes)
    inside = ((gold >= 0) & (gold < limits)).all(1)
    row, _, start, last = gold.clamp(min=0).minimum(limits - 1).unbind(1)
    if _on_host(factors.mask):
        inside &= factors.allows(row, start, last)
    else:
        inside &= factors.cells.has(start, last)
    bad = gold[~inside]
    if len(bad):
        b, c, n_starts, length = sizes
        raise ValueError(
            f"gold rows (row of the batch, label, start, last) must be cells of the table ({b} "
            f"rows, {c} labels, {n_starts} start tokens, {length} tokens, {factors.cells}) that "
            f"start and end at tokens of the mask, was: {bad[0].tolist()}"
        )


def _on_host(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu"
