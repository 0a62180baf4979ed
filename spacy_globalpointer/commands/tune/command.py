"""`spacy global-pointer tune`: the best thresholds of a trained pipeline, from one prediction."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from spacy.cli._util import import_code
from typer import Argument, Option
from wasabi.printer import Printer

from ...corpora.messages import fit_screen
from ..inputs import Code, Component, Gpu, Model, find_files, load_component, read_examples, use_gpu
from ..outputs import new_folder, write_json
from .objectives import OBJECTIVES, PRESENT, Options
from .plot import draw
from .report import make_report, print_report

REPORT, PLOT = "thresholds.json", "thresholds.svg"


def tune_cli(
    model: Model,
    dev: Annotated[
        list[Path], Argument(help="Annotated .spacy files that it was not trained on, or folders")
    ],
    output: Annotated[
        Path, Option("--output", "-o", help="Folder for the pipeline with its new thresholds")
    ],
    component: Component = None,
    objective: Annotated[
        str,
        Option(
            "--objective",
            "-O",
            help=f"Which thresholds are written: {', '.join(OBJECTIVES)}. auto: precision with "
            "--precision; otherwise per-label or global if their F1 in cross-fitting, on documents "
            "that the thresholds were not chosen on, is better beyond noise than that of all "
            "simpler ones, else the present ones",
        ),
    ] = "auto",
    precision: Annotated[
        float | None,
        Option(help="Wanted micro precision in (0, 1]: finds the best recall that has it"),
    ] = None,
    lowest: Annotated[
        float, Option(help="Spans below this score are never candidates, no threshold goes below")
    ] = 0.01,
    min_count: Annotated[
        int, Option(min=1, help="Labels with fewer gold spans keep the global threshold")
    ] = 20,
    folds: Annotated[int, Option(min=2, help="Parts of the documents in cross-fitting")] = 5,
    force: Annotated[bool, Option("--force", help="Replace the pipeline in --output")] = False,
    plot: Annotated[bool, Option(help=f"Draw {PLOT}, if there is matplotlib")] = True,
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
    # They import torch, and no other command has to wait for that.
    from .candidates import find_candidates
    from .tuned import set_thresholds, write_scores

    msg = Printer()
    try:
        import_code(code)
        use_gpu(gpu_id, silent=False)
        files = find_files(dev, "DEV")
        with new_folder(output, force) as folder:
            nlp, name, pipe = load_component(model, component)
            options = Options(objective, precision, min_count, folds, pipe.cfg["allow_overlap"])
            options.check(name)
            found = find_candidates(nlp, name, read_examples(nlp, files, "DEV", False), lowest)
            report = {
                "model": model,
                "dev": [str(path) for path in dev],
                "component": name,
                **options._asdict(),
                "unannotated": found.unannotated,
                "notes": found.notes,
                **make_report(found.candidates, found.present, options),
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
        msg.warn(
            "No plot: it needs matplotlib. To fix: pip install "
            '"spacy-globalpointer[plots]", or --no-plot'
        )
