"""SVG plots of the reports, with matplotlib."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from spacy_globalpointer.spans import LENGTH_NAMES, LENGTHS

from .results import NAMES, Row

Report = dict[str, Any]
# Named and with the same colour in every plot.
COLOURS = {
    "global_pointer": "#0b6e99",
    "global_pointer_rescorer": "#0b9a6b",
    "global_pointer_plain": "#3f8fb0",
    "global_pointer_gp": "#5aa9c9",
    "per_document": "#5aa9c9",
    "zlpr_dense": "#8a8f98",
    "bert4torch_dense": "#c2571a",
    "bert4torch_sparse": "#e6a15c",
    "global_pointer_no_rope": "#a9c4cf",
    "spancat": "#c2571a",
    "span_finder": "#e6a15c",
    "ner": "#6a8f3c",
    "crf": "#8f5aa9",
    "crfsuite": "#c9a6d6",
    "encoder": "#8a8f98",
}
# More are wider than a figure.
LEGEND_COLUMNS = 4


def draw(report: Report, folder: Path) -> list[Path]:
    """Draw the plots of a report; the same report gives the same files.

    folder: where they are written.
    RETURNS: the files.
    RAISES (ImportError): without matplotlib.
    """
    plots = PLOTS.get(report["benchmark"], {})
    return [_save(plot, report["results"], folder / f"{name}.svg") for name, plot in plots.items()]


def draw_rows(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw the plots of a sweep: F1 against speed, and F1 by the length of the span.

    folder: where they are written.
    RETURNS: the files; none if nothing was run that could be compared.
    RAISES (ImportError): without matplotlib.
    """
    # One system alone says nothing, and pretrained encoders are few and slow.
    whole = [row for row in rows if len(row.done) > 1 and not row.limit and not row.pretrained]
    plots = {"speed": _f1_and_speed, "length": _f1_by_length} if whole else {}
    return [_save(plot, whole, folder / f"{name}.svg") for name, plot in plots.items()]


def _save(plot: Callable[[Any, Any], None], content: Any, path: Path) -> Path:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'plots need matplotlib. To fix: pip install "spacy-globalpointer[bench]"'
        ) from error
    # Text stays text. The salt makes the names inside the file the same every time.
    style: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "0"}
    with matplotlib.rc_context({**style, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
        plot(figure, content)
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def _heads(figure: Any, results: dict[str, Any]) -> None:
    steps = results["steps"]
    # Memory has no panel where it was not measured.
    panels = {"seconds": "ms a step (loss and gradient)", "mib": "extra memory, MiB"}
    panels = {name: what for name, what in panels.items() if name in steps[0]}
    axes_of = dict(zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True))
    shapes = list(dict.fromkeys((s["documents"], s["tokens"], s["labels"]) for s in steps))
    names = ["×".join(map(str, shape)) for shape in shapes]
    for system in dict.fromkeys(step["system"] for step in steps):
        mine = [step for step in steps if step["system"] == system]
        style = {"color": COLOURS[system], "label": system, "marker": "o", "markersize": 4}
        axes_of["seconds"].plot(names, [s["seconds"]["median"] * 1e3 for s in mine], **style)
        if "mib" in axes_of:
            axes_of["mib"].plot(names, [s["mib"] for s in mine], **style)
    for name, axes in axes_of.items():
        axes.set(yscale="log", ylabel=panels[name], xlabel="documents × tokens × labels")
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.grid(axis="y", alpha=0.3)
    _legend(figure, axes_of["seconds"])


def _sparse_loss(figure: Any, results: dict[str, Any]) -> None:
    gradient, loss = figure.subplots(1, 2)
    colours = [COLOURS["global_pointer"], "#c2571a", "#e6a15c", "#8f5aa9"]
    for curve, colour in zip(results["sparse_loss"], colours, strict=True):
        ours = curve["form"] == "global_pointer"
        style = {"color": colour, "label": curve["form"], "linewidth": 2.5 if ours else 1.5}
        gradient.plot(curve["scores"], curve["gradient"], **style)
        loss.plot(curve["scores"], curve["loss"], **style)
    gradient.axhspan(0, 1.05, color="#c2571a", alpha=0.08)
    gradient.text(24.8, 0.5, "wrong sign: pushes a\nright span down", ha="right", va="center")
    gradient.set(ylabel="gradient of the gold score", ylim=(-1.05, 1.05))
    loss.set(ylabel="loss", ylim=(-2, 10))
    loss.axhline(0, color="#8a8f98", linewidth=0.8)
    for axes in (gradient, loss):
        axes.set(xlabel="score of the gold span", xlim=(0, 25))
        axes.grid(alpha=0.3)
    _legend(figure, loss)


def _pipeline(figure: Any, results: list[dict[str, Any]]) -> None:
    corpora = list(dict.fromkeys(result["corpus"] for result in results))
    panels = figure.subplots(len(corpora), 2, squeeze=False)
    figure.set_size_inches(9, 2.4 * len(corpora))
    for row, corpus in zip(panels, corpora, strict=True):
        mine = [result for result in results if result["corpus"] == corpus][::-1]
        for axes, what in zip(row, ("train", "predict"), strict=True):
            names = [result["system"] for result in mine]
            speeds = [result["words"] / result[what]["median"] for result in mine]
            bars = axes.barh(names, speeds, color=[COLOURS[name] for name in names])
            axes.bar_label(bars, fmt="{:,.0f}", padding=3)
            title = "training" if what == "train" else "prediction"
            axes.set(title=f"{corpus}: {title}, words/s", xlim=(0, 1.2 * max(speeds)))
            axes.tick_params(axis="x", labelbottom=False, length=0)
            axes.spines["bottom"].set_visible(False)


def _scaling(figure: Any, results: list[dict[str, Any]]) -> None:
    from matplotlib.ticker import LogLocator

    labels, tokens = figure.subplots(1, 2)
    for step, colour in (("head", "#0b6e99"), ("products", "#8a8f98")):
        mine = [r for r in results if r["axis"] == "labels" and r["step"] == step]
        ms = [r["seconds"]["median"] * 1e3 for r in mine]
        name = "head: loss and gradient" if step == "head" else "its bare matrix products"
        labels.plot([r["labels"] for r in mine], ms, "o-", color=colour, label=name)
    labels.set(xscale="log", yscale="log", xlabel="labels (8 documents × 256 tokens)", ylabel="ms")
    for limit, colour in ((None, "#c2571a"), (64, "#0b6e99")):
        mine = [r for r in results if r["axis"] == "tokens" and r["step"] == "head"]
        mine = [r for r in mine if r["max_length"] == limit]
        micros = [r["seconds"]["median"] / r["tokens"] * 1e6 for r in mine]
        name = "no limit" if limit is None else f"max_length = {limit}"
        tokens.plot([r["tokens"] for r in mine], micros, "o-", color=colour, label=name)
    tokens.set(xscale="log", yscale="log", xlabel="tokens (1 document, 50 labels)")
    tokens.set_ylabel("head, µs a token")
    for axes in (labels, tokens):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,g}")
            axis.set_minor_formatter("")


