"""Which thresholds to write: the ways to choose them, and what they gain on other documents."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy

from ...spans import Counts
from .bootstrap import bootstrap
from .thresholds import (
    Candidates,
    Thresholds,
    best_global,
    best_macro,
    best_per_label,
    best_recall,
    count,
)

OBJECTIVES = ("auto", "global", "per-label", "macro", "precision")
PRESENT = "present"
# What "auto" writes, the best first, and what it must be surely better than.
SIMPLER = {"per-label": ("global", PRESENT), "global": (PRESENT,)}
# Documents: what fewer have in common may be chance, whatever a bootstrap of them says.
FEWEST = 10
# Of the folds, so that the same documents always give the same estimate.
SEED = 0

Choice = Callable[[Candidates], Thresholds]


def choices(
    min_count: int, precision: float | None = None, *, allow_overlap: bool = True
) -> dict[str, Choice]:
    """List the ways to choose thresholds by name.

    min_count (spans): labels with fewer gold spans keep the best global threshold.
    precision (share): wanted; None leaves "precision" out.
    allow_overlap: setting of the component; without it thresholds of labels depend on each other,
        and are left out.
    """
    ways: dict[str, Choice] = {"global": best_global}
    if allow_overlap:
        ways["per-label"] = partial(best_per_label, min_count=min_count)
        ways["macro"] = partial(best_macro, min_count=min_count)
    if precision is not None:
        ways["precision"] = partial(best_recall, precision=precision)
    return ways


def cross_fit(candidates: Candidates, choose: Choice, folds: int) -> Counts | None:
    """Estimate what chosen thresholds do on documents that they were not chosen on.

    Documents are dealt into folds at random; thresholds are chosen on all other folds, the spans
    of this fold counted with them.

    folds: no more than there are documents.
    RETURNS (d, c): None for fewer than two documents.
    """
    n = len(candidates.gold)
    folds = min(folds, n)
    if folds < 2:
        return None
    fold = numpy.random.default_rng(SEED).permutation(n) % folds
    chosen = [choose(candidates.of_documents(fold != i)) for i in range(folds)]
    cuts = numpy.stack([thresholds.cuts(candidates.labels) for thresholds in chosen])
    return count(candidates, cuts[fold])


def find_gains(name: str, estimates: dict[str, Counts | None]) -> dict[str, dict[str, float]]:
    """Compare the F1 of some thresholds with that of simpler ones, by their name.

    estimates (d, c): of each way to choose thresholds, by cross-fitting.
    RETURNS: differences, as plain data; none where there are too few documents to tell.
    """
    gains = {}
    for other in SIMPLER.get(name, (PRESENT,)) if name != PRESENT else ():
        ours, theirs = estimates[name], estimates[other]
        if ours and theirs and len(ours.right) >= FEWEST:
            by_document = (Counts(*numpy.sum(counts, axis=2)) for counts in (ours, theirs))
            gains[other] = bootstrap(*by_document)._asdict()
    return gains


def choose_objective(
    results: dict[str, dict[str, Any]], objective: str, precision: float | None
) -> str:
    """Decide which thresholds are written.

    results: as in thresholds.json.
    objective: one of OBJECTIVES; "auto" takes precision if wanted, otherwise per-label or global if
        these are better beyond noise than all that is simpler, otherwise the present ones.
    precision (share): wanted micro precision, None for none.
    RETURNS: a key of results.
    RAISES (ValueError): no threshold has the precision.
    """
    if precision is not None and (best := results["precision"]["p"]) < precision:
        raise ValueError(
            f"--precision must be one that a threshold reaches, was: {precision}. The best is "
            f"{best:.4f}. To fix: a lower --precision"
        )
    if objective != "auto":
        return objective
    if precision is not None:
        return "precision"
    for name in SIMPLER:
        gains = results[name]["gains"].values() if name in results else ()
        if gains and all(gain["low"] > 0 for gain in gains):
            return name
    return PRESENT
