"""The plot of `spacy global-pointer tune`: precision, recall and F1 as the threshold moves."""

from pathlib import Path
from typing import Any

# Nothing is drawn behind the plot: all colours can be seen on white and on black pages.
ORANGE, GREEN, BLUE, GREY = "#c2571a", "#6a8f3c", "#2080ac", "#7a7a7a"
CURVES = {"p": ("precision", ORANGE), "r": ("recall", GREEN), "f": ("F1", BLUE)}
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
    """Draw a report, which is as in thresholds.json; the same report gives the same SVG file.

    RAISES (ImportError): without matplotlib.
    """
    import matplotlib
    from matplotlib.figure import Figure

    curve = {key: [point[key] for point in report["curve"]] for key in ("threshold", *"prf")}
    chosen, written = report["threshold"], report["written"]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9, 4.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for key, (name, colour) in CURVES.items():
            left.plot(curve["threshold"], curve[key], color=colour, label=name)
        left.axvline(chosen, color=GREY, linestyle="--", label=f"threshold {chosen:.4g}")
        if own := [threshold for _, threshold in report["label_thresholds"]]:
            height = [0.02] * len(own)
            left.plot(own, height, "|", color=GREY, markersize=12, label="thresholds of labels")
        first = min(report["lowest"] / 1.5, 0.4)
        last = max(LAST, (1 + chosen) / 2) if chosen < 1 else LAST
        ticks = [tick for tick in TICKS if tick >= first]
        left.set(xscale="logit", xlabel="threshold for all labels", ylabel="micro average")
        left.set(xlim=(first, last), ylim=(0, 1.02))
        left.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        left.set_xticks([], minor=True)
        right.plot(curve["r"], curve["p"], color=BLUE, label="one threshold for all labels")
        for name, inside in {"present": "none", written: ORANGE}.items():
            scores = report["results"][name]
            label = f"{'written: ' if name == written else ''}{name}, F1 {scores['f']:.3f}"
            point = [scores["r"]], [scores["p"]]
            right.plot(*point, "o", color=ORANGE, markerfacecolor=inside, label=label)
        right.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
        for axes, columns in ((left, 2), (right, 1)):
            # Above the panel, where it hides nothing.
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
