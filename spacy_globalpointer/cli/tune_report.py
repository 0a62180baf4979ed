"""What `spacy global-pointer tune` compares, chooses, writes down and prints."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from wasabi.printer import Printer

from ..training.cross_fitting import choices, cross_fit
from ..training.thresholds import Candidates, Counts, Thresholds, count, make_curve
from .labels import show_label

OBJECTIVES = ("auto", "global", "per-label", "macro", "precision")
PRESENT = "present"
# Points of the curve in the report, evenly by rank of the score.
POINTS = 300


class Result(NamedTuple):
    """Some thresholds and what they find.

    counts: on the documents that they were chosen on.
    estimate: by cross-fitting; None where that is not possible.
    """

    thresholds: Thresholds
    counts: Counts
    estimate: Optional[Counts]


def compare(
    candidates: Candidates,
    present: Thresholds,
    *,
    precision: Optional[float],
    min_count: int,
    folds: int,
    allow_overlap: bool,
) -> Dict[str, Result]:
    """Choose thresholds in all ways.

    present: thresholds that the component has now.
    precision (share): wanted micro precision, None for none.
    min_count (spans): labels with fewer gold spans keep the global threshold.
    allow_overlap: setting of the component.
    RETURNS: by objective, and the present ones first.
    """
    now = count(candidates, present)
    results = {PRESENT: Result(present, now, now)}  # nothing was chosen
    for name, choose in choices(min_count, precision, is_flat=not allow_overlap).items():
        thresholds = choose(candidates)
        estimate = cross_fit(candidates, choose, folds)
        results[name] = Result(thresholds, count(candidates, thresholds), estimate)
    return results


def choose_objective(results: Dict[str, Result], objective: str, precision: Optional[float]) -> str:
    """Decide which thresholds are written.

    objective: one of OBJECTIVES; "auto" takes precision if wanted, otherwise what has the best F1
        in cross-fitting: global, per-label, or the present ones; global where there is none.
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
    # Of equals the first.
    names = [name for name in (PRESENT, "global", "per-label") if name in results]
    estimates = {name: results[name].estimate for name in names}
    scores = {name: counts.scores()["f"] for name, counts in estimates.items() if counts}
    return max(scores, key=scores.__getitem__) if "global" in scores else "global"


def make_report(
    candidates: Candidates, labels: Sequence[str], results: Dict[str, Result], written: str
) -> Dict[str, Any]:
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
                "cross_fitted": result.estimate and result.estimate.scores(),
            }
            for name, result in results.items()
        },
        "labels": rows,
        "curve": _curve(candidates),
    }


def _settings(thresholds: Thresholds, labels: Sequence[str]) -> Dict[str, Any]:
    """Give the component's own settings."""
    own = [[labels[i], threshold] for i, threshold in sorted(thresholds.own.items())]
    return {"threshold": thresholds.shared, "label_thresholds": own}


def _curve(candidates: Candidates) -> List[Dict[str, float]]:
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


def print_report(msg: Printer, report: Dict[str, Any]) -> None:
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
        header=("", "threshold", "P", "R", "F1", "macro F1", "cross-fitted P", "R", "F1"),
        aligns=("l", *"rrrrrrrr"),
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


def _label_row(row: Dict[str, Any]) -> Tuple[str, ...]:
    threshold = f"{row['threshold']:.4f}" if row["is_own"] else "shared"
    gain = _gain(row["f"], row["present_f"])
    return show_label(row["label"]), str(row["gold"]), threshold, _percent(row["f"]), gain


def _row(name: str, result: Dict[str, Any], present: Dict[str, Any]) -> Tuple[str, ...]:
    own = [threshold for _, threshold in result["label_thresholds"]]
    threshold = f"{result['threshold']:.4f}" + (f" +{len(own)}" if own else "")
    micro = [_percent(result[key]) for key in "pr"]
    estimate = result["cross_fitted"]
    held_out = [_percent(estimate[key]) for key in "pr"] if estimate else ["-", "-"]
    f, held_out_f = _percent(result["f"]), _percent(estimate["f"]) if estimate else "-"
    if name != PRESENT:
        f += f" {_gain(result['f'], present['f'])}"
        held_out_f += f" {_gain(estimate['f'], present['f'])}" if estimate else ""
    return (name, threshold, *micro, f, _percent(result["macro_f"]), *held_out, held_out_f)


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _gain(new: float, old: float) -> str:
    return f"{100 * (new - old):+.2f}"


def _print_choice(msg: Printer, report: Dict[str, Any]) -> None:
    written, results = report["written"], report["results"]
    n_own = len(report["label_thresholds"])
    labels = f", {n_own} labels with one of their own" if n_own else ""
    msg.info(f"Written: {written}. threshold = {report['threshold']}{labels}")
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
    estimate = results[written]["cross_fitted"]
    if estimate is None:
        msg.warn("One document is too few for cross-fitting: the gain on others is unknown")
    elif written == PRESENT:
        msg.info(
            "Cross-fitting does not find a gain over the present thresholds: they stay. More "
            "annotated documents would tell"
        )
    elif written != "precision" and estimate["f"] <= results[PRESENT]["f"]:
        msg.warn(
            "Cross-fitting does not find a gain over the present thresholds",
            "More annotated documents would tell; keep the present thresholds until then.",
        )
    if n_own and n_own < len(report["labels"]):
        msg.info(f"Labels with fewer than {report['min_count']} gold spans share the threshold")
