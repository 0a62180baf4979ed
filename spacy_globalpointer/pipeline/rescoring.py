"""The second look: the candidates of a batch, and how a rescorer corrects their scores."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..models import RescorerInput, learned_labels
from ..nn import Corrections, select_candidates
from .tables import Table, Tables


class SecondLook(NamedTuple):
    """The candidates of some documents, sorted by document, start, longest first.

    document (k): places in the batch.
    start, last (k): tokens of the document.
    corrections (k, c): of the head's scores.
    backprop: from the gradient of the corrections to that of the rows (n, width) of the batch.
    full: places of documents that have more candidates than are looked at.
    """

    document: Tensor
    start: Tensor
    last: Tensor
    corrections: Tensor
    backprop: Callable[[Tensor], Tensor]
    full: list[int]


def look_again(
    rescorer: Model, tables: Tables, parts: Sequence[Table], is_train: bool = False
) -> SecondLook:
    """Find the candidates of some tables, and correct their scores.

    rescorer: of the model.
    tables: of the batch.
    parts: the tables of the documents to look at.
    RAISES (ValueError): corrections that are not finite.
    """
    documents = sorted(place for table in parts for place in table.documents)
    (document, start, last), scores, full = _find(rescorer, tables, parts, is_train)
    # The text of these documents only: the rows of its tokens, and where each document begins.
    row, first = tables.join(documents)
    begin = first[document]
    end = begin + torch.tensor(tables.lengths, device=begin.device)[document]
    tokens = tables.layout.for_rescorer(tables.rows[row])
    corrections, backprop_tokens = rescorer(
        RescorerInput(
            cast(Floats2d, torch2xp(tokens)),
            begin + start,
            begin + last,
            before=torch.where(start > 0, begin + start - 1, len(row)),
            after=torch.where(begin + last + 1 < end, begin + last + 1, len(row)),
            scores=cast(Floats2d, torch2xp(scores)),
        ),
        is_train,
    )
    if not rescorer.ops.xp.isfinite(corrections).all():
        raise ValueError(
            "the corrections of the rescorer must be finite, but some are not: it has diverged. To "
            "fix: use a lower learning rate or lr_scale, or grad_clip in the optimizer"
        )

    def backprop(d_corrections: Tensor) -> Tensor:
        d_tokens = xp2torch(backprop_tokens(torch2xp(d_corrections)))
        d_rows = torch.zeros_like(tables.rows)
        tables.layout.for_rescorer(d_rows)[row] = d_tokens
        return d_rows

    return SecondLook(document, start, last, xp2torch(corrections), backprop, full)


def _find(
    rescorer: Model, tables: Tables, parts: Sequence[Table], is_train: bool
) -> tuple[Tensor, Tensor, list[int]]:
    """The candidates of some tables.

    RETURNS (3, k), (k, c) and (n): document, start and last of each, in order; their scores from
        the head; and the documents that have more.
    """
    found, scores, full = [], [], []
    # A label that was added and not trained since makes no candidates, so the others keep their
    # scores. In training all labels do, or none would ever be learned.
    labels = None if is_train else learned_labels(rescorer)
    for table in parts:
        factors = table.factors.in_float32()
        document = torch.tensor(table.documents, device=factors.mask.device)
        lengths = [tables.lengths[i] for i in table.documents]
        cells, is_full = select_candidates(factors, rescorer.attrs["rule"], lengths, labels)
        row, start, last = cells.unbind(1)
        found.append(torch.stack((document[row], start, last)))
        scores.append(factors.scores_of_all_labels(row, start, last))
        full += document[is_full].tolist()
    candidates = torch.cat(found, 1)
    order = candidates[0].argsort(stable=True)
    return candidates[:, order], torch.cat(scores)[order], full


def final_tables(
    tables: Tables, documents: Sequence[int], max_length: int | None
) -> Iterator[tuple[Table, list[int]]]:
    """Pad documents of similar length together, and correct their scores if there is a rescorer.

    documents: places in the batch.
    max_length (tokens): longest span.
    YIELDS: a table, and the places of its documents that have more candidates than are looked at.
    """
    rescorer = tables.model.maybe_get_ref("rescorer")
    for table in tables.of(documents, max_length):
        if rescorer is None:
            yield table, []
            continue
        look = look_again(rescorer, tables, [table])
        row = {place: row for row, place in enumerate(table.documents)}
        rows = torch.tensor([row[i] for i in look.document.tolist()], dtype=torch.long)
        cells = torch.stack((rows, look.start.cpu(), look.last.cpu()), 1)
        corrections = Corrections(cells, look.corrections)
        yield table._replace(factors=replace(table.factors, corrections=corrections)), look.full
