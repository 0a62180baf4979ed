"""The loss of a batch and the gradient of the rows."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import torch
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..nn import Corrections
from ..spans import LabelledSpan
from .label_steps import LabelStep, learn_labels
from .rescoring import look_again
from .soft_targets import as_weights
from .tables import Tables, TrainingTable, plain_torch
from .threads import one_thread


@one_thread
@plain_torch()
def batch_loss(
    tables: Tables,
    gold: Mapping[int, Collection[LabelledSpan]],
    loss: SpanLoss,
    max_length: int | None,
    n_labels: int | None = None,
    weights: Sequence[float] | None = None,
) -> tuple[float, list[Floats2d]]:
    """Sum the loss over documents and labels, with the documents laid end to end.

    This teaches the model that spans across document borders are not spans.

    tables: the rows of all documents of the batch.
    gold: the spans of each annotated document, by its place; a mapping has the target of each span
        (probability).
    loss: from factors and gold rows to (n, c); from weights of these too, if any target is not 1.
    max_length (tokens): longest span.
    n_labels: count only this many labels, the first ones; None for all.
    weights (c): what the loss of each label counts; None for 1.
    RETURNS: the loss, and the gradient of the rows of each document. A rescorer, which reads the
        rows after the model, has the gradients of its weights then.
    RAISES (ValueError): a loss that is not finite, or that ignores a part of the scores.
    """
    d_rows = torch.zeros_like(tables.rows)
    annotated = [place for place in sorted(gold) if tables.lengths[place]]
    if not annotated:
        return 0.0, tables.unflatten(d_rows)
    with torch.enable_grad():
        table = tables.end_to_end(annotated, max_length)
    factors, look = table.factors, None
    rescorer = tables.model.maybe_get_ref("rescorer")
    if rescorer is not None:
        parts = list(tables.of(annotated, max_length))
        look = look_again(rescorer, tables, parts, is_train=True)
        cells = table.cells(look.document.cpu(), look.start.cpu(), look.last.cpu())
        factors = replace(factors, corrections=Corrections(cells, look.corrections))
    spans = _gold_rows(table, {i: gold[i] for i in annotated}, tables.model.attrs["labels"])
    step = LabelStep(tables.model, table.rows, spans, loss, n_labels, weights)
    value, gradient, d_corrections = learn_labels(step, factors)
    d_rows.index_add_(0, table.token.flatten(), gradient.flatten(0, 1))
    if look is not None:
        d_rows += look.backprop(d_corrections)
    # Asked once a batch: a GPU has to finish all its work to answer.
    loss_of_batch = float(value)
    if not math.isfinite(loss_of_batch):
        raise ValueError(
            f"the loss must be finite, was: {loss_of_batch}. The scores have grown too large. "
            "To fix: use a lower learning rate or lr_scale, or grad_clip in the optimizer"
        )
    return loss_of_batch, tables.unflatten(d_rows)


def _gold_rows(
    table: TrainingTable, gold: Mapping[int, Collection[LabelledSpan]], labels: Sequence[str]
) -> list[torch.Tensor]:
    """(row, label, start, last) of the gold spans of each document, in a fixed order.

    RETURNS: the rows (m, 4); and if any target is not 1, weights of each (m, 2).
    """
    index = {label: i for i, label in enumerate(labels)}
    spans = sorted(
        (i, index[s.label], s.start, s.end - 1, target)
        for i, own in gold.items()
        for s, target in (own if isinstance(own, Mapping) else dict.fromkeys(own, 1.0)).items()
    )
    cells, targets = [span[:4] for span in spans], [span[4] for span in spans]
    document, label, start, last = torch.tensor(cells, dtype=torch.long).reshape(-1, 4).unbind(1)
    row, start, last = table.cells(document, start, last).unbind(1)
    rows, weights = torch.stack((row, label, start, last), 1), as_weights(targets)
    return [rows] if weights is None else [rows, torch.tensor(weights, dtype=torch.float64)]
