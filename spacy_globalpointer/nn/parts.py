"""A table of scores, block by block, for what has to look at every score of every label."""

from collections.abc import Iterator
from dataclasses import replace

from .factors import Corrections, SpanFactors


def parts_of(
    factors: SpanFactors, block: int | None = None
) -> Iterator[tuple[slice, slice, SpanFactors]]:
    """Cut a table of spans into tables of some start tokens each.

    factors (b rows, c labels, l tokens): of spans, not of pairs.
    block (tokens): start tokens of a part; None for as many as fit the budget of cells x labels.
    YIELDS (s), (e) and factors: the start tokens and last tokens of a part, and its scores.
    """
    n_rows = len(factors.mask) * factors.n_labels
    for starts, lasts in factors.cells.blocks(n_rows, factors.n_starts, factors.length, block):
        yield starts, lasts, _cut(factors, starts, lasts)


def _cut(factors: SpanFactors, starts: slice, lasts: slice) -> SpanFactors:
    """Both slices begin at the same token, so `cells` and `mask` mean the same as before."""
    corrections = factors.corrections
    if corrections is not None:
        start = corrections.cells[:, 1]
        inside = (start >= starts.start) & (start < starts.stop)
        cells = corrections.cells[inside]
        cells = cells - cells.new_tensor([0, starts.start, lasts.start])
        scores = corrections.scores[inside.to(corrections.scores.device)]
        corrections = Corrections(cells, scores)
    return replace(
        factors,
        query=factors.query[:, :, starts],
        key=factors.key[:, :, lasts],
        start_bias=factors.start_bias[:, starts],
        end_bias=factors.end_bias[:, lasts],
        mask=factors.mask[:, lasts],
        document=factors.documents()[:, starts],
        pair_bias=None if factors.pair_bias is None else factors.pair_bias[:, starts, lasts],
        corrections=corrections,
    )
