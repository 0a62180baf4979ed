"""Pairs of spans: what a row of a model of pairs means, and from scores to pairs.

A relation leads from one span to another, so the scores of a document are a table of all ordered
pairs of its spans, which `SpanFactors` with `PAIRS` describes. Spans are in the order of the text,
and a pair (head, child) goes forward if the head does not come later than the child, otherwise
backward. Each direction is a row of the batch of its own, since what makes a head before its child
is not what makes one behind it; their scores still share one loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .cells import PAIRS, SPANS
from .decode import CHUNK_SCORES, ROUNDING, DecodedSpans, join_decoded, keep_best
from .factors import SpanFactors

# Stands for the cut -inf where one is subtracted.
NEVER_CUT = -1e30


@dataclass(frozen=True)
class PairLayout:
    """The layout of the rows of a model of pairs, which describe two tables of scores.

    A row (4d + 4c columns): query and key for the first table, query and key for the second; then
    for each label the start term and the end term of the first, and those of the second, term by
    term. More columns may follow.

    head_size (channels): width d of query and key.
    n_labels: c; 0 as long as there are none.
    of_tokens: whether a row stands for a token, otherwise for a span.
    RAISES (ValueError): a head_size below 1.
    """

    head_size: int
    n_labels: int
    of_tokens: bool = False

    def __post_init__(self) -> None:
        if type(self.head_size) is not int or self.head_size < 1:
            raise ValueError(
                f"head_size must be a whole number of at least 1, was: {self.head_size!r}. To fix: "
                "64 is usual"
            )

    @property
    def label_columns(self) -> tuple[int, int, int]:
        """The columns that grow with the labels: (parts, c, width), as in `RowLayout`."""
        return 4, self.n_labels, 1

    @property
    def factor_width(self) -> int:
        """Number of columns of a row that become factors."""
        return 4 * self.head_size + 4 * self.n_labels

    def factors(self, rows: Tensor, mask: Tensor) -> tuple[SpanFactors, SpanFactors]:
        """View padded rows as the factors of both tables.

        rows (b, l, factor_width): one per token or span.
        mask (b, l): bool, those that can be in a pair.
        """
        sizes = [self.head_size] * 4 + [self.n_labels] * 4
        q1, k1, q2, k2, start1, end1, start2, end2 = rows.split(sizes, -1)
        scale = self.head_size**-0.5
        first, second = (
            SpanFactors(scale * query[:, None], key[:, None], start, end, mask, PAIRS)
            for query, key, start, end in ((q1, k1, start1, end1), (q2, k2, start2, end2))
        )
        return first, second


def as_directed(
    forward: SpanFactors, backward: SpanFactors, pair_bias: Tensor, symmetric: Tensor
) -> SpanFactors:
    """Put the tables of both directions into one batch: first all forward, then all backward.

    forward, backward (b documents, n spans): factors of pairs; the spans in the order of the text.
    pair_bias (b, n, n): the term of each pair (head, child), -inf for pairs that cannot be.
    symmetric (c): bool, labels of relations that have no direction. These lead forward.
    RETURNS: factors with 2b rows. As the earlier span of a pair is always its start, half a table
        is enough, as for spans: see `pair_cells`.
    """
    b, n = pair_bias.shape[:2]
    is_self = torch.eye(n, dtype=torch.bool, device=pair_bias.device)
    # Backward, the later span is the head, so query and key change places. A span with itself is in
    # the forward table. Only a direction of its own can be switched off for single labels: what
    # forbids a pair for all of them is the term of the pair.
    pairs = (
        (forward.query, backward.key),
        (forward.key, backward.query),
        (forward.start_bias, backward.end_bias.masked_fill(symmetric, -torch.inf)),
        (forward.end_bias, backward.start_bias),
        (forward.mask, backward.mask),
        (pair_bias, pair_bias.transpose(1, 2).masked_fill(is_self, -torch.inf)),
    )
    query, key, start_bias, end_bias, mask, bias = map(torch.cat, pairs)
    document = torch.arange(b).repeat(2)[:, None].expand(-1, n)
    return SpanFactors(query, key, start_bias, end_bias, mask, SPANS, document, bias)


def pair_cells(pairs: Tensor, n_documents: int) -> Tensor:
    """Where pairs are in what `as_directed` returned.

    pairs (m, 4): rows of document, label, head, child.
    RETURNS (m, 4): rows of row, label, start, last.
    """
    document, label, head, child = pairs.unbind(1)
    row = document + n_documents * (head > child)
    return torch.stack((row, label, torch.minimum(head, child), torch.maximum(head, child)), 1)


def decode_pairs_dense(
    tables: Sequence[SpanFactors],
    cuts: Tensor,
    types: Tensor | None = None,
    known: Tensor | None = None,
) -> DecodedSpans:
    """Every pair whose score reaches the cut of its label: the definition.

    The score of a pair is its lowest one in any of the tables.

    tables: as from `as_directed`, for the same b documents.
    cuts (c): lowest score of a pair; -inf for every pair, inf for none.
    types (b, n): the type of each span.
    known (m, 3): rows (type, label, type) of the types that each label may lead from and to; None
        for all.
    RETURNS: with the head as start, the child as last; sorted by document, head, child, label.
    """
    scores = torch.stack([table.scores() for table in tables]).amin(0)  # (2b, c, n, n)
    hits = (scores >= cuts[:, None, None]) & (scores > -torch.inf)
    row, label, start, last = hits.nonzero().unbind(1)
    found = _as_pairs(row, label, start, last, scores[hits], len(scores) // 2)
    return _in_order(_only_known(found, types, known))


def decode_pairs(
    tables: Sequence[SpanFactors],
    cuts: Tensor,
    types: Tensor | None = None,
    known: Tensor | None = None,
    *,
    max_pairs: Sequence[int] | None = None,
    block: int | None = None,
) -> DecodedSpans:
    """Every pair whose score reaches the cut of its label, without labels x n x n scores.

    `decode_pairs_dense` says what a score is, and what the other arguments are.

    max_pairs (b): most pairs of each document, best first; hardly more than twice as many are held
        at any time.
    block (spans): heads bounded at once; the result does not change.
    """
    tables = [table.in_float32() for table in tables]
    n_documents = len(tables[0].mask) // 2
    cuts = cuts.to(tables[0].query).expand(n_documents, -1)  # (b, c)
    held: list[DecodedSpans] = []
    n_new = 0
    for starts, lasts in tables[0].blocks(block):
        possible = torch.stack([_may_reach(table, cuts, starts, lasts) for table in tables]).all(0)
        for cells in possible.nonzero().split(max(1, CHUNK_SCORES // cuts.shape[1])):
            row, start, last = cells[:, 0], cells[:, 1] + starts.start, cells[:, 2] + lasts.start
            each = [table.scores_of_all_labels(row, start, last) for table in tables]
            scores = torch.stack(each).amin(0)
            n, label = ((scores >= cuts[row % n_documents]) & (scores > -torch.inf)).nonzero().T
            found = _as_pairs(row[n], label, start[n], last[n], scores[n, label], n_documents)
            held.append(_only_known(found, types, known))
            n_new += len(held[-1].score)
            # Pruning costs as much as what is held, so it waits until that has doubled.
            if max_pairs is not None and n_new > sum(max_pairs):
                best, floor = keep_best(join_decoded(held), max_pairs)
                cuts = torch.maximum(cuts, floor[:, None])
                held, n_new = [best], 0
    found = join_decoded(held)
    return _in_order(found if max_pairs is None else keep_best(found, max_pairs)[0])


def _may_reach(table: SpanFactors, cuts: Tensor, starts: slice, lasts: slice) -> Tensor:
    """Whether any label of a pair may reach its cut, for a block (2b, s, e)."""
    # -inf is kept for pairs that cannot be.
    slack = table.start_bias[:, starts] - cuts.clamp(min=NEVER_CUT).repeat(2, 1)[:, None]
    best_start = slack.amax(-1).masked_fill(~table.mask[:, starts], -torch.inf)
    best_end = table.end_bias[:, lasts].amax(-1).masked_fill(~table.mask[:, lasts], -torch.inf)
    bound = table.shared_scores(starts, lasts) + best_start[..., None] + best_end[:, None]
    return bound >= -ROUNDING


def _as_pairs(
    row: Tensor, label: Tensor, start: Tensor, last: Tensor, score: Tensor, n_documents: int
) -> DecodedSpans:
    """Cells of both directions as pairs (head, child)."""
    is_back = row >= n_documents
    head, child = torch.where(is_back, last, start), torch.where(is_back, start, last)
    return DecodedSpans(row % n_documents, label, head, child, score)


def _only_known(found: DecodedSpans, types: Tensor | None, known: Tensor | None) -> DecodedSpans:
    if types is None or known is None:
        return found
    head, child = types[found.document, found.start], types[found.document, found.last]
    return found.take(is_known(torch.stack((head, found.label, child), 1), known))


def is_known(rows: Tensor, known: Tensor) -> Tensor:
    """Which rows (n, 3) are among those that are known (m, 3); numbers of at least 0.

    RETURNS (n): bool. A table of all types and labels could have a billion places.
    """
    if not len(known):
        return torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    sizes = torch.cat((rows, known)).amax(0) + 1
    number, wanted = ((x[:, 0] * sizes[1] + x[:, 1]) * sizes[2] + x[:, 2] for x in (rows, known))
    return torch.isin(number, wanted)


def _in_order(found: DecodedSpans) -> DecodedSpans:
    """Sort by document, head, child and label."""
    for name in ("label", "last", "start", "document"):
        found = found.take(getattr(found, name).argsort(stable=True))
    return found
