"""Smoothed gold: a part of each gold span counts as "not gold", or goes to spans close by.

A model that must be certain of its gold pushes scores up without end. Smoothing gives each gold
span a target below 1, which a finite score reaches.
"""

import torch
from torch import Tensor

from .factors import SpanFactors
from .zlpr import Per, zlpr


def zlpr_of_smoothed(
    factors: SpanFactors,
    gold: Tensor,
    weights: Tensor | None = None,
    *,
    per: Per = "document",
    label_smoothing: float = 0.0,
    boundary_smoothing: float = 0.0,
    boundary_distance: int = 1,
) -> Tensor:
    """ZLPR loss with smoothed gold: `zlpr` of what `smooth_borders`, then `smooth_labels` return.

    factors, gold, weights, per: as `zlpr` takes them.
    label_smoothing, boundary_smoothing (shares), boundary_distance (tokens): 0.0 for none.
    RETURNS (n, c): non-negative.
    RAISES (ValueError): what `zlpr` refuses, boundary smoothing of pairs.
    """
    gold = gold.cpu()
    if weights is None:
        weights = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(len(gold), 2)
    if boundary_smoothing and len(gold):
        gold, weights = smooth_borders(
            factors, gold, weights, boundary_smoothing, boundary_distance
        )
    return zlpr(factors, gold, smooth_labels(weights, label_smoothing), per=per)


def smooth_labels(weights: Tensor, share: float) -> Tensor:
    """Move a share of what gold cells have in the positive sum to the negative one.

    A plain gold cell gets the soft target 1 - share, and one with the target t gets (1 - share) t.
    Cells that are not gold keep the target 0: there are too many of them to share anything.
    Source: Szegedy et al. 2016, arXiv 1512.00567, for labels that do not exclude each other.

    weights (m, 2): in the positive and in the negative sum.
    share: of [0, 1].
    RETURNS (m, 2).
    """
    positive, negative = weights.unbind(1)
    return torch.stack(((1 - share) * positive, negative + share * positive), 1)


def smooth_borders(
    factors: SpanFactors, gold: Tensor, weights: Tensor, share: float, distance: int
) -> tuple[Tensor, Tensor]:
    """Spread a share of each gold span over spans of its label whose borders are close to its own.

    The 4 k spans whose borders differ by k tokens in all, for each k up to the distance, get
    share / (4 k distance) each. What would go to a cell that does not exist, ends in another
    document, or lies in another row of the table stays with the gold span. A span that gets parts
    of several ones adds them up, but has at most all of its weight in the positive sum.
    Source: Zhu and Li 2022, "Boundary Smoothing for Named Entity Recognition", arXiv 2204.12031.

    factors: of spans.
    gold (m, 4), weights (m, 2): as `zlpr` takes them; on the host.
    share: of [0, 1].
    distance (tokens): at least 1.
    RETURNS (k, 4) and (k, 2): the gold rows and those close to them, and weights of each.
    RAISES (ValueError): factors of pairs.
    """
    if not factors.cells.ordered:
        raise ValueError(
            "boundary smoothing is for spans, whose neighbours differ by a token, was: pairs. To "
            "fix: boundary_smoothing = 0.0"
        )
    moves = [
        (start, last, share / (4 * (abs(start) + abs(last)) * distance))
        for start in range(-distance, distance + 1)
        for last in range(-distance, distance + 1)
        if 0 < abs(start) + abs(last) <= distance
    ]
    near, parts = (
        gold[:, None].repeat(1, len(moves), 1),
        torch.tensor([x[2] for x in moves], dtype=torch.float64),
    )
    near[..., 2:] += torch.tensor([x[:2] for x in moves])
    exists = _are_in_one_document(
        factors, near.flatten(0, 1), gold[:, 2].repeat_interleave(len(moves))
    )
    positive = weights[:, :1].double()
    given = positive * parts * exists.view(len(gold), -1)  # (m, k)
    rows = torch.cat((gold, near.flatten(0, 1)[exists]))
    mass = torch.cat((positive[:, 0] - given.sum(1), given.flatten()[exists]))
    cells, place = rows.unique(dim=0, return_inverse=True)
    # Both sums of a cell: what gold has, or 1 in the negative one.
    whole = torch.ones(len(cells), dtype=torch.float64)
    whole[place[: len(gold)]] = weights.double().sum(1)
    positive = torch.zeros_like(whole).index_add_(0, place, mass).minimum(whole)
    return cells, torch.stack((positive, whole - positive), 1)


def _are_in_one_document(factors: SpanFactors, cells: Tensor, gold_start: Tensor) -> Tensor:
    """Whether cells exist, and start and end in the document in which a gold span starts.

    cells (k, 4): row, label, start, last; on the host.
    gold_start (k): start token of the gold span, in the same row.
    RETURNS (k): bool, on the host.
    """
    row, _, start, last = cells.unbind(1)
    document, device = factors.documents(), factors.mask.device
    inside = (start >= 0) & (last >= 0) & (start < factors.n_starts) & (last < factors.length)
    start, last = start.clamp(0, factors.n_starts - 1), last.clamp(0, factors.length - 1)
    exists = factors.allows(*(x.to(device) for x in (row, start, last))).cpu()
    # After its start tokens, a row goes on with those of the next.
    place = row * factors.n_starts + last
    text = document.flatten()
    goes_on = place < len(text)
    ends_in = text[place.clamp(max=len(text) - 1)]
    own = document[row, gold_start.clamp(0, factors.n_starts - 1)]
    return inside & exists & goes_on & (document[row, start] == own) & (ends_in == own)
