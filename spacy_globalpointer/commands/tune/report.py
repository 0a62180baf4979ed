"""What `spacy global-pointer tune` finds, as plain data and in print."""

from typing import Any

import numpy
from wasabi.printer import Printer

from ...spans import Counts
from ..labels import show_label
from .bootstrap import compare, sample_f1
from .objectives import PRESENT, SIMPLER, Options, cross_fit
from .thresholds import Thresholds

# Points of the curve in the report, evenly by rank of the score.
POINTS = 300
# Documents: what fewer have in common may be chance, whatever a bootstrap of them says.
FEWEST = 10


def make_report(candidates: Any, present: Thresholds, options: Options) -> dict[str, Any]:
    """Choose thresholds in all ways, compare them, and decide which are written.

    candidates: `Candidates`, or of events `EventCandidates`.
    present: thresholds that the component has now.
    RETURNS: plain data, with results by objective, the present ones first.
    RAISES (ValueError): no threshold has the precision.
    """
    labels, ways = candidates.labels, options.choices()
    chosen = {PRESENT: present, **{name: choose(candidates) for name, choose in ways.items()}}
    all_alike = numpy.zeros(len(candidates.gold), dtype=int)
    counts = {name: candidates.count_with([each], all_alike) for name, each in chosen.items()}
    estimates: dict[str, Counts | None] = {PRESENT: counts[PRESENT]}  # nothing was chosen
    estimates |= {x: cross_fit(candidates, choose, options.folds) for x, choose in ways.items()}
    by_document = {x: Counts(*numpy.sum(each, axis=2)) for x, each in estimates.items() if each}
    is_enough = len(candidates.gold) >= FEWEST
    f1 = sample_f1(by_document) if is_enough else {}
    results = {
        name: {
            "threshold": thresholds.shared,
            "label_thresholds": [[x, thresholds.own[x]] for x in labels if x in thresholds.own],
            **describe_counts(counts[name]),
            "cross_fitted": describe_counts(estimate) if (estimate := estimates[name]) else None,
            "gains": {
                other: compare(f1[name], f1[other])._asdict()
                for other in (SIMPLER[name] if is_enough else ())
            },
        }
        for name, thresholds in chosen.items()
    }
    written = options.decide(results)
    return {
        "written": written,
        "documents": len(candidates.gold),
        "gold": int(candidates.gold.sum()),
        "candidates": candidates.n,
        "lowest": candidates.lowest,
        "threshold": results[written]["threshold"],
        "label_thresholds": results[written]["label_thresholds"],
        "results": results,
        "labels": _by_label(candidates.parts, chosen[written], counts[written], counts[PRESENT]),
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
    labels: list[str], thresholds: Thresholds, counts: Counts, present: Counts
) -> list[dict[str, Any]]:
    now, before = (Counts(*numpy.sum(each, axis=1)) for each in (counts, present))
    columns = (column.tolist() for column in (*now, now.f, before.f))
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
        for label, right, wrong, missed, f, present_f in zip(labels, *columns, strict=True)
    ]


def _curve(candidates: Any) -> list[dict[str, float]]:
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
    what = report["what"]
    scored = what if report["has_links"] is None else "edges between spans"
    reach = "scored" if report["allow_overlap"] else "that are found with a threshold of"
    msg.info(
        f"{report['component']}: {report['documents']} documents, {report['gold']} gold {what}, "
        f"{report['candidates']} {scored} {reach} {report['lowest']:.4g} or higher"
    )
    msg.divider("All labels")
    results, written = report["results"], report["written"]
    header = (
        "",
        "threshold",
        "P",
        "R",
        "F1",
        "macro F1",
        "cross-fitted P",
        "R",
        "F1",
        "95 % of gains",
    )
    rows = [_row(name, result, results[PRESENT]["f"]) for name, result in results.items()]
    msg.table(rows, header=header, aligns=("l", *"rrrrrrrrr"), divider=True)
    msg.divider(f"{'Labels' if report['has_links'] is None else 'Types'}, {written} thresholds")
    by_label = [
        (
            show_label(row["label"]),
            row["gold"],
            f"{row['threshold']:.4f}" if row["is_own"] else "shared",
            f"{100 * row['f']:.2f}",
            f"{100 * (row['f'] - row['present_f']):+.2f}",
        )
        for row in report["labels"]
    ]
    columns = ("label", "gold", "threshold", "F1", "gain")
    msg.table(by_label, header=columns, aligns=("l", *"rrrr"), divider=True)
    _print_choice(msg, report)
    _print_gain(msg, report)


def _row(name: str, result: dict[str, Any], present_f: float) -> list[str]:
    n_own = len(result["label_thresholds"])
    row = [name, f"{result['threshold']:.4f}" + (f" +{n_own}" if n_own else "")]
    for scores in (result, result["cross_fitted"]):
        p, r, f = (f"{100 * scores[key]:.2f}" if scores else "-" for key in "prf")
        gain = f" {100 * (scores['f'] - present_f):+.2f}" if scores and name != PRESENT else ""
        row += [p, r, f + gain]
    row.insert(5, f"{100 * result['macro_f']:.2f}")
    return [*row, _interval(result["gains"].get(PRESENT))]


def _interval(gain: dict[str, float] | None) -> str:
    return f"{100 * gain['low']:+.2f} to {100 * gain['high']:+.2f}" if gain else "-"


def _print_choice(msg: Printer, report: dict[str, Any]) -> None:
    own = report["label_thresholds"]
    labels = f", {len(own)} labels with one of their own" if own else ""
    if report["has_links"]:
        labels = "".join(f", {label} {threshold:.4f}" for label, threshold in own)
    msg.info(f"Written: {report['written']}. threshold = {report['threshold']}{labels}")
    if never := [show_label(label) for label, threshold in own if threshold == 1]:
        msg.warn(f"Never found, because that costs least: {', '.join(never)}")
    lowest = report["lowest"]
    if lowest in (report["threshold"], *(threshold for _, threshold in own)):
        msg.warn(
            f"A threshold that is written, {lowest:.4g}, is the lowest that was looked at",
            "A lower --lowest may find a better one.",
        )
    if report["has_links"] is None and 0 < len(own) < len(report["labels"]):
        least = f"{report['min_count']} gold {report['what']}"
        msg.info(f"Labels with fewer than {least} share the threshold")


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
