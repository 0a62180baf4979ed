"""The loss of a batch and the gradient of the rows."""

from typing import Collection, List, Mapping, Optional, Sequence, Tuple

import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..losses import SpanLoss
from .tables import Table, Tables, threads_for

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
    tables = Tables(model, docs, rows)
    total, d_rows = 0.0, torch.zeros_like(tables.rows)
    for table in tables.of(sorted(gold), max_length, requires_grad=True):
        with threads_for(table):
            value = loss(table.factors, _gold_rows(table, gold))[:, :n_labels].sum()
            (gradient,) = torch.autograd.grad(value, table.rows)
        if not value.isfinite():
            raise ValueError(
                f"the loss must be finite, was: {float(value.detach())}. The scores have grown too "
                "far. Repair: a lower learning rate or lr_scale, or grad_clip in the optimizer"
            )
        d_rows[table.place[table.is_token]] = gradient[table.is_token]
        total += float(value.detach())
    return total, tables.unflatten(d_rows)


def _gold_rows(table: Table, gold: Mapping[int, Collection[Cell]]) -> torch.Tensor:
    """Rows (document, label, start, last) of a table, in a fixed order."""
    cells = [
        (place, *cell)
        for place, document in enumerate(table.documents)
        for cell in sorted(gold[document])
    ]
    return torch.tensor(cells, dtype=torch.long, device=table.rows.device).reshape(-1, 4)
