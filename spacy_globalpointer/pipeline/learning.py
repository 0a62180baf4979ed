"""The loss of a batch and the gradient of the rows."""

import math
from typing import Collection, List, Mapping, Optional, Sequence, Tuple

import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..losses import SpanLoss
from .tables import Table, Tables, one_thread, threads_for

Cell = Tuple[int, int, int]


def batch_loss(
    model: Model,
    docs: Sequence[Doc],
    rows: Sequence[Floats2d],
    gold: Mapping[int, Collection[Cell]],
    loss: SpanLoss,
    max_length: Optional[int],
    n_labels: Optional[int] = None,
) -> Tuple[float, List[Floats2d]]:
    """Sum the loss over documents and labels.

    rows: output of the model, (l, width) for each document.
    gold: (label index, start, last) of each document, by its place; others are not annotated.
    loss: from factors and gold rows to (b, c).
    max_length (tokens): longest span.
    n_labels: only the first so many labels count; None for all.
    RETURNS: the loss, and the gradient of the rows of each document.
    """
    with one_thread() as threads:
        tables = Tables(model, docs, rows)
        total, d_rows = tables.rows.new_zeros(()), torch.zeros_like(tables.rows)
        for table in tables.of(sorted(gold), max_length, requires_grad=True):
            with threads_for(table, threads):
                value = loss(table.factors, _gold_rows(table, gold))[:, :n_labels].sum()
                (gradient,) = torch.autograd.grad(value, table.rows)
            d_rows[table.place] = gradient.flatten(0, 1)[table.padded_place]
            total += value.detach()
    # Asked once a batch: a GPU has to finish all its work to answer.
    loss_of_batch = float(total)
    if not math.isfinite(loss_of_batch):
        raise ValueError(
            f"the loss must be finite, was: {loss_of_batch}. The scores have grown too far. "
            "Repair: a lower learning rate or lr_scale, or grad_clip in the optimizer"
        )
    return loss_of_batch, tables.unflatten(d_rows)


def _gold_rows(table: Table, gold: Mapping[int, Collection[Cell]]) -> torch.Tensor:
    """Rows (document, label, start, last) of a table, in a fixed order, on the host."""
    cells = [
        (place, *cell)
        for place, document in enumerate(table.documents)
        for cell in sorted(gold[document])
    ]
    return torch.tensor(cells, dtype=torch.long).reshape(-1, 4)
