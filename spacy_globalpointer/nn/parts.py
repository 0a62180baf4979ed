"""A block of a table of scores as a table of its own, for what has to look at every score."""

from dataclasses import replace

from .factors import Corrections, SpanFactors


def part_of(factors: SpanFactors, starts: slice, lasts: slice) -> SpanFactors:
    """Cut a block out of a table of spans.

    starts (s), lasts (e): a block of `SpanFactors.blocks`; both begin at the same token.
    RETURNS: factors of the same scores, for these start tokens and last tokens.
    """
    corrections = factors.corrections
    if corrections is not None:
        start = corrections.cells[:, 1]
        inside = (start >= starts.start) & (start < starts.stop)
        cells = corrections.cells[inside]
        cells = cells - cells.new_tensor([0, starts.start, starts.start])
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
