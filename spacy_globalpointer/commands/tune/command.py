"""`spacy global-pointer tune`: the best thresholds of a trained pipeline, from one prediction."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from spacy.cli._util import import_code
from spacy.language import Language
from spacy.training import Example
from typer import Argument, Option
from wasabi.printer import Printer

from ..inputs import (
    Code,
    Component,
    Gpu,
    Model,
    find_component,
    find_files,
    load_pipeline,
    read_examples,
    use_gpu,
)
from ..outputs import new_folder, write_json
from .report import (
    OBJECTIVES,
    PRESENT,
    choose_objective,
    compare,
    describe_scores,
    make_report,
    print_report,
)

# What finds the candidates imports torch, and is imported when the command runs.

REPORT, PLOT = "thresholds.json", "thresholds.svg"


Dev = Annotated[
    list[Path], Argument(help="Annotated .spacy files that it was not trained on, or folders")
]
Output = Annotated[
    Path, Option("--output", "-o", help="Folder for the pipeline with its new thresholds")
]
Objective = Annotated[
    str,
    Option(
        "--objective",
        "-O",
        help=f"Which thresholds are written: {', '.join(OBJECTIVES)}. auto: precision with "
        "--precision; otherwise global, per-label or those of now, whichever has the best F1 in "
        "cross-fitting, where it is counted on documents that the thresholds were not chosen on",
    ),
]
Precision = Annotated[
    float | None,
    Option(help="Wanted micro precision in (0, 1]: finds the best recall that has it"),
]
Lowest = Annotated[
    float, Option(help="Spans below this score are never candidates, no threshold goes below")
]
MinCount = Annotated[
    int, Option(min=1, help="Labels with fewer gold spans keep the global threshold")
]
Folds = Annotated[int, Option(min=2, help="Parts of the documents in cross-fitting")]
Force = Annotated[bool, Option("--force", help="Replace the pipeline in --output")]
Plot = Annotated[bool, Option(help=f"Draw {PLOT}; needs matplotlib")]


def tune_cli(
    model: Model,
    dev: Dev,
    output: Output,
    component: Component = None,
    objective: Objective = "auto",
    precision: Precision = None,
    lowest: Lowest = 0.01,
    min_count: MinCount = 20,
    folds: Folds = 5,
    force: Force = False,
    plot: Plot = True,
    code: Code = None,
    gpu_id: Gpu = -1,
) -> None:
    """
    Find the thresholds that are best on annotated data, and write the pipeline with them.

    The documents are predicted once; then the best thresholds are found
    exactly: one for all labels (global), those of the labels that together
    have the best micro F1 (per-label), those with the best F1 of each label
    (macro), and the one with the best recall at a wanted precision.
    With allow_overlap = false only those for all labels.

    The folder also gets a report, thresholds.json, and a plot, thresholds.svg.
    Where thresholds change, the documents are predicted once more, and the
    scores written into meta.json.

    $ spacy global-pointer tune training/model-best dev.spacy --output tuned
    """
    msg = Printer()
    options: dict[str, Any] = {"component": component, "objective": objective, "lowest": lowest}
    options.update(precision=precision, min_count=min_count, folds=folds)
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        report = tune(model, dev, output, force=force, plot=plot, silent=False, **options)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Tuning stopped", str(error), exits=1)
    print_report(msg, report)
    msg.good(f"Wrote {output}, with {' and '.join([REPORT] + [PLOT] * plot)} in it")


def tune(
    model: str,
    dev: Sequence[Path],
    output: Path,
    *,
    component: str | None = None,
    objective: str = "auto",
    precision: float | None = None,
    lowest: float = 0.01,
    min_count: int = 20,
    folds: int = 5,
    force: bool = False,
    plot: bool = True,
    silent: bool = True,
) -> dict[str, Any]:
    """Find the best thresholds and write the pipeline with them, whole or not at all.

    model: folder or name of a package.
    dev: annotated .spacy files, or folders of them.
    component: name of the component; None where there is only one.
    objective: one of OBJECTIVES.
    precision (share): wanted micro precision.
    lowest (probability): of the spans that are looked at.
    min_count (spans): labels with fewer gold spans keep the global threshold.
    folds: of the documents, for the estimate on others than those tuned on.
    force: replace the pipeline that is in output.
    plot: draw one, with matplotlib.
    silent: show no progress.
    RETURNS: what thresholds.json holds.
    RAISES (ValueError): options, data or a pipeline that cannot be used. (OSError): what cannot be
        read or written. (ImportError): no matplotlib.
    """
    from .candidates import find_candidates, present_thresholds
    from .plot import draw

    check_options(objective, precision, plot)
    files = find_files(dev, "DEV")
    with new_folder(output, force) as folder:
        nlp = load_pipeline(model)
        name, pipe = find_component(nlp, component)
        options: dict[str, Any] = {"precision": precision, "min_count": min_count, "folds": folds}
        options["allow_overlap"] = pipe.cfg["allow_overlap"]
        check_overlap(name, options["allow_overlap"], objective)
        read = partial(read_examples, nlp, files, "DEV", silent)
        candidates, account = find_candidates(nlp, name, read(), lowest)
        results = compare(candidates, present_thresholds(pipe), **options)
        written = choose_objective(results, objective, precision)
        report = {
            **{"model": model, "dev": [str(path) for path in dev], "component": name},
            **{"objective": objective, "written": written, **options, **account._asdict()},
            **make_report(candidates, account.labels, results, written),
        }
        write_pipeline(nlp, report, read, folder)
        write_json(report, folder / REPORT)
        if plot:
            draw(report, folder / PLOT)
    return report


def check_options(objective: str, precision: float | None, plot: bool) -> None:
    """Refuse options that mean nothing or cannot be had, before anything takes time.

    RAISES (ValueError): naming the rule, the value and the repair. (ImportError): no matplotlib.
    """
    from .plot import require_matplotlib

    if plot:
        require_matplotlib()
    if objective not in OBJECTIVES:
        raise ValueError(f"--objective must be one of {', '.join(OBJECTIVES)}, was: {objective!r}")
    if precision is not None and not 0 < precision <= 1:
        raise ValueError(f"--precision must be above 0 and at most 1, was: {precision}")
    if objective == "precision" and precision is None:
        raise ValueError("--objective precision needs --precision, such as --precision 0.9")


def check_overlap(name: str, allow_overlap: bool, objective: str) -> None:
    """Refuse thresholds of labels for a component that allows no overlap.

    name: of the component.
    allow_overlap: its setting.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if not allow_overlap and objective in ("per-label", "macro"):
        raise ValueError(
            f"--objective must be auto, global or precision for {name!r}, was: {objective}. It has "
            "allow_overlap = false: which spans remain then depends on the thresholds of all "
            "labels together, and only one for all labels can be tuned"
        )


def write_pipeline(
    nlp: Language,
    report: dict[str, Any],
    read: Callable[[], Iterable[Example]],
    folder: Path,
) -> None:
    """Write a pipeline with the thresholds of a report, and with their scores where they are new.

    read: gives the examples to score.
    RAISES (ValueError): a label that a config cannot hold.
    """
    from .tuned import set_thresholds, write_scores

    name, written = report["component"], report["written"]
    set_thresholds(nlp, name, report["results"][written])
    if written != PRESENT:
        write_scores(nlp, name, read(), describe_scores(name, report))
    nlp.to_disk(folder)
