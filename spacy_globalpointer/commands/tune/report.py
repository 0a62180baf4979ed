"""What `spacy global-pointer tune` compares, chooses, writes down and prints."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from wasabi.printer import Printer

from ..labels import show_label
from .bootstrap import Difference, bootstrap
from .cross_fitting import choices, cross_fit
from .thresholds import Candidates, Counts, Thresholds, count_each, make_curve

OBJECTIVES = ("auto", "global", "per-label", "macro", "precision")
PRESENT = "present"
# What "auto" writes, and what it must be surely better than.
SIMPLER = {"per-label": ("global", PRESENT), "global": (PRESENT,)}
# Documents: what fewer have in common may be chance, whatever a bootstrap of them says.
FEWEST = 10
NOISE = "95 % of gains"
# Points of the curve in the report, evenly by rank of the score.
POINTS = 300


class Result(NamedTuple):
    """Some thresholds and what they find.

    counts: on the documents that they were chosen on.
    estimate: of each document, by cross-fitting; None where that is not possible.
    gains: of F1 in the estimate over that of simpler thresholds, by their name; none where there
        are too few documents to tell.
    """

    thresholds: Thresholds
    counts: Counts
    estimate: Counts | None
    gains: dict[str, Difference]

    def is_surely_better(self) -> bool:
        """Whether all gains are beyond noise: above 0 in nearly all draws of documents."""
        return bool(self.gains) and all(gain.low > 0 for gain in self.gains.values())


def compare(
    candidates: Candidates,
    present: Thresholds,
    *,
    precision: float | None,
    min_count: int,
    folds: int,
    allow_overlap: bool,
) -> dict[str, Result]:
    """Choose thresholds in all ways.

    present: thresholds that the component has now.
    precision (share): wanted micro precision, None for none.
    min_count (spans): labels with fewer gold spans keep the global threshold.
    allow_overlap: setting of the component.
    RETURNS: by objective, and the present ones first.
    """
    now = count_each(candidates, present)
    results = {PRESENT: Result(present, now.add_up(), now, {})}  # nothing was chosen
    for name, choose in choices(min_count, precision, is_flat=not allow_overlap).items():
        thresholds = choose(candidates)
        estimate = cross_fit(candidates, choose, folds)
        gains = {}
        for other in SIMPLER.get(name, (PRESENT,)) if len(candidates.gold) >= FEWEST else ():
            simpler = results[other].estimate
            if estimate and simpler:
                gains[other] = bootstrap(estimate.by_document(), simpler.by_document())
        counts = count_each(candidates, thresholds).add_up()
        results[name] = Result(thresholds, counts, estimate, gains)
    return results


def choose_objective(results: dict[str, Result], objective: str, precision: float | None) -> str:
    """Decide which thresholds are written.

    objective: one of OBJECTIVES; "auto" takes precision if wanted, otherwise per-label or global if
        these are better beyond noise than all that is simpler, otherwise the present ones.
    precision (share): wanted micro precision, None for none.
    RETURNS: a key of results.
    RAISES (ValueError): no threshold has the precision.
    """
    if precision is not None:
        best = results["precision"].counts.scores()["p"]
        if best < precision:
            raise ValueError(
                f"--precision must be one that a threshold reaches, was: {precision}. The best "
                f"is {best:.4f}"
            )
    if objective != "auto":
        return objective
    if "precision" in results:
        return "precision"
    better = (name for name in SIMPLER if name in results and results[name].is_surely_better())
    return next(better, PRESENT)


def make_report(
    candidates: Candidates, labels: Sequence[str], results: dict[str, Result], written: str
) -> dict[str, Any]:
    """Put the results into plain data.

    labels (c): names of the columns of Candidates.gold.
    written: key of the results that are written.
    """
    chosen, now = results[written], results[PRESENT]
    thresholds = chosen.thresholds
    rows = [
        {
            "label": label,
            "gold": int(gold),
            "threshold": thresholds.own.get(i, thresholds.shared),
            "is_own": i in thresholds.own,
            **{name: int(column[i]) for name, column in chosen.counts._asdict().items()},
            "f": float(chosen.counts.f()[i]),
            "present_f": float(now.counts.f()[i]),
        }
        for i, (label, gold) in enumerate(zip(labels, candidates.gold.sum(0), strict=True))
    ]
    return {
        "documents": len(candidates.gold),
        "gold": int(candidates.gold.sum()),
        "candidates": int((candidates.change > 0).sum()),
        "lowest": candidates.lowest,
        **_settings(thresholds, labels),
        "results": {
            name: {
                **_settings(result.thresholds, labels),
                **result.counts.scores(),
                "cross_fitted": result.estimate and result.estimate.add_up().scores(),
                "gains": {other: gain._asdict() for other, gain in result.gains.items()},
            }
            for name, result in results.items()
        },
        "labels": rows,
        "curve": _curve(candidates),
    }


def describe_scores(name: str, report: dict[str, Any]) -> str:
    """Say what the scores of a tuned component are of.

    name: of the component.
    report: as in thresholds.json.
    """
    files = ", ".join(Path(path).name for path in report["dev"][:3])
    files += " and others" if len(report["dev"]) > 3 else ""
    estimate = report["results"][report["written"]]["cross_fitted"]
    return (
        f"Scores of {name}: on the {report['documents']} documents of {files}, on which its "
        "thresholds were chosen"
        + (f"; F1 in cross-fitting {_percent(estimate['f'])}" if estimate else "")
    )


def _settings(thresholds: Thresholds, labels: Sequence[str]) -> dict[str, Any]:
    """Give the component's own settings."""
    own = [[labels[i], threshold] for i, threshold in sorted(thresholds.own.items())]
    return {"threshold": thresholds.shared, "label_thresholds": own}


