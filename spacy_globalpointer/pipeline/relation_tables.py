"""From the rows of a model of pairs to padded batches of factors, and gradients back to rows."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, cast

import torch
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor

from ..models import DocSpans
from ..nn import PairLayout, SpanFactors, as_directed, buckets, padded_index
from .tables import LARGEST, describe_not_finite


class PairTables:
    """The tables of one batch."""

    def __init__(
        self, model: Model, batch: Sequence[DocSpans], rows: Sequence[Floats2d], cfg: dict[str, Any]
    ) -> None:
        """Put the rows of all documents side by side, and the terms of their pairs.

        rows: output of the model for each document.
        cfg: allow_self, max_distance and symmetric of the component.
        RAISES (ValueError): rows that are not finite numbers, or beyond LARGEST.
        """
        self.model, self.batch, self.cfg = model, batch, cfg
        self.layout: PairLayout = model.attrs["layout"]
        self.lengths = [len(own) for own in rows]
        self.offsets = list(accumulate(self.lengths, initial=0))
        width, xp = self.layout.factor_width, model.ops.xp
        self.leaves = [xp2torch(xp.vstack([own[:, :width] for own in rows]))]
        if not self.layout.of_tokens:
            pairs = xp.concatenate([own[:, width:].ravel() for own in rows])
            self.leaves.append(xp2torch(pairs))
        # Asked once a batch: a GPU has to finish all its work to answer.
        if not torch.stack([(leaf.abs() < LARGEST).all() for leaf in self.leaves]).all():
            is_finite = [xp2torch(own).abs() < LARGEST for own in rows]
            raise ValueError(describe_not_finite([doc for doc, _ in batch], is_finite))
        labels = model.attrs["labels"]
        self.symmetric = self._move(torch.tensor([label in cfg["symmetric"] for label in labels]))

    def of_spans(self) -> Iterator[tuple[list[int], list[SpanFactors]]]:
        """The pairs of spans: documents with about as many spans together.

        YIELDS: places in the batch, and the tables whose lowest score counts.
        """
        counts = [len(spans) for _, spans in self.batch]
        for places in buckets(counts, tables=2):
            starts, ends, mask = self._borders(places)
            bias = self._forbidden(starts, ends)
            if self.layout.of_tokens:
                first = self.leaves[0][self._first(places)[:, None] + starts]
                last = self.leaves[0][self._first(places)[:, None] + ends - 1]
                each = [self.layout.factors(first, mask)[0], self.layout.factors(last, mask)[1]]
                yield places, [as_directed(one, one, bias, self.symmetric) for one in each]
            else:
                index, _ = padded_index(*self._extents(places))
                both = self.layout.factors(self.leaves[0][self._move(index)], mask)
                bias = bias + self.leaves[1][self._pair_index(places)]
                yield places, [as_directed(*both, bias, self.symmetric)]

    def of_tokens(self, documents: Sequence[int]) -> Iterator[tuple[list[int], list[SpanFactors]]]:
        """The pairs of tokens, if rows are of tokens: documents of similar length together.

        documents: places in the batch.
        YIELDS: places, and the tables of first and of last tokens.
        """
        for bucket in buckets([self.lengths[i] for i in documents], tables=2):
            places = [documents[i] for i in bucket]
            index, mask = padded_index(*self._extents(places))
            yield (
                places,
                list(self.layout.factors(self.leaves[0][self._move(index)], self._move(mask))),
            )

    def unflatten(self, gradients: Sequence[Tensor]) -> list[Floats2d]:
        """Gradients of the leaves as those of the rows of each document."""
        ops = self.model.ops
        flat = cast(Floats2d, torch2xp(gradients[0]))
        parts = ops.unflatten(flat, ops.asarray1i(self.lengths))
        if self.layout.of_tokens:
            return parts
        tables = gradients[1].split([n * n for n in self.lengths])
        pairs = [torch2xp(x.view(n, n)) for x, n in zip(tables, self.lengths, strict=True)]
        return [ops.xp.hstack([x, own]) for x, own in zip(parts, pairs, strict=True)]

    def _extents(self, places: Sequence[int]) -> tuple[list[int], list[int]]:
        return [self.offsets[i] for i in places], [self.lengths[i] for i in places]

    def _first(self, places: Sequence[int]) -> Tensor:
        return self._move(torch.tensor([self.offsets[i] for i in places]))

    def _borders(self, places: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """First token, end and mask (b, n) of the spans of some documents; padding repeats."""
        spans = [self.batch[i].spans for i in places]
        first = list(accumulate(map(len, spans), initial=0))[:-1]
        index, mask = padded_index(first, list(map(len, spans)))
        borders = torch.tensor([(span.start, span.end) for own in spans for span in own])
        start, end = borders[index].unbind(-1)
        return self._move(start), self._move(end), self._move(mask)

    def _forbidden(self, start: Tensor, end: Tensor) -> Tensor:
        """(b, n, n): -inf for pairs that cannot be, 0 for others."""
        far = start[:, None] - end[..., None]
        gap = torch.maximum(far, far.transpose(1, 2))
        bias = torch.zeros(gap.shape, device=start.device)
        if not self.cfg["allow_self"]:
            bias.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        if self.cfg["max_distance"] is not None:
            bias.masked_fill_(gap > self.cfg["max_distance"], -torch.inf)
        return bias

    def _pair_index(self, places: Sequence[int]) -> Tensor:
        """(b, n, n): where the term of each pair is; padding repeats some of them."""
        first = list(accumulate((n * n for n in self.lengths), initial=0))
        begin, count = (torch.tensor([x[i] for i in places]) for x in (first, self.lengths))
        place = torch.minimum(torch.arange(int(count.max())), count[:, None] - 1)  # (b, n)
        index = begin[:, None, None] + place[..., None] * count[:, None, None] + place[:, None]
        return self._move(index)

    def _move(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.leaves[0].device, non_blocking=True)
