"""From factors to spans: every span whose score reaches the cut of its label.

The fast form never builds labels x L x L scores: what all labels share plus the best label bounds
every score, so only cells that can pass are scored label by label. A property test checks that it
equals `decode_dense` (tests/nn/test_decode.py).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .extracted import Factors, split_labels
from .factors import Corrections, SpanFactors
from .label_groups import Part
from .parts import parts_of

# Scores (cells x labels) computed at once.
CHUNK_SCORES = 2**20
# The bound is added up in another order than the score: cells this close below it are scored too.
ROUNDING = 1e-3
# The cut of threshold 0 is -inf, but spans compete by how far they are above their cut: so a
# probability of 2e-9 stands for 0.
LOWEST_CUT = -10.0


class DecodedSpans(NamedTuple):
    """Spans, or pairs, sorted by document, start, longest first, then label.

    document, label, start, last (n): int64; score (n): float.
    """

    document: Tensor
    label: Tensor
    start: Tensor
    last: Tensor
    score: Tensor

    def take(self, index: Tensor) -> "DecodedSpans":
        """The spans at the indices, or where a bool tensor is true."""
        return DecodedSpans(*(column[index] for column in self))

    def to_host(self) -> "DecodedSpans":
        """The same spans in the memory of the host."""
        return DecodedSpans(*(column.cpu() for column in self))


def decode_dense(factors: SpanFactors, cuts: Tensor) -> DecodedSpans:
    """Every span whose score reaches the cut of its label: the definition.

    factors (b documents, c labels, l tokens): what a head returned.
    cuts (c): lowest score of a span; -inf for every span, inf for none.
    """
    scores = factors.scores()
    hits = (scores >= cuts[:, None, None]) & factors.allowed()[:, None]
    document, label, start, last = hits.nonzero().unbind(1)
    score = scores[document, label, start, last]
    return _sorted(DecodedSpans(document, label, start, last, score), factors)


def decode(
    factors: Factors,
    cuts: Tensor,
    *,
    max_spans: Sequence[int] | None = None,
    block: int | None = None,
) -> DecodedSpans:
    """Every span whose score reaches the cut of its label.

    factors (b documents, c labels, l tokens): what a head returned.
    cuts (c): lowest score of a span; -inf for every span, inf for none.
    max_spans (b): most spans of each document, best first; hardly more than twice as many are
        held at any time.
    block (tokens): start tokens bounded at once; the result does not change.
    """
    held = _Held(_nothing(factors), max_spans)
    for part in split_labels(factors.in_float32()):
        for hits in _decode_part(part, cuts, held, block):
            held.add(hits)
    return _sorted(held.best(), factors)


class _Held:
    """What is found so far, and the score that a further span of each document must reach."""

    def __init__(self, nothing: DecodedSpans, max_spans: Sequence[int] | None) -> None:
        self.parts, self.max_spans, self.n_new = [nothing], max_spans, 0
        self.floor: Tensor | None = None

    def add(self, hits: DecodedSpans) -> None:
        self.parts.append(hits)
        self.n_new += len(hits.score)
        # Pruning costs as much as what is held, so it waits until that has doubled.
        if self.max_spans is not None and self.n_new > sum(self.max_spans):
            found, self.floor = keep_best(join_decoded(self.parts), self.max_spans)
            self.parts, self.n_new = [found], 0

    def raised(self, cuts: Tensor, n_groups: int) -> Tensor:
        """The cuts (b * g, c / g) of a folded table, where the floor is higher: the floor."""
        if self.floor is None:
            return cuts
        return torch.maximum(cuts, self.floor.repeat_interleave(n_groups)[:, None])

    def best(self) -> DecodedSpans:
        found = join_decoded(self.parts)
        return found if self.max_spans is None else keep_best(found, self.max_spans)[0]


def _decode_part(
    part: Part, cuts: Tensor, held: _Held, block: int | None
) -> Iterator[DecodedSpans]:
    """The spans of some labels, a few at a time.

    cuts (c): of all labels.
    """
    folded, n_groups = part.factors.fold(), part.factors.n_groups
    labels = part.labels.to(folded.query.device)
    wanted = cuts.to(folded.query)[labels].view(1, n_groups, -1)
    wanted = wanted.expand(len(part.factors.mask), -1, -1).flatten(0, 1)  # (b * g, c / g)
    labels = labels.view(n_groups, -1)
    best_ends = folded.end_bias.amax(-1).masked_fill(~folded.mask, -torch.inf)  # (b, l)
    yield _unfold(_score_corrected(folded, held.raised(wanted, n_groups)), labels)
    for starts, lasts in folded.blocks(block):
        cuts = held.raised(wanted, n_groups)
        shared = folded.shared_scores(starts, lasts)
        best_start = (folded.start_bias[:, starts] - cuts[:, None]).amax(-1)  # (b, s)
        best_start = best_start.masked_fill(~folded.mask[:, starts], -torch.inf)
        best_end = best_ends[:, lasts]
        possible = shared + best_start[..., None] + best_end[:, None] >= -ROUNDING
        if folded.corrections is not None:
            _forbid(possible, folded.corrections, starts, lasts)
        for cells in possible.nonzero().split(max(1, CHUNK_SCORES // labels.shape[1])):
            cuts = held.raised(wanted, n_groups)
            hits = _score_cells(folded, shared, cells, starts.start, lasts.start, cuts)
            yield _unfold(hits, labels)


def decode_best(factors: Factors, cuts: Tensor, *, block: int | None = None) -> DecodedSpans:
    """The best span of each document and label, where its score reaches the cut.

    factors (b documents, c labels, l tokens): of spans.
    cuts (c): lowest score of a span; -inf for every span, inf for none.
    block (tokens): start tokens scored at once; the result does not change.
    """
    found = [_nothing(factors)]
    for labels, part in split_labels(factors.in_float32()):
        own = _best_spans(part, cuts[labels], block)
        found.append(own._replace(label=labels.to(own.label)[own.label]))
    return _sorted(join_decoded(found), factors)


def _best_spans(factors: SpanFactors, cuts: Tensor, block: int | None) -> DecodedSpans:
    b, c = len(factors.mask), factors.n_labels
    score = factors.query.new_full((b, c), -torch.inf)
    start, last = (torch.zeros_like(score, dtype=torch.long) for _ in "se")
    for starts, lasts, part in parts_of(factors, block):
        own, place = part.scores().flatten(2).max(2)
        width = lasts.stop - lasts.start
        better = own > score
        start = torch.where(better, place // width + starts.start, start)
        last = torch.where(better, place % width + lasts.start, last)
        score = torch.where(better, own, score)
    document, label = ((score >= cuts.to(score)) & (score > -torch.inf)).nonzero().unbind(1)
    start, last, score = (x[document, label] for x in (start, last, score))
    return DecodedSpans(document, label, start, last, score)


def _score_cells(
    factors: SpanFactors, shared: Tensor, cells: Tensor, start: int, last: int, cuts: Tensor
) -> DecodedSpans:
    """Score cells (n, 3) of a block that begins at start and last for every label."""
    b, s, e = cells.unbind(1)
    scores = (
        shared[b, s, e, None] + factors.start_bias[b, s + start] + factors.end_bias[b, e + last]
    )
    n, label = (scores >= cuts[b]).nonzero().unbind(1)
    return DecodedSpans(b[n], label, s[n] + start, e[n] + last, scores[n, label])


def _score_corrected(factors: SpanFactors, cuts: Tensor) -> DecodedSpans:
    """The corrected cells whose score reaches the cut, of all labels."""
    if factors.corrections is None:
        return _nothing(factors)
    b, s, e = factors.corrections.cells.to(cuts.device).unbind(1)
    scores = factors.scores_of_all_labels(b, s, e) + factors.corrections.scores
    n, label = (scores >= cuts[b]).nonzero().unbind(1)
    return DecodedSpans(b[n], label, s[n], e[n], scores[n, label])


def _forbid(possible: Tensor, corrections: Corrections, starts: slice, lasts: slice) -> None:
    """Leave the corrected cells of a block out: they are scored apart."""
    b, s, e = corrections.cells.to(possible.device).unbind(1)
    inside = (s >= starts.start) & (s < starts.stop) & (e < lasts.stop)
    possible[b[inside], s[inside] - starts.start, e[inside] - lasts.start] = False


def _unfold(spans: DecodedSpans, labels: Tensor) -> DecodedSpans:
    """Give spans of folded documents their document and label.

    labels (g, c / g): of each group.
    """
    n_groups = len(labels)
    return spans._replace(
        document=spans.document // n_groups,
        label=labels[spans.document % n_groups, spans.label],
    )


def join_decoded(parts: Sequence[DecodedSpans]) -> DecodedSpans:
    """Put several results together."""
    return DecodedSpans(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _nothing(factors: Factors) -> DecodedSpans:
    index = torch.empty(0, dtype=torch.long, device=factors.mask.device)
    one = factors.query if isinstance(factors, SpanFactors) else factors.vectors
    return DecodedSpans(index, index, index, index, one.new_empty(0))


def keep_best(spans: DecodedSpans, max_spans: Sequence[int]) -> tuple[DecodedSpans, Tensor]:
    """Keep the best spans of each document, in their present order.

    Of spans with one score those count as better that start earlier, are longer, or have the
    earlier label, so that the result does not depend on the order in which they are found.

    max_spans (b): most spans of each document.
    RETURNS spans and (b): the score that a further span of the document must reach.
    """
    most = torch.tensor(max_spans, device=spans.document.device)
    counts = spans.document.bincount(minlength=len(most))
    floor = spans.score.new_full((len(most),), -torch.inf)
    if not (counts > most).any():
        return spans, floor
    order = _order_by(spans.label, -spans.last, spans.start, -spans.score, spans.document)
    first = counts.cumsum(0) - counts
    document = spans.document[order]
    rank = torch.arange(len(order), device=order.device) - first[document]
    kept = torch.empty_like(order, dtype=torch.bool).scatter(0, order, rank < most[document])
    spans = spans.take(kept)
    lowest = torch.full_like(floor, torch.inf).scatter_reduce(
        0, spans.document, spans.score, "amin"
    )
    return spans, torch.where(counts >= most, lowest, floor)


def _order_by(*columns: Tensor) -> Tensor:
    """Indices that sort by the last column, and where it is equal, by the one before it."""
    order = columns[0].argsort(stable=True)
    for column in columns[1:]:
        order = order[column[order].argsort(stable=True)]
    return order


def _sorted(spans: DecodedSpans, factors: Factors) -> DecodedSpans:
    length, labels = factors.length, factors.n_labels
    place = (spans.document * length + spans.start) * length + (length - 1 - spans.last)
    return spans.take((place * labels + spans.label).argsort())


def without_overlap(spans: DecodedSpans, cuts: Tensor) -> DecodedSpans:
    """Of all sets of spans that share no token, the one with the greatest sum of score - cut.

    As the score is half the log odds of a span, this is the most likely set of disjoint spans.
    Solved exactly by weighted interval scheduling, O(n log n).

    spans: as decode returns them.
    cuts (c): those given to decode; lower ones count as LOWEST_CUT.
    """
    gains = spans.score - cuts.to(spans.score).clamp(min=LOWEST_CUT)[spans.label]
    kept: list[int] = []
    order = torch.argsort(spans.last, stable=True)
    order = order[torch.argsort(spans.document[order], stable=True)]
    counts = spans.document[order].unique_consecutive(return_counts=True)[1]
    for index in order.split(counts.tolist()):
        columns = (index, spans.start[index], spans.last[index], gains[index])
        kept += best_chain(*(column.tolist() for column in columns))
    return spans.take(torch.tensor(sorted(kept), dtype=torch.long, device=order.device))


def best_chain(names: list[int], start: list[int], last: list[int], gain: list[float]) -> list[int]:
    """Names of the disjoint intervals with the greatest gain; intervals are sorted by last."""
    best, taken = [0.0], []  # best[i]: greatest gain of the first i intervals
    before = [bisect_left(last, first) for first in start]
    for i, value in enumerate(gain):
        with_it = best[before[i]] + value
        taken.append(with_it >= best[i])
        best.append(max(best[i], with_it))
    kept, i = [], len(gain)
    while i:
        if taken[i - 1]:
            kept.append(names[i - 1])
            i = before[i - 1]
        else:
            i -= 1
    return kept