def _curve(candidates: Candidates) -> list[dict[str, float]]:
    """Micro scores above some thresholds."""
    curve, gold = make_curve(candidates), int(candidates.gold.sum())
    # Not the first row, above which there is nothing.
    places = numpy.linspace(1, len(curve.threshold) - 1, POINTS).round().astype(int)
    columns = (column[numpy.unique(places)].tolist() for column in curve)
    return [
        {
            "threshold": threshold,
            "p": right / max(1, predicted),
            "r": right / gold,
            "f": 2 * right / (predicted + gold),
        }
        for threshold, predicted, right in zip(*columns, strict=True)
    ]


def print_report(msg: Printer, report: dict[str, Any]) -> None:
    """Print the results as tables, and say what was written and why.

    report: as in thresholds.json.
    """
    for note in report["notes"]:
        msg.warn(note)
    reach = "scored" if report["allow_overlap"] else "that are found with a threshold of"
    msg.info(
        f"{report['documents']} documents, {report['gold']} gold spans, {report['candidates']} "
        f"spans {reach} {report['lowest']:.4g} or higher"
    )
    msg.divider("All labels")
    results = report["results"]
    msg.table(
        [_row(name, result, results[PRESENT]) for name, result in results.items()],
        header=("", "threshold", "P", "R", "F1", "macro F1", "cross-fitted P", "R", "F1", NOISE),
        aligns=("l", *"rrrrrrrrr"),
        divider=True,
    )
    msg.divider(f"Labels, {report['written']} thresholds")
    msg.table(
        [_label_row(row) for row in report["labels"]],
        header=("label", "gold", "threshold", "F1", "gain"),
        aligns=("l", *"rrrr"),
        divider=True,
    )
    _print_choice(msg, report)


def _label_row(row: dict[str, Any]) -> tuple[str, ...]:
    threshold = f"{row['threshold']:.4f}" if row["is_own"] else "shared"
    gain = _gain(row["f"], row["present_f"])
    return show_label(row["label"]), str(row["gold"]), threshold, _percent(row["f"]), gain


def _row(name: str, result: dict[str, Any], present: dict[str, Any]) -> tuple[str, ...]:
    own = [threshold for _, threshold in result["label_thresholds"]]
    threshold = f"{result['threshold']:.4f}" + (f" +{len(own)}" if own else "")
    micro = [_percent(result[key]) for key in "pr"]
    estimate = result["cross_fitted"]
    held_out = [_percent(estimate[key]) for key in "pr"] if estimate else ["-", "-"]
    f, held_out_f = _percent(result["f"]), _percent(estimate["f"]) if estimate else "-"
    if name != PRESENT:
        f += f" {_gain(result['f'], present['f'])}"
        held_out_f += f" {_gain(estimate['f'], present['f'])}" if estimate else ""
    gain = _interval(result["gains"].get(PRESENT))
    return (name, threshold, *micro, f, _percent(result["macro_f"]), *held_out, held_out_f, gain)


def _interval(gain: dict[str, float] | None) -> str:
    return f"{100 * gain['low']:+.2f} to {100 * gain['high']:+.2f}" if gain else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _gain(new: float, old: float) -> str:
    return f"{100 * (new - old):+.2f}"


def _print_choice(msg: Printer, report: dict[str, Any]) -> None:
    n_own = len(report["label_thresholds"])
    labels = f", {n_own} labels with one of their own" if n_own else ""
    msg.info(f"Written: {report['written']}. threshold = {report['threshold']}{labels}")
    never = [
        show_label(row["label"])
        for row in report["labels"]
        if row["is_own"] and row["threshold"] == 1
    ]
    if never:
        msg.warn(f"Never found, because that costs least: {', '.join(never)}")
    lowest, thresholds = report["lowest"], [t for _, t in report["label_thresholds"]]
    if lowest in (report["threshold"], *thresholds):
        msg.warn(
            f"A threshold that is written, {lowest:.4g}, is the lowest that was looked at",
            "A lower --lowest may find a better one.",
        )
    _print_gain(msg, report)
    if n_own and n_own < len(report["labels"]):
        msg.info(f"Labels with fewer than {report['min_count']} gold spans share the threshold")


def _print_gain(msg: Printer, report: dict[str, Any]) -> None:
    """Say whether the gain over the present thresholds is more than noise."""
    written, results = report["written"], report["results"]
    gain = results[written]["gains"].get(PRESENT)
    more = "More annotated documents would tell"
    if report["documents"] < FEWEST:
        kept = "the present thresholds stay" if written == PRESENT else "the gain is not known"
        msg.warn(f"{report['documents']} documents are too few to tell a gain from noise: {kept}")
    elif written == PRESENT:
        msg.info(
            "No other thresholds gain more than noise over the present ones in cross-fitting: they "
            f"stay. {more}"
        )
    elif written == "global" and "per-label" in results:
        msg.info(
            "Thresholds of labels would be written if they gained more than noise over one for all "
            f"in cross-fitting: {_interval(results['per-label']['gains'].get('global'))}"
        )
    if written not in (PRESENT, "precision") and gain and gain["low"] <= 0:
        msg.warn(
            "The gain over the present thresholds may be noise: with other documents it might be "
            f"{_interval(gain)} in cross-fitting",
            f"{more}; keep the present thresholds until then.",
        )
