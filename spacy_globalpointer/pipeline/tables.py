"""From the rows of a model to padded batches of factors, and gradients back to rows."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from typing import NamedTuple, cast

import numpy
import torch
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..models import model_factors
from ..nn import Factors, RowLayout, buckets, end_to_end, padded_index

# Longest span across a document border, in tokens, unless a document itself is longer.
FREE_REACH = 128
# Of numbers in rows. Beyond it, the products of two may add up to scores that are not finite: not a
# number is above no threshold, so their spans would be missing without a word.
LARGEST = 1e18


class Table(NamedTuple):
    """Documents of similar length: their span scores are one padded table.

    documents: their places in the batch.
    factors: their rows as factors; no span starts or ends on a token that cannot be a border.
    """

    documents: list[int]
    factors: Factors


class TrainingTable(NamedTuple):
    """Documents laid end to end: their span scores are one table, those across borders included.

    rows (b, l, width): output rows of the model, a leaf of autograd.
    token (b, l): row of each place in the concatenated rows of the batch; any row for padding.
    factors: the rows as factors; their documents are numbered in the order asked for.
    first (n): where each document of the batch begins among the start tokens of all rows, 0 for
        those left out; on the host.
    """

    rows: Tensor
    token: Tensor
    factors: Factors
    first: Tensor

    def cells(self, document: Tensor, start: Tensor, last: Tensor) -> Tensor:
        """Find the cells of spans.

        document, start, last (k): places in the batch, and tokens of these documents; on the host.
        RETURNS (k, 3): row, start and last in the table.
        """
        place, n_starts = self.first[document] + start, self.factors.n_starts
        row, column = place // n_starts, place % n_starts
        return torch.stack((row, column, column + last - start), 1)


@contextmanager
def plain_torch() -> Iterator[None]:
    """Switch off whatever the caller switched on: autocast, inference_mode, gradients.

    Thinc's layers do the same.
    """
    with ExitStack() as stack:
        for device in ("cpu", "cuda")[: 1 + torch.cuda.is_available()]:
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


class Tables:
    """The tables of one batch."""

    def __init__(self, model: Model, docs: Sequence[Doc], rows: Sequence[Floats2d]) -> None:
        """Check the rows and put them side by side.

        rows: output of the model, (l, width) for each document.
        RAISES (ValueError): rows that are not finite numbers, or beyond LARGEST.
        """
        self.model = model
        self.docs = docs
        self.layout: RowLayout = model.attrs["layout"]
        self.lengths = [len(doc) for doc in docs]
        self.offsets = list(accumulate(self.lengths, initial=0))
        flat = model.ops.flatten(list(rows))
        # Asked once a batch: a GPU has to finish all its work to answer.
        checks = model.ops.xp.stack((flat.any(1), (abs(flat) < LARGEST).all(1)))
        has_vector, is_finite = torch.from_numpy(model.ops.to_numpy(checks))
        if not is_finite.all():
            raise ValueError(describe_not_finite(docs, is_finite.split(self.lengths)))
        is_space = numpy.concatenate([doc.to_array(IS_SPACE) for doc in docs])
        self.rows = xp2torch(flat)
        self.has_vector = has_vector
        self.may_border = has_vector & torch.from_numpy(is_space == 0)

    def of(self, documents: Sequence[int], max_length: int | None = None) -> Iterator[Table]:
        """Pad documents of similar length together.

        documents: places in the batch; those without tokens are in no table.
        max_length (tokens): longest span.
        """
        lengths = [self.lengths[i] for i in documents]
        tables = self.layout.n_groups if self.layout.shared else 1  # labels go in blocks
        for bucket in buckets(lengths, tables=tables):
            places = [documents[i] for i in bucket]
            index, is_token = padded_index(
                [self.offsets[i] for i in places], [self.lengths[i] for i in places]
            )
            mask = is_token & self.may_border[index]
            rows, mask = self.rows[self._move(index)], self._move(mask)
            yield Table(places, model_factors(self.model, rows, mask, max_length))

    def end_to_end(self, documents: Sequence[int], max_length: int | None) -> TrainingTable:
        """Lay documents end to end for training: see `nn.end_to_end`.

        documents: places in the batch, at least one, all with tokens.
        max_length (tokens): longest span, None for no limit. Spans across borders are at most as
            long as the longest document, or FREE_REACH.
        """
        lengths = [self.lengths[i] for i in documents]
        reach = max(*lengths, FREE_REACH)
        if max_length is not None:
            reach = min(reach, max_length)
        token, document, first = end_to_end(lengths, reach)
        in_batch = self._rows_of(documents)[token]
        mask = (token >= 0) & self.may_border[in_batch]
        in_batch = self._move(in_batch)
        rows = self.rows[in_batch].requires_grad_()
        factors = model_factors(self.model, rows, self._move(mask), reach, document)
        return TrainingTable(rows, in_batch, factors, self._by_place(documents, first))

    def join(self, documents: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Put the tokens of some documents side by side.

        documents: places in the batch.
        RETURNS (l) and (n): the row of each token; and where each document of the batch begins
            among them, 0 for others.
        """
        lengths = torch.tensor([self.lengths[i] for i in documents])
        first = self._by_place(documents, lengths.cumsum(0) - lengths)
        return self._move(self._rows_of(documents)), self._move(first)

    def _by_place(self, documents: Sequence[int], first: Tensor) -> Tensor:
        """Numbers of some documents, at their places in the batch; 0 for others."""
        numbers = torch.zeros(len(self.lengths), dtype=torch.long)
        numbers[documents] = first
        return numbers

    def _rows_of(self, documents: Sequence[int]) -> Tensor:
        return torch.cat([torch.arange(*self.offsets[i : i + 2]) for i in documents])

    def _move(self, tensor: Tensor) -> Tensor:
        # Without waiting for the GPU's earlier work.
        return tensor.to(self.rows.device, non_blocking=True)

    def unflatten(self, rows: Tensor) -> list[Floats2d]:
        """Give each document its part of the concatenated rows."""
        lengths = self.model.ops.asarray1i(self.lengths)
        return self.model.ops.unflatten(cast(Floats2d, torch2xp(rows)), lengths)


def describe_not_finite(docs: Sequence[Doc], is_finite: Sequence[Tensor]) -> str:
    """Say for which document the output of a model is not finite.

    is_finite: bool, any number of them for each document.
    """
    bad = [i for i, part in enumerate(is_finite) if not part.all()]
    return (
        f"the model's output must be finite, but for document {bad[0]} of {len(docs)} it is not: "
        f"{docs[bad[0]].text[:60]!r} (or is beyond {LARGEST:g}). The encoder has "
        "diverged or its input is broken. To fix: use a lower learning rate, a longer warm-up, "
        "grad_clip in the optimizer, or no mixed precision"
    )
