"""Which thresholds to write: the ways to choose them, and what they gain on other documents."""

from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, NamedTuple

import numpy

from ...spans import Counts
from .thresholds import (
    Thresholds,
    best_global,
    best_macro,
    best_per_label,
    best_recall,
)

PRESENT = "present"
# All objectives, and the simpler ones that each is compared with.
SIMPLER: dict[str, tuple[str, ...]] = {
    PRESENT: (),
    "global": (PRESENT,),
    "per-label": ("global", PRESENT),
    "macro": (PRESENT,),
    "precision": (PRESENT,),
}
OBJECTIVES = ("auto", *(name for name in SIMPLER if name != PRESENT))
# Of the folds, so that the same documents always give the same estimate.
SEED = 0
ONE_ONLY = (
    "allow_overlap = false: which spans remain then depends on the thresholds of all labels "
    "together, and only one for all labels can be tuned"
)

# From `Candidates`, or of events `EventCandidates`.
Choice = Callable[[Any], Thresholds]


class Options(NamedTuple):
    """What thresholds are asked for.

    objective: one of OBJECTIVES.
    precision (share): wanted micro precision, None for none.
    min_count (spans): labels with fewer gold spans keep the global threshold.
    folds: parts of the documents in cross-fitting.
    allow_overlap: setting of the component.
    has_links: of events, whether links between arguments can have a threshold of their own; None
        for spans and relations.
    """

    objective: str
    precision: float | None
    min_count: int
    folds: int
    allow_overlap: bool
    has_links: bool | None = None

    def check(self, name: str) -> None:
        """Refuse what means nothing for the component of this name.

        RAISES (ValueError): naming the rule, the value and the repair.
        """
        objective, precision = self.objective, self.precision
        if objective not in OBJECTIVES:
            raise ValueError(
                f"--objective must be one of {', '.join(OBJECTIVES)}, was: {objective!r}"
            )
        if precision is not None and not 0 < precision <= 1:
            raise ValueError(f"--precision must be above 0 and at most 1, was: {precision}")
        if objective == "precision" and precision is None:
            raise ValueError("--objective precision needs --precision, such as --precision 0.9")
        if not self.allow_overlap and objective in ("per-label", "macro"):
            raise ValueError(
                f"--objective must be auto, global or precision for {name!r}, was: {objective}. It "
                f"has {ONE_ONLY}"
            )
        known = ("auto", *self.choices(), "precision")
        if objective not in known:
            raise ValueError(
                f"--objective must be one of {', '.join(known)} for {name!r}, was: {objective}. An "
                "event is found or missed with all its edges: there is a threshold for all roles, "
                "and one for links if events share triggers. To fix: another --objective, or "
                "--component with the name of another component"
            )

    def choices(self) -> dict[str, Choice]:
        """The ways to choose thresholds, by objective."""
        ways: dict[str, Choice] = {"global": best_global}
        if self.has_links:
            ways["per-label"] = methodcaller("best_pair")
        elif self.has_links is None and self.allow_overlap:
            ways["per-label"] = partial(best_per_label, min_count=self.min_count)
            ways["macro"] = partial(best_macro, min_count=self.min_count)
        if self.precision is not None:
            ways["precision"] = partial(best_recall, precision=self.precision)
        return ways

    def decide(self, results: dict[str, dict[str, Any]]) -> str:
        """Which thresholds are written: a key of the results, which are as in thresholds.json.

        "auto" takes precision if wanted, otherwise the first that is better beyond noise than all
        that is simpler.

        RAISES (ValueError): no threshold has the precision.
        """
        if self.precision is not None and (best := results["precision"]["p"]) < self.precision:
            raise ValueError(
                f"--precision must be one that a threshold reaches, was: {self.precision}. The "
                f"best is {best:.4f}. To fix: a lower --precision"
            )
        if self.objective != "auto":
            return self.objective
        if self.precision is not None:
            return "precision"
        for name in ("per-label", "global"):
            gains = results[name]["gains"].values() if name in results else ()
            if gains and all(gain["low"] > 0 for gain in gains):
                return name
        return PRESENT


def cross_fit(candidates: Any, choose: Choice, folds: int) -> Counts | None:
    """Count (d, c) what chosen thresholds find on documents that they were not chosen on.

    Documents are dealt into folds at random, and those of each fold counted with thresholds that
    are chosen on all others. RETURNS: None for fewer than two documents.
    """
    n = len(candidates.gold)
    folds = min(folds, n)
    if folds < 2:
        return None
    fold = numpy.random.default_rng(SEED).permutation(n) % folds
    chosen = [choose(candidates.of_documents(fold != i)) for i in range(folds)]
    counts: Counts = candidates.count_with(chosen, fold)
    return counts
