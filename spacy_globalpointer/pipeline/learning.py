"""The loss of a batch and the gradient of the rows."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..losses import SpanLoss
from ..nn import Corrections
from ..spans import LabelledSpan
from .prediction import predict_spans
from .rescoring import look_again
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
    gold: the spans of each annotated document, by its place.
    loss: from factors and gold rows to (n, c).
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
    factors, leaves, look = table.factors, [table.rows], None
    rescorer = tables.model.maybe_get_ref("rescorer")
    if rescorer is not None:
        parts = list(tables.of(annotated, max_length))
        look = look_again(rescorer, tables, parts, is_train=True)
        cells = table.cells(look.document.cpu(), look.start.cpu(), look.last.cpu())
        factors = replace(factors, corrections=Corrections(cells, look.corrections))
        leaves.append(look.corrections.requires_grad_())
    with torch.enable_grad():
        spans = _gold_rows(table, {i: gold[i] for i in annotated}, tables.model.attrs["labels"])
        losses = loss(factors, spans)
        if weights is not None:
            losses = losses * losses.new_tensor(weights)
        value = losses[:, :n_labels].sum()
        gradient, *d_corrections = torch.autograd.grad(value, leaves, allow_unused=True)
    if any(x is None for x in (gradient, *d_corrections)):
        what = "factors" if gradient is None else "factors.corrections, those of the second look"
        raise ValueError(
            f"a loss must depend on all scores of the spans, was: one that ignores {what}. To fix: "
            "compute it from factors.scores() or factors.scores_of(...), or write rescorer = null"
        )
    d_rows.index_add_(0, table.token.flatten(), gradient.flatten(0, 1))
    if look is not None:
        d_rows += look.backprop(*d_corrections)
    # Asked once a batch: a GPU has to finish all its work to answer.
    loss_of_batch = float(value.detach())
    if not math.isfinite(loss_of_batch):
        raise ValueError(
            f"the loss must be finite, was: {loss_of_batch}. The scores have grown too large. "
            "To fix: use a lower learning rate or lr_scale, or grad_clip in the optimizer"
        )
    return loss_of_batch, tables.unflatten(d_rows)


def what_was_known(
    name: str, model: Model, docs: Sequence[Doc], cfg: dict[str, Any]
) -> tuple[dict[int, list[LabelledSpan]], int]:
    """Find what to rehearse: the spans that a copy of the model finds.

    name: of the component.
    model: the copy, made before any labels were added that are not rehearsed.
    cfg: settings of the component.
    RETURNS: the spans of each document, and the number of labels that the copy has.
    RAISES (ValueError): the encoder is another component of the pipeline.
    """
    if any(hasattr(node, "upstream_name") for node in model.walk()):
        raise ValueError(
            f"'{name}' can only rehearse with its own encoder: the copy that it rehearses from "
            "would listen to an encoder that has changed since. To fix: call "
            f"nlp.replace_listeners(..., {name!r}, ['model.tok2vec']) before nlp.resume_training, "
            "with the path of the listener's block in the config if it is a deeper one"
        )
    labels = model.attrs["labels"]
    found = predict_spans(model, docs, [0.0] * len(labels), cfg)
    return {i: spans.named(labels) for i, spans in enumerate(found.spans)}, len(labels)


def _gold_rows(
    table: TrainingTable, gold: Mapping[int, Collection[LabelledSpan]], labels: Sequence[str]
) -> torch.Tensor:
    """(row, label, start, last) of the gold spans of each document, in a fixed order."""
    index = {label: i for i, label in enumerate(labels)}
    spans = sorted((i, index[s.label], s.start, s.end - 1) for i, own in gold.items() for s in own)
    document, label, start, last = torch.tensor(spans, dtype=torch.long).reshape(-1, 4).unbind(1)
    row, start, last = table.cells(document, start, last).unbind(1)
    return torch.stack((row, label, start, last), 1)