def _f1_and_speed(figure: Any, rows: Sequence[Row]) -> None:
    panels = figure.subplots(1, len(rows), squeeze=False)[0]
    for axes, row in zip(panels, rows, strict=True):
        for system in row.trained():
            speed, f1 = row.mean(system, "predict_words_per_second"), row.mean(system, "all", "f")
            axes.plot(speed, 100 * f1, "o", color=COLOURS[system], label=_name(system))
        axes.set(title=row.name(), xlabel="prediction, words/s")
        axes.set_xlim(0, 1.1 * max(row.mean(s, "predict_words_per_second") for s in row.done))
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter("{x:,g}")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("F1")
    _legend(figure, *panels)


def _f1_by_length(figure: Any, rows: Sequence[Row]) -> None:
    panels = figure.subplots(1, len(rows), squeeze=False, sharey=True)[0]
    for axes, row in zip(panels, rows, strict=True):
        for system in row.trained():
            values = [row.length_f1(system, length) for length in LENGTHS]
            known = [(x, y) for x, y in enumerate(values) if y is not None]
            axes.plot(*zip(*known, strict=True), "o-", color=COLOURS[system], label=_name(system))
        axes.set_xticks(range(len(LENGTHS)), LENGTH_NAMES)
        axes.set(title=row.name(), xlabel="tokens of the span")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("F1")
    _legend(figure, *panels)


def _name(system: str) -> str:
    return NAMES[system].replace("`", "")


def _legend(figure: Any, *panels: Any) -> None:
    """One legend for all panels, where it hides nothing."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    columns = min(len(handles), LEGEND_COLUMNS)
    names, shown = list(handles), list(handles.values())
    figure.legend(shown, names, loc="outside upper center", ncols=columns, frameon=False)


PLOTS: dict[str, dict[str, Callable[[Any, Any], None]]] = {
    "heads": {"heads": _heads, "sparse_loss": _sparse_loss},
    "pipeline": {"pipeline": _pipeline},
    "scaling": {"scaling": _scaling},
}
