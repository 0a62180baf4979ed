"""What `spacy global-pointer tune` finds, as plain data and in print."""

from collections.abc import Sequence
from typing import Any

import numpy
from wasabi.printer import Printer

from ...spans import Counts
from ..labels import show_label
from .objectives import FEWEST, PRESENT, choices, choose_objective, cross_fit, find_gains
from .thresholds import Candidates, Thresholds, count

# Points of the curve in the report, evenly by rank of the score.
POINTS = 300
COLUMNS = ("", "threshold", "P", "R", "F1", "macro F1", "cross-fitted P", "R", "F1")
NOISE = "95 % of gains"


def make_report(
    candidates: Candidates,
    present: Thresholds,
    *,
    objective: str,
    precision: float | None,
    min_count: int,
    folds: int,
    allow_overlap: bool,
) -> dict[str, Any]:
    """Choose thresholds in all ways, compare them, and decide which are written.

    present: thresholds that the component has now.
    objective: one of OBJECTIVES.
    precision (share): wanted micro precision, None for none.
    min_count (spans): labels with fewer gold spans keep the global threshold.
    folds: of the documents in cross-fitting.
    allow_overlap: setting of the component.
    RETURNS: plain data, with results by objective, the present ones first.
    RAISES (ValueError): no threshold has the precision.
    """
    labels = candidates.labels
    ways = choices(min_count, precision, allow_overlap=allow_overlap)
    chosen = {PRESENT: present, **{name: choose(candidates) for name, choose in ways.items()}}
    counts = {name: count(candidates, each.cuts(labels)) for name, each in chosen.items()}
    estimates: dict[str, Counts | None] = {PRESENT: counts[PRESENT]}  # nothing was chosen
    estimates |= {name: cross_fit(candidates, choose, folds) for name, choose in ways.items()}
    results = {
        name: {
            "threshold": thresholds.shared,
            "label_thresholds": [[x, thresholds.own[x]] for x in labels if x in thresholds.own],
            **describe_counts(counts[name]),
            "cross_fitted": describe_counts(estimate) if (estimate := estimates[name]) else None,
            "gains": find_gains(name, estimates),
        }
        for name, thresholds in chosen.items()
    }
    written = choose_objective(results, objective, precision)
    return {
        "written": written,
        "documents": len(candidates.gold),
        "gold": int(candidates.gold.sum()),
        "candidates": int((candidates.spans["change"] > 0).sum()),
        "lowest": candidates.lowest,
        "threshold": results[written]["threshold"],
        "label_thresholds": results[written]["label_thresholds"],
        "results": results,
        "labels": _by_label(labels, chosen[written], counts[written], counts[PRESENT]),
        "curve": _curve(candidates),
    }


def describe_counts(counts: Counts) -> dict[str, float]:
    """Micro p, r, f, and macro_f over the labels that are in gold or prediction.

    counts (d, c): of each document and label.
    """
    by_label = Counts(*numpy.sum(counts, axis=1))
    f = by_label.f[sum(by_label) > 0]
    all_labels = Counts(*numpy.sum(by_label, axis=1))
    micro = {name: float(getattr(all_labels, name)) for name in "prf"}
    return {**micro, "macro_f": float(f.mean()) if len(f) else 0.0}


def _by_label(
    labels: Sequence[str], thresholds: Thresholds, counts: Counts, present: Counts
) -> list[dict[str, Any]]:
    now, before = (Counts(*numpy.sum(each, axis=1)) for each in (counts, present))
    return [
        {
            "label": label,
            "gold": right + missed,
            "threshold": thresholds.own.get(label, thresholds.shared),
            "is_own": label in thresholds.own,
            "right": right,
            "predicted": right + wrong,
            "f": f,
            "present_f": present_f,
        }
        for label, right, wrong, missed, f, present_f in zip(
            labels, *(column.tolist() for column in (*now, now.f, before.f)), strict=True
        )
    ]


def _curve(candidates: Candidates) -> list[dict[str, float]]:
    """Micro scores above some thresholds."""
    threshold, counts = candidates.curve()
    # Not the first row, above which there is nothing.
    places = numpy.linspace(1, len(threshold) - 1, POINTS).round().astype(int)
    columns = numpy.stack([threshold, counts.p, counts.r, counts.f], axis=1)
    points = columns[numpy.unique(places)].tolist()
    return [dict(zip(("threshold", *"prf"), point, strict=True)) for point in points]


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
    results, written = report["results"], report["written"]
    rows = [_row(name, result, results[PRESENT]) for name, result in results.items()]
    msg.table(rows, header=(*COLUMNS, NOISE), aligns=("l", *"rrrrrrrrr"), divider=True)
    msg.divider(f"Labels, {written} thresholds")
    rows = [
        (
            show_label(row["label"]),
            str(row["gold"]),
            f"{row['threshold']:.4f}" if row["is_own"] else "shared",
            f"{100 * row['f']:.2f}",
            f"{100 * (row['f'] - row['present_f']):+.2f}",
        )
        for row in report["labels"]
    ]
    header = ("label", "gold", "threshold", "F1", "gain")
    msg.table(rows, header=header, aligns=("l", *"rrrr"), divider=True)
    _print_choice(msg, report)
    _print_gain(msg, report)


def _row(name: str, result: dict[str, Any], present: dict[str, Any]) -> tuple[str, ...]:
    n_own = len(result["label_thresholds"])
    threshold = f"{result['threshold']:.4f}" + (f" +{n_own}" if n_own else "")

    def prf(scores: dict[str, float] | None) -> list[str]:
        if scores is None:
            return ["-"] * 3
        p, r, f = (f"{100 * scores[key]:.2f}" for key in "prf")
        gain = f" {100 * (scores['f'] - present['f']):+.2f}" if name != PRESENT else ""
        return [p, r, f + gain]

    macro, gain = f"{100 * result['macro_f']:.2f}", _interval(result["gains"].get(PRESENT))
    return (name, threshold, *prf(result), macro, *prf(result["cross_fitted"]), gain)


def _interval(gain: dict[str, float] | None) -> str:
    return f"{100 * gain['low']:+.2f} to {100 * gain['high']:+.2f}" if gain else "-"


def _print_choice(msg: Printer, report: dict[str, Any]) -> None:
    own = [row for row in report["labels"] if row["is_own"]]
    labels = f", {len(own)} labels with one of their own" if own else ""
    msg.info(f"Written: {report['written']}. threshold = {report['threshold']}{labels}")
    if never := [show_label(row["label"]) for row in own if row["threshold"] == 1]:
        msg.warn(f"Never found, because that costs least: {', '.join(never)}")
    lowest = report["lowest"]
    if lowest in (report["threshold"], *(row["threshold"] for row in own)):
        msg.warn(
            f"A threshold that is written, {lowest:.4g}, is the lowest that was looked at",
            "A lower --lowest may find a better one.",
        )
    if 0 < len(own) < len(report["labels"]):
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
