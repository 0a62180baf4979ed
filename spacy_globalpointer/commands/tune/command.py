"""`spacy global-pointer tune`: the best thresholds of a trained pipeline, from one prediction."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from spacy.cli._util import import_code
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora.messages import fit_screen
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
from .objectives import OBJECTIVES, PRESENT
from .plot import draw
from .report import make_report, print_report

# What finds the candidates imports torch, and is imported when the command runs.

REPORT, PLOT = "thresholds.json", "thresholds.svg"
NO_PLOT = (
    'No plot: it needs matplotlib. To fix: pip install "spacy-globalpointer[plots]", or --no-plot'
)

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
        "--precision; otherwise per-label or global if their F1 in cross-fitting, on documents "
        "that the thresholds were not chosen on, is better beyond noise than that of all simpler "
        "ones, else the present ones",
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
Plot = Annotated[bool, Option(help=f"Draw {PLOT}, if there is matplotlib")]


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
    Scores of new thresholds are written into meta.json.

    $ spacy global-pointer tune training/model-best dev.spacy --output tuned
    """
    from .candidates import find_candidates
    from .tuned import set_thresholds, write_scores

    msg = Printer()
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        files = find_files(dev, "DEV")
        with new_folder(output, force) as folder:
            nlp = load_pipeline(model)
            name, pipe = find_component(nlp, component)
            allow_overlap = pipe.cfg["allow_overlap"]
            _check_options(name, allow_overlap, objective, precision)
            found = find_candidates(nlp, name, read_examples(nlp, files, "DEV", False), lowest)
            report = {
                "model": model,
                "dev": [str(path) for path in dev],
                "component": name,
                "objective": objective,
                "precision": precision,
                "min_count": min_count,
                "folds": folds,
                "allow_overlap": allow_overlap,
                "unannotated": found.unannotated,
                "notes": found.notes,
                **make_report(
                    found.candidates,
                    found.present,
                    objective=objective,
                    precision=precision,
                    min_count=min_count,
                    folds=folds,
                    allow_overlap=allow_overlap,
                ),
            }
            set_thresholds(nlp, name, report)
            if report["written"] != PRESENT:
                write_scores(nlp, report, found.scored)
            nlp.to_disk(folder)
            write_json(report, folder / REPORT)
            if plot:
                with suppress(ImportError):  # said below
                    draw(report, folder / PLOT)
    except (ValueError, OSError, ImportError) as error:
        msg.fail("Tuning stopped", fit_screen(str(error)), exits=1)
    print_report(msg, report)
    made = [file for file in (REPORT, PLOT) if (output / file).exists()]
    msg.good(f"Wrote {output}, with {' and '.join(made)} in it")
    if plot and PLOT not in made:
        msg.warn(NO_PLOT)


def _check_options(name: str, allow_overlap: bool, objective: str, precision: float | None) -> None:
    """Refuse options that mean nothing, before documents are predicted.

    name, allow_overlap: of the component.
    RAISES (ValueError): naming the rule, the value and the repair.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"--objective must be one of {', '.join(OBJECTIVES)}, was: {objective!r}")
    if precision is not None and not 0 < precision <= 1:
        raise ValueError(f"--precision must be above 0 and at most 1, was: {precision}")
    if objective == "precision" and precision is None:
        raise ValueError("--objective precision needs --precision, such as --precision 0.9")
    if not allow_overlap and objective in ("per-label", "macro"):
        raise ValueError(
            f"--objective must be auto, global or precision for {name!r}, was: {objective}. It has "
            "allow_overlap = false: which spans remain then depends on the thresholds of all "
            "labels together, and only one for all labels can be tuned"
        )
