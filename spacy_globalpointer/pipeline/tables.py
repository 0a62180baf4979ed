"""From the rows of a model to padded batches of factors, and gradients back to rows."""

from contextlib import contextmanager
from typing import Iterator, List, NamedTuple, Optional, Sequence, cast

import torch
from spacy.attrs import IS_SPACE
from spacy.tokens import Doc
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..models import count_groups, rows_to_factors
from ..nn import SpanFactors, buckets, padded_index

# Below so many cells (documents x tokens x tokens) one thread is faster than several.
CELLS_OF_ONE_THREAD = 2**21


class Table(NamedTuple):
    """Documents of similar length: their span scores are one padded table.

    documents: their places in the batch.
    rows (b, l, width): output rows of the model, padded.
    place (n): row of each token in the concatenated rows of the batch.
    padded_place (n): the same in the rows of the table.
    factors: the rows seen as factors; no span starts or ends on whitespace.
    """

    documents: List[int]
    rows: Tensor
    place: Tensor
    padded_place: Tensor
    factors: SpanFactors


@contextmanager
def one_thread() -> Iterator[int]:
    """Let torch work with one thread.

    Many short operations would each wait for the other threads, and wait long where other
    processes want the cores.

    YIELDS: number of threads that it had.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


@contextmanager
def threads_for(table: Table, threads: int) -> Iterator[None]:
    """Let torch work on a large table with so many threads, within `one_thread`."""
    factors = table.factors
    cells = factors.n_groups * len(table.documents) * factors.length**2
    # With max_length a table is worked on in small blocks, however long it is.
    is_band = factors.max_length is not None and factors.max_length < factors.length
    torch.set_num_threads(1 if is_band or cells < CELLS_OF_ONE_THREAD else threads)
    try:
        yield
    finally:
        torch.set_num_threads(1)


class Tables:
    """The tables of one batch."""

    def __init__(self, model: Model, docs: Sequence[Doc], rows: Sequence[Floats2d]) -> None:
        """Check the rows and put them side by side.

        rows: output of the model, (l, width) for each document.
        RAISES (ValueError): rows that are not finite numbers.
        """
        self.model = model
        self.lengths = [len(doc) for doc in docs]
        self.rows = xp2torch(model.ops.flatten(list(rows)))
        self.is_space = torch.cat([_is_space(doc) for doc in docs])
        if not self.rows.isfinite().all():
            raise ValueError(_not_finite(docs, rows))

    def of(
        self,
        documents: Sequence[int],
        max_length: Optional[int] = None,
        requires_grad: bool = False,
    ) -> Iterator[Table]:
        """Pad documents of similar length together.

        documents: places in the batch; those without tokens are in no table.
        max_length (tokens): longest span.
        requires_grad: of the rows of each table.
        """
        offsets = [0]
        for length in self.lengths:
            offsets.append(offsets[-1] + length)
        n_tables = count_groups(self.model)
        for bucket in buckets([self.lengths[i] for i in documents], tables=n_tables):
            places = [documents[i] for i in bucket]
            index, is_token = padded_index(
                [offsets[i] for i in places], [self.lengths[i] for i in places]
            )
            # On the host, which knows all lengths: a GPU would have to report how many are true.
            padded_place = is_token.flatten().nonzero().squeeze(1)
            place = index.flatten()[padded_place]
            mask = is_token & ~self.is_space[index]
            device = self.rows.device
            rows = self.rows[index.to(device)].requires_grad_(requires_grad)
            factors = rows_to_factors(self.model, rows, mask.to(device), max_length)
            yield Table(places, rows, place.to(device), padded_place.to(device), factors)

    def unflatten(self, rows: Tensor) -> List[Floats2d]:
        """Give each document its part of the concatenated rows."""
        lengths = self.model.ops.asarray1i(self.lengths)
        return self.model.ops.unflatten(cast(Floats2d, torch2xp(rows)), lengths)


def _is_space(doc: Doc) -> Tensor:
    return torch.from_numpy(doc.to_array(IS_SPACE).astype(bool))


def _not_finite(docs: Sequence[Doc], rows: Sequence[Floats2d]) -> str:
    bad = [i for i, row in enumerate(rows) if not xp2torch(row).isfinite().all()]
    return (
        f"the model's output must be finite, but that for document {bad[0]} of {len(docs)} is not: "
        f"{docs[bad[0]].text[:60]!r}. The encoder has diverged or its input is broken. Repair: a "
        "lower learning rate or longer warm-up, grad_clip in the optimizer, or no mixed precision"
    )
