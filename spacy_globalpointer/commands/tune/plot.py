"""The plot of `spacy global-pointer tune`: precision, recall and F1 as the threshold moves."""

from pathlib import Path
from typing import Any

NAMES = {"p": "precision", "r": "recall", "f": "F1"}
# Nothing is drawn behind the plot: all colours can be seen on white and on black pages.
COLOURS = {"p": "#c2571a", "r": "#6a8f3c", "f": "#2080ac"}
GREY = "#7a7a7a"
STYLE: dict[Any, Any] = {
    "savefig.transparent": True,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "0",  # names inside the file are the same every time
}
# The axis of thresholds is one of log odds, which have no end.
TICKS, LAST = (1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999), 0.9999


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw a report as SVG; the same report gives the same file.

    report: as in thresholds.json.
    RAISES (ImportError): without matplotlib.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        panels = zip(figure.subplots(1, 2), (_scores, _precision_recall), (2, 1), strict=True)
        for axes, panel, columns in panels:
            panel(axes, report)
            # Above the panel, where it hides nothing.
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _scores(axes: Any, report: dict[str, Any]) -> None:
    curve, chosen = report["curve"], report["threshold"]
    thresholds = [point["threshold"] for point in curve]
    for key, name in NAMES.items():
        axes.plot(thresholds, [point[key] for point in curve], color=COLOURS[key], label=name)
    axes.axvline(chosen, color=GREY, linestyle="--", label=f"threshold {chosen:.4g}")
    if own := [threshold for _, threshold in report["label_thresholds"]]:
        height = [0.02] * len(own)
        axes.plot(own, height, "|", color=GREY, markersize=12, label="thresholds of labels")
    last = max(LAST, (1 + chosen) / 2) if chosen < 1 else LAST
    first = min(report["lowest"] / 1.5, 0.4)
    ticks = [tick for tick in TICKS if tick >= first]
    axes.set(xscale="logit", xlabel="threshold for all labels", ylabel="micro average")
    axes.set(xlim=(first, last), ylim=(0, 1.02))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _precision_recall(axes: Any, report: dict[str, Any]) -> None:
    recall, precision = ([point[key] for point in report["curve"]] for key in "rp")
    axes.plot(recall, precision, color=COLOURS["f"], label="one threshold for all labels")
    written = report["written"]
    for name, inside in {"present": "none", written: COLOURS["p"]}.items():
        result = report["results"][name]
        label = f"{'written: ' if name == written else ''}{name}, F1 {result['f']:.3f}"
        point = [result["r"]], [result["p"]]
        axes.plot(*point, "o", color=COLOURS["p"], markerfacecolor=inside, label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
