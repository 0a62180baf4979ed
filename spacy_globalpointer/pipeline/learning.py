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
from ..nn import Corrections, SpanFactors
from ..spans import LabelledSpan
from .prediction import predict_spans
from .rescoring import SecondLook, look_again
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
) -> tuple[float, list[Floats2d]]:
    """Sum the loss over documents and labels, with the documents laid end to end.

    This teaches the model that spans across document borders are not spans.

    tables: the rows of all documents of the batch.
    gold: the spans of each annotated document, by its place.
    loss: from factors and gold rows to (n, c).
    max_length (tokens): longest span.
    n_labels: count only this many labels, the first ones; None for all.
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
        factors = _correct(table, look, annotated)
        leaves.append(look.corrections.requires_grad_())
    with torch.enable_grad():
        spans = _gold_rows(table, [gold[i] for i in annotated], tables.model.attrs["labels"])
        value = loss(factors, spans)[:, :n_labels].sum()
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


def _correct(table: TrainingTable, look: SecondLook, documents: Sequence[int]) -> SpanFactors:
    """The factors of a table with the corrections of its documents, at their places there."""
    first = torch.zeros(max(documents) + 1, dtype=torch.long)
    first[documents] = torch.tensor(table.first)
    document, start, last = (column.cpu() for column in (look.document, look.start, look.last))
    place = first[document] + start
    row, column = place // table.factors.n_starts, place % table.factors.n_starts
    cells = torch.stack((row, column, column + last - start), 1)
    return replace(table.factors, corrections=Corrections(cells, look.corrections))


def _gold_rows(
    table: TrainingTable, gold: Sequence[Collection[LabelledSpan]], labels: Sequence[str]
) -> torch.Tensor:
    """(row, label, start, last) of the gold spans of each document, in a fixed order."""
    index = {label: i for i, label in enumerate(labels)}
    rows = []
    for first, spans in zip(table.first, gold, strict=True):
        for label, start, end in sorted((index[s.label], s.start, s.end) for s in spans):
            row, column = divmod(first + start, table.factors.n_starts)
            rows.append((row, label, column, column + end - 1 - start))
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 4)
