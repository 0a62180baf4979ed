"""The plot of `spacy global-pointer tune`: precision, recall and F1 as the threshold moves."""

from pathlib import Path
from typing import Any, Dict

COLOURS = {"p": "#c2571a", "r": "#6a8f3c", "f": "#0b6e99"}
NAMES = {"p": "precision", "r": "recall", "f": "F1"}
MARK = "#8a8f98"
# The axis of thresholds is one of log odds, which have no end.
NEAREST_TO_1 = 1 - 1e-6


def require_matplotlib() -> None:
    """Look for matplotlib before anything takes time.

    RAISES (ImportError): naming the repair.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'the plot needs matplotlib. Repair: pip install "spacy-globalpointer[plots]", or '
            "--no-plot"
        ) from error


def draw(report: Dict[str, Any], path: Path) -> None:
    """Draw a report as SVG; the same report gives the same file.

    report: as in thresholds.json.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text. The salt makes the names inside the file the same every time.
    style: Dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "0"}
    with matplotlib.rc_context({**style, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 3.8), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2)
        _scores(left, report)
        _precision_recall(right, report)
        for axes in (left, right):
            axes.grid(alpha=0.3)
            axes.legend(frameon=False, fontsize="small", loc="best")
        figure.savefig(path, format="svg", metadata={"Date": None})


def _scores(axes: Any, report: Dict[str, Any]) -> None:
    curve = report["curve"]
    thresholds = [min(point["threshold"], NEAREST_TO_1) for point in curve]
    for key, name in NAMES.items():
        values = [point[key] for point in curve]
        axes.plot(thresholds, values, color=COLOURS[key], label=name)
    chosen = min(report["threshold"], NEAREST_TO_1)
    axes.axvline(chosen, color=MARK, linestyle="--", label=f"threshold {chosen:.4g}")
    own = [min(max(t, 1e-6), NEAREST_TO_1) for _, t in report["label_thresholds"]]
    if own:
        axes.plot(own, [0.0] * len(own), "|", color=MARK, markersize=12, label="of single labels")
    axes.set(xscale="logit", xlabel="threshold for all labels", ylabel="micro average")
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_minor_formatter("")


def _precision_recall(axes: Any, report: Dict[str, Any]) -> None:
    curve, results = report["curve"], report["results"]
    axes.plot(
        [point["r"] for point in curve],
        [point["p"] for point in curve],
        color=COLOURS["f"],
        label="one threshold for all labels",
    )
    marks = {"present": ("o", "none"), report["written"]: ("o", COLOURS["p"])}
    for name, (marker, colour) in marks.items():
        result = results[name]
        label = f"{'written: ' if name == report['written'] else ''}{name}, F1 {result['f']:.3f}"
        axes.plot(
            result["r"],
            result["p"],
            marker,
            markerfacecolor=colour,
            markeredgecolor=COLOURS["p"],
            label=label,
        )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
