"""The plot of `spacy global-pointer tune`: precision, recall and F1 as the threshold moves."""

from pathlib import Path
from typing import Any

COLOURS = {"p": "#c2571a", "r": "#6a8f3c", "f": "#0b6e99"}
NAMES = {"p": "precision", "r": "recall", "f": "F1"}
MARK = "#8a8f98"
# The axis of thresholds is one of log odds, which have no end.
TICKS, LAST = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999), 0.9999


def require_matplotlib() -> None:
    """Look for matplotlib before anything takes time.

    RAISES (ImportError): naming the repair.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'the plot needs matplotlib. To fix: pip install "spacy-globalpointer[plots]", or '
            "--no-plot"
        ) from error


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw a report as SVG; the same report gives the same file.

    report: as in thresholds.json.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # Text stays text. The salt makes the names inside the file the same every time.
    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "0"}
    with matplotlib.rc_context({**style, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 4.2), layout="constrained", facecolor="white")
        panels = zip(figure.subplots(1, 2), (_scores, _precision_recall), (2, 1), strict=True)
        for axes, panel, columns in panels:
            panel(axes, report)
            axes.grid(alpha=0.3)
            # Above the panel, where it hides nothing.
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _scores(axes: Any, report: dict[str, Any]) -> None:
    curve = report["curve"]
    thresholds = [point["threshold"] for point in curve]
    for key, name in NAMES.items():
        axes.plot(thresholds, [point[key] for point in curve], color=COLOURS[key], label=name)
    chosen = report["threshold"]
    axes.axvline(chosen, color=MARK, linestyle="--", label=f"threshold {chosen:.4g}")
    own = [threshold for _, threshold in report["label_thresholds"]]
    if own:
        style = {"color": MARK, "markersize": 12}
        axes.plot(own, [0.02] * len(own), "|", **style, label="thresholds of labels")
    last = max(LAST, (1 + chosen) / 2) if chosen < 1 else LAST
    ends = min(report["lowest"] / 1.5, 0.4), last
    ticks = [tick for tick in TICKS if tick >= ends[0]]
    axes.set(xscale="logit", xlabel="threshold for all labels", ylabel="micro average")
    axes.set(xlim=ends, ylim=(0, 1.02))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _precision_recall(axes: Any, report: dict[str, Any]) -> None:
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
