"""The cells that get a second look: those whose best label is not out of the question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .decode import DecodedSpans, decode, keep_best
from .extracted import ExtractedFactors, Factors
from .factors import SpanFactors
from .label_groups import best_of_groups
from .probability import to_score

# Even a text of one token may have so many candidates.
FREE_CANDIDATES = 8
# More cells than any document has.
UNLIMITED = 2**40


@dataclass(frozen=True)
class CandidateRule:
    """Which cells are candidates, in training and in prediction.

    threshold (probability): what the best label of a candidate must reach.
    per_token: most candidates for each token of a document, best first, beside FREE_CANDIDATES.
    RAISES (ValueError): a value out of range.
    """

    threshold: float = 0.01
    per_token: float = 1.0

    def __post_init__(self) -> None:
        # In quotes, a number passes for one in a config.
        if isinstance(self.threshold, str) or not 0 < self.threshold < 1:
            raise ValueError(
                "threshold of the rescorer must be a probability between 0 and 1, was: "
                f"{self.threshold!r}. To fix: 0.01 is usual"
            )
        if isinstance(self.per_token, str) or not self.per_token > 0:
            raise ValueError(
                f"per_token of the rescorer must be above 0, was: {self.per_token!r}. To fix: "
                "write rescorer = null for no second look"
            )

    def most(self, n_tokens: int) -> int:
        """Most candidates of a document."""
        return FREE_CANDIDATES + int(min(self.per_token * n_tokens, UNLIMITED))


def select_candidates(
    factors: Factors,
    rule: CandidateRule,
    lengths: Sequence[int],
    labels: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Find the cells whose score may reach the threshold for some label.

    What all labels share, plus the greatest start term and the greatest end term, bounds the scores
    of all labels of a group. So a candidate is a span of factors with one label a group.

    factors (b documents): what a head returned.
    lengths (tokens): of each document. With groups, a cell that is a candidate of several groups
        counts several times.
    labels (c): bool, those that count; None for all.
    RETURNS (k, 3) and (b): int64 rows (document, start, last), sorted by document, start, longest
        first, no duplicates; and whether a document has more candidates than the rule allows.
    """
    most = list(map(rule.most, lengths))
    # One more than allowed tells whether there are more.
    found = _decode_bounds(factors, rule, [n + 1 for n in most], labels)
    full = found.document.bincount(minlength=len(most)) > torch.tensor(
        most, device=factors.mask.device
    )
    found, _ = keep_best(found, most)
    # The groups of a cell follow each other.
    cells = torch.stack((found.document, found.start, found.last), 1)
    return cells.unique_consecutive(dim=0), full


def _decode_bounds(
    factors: Factors, rule: CandidateRule, most: Sequence[int], labels: Tensor | None
) -> DecodedSpans:
    """The best cells of each group of labels: spans whose label is a group."""
    cut = to_score(rule.threshold)
    if isinstance(factors, ExtractedFactors):  # each label is a group
        cuts = torch.full((factors.n_labels,), cut, device=factors.mask.device)
        if labels is not None:
            cuts = cuts.masked_fill(~labels, torch.inf)
        return decode(replace(factors, corrections=None), cuts, max_spans=most)
    biases = [factors.start_bias, factors.end_bias]
    if labels is not None:
        biases = [bias.masked_fill(~labels, -torch.inf) for bias in biases]
    start_bias, end_bias = (best_of_groups(factors, bias) for bias in biases)
    query, key, mask = factors.query, factors.key, factors.mask
    bounds = SpanFactors(
        query, key, start_bias, end_bias, mask, factors.cells, pair_bias=factors.pair_bias
    )
    cuts = torch.full((factors.n_groups,), cut, device=mask.device)
    return decode(bounds, cuts, max_spans=most)
